// Package identity says who is asking: API tokens, passwords, and the sessions that rest on them. It promises that a token is looked up in memory and
// never kept in clear; that only an account that may sign in is let in; that revoking a token, or its end, ends the sessions that rest on it (the
// ledger then has their connections closed); and that every change leaves an entry in the audit log. What an account may do is the policy's business (reception.Can); the
// account's document is changed by governance, which is handed in.
//
// A Service may be used from many goroutines; it has nothing to start or stop. Hashing a password takes some 30 ms and 19 MiB, so only a few run at a
// time and only so many wait: beyond that the answer is "limited".
package identity
