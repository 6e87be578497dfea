// Package ledger is the only writer: every change is a Command in one queue, groups of commands are applied to an overlay of the World and committed
// in one transaction with their facts and ledger positions, and only what is durable is answered and published. It promises that readers never see
// what was not committed, that a failed command or group leaves no trace, and that the outcome of every commit is known before anybody is answered.
// What a change means is not here: domain packages write the commands and the Settle function. Submit, Do and the read methods are safe for many
// goroutines; Step and Run belong to one. Stop waits for the round that runs and fails what still waits with "unavailable".
package ledger
