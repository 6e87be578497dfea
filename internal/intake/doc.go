// Package intake takes customers' messages in: it checks what needs no World, has package conversation store and decide in one commit, and answers when
// that is durable. It promises that a sender's id is used once, and answers its repetition with the first answer; that a refusal changes nothing, names
// the field and leaves a line in the intake log, with ids only and never the text; that the log is bounded in memory and rate, counts what it had to
// leave out, and cannot be used to flood the store; and that what is too much is refused at once, with room left in the ledger's queue for all that is no new
// message.
//
// A Service may be used from many goroutines and has nothing to start or stop: a goroutine of a batch ends with the ledger's answer. Flush waits for lines of the log that are still being written: call it before
// reading the log, and before the ledger is stopped.
package intake
