// Package job carries out work in the background that is no part of a message's ordinary way. It promises that what was put into the job table is carried out
// at least once, after any crash, by one process at a time (a lease, which also bounds how long an attempt takes); that a failed attempt is made again, later
// each time and never all at the same moment; and that what keeps failing is given up where people see it, with its first and last error, and can be asked for
// again.
//
// A job is a row of the ledger: enqueueing one is part of the command that makes it necessary. Work therefore has to bear being done twice.
// A Runner may be used from many goroutines; Start begins, Stop ends attempts under way and waits for them; both may be called twice.
package job
