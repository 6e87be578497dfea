package client

import (
	"encoding/json"
	"testing"
	"time"
)

// FuzzFrameFromAServer: whatever a server sends, the session refuses it or goes on; it never gives an entry out twice or out of order, and what it sends
// is JSON.
func FuzzFrameFromAServer(f *testing.F) {
	for _, seed := range []string{
		`{"type":"welcome","cursor":4}`, `{"type":"welcome","cursor":-9}`, `{"type":"message","agent_sequence":1,"at":"2026-11-23T09:00:00Z"}`,
		`{"type":"gap","event":"gap","agent_sequence":1,"to":9223372036854775807}`, `{"type":"gap","event":"gap","agent_sequence":9,"to":1}`,
		`{"type":"acked","ref":"a1"}`, `{"type":"error","code":"x","ref":"a1"}`, `{"type":"presence","ref":"presence"}`, `{"type":"pong"}`,
		`{"type":"message","agent_sequence":-1}`, `{"type":"resync","after":1}`, `{}`, `[`, "\xff",
	} {
		f.Add([]byte(seed), []byte(seed), true)
		f.Add([]byte(seed), []byte(`{"type":"message","agent_sequence":2}`), false)
	}
	f.Fuzz(func(t *testing.T, first, second []byte, welcomed bool) {
		now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
		s := NewSession(SessionOptions{Client: "tab", Available: true})
		s.Connect(now)
		if welcomed {
			if _, err := s.Receive(now, []byte(`{"type":"welcome","cursor":0}`)); err != nil {
				t.Fatal(err)
			}
		}
		last := int64(-1)
		for _, frame := range [][]byte{first, second} {
			r, err := s.Receive(now, frame)
			if err != nil {
				return
			}
			if r.Event != nil {
				if r.Event.last() <= last {
					t.Errorf("entry %d came after %d", r.Event.last(), last)
				}
				last = r.Event.last()
				s.Handled(r.Event)
				s.Seen(r.Event)
				s.Accepted(r.Event)
				if !json.Valid(r.Event.Line()) {
					t.Errorf("the line is %s", r.Event.Line())
				}
			}
			for _, out := range append(s.Flush(now), s.Goodbye()...) {
				if !json.Valid(out) {
					t.Errorf("the client sends %q", out)
				}
			}
			if s.NextDeadline().IsZero() {
				t.Error("a connected session waits for nothing")
			}
		}
		if _, err := s.Lost(CloseAbnormal, ""); err != nil {
			t.Error(err)
		}
	})
}
