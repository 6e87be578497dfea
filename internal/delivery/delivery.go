// Package delivery brings messages to agents and keeps the proof: what is pushed on which connection, what was acknowledged as received, seen and
// accepted, what was withdrawn or may no longer be shown. Everything it records goes through the ledger; nothing here writes a socket (package gateway
// does) or chooses an agent (package conversation does). A Service may be used from many goroutines.
package delivery

import (
	"time"

	"github.com/bidahq/bida/internal/attachment"
	"github.com/bidahq/bida/internal/ledger"
)

// Types of events in an agent's stream, as clients see them.
const (
	EventMessage   = "message"
	EventNotice    = "notice"
	EventWithdrawn = "withdrawn"
	EventTombstone = "tombstone"
	EventGap       = "gap"
	EventTest      = "test"
)

// Event is one thing that a client of an agent is told, in the order of AgentSequence. It is what the session protocol sends and `bida listen` prints.
type Event struct {
	Event         string `json:"event"`
	AgentSequence int64  `json:"agent_sequence"`
	Message       string `json:"message,omitempty"`      // "m<position>"
	Conversation  string `json:"conversation,omitempty"` // "c<position>"
	Sequence      int64  `json:"sequence,omitempty"`     // in the conversation
	Inbox         string `json:"inbox,omitempty"`
	Kind          string `json:"kind,omitempty"`
	Text          string `json:"text,omitempty"`
	// About is what a notice is about, where that has a place of its own: kind and id, such as help/h12.
	About   string `json:"about,omitempty"`
	Contact string `json:"contact,omitempty"`
	// Author is the account that wrote it; none for what a customer wrote.
	Author string `json:"author,omitempty"`
	// Attachments are the files of a message, in order; a client reads them over HTTP, by the message and the place in the list.
	Attachments []attachment.File `json:"attachments,omitempty"`
	// Attempt is the number of the try to push it, from 1.
	Attempt int       `json:"attempt,omitempty"`
	At      time.Time `json:"at"`
	// Client is the one that a test is for: the message of its self-check. To others it is nothing.
	Client string `json:"client,omitempty"`
	// Withdraws is the agent_sequence that a withdrawal takes back.
	Withdraws int64 `json:"withdraws,omitempty"`
	// To is the last agent_sequence of a gap: those from AgentSequence to To are beyond retention.
	To int64 `json:"to,omitempty"`
	// Code is the reason of a withdrawal or tombstone; Reason says it in the client's language.
	Code   string `json:"code,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// Hello is what a client says of itself when it opens a session on an authenticated connection.
type Hello struct {
	Account string // from the token
	Token   string // id of the token (never the token itself)
	Client  string // client id (tab, device); names the cursor
	Name    string // client name and version, for example "bida-listen"
	Version string
	Lang    string // "zh" or "en"; texts of notices and reasons
	Node    string
	Remote  string // address, for the sign-in log
	// Cursor is the client's own; negative when it has none. The larger of this and the stored one counts. One beyond the account's newest entry is another
	// stream's, or of a server that was restored from a backup, and does not count.
	Cursor int64
}

// Opened is the answer to Hello.
type Opened struct {
	Connection string // id
	Session    string // id
	Cursor     int64  // entries after it are sent
	Last       int64  // the account's last agent_sequence
	Presence   string // available, away, dnd, offline
	Refused    error  // why the cursor of the Hello does not count; nil where it does
}

// Report is what a client tells of how it reaches its person.
type Report = ledger.Report

// Push is one entry handed to a connection, and when.
type Push struct {
	Sequence int64
	At       time.Time
}

// Ack is what a client acknowledges. Received is cumulative: every entry up to it; it moves the client's cursor.
type Ack struct {
	Account, Client, Connection string
	Received                    int64
	Pushed                      []Push // those of the entries up to Received that this connection pushed and nobody recorded yet
	Seen                        []int64
	Accepted                    []int64
}

// AckResult is the answer to an Ack, given after it is durable.
type AckResult struct {
	Cursor int64
	// Refused lists entries of the Ack that had been withdrawn before: a late acknowledgement does not count.
	Refused []int64
}
