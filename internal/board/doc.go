// Package board makes the board (接待看板): every agent against every check, as it is now. It has no opinion of its own: each outcome comes from the explaining
// pass of package reception, what is expected and what follows from it from package diagnosis, so that a row says what a diagnosis of the same agent says at the
// same position.
//
// There is one board for all who look. It is made when somebody looks, and brought up to date from what differs since: an agent whose facts changed is looked at
// again, everybody only where the policy, the system or the time is another. A row carries the version of the board in which it last changed, so that whoever
// knows a version is told exactly what is new, however much happened in between: nothing is queued, and nothing can be missed.
package board
