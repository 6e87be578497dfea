package httpapi

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/governance"
	"github.com/bidahq/bida/internal/identity"
	"github.com/bidahq/bida/internal/policy"
)

// What must not be told is recognised by its name: whatever has one of these in it was told.
const (
	secretText    = "zzsecrettext"
	secretContact = "zzcontactname"
	secretNote    = "zznoteofwhoasked"
)

// crowd is a company whose people have random rights, with an independent idea of who holds what: grants are looked up by hand, and the engine is not asked.
type crowd struct {
	*bench
	t        *testing.T
	r        *rand.Rand
	people   []string
	rights   map[string][]string // as the documents say
	messages []string            // ids
	helped   []plea
}

// plea is a request for help as the test remembers it.
type plea struct{ id, agent, asker string }

// asked are the rights that people of the crowd may have or not.
var asked = []string{
	policy.DiagnosisSelf, policy.DiagnosisView, policy.PolicyView, policy.TraceView, policy.ConversationView, policy.AuditView, policy.SnapshotExport,
	policy.IntakeLogView, policy.JobView, policy.SessionEnd, policy.PresenceSetOthers, policy.PresenceSet,
}

func newCrowd(t *testing.T, r *rand.Rand) *crowd {
	c := &crowd{bench: newBench(t), t: t, r: r, rights: map[string][]string{}}
	c.diagnosing()
	var edits []policy.Edit
	add := func(kind, name string, spec map[string]any) {
		raw, err := json.Marshal(spec)
		if err != nil {
			t.Fatal(err)
		}
		edits = append(edits, policy.Edit{Kind: kind, Name: name, Spec: raw})
	}
	for i := range 5 + r.IntN(4) {
		name := fmt.Sprintf("zq%dx%d", i, r.IntN(1000))
		rights := []string{policy.Receive, policy.ReceiveCustomer, policy.ReceiveGroup, policy.MessageReply, policy.RealtimeConnect}
		for _, p := range asked {
			if r.IntN(3) == 0 {
				rights = append(rights, p)
			}
		}
		add(policy.KindRole, "role-"+name, map[string]any{"title": "角色", "permissions": rights})
		spec := map[string]any{"agent": true, "roles": []string{"role-" + name}}
		if r.IntN(4) > 0 { // some have no title
			spec["title"] = fmt.Sprintf("人%d", i)
		}
		if r.IntN(3) == 0 && len(rights) > 5 { // what is denied to the account itself counts, whatever the role says
			last := rights[len(rights)-1]
			spec["deny"] = []any{map[string]any{"permission": last}}
			rights = rights[:len(rights)-1]
		}
		add(policy.KindAccount, name, spec)
		c.people = append(c.people, name)
		c.rights[name] = rights
	}
	add(policy.KindTeam, "shift", map[string]any{"title": "班组", "lead": c.people[0], "members": c.people[1:3]})
	add(policy.KindInbox, "shop", map[string]any{"title": "门店", "channel": "api", "mode": "live", "kinds": []string{"customer", "group"}, "members": map[string]any{"accounts": c.people}, "routing": map[string]any{"strategy": "least_loaded"}})
	c.do(&governance.Apply{Base: -1, Edits: edits, By: c.people[0], Source: "api", Reason: "开业"})
	for _, name := range c.people {
		_, token, err := c.identity.CreateToken(t.Context(), name, "", time.Time{}, identity.Asked{By: "system", Source: "start"})
		if err != nil {
			t.Fatal(err)
		}
		c.tokens[name] = token
		if r.IntN(3) > 0 {
			c.online(name)
		}
	}
	for range 6 {
		c.disturb()
	}
	return c
}

func (c *crowd) one() string { return c.people[c.r.IntN(len(c.people))] }

func (c *crowd) may(account, permission string) bool {
	return slices.Contains(c.rights[account], permission)
}

// disturb has something happen that reports tell of.
func (c *crowd) disturb() {
	who, by := c.one(), c.one()
	switch c.r.IntN(5) {
	case 0, 1:
		m := message(fmt.Sprint("x", c.r.IntN(1_000_000)))
		m["text"], m["contact"].(map[string]any)["name"] = secretText, secretContact
		if got := c.ask("robot", "POST", "/inboxes/shop/messages", m); got.status == 201 {
			c.messages = append(c.messages, got.text("message"))
		}
	case 2:
		c.do(&governance.SetPresence{Account: who, Value: []string{"away", "available", "offline", "dnd"}[c.r.IntN(4)], By: by, Source: "api"})
	case 3:
		c.do(&governance.Apply{Base: -1, By: by, Source: "api", Reason: "调整", Edit: func(s *policy.Set) ([]policy.Edit, error) {
			spec, _ := s.Account(who)
			kept := slices.DeleteFunc(slices.Clone(spec.Deny), func(g policy.Grant) bool { return g.Permission == policy.ReceiveGroup })
			if len(kept) == len(spec.Deny) {
				kept = append(kept, policy.Grant{Permission: policy.ReceiveGroup})
			}
			spec.Deny = kept
			raw, err := json.Marshal(spec)
			return []policy.Edit{{Kind: policy.KindAccount, Name: who, Spec: raw}}, err
		}})
	case 4:
		c.tick(time.Duration(1+c.r.IntN(600)) * time.Second)
		agent := who
		if !c.may(by, policy.DiagnosisView) {
			agent = by
		}
		got := c.ask(by, "POST", "/help-requests", map[string]any{"id": fmt.Sprint(c.r.Int64()), "agent": agent, "note": secretNote})
		if got.status == 201 {
			c.helped = append(c.helped, plea{got.text("id"), agent, by})
		}
	}
}

// told says what an answer must not have in it: the texts and names of customers ever, and others' account names where only titles are for the asker.
func (c *crowd) told(asker, what string, got *reply, whole, settings bool) {
	c.t.Helper()
	fail := func(why string) {
		c.t.Errorf("%s asks for %s with %v: it is told %s:\n%s", asker, what, c.rights[asker], why, got.raw)
	}
	switch {
	case strings.Contains(got.raw, secretText):
		fail("the text of a message")
	case strings.Contains(got.raw, secretContact):
		fail("the name of a contact")
	case !settings && (strings.Contains(got.raw, `"spec"`) || strings.Contains(got.raw, `"before":`) || strings.Contains(got.raw, `"after":`)):
		fail("what stands in documents")
	case !whole && strings.Contains(got.raw, "score/chosen"):
		fail("the loads of others")
	}
	for _, name := range c.people {
		if !whole && name != asker && strings.Contains(got.raw, `"`+name+`"`) {
			fail("the account " + name)
		}
	}
}

// asks is one question of a random asker, with what it may be told.
func (c *crowd) asks() {
	c.t.Helper()
	asker, target := c.one(), c.one()
	whole, self, settings := c.may(asker, policy.DiagnosisView), c.may(asker, policy.DiagnosisSelf), false
	settings = whole && c.may(asker, policy.PolicyView)
	about := whole || self && asker == target
	get := func(path string) *reply { return c.ask(asker, "GET", path, nil) }
	switch c.r.IntN(10) {
	case 0, 1:
		path := "/diagnosis?agent=" + target
		if len(c.messages) > 0 && c.r.IntN(2) == 0 {
			path += "&message=" + c.messages[c.r.IntN(len(c.messages))]
		}
		got := get(path)
		if got.status != 403 != about || about && got.status != 200 {
			c.t.Errorf("%s with %v asks %s: %d %s", asker, c.rights[asker], path, got.status, got.raw)
		}
		c.told(asker, path, got, whole, settings)
	case 2: // whether somebody exists is not told to who may not ask about them
		a, b := get("/diagnosis?agent=nobody-of-that-name"), get("/diagnosis?agent="+c.other(asker))
		if !whole && (a.status != 403 || b.status != 403 || a.text("code") != b.text("code") || a.text("detail") != b.text("detail")) || whole && (a.status != 404 || b.status != 200) {
			c.t.Errorf("%s with %v: nobody %d %s, somebody %d", asker, c.rights[asker], a.status, a.raw, b.status)
		}
	case 3:
		path := "/accounts/" + target + "/timeline"
		got := get(path)
		if may := asker == target && self || asker != target && whole; got.status == 200 != may || !may && got.status != 403 {
			c.t.Errorf("%s with %v asks %s: %d %s", asker, c.rights[asker], path, got.status, got.raw)
		}
		c.told(asker, path, got, whole, settings)
	case 4:
		c.listsHelp(asker, whole, self, settings)
	case 5:
		c.readsHelp(asker, whole, self, settings)
	case 6:
		got := get("/repairs?agent=" + target)
		if got.status == 200 != about {
			c.t.Errorf("%s with %v asks for the repairs of %s: %d %s", asker, c.rights[asker], target, got.status, got.raw)
		}
		c.told(asker, "repairs", got, whole, settings)
	case 7:
		c.looksAtLists(asker)
	case 8:
		if len(c.messages) == 0 {
			return
		}
		path := "/messages/" + c.messages[c.r.IntN(len(c.messages))] + "/trace"
		got := get(path)
		trace := c.may(asker, policy.TraceView)
		if may := trace || c.may(asker, policy.ConversationView); got.status == 403 == may || trace && got.status != 200 {
			c.t.Errorf("%s with %v asks %s: %d %s", asker, c.rights[asker], path, got.status, got.raw)
		}
		c.told(asker, path, got, true, true) // of a trace candidates are named to who may see it; texts to nobody
	case 9:
		path := "/what-if"
		got := c.ask(asker, "POST", path, map[string]any{"agent": target, "as_roles": []string{"agent"}})
		if may := about && c.may(asker, policy.PolicyView); got.status == 200 != may || !may && got.status != 403 {
			c.t.Errorf("%s with %v asks %s about %s: %d %s", asker, c.rights[asker], path, target, got.status, got.raw)
		}
		c.told(asker, path, got, whole, c.may(asker, policy.PolicyView)) // who may try settings out may read them
	}
}

// other is somebody else.
func (c *crowd) other(asker string) string {
	for {
		if name := c.one(); name != asker {
			return name
		}
	}
}

// mayRead says by hand whether somebody may see a request for help. Who was told of it can act: in this company those who may set others' presence or end sessions.
func (c *crowd) mayRead(asker string, r plea, whole, self, told bool) bool {
	helps := c.may(asker, policy.PresenceSetOthers) || c.may(asker, policy.SessionEnd)
	return whole || self && (r.agent == asker || r.asker == asker) || told && helps
}

func (c *crowd) toldOf(r plea) []string {
	row, err := c.store.HelpRequest(c.t.Context(), position(r.id))
	if err != nil {
		c.t.Fatal(err)
	}
	return row.Receivers
}

func position(id string) int64 {
	var n int64
	_, _ = fmt.Sscan(id[1:], &n) // the test has it from an answer
	return n
}

func (c *crowd) readsHelp(asker string, whole, self, settings bool) {
	c.t.Helper()
	if len(c.helped) == 0 {
		return
	}
	r := c.helped[c.r.IntN(len(c.helped))]
	told := slices.Contains(c.toldOf(r), asker)
	may := c.mayRead(asker, r, whole, self, told)
	got := c.ask(asker, "GET", "/help-requests/"+r.id, nil)
	if got.status == 200 != may {
		c.t.Errorf("%s with %v reads %+v: %d %s", asker, c.rights[asker], r, got.status, got.raw)
	}
	if !may {
		if none := c.ask(asker, "GET", "/help-requests/h99999999", nil); none.status != got.status || none.text("code") != got.text("code") || none.text("detail") != got.text("detail") {
			c.t.Errorf("%s is told that %s exists: %s, against %s", asker, r.id, got.raw, none.raw)
		}
	}
	if strings.Contains(got.raw, secretNote) && !whole && r.asker != asker && !told && !slices.Contains(c.askers(r), asker) {
		c.t.Errorf("%s reads what %s wrote: %s", asker, r.asker, got.raw)
	}
	seen := *got
	seen.raw = strings.ReplaceAll(got.raw, `"`+r.agent+`"`, `""`) // whom it is about is known to who may read it
	c.told(asker, "a request for help", &seen, whole, settings)
}

func (c *crowd) askers(r plea) []string {
	row, err := c.store.HelpRequest(c.t.Context(), position(r.id))
	if err != nil {
		c.t.Fatal(err)
	}
	return row.Askers
}

func (c *crowd) listsHelp(asker string, whole, self, settings bool) {
	c.t.Helper()
	got := c.ask(asker, "GET", "/help-requests?state=all&limit=500", nil)
	helps := c.may(asker, policy.PresenceSetOthers) || c.may(asker, policy.SessionEnd)
	if may := whole || self || helps; got.status == 200 != may {
		c.t.Errorf("%s with %v lists requests: %d %s", asker, c.rights[asker], got.status, got.raw)
		return
	}
	if got.status != 200 {
		return
	}
	var want, have []string
	for _, r := range c.helped {
		joined := self && slices.Contains(c.askers(r), asker)
		if joined || c.mayRead(asker, r, whole, self, slices.Contains(c.toldOf(r), asker)) {
			want = append(want, r.id)
		}
	}
	raw := got.raw
	for _, x := range got.list("requests") {
		m := x.(map[string]any)
		have = append(have, m["id"].(string))
		agent := m["agent"].(map[string]any)["account"].(string)
		raw = strings.ReplaceAll(raw, `"`+agent+`"`, `""`)
	}
	slices.Sort(want)
	slices.Sort(have)
	if !slices.Equal(want, have) {
		c.t.Errorf("%s with %v lists %v, want %v", asker, c.rights[asker], have, want)
	}
	seen := *got
	seen.raw = raw
	c.told(asker, "the list of requests", &seen, whole, settings)
}

// looksAtLists asks for what is about everybody.
func (c *crowd) looksAtLists(asker string) {
	c.t.Helper()
	anyOf := func(permissions ...string) bool {
		return slices.ContainsFunc(permissions, func(p string) bool { return c.may(asker, p) })
	}
	other := url.QueryEscape(c.other(asker))
	for path, may := range map[string]bool{
		"/accounts":                        anyOf(policy.PolicyView),
		"/policy":                          anyOf(policy.PolicyView),
		"/audit":                           anyOf(policy.AuditView),
		"/intake/log":                      anyOf(policy.IntakeLogView),
		"/logs/operations":                 anyOf(policy.AuditView),
		"/logs/push":                       anyOf(policy.TraceView, policy.ConversationView),
		"/logs/errors":                     anyOf(policy.JobView, policy.IntakeLogView),
		"/jobs":                            anyOf(policy.JobView),
		"/logs/sign-in":                    true,
		"/accounts/" + other + "/presence": anyOf(policy.PresenceSetOthers),
		"/accounts/" + other + "/sessions": anyOf(policy.SessionEnd),
	} {
		if c.r.IntN(3) > 0 {
			continue
		}
		got := c.ask(asker, "GET", path, nil)
		if got.status == 403 == may {
			c.t.Errorf("%s with %v asks %s: %d %s", asker, c.rights[asker], path, got.status, got.raw)
		}
		c.told(asker, path, got, true, true) // who may see a list sees whom it is about; texts and names of customers are in none
		own := path == "/logs/sign-in" && !anyOf(policy.SessionEnd, policy.AuditView) || path == "/logs/push" && !anyOf(policy.TraceView)
		if own && got.status == 200 {
			c.told(asker, path, got, false, true)
		}
	}
	if c.r.IntN(20) == 0 {
		got := c.ask(asker, "GET", "/snapshot", nil)
		if got.status == 403 == c.may(asker, policy.SnapshotExport) {
			c.t.Errorf("%s with %v asks for a snapshot: %d", asker, c.rights[asker], got.status)
		}
	}
}

// TestTenThousandRandomAskersAreToldNoMoreThanTheirRights asks as people with random rights, in companies in which things happen meanwhile.
func TestTenThousandRandomAskersAreToldNoMoreThanTheirRights(t *testing.T) {
	companies, questions := 20, 500
	if testing.Short() {
		companies, questions = 4, 100
	}
	for seed := range uint64(companies) {
		r := rand.New(rand.NewPCG(seed, 2026))
		c := newCrowd(t, r)
		for i := range questions {
			if i%10 == 0 {
				c.disturb()
			}
			c.asks()
		}
		if len(c.helped) == 0 || len(c.messages) == 0 {
			t.Errorf("seed %d: nothing happened: %d requests, %d messages", seed, len(c.helped), len(c.messages))
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}
