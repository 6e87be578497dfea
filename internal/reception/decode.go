package reception

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ErrOutcomes is returned (wrapped, with the place) for bytes that EncodeOutcomes cannot have written.
var ErrOutcomes = errors.New("malformed outcomes")

// DecodeOutcomes reads what EncodeOutcomes wrote: the gates about the message, and the candidates in order of name, without scores. White space and
// another order of keys are accepted, so that a store may keep it as JSON; unknown gates, outcomes and codes are not.
func DecodeOutcomes(b []byte) (message Vector, candidates []Candidate, err error) {
	r := outcomesReader{b: b}
	r.read()
	if r.err != nil {
		return Vector{}, nil, fmt.Errorf("%w: %w", ErrOutcomes, r.err)
	}
	return r.message, r.candidates, nil
}

// outcomesReader is a strict reader of exactly this document. It keeps the first error; after it, every method does nothing, so that callers need
// not ask after each step. It is written by hand because replay and traces decode many rows.
type outcomesReader struct {
	b          []byte
	i          int
	err        error
	message    Vector
	candidates []Candidate
	owner      string
	asked      string
}

func (r *outcomesReader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("at byte %d: "+format, append([]any{r.i}, args...)...)
	}
}

func (r *outcomesReader) read() {
	var seen [4]bool
	keys := [...]string{"message", "vectors", "owner", "asked"}
	r.object(func(key string) {
		i := slices.Index(keys[:], key)
		if i < 0 || seen[i] {
			r.fail("key %q is unknown or there twice", key)
			return
		}
		seen[i] = true
		switch i {
		case 0:
			r.message = r.vector(true)
		case 1:
			r.array(r.group)
		case 2:
			r.owner = r.text()
		case 3:
			r.asked = r.text()
		}
	})
	r.space()
	if r.err == nil && r.i != len(r.b) {
		r.fail("something follows the document")
	}
	if r.err == nil && (!seen[0] || !seen[1]) {
		r.fail("message or vectors is missing")
	}
	r.finish(seen[2], seen[3])
}

// finish puts together what the parts say of each candidate.
func (r *outcomesReader) finish(hasOwner, hasAsked bool) {
	if r.err != nil {
		return
	}
	slices.SortFunc(r.candidates, func(a, b Candidate) int { return strings.Compare(a.Account, b.Account) })
	foundOwner, foundAsked := !hasOwner, !hasAsked
	for i := range r.candidates {
		c := &r.candidates[i]
		if c.Account == "" || i > 0 && c.Account == r.candidates[i-1].Account {
			r.fail("agent %q is nameless or there twice", c.Account)
			return
		}
		for g := range GateCount {
			if g.AboutMessage() {
				c.Cells[g] = r.message[g]
			}
		}
		c.Owner = hasOwner && c.Account == r.owner
		c.Asked = hasAsked && c.Account == r.asked
		foundOwner, foundAsked = foundOwner || c.Owner, foundAsked || c.Asked
	}
	if !foundOwner || !foundAsked {
		r.fail("the owner or who is asked about is not among the agents")
	}
}

// group reads the agents that share a vector.
func (r *outcomesReader) group() {
	from := len(r.candidates)
	var cells Vector
	var agents, gates bool
	r.object(func(key string) {
		switch {
		case key == "agents" && !agents:
			agents = true
			r.array(func() { r.candidates = append(r.candidates, Candidate{Account: r.text()}) })
		case key == "gates" && !gates:
			gates = true
			cells = r.vector(false)
		default:
			r.fail("key %q is unknown or there twice", key)
		}
	})
	if !gates || len(r.candidates) == from {
		r.fail("a vector without gates or agents")
	}
	for i := from; i < len(r.candidates); i++ {
		r.candidates[i].Cells = cells
	}
}

func (r *outcomesReader) vector(aboutMessage bool) Vector {
	var v Vector
	r.object(func(name string) {
		g, ok := ParseGate(name)
		if !ok || g.AboutMessage() != aboutMessage || v[g].Outcome != Undecided {
			r.fail("gate %q is unknown, out of place or there twice", name)
			return
		}
		v[g] = r.cell()
	})
	for g := range v {
		if v[g].Outcome == Undecided {
			v[g] = notApplicable
		}
	}
	return v
}

// cell reads "pass", ["block","code"] or ["wait","code",until], and refuses what no gate can say.
func (r *outcomesReader) cell() Cell {
	var c Cell
	if r.peek() != '[' {
		c.Outcome = r.outcome()
	} else {
		part := 0
		r.array(func() {
			switch part++; part {
			case 1:
				c.Outcome = r.outcome()
			case 2:
				c.Code = r.code()
			case 3:
				c.Until = r.number()
			default:
				r.fail("a cell of more than three parts")
			}
		})
	}
	if c.Outcome.Stops() != (c.Code != 0) && c.Outcome != Pass || (c.Outcome == Wait) != (c.Until != 0) {
		r.fail("outcome %s with code %q and until %d", c.Outcome, c.Code, c.Until)
	}
	return c
}

func (r *outcomesReader) outcome() Outcome {
	name := r.text()
	o, ok := ParseOutcome(name)
	if !ok {
		r.fail("outcome %q is unknown", name)
	}
	return o
}

func (r *outcomesReader) code() Code {
	name := r.text()
	c, ok := ParseCode(name)
	if !ok {
		r.fail("code %q is unknown", name)
	}
	return c
}

func (r *outcomesReader) space() {
	for r.i < len(r.b) && (r.b[r.i] == ' ' || r.b[r.i] == '\n' || r.b[r.i] == '\t' || r.b[r.i] == '\r') {
		r.i++
	}
}

// peek returns the next byte that is not white space, 0 at the end and after an error.
func (r *outcomesReader) peek() byte {
	if r.err != nil {
		return 0
	}
	if r.space(); r.i < len(r.b) {
		return r.b[r.i]
	}
	return 0
}

// expect reads one byte.
func (r *outcomesReader) expect(want byte) {
	if r.peek() != want {
		r.fail("want %q", want)
		return
	}
	r.i++
}

// more reads the comma before a further element, or the closing byte; it says whether an element follows.
func (r *outcomesReader) more(first bool, closing byte) bool {
	next := r.peek()
	if next == closing {
		r.i++
		return false
	}
	if !first {
		r.expect(',')
	}
	return r.err == nil
}

func (r *outcomesReader) object(member func(key string)) {
	r.expect('{')
	for first := true; r.err == nil && r.more(first, '}'); first = false {
		key := r.text()
		r.expect(':')
		if r.err == nil {
			member(key)
		}
	}
}

func (r *outcomesReader) array(element func()) {
	r.expect('[')
	for first := true; r.err == nil && r.more(first, ']'); first = false {
		element()
	}
}

func (r *outcomesReader) text() string {
	r.expect('"')
	from, plain := r.i, true
	for ; r.err == nil; r.i++ {
		switch {
		case r.i >= len(r.b):
			r.fail("a string without end")
		case r.b[r.i] == '\\':
			plain = false
			r.i++
		case r.b[r.i] < ' ':
			r.fail("a control character in a string")
		case r.b[r.i] == '"':
			r.i++
			return r.unquote(from, plain)
		}
	}
	return ""
}

// unquote returns the string whose inside begins at from and whose closing quote was just read.
func (r *outcomesReader) unquote(from int, plain bool) string {
	inside := r.b[from : r.i-1]
	if !utf8.Valid(inside) {
		r.fail("a string that is not UTF-8")
		return ""
	}
	if plain {
		return string(inside)
	}
	var s string
	if err := json.Unmarshal(r.b[from-1:r.i], &s); err != nil {
		r.fail("a malformed string")
	}
	return s
}

func (r *outcomesReader) number() int64 {
	r.peek()
	from := r.i
	for r.i < len(r.b) && (r.b[r.i] == '-' || r.b[r.i] >= '0' && r.b[r.i] <= '9') {
		r.i++
	}
	text := string(r.b[from:r.i])
	n, err := strconv.ParseInt(text, 10, 64)
	// JSON has no leading zeros; what ParseInt forgives there is not ours.
	if err != nil || strconv.FormatInt(n, 10) != text {
		r.fail("a malformed number")
	}
	return n
}
