// Package snapshot writes what explains an installation into one file, and reads it back: `bida snapshot export` and `bida explain`.
//
// A snapshot holds rows of the ledger as an Extractor gives them, cut down to the columns and fields that somebody decided to let out (decide.go: what is not
// named there is left out, and a test fails until it is). It holds no secret and no text: no message, no name of a customer, nothing that people typed as a
// reason, no password, token or hash of one. Ids of customers and senders are replaced by pseudonyms, which are the same within one file and mean nothing
// outside it.
//
// What is read is an in-memory store and a World that stands still, so that the same code explains it that explains a running server. docs/snapshot.md
// describes the file.
package snapshot
