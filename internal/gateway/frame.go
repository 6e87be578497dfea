package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/bidahq/bida/internal/delivery"
)

// protocol is the version of the session protocol that this server speaks.
const protocol = 1

// Types of frames. Events have their own: those of package delivery.
const (
	typeHello      = "hello"
	typeAck        = "ack"
	typePresence   = "presence"
	typeVisibility = "visibility"
	typeReport     = "report"
	typeWatch      = "watch"
	typePing       = "ping"

	typeWelcome = "welcome"
	typeAcked   = "acked"
	typePong    = "pong"
	typeResync  = "resync"
	typeChanged = "changed"
	typeError   = "error"

	typeSelfCheck = "self_check"
)

// Limits in bytes: for a client's id, name and version and for a ref; and for the words of a presence.
const (
	longestName  = 128
	longestWords = 512
)

// clientFrame is any frame from a client; unknown members are ignored, so that a newer client can talk to an older server.
type clientFrame struct {
	Type string `json:"type"`
	Ref  string `json:"ref"`

	// hello
	Protocol int    `json:"protocol"`
	Token    string `json:"token"`
	Client   struct {
		ID      string `json:"id"`
		Name    string `json:"name"`
		Version string `json:"version"`
	} `json:"client"`
	Cursor *int64 `json:"cursor"`
	Lang   string `json:"lang"`

	// ack
	Received *int64  `json:"received"`
	Seen     []int64 `json:"seen"`
	Accepted []int64 `json:"accepted"`

	// presence
	Value  string    `json:"value"`
	Reason string    `json:"reason"`
	Until  time.Time `json:"until"`

	// visibility
	Visible *bool `json:"visible"`
}

// decode reads a client's frame and checks what can be checked without knowing the connection. The error's text is for the client's developer.
func decode(data []byte) (clientFrame, error) {
	var f clientFrame
	if !utf8.Valid(data) {
		return f, errors.New("the frame is not valid UTF-8")
	}
	if err := json.Unmarshal(data, &f); err != nil {
		return f, inWords(err)
	}
	for _, s := range []struct {
		name, value string
		longest     int
	}{
		{"client.id", f.Client.ID, longestName},
		{"client.name", f.Client.Name, longestName},
		{"client.version", f.Client.Version, longestName},
		{"ref", f.Ref, longestName},
		{"lang", f.Lang, longestName},
		{"reason", f.Reason, longestWords},
	} {
		if err := plain(s.value, s.longest); err != nil {
			return f, fmt.Errorf("%s %w", s.name, err)
		}
	}
	var err error
	switch f.Type {
	case "":
		err = errors.New("the frame has no type")
	case typeHello:
		err = f.checkHello()
	case typeAck:
		if f.Received == nil && len(f.Seen) == 0 && len(f.Accepted) == 0 {
			err = errors.New("the ack acknowledges nothing")
		}
	case typePresence:
		switch f.Value {
		case "available", "away", "dnd", "offline":
		default:
			err = errors.New("presence is available, away, dnd or offline")
		}
	case typeVisibility:
		if f.Visible == nil {
			err = errors.New("visibility needs visible: true or false")
		}
	}
	return f, err
}

// inWords says what is wrong with a frame without names that only this program knows.
func inWords(err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	var instant *time.ParseError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("the frame is not JSON: see byte %d", syntax.Offset)
	case errors.As(err, &kind) && kind.Field == "":
		return errors.New("the frame is not a JSON object")
	case errors.As(err, &kind):
		return fmt.Errorf("%s cannot be a %s", kind.Field, kind.Value)
	case errors.As(err, &instant):
		return errors.New("until is not a time as in RFC 3339")
	default:
		return errors.New("the frame cannot be read")
	}
}

func (f *clientFrame) checkHello() error {
	switch {
	case f.Protocol != protocol:
		return fmt.Errorf("protocol %d is not spoken here, protocol %d is", f.Protocol, protocol)
	case f.Client.ID == "":
		return errors.New("hello needs client.id")
	case f.Cursor != nil && *f.Cursor < 0:
		return errors.New("the cursor is not negative")
	}
	return nil
}

// plain refuses what would do harm in a log or a table.
func plain(s string, longest int) error {
	if len(s) > longest {
		return fmt.Errorf("is longer than %d bytes", longest)
	}
	for _, r := range s {
		if unicode.IsControl(r) {
			return errors.New("has a control character")
		}
	}
	return nil
}

// serverFrame is any frame to a client except welcome and events.
type serverFrame struct {
	Type string `json:"type"`

	Received *int64  `json:"received,omitempty"` // acked
	Refused  []int64 `json:"refused,omitempty"`
	After    *int64  `json:"after,omitempty"` // resync

	Value  string     `json:"value,omitempty"` // presence
	Reason string     `json:"reason,omitempty"`
	Until  *time.Time `json:"until,omitempty"`

	At *time.Time `json:"at,omitempty"` // pong

	Code   string `json:"code,omitempty"` // error
	Title  string `json:"title,omitempty"`
	Detail string `json:"detail,omitempty"`

	Check string `json:"check,omitempty"` // self_check
	By    string `json:"by,omitempty"`

	Ref string `json:"ref,omitempty"`
}

type welcomeFrame struct {
	Type       string `json:"type"`
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

type eventFrame struct {
	Type string `json:"type"`
	*delivery.Event
}

// encode writes a frame of ours; they hold nothing that JSON cannot.
func encode(frame any) []byte {
	data, err := json.Marshal(frame)
	if err != nil {
		panic(fmt.Sprintf("gateway: encode %T: %v", frame, err))
	}
	return data
}
