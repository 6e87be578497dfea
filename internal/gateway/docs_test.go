package gateway_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
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
		"→ hello", "→ ack", "→ presence", "→ visibility", "→ report", "→ watch", "→ ping",
		"← welcome", "← message", "← notice", "← withdrawn", "← tombstone", "← gap", "← acked", "← presence", "← pong", "← resync", "← changed", "← error",
		"← test", "← self_check",
	} {
		if shown[want] == 0 {
			t.Errorf("there is no example of %s", want)
		}
	}
}

func TestTheExamplesWithoutWebSocketAreOfTheProtocol(t *testing.T) {
	_, text, _ := strings.Cut(page(t), "\n## Without WebSocket\n")
	text, _, _ = strings.Cut(text, "\n## ")
	var stream string
	shown := map[string]int{}
	for i, block := range strings.Split(text, "```") {
		switch block = strings.TrimPrefix(block, "\n"); {
		case i%2 == 0: // not an example
		case strings.HasPrefix(block, "GET "):
			request, err := http.ReadRequest(bufio.NewReader(strings.NewReader(strings.ReplaceAll(block, "\n", "\r\n") + "\r\n")))
			if err != nil || request.URL.Path != "/api/v1/realtime/stream" {
				t.Errorf("%q: %v", block, err)
			}
			shown["GET"]++
		case strings.HasPrefix(block, "POST "):
			head, body, _ := strings.Cut(block, "\n\n")
			request, err := http.ReadRequest(bufio.NewReader(strings.NewReader(strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n" + body)))
			if err != nil || request.URL.Path != "/api/v1/realtime/stream/"+stream || request.ContentLength != int64(len(body)) {
				t.Fatalf("%q (%d bytes): %v", block, len(body), err)
			}
			for frame := range gateway.Frames([]byte(body)) {
				if err := gateway.CheckFrame(frame); err != nil {
					t.Errorf("%s: %v", frame, err)
				}
				shown["posted frame"]++
			}
		default:
			for _, event := range strings.Split(block, "\n\n") {
				switch {
				case strings.HasPrefix(event, "event: open\ndata: "):
					var open struct{ Stream string }
					if err := json.Unmarshal([]byte(strings.TrimPrefix(event, "event: open\ndata: ")), &open); err != nil {
						t.Error(err)
					}
					stream = open.Stream
					shown["open"]++
				case strings.HasPrefix(event, "event: close\ndata: "):
					var end struct {
						Code   int
						Reason string
					}
					if err := json.Unmarshal([]byte(strings.TrimPrefix(event, "event: close\ndata: ")), &end); err != nil || end.Code < 4400 || end.Reason == "" {
						t.Errorf("%s: %v", event, err)
					}
					shown["close"]++
				case strings.HasPrefix(event, "data: "):
					session := client.NewSession(client.SessionOptions{Client: "tab"})
					session.Connect(time.Now())
					_, _ = session.Receive(time.Now(), []byte(`{"type":"welcome","cursor":41}`))
					if r, err := session.Receive(time.Now(), []byte(strings.TrimPrefix(event, "data: "))); err != nil || r.Event == nil {
						t.Errorf("%s: %+v, %v", event, r, err)
					}
					shown["frame"]++
				case strings.TrimSpace(event) == ":":
					shown["comment"]++
				default:
					t.Errorf("what is %q?", event)
				}
			}
		}
	}
	for _, want := range []string{"GET", "open", "frame", "comment", "posted frame", "close"} {
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
