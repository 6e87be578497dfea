// Package cli is the command line of Bida: it reads arguments, calls the server's API (or, for the commands that start or set up a server, package app)
// and says what came of it. It promises the exit statuses of the manual: 0 for receiving, no traffic, no difference, nothing to do; 1 for any other
// answer, a difference or a refusal; 2 for wrong usage, an unknown name, or no server. With --json exactly one JSON document goes to standard output
// (listen: one per line); everything else goes to standard error, an error as one line. It never ends the process.
package cli
