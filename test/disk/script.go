package disk

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Who takes part. The agent at a client is the one whom messages reach.
const (
	admin   = "admin"
	robot   = "shop"
	agent   = "agent-a"
	other   = "agent-b"
	inbox   = "web"
	mailbox = "mail"
)

const company = `[
 {"kind": "role", "name": "agent", "spec": {"template": "agent"}},
 {"kind": "role", "name": "source", "spec": {"permissions": ["message.post", "reply.read"]}},
 {"kind": "account", "name": "shop", "spec": {"roles": ["source"]}},
 {"kind": "account", "name": "agent-a", "spec": {"agent": true, "roles": ["agent"]}},
 {"kind": "account", "name": "agent-b", "spec": {"agent": true, "roles": ["agent"]}},
 {"kind": "inbox", "name": "web", "spec": {"channel": "api", "mode": "live", "kinds": ["customer"], "members": {"accounts": ["agent-a", "agent-b"]},
  "routing": {"strategy": "least_loaded"}, "capacity": 40}}
]`

// sort is what a step is about: how it is repeated and what must be true once it was answered.
type sort int

const (
	policyWhole sort = iota
	policyDocument
	token
	presence
	messages
	upload
	reply
	accept
	resolve
)

// step is one request of the script. What depends on earlier answers is looked up when it is sent.
type step struct {
	sort    sort
	by      string
	about   string // an account, a document as kind/name, a contact, a file
	value   string // a presence, a spec
	inbox   string
	ids     []string // of messages or a reply
	file    string   // that the message names
	content []byte
	again   bool // it was sent before
}

func post(in, contact string, ids ...string) step {
	return step{sort: messages, by: robot, about: contact, inbox: in, ids: ids}
}

func (s step) naming(file string) step { s.file = file; return s }
func (s step) repeated() step          { s.again = true; return s }

// The script, in the lives of the server between which it is stopped: first politely, then with kill -9.
var script = [][]step{
	{
		{sort: policyWhole, by: admin, value: company},
		{sort: token, by: admin, about: robot},
		{sort: token, by: admin, about: agent},
		{sort: token, by: admin, about: other},
		{sort: presence, by: agent, about: agent, value: "available"},
		post(inbox, "u1", "m1"),
		post(inbox, "u2", "m2"),
		post(inbox, "u1", "m1").repeated(),
		post(inbox, "u1", "m3", "m4", "m5"),
		{sort: accept, by: agent, about: "u1"},
		{sort: reply, by: agent, about: "u1", ids: []string{"r1"}},
		{sort: policyDocument, by: admin, about: "account/agent-c", value: `{"agent": true, "roles": ["agent"]}`},
	},
	{
		post(inbox, "u1", "m6"),
		{sort: reply, by: agent, about: "u1", ids: []string{"r2"}},
		{sort: reply, by: agent, about: "u1", ids: []string{"r1"}, again: true},
		{sort: upload, by: robot, about: "note.txt", content: content("one", 20_000)},
		post(inbox, "u2", "m7").naming("note.txt"),
		{sort: presence, by: other, about: other, value: "away"},
		{sort: accept, by: agent, about: "u2"}, // while the disk fails it may have been given to nobody
		{sort: resolve, by: agent, about: "u2"},
		{sort: policyDocument, by: admin, about: "team/east", value: `{"members": ["agent-b"]}`},
	},
	{
		post(inbox, "u2", "m8"),
		post(inbox, "u3", "m9", "m10", "m11", "m12", "m13", "m14"),
		{sort: upload, by: robot, about: "same.txt", content: content("one", 20_000)},
		post(inbox, "u3", "m15").naming("same.txt"),
		{sort: accept, by: agent, about: "u3"},
		{sort: reply, by: agent, about: "u3", ids: []string{"r3"}},
		{sort: upload, by: robot, about: "list.csv", content: content("two", 150_000)},
		post(inbox, "u3", "m16").naming("list.csv"),
		{sort: policyDocument, by: admin, about: "inbox/mail", value: `{"channel": "api", "mode": "async", "kinds": ["customer"], "members": {"accounts": ["agent-b"]}, "routing": {"strategy": "round_robin"}, "capacity": 9}`},
		post(mailbox, "u1", "m17"),
		{sort: resolve, by: agent, about: "u1"},
		post(inbox, "u1", "m18"),
	},
}

func content(word string, size int) []byte { return []byte(strings.Repeat(word+" line\n", size/9)) }

// request is a step made ready to be sent.
type request struct {
	step        step
	method      string
	path        string
	body        []byte
	contentType string
}

// exchange is one try of a request. Status 0 says that there was no answer.
type exchange struct {
	request
	status int
	answer []byte
	retry  string // the header Retry-After
}

func (x *exchange) done() bool { return x.status >= 200 && x.status < 300 }

// told is what the script's sender knows from answers, and needs to go on.
type told struct {
	tokens        map[string]string
	conversations map[string]string // the newest by inbox/contact
	files         map[string]string
}

func newTold() *told {
	return &told{tokens: map[string]string{}, conversations: map[string]string{}, files: map[string]string{}}
}

func textOf(id string) string { return "text of " + id }

// ready makes a step's request.
func (t *told) ready(s step) request {
	r := request{step: s, method: http.MethodPost, contentType: "application/json"}
	encode := func(v any) []byte {
		b, err := json.Marshal(v)
		if err != nil {
			panic(err) // strings and numbers
		}
		return b
	}
	switch s.sort {
	case policyWhole:
		r.method, r.path, r.body = http.MethodPut, "/policy", []byte(`{"documents": `+s.value+`}`)
	case policyDocument:
		kind, name, _ := strings.Cut(s.about, "/")
		r.method, r.path, r.body = http.MethodPut, "/policy", []byte(`{"documents": [{"kind": "`+kind+`", "name": "`+name+`", "spec": `+s.value+`}]}`)
	case token:
		r.path, r.body = "/accounts/"+s.about+"/tokens", []byte(`{}`)
	case presence:
		r.method, r.path, r.body = http.MethodPut, "/accounts/"+s.about+"/presence", encode(map[string]string{"value": s.value})
	case messages:
		var rows []any
		for _, id := range s.ids {
			row := map[string]any{"id": id, "contact": map[string]string{"id": s.about}, "text": textOf(id)}
			if s.file != "" {
				row["attachments"] = []string{t.files[s.file]}
			}
			rows = append(rows, row)
		}
		r.path, r.body = "/inboxes/"+s.inbox+"/messages", encode(rows[0])
		if len(rows) > 1 {
			r.path, r.body = r.path+":batch", encode(map[string]any{"messages": rows})
		}
	case upload:
		r.path = "/attachments?inbox=" + inbox + "&name=" + url.QueryEscape(s.about)
		r.contentType, r.body = "text/plain", s.content
	case reply:
		r.path, r.body = "/conversations/"+t.conversations[inbox+"/"+s.about]+"/replies", encode(map[string]string{"id": s.ids[0], "text": textOf(s.ids[0])})
	case accept:
		r.path = "/conversations/" + t.conversations[inbox+"/"+s.about] + "/accept"
		r.body = encode(map[string]string{"id": "accept-" + s.about})
	case resolve:
		r.path = "/conversations/" + t.conversations[inbox+"/"+s.about] + "/resolve"
		r.body = encode(map[string]string{"id": "resolve-" + s.about})
	}
	return r
}

// row is what a message was answered with.
type row struct {
	Message, Conversation, Agent, Summary string
	Status                                any // a number in a row that was refused
	Sequence                              int64
	Agents                                []string
	Code                                  string // of a row that was refused
}

// rows are the answers to the messages of an exchange.
func (x *exchange) rows() ([]row, error) {
	if len(x.step.ids) == 1 {
		rows := make([]row, 1)
		return rows, json.Unmarshal(x.answer, &rows[0])
	}
	var batch struct{ Results []row }
	err := json.Unmarshal(x.answer, &batch)
	if err == nil && len(batch.Results) != len(x.step.ids) {
		err = fmt.Errorf("%d messages have %d results", len(x.step.ids), len(batch.Results))
	}
	return batch.Results, err
}

// learn takes an answer in; whole says that nothing of it was refused.
func (t *told) learn(x *exchange) (whole bool, err error) {
	if !x.done() {
		return false, nil
	}
	switch x.step.sort {
	case token:
		var made struct{ Token string }
		if err := json.Unmarshal(x.answer, &made); err != nil || made.Token == "" {
			return false, fmt.Errorf("no token in %s: %w", x.answer, err)
		}
		t.tokens[x.step.about] = made.Token
	case upload:
		var made struct{ ID string }
		if err := json.Unmarshal(x.answer, &made); err != nil || made.ID == "" {
			return false, fmt.Errorf("no id in %s: %w", x.answer, err)
		}
		t.files[x.step.about] = made.ID
	case messages:
		rows, err := x.rows()
		if err != nil {
			return false, err
		}
		for _, r := range rows {
			if r.Code != "" {
				return false, nil
			}
			t.conversations[x.step.inbox+"/"+x.step.about] = r.Conversation
		}
	}
	return true, nil
}

func digest(b []byte) [32]byte { return sha256.Sum256(b) }

func sameJSON(a, b []byte) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	xs, _ := json.Marshal(x) // what was decoded encodes
	ys, _ := json.Marshal(y)
	return bytes.Equal(xs, ys)
}
