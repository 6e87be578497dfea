// Package gateway holds agents' realtime sessions: the session protocol of docs/realtime-protocol.md over WebSocket, or over
// server-sent events and posts.
//
// Conn is the protocol as a state machine without goroutines, sockets or a clock of its own; Server drives many of them over real sockets, a simulation
// drives them over anything. It promises that a client is sent every entry of its agent's stream after its cursor, once per connection and in order; that
// memory per connection is bounded whatever the client does; that what a client did not acknowledge in time, and every end of a connection, is reported
// to the Backend; and that one bad client disturbs no other. It does not decide who may receive what, does not remember anything beyond a connection,
// and records nothing itself.
//
// Hub may be called from any goroutine and never blocks: no lock of this package is held during I/O or a call of the Backend that may block.
// Lock order: peer.core, then the lock inside the WebSocket library, then peer.mu; Hub.mu and Server.mu are taken alone. Server.Stop closes all
// connections with 1001, waits for them, and is safe twice and before Start.
package gateway
