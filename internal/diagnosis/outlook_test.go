package diagnosis

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/governance"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

func (c *company) outlook(asker, agent string) *Outlook {
	c.t.Helper()
	o, err := c.s.Outlook(context.Background(), asker, Query{Agent: agent, Lang: "zh"})
	if err != nil {
		c.t.Fatal(err)
	}
	return o
}

// brief writes an outlook: each cell with what holds now and next.
func brief(o *Outlook) string {
	var list []string
	for _, x := range o.Cells {
		s := fmt.Sprintf("%s/%s %s", x.Inbox, x.Kind, said(&x.Now))
		if x.Next != nil {
			s += " " + time.Time(x.Next.At).Format("Mon 15:04") + " " + said(x.Next)
		}
		list = append(list, s)
	}
	return string(o.Verdict) + ": " + strings.Join(list, ", ")
}

func said(a *Answer) string {
	if a.Code == "" {
		return a.Outcome
	}
	return a.Outcome + "(" + a.Code + ")"
}

func TestAnOutlookSaysWhatHoldsNowAndWhenThatChangesByItself(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a", "agent-c")
	for _, x := range []struct {
		agent, want string
		wait        time.Duration
	}{
		{"agent-a", "no_traffic: shop/customer pass, web/customer pass, web/group pass", 0},
		{"agent-c", "no_traffic: web/customer pass Fri 18:00 wait(window.agent.team_closed), web/group pass Fri 18:00 wait(window.agent.team_closed)", 0},
		{"agent-c", "waiting: web/customer wait(window.agent.team_closed) Mon 09:00 pass, web/group wait(window.agent.team_closed) Mon 09:00 pass", 5 * time.Hour},
	} {
		c.wait(x.wait)
		if got := brief(c.outlook(x.agent, x.agent)); got != x.want {
			t.Errorf("%s:\n%s\nwant\n%s", x.agent, got, x.want)
		}
	}
	if o := c.outlook("agent-c", "agent-c"); !o.Cells[0].Now.Expected || o.Cells[0].Now.Until == nil || o.Cells[0].Title != "网站" || o.Title != "客服丙" {
		t.Errorf("off shift is %+v", o.Cells[0])
	}
}

func TestAnOutlookSaysWhatStillStopsWhenAWindowOpens(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-c")
	c.wait(5 * time.Hour)
	c.do(&governance.SetPresence{Account: "agent-c", Value: "offline", By: "agent-c", Source: "api"})
	if got := brief(c.outlook("agent-c", "agent-c")); !strings.Contains(got, "web/customer wait(window.agent.team_closed) Mon 09:00 block(presence.offline)") {
		t.Errorf("off shift and offline: %s", got)
	}
}

func TestABreakWithAnEndIsNext(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a")
	c.do(&governance.SetPresence{Account: "agent-a", Value: "away", Reason: "午饭", Until: c.now.Add(30 * time.Minute), By: "agent-a", Source: "api"})
	if got, want := brief(c.outlook("agent-a", "agent-a")), "shop/customer wait(presence.away) Fri 14:3"; !strings.Contains(got, want) {
		t.Errorf("%s, want %s", got, want)
	}
}

// What an outlook calls next is decided by the engine at that instant; at no known instant before does it say anything else.
func TestTheNextAnswerIsTheEnginesOwnAndNoEarlierOneIsMissed(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a", "agent-b", "agent-c")
	c.apply("admin", edit("switch", "inbox.web", fmt.Sprintf(`{"state":"paused","reason":"x","until":%q}`, c.now.Add(90*time.Minute).Format(time.RFC3339))),
		edit("maintenance", "upgrade", fmt.Sprintf(`{"title":"升级","reason":"换库","from":%q,"until":%q,"inboxes":["shop"]}`, c.now.Add(time.Hour).Format(time.RFC3339), c.now.Add(3*time.Hour).Format(time.RFC3339))))
	c.account("admin", "agent-b", func(a *policy.AccountSpec) { a.Expires = c.now.Add(2 * time.Hour) })
	compiled, view := c.l.Policy().Compile(), c.l.View()
	found := 0
	for _, agent := range []string{"agent-a", "agent-b", "agent-c"} {
		for _, x := range c.outlook("supervisor-b", agent).Cells {
			until := c.now.Add(7 * 24 * time.Hour)
			if x.Next != nil {
				found++
				until = time.Time(x.Next.At)
			}
			at := func(when time.Time) (string, string) {
				v := reception.Explain(compiled, view, x.Inbox, x.Kind, agent, when)
				if g := v.First(); g != reception.GateCount {
					return v[g].Outcome.String(), v[g].Code.String()
				}
				return "pass", ""
			}
			for when := c.now; when.Before(until); when = when.Add(5 * time.Minute) {
				if outcome, code := at(when); outcome != x.Now.Outcome || code != x.Now.Code {
					t.Errorf("%s %s/%s: %s(%s) at %v, which is before the next answer %+v", agent, x.Inbox, x.Kind, outcome, code, when, x.Next)
					break
				}
			}
			if x.Next == nil {
				continue
			}
			if outcome, code := at(until); outcome != x.Next.Outcome || code != x.Next.Code {
				t.Errorf("%s %s/%s: next is %s, the engine says %s(%s)", agent, x.Inbox, x.Kind, said(x.Next), outcome, code)
			}
		}
	}
	if found < 5 {
		t.Errorf("only %d cells change", found)
	}
}

func TestAnOutlookIsShownToOneselfAndToWhoMayDiagnoseOthers(t *testing.T) {
	c := newCompany(t, companyYAML)
	c.work("agent-a")
	c.outlook("supervisor-b", "agent-a")
	for _, agent := range []string{"agent-b", "ghost"} {
		if _, err := c.s.Outlook(context.Background(), "agent-a", Query{Agent: agent}); problem.KindOf(err) != problem.Forbidden {
			t.Errorf("about %s: %v", agent, err)
		}
	}
}
