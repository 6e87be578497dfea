package diagnosis

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/ledger"
)

// tell has the client of an agent report.
func (c *company) tell(agent string, r ledger.Report) {
	c.t.Helper()
	c.tx(func(tx *ledger.Tx) { tx.SetReport(agent, "k-"+agent+"-1", r) })
}

func count(n int64) *int64 { return &n }

// odd lists the facts of a finding's evidence that begin with a client, by their last part.
func odd(f Finding) (list []string) {
	for _, e := range f.Evidence {
		if rest, ok := strings.CutPrefix(e.Fact, "client/k-agent-a-1/"); ok {
			list = append(list, rest+": "+e.Value)
		}
	}
	return list
}

func TestAClientsWarningHasItsProofItsTimeAndWhatToDo(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a")
	c.tell("agent-a", ledger.Report{Notifications: "denied", Browser: "Chrome 156", Reconnects: count(9), Gaps: count(2), ClockOffset: count(-185_000)})
	at := c.now
	c.wait(time.Minute)
	r := c.ask("agent-a")
	expect(t, r, "no_traffic", "* traffic.none_offered expected "+all, "client.notify.denied "+all+" fix: allow_notifications ok")
	f := r.Findings[1]
	if f.Outcome != "pass" || f.Since == nil || !time.Time(*f.Since).Equal(at) || f.Fix.By != "self" {
		t.Errorf("%+v", f)
	}
	want := []string{
		"gaps: 2 holes in the sequence of entries since the page was loaded", "reconnects: 9 connections were lost and made again since the page was loaded",
		"clock_offset: the client's clock is 3m5s behind the server's",
	}
	if got := odd(f); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if len(r.Clients) != 1 || r.Clients[0].Code != "client.notify.denied" || r.Clients[0].Report.Browser != "Chrome 156" || !time.Time(*r.Clients[0].ReportedAt).Equal(at) || r.Clients[0].Visible != nil {
		t.Errorf("%+v", r.Clients)
	}
}

func TestWhatALostConnectionsClientReportedIsEvidence(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a")
	c.tell("agent-a", ledger.Report{Notifications: "granted", Reconnects: count(4), Gaps: count(1), ClockOffset: count(119_000)})
	c.wait(time.Minute)
	c.disconnect("agent-a", "stale")
	c.wait(time.Minute)
	r := c.ask("agent-a")
	if r.Findings[0].Code != "connection.stale" || !slices.Equal(odd(r.Findings[0]), []string{"gaps: 1 holes in the sequence of entries since the page was loaded"}) {
		t.Errorf("%s: %q", r.Findings[0].Code, odd(r.Findings[0]))
	}
	if len(r.Clients) != 0 {
		t.Errorf("%+v", r.Clients)
	}
}

func TestAListHidesWhatItsFilterCannotShow(t *testing.T) {
	c := newCompany(t, companyYAML)
	r := &run{s: &Service{Deps: Deps{Facts: c.store}}, ctx: t.Context()}
	d := &ledger.DeliveryRow{Account: "agent-a", Inbox: "web", Kind: "group", Conversation: 1, ReceivedAt: c.now}
	for _, test := range []struct {
		filter *ledger.ListFilter
		hides  bool
	}{
		{nil, false},
		{&ledger.ListFilter{}, false},
		{&ledger.ListFilter{Tab: "open", Inbox: "web", Kind: "group", Unread: true}, false},
		{&ledger.ListFilter{Search: true}, false}, // what it finds is not known
		{&ledger.ListFilter{Tab: "a list of another client"}, false},
		{&ledger.ListFilter{Inbox: "shop"}, true},
		{&ledger.ListFilter{Kind: "customer"}, true},
		{&ledger.ListFilter{Tab: "resolved"}, true},
		{&ledger.ListFilter{Tab: "none"}, true},
		{&ledger.ListFilter{Tab: "mine"}, true}, // nobody has it
		{&ledger.ListFilter{Tab: "waiting"}, false},
	} {
		if got, err := r.hides(test.filter, d, c.now); err != nil || got != test.hides {
			t.Errorf("%+v: %v, %v", test.filter, got, err)
		}
	}
}

func TestAReportThatCameLateLeavesItOpenWhatTheListShowed(t *testing.T) {
	c := newCompany(t, companyYAML)
	r := &run{s: &Service{Deps: Deps{Facts: c.store}}, ctx: t.Context()}
	begin := c.now
	d := &ledger.DeliveryRow{Account: "agent-a", Inbox: "web", Kind: "group", Conversation: 1, ReceivedAt: begin}
	hiding, showing := &ledger.Report{Filter: &ledger.ListFilter{Inbox: "shop"}}, &ledger.Report{}
	at := func(seconds int) time.Time { return begin.Add(time.Duration(seconds) * time.Second) }
	for name, test := range map[string]struct {
		reports []span
		hidden  bool
	}{
		"all the time":              {[]span{{from: at(-9), report: hiding}}, true},
		"at once":                   {[]span{{from: at(5), report: hiding}}, true},
		"late":                      {[]span{{from: at(6), report: hiding}}, false},
		"two that hide it":          {[]span{{from: at(0), to: at(20), report: hiding}, {from: at(20), report: hiding}}, true},
		"one of two":                {[]span{{from: at(0), to: at(20), report: hiding}, {from: at(20), report: showing}}, false},
		"one that ended":            {[]span{{from: at(0), to: at(20), report: hiding}}, false},
		"one that ended before":     {[]span{{from: at(-20), to: at(-10), report: hiding}}, false},
		"none":                      {nil, false},
		"one that shows everything": {[]span{{from: at(-9), report: showing}}, false},
	} {
		s := &screen{id: "k1", reports: test.reports}
		by, err := r.hiding(s, begin, at(60), d)
		if err != nil || (by != nil) != test.hidden {
			t.Errorf("%s: %v, %v", name, by, err)
		}
	}
}

func TestWarningsAreNoCauses(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a")
	c.tell("agent-a", ledger.Report{Notifications: "denied"})
	c.presence("supervisor-b", "agent-a", "offline")
	r := c.ask("agent-a")
	expect(t, r, "blocked", "* presence.offline by supervisor-b "+all+" fix: go_available ok", "client.notify.denied "+all+" fix: allow_notifications ok")
	if !strings.HasSuffix(r.Headline.ZH, "。") || strings.Contains(r.Headline.ZH, "另有") || !r.Mended {
		t.Errorf("%s, mended %v", r.Headline.ZH, r.Mended)
	}
}
