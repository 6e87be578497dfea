// Package bench measures a Bida server from outside, as its users meet it, and looks at whether it kept its promises meanwhile. A run makes inboxes, agents
// and tokens of its own over the API, lets senders post and agents' clients receive, and removes them at the end, also when it is interrupted. The figures
// are of messages that went the whole way: posted, durable and decided, shown at the agent's client, acknowledged durably.
//
// The checker knows only what senders were told and what clients saw, and asks the server only about messages that nobody saw, so that it can tell one that
// waits for a reason from one that is lost. With Kills it runs a server of its own and ends it with kill -9 at random instants.
//
// Run keeps about 500 bytes for each message until it returns, leaves no goroutine and no process behind, and never ends the process.
package bench
