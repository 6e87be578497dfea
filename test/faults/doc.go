// Package faults is the fault bench: it injects faults from outside into a running release program with real clients, measures at the client that a message
// did not arrive (or, where nothing is wrong, that it did), asks for the diagnosis over the API, and scores the answer against what was injected. What it
// knows of causes it knows from its own injections and from the documents, never from package diagnosis. See docs/fault-bench.md.
package faults
