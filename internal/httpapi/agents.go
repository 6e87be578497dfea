package httpapi

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

// NamedBody is something with the name that people know it by.
type NamedBody struct {
	Name  string `json:"name"`
	Title string `json:"title,omitempty"`
}

// CellsBody counts the cells (inbox and kind) of an account by what the gates say of them now.
type CellsBody struct {
	Of         int `json:"of" doc:"all of them"`
	Pass       int `json:"pass" doc:"it can receive"`
	Wait       int `json:"wait" doc:"it can receive again at a known time"`
	Unknown    int `json:"unknown"`
	Unexpected int `json:"unexpected" doc:"stopped, and not on purpose"`
	// Gate, Code and Reason are of what stops most of the unexpected cells, of the others if there are none.
	Gate   string `json:"gate,omitempty" doc:"what stops most of the unexpected cells, of the expected ones if there are no others"`
	Code   string `json:"code,omitempty"`
	Reason string `json:"reason,omitempty"`
	Until  *Time  `json:"until,omitempty" doc:"when that ends by itself"`
}

// AccountBody is an account as lists show it.
type AccountBody struct {
	Name        string      `json:"name"`
	Title       string      `json:"title,omitempty"`
	Alias       string      `json:"alias,omitempty"`
	Number      string      `json:"number,omitempty"`
	Position    string      `json:"position,omitempty"`
	Agent       bool        `json:"agent"`
	State       string      `json:"state" enum:"invited,active,disabled,frozen,banned,left,expired" doc:"as it works now: expired also where the account ended, active where a freeze did"`
	StateReason string      `json:"state_reason,omitempty"`
	StateUntil  *Time       `json:"state_until,omitempty" doc:"when a frozen account is active again by itself"`
	Expires     *Time       `json:"expires,omitempty"`
	Roles       []NamedBody `json:"roles"`
	Teams       []NamedBody `json:"teams"`
	Presence    string      `json:"presence" enum:"available,away,dnd,offline,unknown"`
	Online      bool        `json:"online" doc:"it has an open realtime connection"`
	Sessions    int         `json:"sessions"`
	Load        int         `json:"load" doc:"open conversations that it has"`
	Cells       CellsBody   `json:"cells"`
	HasPassword bool        `json:"has_password"`
}

type (
	accountsOutput struct {
		Body struct {
			Revision int64         `json:"revision" doc:"of the policy"`
			At       Time          `json:"at" doc:"when this was so"`
			Accounts []AccountBody `json:"accounts" doc:"in order of name"`
		}
	}
	accountOutput struct{ Body AccountBody }
)

func (s *Server) listAccounts(_ context.Context, by caller, _ *none) (*accountsOutput, error) {
	r := s.roster(by.lang)
	out := &accountsOutput{}
	out.Body.Revision, out.Body.At, out.Body.Accounts = r.set.Revision(), s.time(r.now), []AccountBody{}
	for _, d := range r.set.All() {
		if d.Kind == policy.KindAccount {
			out.Body.Accounts = append(out.Body.Accounts, r.account(d.Name))
		}
	}
	return out, nil
}

func (s *Server) readAccount(_ context.Context, by caller, in *AccountName) (*accountOutput, error) {
	if _, err := s.account(in.Name); err != nil {
		return nil, err
	}
	return &accountOutput{Body: s.roster(by.lang).account(in.Name)}, nil
}

// roster is the accounts at one moment, with what is worked out once for all of them.
type roster struct {
	s      *Server
	view   *ledger.View
	set    *policy.Set
	policy *reception.Policy
	now    time.Time
	lang   string
	teams  map[string][]NamedBody
	cells  map[string][]cellName
}

type cellName struct{ inbox, kind string }

func (s *Server) roster(lang string) *roster {
	view := s.o.Ledger.View()
	return s.rosterOf(view, view.Policy, lang)
}

// rosterOf is the roster as it would be with another policy.
func (s *Server) rosterOf(view *ledger.View, set *policy.Set, lang string) *roster {
	r := &roster{
		s: s, view: view, set: set, policy: set.Compile(), now: s.o.Now(), lang: lang,
		teams: map[string][]NamedBody{}, cells: map[string][]cellName{},
	}
	for _, d := range set.All() {
		switch d.Kind {
		case policy.KindTeam:
			spec, _ := set.Team(d.Name)
			for _, m := range spec.Members {
				r.teams[m] = append(r.teams[m], NamedBody{Name: d.Name, Title: spec.Title})
			}
		case policy.KindInbox:
			in := r.policy.Inboxes[d.Name]
			for _, m := range in.Members {
				for _, kind := range in.Kinds {
					r.cells[m.Account] = append(r.cells[m.Account], cellName{d.Name, kind})
				}
			}
		}
	}
	return r
}

func (r *roster) account(name string) AccountBody {
	spec, _ := r.set.Account(name)
	facts := r.view.Agent(name)
	login, _ := r.s.o.Ledger.Login(name)
	b := AccountBody{
		Name: name, Title: spec.Title, Alias: spec.Alias, Number: spec.Number, Position: spec.Position, Agent: spec.Agent,
		State: spec.State, StateReason: spec.StateReason, StateUntil: r.s.maybe(spec.StateUntil), Expires: r.s.maybe(spec.Expires),
		Roles: []NamedBody{}, Teams: r.teams[name], Presence: facts.Presence.Value.String(), Online: len(r.view.Sockets(name)) > 0,
		Sessions: len(r.view.Sessions(name)), Cells: r.count(name), HasPassword: login.PasswordHash != "",
	}
	switch cell := reception.MaySignIn(r.policy, name, r.now); {
	case cell.Code == reception.CodeAccountStateExpired:
		b.State = reception.Expired.String()
	case cell.Outcome == reception.Pass:
		b.State, b.StateUntil = reception.Active.String(), nil
	}
	if b.State == reception.Active.String() {
		b.StateReason = ""
	}
	for _, role := range spec.Roles {
		b.Roles = append(b.Roles, NamedBody{Name: role, Title: r.roleTitle(role)})
	}
	if b.Teams == nil {
		b.Teams = []NamedBody{}
	}
	for _, s := range facts.Shares {
		b.Load += s.Load
	}
	return b
}

func (r *roster) roleTitle(name string) string {
	spec, _ := r.set.Role(name)
	return spec.Title
}

// count looks at every cell of an account.
func (r *roster) count(account string) CellsBody {
	cells := r.cells[account]
	b := CellsBody{Of: len(cells)}
	type stop struct {
		gate     reception.Gate
		cell     reception.Cell
		expected bool
		cells    int
	}
	var stops []stop
	for _, c := range cells {
		v := reception.Explain(r.policy, r.view, c.inbox, c.kind, account, r.now)
		g := v.First()
		if g == reception.GateCount {
			b.Pass++
			continue
		}
		x := stop{gate: g, cell: v[g], expected: reception.Expected(r.policy, r.view, account, g, v[g])}
		switch x.cell.Outcome {
		case reception.Wait:
			b.Wait++
		case reception.Unknown:
			b.Unknown++
		}
		if !x.expected {
			b.Unexpected++
		}
		i := slices.IndexFunc(stops, func(o stop) bool { return o.cell.Code == x.cell.Code })
		if i < 0 {
			i = len(stops)
			stops = append(stops, x)
		}
		stops[i].cells++
	}
	if len(stops) == 0 {
		return b
	}
	first := slices.MinFunc(stops, func(a, b stop) int {
		if a.expected != b.expected {
			if b.expected {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(b.cells, a.cells), cmp.Compare(a.gate, b.gate))
	})
	b.Gate, b.Code, b.Reason = first.gate.String(), first.cell.Code.String(), reception.Lookup(first.cell.Code).Title.In(r.lang)
	if first.cell.Until != 0 {
		b.Until = r.s.maybe(time.UnixMicro(first.cell.Until))
	}
	return b
}
