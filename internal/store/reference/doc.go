// Package reference measures what this machine's disk and a store can do at best, so that a figure of the whole program can be read against it: how often a
// second something small is made durable, and how often a group of messages is committed with just the rows that the ordinary way of a message writes. It
// promises nothing about the server that is measured beside it, and removes what it writes.
package reference
