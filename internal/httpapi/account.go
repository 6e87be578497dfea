package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/governance"
	"github.com/bidahq/bida/internal/identity"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

var errNoAccount = problem.New(problem.NotFound, "account.not_found", "There is no such account.", "没有这个账号。").On("/name")

func (c caller) asked() identity.Asked {
	return identity.Asked{By: c.account, Source: "api", Request: c.request}
}

// account refuses names that the policy does not have.
func (s *Server) account(name string) (policy.AccountSpec, error) {
	spec, ok := s.o.Ledger.Policy().Account(name)
	if !ok {
		return spec, errNoAccount
	}
	return spec, nil
}

// TokenBody is a token without its text.
type TokenBody struct {
	ID        string `json:"id"`
	Label     string `json:"label,omitempty"`
	CreatedAt Time   `json:"created_at"`
	CreatedBy string `json:"created_by"`
	Expires   *Time  `json:"expires,omitempty"`
	LastUsed  *Time  `json:"last_used,omitempty" doc:"to the minute"`
	RevokedAt *Time  `json:"revoked_at,omitempty"`
	RevokedBy string `json:"revoked_by,omitempty"`
}

type (
	// AccountName names an account in the path.
	AccountName struct {
		Name string `path:"name"`
	}
	// AccountItem names one thing of an account, or all.
	AccountItem struct {
		AccountName
		ID string `query:"id" doc:"one of them; leave it out for all"`
	}
	tokensOutput struct {
		Body struct {
			Tokens []TokenBody `json:"tokens"`
		}
	}
	tokenOutput struct {
		Body struct {
			ID      string `json:"id"`
			Token   string `json:"token" doc:"shown here and never again"`
			Expires *Time  `json:"expires,omitempty"`
		}
	}
	revokedOutput struct {
		Body struct {
			Revoked []string `json:"revoked" doc:"ids"`
		}
	}
)

func (s *Server) listTokens(ctx context.Context, _ caller, in *AccountName) (*tokensOutput, error) {
	if _, err := s.account(in.Name); err != nil {
		return nil, err
	}
	rows, err := s.o.Store.TokensOf(ctx, in.Name)
	if err != nil {
		return nil, fmt.Errorf("tokens of %s: %w", in.Name, err)
	}
	out := &tokensOutput{}
	out.Body.Tokens = []TokenBody{}
	for _, t := range rows {
		out.Body.Tokens = append(out.Body.Tokens, TokenBody{
			ID: t.ID, Label: t.Label, CreatedAt: s.time(t.CreatedAt), CreatedBy: t.CreatedBy, Expires: s.maybe(t.ExpiresAt), LastUsed: s.maybe(t.LastUsed),
			RevokedAt: s.maybe(t.RevokedAt), RevokedBy: t.RevokedBy,
		})
	}
	return out, nil
}

func (s *Server) createToken(ctx context.Context, by caller, in *struct {
	AccountName
	Body *struct {
		Label   string    `json:"label,omitempty" maxLength:"100"`
		Expires time.Time `json:"expires,omitzero"`
	} `nameHint:"TokenInput"`
}) (*tokenOutput, error) {
	var label string
	var expires time.Time
	if in.Body != nil {
		label, expires = in.Body.Label, in.Body.Expires
	}
	id, token, err := s.o.Identity.CreateToken(ctx, in.Name, label, expires, by.asked())
	if err != nil {
		return nil, err
	}
	out := &tokenOutput{}
	out.Body.ID, out.Body.Token, out.Body.Expires = id, token, s.maybe(expires)
	return out, nil
}

func (s *Server) revokeTokens(ctx context.Context, by caller, in *AccountItem) (*revokedOutput, error) {
	if _, err := s.account(in.Name); err != nil {
		return nil, err
	}
	ids, err := s.o.Identity.RevokeTokens(ctx, in.Name, in.ID, by.asked())
	if err != nil {
		return nil, err
	}
	out := &revokedOutput{}
	out.Body.Revoked = orEmpty(ids)
	return out, nil
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// SessionBody is a sign-in that holds, with its connections.
type SessionBody struct {
	ID          string           `json:"id"`
	How         string           `json:"how" enum:"password,token"`
	Token       string           `json:"token,omitempty" doc:"id of the token it rests on"`
	Client      string           `json:"client,omitempty"`
	Since       Time             `json:"since"`
	Current     bool             `json:"current" doc:"the one that this request is made with"`
	LastUsed    *Time            `json:"last_used,omitempty" doc:"to the minute; an open connection is use"`
	IdleEnds    *Time            `json:"idle_ends,omitempty" doc:"at a browser: when it ends if it is not used"`
	Ends        *Time            `json:"ends,omitempty" doc:"when it ends in any case"`
	Remote      string           `json:"remote,omitempty" doc:"at a browser: the address it began from"`
	UserAgent   string           `json:"user_agent,omitempty" doc:"as the browser said"`
	Connections []ConnectionBody `json:"connections"`
}

// ConnectionBody is an open realtime connection.
type ConnectionBody struct {
	ID                string `json:"id"`
	Client            string `json:"client"`
	About             string `json:"about,omitempty" doc:"the client's name and version, as it says"`
	Node              string `json:"node"`
	Since             Time   `json:"since"`
	UnresponsiveSince *Time  `json:"unresponsive_since,omitempty"`
}

type (
	sessionsOutput struct {
		Body struct {
			Sessions []SessionBody `json:"sessions"`
		}
	}
	endedOutput struct {
		Body struct {
			Ended []string `json:"ended" doc:"ids"`
		}
	}
)

func (s *Server) listSessions(ctx context.Context, by caller, in *AccountName) (*sessionsOutput, error) {
	if _, err := s.account(in.Name); err != nil {
		return nil, err
	}
	out := &sessionsOutput{}
	out.Body.Sessions = []SessionBody{}
	a := s.o.Ledger.Agent(in.Name)
	if a == nil {
		return out, nil
	}
	tokens, err := s.tokensByID(ctx, in.Name, a.Sessions)
	if err != nil {
		return nil, err
	}
	for _, x := range a.Sessions {
		b := SessionBody{ID: x.ID, How: "token", Token: x.Token, Client: x.Client, Since: s.time(x.At), Connections: []ConnectionBody{}}
		b.Current = x.ID == by.session || x.Token != "" && x.Token == by.token
		if t, ok := tokens[x.Token]; ok {
			b.LastUsed, b.Ends = s.maybe(t.LastUsed), s.maybe(t.ExpiresAt)
		}
		if r, ok := s.o.Ledger.BrowserSession(x.ID); ok {
			b.How, b.LastUsed, b.IdleEnds, b.Ends, b.Remote, b.UserAgent = "password", s.maybe(r.LastUsed), s.maybe(r.Runs()), s.maybe(r.EndsAt), r.Remote, r.UserAgent
		}
		for _, k := range a.Sockets {
			if k.Session == x.ID {
				b.Connections = append(b.Connections, ConnectionBody{
					ID: k.ID, Client: k.Client, About: k.About, Node: k.Node, Since: s.time(k.At), UnresponsiveSince: s.maybe(k.Unresponsive),
				})
			}
		}
		out.Body.Sessions = append(out.Body.Sessions, b)
	}
	return out, nil
}

// tokensByID reads the tokens of an account, if a session rests on one.
func (s *Server) tokensByID(ctx context.Context, account string, sessions []ledger.Session) (map[string]ledger.TokenRow, error) {
	if !slices.ContainsFunc(sessions, func(x ledger.Session) bool { return x.Token != "" }) {
		return nil, nil
	}
	rows, err := s.o.Store.TokensOf(ctx, account)
	if err != nil {
		return nil, fmt.Errorf("tokens of %s: %w", account, err)
	}
	byID := map[string]ledger.TokenRow{}
	for _, t := range rows {
		byID[t.ID] = t
	}
	return byID, nil
}

func (s *Server) endSessions(ctx context.Context, by caller, in *AccountItem) (*endedOutput, error) {
	if _, err := s.account(in.Name); err != nil {
		return nil, err
	}
	ids, err := s.o.Identity.EndSessions(ctx, in.Name, in.ID, by.asked())
	if err != nil {
		return nil, err
	}
	out := &endedOutput{}
	out.Body.Ended = orEmpty(ids)
	return out, nil
}

// PresenceBody is what an account, or a supervisor, says of its presence.
type PresenceBody struct {
	Account string `json:"account"`
	Value   string `json:"value" enum:"available,away,dnd,offline"`
	Reason  string `json:"reason,omitempty"`
	Until   *Time  `json:"until,omitempty"`
	Since   *Time  `json:"since,omitempty"`
	By      string `json:"by,omitempty"`
}

type presenceOutput struct{ Body PresenceBody }

func (s *Server) presence(name string) *presenceOutput {
	out := &presenceOutput{Body: PresenceBody{Account: name, Value: reception.Offline.String()}}
	if a := s.o.Ledger.Agent(name); a != nil {
		p := a.Facts.Presence
		out.Body.Value, out.Body.Reason, out.Body.Until = p.Value.String(), p.Reason, s.maybe(p.Until)
		out.Body.Since, out.Body.By = s.maybe(p.Origin.At), p.Origin.By
	}
	return out
}

func (s *Server) readPresence(_ context.Context, _ caller, in *AccountName) (*presenceOutput, error) {
	if _, err := s.account(in.Name); err != nil {
		return nil, err
	}
	return s.presence(in.Name), nil
}

func (s *Server) setPresence(ctx context.Context, by caller, in *struct {
	AccountName
	Body struct {
		Value  string    `json:"value" enum:"available,away,dnd,offline"`
		Reason string    `json:"reason,omitempty"`
		Until  time.Time `json:"until,omitzero"`
	} `nameHint:"PresenceInput"`
}) (*presenceOutput, error) {
	cmd := &governance.SetPresence{
		Account: in.Name, Value: in.Body.Value, Reason: in.Body.Reason, Until: in.Body.Until, By: by.account, Source: "api",
	}
	if err := s.o.Ledger.Do(ctx, cmd); err != nil {
		return nil, err
	}
	return s.presence(in.Name), nil
}

// StateBody is the state of an account.
type StateBody struct {
	Account  string `json:"account"`
	State    string `json:"state"`
	Reason   string `json:"reason,omitempty"`
	Until    *Time  `json:"until,omitempty"`
	Revision int64  `json:"revision" doc:"of the policy, in force now"`
}

type stateOutput struct{ Body StateBody }

func (s *Server) setState(ctx context.Context, by caller, in *struct {
	AccountName
	Body struct {
		State  string    `json:"state" enum:"invited,active,disabled,frozen,banned,left,expired"`
		Reason string    `json:"reason,omitempty" maxLength:"500"`
		Until  time.Time `json:"until,omitzero" doc:"when a frozen account is active again by itself"`
	} `nameHint:"StateInput"`
}) (*stateOutput, error) {
	applied, err := s.apply(ctx, by, in.Body.Reason, func(set *policy.Set) ([]policy.Edit, error) {
		spec, ok := set.Account(in.Name)
		if !ok {
			return nil, errNoAccount
		}
		spec.State, spec.StateReason, spec.StateUntil = in.Body.State, in.Body.Reason, in.Body.Until
		raw, err := json.Marshal(spec)
		if err != nil {
			return nil, fmt.Errorf("document of account %s: %w", in.Name, err)
		}
		return []policy.Edit{{Kind: policy.KindAccount, Name: in.Name, Spec: raw}}, nil
	})
	if err != nil {
		return nil, stateProblem(err)
	}
	return &stateOutput{Body: StateBody{
		Account: in.Name, State: in.Body.State, Reason: in.Body.Reason, Until: s.maybe(in.Body.Until), Revision: applied.Body.Revision,
	}}, nil
}

// stateProblem names the fields of the request where the refusal names those of the document.
func stateProblem(err error) error {
	e := problem.As(err)
	if e == nil {
		return err
	}
	fields := map[string]string{"/spec/state": "/state", "/spec/state_reason": "/reason", "/spec/state_until": "/until"}
	c := *e
	if f, ok := fields[c.Field]; ok {
		c.Field = f
	}
	c.Fields = append([]problem.Field(nil), e.Fields...)
	for i, f := range c.Fields {
		if mine, ok := fields[f.Field]; ok {
			c.Fields[i].Field = mine
		}
	}
	return &c
}

// CellBody says whether the account can receive a kind of message in an inbox now.
type CellBody struct {
	Inbox      string `json:"inbox"`
	InboxTitle string `json:"inbox_title"`
	Kind       string `json:"kind"`
	Can        bool   `json:"can"`
	Outcome    string `json:"outcome" enum:"pass,block,wait,unknown"`
	Gate       string `json:"gate,omitempty" doc:"the first that stops"`
	Code       string `json:"code,omitempty"`
	Reason     string `json:"reason,omitempty"`
	Until      *Time  `json:"until,omitempty"`
}

type meOutput struct {
	Body struct {
		Account     string              `json:"account"`
		Title       string              `json:"title,omitempty"`
		Alias       string              `json:"alias,omitempty"`
		Number      string              `json:"number,omitempty"`
		Position    string              `json:"position,omitempty"`
		Agent       bool                `json:"agent"`
		Roles       []NamedBody         `json:"roles"`
		Inboxes     []MyInboxBody       `json:"inboxes" doc:"whose member it is, directly or by a team"`
		Token       string              `json:"token,omitempty" doc:"id of the token that was used"`
		Session     *BrowserSessionBody `json:"session,omitempty" doc:"of the browser that asks; left out where a token was used"`
		Permissions []string            `json:"permissions"`
		Presence    PresenceBody        `json:"presence"`
		CanReceive  []CellBody          `json:"can_receive"`
	}
}

func (s *Server) me(_ context.Context, by caller, _ *none) (*meOutput, error) {
	view, now := s.o.Ledger.View(), s.o.Now()
	compiled := view.Policy.Compile()
	spec, _ := view.Policy.Account(by.account)
	out := &meOutput{}
	b := &out.Body
	b.Account, b.Title, b.Alias, b.Agent, b.Token, b.Presence = by.account, spec.Title, spec.Alias, spec.Agent, by.token, s.presence(by.account).Body
	b.Number, b.Position, b.Session = spec.Number, spec.Position, s.browserSession(by.session)
	b.Permissions, b.CanReceive, b.Roles, b.Inboxes = []string{}, []CellBody{}, []NamedBody{}, []MyInboxBody{}
	for _, name := range spec.Roles {
		role, _ := view.Policy.Role(name)
		b.Roles = append(b.Roles, NamedBody{Name: name, Title: role.Title})
	}
	for _, p := range policy.AllPermissions(view.Policy) {
		if reception.Can(compiled, by.account, p.Name, now) {
			b.Permissions = append(b.Permissions, p.Name)
		}
	}
	for _, d := range view.Policy.All() {
		in := compiled.Inboxes[d.Name]
		if d.Kind != policy.KindInbox || in == nil || in.Member(by.account) == nil {
			continue
		}
		title, mode := inboxOf(view.Policy, d.Name)
		b.Inboxes = append(b.Inboxes, MyInboxBody{Name: d.Name, Title: title, Mode: mode, Kinds: orEmpty(in.Kinds)})
		for _, kind := range in.Kinds {
			cell := s.cell(compiled, view, d.Name, kind, by, now)
			cell.InboxTitle = title
			b.CanReceive = append(b.CanReceive, cell)
		}
	}
	return out, nil
}

func (s *Server) cell(p *reception.Policy, w *ledger.View, inbox, kind string, by caller, now time.Time) CellBody {
	v := reception.Explain(p, w, inbox, kind, by.account, now)
	b := CellBody{Inbox: inbox, Kind: kind, Can: true, Outcome: reception.Pass.String()}
	if g := v.First(); g != reception.GateCount {
		c := v[g]
		b.Can, b.Outcome, b.Gate, b.Code = false, c.Outcome.String(), g.String(), c.Code.String()
		b.Reason = reception.Lookup(c.Code).Title.In(by.lang)
		if c.Until != 0 {
			b.Until = s.maybe(time.UnixMicro(c.Until))
		}
	}
	return b
}
