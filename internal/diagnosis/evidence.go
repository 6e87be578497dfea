package diagnosis

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

// maxListed bounds how many conversations or messages one finding names.
const maxListed = 20

// prove gives a finding its evidence: the concrete facts and fields that the gate read.
func (r *run) prove(f *finding) error {
	switch f.gate {
	case reception.AccountState:
		r.proveState(f)
	case reception.AccountLogin:
		return r.proveLogin(f)
	case reception.RoleReceive:
		r.proveRight(f, policy.Receive)
	case reception.PermissionKind:
		if f.code == reception.CodePermissionKindParentOff {
			r.proveRight(f, policy.Receive)
			break
		}
		for _, kind := range r.kindsAbout(f) {
			r.proveRight(f, policy.Receive+"."+kind)
		}
	case reception.PermissionReply:
		r.proveRight(f, policy.MessageReply)
	case reception.MembershipInbox:
		r.proveMembership(f)
	case reception.WindowAgent:
		r.proveWindow(f)
	case reception.WindowInbox:
		r.proveHours(f)
	case reception.SwitchPlatform:
		r.proveSwitch(f, "platform")
	case reception.SwitchInbox:
		for _, inbox := range r.inboxesAbout(f) {
			r.proveSwitch(f, policy.KindInbox+"."+inbox)
		}
	case reception.SwitchAccount:
		r.proveSwitch(f, policy.KindAccount+"."+r.q.Agent)
	case reception.MaintenanceGate:
		r.proveMaintenance(f)
	case reception.ClientVersion:
		r.proveClients(f)
	case reception.SystemHealth:
		for _, x := range r.m.world.Failures() {
			f.add(r.fromFact("system/"+x.Component, "fails", &x.Origin))
		}
	case reception.PresenceGate:
		r.provePresence(f)
	case reception.ConnectionGate:
		r.proveConnection(f)
		if err := r.proveLastTold(f); err != nil {
			return err
		}
	case reception.Capacity:
		r.proveCapacity(f)
	}
	r.proveChange(f)
	return nil
}

func (f *finding) add(e ...Evidence) { f.evidence = append(f.evidence, e...) }

func (r *run) inboxesAbout(f *finding) []string {
	var list []string
	for _, i := range f.cells {
		list = append(list, r.cells[i].inbox)
	}
	return slices.Compact(list) // cells come inbox by inbox
}

func (r *run) kindsAbout(f *finding) []string {
	var list []string
	for _, i := range f.cells {
		list = append(list, r.cells[i].kind)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// proveChange adds the revision that makes the difference.
func (r *run) proveChange(f *finding) {
	row := f.cause.row
	if row.Revision == 0 {
		return
	}
	if row.Source == whatIf {
		f.add(Evidence{Fact: whatIf, Value: "changed " + strings.Join(r.changed(f), ", "), Source: whatIf, At: r.instant(row.At)})
		return
	}
	value := "changed " + cmp.Or(strings.Join(r.changed(f), ", "), "settings")
	f.add(Evidence{Fact: fmt.Sprintf("revision/%d", row.Revision), Value: value, Source: sourceOf(row), At: r.instant(row.At), who: row.By})
}

// changed names the documents that bear on the finding's gate and that its revision changed.
func (r *run) changed(f *finding) []string {
	if f.filter != nil {
		return []string{policy.KindFilter + "/" + f.filter.rule}
	}
	var list []string
	for _, inbox := range r.inboxesAbout(f) {
		family := r.history.families[inbox]
		if family == nil {
			continue
		}
		for _, k := range family.keys {
			if bears(f.gate, k, r.q.Agent) && r.history.changedIn(k, f.cause.row.Revision) {
				list = append(list, k.kind+"/"+k.name)
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func (h *history) changedIn(k docKey, revision int64) bool {
	return slices.ContainsFunc(h.docs[k], func(v version) bool { return v.from == revision || v.to == revision })
}

// sourceOf says where a change of settings came from.
func sourceOf(row ledger.RevisionRow) string {
	if row.Source == whatIf {
		return whatIf
	}
	return strings.Join(slices.DeleteFunc([]string{fmt.Sprintf("revision %d", row.Revision), "{who}", row.Source}, func(s string) bool { return s == "" }), ", ")
}

// fromDocument is evidence that stands in a document: path is that of the field. Author and time are those of the document's newest revision.
func (r *run) fromDocument(kind, name, path, value string) Evidence {
	e := Evidence{Fact: kind + "/" + name + " " + path, Value: value, Source: "policy"}
	var revision int64
	if d, ok := r.m.set.Get(kind, name); ok {
		revision = d.Revision
	} else if _, builtin := policy.Builtin(kind, name); builtin {
		e.Source = "built-in"
		return e
	}
	if revision == 0 {
		return e
	}
	row, err := r.history.revision(revision)
	if err != nil { // the rest of the evidence stands without it
		e.Source = fmt.Sprintf("revision %d", revision)
		return e
	}
	e.Source, e.who, e.At = sourceOf(row), row.By, r.instant(row.At)
	return e
}

// fromFact is evidence from a fact of the ledger.
func (r *run) fromFact(fact, value string, o *reception.Origin) Evidence {
	e := Evidence{Fact: fact, Value: value, Source: "no record", At: r.instant(o.At)}
	if o.Position != 0 {
		e.Source = fmt.Sprintf("position %d", o.Position)
		for _, part := range []string{o.Source, o.By} {
			if part != "" && part == o.By {
				e.who, part = o.By, "{who}"
			}
			if part != "" {
				e.Source += ", " + part
			}
		}
	}
	return e
}

func (r *run) proveState(f *finding) {
	name := r.q.Agent
	spec, ok := r.m.set.Account(name)
	if !ok {
		f.add(r.fromDocument(policy.KindAccount, name, "", "does not exist"))
		return
	}
	f.add(r.fromDocument(policy.KindAccount, name, "/spec/state", spec.State))
	if spec.StateReason != "" {
		f.add(r.fromDocument(policy.KindAccount, name, "/spec/state_reason", spec.StateReason))
	}
	if !spec.StateUntil.IsZero() {
		f.add(r.fromDocument(policy.KindAccount, name, "/spec/state_until", r.clock(spec.StateUntil)))
	}
	if !spec.Expires.IsZero() {
		f.add(r.fromDocument(policy.KindAccount, name, "/spec/expires", r.clock(spec.Expires)))
	}
}

// clock writes an instant as evidence shows it.
func (r *run) clock(t time.Time) string { return Instant(t.In(r.s.zone)).String() }

// proveLogin shows the session and, where it rests on a token that is gone, the token.
func (r *run) proveLogin(f *finding) error {
	s := &r.m.world.Agent(r.q.Agent).Session
	states := map[reception.SessionState]string{
		reception.SessionNever: "never", reception.SessionActive: "active", reception.SessionEnded: "ended",
	}
	value := cmp.Or(states[s.State], "unknown")
	if s.Origin.Cause != "" && s.Origin.Cause != value {
		value += ": " + s.Origin.Cause
	}
	f.add(r.fromFact("session", value, &s.Origin))
	if r.blind {
		return nil
	}
	tokens, err := r.s.Policies.TokensOf(r.ctx, r.q.Agent)
	if err != nil {
		return err
	}
	live := 0
	for _, t := range tokens {
		if t.CreatedAt.After(r.m.at) {
			continue
		}
		switch {
		case !t.RevokedAt.IsZero() && !t.RevokedAt.After(r.m.at):
			if len(f.evidence) < maxListed {
				f.add(Evidence{Fact: "token/" + t.ID, Value: "revoked", Source: "{who}", At: r.instant(t.RevokedAt), who: t.RevokedBy})
			}
		case !t.ExpiresAt.IsZero() && !t.ExpiresAt.After(r.m.at):
			if len(f.evidence) < maxListed {
				f.add(Evidence{Fact: "token/" + t.ID, Value: "expired", Source: "expiry set at creation", At: r.instant(t.ExpiresAt)})
			}
		default:
			live++
		}
	}
	if login, ok := r.s.Ledger.Login(r.q.Agent); ok && login.PasswordHash != "" && !login.UpdatedAt.After(r.m.at) {
		r.password = true
		f.add(Evidence{Fact: "password", Value: "set", Source: "{who}", At: r.instant(login.UpdatedAt), who: login.UpdatedBy})
	}
	r.noToken = live == 0 && !r.password
	f.add(Evidence{Fact: "tokens", Value: fmt.Sprintf("%d valid", live), Source: "token list", At: r.instant(r.m.at)})
	return nil
}

// proveRight shows what decides about a permission: the grant, and where each part of it stands.
func (r *run) proveRight(f *finding, permission string) {
	name := r.q.Agent
	spec, ok := r.m.set.Account(name)
	if !ok {
		return
	}
	if permission == policy.Receive && !spec.Agent {
		f.add(r.fromDocument(policy.KindAccount, name, "/spec/agent", "false"))
		return
	}
	right := r.m.policy.Accounts[name].Rights[permission]
	grant, _ := right.Decides(r.m.now)
	e := r.fromDocument(policy.KindAccount, name, "", permission+": "+grant.String())
	e.Fact, e.Source, e.At, e.who = "right/"+permission, "decided", r.instant(r.m.now), ""
	f.add(e)
	list := func(field string, grants []policy.Grant) {
		for i, g := range grants {
			if g.Permission != permission {
				continue
			}
			value := permission
			if !g.Until.IsZero() {
				value += " until " + r.clock(g.Until)
			}
			f.add(r.fromDocument(policy.KindAccount, name, "/spec/"+field+"/"+strconv.Itoa(i), value))
		}
	}
	list("deny", spec.Deny)
	list("allow", spec.Allow)
	if len(spec.Roles) == 0 {
		f.add(r.fromDocument(policy.KindAccount, name, "/spec/roles", "none"))
	}
	for i, role := range spec.Roles {
		value := role + ": does not grant " + permission
		if slices.Contains(r.m.set.RolePermissions(role), permission) {
			value = role + ": grants " + permission
		}
		f.add(r.fromDocument(policy.KindAccount, name, "/spec/roles/"+strconv.Itoa(i), value))
		r.proveRole(f, role, permission)
	}
}

// proveRole shows where a role lacks a permission: in its own list, beside what its template has, or in the template that it follows.
func (r *run) proveRole(f *finding, role, permission string) {
	spec, ok := r.m.set.Role(role)
	switch {
	case !ok || slices.Contains(r.m.set.RolePermissions(role), permission):
	case spec.Permissions == nil:
		f.add(r.fromDocument(policy.KindTemplate, spec.Template, "/spec/permissions", "lacks "+permission))
	default:
		value := "lacks " + permission
		if missing, _ := policy.RoleTemplateDifference(r.m.set, role); slices.Contains(missing, permission) {
			value += ", which its template " + spec.Template + " has"
		}
		f.add(r.fromDocument(policy.KindRole, role, "/spec/permissions", value))
	}
}

func (r *run) proveMembership(f *finding) {
	agent := r.q.Agent
	for _, inbox := range r.inboxesAbout(f) {
		if inbox == "" {
			f.add(Evidence{Fact: "memberships", Value: "none, and none in the last 30 days", Source: fmt.Sprintf("revision %d", r.m.revision)})
			continue
		}
		spec, ok := r.m.set.Inbox(inbox)
		if !ok {
			f.add(r.fromDocument(policy.KindInbox, inbox, "", "does not exist"))
			continue
		}
		f.add(r.fromDocument(policy.KindInbox, inbox, "/spec/members/accounts", agent+" is not listed"))
		for i, team := range spec.Members.Teams {
			f.add(r.fromDocument(policy.KindInbox, inbox, "/spec/members/teams/"+strconv.Itoa(i), team))
			f.add(r.fromDocument(policy.KindTeam, team, "/spec/members", agent+" is not listed"))
		}
	}
}

// proveWindow shows the schedules that bear on the agent's window, where they are assigned, and when they open next.
func (r *run) proveWindow(f *finding) {
	agent := r.q.Agent
	spec, _ := r.m.set.Account(agent)
	for i, name := range spec.Windows {
		f.add(r.fromDocument(policy.KindAccount, agent, "/spec/windows/"+strconv.Itoa(i), name))
	}
	r.proveExtensions(f, policy.KindAccount, agent, spec.Extensions)
	schedules := slices.Clone(spec.Windows)
	for _, inbox := range r.inboxesAbout(f) {
		in := r.m.policy.Inboxes[inbox]
		if in == nil {
			continue
		}
		m := in.Member(agent)
		if m == nil || m.Direct {
			continue
		}
		for _, t := range m.Teams {
			team, _ := r.m.set.Team(t.Name)
			for i, name := range team.Windows {
				f.add(r.fromDocument(policy.KindTeam, t.Name, "/spec/windows/"+strconv.Itoa(i), name))
				schedules = append(schedules, name)
			}
			r.proveExtensions(f, policy.KindTeam, t.Name, team.Extensions)
		}
	}
	r.proveSchedules(f, schedules)
}

func (r *run) proveHours(f *finding) {
	var schedules []string
	for _, inbox := range r.inboxesAbout(f) {
		if spec, ok := r.m.set.Inbox(inbox); ok && spec.Hours != "" {
			f.add(r.fromDocument(policy.KindInbox, inbox, "/spec/hours", spec.Hours))
			r.proveExtensions(f, policy.KindInbox, inbox, spec.Extensions)
			schedules = append(schedules, spec.Hours)
		}
	}
	r.proveSchedules(f, schedules)
}

// proveExtensions shows until when windows or hours were, or will be, extended.
func (r *run) proveExtensions(f *finding, kind, name string, list []policy.Extension) {
	for i, x := range list {
		value := "extended until " + r.clock(x.Until)
		if !x.From.IsZero() {
			value = "extended from " + r.clock(x.From) + " until " + r.clock(x.Until)
		}
		if x.Reason != "" {
			value += " (" + x.Reason + ")"
		}
		f.add(r.fromDocument(kind, name, "/spec/extensions/"+strconv.Itoa(i), value))
	}
}

// proveCalendar shows what the calendar of a schedule says of a date, or that it does not have its year.
func (r *run) proveCalendar(f *finding, s *reception.Schedule, date reception.Date) {
	if s.Calendar == nil {
		return
	}
	value := fmt.Sprintf("%04d-%02d-%02d is an ordinary day", date.Year, date.Month, date.Day)
	switch day := s.On(date); {
	case day.Type == reception.Holiday:
		value = fmt.Sprintf("%04d-%02d-%02d is a day off: %s", date.Year, date.Month, date.Day, day.Name)
	case day.Type == reception.MakeUpWorkday:
		value = fmt.Sprintf("%04d-%02d-%02d is a make-up workday, with the openings of %s: %s", date.Year, date.Month, date.Day, s.MakeUp, day.Name)
	case !s.Announced(r.m.now):
		value = fmt.Sprintf("does not have the year %d: days are treated by their weekday", date.Year)
	}
	f.add(r.fromDocument(policy.KindCalendar, s.Calendar.Name, "", strings.TrimSuffix(value, ": ")))
}

func (r *run) proveSchedules(f *finding, list []string) {
	slices.Sort(list)
	for _, name := range slices.Compact(list) {
		s := r.schedule(name)
		if s == nil {
			continue
		}
		local := r.m.now.In(s.Location)
		state := "closed"
		if s.Open(r.m.now) {
			state = "open"
		} else if next, ok := s.Next(r.m.now); ok {
			state += ", opens next " + Instant(next.In(s.Location)).String()
		} else {
			state += ", does not open within 400 days"
		}
		value := fmt.Sprintf("%s at %s %s in %s", state, local.Format("Mon"), Instant(local).String(), s.Location)
		f.add(r.fromDocument(policy.KindSchedule, name, "", value))
		r.proveCalendar(f, s, s.Date(r.m.now))
	}
}

// schedule finds a compiled schedule by name among those that the agent's inboxes and account use.
func (r *run) schedule(name string) *reception.Schedule {
	match := func(list []*reception.Schedule) *reception.Schedule {
		for _, s := range list {
			if s != nil && s.Name == name {
				return s
			}
		}
		return nil
	}
	if a := r.m.policy.Accounts[r.q.Agent]; a != nil {
		if s := match(a.Windows); s != nil {
			return s
		}
	}
	for i := range r.cells {
		in := r.m.policy.Inboxes[r.cells[i].inbox]
		if in == nil {
			continue
		}
		if s := match([]*reception.Schedule{in.Hours}); s != nil {
			return s
		}
		if m := in.Member(r.q.Agent); m != nil {
			for _, t := range m.Teams {
				if s := match(t.Windows); s != nil {
					return s
				}
			}
		}
	}
	return nil
}

func (r *run) proveSwitch(f *finding, name string) {
	spec, ok := r.m.set.Switch(name)
	if !ok {
		return
	}
	value := spec.State
	if spec.PerMinute > 0 {
		value += fmt.Sprintf(" to %d a minute", spec.PerMinute)
	}
	if !spec.Until.IsZero() {
		value += " until " + r.clock(spec.Until)
	}
	f.add(r.fromDocument(policy.KindSwitch, name, "/spec/state", value))
	if spec.Reason != "" {
		f.add(r.fromDocument(policy.KindSwitch, name, "/spec/reason", spec.Reason))
	}
	r.proveForgotten(f, name, &spec)
	r.proveRate(f, name, spec.PerMinute)
}

func (r *run) provePresence(f *finding) {
	p := &r.m.world.Agent(r.q.Agent).Presence
	value := p.Value.String()
	if p.Reason != "" {
		value += " (" + p.Reason + ")"
	}
	if !p.Until.IsZero() {
		value += " until " + r.clock(p.Until)
	}
	switch p.Origin.Cause {
	case "":
	case "never_set":
		value += ", never set"
	default:
		value += ", set by " + p.Origin.Cause
	}
	f.add(r.fromFact("presence", value, &p.Origin))
}

func (r *run) proveConnection(f *finding) {
	c := &r.m.world.Agent(r.q.Agent).Connection
	states := map[reception.ConnectionState]string{
		reception.ConnectionNone: "none", reception.ConnectionOpen: "open", reception.ConnectionUnresponsive: "unresponsive", reception.ConnectionStale: "stale",
	}
	value := cmp.Or(states[c.State], "unknown")
	if c.State != reception.ConnectionUnknown && c.Origin.Cause != "" {
		value += ": " + c.Origin.Cause
	}
	if c.CloseCode != 0 {
		value += fmt.Sprintf(", close code %d", c.CloseCode)
	}
	f.add(r.fromFact("connection", value, &c.Origin))
	if c.ID != "" {
		f.add(Evidence{Fact: "connection/" + c.ID, Value: strings.TrimSpace("client " + cmp.Or(c.Client, "unknown") + ", node " + cmp.Or(c.Node, "unknown")), Source: "realtime", At: r.instant(c.Origin.At)})
	}
	if !c.LastFrame.IsZero() {
		f.add(Evidence{Fact: "connection.last_frame", Value: r.clock(c.LastFrame), Source: "realtime", At: r.instant(c.LastFrame)})
	}
	if !r.lostAt.IsZero() {
		f.add(Evidence{Fact: "process.last_alive", Value: r.clock(r.lostAt), Source: "alive mark of node " + cmp.Or(c.Node, "unknown"), At: r.instant(r.lostAt)})
	}
}

// proveCapacity shows the load, the limit and where it stands, and the conversations that make the load.
func (r *run) proveCapacity(f *finding) {
	for _, i := range f.cells {
		c := &r.cells[i]
		if i != f.cells[0] && r.cells[i].inbox == r.cells[i-1].inbox {
			continue
		}
		held, limit := r.held(c)
		name := "load"
		if f.code == reception.CodeCapacityInboxFull {
			name += "/" + c.inbox
		}
		f.add(Evidence{Fact: name, Value: fmt.Sprintf("%d of %d", len(held), limit), Source: "assignments", At: r.instant(r.m.at)})
		f.add(r.limitSource(c, f.code)...)
		for n, a := range held {
			if n == maxListed {
				break
			}
			f.add(Evidence{
				Fact: "conversation/" + conversation.ID(a.Conversation), Value: "owned in " + a.Inbox, Source: a.FromCode, At: r.instant(a.FromAt),
			})
		}
		if f.code == reception.CodeCapacityTotalFull {
			return
		}
	}
}

func (r *run) limitSource(c *cell, code reception.Code) []Evidence {
	spec, ok := r.m.set.Account(r.q.Agent)
	if !ok {
		return nil
	}
	if code == reception.CodeCapacityTotalFull {
		return []Evidence{r.fromDocument(policy.KindAccount, r.q.Agent, "/spec/capacity/total", strconv.Itoa(spec.Capacity.Total))}
	}
	if own, ok := spec.Capacity.Inboxes[c.inbox]; ok {
		return []Evidence{r.fromDocument(policy.KindAccount, r.q.Agent, "/spec/capacity/inboxes/"+c.inbox, strconv.Itoa(own))}
	}
	in, _ := r.m.set.Inbox(c.inbox)
	return []Evidence{r.fromDocument(policy.KindInbox, c.inbox, "/spec/capacity", strconv.Itoa(in.Capacity))}
}

// held lists the conversations that count against the limit that stops a cell, oldest first, and the limit.
func (r *run) held(c *cell) ([]ledger.AssignmentRow, int) {
	a := r.m.policy.Accounts[r.q.Agent]
	in := r.m.policy.Inboxes[c.inbox]
	if a == nil || in == nil {
		return nil, 0
	}
	total := c.vector[reception.Capacity].Code == reception.CodeCapacityTotalFull
	limit := in.Capacity
	if own, ok := a.Limits[c.inbox]; ok {
		limit = own
	}
	if total {
		limit = a.Total
	}
	var held []ledger.AssignmentRow
	for _, row := range r.assignments {
		if total && !row.Async || !total && row.Inbox == c.inbox {
			held = append(held, row)
		}
	}
	return held, limit
}

// readAssignments reads which conversations the agent owned at the moment, if the load matters.
func (r *run) readAssignments() error {
	full := slices.ContainsFunc(r.cells, func(c cell) bool { return c.vector[reception.Capacity].Outcome.Stops() })
	if !full {
		return nil
	}
	rows, err := r.s.Facts.AssignmentsAt(r.ctx, r.m.position+1, []string{r.q.Agent})
	if err != nil {
		return err
	}
	slices.SortFunc(rows, func(a, b ledger.AssignmentRow) int { return cmp.Compare(a.FromPosition, b.FromPosition) })
	r.assignments = rows
	return nil
}

// readLoss finds out since when a connection of which nothing is known is unknown: its process was last known to live then.
func (r *run) readLoss() error {
	if r.m.world.Agent(r.q.Agent).Connection.State != reception.ConnectionUnknown {
		return nil
	}
	rows, err := r.s.Facts.FactsAt(r.ctx, r.m.position+1, []string{ledger.AccountSubject(r.q.Agent)})
	if err != nil {
		return err
	}
	for _, f := range rows {
		if f.Name == ledger.FactConnection && f.EndCause == ledger.CauseLost {
			r.lostAt = f.ToAt
		}
	}
	return nil
}
