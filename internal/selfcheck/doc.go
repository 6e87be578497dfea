// Package selfcheck has agents' clients try themselves out, and keeps what they found: whether a message that goes the real way arrives at this very window,
// and what the window says of its connection, its browser and its storage. What the engine says of an agent is package diagnosis's.
//
// A test message is a notice to oneself with a type of its own (ledger.EntryTest), so that nothing counts it. A check that somebody else asks for goes to all
// connected clients of the account over their realtime sessions; who asked waits for their answers, for a bounded time, and those that did not answer are
// named. The last check of an account is a fact. Nothing of it holds the text of a message.
//
// A Service may be used from many goroutines. It has none of its own, and nothing to stop.
package selfcheck
