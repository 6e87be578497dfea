package scenarios

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/bidahq/bida/internal/attachment"
	"github.com/bidahq/bida/internal/channel/web"
	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/diagnosis"
	"github.com/bidahq/bida/internal/httpapi"
	"github.com/bidahq/bida/internal/identity"
	"github.com/bidahq/bida/internal/intake"
)

// throughAPI asks a server's API, and sends it the messages.
type throughAPI struct {
	g      *stage
	server http.Handler
	keys   map[string]string // token by account
	node   int               // the process that server belongs to
}

// openAPI puts the API before a stage. It begins before anything has happened but the company.
func openAPI(g *stage) *throughAPI {
	a := &throughAPI{g: g, keys: map[string]string{}}
	g.post = a.post
	return a
}

// serve makes the server of the process that runs now.
func (a *throughAPI) serve() http.Handler {
	g := a.g
	if a.server != nil && a.node == g.node {
		return a.server
	}
	in := intake.New(intake.Options{Ledger: g.l, Reader: g.store, Now: g.clock, Log: quiet, Location: shanghai})
	files, err := attachment.New(attachment.Options{Dir: filepath.Join(g.t.TempDir(), "files"), Ledger: g.l, Reader: g.store, Now: g.clock, Log: quiet})
	if err != nil {
		g.t.Fatal(err)
	}
	visitors := web.NewListeners()
	g.t.Cleanup(visitors.Stop)
	a.server, err = httpapi.New(httpapi.Options{
		Ledger: g.l, Store: g.store, Identity: g.identity, Intake: in, Attachments: files, Diagnose: g.diagnose,
		Chat:    web.New(web.Options{Ledger: g.l, Reader: g.store, Intake: in, Listeners: visitors, Now: g.clock}),
		Version: "test", Now: g.clock, Zone: shanghai, Log: quiet,
	})
	if err != nil {
		g.t.Fatal(err)
	}
	a.node = g.node
	return a.server
}

// key is a token of an account that only asks or sends: agents have those that they sign in with.
func (a *throughAPI) key(account string) string {
	if k := a.keys[account]; k != "" {
		return k
	}
	var key string
	var err error
	a.g.run(func() {
		_, key, err = a.g.identity.CreateToken(context.Background(), account, "", time.Time{}, identity.Asked{By: "system", Source: "cli"})
	})
	if err != nil {
		a.g.t.Fatal(err)
	}
	a.keys[account] = key
	return key
}

// call sends a request and decodes the answer; it returns the code of a refusal.
func (a *throughAPI) call(by, method, path string, body, answer any) (refused string) {
	t := a.g.t
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(method, httpapi.Prefix+path, bytes.NewReader(raw))
	r.Header.Set("Authorization", "Bearer "+a.key(by))
	r.Header.Set("Accept-Language", "zh")
	w := httptest.NewRecorder()
	server := a.serve()
	a.g.run(func() { server.ServeHTTP(w, r) })
	if w.Code >= 300 {
		var p struct {
			Code string `json:"code"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Code == "" {
			t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
		}
		return p.Code
	}
	if err := json.Unmarshal(w.Body.Bytes(), answer); err != nil {
		t.Fatalf("%s %s: %v in %s", method, path, err, w.Body)
	}
	return ""
}

func (a *throughAPI) post(m message) outcome {
	a.g.t.Helper()
	var got httpapi.AnswerBody
	body := map[string]any{"id": m.ID, "contact": map[string]string{"id": m.From, "name": m.From}, "kind": m.Kind, "text": "您好"}
	if m.Conversation != "" {
		body["conversation"] = conversation.ID(a.g.thread(m.Conversation))
	}
	if code := a.call("robot", "POST", "/inboxes/"+url.PathEscape(m.Inbox)+"/messages", body, &got); code != "" {
		return outcome{refused: code}
	}
	receivers := got.Agents
	if got.Agent != "" {
		receivers = []string{got.Agent}
	}
	position, _ := conversation.ParseID('m', got.Message)
	thread, ok := conversation.ParseID('c', got.Conversation)
	if !ok {
		a.g.t.Fatalf("%q is no conversation", got.Conversation)
	}
	return outcome{status: got.Status, receivers: receivers, summary: got.Summary, position: position, thread: thread}
}

func (a *throughAPI) diagnosis(by string, q diagnosis.Query) (*diagnosis.Report, error) {
	a.g.t.Helper()
	v := url.Values{"agent": {q.Agent}}
	for name, value := range map[string]string{"inbox": q.Inbox, "kind": q.Kind, "message": q.Message} {
		if value != "" {
			v.Set(name, value)
		}
	}
	if !q.At.IsZero() {
		v.Set("at", q.At.Format(time.RFC3339Nano))
	}
	if q.Excess {
		v.Set("excess", "true")
	}
	var r diagnosis.Report
	if code := a.call(by, "GET", "/diagnosis?"+v.Encode(), nil, &r); code != "" {
		return nil, fmt.Errorf("%s", code)
	}
	return &r, nil
}

// wireTrace and wireDecision are what scenarios read of a trace.
type wireTrace struct {
	Conversation string `json:"conversation"`
	AutoReplies  []struct {
		Rule    string `json:"rule"`
		Outcome string `json:"outcome"`
	} `json:"auto_replies"`
	Decision   *wireDecision  `json:"decision"`
	Decisions  []wireDecision `json:"decisions"`
	Deliveries []struct {
		Agent    string `json:"agent"`
		State    string `json:"state"`
		Code     string `json:"code"`
		Attempts []struct {
			Result string `json:"result"`
		} `json:"attempts"`
	} `json:"deliveries"`
}

type wireDecision struct {
	Code       string     `json:"code"`
	Gates      []wireGate `json:"gates"`
	Candidates []struct {
		Agent string     `json:"agent"`
		Gates []wireGate `json:"gates"`
	} `json:"candidates"`
}

type wireGate struct {
	Outcome string `json:"outcome"`
	Code    string `json:"code"`
}

func (a *throughAPI) trace(position int64) *trace {
	a.g.t.Helper()
	var b wireTrace
	if code := a.call("lead", "GET", "/messages/m"+strconv.FormatInt(position, 10)+"/trace", nil, &b); code != "" {
		a.g.t.Fatalf("the trace of message %d was refused: %s", position, code)
	}
	tr := &trace{first: decided(b.Decision), deliveries: map[string]string{}}
	tr.last = tr.first
	for i := range b.Decisions {
		tr.last = decided(&b.Decisions[i])
	}
	for _, d := range b.Deliveries {
		text := strings.TrimSpace(d.State + " " + d.Code)
		if len(d.Attempts) > 0 {
			text += ", pushed " + d.Attempts[0].Result
		}
		tr.deliveries[d.Agent] = text
	}
	for _, r := range b.AutoReplies {
		tr.automatic = append(tr.automatic, r.Rule+" "+r.Outcome)
	}
	if b.Conversation != "" {
		tr.says = a.says(b.Conversation)
	}
	return tr
}

// says reads what automatic replies said in a conversation; each must tell its rule.
func (a *throughAPI) says(id string) (list []string) {
	a.g.t.Helper()
	var b struct {
		Messages []struct {
			ID        string `json:"id"`
			Kind      string `json:"kind"`
			Text      string `json:"text"`
			AutoReply *struct {
				Rule string `json:"rule"`
			} `json:"auto_reply"`
		} `json:"messages"`
	}
	if code := a.call("admin", "GET", "/conversations/"+id+"/messages?limit=200", nil, &b); code != "" {
		a.g.t.Fatalf("the messages of %s were refused: %s", id, code)
	}
	for _, m := range b.Messages {
		if m.Kind != conversation.KindAutoReply {
			continue
		}
		if list = append(list, m.Text); m.AutoReply == nil || m.AutoReply.Rule == "" {
			a.g.t.Errorf("automatic reply %s does not tell its rule", m.ID)
		}
	}
	return list
}

func decided(b *wireDecision) *decision {
	d := &decision{code: b.Code, gates: coded(b.Gates), agents: map[string][]string{}}
	for _, c := range b.Candidates {
		d.agents[c.Agent] = coded(c.Gates)
	}
	return d
}

func coded(gates []wireGate) (list []string) {
	for _, x := range gates {
		if x.Code != "" {
			list = append(list, x.Outcome+" "+x.Code)
		}
	}
	return list
}
