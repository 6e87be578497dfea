// Package governance is how everything that decides who receives what is changed: policy documents, account states, presence. A change is one ledger
// command that makes one revision (or one fact), one audit entry and one notice to everybody whose reception it alters and to their team leads, in one
// commit with the releases and routes that follow. Bad or stale changes are refused as a whole. Commands run on the ledger's goroutine.
package governance
