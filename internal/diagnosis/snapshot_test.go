package diagnosis

import (
	"bytes"
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/store/snapshot"
)

// offline exports the company and opens what was written.
func (c *company) offline(since time.Time) *Service {
	c.t.Helper()
	s := c.shot(since, "")
	return explaining(s)
}

// shot exports the company, or what explains one agent, and opens what was written.
func (c *company) shot(since time.Time, agent string) *snapshot.Snapshot {
	c.t.Helper()
	var file bytes.Buffer
	err := snapshot.NewExporter(c.store).Export(context.Background(), &file, snapshot.Options{
		Since: since, At: c.now, Zone: defaultZone(), Program: "test", Engine: conversation.Engine, Failures: c.l.Failures(), Agent: agent,
	})
	if err != nil {
		c.t.Fatal(err)
	}
	s, err := snapshot.Open(context.Background(), bytes.NewReader(file.Bytes()), conversation.Engine)
	if err != nil {
		c.t.Fatal(err)
	}
	return s
}

func explaining(s *snapshot.Snapshot) *Service {
	return New(Deps{
		Ledger: s, Messages: s.Records, Flow: s.Records, Facts: s.Records, Policies: s.Records, Offline: true, Zone: s.Head.Location(),
		Now: func() time.Time { return s.Head.At },
	})
}

// sameAnswer compares the answers of the server and of the snapshot, but for what a snapshot does not have.
func (c *company) sameAnswer(rt interface{ Errorf(string, ...any) }, offline *Service, q Query) {
	c.t.Helper()
	there, err := c.s.Diagnose(context.Background(), "admin", q)
	here, offlineErr := offline.Diagnose(context.Background(), "", q)
	if err != nil || offlineErr != nil {
		p, o := problem.As(err), problem.As(offlineErr)
		if p == nil || o == nil || p.Code != o.Code || p.Field != o.Field {
			rt.Errorf("%+v: the server refuses with %v, the snapshot with %v", q, err, offlineErr)
		}
		return
	}
	for i := range there.Findings {
		if f := there.Findings[i].Fix; f != nil {
			for j := range f.Edits {
				f.Edits[j].Spec = nil
			}
		}
	}
	if there.Best != nil {
		for j := range there.Best.Fix.Edits {
			there.Best.Fix.Edits[j].Spec = nil
		}
	}
	want, got := indented(c.t, there), indented(c.t, here)
	if want != got {
		rt.Errorf("%+v: the snapshot answers otherwise:\n%s", q, firstDifference(want, got))
	}
}

func indented(t *testing.T, r *Report) string {
	t.Helper()
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			from := max(0, i-12)
			return "server:   " + strings.Join(w[from:min(i+6, len(w))], "\n") + "\nsnapshot: " + strings.Join(g[from:min(i+6, len(g))], "\n")
		}
	}
	return "one is longer"
}

func TestASnapshotAnswersAsTheServerDoes(t *testing.T) {
	onRandomHistories(t, func(rt *rapid.T, c *company) {
		since := c.now.Add(-time.Duration(rapid.IntRange(1, 30).Draw(rt, "hours")) * time.Hour)
		offline := c.offline(since)
		for _, agent := range []string{"agent-a", "agent-b", "agent-c", "admin", "nobody"} {
			for _, q := range []Query{{}, {Inbox: "web"}, {Inbox: "shop", Kind: "group"}, {Kind: "customer"}, {Inbox: "none"}, {Kind: "none"}, {Message: "m0"}, {Message: "none"}} {
				q.Agent = agent
				c.sameAnswer(rt, offline, q)
			}
			for range 3 {
				ago := time.Duration(rapid.Int64Range(-1, int64(c.now.Sub(since))).Draw(rt, "ago"))
				if at := c.now.Add(-ago); !at.Before(c.began()) {
					c.sameAnswer(rt, offline, Query{Agent: agent, At: at})
				}
			}
			for _, id := range c.posted {
				c.sameOrOlder(rt, offline, Query{Agent: agent, Message: id}, since)
			}
		}
	})
}

// A snapshot of one agent has less, and answers the same about that agent: in its inboxes, at any instant of its time, about any message that came into them. What
// it cannot answer it refuses.
func TestASnapshotOfOneAgentAnswersAboutThatAgentAsTheServerDoes(t *testing.T) {
	refused := map[string]int{}
	onRandomHistories(t, func(rt *rapid.T, c *company) {
		since := c.now.Add(-time.Duration(rapid.IntRange(1, 30).Draw(rt, "hours")) * time.Hour)
		agent := rapid.SampledFrom([]string{"agent-a", "agent-b", "agent-c", "admin"}).Draw(rt, "agent")
		shot := c.shot(since, agent)
		offline := explaining(shot)
		for _, inbox := range []string{"", "web", "shop", "none"} {
			if err := shot.Covers(agent, inbox); err != nil {
				if _, ok := c.l.Policy().Inbox(inbox); !ok || slices.Contains(shot.Head.Inboxes, inbox) {
					rt.Errorf("%s in %q: %v", agent, inbox, err)
				}
				refused[problem.As(err).Code]++
				continue
			}
			for _, kind := range []string{"", "customer", "group"} {
				c.sameAnswer(rt, offline, Query{Agent: agent, Inbox: inbox, Kind: kind})
			}
			ago := time.Duration(rapid.Int64Range(-1, int64(c.now.Sub(since))).Draw(rt, "ago"))
			if at := c.now.Add(-ago); !at.Before(c.began()) {
				c.sameAnswer(rt, offline, Query{Agent: agent, Inbox: inbox, At: at})
			}
		}
		for _, id := range c.posted {
			q := Query{Agent: agent, Message: id}
			if _, err := offline.Diagnose(context.Background(), "", q); err != nil && problem.As(err) != nil && problem.As(err).Code == "snapshot.other_message" {
				position, _ := conversation.ParseID('m', id)
				if row, err := c.store.Message(context.Background(), position); err != nil || slices.Contains(shot.Head.Inboxes, row.Inbox) {
					rt.Errorf("%+v is refused, in an inbox of the agent: %v", q, err)
				}
				refused["snapshot.other_message"]++
				continue
			}
			c.sameOrOlder(rt, offline, q, since)
		}
		if err := shot.Covers("agent-x", ""); problem.As(err) == nil || problem.As(err).Code != "snapshot.other_agent" {
			rt.Errorf("another agent: %v", err)
		}
	})
	t.Log("refused: ", refused)
}

func TestASnapshotOfAnAgentThatNeverWasIsRefusedBeforeAnythingIsWritten(t *testing.T) {
	c := newCompany(t, companyYAML)
	var file bytes.Buffer
	err := snapshot.NewExporter(c.store).Export(context.Background(), &file, snapshot.Options{
		Since: c.now, At: c.now, Zone: defaultZone(), Program: "test", Engine: conversation.Engine, Agent: "agent-x",
	})
	if p := problem.As(err); p == nil || p.Code != "snapshot.unknown_agent" || p.Field != "/agent" || file.Len() != 0 {
		t.Errorf("got %v, and %d bytes", err, file.Len())
	}
}

func (c *company) began() time.Time {
	at, err := c.store.Began(context.Background())
	if err != nil {
		c.t.Fatal(err)
	}
	return at
}

// sameOrOlder asks about a message; one from before the rows of the snapshot is refused, and nothing is guessed about it.
func (c *company) sameOrOlder(rt *rapid.T, offline *Service, q Query, since time.Time) {
	c.t.Helper()
	position, _ := conversation.ParseID('m', q.Message)
	row, err := c.store.Message(context.Background(), position)
	if err != nil {
		c.t.Fatal(err)
	}
	if !row.At.Before(since.Add(-snapshot.Margin)) {
		c.sameAnswer(rt, offline, q)
		return
	}
	if _, err := offline.Diagnose(context.Background(), "", q); problem.As(err) == nil || problem.As(err).Code != "snapshot.message_too_old" {
		rt.Errorf("%+v, which is older than the snapshot: %v", q, err)
	}
}

func TestAnInstantBeforeASnapshotIsRefused(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a")
	c.wait(72 * time.Hour)
	since := c.now.Add(-time.Hour)
	offline := c.offline(since)
	_, err := offline.Diagnose(context.Background(), "", Query{Agent: "agent-a", At: since.Add(-time.Second)})
	if p := problem.As(err); p == nil || p.Code != "diagnosis.before_records" || p.Field != "/at" {
		t.Errorf("got %v", err)
	}
	c.sameAnswer(t, offline, Query{Agent: "agent-a", At: since})
}

func TestASnapshotTellsWhichRuleKeptAMessageAndNothingOfTheMessage(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a", "agent-b")
	for _, action := range []string{"quarantine", "reject"} {
		c.apply("supervisor-b", edit(policy.KindFilter, "spam", `{"match":{"keywords":["秘密"],"senders":{"block":["zhang-san"]}},"action":"`+action+`"}`))
		id := c.post("web", "customer", "zhang-san")
		there, err := c.s.Diagnose(context.Background(), "admin", Query{Agent: "agent-a", Message: id})
		if err != nil {
			t.Fatal(err)
		}
		here, err := c.offline(c.now).Diagnose(context.Background(), "", Query{Agent: "agent-a", Message: id})
		if err != nil {
			t.Fatal(err)
		}
		text := indented(t, here)
		if here.Verdict != there.Verdict || primary(t, here).Code != primary(t, there).Code || !reflect.DeepEqual(primary(t, here).ChangedBy, primary(t, there).ChangedBy) {
			t.Errorf("%s: the snapshot says\n%s\nthe server\n%s", action, show(here), show(there))
		}
		for _, secret := range []string{"秘密", "zhang-san"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s: the report tells %q: %s", action, secret, text)
			}
		}
		c.apply("supervisor-b", policy.Edit{Kind: policy.KindFilter, Name: "spam"})
	}
}
