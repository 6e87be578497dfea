// Package policy is the reception policy (接待设置) as people write it: typed documents {kind, name, spec} that say who receives what. It promises
// that a Set is always whole and valid: every field known, every reference resolved, no contradiction; that a change applies entirely or not at all;
// that every fault of a file is reported at once, each with its document, path and, where a file was read, line; and that a Set compiles to the
// reception.Policy that the engine decides with. Canonical specs compare byte for byte, so "nothing changed" is exact.
//
// It does not store anything, keep history, number revisions or know who changed what: the ledger does, and hands the revision in. It never reads
// the clock. Secrets and login data are not in documents.
//
// A Set is immutable and may be used by many goroutines; what its getters return must not be changed. There is nothing to start or stop.
package policy

//go:generate go run ./genschema ../../api/policy.schema.json
