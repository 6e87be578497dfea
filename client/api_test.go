package client

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// asked is what the server of a test was sent.
type asked struct {
	method, path, query, ifMatch, token, body string
}

// answering makes a server that gives one answer, and a client of it.
func answering(t *testing.T, status int, header map[string]string, answer string) (*Client, *asked) {
	t.Helper()
	got := &asked{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		*got = asked{r.Method, r.URL.EscapedPath(), r.URL.RawQuery, r.Header.Get("If-Match"), r.Header.Get("Authorization"), string(body)}
		for name, value := range header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(answer))
	}))
	t.Cleanup(server.Close)
	c, err := New(server.URL, "bida_secret")
	if err != nil {
		t.Fatal(err)
	}
	return c, got
}

func TestAPostedMessageIsAnsweredAndARepetitionIsTold(t *testing.T) {
	const answer = `{"message":"m7","conversation":"c3","sequence":2,"status":"routed","agent":"agent-a","summary":"1/1 agents can receive"}`
	for status, again := range map[int]bool{201: false, 200: true} {
		c, got := answering(t, status, nil, answer)
		a, err := c.PostMessage(t.Context(), "we b/1", Message{ID: "x", Contact: Contact{ID: "k"}, Text: "你好"})
		if err != nil || a.Message != "m7" || a.Sequence != 2 || a.Agent != "agent-a" || a.Again != again {
			t.Errorf("status %d: %+v, %v", status, a, err)
		}
		want := asked{"POST", "/api/v1/inboxes/we%20b%2F1/messages", "", "", "Bearer bida_secret", `{"id":"x","contact":{"id":"k"},"text":"你好"}`}
		if *got != want {
			t.Errorf("sent %+v, want %+v", *got, want)
		}
	}
}

func TestARefusalTellsCodeFieldAndWhenToTryAgain(t *testing.T) {
	c, _ := answering(t, 429, map[string]string{"Retry-After": "3"}, `{"title":"Too much","status":429,"detail":"try again","code":"intake.overloaded","field":"/id","request":"r1"}`)
	_, err := c.PostMessage(t.Context(), "web", Message{})
	p := AsRefused(err)
	if p == nil || p.Status != 429 || p.Code != "intake.overloaded" || p.Field != "/id" || p.RetryAfter != 3*time.Second || p.Request != "r1" {
		t.Fatalf("refused with %+v", err)
	}
	if text := p.Error(); !strings.Contains(text, "intake.overloaded") || !strings.Contains(text, "try again (/id)") {
		t.Errorf("it reads %q", text)
	}
}

func TestAnAnswerOfSomethingElseThanBidaIsToldByItsStatus(t *testing.T) {
	c, _ := answering(t, 502, nil, "<html>bad gateway</html>")
	_, err := c.Me(t.Context())
	if p := AsRefused(err); p == nil || p.Status != 502 || !strings.Contains(p.Error(), "Bad Gateway") {
		t.Errorf("refused with %v", err)
	}
	c, _ = answering(t, 200, nil, "<html>welcome</html>")
	if _, err := c.Me(t.Context()); err == nil || AsRefused(err) != nil {
		t.Errorf("a page was read as an answer: %v", err)
	}
}

func TestAChangeOfThePolicySaysWhatItWasMadeAgainst(t *testing.T) {
	c, got := answering(t, 200, nil, `{"revision":43,"changes":[{"kind":"account","name":"a","action":"update"}]}`)
	a, err := c.PutPolicy(t.Context(), 42, []Document{{Kind: "account", Name: "a", Spec: json.RawMessage(`{"agent":true}`)}}, true)
	if err != nil || a.Revision != 43 || len(a.Changes) != 1 || a.Changes[0].Action != "update" {
		t.Fatalf("%+v, %v", a, err)
	}
	if got.ifMatch != `"42"` || got.body != `{"documents":[{"kind":"account","name":"a","spec":{"agent":true}}],"prune":true}` {
		t.Errorf("sent %+v", *got)
	}
	if _, err := c.DeleteDocument(t.Context(), -1, "account", "a"); err != nil || got.ifMatch != "*" || got.path != "/api/v1/policy/documents/account/a" {
		t.Errorf("sent %+v, %v", *got, err)
	}
	if _, err := c.Policy(t.Context(), 7); err != nil || got.query != "revision=7" || got.ifMatch != "" {
		t.Errorf("sent %+v, %v", *got, err)
	}
}

func TestABatchTellsAnswersAndRefusalsApart(t *testing.T) {
	c, _ := answering(t, 200, nil, `{"results":[{"message":"m1","conversation":"c1","sequence":1,"status":"waiting","summary":"s"},
		{"type":"urn:bida:problem:intake.overloaded","status":429,"code":"intake.overloaded","retry_after":1}]}`)
	results, err := c.PostBatch(t.Context(), "web", make([]Message, 2))
	if err != nil || results[0].Problem != nil || results[0].Message != "m1" || results[0].Status != "waiting" {
		t.Fatalf("%+v, %v", results, err)
	}
	if p := results[1].Problem; p == nil || p.Code != "intake.overloaded" || p.RetryAfter != time.Second {
		t.Errorf("the second is %+v", results[1])
	}
	if _, err := c.PostBatch(t.Context(), "web", make([]Message, 3)); err == nil {
		t.Error("three messages with two results were no error")
	}
}

func TestTheTraceOfARefusedRequestHasNoMessage(t *testing.T) {
	c, got := answering(t, 200, nil, `{"message":null,"stages":[{"stage":"intake","at":null,"node":null,"result":"refused","code":"intake.invalid"}],"decision":null,"decisions":[],"deliveries":[]}`)
	trace, err := c.TraceSender(t.Context(), "web", "a b")
	if err != nil || trace.Message != "" || trace.Decision != nil || trace.Stages[0].Code != "intake.invalid" || got.query != "inbox=web&sender_id=a+b" {
		t.Errorf("%+v, %v, %+v", trace, err, *got)
	}
}

func TestADiagnosisKeepsTheWholeReport(t *testing.T) {
	c, got := answering(t, 200, nil, `{"verdict":"blocked","headline":{"zh":"收不到","en":"blocked"},"findings":[{"code":"presence.away","primary":true}],"traffic":{"offered":3}}`)
	at := time.Date(2026, 11, 23, 10, 0, 0, 0, time.FixedZone("", 8*3600))
	r, err := c.Diagnose(t.Context(), Question{Agent: "agent-a", At: at})
	if err != nil || r.Verdict != "blocked" || r.Findings[0].Code != "presence.away" || !strings.Contains(string(r.Raw), `"offered":3`) {
		t.Errorf("%+v, %v", r, err)
	}
	if got.query != "agent=agent-a&at=2026-11-23T10%3A00%3A00%2B08%3A00" {
		t.Errorf("asked %q", got.query)
	}
}

func TestTheErrorsOfAClientNeverShowItsToken(t *testing.T) {
	c, _ := answering(t, 401, nil, `{"status":401,"code":"identity.token_unknown","detail":"unknown"}`)
	_, refused := c.Me(t.Context())
	nobody, err := New("http://127.0.0.1:1", "bida_secret")
	if err != nil {
		t.Fatal(err)
	}
	_, unreachable := nobody.Me(t.Context())
	for _, err := range []error{refused, unreachable} {
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("the error is %v", err)
		}
	}
}
