// Package diagnosis says why an agent does, or does not, receive messages: now, at a past instant, or for one message. It promises that every cause it
// names was decided by the engine itself (package reception) on recorded facts and documents, that the author of a change is the one whose change makes
// the difference, that a fix marked as verified was decided again, and that what is not known is said to be unknown. It reads and never writes.
// Reports hold ids and settings, never message text or names of contacts. A Service may be used from many goroutines; it has nothing to stop.
// docs/diagnosis.md explains how it decides.
package diagnosis
