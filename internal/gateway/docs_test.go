package gateway_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/client"
	"github.com/bidahq/bida/internal/gateway"
)

// page is the protocol's document.
func page(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/realtime-protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestEveryExampleInTheDocumentIsOfTheProtocol(t *testing.T) {
	shown := map[string]int{}
	var session *client.Session
	now := time.Now()
	answered := map[string]bool{} // refs of acks
	for number, line := range strings.Split(page(t), "\n") {
		direction, frame, ok := strings.Cut(line, " ")
		if !ok || direction != "→" && direction != "←" {
			continue
		}
		var f struct{ Type, Ref string }
		if err := json.Unmarshal([]byte(frame), &f); err != nil {
			t.Errorf("line %d: %v", number+1, err)
			continue
		}
		shown[direction+" "+f.Type]++
		if direction == "→" {
			if err := gateway.CheckFrame([]byte(frame)); err != nil {
				t.Errorf("line %d: the server would refuse it: %v", number+1, err)
			}
			if f.Type == "ack" {
				answered[f.Ref] = true
			}
			continue
		}
		if f.Type == "acked" {
			if !answered[f.Ref] {
				t.Errorf("line %d: no ack has the ref %q", number+1, f.Ref)
			}
			continue
		}
		session = client.NewSession(client.SessionOptions{Client: "tab"})
		session.Connect(now)
		if f.Type != "welcome" {
			var e struct {
				N int64 `json:"agent_sequence"`
			}
			_ = json.Unmarshal([]byte(frame), &e) // it was valid above
			if _, err := session.Receive(now, fmt.Appendf(nil, `{"type":"welcome","cursor":%d}`, max(e.N-1, 0))); err != nil {
				t.Fatal(err)
			}
			r, err := session.Receive(now, []byte(frame))
			if err != nil || (r.Event != nil) != (e.N > 0) {
				t.Errorf("line %d: the client makes %+v of it, %v", number+1, r, err)
			}
		} else if r, err := session.Receive(now, []byte(frame)); err != nil || r.Welcome == nil || r.Welcome.Connection == "" {
			t.Errorf("line %d: the client makes %+v of it, %v", number+1, r, err)
		}
	}
	for _, want := range []string{
		"→ hello", "→ ack", "→ presence", "→ visibility", "→ ping",
		"← welcome", "← message", "← notice", "← withdrawn", "← tombstone", "← gap", "← acked", "← presence", "← pong", "← resync", "← error",
	} {
		if shown[want] == 0 {
			t.Errorf("there is no example of %s", want)
		}
	}
}

func TestEveryCloseCodeIsInTheDocument(t *testing.T) {
	text := page(t)
	for _, code := range []int{
		client.CloseNormal, gateway.CloseGoingAway, gateway.CloseMalformed, gateway.CloseUnauthenticated, gateway.CloseForbidden, gateway.CloseTimeout,
		gateway.CloseSessionEnded, gateway.CloseTokenRevoked, gateway.CloseTooLarge, gateway.CloseTooMany, gateway.CloseInternal,
	} {
		row := fmt.Sprintf("\n| %d | ", code)
		at := strings.Index(text, row)
		if at < 0 {
			t.Errorf("%d has no row in the table", code)
			continue
		}
		cells := strings.Split(strings.SplitN(text[at+1:], "\n", 2)[0], "|")
		_, err := client.NewSession(client.SessionOptions{}).Lost(code, "")
		if answer := strings.TrimSpace(cells[len(cells)-2]); (answer == "no") != (err != nil) {
			t.Errorf("after %d the document says %q, the client %v", code, answer, err)
		}
	}
	if !slices.Contains(strings.Fields(text), "1006") {
		t.Error("1006 is not mentioned")
	}
}
