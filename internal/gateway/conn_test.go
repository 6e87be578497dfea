package gateway

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/bidahq/bida/internal/problem"
)

func TestAClientThatSaysHelloIsWelcomed(t *testing.T) {
	r := newRoom(t, Config{})
	r.say("agent-a", "你好")
	a := r.connect("")
	a.say(`{"type":"hello","protocol":1,"token":"t-agent-a","client":{"id":"tab-1","name":"web","version":"9"},"cursor":0,"lang":"en","newer":[1]}`)
	equal(t, "frames", a.types(), []string{"welcome", "message"})
	w := a.lastFrame("welcome")
	for key, want := range map[string]any{
		"session": "s1", "connection": "n1", "account": "agent-a", "cursor": 0.0, "last_sequence": 1.0, "heartbeat_ms": 5000.0, "presence": "offline",
	} {
		if w[key] != want {
			t.Errorf("welcome says %s = %v, want %v", key, w[key], want)
		}
	}
	if v := w["server"].(map[string]any)["version"]; v != "1.2.3" {
		t.Errorf("the server's version is %v", v)
	}
	h := r.hellos[0]
	if h.Account != "agent-a" || h.Token != "id-of-t-agent-a" || h.Client != "tab-1" || h.Name != "web" || h.Version != "9" || h.Lang != "en" ||
		h.Node != "node-1" || h.Remote != "192.0.2.7" || h.Cursor != 0 {
		t.Errorf("the domain heard %+v", h)
	}
}

func TestAHelloWithoutACursorAsksForTheServersAndWithoutALanguageForChinese(t *testing.T) {
	r := newRoom(t, Config{})
	r.join("agent-a", "tab-1")
	if h := r.hellos[0]; h.Cursor != -1 || h.Lang != "zh" {
		t.Errorf("the domain heard %+v", h)
	}
}

func TestAClientThatSaysNothingIsClosedAfterFiveSeconds(t *testing.T) {
	r := newRoom(t, Config{})
	a := r.connect("agent-a")
	r.pass(5*time.Second-1, a)
	if a.closed != 0 {
		t.Fatal("closed too early")
	}
	r.pass(1, a)
	a.wantClosed(CloseTimeout, "no hello within 5s")
	if !a.conn.NextDeadline().IsZero() || len(r.ended) != 0 {
		t.Error("a connection that was never opened has an aftermath")
	}
}

func TestWhatMayNotConnectIsClosedWithItsOwnCode(t *testing.T) {
	hello := `{"type":"hello","protocol":1,"token":%q,"client":{"id":"x"}}`
	for name, test := range map[string]struct {
		token  string
		answer error
		code   int
		reason string
	}{
		"no token":               {"", nil, CloseUnauthenticated, "令牌无效"},
		"a wrong token":          {"nonsense", nil, CloseUnauthenticated, "令牌无效"},
		"a revoked token":        {"t-agent-a", errRevoked, CloseTokenRevoked, "令牌已吊销"},
		"a frozen account":       {"t-agent-a", errFrozen, CloseForbidden, "账号已冻结"},
		"a limit":                {"t-agent-a", problem.New(problem.Limited, "x", "slowly", "请慢一点"), CloseTooMany, "请慢一点"},
		"a store that is down":   {"t-agent-a", errStore, CloseInternal, "存储不可用"},
		"an error without words": {"t-agent-a", errors.New("disk on fire at /dev/sda"), CloseInternal, "internal error"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t, Config{})
			r.forbidden["agent-a"] = test.answer
			a := r.connect("")
			a.conn.lang = "zh"
			a.say(strings.Replace(hello, `"client"`, `"lang":"zh","client"`, 1), test.token)
			a.wantClosed(test.code, test.reason)
			if len(r.ended) != 0 || r.hub.Connections() != 0 {
				t.Error("a connection that was never opened has an aftermath")
			}
		})
	}
}

func TestAMalformedFrameClosesItsConnectionAndNoOther(t *testing.T) {
	long := strings.Repeat("x", 129)
	for frame, reason := range map[string]string{
		`{"type":"hello"`:                      "the frame is not JSON: see byte 15",
		`[]`:                                   "the frame is not a JSON object",
		``:                                     "the frame is not JSON: see byte 0",
		`{}`:                                   "the frame has no type",
		`{"type":"ack"}`:                       "the ack acknowledges nothing",
		`{"type":"ack","received":2}`:          "entry 2 is acknowledged, but 1 was the last one sent",
		`{"type":"ack","received":-1}`:         "entry -1 is acknowledged, but 1 was the last one sent",
		`{"type":"ack","seen":[1,7]}`:          "entry 7 is acknowledged, but 1 was the last one sent",
		`{"type":"ack","accepted":[9]}`:        "entry 9 is acknowledged, but 1 was the last one sent",
		`{"type":"presence","value":"busy"}`:   "presence is available, away, dnd or offline",
		`{"type":"visibility"}`:                "visibility needs visible: true or false",
		"{\"type\":\"ping\",\"ref\":\"\xff\"}": "the frame is not valid UTF-8",
		`{"type":"ping","ref":"` + long + `"}`: "ref is longer than 128 bytes",
		`{"type":"ping","ref":"\u0007"}`:       "ref has a control character",
		`{"type":"hello","protocol":1,"client":{"id":"again"}}`:       "a connection has one hello",
		`{"type":"presence","value":"away","until":"half past nine"}`: "until is not a time as in RFC 3339",
		`{"type":"ping","ref":"` + strings.Repeat("x", 64<<10) + `"}`: "a frame has at most 65536 bytes",
	} {
		t.Run(reason, func(t *testing.T) {
			r := newRoom(t, Config{})
			r.say("agent-a", "你好")
			bad, good := r.join("agent-a", "tab-1"), r.join("agent-a", "tab-2")
			bad.conn.Frame([]byte(frame))
			code := CloseMalformed
			if len(frame) > 64<<10 {
				code = CloseTooLarge
			}
			bad.wantClosed(code, reason)
			if r.ended["n1"] != "closed_by_server "+map[int]string{CloseMalformed: "4400", CloseTooLarge: "4413"}[code] || good.closed != 0 {
				t.Errorf("ended: %v", r.ended)
			}
			bad.conn.Frame([]byte(frame)) // what arrives late is ignored
			r.post("agent-a", "再见")
			equal(t, "the other client's entries", good.sequences(), upTo(2))
		})
	}
}

func TestTheFirstFrameIsAHello(t *testing.T) {
	for frame, reason := range map[string]string{
		`{"type":"ping"}`:                 "the first frame is a hello",
		`{"type":"hello"}`:                "protocol 0 is not spoken here, protocol 1 is",
		`{"type":"hello","protocol":2}`:   "protocol 2 is not spoken here, protocol 1 is",
		`{"type":"hello","protocol":1}`:   "hello needs client.id",
		`{"type":"hello","protocol":"1"}`: "protocol cannot be a string",
		`{"type":"hello","protocol":1,"client":{"id":"x"},"cursor":-1}`: "the cursor is not negative",
	} {
		r := newRoom(t, Config{})
		a := r.connect("agent-a")
		a.say("%s", frame)
		a.wantClosed(CloseMalformed, reason)
	}
}

func TestAReasonIsCutToWhatACloseFrameCarries(t *testing.T) {
	for _, reason := range []string{strings.Repeat("太长", 40), "a" + strings.Repeat("太长", 40), strings.Repeat("x", 124)} {
		if cut := clip(reason); len(cut) > longestReason || len(cut) < longestReason-2 || !utf8.ValidString(cut) || !strings.HasPrefix(reason, cut) {
			t.Errorf("%q became %q", reason, cut)
		}
	}
	if clip("短") != "短" {
		t.Error("a short reason was changed")
	}
}

func TestAFrameBeforeTheWelcomeIsAFaultExceptAPing(t *testing.T) {
	r := newRoom(t, Config{})
	r.hold = true
	a := r.join("agent-a", "tab-1")
	a.say(`{"type":"ping","ref":"p"}`)
	if f := a.lastFrame("pong"); f["ref"] != "p" {
		t.Errorf("pong is %v", f)
	}
	a.say(`{"type":"ack","received":0}`)
	a.wantClosed(CloseMalformed, "wait for the welcome before other frames")
	r.release()
	if got := r.ended["n1"]; got != "closed_by_server 4400" || r.hub.Connections() != 0 {
		t.Errorf("the connection that was opened after its end is reported as %q", got)
	}
}

func TestAnUnknownTypeIsAnsweredAndForgiven(t *testing.T) {
	r := newRoom(t, Config{})
	a := r.join("agent-a", "tab-1")
	a.say(`{"type":"wave","ref":"w1"}`)
	if f := a.lastFrame("error"); f["code"] != "realtime.unknown_type" || f["ref"] != "w1" || a.closed != 0 {
		t.Errorf("the answer is %v", f)
	}
}

func TestPresenceIsConfirmedWhenItIsRecordedOrRefusedWithWords(t *testing.T) {
	r := newRoom(t, Config{})
	a := r.join("agent-a", "tab-1")
	r.hold = true
	a.say(`{"type":"presence","value":"away","reason":"午饭","until":"2026-11-23T10:00:00+08:00","ref":"p1"}`)
	equal(t, "frames before the commit", a.types(), []string{"welcome"})
	r.release()
	if f := a.lastFrame("presence"); f["value"] != "away" || f["reason"] != "午饭" || f["until"] != "2026-11-23T10:00:00+08:00" || f["ref"] != "p1" {
		t.Errorf("the confirmation is %v", f)
	}
	a.say(`{"type":"presence","value":"dnd","ref":"p2"}`)
	if f := a.lastFrame("error"); f["code"] != "presence.value" || f["title"] != "不能设置该状态" || f["ref"] != "p2" {
		t.Errorf("the refusal is %v", f)
	}
	if r.presence["agent-a"] != "away" || a.closed != 0 {
		t.Error("the refusal changed something")
	}
}

func TestVisibilityIsPassedOn(t *testing.T) {
	r := newRoom(t, Config{})
	a := r.join("agent-a", "tab-1")
	a.say(`{"type":"visibility","visible":true}`)
	if !r.visible["n1"] {
		t.Error("not visible")
	}
	a.say(`{"type":"visibility","visible":false}`)
	if r.visible["n1"] {
		t.Error("still visible")
	}
}

func TestASilentClientIsAskedEveryFiveSecondsAndGivenUpAfterFifteen(t *testing.T) {
	r := newRoom(t, Config{})
	a := r.join("agent-a", "tab-1")
	heard := r.now
	r.pass(4*time.Second, a)
	if a.pings != 0 {
		t.Error("asked too early")
	}
	r.pass(11*time.Second-1, a)
	if a.pings != 2 || a.closed != 0 {
		t.Errorf("%d pings, closed %d", a.pings, a.closed)
	}
	r.pass(1, a)
	a.wantClosed(CloseTimeout, "nothing heard for 15s")
	if r.ended["n1"] != "stale 4408" || !r.lastHeard["n1"].Equal(heard) {
		t.Errorf("ended as %q, last heard %v", r.ended["n1"], r.lastHeard["n1"])
	}
	if r.hub.Connections() != 0 {
		t.Error("the hub still knows it")
	}
}

func TestAnySignOfLifeKeepsAConnection(t *testing.T) {
	r := newRoom(t, Config{})
	a := r.join("agent-a", "tab-1")
	for i := range 10 {
		r.pass(14*time.Second, a)
		if i%2 == 0 {
			a.conn.Heard()
		} else {
			a.say(`{"type":"ping"}`)
		}
	}
	if a.closed != 0 {
		t.Error("closed although it was alive")
	}
}

func TestAClientThatWaitsForTheDomainIsNotCutForIt(t *testing.T) {
	r := newRoom(t, Config{})
	r.hold = true
	a := r.join("agent-a", "tab-1")
	for range 3 {
		r.pass(10*time.Second, a)
		a.conn.Heard()
	}
	r.release()
	equal(t, "frames", a.types(), []string{"welcome"})
}

func TestASessionThatEndsClosesItsConnectionsWithinTheCallAndNoOther(t *testing.T) {
	r := newRoom(t, Config{})
	a, b := r.join("agent-a", "tab-1"), r.join("agent-b", "tab-1")
	r.hub.EndSession("s1", CloseSessionEnded, "signed out by admin")
	a.wantClosed(CloseSessionEnded, "signed out by admin")
	if r.ended["n1"] != "session_ended 4409" || b.closed != 0 || r.hub.Connections() != 1 {
		t.Errorf("ended: %v", r.ended)
	}
	r.post("agent-a", "too late")
	equal(t, "entries after the end", a.sequences(), nil)
	r.hub.EndSession("s1", CloseSessionEnded, "again")
	r.hub.EndSession("s99", CloseSessionEnded, "nobody")
	r.hub.EndConnection("n2", CloseInternal, "replaced")
	b.wantClosed(CloseInternal, "replaced")
	if r.ended["n2"] != "closed_by_server 4500" {
		t.Errorf("ended: %v", r.ended)
	}
}

func TestASessionThatEndsBeforeItsWelcomeIsSentIsClosedToo(t *testing.T) {
	r := newRoom(t, Config{})
	a := &slowTab{tab: tab{r: r}}
	a.conn = r.core.NewConn(a, Peer{Account: "agent-a"})
	a.say(`{"type":"hello","protocol":1,"client":{"id":"x"}}`) // the answer has come, but the connection has not looked at it
	r.hub.EndSession("s1", CloseTokenRevoked, "the token was revoked")
	a.wantClosed(CloseTokenRevoked, "the token was revoked")
	for _, f := range a.posted {
		f()
	}
	equal(t, "frames", a.types(), nil)
	if r.ended["n1"] != "session_ended 4410" || r.hub.Connections() != 0 {
		t.Errorf("ended: %v", r.ended)
	}
}

// slowTab runs completions only when the test says so.
type slowTab struct {
	tab
	posted []func()
}

func (s *slowTab) Post(f func()) { s.posted = append(s.posted, f) }

func TestAClientThatLeavesIsReportedOnceWithItsCode(t *testing.T) {
	r := newRoom(t, Config{})
	a := r.join("agent-a", "tab-1")
	a.conn.Gone(ClosedByClient, 1000)
	a.conn.Gone(ClosedByServer, 1006)
	r.hub.EndSession("s1", CloseSessionEnded, "x")
	if r.ended["n1"] != "closed_by_client 1000" || a.closed != 0 || !a.conn.Ended() {
		t.Errorf("ended: %v", r.ended)
	}
	r.pass(time.Minute, a)
}

func TestAnAccountHasALimitedNumberOfConnections(t *testing.T) {
	r := newRoom(t, Config{PerAccount: 2})
	first := r.join("agent-a", "1")
	r.join("agent-a", "2")
	r.join("agent-a", "3").wantClosed(CloseTooMany, "the account has 2 connections already")
	if other := r.join("agent-b", "1"); other.closed != 0 {
		t.Error("another account suffers")
	}
	first.conn.Gone(ClosedByClient, 1000)
	if again := r.join("agent-a", "3"); again.closed != 0 {
		t.Error("a place that became free cannot be taken")
	}
}

func TestAClientThatFloodsWithoutWaitingForAnswersIsClosed(t *testing.T) {
	r := newRoom(t, Config{outstandingAnswers: 3})
	a := r.join("agent-a", "tab-1")
	r.hold = true
	for range 3 {
		a.say(`{"type":"presence","value":"away"}`)
	}
	if a.closed != 0 || a.conn.Outstanding() != 3 {
		t.Fatalf("closed %d with %d outstanding", a.closed, a.conn.Outstanding())
	}
	a.say(`{"type":"presence","value":"away"}`)
	a.wantClosed(CloseTooMany, "too many frames without waiting for their answers")
	r.release() // answers to a closed connection are no fault
	if a.conn.Outstanding() != 0 {
		t.Error("answers were not counted")
	}
}
