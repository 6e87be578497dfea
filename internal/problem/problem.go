// Package problem is the closed set of ways in which Bida refuses something: a kind, a stable code, words for people in both languages and, for bad
// input, the field. Domain packages return these and know nothing of HTTP; package httpapi maps kinds to statuses in one table. An error that is not a
// *problem.Error is internal: its text goes to the log and never outside.
package problem

import (
	"errors"
	"fmt"
	"time"
)

// Kind is what sort of refusal it is. The zero value is Internal.
type Kind uint8

// The kinds.
const (
	Internal  Kind = iota
	Malformed      // not readable at all: JSON syntax, invalid UTF-8
	Invalid        // readable, but a value is not allowed
	Unauthenticated
	Forbidden
	NotFound
	Conflict
	Stale    // the base revision is not the current one
	Required // a precondition is missing
	TooLarge
	Rejected // a rule refused it and kept the record
	Limited
	Unavailable
	Unsupported // in a form that is not taken, such as a compressed body
)

// Error is a refusal. Code is stable and namespaced ("intake.kind_not_produced").
type Error struct {
	Kind    Kind
	Code    string
	En, Zh  string // what happened, what it means and what to do
	Field   string // JSON pointer of the field that is wrong, "" if none
	Fields  []Field
	Details map[string]any // further members for the answer; never secrets or message text
	// RetryAfter is after how long to try again, where that is known; 0 for the usual time of the kind.
	RetryAfter time.Duration
	cause      error
}

// Field is one of several things that are wrong with an input.
type Field struct {
	Field    string `json:"field"`
	Document string `json:"document,omitempty"`
	Line     int    `json:"line,omitempty"`
	Message  string `json:"message"`
	// Zh is the message in Chinese; empty where Message is in the reader's language already.
	Zh string `json:"-"`
}

// Words are the message in a language.
func (f Field) Words(lang string) string {
	if lang == "zh" && f.Zh != "" {
		return f.Zh
	}
	return f.Message
}

// New makes an Error.
func New(kind Kind, code, en, zh string) *Error {
	return &Error{Kind: kind, Code: code, En: en, Zh: zh}
}

// On returns a copy that names the field.
func (e *Error) On(field string) *Error { c := *e; c.Field = field; return &c }

// Because returns a copy that wraps the cause, which is logged and never shown.
func (e *Error) Because(cause error) *Error { c := *e; c.cause = cause; return &c }

// After returns a copy that says after how long to try again.
func (e *Error) After(wait time.Duration) *Error { c := *e; c.RetryAfter = wait; return &c }

// With returns a copy with a further member for the answer.
func (e *Error) With(key string, value any) *Error {
	c := *e
	c.Details = map[string]any{key: value}
	for k, v := range e.Details {
		c.Details[k] = v
	}
	return &c
}

// Error gives the code, the English words and the cause, for logs.
func (e *Error) Error() string {
	s := e.Code + ": " + e.En
	if e.Field != "" {
		s += " (" + e.Field + ")"
	}
	if e.cause != nil {
		s += fmt.Sprintf(": %v", e.cause)
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.cause }

// Words gives the text in "zh" or, for any other language, English.
func (e *Error) Words(lang string) string {
	if lang == "zh" && e.Zh != "" {
		return e.Zh
	}
	return e.En
}

// As finds the *Error in err's chain, or nil.
func As(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// KindOf gives the kind of err; Internal for anything that is not an *Error.
func KindOf(err error) Kind {
	if e := As(err); e != nil {
		return e.Kind
	}
	return Internal
}
