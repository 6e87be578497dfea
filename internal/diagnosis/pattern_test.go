package diagnosis

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/problem"
)

// drawn makes n samples whose values are drawn without regard to what is bad about them.
func drawn(r *rand.Rand, n int) []sample {
	list := make([]sample, n)
	for i := range list {
		s := &list[i]
		for d, values := range [dimensionCount]int{byAgent: 12, byInbox: 4, byKind: 2, byConversation: 40, byNode: 2, byConnection: 30, byVersion: 4, bySessionAge: 6, byConnectionAge: 6, byHour: 24} {
			s.of[d] = fmt.Sprint(r.IntN(values))
		}
		s.bad[lostOutcome] = false
	}
	return list
}

func TestNothingIsSaidOfHealthySets(t *testing.T) {
	const sets = 1000
	r := rand.New(rand.NewPCG(20261120, 7))
	said := 0
	for range sets {
		list := drawn(r, 50+r.IntN(500))
		for outcome := range outcomeCount { // losses as chance has them, of any rate
			rate := math.Pow(r.Float64(), 3) * 0.5
			for i := range list {
				list[i].bad[outcome] = r.Float64() < rate
			}
		}
		if found := separations(list); len(found) > 0 {
			said++
			t.Logf("said %s", found[0].Text.EN)
		}
	}
	t.Logf("a pattern was seen in %d of %d sets without one", said, sets)
	if said > 3 { // the bound is 1 in 1,000 sets; more than 3 would come up by chance once in 50,000 runs of other seeds, and the seed is fixed
		t.Errorf("in %d of %d sets without a pattern one was seen", said, sets)
	}
}

func TestWhatSeparatesIsFoundInEveryDimension(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for d := range dimensionCount {
		for outcome := range outcomeCount {
			list := drawn(r, 249)
			for i := range list {
				list[i].of[d] = "other" + list[i].of[d]
				if i < 9 {
					list[i].of[d], list[i].bad[outcome] = "guilty", true
				}
			}
			found := separations(list)
			if len(found) == 0 || found[0].Dimension != dimensions[d] || found[0].Value != "guilty" || found[0].Outcome != outcomesOfDeliveries[outcome] {
				t.Fatalf("%s, %s: %+v", dimensions[d], outcomesOfDeliveries[outcome], found)
			}
			if s := found[0]; s.With != (Ratio{9, 9}) || s.Without != (Ratio{0, 240}) || s.P > 1e-9 {
				t.Errorf("%+v", s)
			}
		}
	}
}

func TestWhatTheSameDeliveriesShareCannotBeToldApart(t *testing.T) {
	list := drawn(rand.New(rand.NewPCG(3, 4)), 100)
	for i := range list {
		if list[i].of[byVersion], list[i].of[byNode] = "1.3", "node-1"; i%10 == 0 {
			list[i].of[byVersion], list[i].of[byNode], list[i].bad[lateOutcome] = "1.2", "node-2", true
		}
	}
	found := separations(list)
	if len(found) != 1 || found[0].Dimension != "node" || len(found[0].Same) != 1 || found[0].Same[0] != (Shared{"version", "1.2"}) {
		t.Fatalf("%+v", found)
	}
	if want := `All 10 that arrived late have the node "node-2" (of 10 with it), and none of the 90 others. The same ones have the client version "1.2": ` +
		`the two cannot be told apart. That is a coincidence, which need not be the cause.`; found[0].Text.EN != want {
		t.Errorf("%s\nwant\n%s", found[0].Text.EN, want)
	}
}

func TestFewLossesAndWhatIsNotRecordedSayNothing(t *testing.T) {
	list := drawn(rand.New(rand.NewPCG(5, 6)), 200)
	for i := range 4 { // four are too few, however they lie
		list[i].of[byVersion], list[i].bad[lostOutcome] = "guilty", true
	}
	if found := separations(list); len(found) != 0 {
		t.Errorf("of four losses it says %+v", found)
	}
	for i := range list {
		list[i] = sample{bad: [outcomeCount]bool{lostOutcome: i < 20}}
		if list[i].of[byNode] = "node-1"; i < 20 {
			list[i].of[byNode] = notRecordedValue
		}
	}
	if found := separations(list); len(found) != 0 {
		t.Errorf("of what is not recorded it says %+v", found)
	}
}

func TestTheExactTestIsExact(t *testing.T) {
	for _, x := range []struct {
		with, without Ratio
		p             float64
	}{
		{Ratio{3, 4}, Ratio{1, 4}, 17.0 / 70}, // the lady tasting tea
		{Ratio{4, 4}, Ratio{0, 4}, 1.0 / 70},
		{Ratio{0, 5}, Ratio{3, 5}, 1},
		{Ratio{2, 2}, Ratio{0, 3}, 1.0 / 10},
	} {
		if p := fisher(x.with, x.without); math.Abs(p-x.p) > 1e-12 {
			t.Errorf("%v against %v: %v, want %v", x.with, x.without, p, x.p)
		}
	}
}

// traffic lets messages reach agent-a through a connection of some version, or not.
func (c *company) traffic(n int, version string, acknowledged bool) {
	c.t.Helper()
	id := "k-" + version
	c.tx(func(tx *ledger.Tx) {
		tx.OpenSocket("agent-a", ledger.Socket{ID: id, Session: "s-agent-a", Client: "tab", Name: "workspace", Version: version, Node: "node-1"}, "agent-a")
	})
	for range n {
		c.post("shop", "customer", fmt.Sprint("contact", c.sent))
		c.tx(func(tx *ledger.Tx) {
			d, err := tx.EditDelivery("agent-a", c.l.Agent("agent-a").Sequence)
			if err != nil {
				c.t.Fatal(err)
			}
			d.PushedAt, d.Connection, d.Attempts, d.Result = tx.Now(), id, 1, "unacknowledged"
			if acknowledged {
				d.ReceivedAt, d.State, d.Result, d.ReceivedBy = tx.Now(), ledger.Received, "received", "tab"
			}
		})
		c.wait(20 * time.Second)
	}
}

func TestLossesOfOneVersionAreSeen(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a")
	c.traffic(40, "1.3", true)
	c.traffic(9, "1.2", false)
	c.traffic(40, "1.4", true)
	p, err := c.s.Patterns(context.Background(), "supervisor-b", PatternQuery{Inbox: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	if p.Tally.Deliveries != 89 || p.Tally.Lost != 9 || p.Tally.Unacknowledged != 9 || !p.Whole {
		t.Fatalf("%+v", p.Tally)
	}
	if len(p.Separations) != 2 || p.Separations[0].Outcome != "lost" || p.Separations[0].With != (Ratio{9, 9}) || p.Separations[0].Without != (Ratio{0, 80}) {
		t.Fatalf("%+v", p.Separations)
	}
	if got := fmt.Sprint(p.Separations[0].Dimension, p.Separations[0].Value, p.Separations[0].Same); got != "connectionk-1.2[{version workspace 1.2}]" {
		t.Errorf("separated by %s", got)
	}
	r := c.ask("agent-a")
	if len(r.Patterns) != 2 || r.Patterns[0].Text != p.Separations[0].Text {
		t.Errorf("the report has %+v", r.Patterns)
	}
	// The same from a snapshot; and nobody else is told.
	here, err := c.offline(c.began()).Patterns(context.Background(), "", PatternQuery{Inbox: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	a, _ := json.Marshal(p)
	b, _ := json.Marshal(here)
	if string(a) != string(b) {
		t.Errorf("the snapshot says\n%s\nthe server\n%s", b, a)
	}
	for _, secret := range []string{"秘密", "secret text", "张三丰", "contact1"} {
		if strings.Contains(string(a), secret) {
			t.Errorf("patterns tell %q", secret)
		}
	}
	if _, err := c.s.Patterns(context.Background(), "agent-a", PatternQuery{Agent: "agent-a"}); problem.As(err) == nil || problem.As(err).Kind != problem.Forbidden {
		t.Errorf("an agent is told patterns: %v", err)
	}
}

func TestPatternsOfNothingOrOfAnotherTimeAreRefusedByField(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a")
	c.wait(time.Hour)
	for _, x := range []struct {
		field string
		q     PatternQuery
	}{
		{"/agent", PatternQuery{Agent: "nobody"}}, {"/inbox", PatternQuery{Inbox: "nowhere"}}, {"/kind", PatternQuery{Kind: "fax"}},
		{"/to", PatternQuery{To: c.now.Add(time.Second)}}, {"/from", PatternQuery{From: c.now.Add(-1000 * time.Hour)}},
		{"/from", PatternQuery{From: c.now, To: c.now.Add(-time.Minute)}}, {"/from", PatternQuery{From: c.began().Add(-time.Second)}},
		{"/to", PatternQuery{To: c.began().Add(-time.Second)}},
	} {
		_, err := c.s.Patterns(context.Background(), "supervisor-b", x.q)
		if p := problem.As(err); p == nil || p.Field != x.field {
			t.Errorf("%+v: %v, want the field %s", x.q, err, x.field)
		}
	}
	p, err := c.s.Patterns(context.Background(), "supervisor-b", PatternQuery{})
	if err != nil || p.Tally.Deliveries != 0 || p.Headline.EN != "There were no deliveries in this time." {
		t.Errorf("%+v, %v", p, err)
	}
}
