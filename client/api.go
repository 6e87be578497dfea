package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// prefix is where the routes of the API begin.
const prefix = "/api/v1"

// longestAnswer bounds what is read of an answer.
const longestAnswer = 64 << 20

// RefusedError is a refusal of the HTTP API (RFC 9457). Code is stable; Field is a JSON pointer into what was sent.
type RefusedError struct {
	Type    string       `json:"type"`
	Title   string       `json:"title"`
	Status  int          `json:"status"`
	Detail  string       `json:"detail"`
	Code    string       `json:"code"`
	Field   string       `json:"field"`
	Errors  []FieldError `json:"errors"`
	Request string       `json:"request"` // the request's id, for whoever reads the server's log
	// RetryAfter is how long to wait before trying again; 0 where that is no use.
	RetryAfter time.Duration `json:"-"`
}

// FieldError is one of several things that are wrong.
type FieldError struct {
	Field    string `json:"field"`
	Document string `json:"document"` // the policy document that Field points into, as kind/name
	Line     int    `json:"line"`
	Message  string `json:"message"`
}

// Error says what happened and where.
func (p *RefusedError) Error() string {
	text := p.Detail
	if text == "" {
		text = http.StatusText(p.Status)
	}
	if p.Field != "" && len(p.Errors) == 0 {
		text += " (" + p.Field + ")"
	}
	for _, e := range p.Errors {
		text += "; " + strings.TrimSpace(strings.TrimSpace(e.Document+" "+e.Field)+": "+e.Message)
	}
	return fmt.Sprintf("%d %s: %s", p.Status, p.Code, text)
}

// UnmarshalJSON implements json.Unmarshaler; in a batch the time to wait is a member.
func (p *RefusedError) UnmarshalJSON(b []byte) error {
	type plain RefusedError
	more := struct {
		*plain
		RetryAfter int `json:"retry_after"`
	}{plain: (*plain)(p)}
	if err := json.Unmarshal(b, &more); err != nil {
		return err
	}
	p.RetryAfter = time.Duration(more.RetryAfter) * time.Second
	return nil
}

// AsRefused finds the refusal in an error's chain, or nil.
func AsRefused(err error) *RefusedError {
	var p *RefusedError
	if errors.As(err, &p) {
		return p
	}
	return nil
}

// Call is one request of the API.
type Call struct {
	Method string
	Path   string // without /api/v1; its parts escaped, see Path
	Query  url.Values
	// IfMatch is the revision that a change was made against; -1 accepts any. It is sent with PUT and DELETE of the policy only.
	IfMatch int64
	Lang    string // "zh" or "en"; "" leaves it to the server
	Body    any
}

// Path joins parts to a path, escaping each.
func Path(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(p))
	}
	return b.String()
}

// Do makes a call and decodes the answer into out, unless that is nil. It returns the status. A refusal is a *RefusedError; any other error means that nobody
// answered, or something else than Bida.
func (c *Client) Do(ctx context.Context, call Call, out any) (status int, err error) {
	w, err := c.send(ctx, call)
	if err != nil {
		return 0, err
	}
	defer func() { _ = w.Body.Close() }() // it was read
	raw, err := io.ReadAll(io.LimitReader(w.Body, longestAnswer))
	if err != nil {
		return w.StatusCode, fmt.Errorf("the answer broke off: %w", err)
	}
	if w.StatusCode < 200 || w.StatusCode > 299 {
		return w.StatusCode, refusal(w, raw)
	}
	if out == nil || len(raw) == 0 {
		return w.StatusCode, nil
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return w.StatusCode, fmt.Errorf("the answer cannot be read: %w", err)
	}
	return w.StatusCode, nil
}

// Download makes a call whose answer is a file and copies it to w, piece by piece. Errors are as those of Do; after one, what was written is not whole.
func (c *Client) Download(ctx context.Context, call Call, w io.Writer) error {
	answer, err := c.send(ctx, call)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }() // it was read
	if answer.StatusCode != http.StatusOK {
		raw, err := io.ReadAll(io.LimitReader(answer.Body, longestAnswer))
		if err != nil {
			return fmt.Errorf("the answer broke off: %w", err)
		}
		return refusal(answer, raw)
	}
	if _, err := io.Copy(w, answer.Body); err != nil {
		return fmt.Errorf("the answer broke off: %w", err)
	}
	return nil
}

// send makes a call; the caller closes the answer's body.
func (c *Client) send(ctx context.Context, call Call) (*http.Response, error) {
	var body io.Reader
	if call.Body != nil {
		raw, err := json.Marshal(call.Body)
		if err != nil {
			return nil, fmt.Errorf("the body: %w", err)
		}
		body = bytes.NewReader(raw)
	}
	address := strings.TrimSuffix(c.base.String(), "/") + prefix + call.Path
	if len(call.Query) > 0 {
		address += "?" + call.Query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, call.Method, address, body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	if call.Lang != "" {
		r.Header.Set("Accept-Language", call.Lang)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if strings.HasPrefix(call.Path, "/policy") && (call.Method == http.MethodPut || call.Method == http.MethodDelete) {
		r.Header.Set("If-Match", ifMatch(call.IfMatch))
	}
	return c.http.Do(r)
}

func ifMatch(revision int64) string {
	if revision < 0 {
		return "*"
	}
	return `"` + strconv.FormatInt(revision, 10) + `"`
}

// refusal reads a problem. What stands between may answer in its own way, so what cannot be read is told by its status.
func refusal(w *http.Response, raw []byte) error {
	p := &RefusedError{}
	if err := json.Unmarshal(raw, p); err != nil {
		p = &RefusedError{}
	}
	p.Status = w.StatusCode
	if seconds, err := strconv.Atoi(w.Header.Get("Retry-After")); err == nil && seconds > 0 {
		p.RetryAfter = time.Duration(seconds) * time.Second
	}
	return p
}

// Document is a document of the policy. Revision is the one that last changed it; writing ignores it.
type Document struct {
	Kind     string          `json:"kind"`
	Name     string          `json:"name"`
	Spec     json.RawMessage `json:"spec"`
	Revision int64           `json:"revision,omitempty"`
}

// Policy is the policy at a revision.
type Policy struct {
	Revision  int64      `json:"revision"`
	Documents []Document `json:"documents"`
}

// Applied is what a change of the policy did.
type Applied struct {
	Revision int64 `json:"revision"` // in force now; the old one if there was nothing to do
	Changes  []struct {
		Kind   string `json:"kind"`
		Name   string `json:"name"`
		Action string `json:"action"` // create, update or delete
	} `json:"changes"`
}

// Policy reads the policy, as it was at a revision or, with 0, now.
func (c *Client) Policy(ctx context.Context, revision int64) (p Policy, err error) {
	call := Call{Method: http.MethodGet, Path: "/policy"}
	if revision != 0 {
		call.Query = url.Values{"revision": {strconv.FormatInt(revision, 10)}}
	}
	_, err = c.Do(ctx, call, &p)
	return p, err
}

// PutPolicy makes the policy agree with documents, if base is still the revision in force. With prune, what is not among them is deleted.
func (c *Client) PutPolicy(ctx context.Context, base int64, documents []Document, prune bool) (a Applied, err error) {
	body := struct {
		Documents []Document `json:"documents"`
		Prune     bool       `json:"prune,omitempty"`
	}{documents, prune}
	_, err = c.Do(ctx, Call{Method: http.MethodPut, Path: "/policy", IfMatch: base, Body: body}, &a)
	return a, err
}

// Document reads one document.
func (c *Client) Document(ctx context.Context, kind, name string) (d Document, err error) {
	_, err = c.Do(ctx, Call{Method: http.MethodGet, Path: Path("policy", "documents", kind, name)}, &d)
	return d, err
}

// PutDocument writes one document, if it was not changed after revision base.
func (c *Client) PutDocument(ctx context.Context, base int64, kind, name string, spec any) (d Document, err error) {
	body := struct {
		Spec any `json:"spec"`
	}{spec}
	_, err = c.Do(ctx, Call{Method: http.MethodPut, Path: Path("policy", "documents", kind, name), IfMatch: base, Body: body}, &d)
	return d, err
}

// DeleteDocument deletes one document, if it was not changed after revision base.
func (c *Client) DeleteDocument(ctx context.Context, base int64, kind, name string) (a Applied, err error) {
	_, err = c.Do(ctx, Call{Method: http.MethodDelete, Path: Path("policy", "documents", kind, name), IfMatch: base}, &a)
	return a, err
}

// Contact is a customer as the sender knows it.
type Contact struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
}

// Message is a customer's message to be handed in. ID is the sender's own: the same one again is answered with the first answer.
type Message struct {
	ID           string     `json:"id"`
	Contact      Contact    `json:"contact"`
	Conversation string     `json:"conversation,omitempty"`
	Kind         string     `json:"kind,omitempty"`
	Text         string     `json:"text"`
	SentAt       *time.Time `json:"sent_at,omitempty"`
}

// Answer says what became of a message.
type Answer struct {
	Message      string   `json:"message"`
	Conversation string   `json:"conversation"`
	Sequence     int64    `json:"sequence"`
	Status       string   `json:"status"` // routed, offered or waiting
	Agent        string   `json:"agent"`
	Agents       []string `json:"agents"`
	Summary      string   `json:"summary"`
	// Again says that the id had been used before, and that this is the first answer.
	Again bool `json:"-"`
}

// PostMessage hands a message in. Without an error it is durable.
func (c *Client) PostMessage(ctx context.Context, inbox string, m Message) (a Answer, err error) {
	status, err := c.Do(ctx, Call{Method: http.MethodPost, Path: Path("inboxes", inbox, "messages"), Body: m}, &a)
	a.Again = status == http.StatusOK
	return a, err
}

// BatchResult is what became of one message of a batch: Problem is nil if it was taken in.
type BatchResult struct {
	Answer
	Problem *RefusedError
}

// UnmarshalJSON implements json.Unmarshaler.
func (r *BatchResult) UnmarshalJSON(b []byte) error {
	var which struct {
		Code string `json:"code"`
	}
	if err := json.Unmarshal(b, &which); err != nil {
		return err
	}
	if which.Code == "" {
		return json.Unmarshal(b, &r.Answer)
	}
	r.Problem = &RefusedError{}
	return json.Unmarshal(b, r.Problem)
}

// PostBatch hands up to 512 messages in, each alone and in order.
func (c *Client) PostBatch(ctx context.Context, inbox string, messages []Message) ([]BatchResult, error) {
	body := struct {
		Messages []Message `json:"messages"`
	}{messages}
	var out struct {
		Results []BatchResult `json:"results"`
	}
	_, err := c.Do(ctx, Call{Method: http.MethodPost, Path: Path("inboxes", inbox) + "/messages:batch", Body: body}, &out)
	if err == nil && len(out.Results) != len(messages) {
		err = fmt.Errorf("%d messages were answered with %d results", len(messages), len(out.Results))
	}
	return out.Results, err
}

// Reply is an answer for a customer.
type Reply struct {
	ID           string `json:"id"`
	Message      string `json:"message"`
	Conversation string `json:"conversation"`
	Contact      string `json:"contact"`
	Sequence     int64  `json:"sequence"` // among the replies to this contact
	Text         string `json:"text"`
	Agent        struct {
		Alias string `json:"alias"`
	} `json:"agent"`
	At    time.Time `json:"at"`
	State string    `json:"state"`
}

// Replies reads answers after a cursor ("" for the first) and returns the next cursor. Asking with it says that these have arrived.
func (c *Client) Replies(ctx context.Context, inbox, cursor string) (replies []Reply, next string, err error) {
	var out struct {
		Replies []Reply `json:"replies"`
		Cursor  string  `json:"cursor"`
	}
	call := Call{Method: http.MethodGet, Path: Path("inboxes", inbox, "replies")}
	if cursor != "" {
		call.Query = url.Values{"cursor": {cursor}}
	}
	_, err = c.Do(ctx, call, &out)
	return out.Replies, out.Cursor, err
}

// Answer writes to a customer. id is the writer's own: the same one again sends nothing.
func (c *Client) Answer(ctx context.Context, conversation, id, text string) (message string, err error) {
	body := map[string]string{"id": id, "text": text}
	var out struct {
		Message string `json:"message"`
	}
	_, err = c.Do(ctx, Call{Method: http.MethodPost, Path: Path("conversations", conversation, "replies"), Body: body}, &out)
	return out.Message, err
}

// Act carries out accept, resolve or release on a conversation.
func (c *Client) Act(ctx context.Context, conversation, action string) error {
	_, err := c.Do(ctx, Call{Method: http.MethodPost, Path: Path("conversations", conversation, action)}, nil)
	return err
}

// Transfer hands a conversation to a colleague.
func (c *Client) Transfer(ctx context.Context, conversation, to string) error {
	body := map[string]string{"to": to}
	_, err := c.Do(ctx, Call{Method: http.MethodPost, Path: Path("conversations", conversation, "transfer"), Body: body}, nil)
	return err
}

// Trace is a message's way. Message is "" when the request was refused and there is none.
type Trace struct {
	Message      string       `json:"message"`
	Inbox        string       `json:"inbox"`
	Kind         string       `json:"kind"`
	Conversation string       `json:"conversation"`
	Sequence     int64        `json:"sequence"`
	SenderID     string       `json:"sender_id"`
	Stages       []TraceStage `json:"stages"`
	Decision     *Decision    `json:"decision"`
	Decisions    []Decision   `json:"decisions"` // later ones, until it was answered
	Deliveries   []struct {
		Agent    string `json:"agent"`
		State    string `json:"state"`
		Attempts []struct {
			At         time.Time `json:"at"`
			Connection string    `json:"connection"`
			Result     string    `json:"result"`
			Error      string    `json:"error"`
		} `json:"attempts"`
	} `json:"deliveries"`
}

// TraceStage is one step.
type TraceStage struct {
	Stage  string    `json:"stage"`
	At     time.Time `json:"at"`
	Node   string    `json:"node"`
	Result string    `json:"result"`
	Code   string    `json:"code"`
	Agent  string    `json:"agent"`
}

// Decision is who could have a message, and who got it.
type Decision struct {
	Position   int64    `json:"position"`
	Revision   int64    `json:"revision"`
	Verdict    string   `json:"verdict"`
	Code       string   `json:"code"`
	Chosen     []string `json:"chosen"`
	Summary    string   `json:"summary"`
	Gates      []Gate   `json:"gates"` // about the message itself
	Candidates []struct {
		Agent string `json:"agent"`
		Gates []Gate `json:"gates"`
	} `json:"candidates"`
}

// Gate is the outcome of one check.
type Gate struct {
	Gate    string     `json:"gate"`
	Outcome string     `json:"outcome"`
	Code    string     `json:"code"`
	Until   *time.Time `json:"until"`
}

// Trace follows a message.
func (c *Client) Trace(ctx context.Context, message string) (t Trace, err error) {
	_, err = c.Do(ctx, Call{Method: http.MethodGet, Path: Path("messages", message, "trace")}, &t)
	return t, err
}

// TraceSender follows a message, or a refused request, by the sender's own id.
func (c *Client) TraceSender(ctx context.Context, inbox, senderID string) (t Trace, err error) {
	query := url.Values{"inbox": {inbox}, "sender_id": {senderID}}
	_, err = c.Do(ctx, Call{Method: http.MethodGet, Path: "/messages/trace", Query: query}, &t)
	return t, err
}

// Question is what a diagnosis is asked. All but Agent may be left out.
type Question struct {
	Agent, Inbox, Kind, Message string
	At                          time.Time
}

// Report is a diagnosis; Raw is all of it.
type Report struct {
	Verdict  string `json:"verdict"`
	Headline struct {
		ZH string `json:"zh"`
		EN string `json:"en"`
	} `json:"headline"`
	Position int64 `json:"position"`
	Revision int64 `json:"revision"`
	Findings []struct {
		Code     string `json:"code"`
		Gate     string `json:"gate"`
		Outcome  string `json:"outcome"`
		Primary  bool   `json:"primary"`
		Expected bool   `json:"expected"`
	} `json:"findings"`
	Raw json.RawMessage `json:"-"`
}

// Diagnose asks why an agent does, or does not, receive.
func (c *Client) Diagnose(ctx context.Context, q Question) (r Report, err error) {
	query := url.Values{}
	for name, value := range map[string]string{"agent": q.Agent, "inbox": q.Inbox, "kind": q.Kind, "message": q.Message} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if !q.At.IsZero() {
		query.Set("at", q.At.Format(time.RFC3339Nano))
	}
	if _, err = c.Do(ctx, Call{Method: http.MethodGet, Path: "/diagnosis", Query: query}, &r.Raw); err != nil {
		return r, err
	}
	return r, json.Unmarshal(r.Raw, &r)
}

// SetPresence says that an account is available, away, dnd or offline. A zero until means without end.
func (c *Client) SetPresence(ctx context.Context, account, value, reason string, until time.Time) error {
	body := struct {
		Value  string    `json:"value"`
		Reason string    `json:"reason,omitempty"`
		Until  time.Time `json:"until,omitzero"`
	}{value, reason, until}
	_, err := c.Do(ctx, Call{Method: http.MethodPut, Path: Path("accounts", account, "presence"), Body: body}, nil)
	return err
}

// SetState freezes, disables or reactivates an account.
func (c *Client) SetState(ctx context.Context, account, state, reason string, until time.Time) error {
	body := struct {
		State  string    `json:"state"`
		Reason string    `json:"reason,omitempty"`
		Until  time.Time `json:"until,omitzero"`
	}{state, reason, until}
	_, err := c.Do(ctx, Call{Method: http.MethodPut, Path: Path("accounts", account, "state"), Body: body}, nil)
	return err
}

// CreateToken makes a token for an account. Its text is returned here and never again.
func (c *Client) CreateToken(ctx context.Context, account, label string, expires time.Time) (id, token string, err error) {
	body := struct {
		Label   string    `json:"label,omitempty"`
		Expires time.Time `json:"expires,omitzero"`
	}{label, expires}
	var out struct {
		ID    string `json:"id"`
		Token string `json:"token"`
	}
	_, err = c.Do(ctx, Call{Method: http.MethodPost, Path: Path("accounts", account, "tokens"), Body: body}, &out)
	return out.ID, out.Token, err
}

// RevokeTokens revokes one token of an account, or all with "", and ends the sessions that rest on them.
func (c *Client) RevokeTokens(ctx context.Context, account, id string) error {
	call := Call{Method: http.MethodDelete, Path: Path("accounts", account, "tokens")}
	if id != "" {
		call.Query = url.Values{"id": {id}}
	}
	_, err := c.Do(ctx, call, nil)
	return err
}

// EndSessions ends one session of an account, or all with "".
func (c *Client) EndSessions(ctx context.Context, account, id string) error {
	call := Call{Method: http.MethodDelete, Path: Path("accounts", account, "sessions")}
	if id != "" {
		call.Query = url.Values{"id": {id}}
	}
	_, err := c.Do(ctx, call, nil)
	return err
}

// Me is the account that a token belongs to.
type Me struct {
	Account     string   `json:"account"`
	Agent       bool     `json:"agent"`
	Permissions []string `json:"permissions"`
	CanReceive  []struct {
		Inbox  string `json:"inbox"`
		Kind   string `json:"kind"`
		Can    bool   `json:"can"`
		Code   string `json:"code"`
		Reason string `json:"reason"`
	} `json:"can_receive"`
}

// Me asks who the token belongs to, and what it can receive now.
func (c *Client) Me(ctx context.Context) (m Me, err error) {
	_, err = c.Do(ctx, Call{Method: http.MethodGet, Path: "/me"}, &m)
	return m, err
}
