// Package app puts the parts together: it reads the configuration, opens the store, starts the ledger, wires the domains to it and serves them.
// New wires, in one straight line; Start opens the doors; Stop closes what was opened, last in, first out, and is safe twice and before Start. It decides
// nothing by itself, and it does not end the process: Ended tells when the server must not go on.
package app
