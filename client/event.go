package client

import (
	"bytes"
	"encoding/json"
	"time"
)

// Types of events.
const (
	EventMessage   = "message"
	EventNotice    = "notice"
	EventWithdrawn = "withdrawn"
	EventTombstone = "tombstone"
	EventGap       = "gap"
	// EventTest is the message of a self-check in one of the account's windows. It is nothing to others, and is shown nowhere.
	EventTest = "test"
)

// Attachment is a file of a message.
type Attachment struct {
	Name   string `json:"name"` // safe to be shown and to be saved under
	Type   string `json:"type"` // media type, by what the file holds
	Size   int64  `json:"size"`
	Image  bool   `json:"image"`           // a picture that may be shown in place
	Width  int    `json:"width,omitempty"` // of a picture, in pixels
	Height int    `json:"height,omitempty"`
}

// Event is one entry of an agent's stream.
type Event struct {
	Event string `json:"event"`
	// AgentSequence numbers the entries of the agent from 1 without gaps.
	AgentSequence int64  `json:"agent_sequence"`
	Message       string `json:"message,omitempty"`
	Conversation  string `json:"conversation,omitempty"`
	Sequence      int64  `json:"sequence,omitempty"` // in the conversation
	Inbox         string `json:"inbox,omitempty"`
	Kind          string `json:"kind,omitempty"`
	Text          string `json:"text,omitempty"`
	// About is what a notice is about, where that has a place of its own: kind and id, such as help/h12.
	About   string `json:"about,omitempty"`
	Contact string `json:"contact,omitempty"`
	// Author is the account that wrote it; none for what a customer wrote.
	Author string `json:"author,omitempty"`
	// Attachments are the files of a message, in order: read with GET /api/v1/messages/{message}/attachments/{n}, n from 0.
	Attachments []Attachment `json:"attachments,omitempty"`
	// Attempt is the number of the try to push it, from 1.
	Attempt int       `json:"attempt,omitempty"`
	At      time.Time `json:"at"`
	// Client is the one that a test is for: the message of its self-check. To others it is nothing.
	Client string `json:"client,omitempty"`
	// Withdraws is the agent_sequence that a withdrawal takes back.
	Withdraws int64 `json:"withdraws,omitempty"`
	// To is the last agent_sequence of a gap: those from AgentSequence to To are beyond retention.
	To int64 `json:"to,omitempty"`
	// Code is the reason of a withdrawal or tombstone; Reason says it in words.
	Code   string `json:"code,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// last is the agent_sequence up to which this event brings the reader.
func (e *Event) last() int64 {
	if e.Event == EventGap {
		return e.To
	}
	return e.AgentSequence
}

// lineTime is RFC 3339 with offset and milliseconds.
const lineTime = "2006-01-02T15:04:05.000-07:00"

// Line is the event as one line of JSON with always the same ten members, as `bida listen` prints it. Names, numbers and times that the event does not have
// are null; a text that it does not have is "".
func (e Event) Line() json.RawMessage {
	text := func(s string) *string {
		if s == "" {
			return nil
		}
		return &s
	}
	number := func(n int64) *int64 {
		if n == 0 {
			return nil
		}
		return &n
	}
	var at *string
	if !e.At.IsZero() {
		at = text(e.At.Format(lineTime))
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false) // people read it
	err := encoder.Encode(struct {
		Event         string  `json:"event"`
		Message       *string `json:"message"`
		Conversation  *string `json:"conversation"`
		Sequence      *int64  `json:"sequence"`
		AgentSequence int64   `json:"agent_sequence"`
		Inbox         *string `json:"inbox"`
		Kind          *string `json:"kind"`
		Text          string  `json:"text"`
		Attempt       *int64  `json:"attempt"`
		At            *string `json:"at"`
	}{
		e.Event, text(e.Message), text(e.Conversation), number(e.Sequence), e.AgentSequence,
		text(e.Inbox), text(e.Kind), e.Text, number(int64(e.Attempt)), at,
	})
	if err != nil {
		panic(err) // strings and numbers only
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}
