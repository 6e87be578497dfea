package reception

import (
	"slices"
	"time"
)

// The naive evaluator is a second reading of design §4, for tests only. It asks for one gate of one agent at a time, in words, from scratch, and
// shares nothing with the engine but the types of its input and the definition of a schedule (bruteOpen).

type said struct {
	outcome string
	code    string
	until   time.Time
}

var (
	yes  = said{outcome: "pass"}
	mute = said{outcome: "not_applicable"}
)

func no(code string) said           { return said{outcome: "block", code: code} }
func dunno(code string) said        { return said{outcome: "unknown", code: code} }
func noted(code string) said        { return said{outcome: "pass", code: code} }
func (s said) fine() bool           { return s.outcome == "pass" || s.outcome == "not_applicable" }
func (s said) lost() bool           { return s.outcome == "block" || s.outcome == "wait" }
func past(end, now time.Time) bool  { return !end.IsZero() && !end.After(now) }
func comes(end, now time.Time) bool { return !end.IsZero() && end.After(now) }

// notUntil waits for an end that comes, and blocks without one.
func notUntil(code string, end, now time.Time) said {
	if comes(end, now) {
		return said{"wait", code, end}
	}
	return no(code)
}

type naive struct {
	p      *Policy
	w      *facts
	m      Message
	now    time.Time
	owner  string
	memory map[asked]time.Time
}

func (n *naive) async() bool {
	in := n.p.Inboxes[n.m.Inbox]
	return in != nil && in.Mode == Async
}

func (n *naive) isDirected() bool {
	return n.m.Notice || len(n.m.Directed) > 0 || slices.Contains([]string{"internal", "auto_reply", "system"}, n.m.Kind)
}

func (n *naive) membership(account string) *Member {
	if in := n.p.Inboxes[n.m.Inbox]; in != nil {
		for i := range in.Members {
			if in.Members[i].Account == account {
				return &in.Members[i]
			}
		}
	}
	return nil
}

// gate asks one gate of one agent; of the gates about the message the agent does not matter.
func (n *naive) gate(account, gate string) said {
	a, known := n.p.Accounts[account]
	if n.m.Notice && gate != "account.state" {
		return mute
	}
	owns := account == n.owner && n.owner != ""
	switch gate {
	case "account.state":
		return n.state(a, known)
	case "account.login":
		if n.async() {
			return mute
		}
		return n.login(n.w.Agent(account).Session)
	case "role.receive":
		if !known || !a.Agent {
			return no("role.receive.not_agent")
		}
		return n.right("role.receive", a.Rights["receive"])
	case "permission.kind":
		if parent := n.gate(account, "role.receive"); !parent.fine() {
			return said{parent.outcome, "permission.kind.parent_off", parent.until}
		}
		return n.right("permission.kind", a.Rights["receive."+n.m.Kind])
	case "permission.reply":
		if slices.Contains([]string{"internal", "auto_reply", "system"}, n.m.Kind) {
			return mute
		}
		if !known {
			return no("permission.reply.not_granted")
		}
		return n.right("permission.reply", a.Rights["message.reply"])
	case "membership.inbox":
		switch {
		case n.m.Inbox == "":
			return mute
		case n.membership(account) != nil, n.isDirected() && owns:
			return yes
		}
		return no("membership.inbox.not_member")
	case "window.agent":
		return n.window(account, owns)
	case "switch.platform":
		return n.pushSwitch(gate, "platform", n.p.Platform, n.owner != "")
	case "switch.inbox":
		if n.m.Inbox == "" {
			return mute
		}
		if in := n.p.Inboxes[n.m.Inbox]; in != nil {
			return n.pushSwitch(gate, "inbox."+n.m.Inbox, in.Switch, n.owner != "")
		}
		return yes
	case "switch.account":
		if !known {
			return yes
		}
		return n.pushSwitch(gate, "account."+account, a.Switch, owns)
	case "window.inbox":
		return n.hours()
	case "filter":
		return n.filter()
	case "maintenance":
		return n.maintenance()
	case "system.health":
		for _, f := range n.w.failures {
			return no("system.health." + f.Component)
		}
		return yes
	case "presence":
		if n.async() {
			return mute
		}
		return n.presence(n.w.Agent(account).Presence, owns)
	case "connection":
		if n.async() {
			return mute
		}
		return n.connection(n.w.Agent(account).Connection, owns)
	case "client.version":
		if n.async() {
			return mute
		}
		return n.client(n.w.Agent(account).Clients, owns)
	case "client.notify":
		if n.async() || known && a.Robot {
			return mute
		}
		return n.notify(n.w.Agent(account).Clients)
	case "capacity":
		return n.capacity(account, owns)
	case "conversation":
		switch {
		case n.isDirected():
			return mute
		case n.owner != "" && !owns:
			if o := n.p.Accounts[n.owner]; o != nil && o.Robot {
				return no("conversation.owned_by_bot")
			}
			return no("conversation.owned_by_colleague")
		case n.setAside():
			return said{"wait", "conversation.snoozed", n.m.Conversation.SnoozedUntil}
		}
		return yes
	}
	return mute // routing, which is told after the choice
}

func (n *naive) setAside() bool {
	return n.owner == "" && n.m.Conversation != nil && comes(n.m.Conversation.SnoozedUntil, n.now)
}

func (n *naive) state(a *Account, known bool) said {
	if !known || a.State == StateInvalid {
		return no("account.state.missing")
	}
	frozen := a.State == Frozen && !past(a.StateUntil, n.now)
	if a.State != Active && a.State != Frozen {
		return no("account.state." + a.State.String())
	}
	if past(a.Expires, n.now) {
		return no("account.state.expired")
	}
	if !frozen {
		return yes
	}
	if !a.Expires.IsZero() && !a.Expires.After(a.StateUntil) {
		return no("account.state.frozen")
	}
	return notUntil("account.state.frozen", a.StateUntil, n.now)
}

func (n *naive) login(s Session) said {
	switch s.State {
	case SessionActive:
		return yes
	case SessionNever:
		return no("account.login.never")
	case SessionEnded:
		cause := s.Origin.Cause
		if cause == "account" {
			cause = "account_closed"
		}
		return no("account.login." + cause)
	}
	return dunno("account.login.unknown")
}

// right tries the right now, and if a denial stands in the way at the denial's end.
func (n *naive) right(gate string, r Right) said {
	holds := func(at time.Time) bool { return len(r.Roles) > 0 || r.Allow.Set && !past(r.Allow.Until, at) }
	if r.Deny.Set && !past(r.Deny.Until, n.now) {
		if !r.Deny.Until.IsZero() && holds(r.Deny.Until) {
			return said{"wait", gate + ".account_denied", r.Deny.Until}
		}
		return no(gate + ".account_denied")
	}
	switch {
	case holds(n.now):
		return yes
	case r.Allow.Set:
		return no(gate + ".expired")
	case r.Template:
		return no(gate + ".removed_from_role")
	}
	return no(gate + ".not_granted")
}

func (n *naive) pushSwitch(gate, name string, s Switch, owned bool) said {
	switch {
	case s.State == Limited && (owned || n.isDirected() || past(s.Until, n.now)):
		return yes
	case s.State == Limited:
		rate := n.w.rates[name]
		if rate.Used < s.PerMinute || past(rate.Until, n.now) {
			return yes
		}
		end := rate.Until
		if comes(s.Until, n.now) && s.Until.Before(end) {
			end = s.Until
		}
		return notUntil(gate+".limited", end, n.now)
	case s.State == Off:
		return no(gate + ".off")
	case s.State == Paused && !past(s.Until, n.now):
		return notUntil(gate+".paused", s.Until, n.now)
	}
	return yes
}

// maintenance goes from edge to edge of the windows until none holds.
func (n *naive) maintenance() said {
	in := n.p.Inboxes[n.m.Inbox]
	if n.m.Inbox == "" {
		return mute
	}
	if in == nil {
		return yes
	}
	holding := func(at time.Time) (code string) {
		for _, w := range in.Maintenance {
			if len(w.Kinds) > 0 && !slices.Contains(w.Kinds, n.m.Kind) || w.From.After(at) || !w.Until.After(at) {
				continue
			}
			if w.All {
				return "maintenance.platform"
			}
			code = "maintenance.inbox"
		}
		return code
	}
	code := holding(n.now)
	if code == "" {
		return yes
	}
	var edges []time.Time
	for _, w := range in.Maintenance {
		edges = append(edges, w.Until)
	}
	slices.SortFunc(edges, time.Time.Compare)
	for _, at := range edges {
		if at.After(n.now) && holding(at) == "" {
			return said{"wait", code, at}
		}
	}
	panic("a window has no end")
}

// naiveVersions orders the versions that random companies have.
var naiveVersions = []string{"1.2.0-beta.2", "1.2.0-beta.11", "1.2.0", "1.10.0", "2.0.0"}

func (n *naive) client(clients []Client, owns bool) said {
	if len(n.p.Clients) == 0 {
		return yes
	}
	seen := map[string]bool{}
	for _, c := range clients {
		rule := n.p.Clients[c.Name]
		if rule == nil {
			rule = n.p.Clients["any"]
		}
		at := slices.Index(naiveVersions, c.Text)
		switch {
		case rule == nil:
			return yes
		case at < 0:
			seen["unknown"] = true
		case slices.ContainsFunc(rule.Blocked, func(v Version) bool { return v.Compare(versionOf(naiveVersions[at])) == 0 }):
			seen["blocked"] = true
		case rule.Minimum.Known() && slices.IndexFunc(naiveVersions, func(v string) bool { return versionOf(v).Compare(rule.Minimum) == 0 }) > at:
			seen["old"] = true
		default:
			return yes
		}
	}
	switch {
	case seen["old"] && owns:
		return noted("client.version.below_minimum")
	case seen["old"]:
		return no("client.version.below_minimum")
	case seen["unknown"]:
		return dunno("client.version.unknown")
	case seen["blocked"]:
		return no("client.version.blocked")
	}
	return mute
}

// notify looks for a client at which all is well, then for one that says nothing, then for the warning that comes last in the list.
func (n *naive) notify(clients []Client) said {
	has := func(notice Notice) bool {
		return slices.ContainsFunc(clients, func(c Client) bool { return c.Notice == notice })
	}
	if has(NoticeFull) {
		return yes
	}
	if has(NoticeUnknown) {
		return dunno("client.notify.unreported")
	}
	for _, w := range []struct {
		notice Notice
		code   string
	}{
		{NoticeSoundBlocked, "sound_blocked"}, {NoticeSoundOff, "sound_off"}, {NoticeHidden, "hidden"}, {NoticeMuted, "muted"},
		{NoticeNotAsked, "not_asked"}, {NoticeDenied, "denied"}, {NoticeInsecure, "insecure"},
	} {
		if has(w.notice) {
			return noted("client.notify." + w.code)
		}
	}
	return mute
}

func (n *naive) hours() said {
	in := n.p.Inboxes[n.m.Inbox]
	if n.m.Inbox == "" {
		return mute
	}
	if in == nil || in.Hours == nil {
		return yes
	}
	if how := howOpen([]*Schedule{in.Hours}, n.now); how != "closed" {
		return openNote("window.inbox", how)
	}
	if n.owner != "" {
		return noted("window.inbox.finishing")
	}
	code := "window.inbox." + whatCloses([]*Schedule{in.Hours}, n.now, "closed")
	return notUntil(code, n.soonest("hours "+n.m.Inbox, openAt([]*Schedule{in.Hours})), n.now)
}

// howOpen says whether one of the schedules is "open" without reserve, in an "unannounced" year, only "extended", or all are "closed".
func howOpen(schedules []*Schedule, now time.Time) string {
	how := map[string]bool{}
	for _, s := range schedules {
		if s == nil {
			return "open"
		}
		plain := *s
		plain.Extra = nil
		date, _ := bruteWall(s, now)
		y, m, d := date.Date()
		_, own := s.Dates[Date{y, m, d}]
		switch {
		case !bruteOpen(s, now):
		case !bruteOpen(&plain, now):
			how["extended"] = true
		case s.Calendar != nil && !own && !s.Calendar.Years[y]:
			how["unannounced"] = true
		default:
			return "open"
		}
	}
	for _, x := range []string{"unannounced", "extended"} {
		if how[x] {
			return x
		}
	}
	return "closed"
}

func openNote(gate, how string) said {
	switch how {
	case "extended":
		return noted(gate + ".extended")
	case "unannounced":
		return noted(gate + ".year_unannounced")
	}
	return yes
}

// whatCloses says what took away the opening that the ordinary week would have now; usual if there is none.
func whatCloses(schedules []*Schedule, now time.Time, usual string) string {
	found := map[string]bool{}
	for _, s := range schedules {
		if s == nil || bruteOpen(s, now) {
			continue
		}
		date, minute := bruteWall(s, now)
		for _, begun := range []struct {
			date   time.Time
			minute int
		}{{date, minute}, {date.AddDate(0, 0, -1), minute + 1440}} {
			if !bruteIn(s.Weekly[begun.date.Weekday()], begun.minute) {
				continue
			}
			y, m, d := begun.date.Date()
			on := Date{y, m, d}
			if _, own := s.Dates[on]; own {
				found["date_off"] = true
			} else if s.Calendar != nil && s.Calendar.Days[on].Type == Holiday {
				found["holiday"] = true
			} else if s.Calendar != nil && s.Calendar.Days[on].Type == MakeUpWorkday {
				found["makeup_day"] = true
			}
			break
		}
	}
	for _, x := range []string{"holiday", "makeup_day", "date_off"} {
		if found[x] {
			return x
		}
	}
	return usual
}

func (n *naive) window(account string, owns bool) said {
	own, extra := []*Schedule{nil}, []*Schedule(nil)
	if a := n.p.Accounts[account]; a != nil {
		if len(a.Windows) > 0 {
			own = a.Windows
		}
		if a.Extension != nil {
			extra = append(extra, a.Extension)
		}
	}
	member := n.membership(account)
	var teams []*Schedule
	if member == nil || member.Direct {
		teams = []*Schedule{nil}
	} else {
		for _, team := range member.Teams {
			teams = append(teams, team.Windows...)
			if len(team.Windows) == 0 {
				teams = append(teams, nil)
			}
		}
	}
	ownOpen, teamOpen, extraOpen := openAt(own), openAt(teams), openAt(extra)
	any := func(q int) bool { return ownOpen(q) && teamOpen(q) || extraOpen(q) }
	how := []string{howOpen(own, n.now), howOpen(teams, n.now)}
	switch {
	case slices.Contains(how, "closed"):
	case slices.Contains(how, "extended"):
		return openNote("window.agent", "extended")
	case slices.Contains(how, "unannounced"):
		return openNote("window.agent", "unannounced")
	default:
		return yes
	}
	if howOpen(extra, n.now) != "closed" {
		return noted("window.agent.extended")
	}
	if owns {
		return noted("window.agent.finishing")
	}
	code := whatCloses(own, n.now, "closed")
	if how[0] != "closed" {
		code = whatCloses(teams, n.now, "team_closed")
	}
	return notUntil("window.agent."+code, n.soonest("window "+account+" "+n.m.Inbox, any), n.now)
}

func (n *naive) presence(p Presence, owns bool) said {
	code := "presence." + p.Value.String()
	if p.Origin.Cause == "never_set" && p.Value == Offline {
		code = "presence.never_set"
	}
	if p.Value == PresenceUnknown {
		return dunno(code)
	}
	if p.Value == Available || past(p.Until, n.now) {
		return yes
	}
	if !owns {
		return notUntil(code, p.Until, n.now)
	}
	if p.Value == DoNotDisturb {
		return noted(code)
	}
	if !comes(p.GraceUntil, n.now) {
		return no(code)
	}
	end := p.GraceUntil
	if comes(p.Until, n.now) && p.Until.Before(end) {
		end = p.Until
	}
	return said{"wait", code, end}
}

func (n *naive) connection(c Connection, owns bool) said {
	if c.State == ConnectionOpen {
		return yes
	}
	if owns && comes(c.GraceUntil, n.now) {
		return said{"wait", "connection.grace", c.GraceUntil}
	}
	switch c.State {
	case ConnectionUnresponsive:
		return no("connection.unresponsive")
	case ConnectionStale:
		return no("connection.stale")
	case ConnectionNone:
		if c.Origin.Cause == "" {
			return no("connection.none")
		}
		return no("connection." + c.Origin.Cause)
	}
	return dunno("connection.unknown")
}

func (n *naive) capacity(account string, owns bool) said {
	a, in := n.p.Accounts[account], n.p.Inboxes[n.m.Inbox]
	if n.isDirected() {
		return mute
	}
	if a == nil {
		a = &Account{}
	}
	if in == nil {
		in = &Inbox{}
	}
	f := n.w.Agent(account)
	limit, own := a.Limits[n.m.Inbox]
	if !own {
		limit = in.Capacity
	}
	full := ""
	if a.Total != 0 && f.Live >= a.Total && !n.async() {
		full = "capacity.total_full"
	}
	if limit != 0 && naiveShare(f, n.m.Inbox).Load >= limit {
		full = "capacity.inbox_full"
	}
	switch {
	case full == "":
		return yes
	case owns:
		return noted("capacity.finishing")
	}
	return no(full)
}

// table is what a schedule says at every quarter of an hour of more than a year, by its definition.
type table []bool

const quarter = 15 * time.Minute

var (
	tableStart = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	tables     = map[*Schedule]table{}
)

func tableOf(s *Schedule) table {
	if t := tables[s]; t != nil {
		return t
	}
	var t table
	for i := range 430 * 96 {
		t = append(t, bruteOpen(s, tableStart.Add(time.Duration(i)*quarter)))
	}
	tables[s] = t
	return t
}

// quarterOf is the quarter of an hour that an instant lies in.
func quarterOf(at time.Time) int { return int(at.Sub(tableStart) / quarter) }

// openAt says at which quarters at least one of the schedules is open.
func openAt(schedules []*Schedule) func(q int) bool {
	var all []table
	for _, s := range schedules {
		if s == nil {
			return func(int) bool { return true }
		}
		all = append(all, tableOf(s))
	}
	return func(q int) bool {
		for _, t := range all {
			if t[q] {
				return true
			}
		}
		return false
	}
}

// asked is what a naive evaluator was asked before about the same company: trying 400 days by quarters takes its time.
type asked struct {
	what string
	at   int64
}

// soonest tries every quarter of an hour of the next 400 days.
func (n *naive) soonest(what string, open func(q int) bool) time.Time {
	key := asked{what, n.now.UnixMicro()}
	if known, ok := n.memory[key]; ok {
		return known
	}
	n.memory[key] = time.Time{}
	from := quarterOf(n.now)
	for q := from + 1; q <= from+400*96; q++ {
		if open(q) {
			n.memory[key] = tableStart.Add(time.Duration(q) * quarter)
			break
		}
	}
	return n.memory[key]
}
