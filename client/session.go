package client

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"
)

// Protocol is the version of the session protocol that this package speaks.
const Protocol = 1

const (
	defaultHeartbeat = 5 * time.Second
	deadHeartbeats   = 3 // of silence after which the server is given up

	firstWait = 100 * time.Millisecond
	lastWait  = 5 * time.Second

	mostAcks   = 4    // without an answer; what is in hand meanwhile goes into the next one
	mostNamed  = 1000 // entries seen or accepted in one ack
	refSetting = "presence"

	codeUnknownType = "realtime.unknown_type"
)

// SessionOptions say who a Session is.
type SessionOptions struct {
	Client        string // id; the server keeps a cursor for each
	Name, Version string
	Lang          string // "zh" or "en"
	Token         string // only where the connection does not carry it
	Cursor        *int64 // the last entry that this client has shown; nil: as the server remembers
	NoAck         bool
	Available     bool           // set the presence available, once
	Report        *SelfReport    // what is reported after every welcome; nil: nothing
	Random        func() float64 // for jitter; nil: math/rand
}

// Welcome is how the server opens a session.
type Welcome struct {
	Session    string `json:"session"`
	Connection string `json:"connection"`
	Account    string `json:"account"`
	Cursor     int64  `json:"cursor"`
	Last       int64  `json:"last_sequence"`
	Heartbeat  int64  `json:"heartbeat_ms"`
	Presence   string `json:"presence"`
	Server     struct {
		Version string `json:"version"`
	} `json:"server"`
}

// Problem is a wish of the client that the server refused.
type Problem struct {
	Code   string `json:"code"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Ref    string `json:"ref"`
}

// Received is what a frame brought. At most one member is set; none for frames that only keep the session going.
type Received struct {
	Event   *Event
	Welcome *Welcome
	Problem *Problem
}

// Session is the client's side of the session protocol over any number of connections, one after the other. One goroutine at a time may call it.
//
// For each connection: Connect gives the hello; Receive takes each frame; Handled, Seen and Accepted say what became of an event; after any call Flush
// gives the frames to send and NextDeadline when to call Tick; Lost says when to connect again.
type Session struct {
	options SessionOptions

	connected, live bool
	posts           bool // what is sent goes by POST: the server hears nothing of this client otherwise
	sentAt          time.Time
	attempts        int // to connect without a welcome
	heartbeat       time.Duration
	heardAt         time.Time
	pingedAt        time.Time
	pingDue         bool

	known     bool  // the cursor is known
	delivered int64 // last entry given out by Receive
	cursor    int64 // last entry handled
	durable   int64 // last entry whose acknowledgement is durable, as far as this client knows

	promised       int64 // last entry named as received in an ack of this connection
	seen, accepted []int64
	acks           []ack // without an answer, oldest first
	lastRef        int

	available, availableSent bool
	reporting                reporting
}

type ack struct {
	Type     string  `json:"type"`
	Received int64   `json:"received"`
	Seen     []int64 `json:"seen,omitempty"`
	Accepted []int64 `json:"accepted,omitempty"`
	Ref      string  `json:"ref"`
}

// NewSession makes a Session that is not connected.
func NewSession(o SessionOptions) *Session {
	if o.Random == nil {
		o.Random = rand.Float64
	}
	s := &Session{options: o, heartbeat: defaultHeartbeat, available: o.Available, reporting: reporting{report: o.Report}}
	if o.Cursor != nil {
		s.known, s.cursor, s.delivered = true, *o.Cursor, *o.Cursor // and whether that was acknowledged is not known
	}
	return s
}

// Cursor is the last entry that was handled, once that is known.
func (s *Session) Cursor() (cursor int64, known bool) { return s.cursor, s.known }

// Durable is the last entry up to which the server has said that all acknowledgements are on its disk.
func (s *Session) Durable() int64 { return s.durable }

// Live says that the server has welcomed this connection.
func (s *Session) Live() bool { return s.live }

// Settled says that nothing handled so far waits for its acknowledgement to be durable.
func (s *Session) Settled() bool {
	return s.options.NoAck || s.durable >= s.cursor && len(s.acks) == 0 && len(s.seen) == 0 && len(s.accepted) == 0
}

// Connect begins a connection over WebSocket and gives its first frame.
func (s *Session) Connect(now time.Time) []byte { return s.ConnectBy(WebSocket, now) }

// ConnectBy begins a connection over a transport and gives its first frame.
func (s *Session) ConnectBy(transport Transport, now time.Time) []byte {
	s.connected, s.live, s.heardAt, s.pingedAt, s.pingDue = true, false, now, now, false
	s.posts, s.sentAt = transport == SSE, now
	type who struct {
		ID      string `json:"id"`
		Name    string `json:"name,omitempty"`
		Version string `json:"version,omitempty"`
	}
	hello := struct {
		Type     string `json:"type"`
		Protocol int    `json:"protocol"`
		Token    string `json:"token,omitempty"`
		Client   who    `json:"client"`
		Cursor   *int64 `json:"cursor,omitempty"`
		Lang     string `json:"lang,omitempty"`
	}{"hello", Protocol, s.options.Token, who{s.options.Client, s.options.Name, s.options.Version}, nil, s.options.Lang}
	if s.known && !s.options.NoAck { // the server takes the cursor for an acknowledgement
		hello.Cursor = &s.cursor
	}
	return encode(hello)
}

// serverFrame is any frame from the server.
type serverFrame struct {
	Type string `json:"type"`
	Event
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Ref    string `json:"ref"`
	Welcome
}

// Receive takes a frame. After an error the connection is of no use: close it and call Lost.
func (s *Session) Receive(now time.Time, data []byte) (Received, error) {
	s.heardAt = now
	var f serverFrame
	if err := json.Unmarshal(data, &f); err != nil {
		return Received{}, &FaultError{"a frame is not the JSON of the protocol: " + err.Error()}
	}
	switch {
	case !s.live && f.Type == "welcome":
		s.welcome(&f.Welcome)
		return Received{Welcome: &f.Welcome}, nil
	case f.Type == "error" && f.Ref == refReport && f.Code == codeUnknownType:
		return Received{}, nil // an older server
	case f.Type == "error":
		return Received{Problem: s.refused(&f)}, nil
	case f.Type == "pong":
		s.reporting.answered(s.pingedAt, now, f.At)
		return Received{}, nil
	case !s.live:
		return Received{}, &FaultError{fmt.Sprintf("%q came before the welcome", f.Type)}
	case f.AgentSequence > 0:
		return s.event(&f)
	case f.Type == "acked":
		return Received{}, s.acked(f.Ref)
	case f.Type == "presence" && f.Ref == refSetting:
		s.available = false
	}
	return Received{}, nil
}

// welcome takes the server's cursor: it is ours, or what a client with our id has acknowledged meanwhile, or, on a server restored from a backup, less.
// Without acknowledgements the server does not know how far we are: what comes again is not given out again.
func (s *Session) welcome(w *Welcome) {
	s.live, s.attempts = true, 0
	s.reporting.welcomes++
	s.reporting.due = true
	if w.Heartbeat > 0 {
		s.heartbeat = time.Duration(w.Heartbeat) * time.Millisecond
	}
	again := s.known && s.options.NoAck && w.Cursor < s.cursor && s.cursor <= w.Last
	if !s.known || w.Cursor != s.cursor && !again {
		s.cursor, s.durable = w.Cursor, min(s.durable, w.Cursor)
		if !s.known {
			s.durable = w.Cursor
		}
		unknown := func(n int64) bool { return n > w.Cursor }
		s.seen, s.accepted = slices.DeleteFunc(s.seen, unknown), slices.DeleteFunc(s.accepted, unknown)
	}
	s.known, s.delivered, s.promised = true, s.cursor, s.durable
}

func (s *Session) event(f *serverFrame) (Received, error) {
	e := f.Event
	if e.Event == "" {
		e.Event = f.Type
	}
	switch last := e.last(); {
	case last <= s.delivered:
		return Received{}, nil // shown before
	case e.AgentSequence > s.delivered+1:
		s.reporting.gaps++
		return Received{}, &FaultError{fmt.Sprintf("entry %d came after entry %d", e.AgentSequence, s.delivered)}
	default:
		s.delivered = last
		return Received{Event: &e}, nil
	}
}

// acked takes the answer to the oldest ack.
func (s *Session) acked(ref string) error {
	if len(s.acks) == 0 || s.acks[0].Ref != ref {
		return &FaultError{fmt.Sprintf("acked %q answers no ack", ref)}
	}
	s.durable = max(s.durable, s.acks[0].Received)
	s.acks = slices.Delete(s.acks, 0, 1)
	return nil
}

// refused takes an error frame. An ack that was refused is not sent again: the answer would be the same.
func (s *Session) refused(f *serverFrame) *Problem {
	if len(s.acks) > 0 && s.acks[0].Ref == f.Ref {
		s.acks = slices.Delete(s.acks, 0, 1)
	}
	if f.Ref == refSetting {
		s.available = false
	}
	return &Problem{Code: f.Code, Title: f.Title, Detail: f.Detail, Ref: f.Ref}
}

// Heard says that the server gave a sign of life that is not a frame of the protocol, such as a ping.
func (s *Session) Heard(now time.Time) {
	if now.After(s.heardAt) {
		s.heardAt = now
	}
}

// Handled says that the application has the event, and with it all before: it is acknowledged as received and never given out again.
func (s *Session) Handled(e *Event) { s.cursor = max(s.cursor, e.last()) }

// Seen says that a person could see the event.
func (s *Session) Seen(e *Event) {
	if acknowledged(e) && !s.options.NoAck {
		s.seen = append(s.seen, e.AgentSequence)
	}
}

// Accepted says that a person has taken the event up.
func (s *Session) Accepted(e *Event) {
	if acknowledged(e) && !s.options.NoAck {
		s.accepted = append(s.accepted, e.AgentSequence)
	}
}

// acknowledged says whether seeing and accepting mean something for the event.
func acknowledged(e *Event) bool { return e.Event == EventMessage || e.Event == EventNotice }

// Flush gives the frames to send now.
func (s *Session) Flush(now time.Time) [][]byte {
	var frames [][]byte
	if s.live && s.available && !s.availableSent {
		s.availableSent = true
		frames = append(frames, encode(struct {
			Type  string `json:"type"`
			Value string `json:"value"`
			Ref   string `json:"ref"`
		}{"presence", "available", refSetting}))
	}
	if s.live {
		if report := s.reporting.flush(); report != nil {
			frames = append(frames, report)
		}
	}
	for len(s.acks) < mostAcks && s.owes() {
		frames = append(frames, s.acknowledge())
	}
	if s.pingDue {
		s.pingDue, s.pingedAt = false, now
		frames = append(frames, []byte(`{"type":"ping"}`))
	}
	if len(frames) > 0 {
		s.sentAt = now
	}
	return frames
}

// Goodbye gives the frames to send before the client closes the connection by itself: all that is not acknowledged yet.
func (s *Session) Goodbye() [][]byte {
	var frames [][]byte
	for s.owes() {
		frames = append(frames, s.acknowledge())
	}
	return frames
}

// owes says that there is something to acknowledge, and somebody to.
func (s *Session) owes() bool {
	return s.live && !s.options.NoAck && (s.cursor > s.promised || len(s.seen) > 0 || len(s.accepted) > 0)
}

func (s *Session) acknowledge() []byte {
	s.lastRef++
	a := ack{Type: "ack", Received: s.cursor, Ref: "a" + strconv.Itoa(s.lastRef), Seen: cut(&s.seen), Accepted: cut(&s.accepted)}
	s.promised = s.cursor
	s.acks = append(s.acks, a)
	return encode(a)
}

// cut takes the first numbers for one ack.
func cut(from *[]int64) []int64 {
	n := min(len(*from), mostNamed)
	first := (*from)[:n:n]
	if *from = (*from)[n:]; len(*from) == 0 {
		*from = nil
	}
	return first
}

// Tick does what is due. After an error the server is dead: close the connection and call Lost.
func (s *Session) Tick(now time.Time) error {
	switch {
	case !s.connected:
	case !now.Before(s.heardAt.Add(deadHeartbeats * s.heartbeat)):
		return ErrSilent
	case !now.Before(s.pingAt()):
		s.pingDue = true
	}
	return nil
}

// NextDeadline is when Tick has something to do; zero for never.
func (s *Session) NextDeadline() time.Time {
	if !s.connected {
		return time.Time{}
	}
	dead := s.heardAt.Add(deadHeartbeats * s.heartbeat)
	if ping := s.pingAt(); !s.pingDue && ping.Before(dead) {
		return ping
	}
	return dead
}

// pingAt is when the server is asked for a sign of life: a heartbeat after the last one, and after the last time it was asked. A client that posts gives
// its own sign of life with it, a heartbeat after the last thing it sent.
func (s *Session) pingAt() time.Time {
	last := s.heardAt
	if s.posts {
		last = s.sentAt
	}
	if s.pingedAt.After(last) {
		last = s.pingedAt
	}
	return last.Add(s.heartbeat)
}

// Lost ends a connection, or an attempt to make one: code is the server's, or that of the HTTP status (44xx for 4xx), or CloseAbnormal. It says how long
// to wait before the next one, or a *ClosedError if there must be none. What was not acknowledged durably will be acknowledged on the next one.
func (s *Session) Lost(code int, reason string) (time.Duration, error) {
	s.connected, s.live, s.availableSent = false, false, false
	s.delivered = s.cursor
	for _, a := range slices.Backward(s.acks) {
		s.seen, s.accepted = append(slices.Clone(a.Seen), s.seen...), append(slices.Clone(a.Accepted), s.accepted...)
	}
	s.acks = nil
	if final(code) {
		return 0, &ClosedError{Code: code, Reason: reason}
	}
	wait := min(firstWait<<min(s.attempts, 16), lastWait)
	s.attempts++
	return wait/2 + time.Duration(s.options.Random()*float64(wait/2)), nil
}

func encode(frame any) []byte {
	data, err := json.Marshal(frame)
	if err != nil {
		panic(fmt.Sprintf("client: encode %T: %v", frame, err)) // strings and numbers only
	}
	return data
}
