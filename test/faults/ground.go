package faults

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bidahq/bida/client"
)

// ground looks whether what a report cites is so, by what the rest of the API tells: the documents as they were at the report's revision, the history, the
// sessions, the timeline, the tokens, the trace. It counts the facts that can be looked up elsewhere, and lists those that are not so. A fact of a kind that
// this bench does not know is wrong: it would go unchecked.
func (c *Case) ground(r *Report) (facts int, wrong []string, err error) {
	g := &grounds{c: c, r: r, documents: map[string]spec{}}
	for i := range r.Findings {
		f := &r.Findings[i]
		for _, e := range f.Evidence {
			checked, fault := g.check(f, &e)
			facts += one(checked)
			if fault != "" {
				wrong = append(wrong, fmt.Sprintf("%s: %s = %q (%s): %s", f.Code, e.Fact, e.Value, e.Source, fault))
			}
		}
		if by := f.ChangedBy; by != nil && by.Revision != 0 {
			facts++
			if row, ok := g.revision(by.Revision); !ok || row.By != by.Account {
				wrong = append(wrong, fmt.Sprintf("%s: revision %d is said to be by %s and is by %q", f.Code, by.Revision, by.Account, row.By))
			}
		}
	}
	return facts, wrong, g.err
}

// grounds is what was read to check one report.
type grounds struct {
	c         *Case
	r         *Report
	err       error
	documents map[string]spec
	history   []revisionRow
	timeline  *timeline
	trace     *traceView
}

type revisionRow struct {
	Revision int64
	By       string
	Changes  []struct{ Kind, Name string }
}

type span struct {
	Value, By, Cause string
	From             time.Time
	To               *time.Time
}

type timeline struct{ Presence, Connection, Sessions []span }

type traceView struct {
	Decision   decisionView
	Decisions  []decisionView
	Deliveries []struct {
		Agent, State string
		Attempts     []struct {
			Number int
			Result string
		}
	}
	Filter struct{ Rule struct{ Name string } }
}

type decisionView struct {
	Position      int64
	Verdict, Code string
	Chosen        []string
}

func (g *grounds) get(path string, query url.Values, out any) bool {
	_, err := g.c.admin().Do(g.c.ctx, client.Call{Method: "GET", Path: path, Query: query, Lang: "en"}, out)
	if p := client.AsRefused(err); p != nil && p.Status == 404 {
		return false
	}
	if err != nil && g.err == nil {
		g.err = err
	}
	return err == nil
}

// document is one as it was at the report's revision; nil if there was none.
func (g *grounds) document(key string) spec {
	if d, known := g.documents[key]; known {
		return d
	}
	kind, name := split(key)
	var d struct {
		Spec     spec
		Revision int64
	}
	if !g.get(client.Path("policy", "documents", kind, name), url.Values{"revision": {strconv.FormatInt(g.r.Revision, 10)}}, &d) {
		d.Spec = nil
	} else {
		d.Spec["\x00revision"] = float64(d.Revision)
	}
	g.documents[key] = d.Spec
	return d.Spec
}

func (g *grounds) revision(n int64) (revisionRow, bool) {
	find := func() int { return slices.IndexFunc(g.history, func(x revisionRow) bool { return x.Revision == n }) }
	if find() < 0 {
		var out struct{ Revisions []revisionRow }
		g.get("/policy/revisions", url.Values{"cursor": {strconv.FormatInt(n+1, 10)}, "limit": {"3"}}, &out)
		g.history = append(g.history, out.Revisions...)
	}
	if i := find(); i >= 0 {
		return g.history[i], true
	}
	return revisionRow{}, false
}

func (g *grounds) line() *timeline {
	if g.timeline == nil {
		g.timeline = &timeline{}
		g.get(client.Path("accounts", g.c.agent, "timeline"), nil, g.timeline)
	}
	return g.timeline
}

func (g *grounds) fate() *traceView {
	if g.trace == nil {
		g.trace = &traceView{}
		if g.c.message != "" {
			g.get(client.Path("messages", g.c.message, "trace"), nil, g.trace)
		}
	}
	return g.trace
}

var sourceRevision = regexp.MustCompile(`^revision (\d+), ([^,]+)`)

// check checks one fact. checked says that there was something to check it by; fault is what is wrong.
func (g *grounds) check(f *Finding, e *Evidence) (checked bool, fault string) {
	name, rest, _ := strings.Cut(e.Fact, "/")
	switch {
	case documentFact.MatchString(e.Fact):
		return true, g.fromDocument(e)
	case revisionFact.MatchString(e.Fact):
		return true, g.fromRevision(e, rest)
	case name == "right":
		return true, g.right(rest, e)
	case e.Fact == "presence":
		return true, g.fromTimeline(g.line().Presence, e)
	case e.Fact == "connection":
		return true, g.fromTimeline(g.line().Connection, e)
	case e.Fact == "session":
		return true, g.fromTimeline(g.line().Sessions, e)
	case name == "token" || e.Fact == "tokens" || e.Fact == "password":
		return true, g.token(rest, e)
	case name == "decision":
		return true, g.decided(rest, e)
	case name == "attempt":
		return true, g.attempted(rest, e)
	case name == "conversation":
		return true, g.conversation(rest, e)
	case e.Fact == "strategy":
		routing, _ := g.document("inbox/" + g.c.inbox)["routing"].(spec)
		return true, unless(fmt.Sprint(routing["strategy"]) == e.Value, "the inbox has another one")
	case e.Fact == "chosen":
		return true, unless(slices.ContainsFunc(g.fate().Decision.Chosen, func(a string) bool { return strings.HasPrefix(e.Value, a+": ") }), "the trace tells of another choice")
	case name == "match":
		return true, unless(g.fate().Filter.Rule.Name == rest, "the trace tells of another rule")
	case name == "client":
		return true, unless(rest == "app-"+g.c.id || rest == "bench", "no client of the case is called so")
	case name == "rate":
		d := g.document("switch/" + rest)
		return true, unless(d != nil && strings.Contains(e.Value, fmt.Sprintf(" of %v,", d["per_minute"])), "the switch has another limit")
	case name == "load":
		return true, g.load(e)
	case name == "delivery":
		return true, g.delivery(e)
	case e.Fact == "memberships":
		return true, unless(len(g.document("team/"+g.c.team)) > 0, "")
	case e.Fact == "connection.last_frame", name == "connection", e.Fact == "process.last_alive", name == "score", name == "traffic.offered", name == "system", name == "records":
		return false, "" // nothing else tells it
	case strings.HasPrefix(e.Fact, "traffic."), name == "message", name == "fault":
		return false, "" // counted by what the bench itself did not look at
	}
	return true, "the bench does not know this kind of fact"
}

func unless(ok bool, fault string) string {
	if ok {
		return ""
	}
	return fault
}

// fromDocument checks what is said to stand in a document, in which revision, and by whom.
func (g *grounds) fromDocument(e *Evidence) string {
	key, path, _ := strings.Cut(e.Fact, " ")
	d := g.document(key)
	if d == nil {
		return unless(e.Value == "does not exist", "there is no such document")
	}
	if m := sourceRevision.FindStringSubmatch(e.Source); m != nil {
		n, _ := strconv.ParseInt(m[1], 10, 64)
		if float64(n) != d["\x00revision"] {
			return fmt.Sprintf("the document is of revision %v", d["\x00revision"])
		}
		if row, ok := g.revision(n); !ok || row.By != m[2] {
			return fmt.Sprintf("revision %d is by %q", n, row.By)
		}
	} else if e.Source != "policy" && e.Source != "built-in" {
		return "the source names no revision"
	}
	kind, _ := split(key)
	if kind == "schedule" && path == "" {
		return g.schedule(d, e.Value)
	}
	if path == "" {
		return "" // that the document exists, and its revision
	}
	return g.value(key, d, strings.TrimPrefix(path, "/spec/"), e.Value)
}

// value checks what is said to stand in a field.
func (g *grounds) value(key string, d spec, path, value string) string {
	x, found := at(d, strings.Split(path, "/"))
	list, isList := x.([]any)
	switch {
	case strings.HasSuffix(value, " is not listed"):
		name := strings.TrimSuffix(value, " is not listed")
		return unless(!slices.Contains(list, any(name)), "it is listed")
	case value == "none" && len(list) == 0, value == "none" && !found, strings.HasPrefix(value, "none, for "):
		return ""
	case path == "agent":
		return unless(fmt.Sprint(x == true) == value, "it says otherwise")
	case path == "state":
		return unless(x == value || !found && (value == "active" || value == "on") || strings.HasPrefix(value, fmt.Sprint(x)+" "), "it says otherwise")
	case path == "permissions" && strings.Contains(value, "lacks "):
		permission, _, _ := strings.Cut(strings.SplitN(value, "lacks ", 2)[1], ",")
		return unless(!isList || !slices.Contains(list, any(permission)), "it has the permission")
	case strings.HasPrefix(path, "roles/"):
		role, says, _ := strings.Cut(value, ": ")
		if x != role {
			return "there is another role"
		}
		_, permission, grants := strings.Cut(says, "grants ")
		if !grants {
			_, permission, _ = strings.Cut(says, "does not grant ")
		}
		return unless(slices.Contains(g.permissions(role), any(permission)) == strings.HasPrefix(says, "grants "), "the role says otherwise")
	case strings.HasPrefix(path, "deny/"), strings.HasPrefix(path, "allow/"):
		grant, _ := x.(spec)
		permission, _, _ := strings.Cut(value, " until ")
		return unless(grant["permission"] == permission, "it is about another permission")
	case !found:
		return "there is no such field"
	case isTime(fmt.Sprint(x)):
		return "" // written in another zone, perhaps with words around it
	case kindOf(key) == "filter" || kindOf(key) == "client" || kindOf(key) == "maintenance":
		return ""
	}
	return unless(fmt.Sprint(x) == value || strings.Contains(value, fmt.Sprint(x)) || strings.HasPrefix(path, "extensions/"), "it says "+fmt.Sprint(x))
}

func kindOf(key string) string {
	kind, _ := split(key)
	return kind
}

func isTime(s string) bool {
	_, err := time.Parse(time.RFC3339Nano, s)
	return err == nil
}

// at reads a field by the parts of its path.
func at(x any, path []string) (any, bool) {
	for _, part := range path {
		switch y := x.(type) {
		case spec:
			var ok bool
			if x, ok = y[part]; !ok {
				return nil, false
			}
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i >= len(y) {
				return nil, false
			}
			x = y[i]
		default:
			return nil, false
		}
	}
	return x, true
}

// permissions are those of a role.
func (g *grounds) permissions(role string) []any {
	d := g.document("role/" + role)
	if list, ok := d["permissions"]; ok {
		return listOf(list)
	}
	switch template := fmt.Sprint(d["template"]); template {
	case "agent":
		return agentPermissions("")
	default:
		return listOf(g.document("template/" + template)["permissions"])
	}
}

// schedule checks whether a schedule is open now as is said.
func (g *grounds) schedule(d spec, value string) string {
	zone, err := time.LoadLocation(fmt.Sprint(d["zone"]))
	if err != nil {
		return "its zone is unknown"
	}
	now := time.Now().In(zone)
	open := false
	today := now.Format(time.DateOnly)
	exceptions := slices.DeleteFunc(slices.Clone(listOf(d["exceptions"])), func(x any) bool { return x.(spec)["date"] != today })
	switch {
	case len(exceptions) > 0:
	case d["calendar"] != nil && g.dayOff(fmt.Sprint(d["calendar"]), today):
	default:
		for _, w := range listOf(d["weekly"]) {
			open = open || opens(w.(spec), now)
		}
	}
	return unless(strings.HasPrefix(value, map[bool]string{true: "open", false: "closed"}[open]), fmt.Sprintf("by the clock on the wall it is open: %t", open))
}

func (g *grounds) dayOff(calendar, day string) bool {
	years, _ := g.document("calendar/" + calendar)["years"].(spec)
	year, _ := years[day[:4]].(spec)
	return slices.ContainsFunc(listOf(year["off"]), func(x any) bool { return slices.Contains(listOf(x.(spec)["days"]), any(day)) })
}

// opens says whether one opening of a week holds an instant. It may run into the next day.
func opens(w spec, now time.Time) bool {
	from, to, clock := fmt.Sprint(w["from"]), fmt.Sprint(w["to"]), now.Format("15:04")
	on := func(t time.Time) bool {
		return slices.Contains(listOf(w["days"]), any(strings.ToLower(t.Format("Mon"))))
	}
	if to > from {
		return on(now) && clock >= from && clock < to
	}
	return on(now) && clock >= from || on(now.AddDate(0, 0, -1)) && clock < to
}

// fromRevision checks what a revision is said to have changed, and by whom.
func (g *grounds) fromRevision(e *Evidence, number string) string {
	n, _ := strconv.ParseInt(number, 10, 64)
	row, ok := g.revision(n)
	if !ok {
		return "there is no such revision"
	}
	if m := sourceRevision.FindStringSubmatch(e.Source); m == nil || m[2] != row.By {
		return "it is by " + row.By
	}
	for key := range strings.SplitSeq(strings.TrimPrefix(e.Value, "changed "), ", ") {
		if key != "settings" && !slices.ContainsFunc(row.Changes, func(x struct{ Kind, Name string }) bool { return x.Kind+"/"+x.Name == key }) {
			return "it did not change " + key
		}
	}
	return ""
}

// right checks that a permission is decided against the agent.
func (g *grounds) right(permission string, e *Evidence) string {
	var out struct {
		Permission struct{ Granted bool }
	}
	g.get(client.Path("accounts", g.c.agent, "permissions", permission), nil, &out)
	return unless(!out.Permission.Granted && strings.HasPrefix(e.Value, permission+": "), "it is granted")
}

// fromTimeline checks that a fact is what the timeline ends with.
func (g *grounds) fromTimeline(list []span, e *Evidence) string {
	value, _, _ := strings.Cut(strings.NewReplacer(" (", ", ", ": ", ", ").Replace(e.Value), ", ")
	if len(list) == 0 {
		return unless(strings.Contains("never none offline", value) || e.Source == "no record", "the timeline has nothing of it")
	}
	last := list[len(list)-1]
	if last.By != "" && !strings.HasSuffix(e.Source, ", "+last.By) && !strings.Contains(e.Source, last.By) {
		return "it is by " + last.By
	}
	return ""
}

func (g *grounds) token(id string, e *Evidence) string {
	var out struct {
		Tokens []struct {
			ID        string
			Expires   *time.Time
			RevokedAt *time.Time `json:"revoked_at"`
			RevokedBy string     `json:"revoked_by"`
		}
	}
	if !g.get(client.Path("accounts", g.c.agent, "tokens"), nil, &out) {
		return "" // the account is gone, and its list with it
	}
	valid := 0
	for _, t := range out.Tokens {
		revoked, expired := t.RevokedAt != nil, t.Expires != nil && t.Expires.Before(time.Now())
		valid += one(!revoked && !expired)
		if t.ID == id {
			return unless(e.Value == "revoked" && revoked && e.Source == t.RevokedBy || e.Value == "expired" && expired, "the list of tokens says otherwise")
		}
	}
	if e.Fact == "tokens" {
		return unless(e.Value == fmt.Sprintf("%d valid", valid), fmt.Sprintf("%d are", valid))
	}
	return unless(e.Fact == "password", "there is no such token")
}

func (g *grounds) decided(position string, e *Evidence) string {
	t := g.fate()
	for _, d := range append(t.Decisions, t.Decision) {
		if strconv.FormatInt(d.Position, 10) == position {
			return unless(e.Value == d.Verdict+": "+d.Code, "it was "+d.Verdict+": "+d.Code)
		}
	}
	return "the trace has no such decision"
}

func (g *grounds) attempted(number string, e *Evidence) string {
	for _, d := range g.fate().Deliveries {
		for _, a := range d.Attempts {
			if d.Agent == g.c.agent && strconv.Itoa(a.Number) == number {
				return unless(strings.HasPrefix(e.Value, a.Result) || a.Result == "", "the trace says "+a.Result)
			}
		}
	}
	return "the trace has no such attempt"
}

func (g *grounds) conversation(rest string, e *Evidence) string {
	id, what, _ := strings.Cut(rest, "/")
	var out struct {
		Inbox string
		Owner *string
	}
	if !g.get(client.Path("conversations", id), nil, &out) {
		return "there is no such conversation"
	}
	owner := ""
	if out.Owner != nil {
		owner = *out.Owner
	}
	switch {
	case what == "owner" && strings.HasPrefix(e.Value, "released"), what == "snoozed":
		return ""
	case what == "owner":
		return unless(owner == e.Value, "its owner is "+owner)
	}
	return unless(owner == g.c.agent && e.Value == "owned in "+out.Inbox, "its owner is "+owner)
}

// load checks how many conversations the agent has.
func (g *grounds) load(e *Evidence) string {
	var out struct {
		Conversations []struct {
			Owner *string
			Inbox string
		}
	}
	g.get("/conversations", url.Values{"inbox": {g.c.inbox}, "limit": {"100"}}, &out)
	n := 0
	for _, x := range out.Conversations {
		n += one(x.Owner != nil && *x.Owner == g.c.agent)
	}
	return unless(strings.HasPrefix(e.Value, fmt.Sprintf("%d of ", n)), fmt.Sprintf("it has %d", n))
}

// arrivedStates are those that come after queued.
var arrivedStates = []string{"received", "seen", "accepted"}

func (g *grounds) delivery(e *Evidence) string {
	parts := strings.Split(e.Fact, "/")
	var t traceView
	if !g.get(client.Path("messages", parts[1], "trace"), nil, &t) {
		return "there is no such message"
	}
	if len(parts) > 2 {
		return "" // a stage of it; that it is the message's is checked once
	}
	for _, d := range t.Deliveries {
		said := strings.TrimPrefix(e.Value, d.Agent+": ")
		if strings.HasPrefix(said, d.State) || strings.HasPrefix(said, "queued") && slices.Contains(arrivedStates, d.State) { // it has come since
			return ""
		}
	}
	return "the trace says otherwise"
}
