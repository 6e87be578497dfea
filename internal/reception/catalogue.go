package reception

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
)

//go:generate go run ./gencodes

// catalogueJSON is the one reason catalogue; Go, TypeScript and the docs are generated from it or read it.
//
//go:embed catalogue.json
var catalogueJSON []byte

// Code is a reason code, finer than a gate: why a cell stops, or how a choice was made. The zero value is "no code".
// The number is stable and never reused; in JSON and text a code is its name, for example "permission.kind.account_denied".
type Code uint16

// String returns the code's name, "" for no code.
func (c Code) String() string {
	if int(c) < len(codeNames) {
		return codeNames[c]
	}
	return "code.invalid"
}

// ErrUnknownCode is returned (wrapped, with the name) for a name that the catalogue does not have.
var ErrUnknownCode = errors.New("unknown reason code")

var codesByName = sync.OnceValue(func() map[string]Code {
	m := make(map[string]Code, len(codeNames))
	for c, name := range codeNames {
		if name != "" {
			m[name] = Code(c)
		}
	}
	return m
})

// ParseCode finds a code by its name.
func ParseCode(name string) (Code, bool) {
	c, ok := codesByName()[name]
	return c, ok
}

// MarshalText makes a code its name in JSON.
func (c Code) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads a code's name; "" is no code.
func (c *Code) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*c = 0
		return nil
	}
	found, ok := ParseCode(string(text))
	if !ok {
		return fmt.Errorf("%w: %q", ErrUnknownCode, text)
	}
	*c = found
	return nil
}

// Text is a text in both languages of the product.
type Text struct {
	ZH string `json:"zh"`
	EN string `json:"en"`
}

// In returns the text in a language: "zh" (and "zh-CN" …) is Chinese, everything else English.
func (t Text) In(lang string) string {
	if chinese(lang) {
		return t.ZH
	}
	return t.EN
}

func chinese(lang string) bool { return len(lang) >= 2 && lang[:2] == "zh" }

// Texts is a list of texts in both languages.
type Texts struct {
	ZH []string `json:"zh"`
	EN []string `json:"en"`
}

// In returns the list in a language.
func (t Texts) In(lang string) []string {
	if chinese(lang) {
		return t.ZH
	}
	return t.EN
}

// CountText is what a summary says of the agents (or of the message) that a reason stops. {kind} and {until} are filled in.
type CountText struct {
	Text
	// ENOne is the English phrase after the number 1 where it differs ("has" for "have").
	ENOne string `json:"en_one,omitempty"`
}

// Expectation says whether something that stops was to be expected: blocked on purpose is not a fault.
type Expectation uint8

// The expectations of a reason. ExpectationDepends needs facts: see Expected.
const (
	Unexpected Expectation = iota
	AsExpected
	ExpectationDepends
)

// MarshalJSON writes true, false or "depends".
func (e Expectation) MarshalJSON() ([]byte, error) {
	switch e {
	case AsExpected:
		return []byte("true"), nil
	case ExpectationDepends:
		return []byte(`"depends"`), nil
	}
	return []byte("false"), nil
}

// UnmarshalJSON reads what MarshalJSON writes.
func (e *Expectation) UnmarshalJSON(b []byte) error {
	switch string(b) {
	case "true":
		*e = AsExpected
	case "false":
		*e = Unexpected
	case `"depends"`:
		*e = ExpectationDepends
	default:
		return fmt.Errorf("expected is %s, want true, false or \"depends\"", b)
	}
	return nil
}

// Reason is the catalogue's entry for one code.
type Reason struct {
	Code     Code        `json:"code"`
	Number   uint16      `json:"number"`
	Gate     string      `json:"gate"`     // a gate's name, or the stage: push, view, queue, intake, traffic, recovery, checklist
	Severity string      `json:"severity"` // info, notice, warning or error
	Expected Expectation `json:"expected"`
	// Because says why it is to be expected, where it is.
	Because  Text      `json:"because,omitzero"`
	Title    Text      `json:"title"`
	Count    CountText `json:"count"`
	Meaning  Text      `json:"meaning"`
	Causes   Texts     `json:"causes"`
	Fix      Text      `json:"fix"`
	By       string    `json:"by"` // who may mend it: self, supervisor, admin, security, on-call or nobody
	Playbook string    `json:"playbook"`
}

var catalogue = sync.OnceValue(func() []Reason {
	var file struct {
		Reasons []Reason `json:"reasons"`
	}
	if err := json.Unmarshal(catalogueJSON, &file); err != nil {
		// The catalogue is part of the program and a test reads it: this cannot happen in a program that was built from a green tree.
		panic("reception: the embedded reason catalogue does not parse: " + err.Error())
	}
	return file.Reasons
})

// byNumber indexes the catalogue by code; the zero Reason stands where there is none.
var byNumber = sync.OnceValue(func() []Reason {
	all := catalogue()
	indexed := make([]Reason, len(codeNames))
	for _, r := range all {
		indexed[r.Code] = r
	}
	return indexed
})

// Lookup returns the catalogue's entry for a code; the zero Reason for no code or an invalid one.
func Lookup(c Code) Reason {
	if all := byNumber(); int(c) < len(all) {
		return all[c]
	}
	return Reason{}
}

// Reasons returns the whole catalogue in order of number. The slice is the caller's own; the texts in it are shared and not to be changed.
func Reasons() []Reason { return append([]Reason(nil), catalogue()...) }
