// Package filter says which filter rules (过滤规则) a message's content matches. It is pure: no clock, no I/O, no randomness; the same rules and the same
// input always give the same answer, under the Version of this package. It knows nothing of order, scope and action: package reception applies those to
// the names of the rules that matched.
//
// A rule matches when the sender is not on its allow list and at least one of these holds: a keyword occurs in the text, a pattern does, the sender is on
// its block list, or its expression is true.
//
// Keywords, and senders, are compared in plain form: full-width letters, digits and signs are their narrow ones, case does not count, and characters
// that cannot be seen (zero-width spaces and joiners, soft hyphens, byte order marks) are left out. Nothing else is touched: simplified and traditional
// characters differ, and so do words with spaces or signs between their characters. Patterns (RE2) see the text as it was written; expressions see both.
//
// A Matcher is immutable and may be used from many goroutines.
package filter

// Version names the meaning of a match. It changes with every change that may match anything differently; what was matched before is in the journal by the
// names of the rules, so that a replay needs no older version.
const Version = "1"
