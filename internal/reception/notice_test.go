package reception

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestWhatAClientReportsIsAWarningAndNothingMore(t *testing.T) {
	reported := func(list ...Attention) func(*company) {
		return func(c *company) {
			for i := range list {
				c.agent("a").Clients = append(c.agent("a").Clients, Client{Name: "console", Notice: list[i].Notice()})
			}
		}
	}
	silent := func(c *company) { c.agent("a").Clients = append(c.agent("a").Clients, Client{Name: "old"}) }
	both := func(f, g func(*company)) func(*company) { return func(c *company) { f(c); g(c) } }
	full := Attention{Notifications: "granted", Sound: "on"}
	checkGate(t, ClientNotify, []gateCase{
		{"without a client there is nothing to see", func(*company) {}, notApplicable},
		{"all is well", reported(full), passed},
		{"a browser without notifications and sound has nothing to mend", reported(Attention{Notifications: "unsupported", Sound: "unsupported"}), passed},
		{"a client that left things out has nothing to warn of", reported(Attention{}), passed},
		{"a page that is not in a secure context", reported(Attention{Insecure: true, Notifications: "denied", Hidden: true}), passedWith(CodeClientNotifyInsecure)},
		{"denied notifications", reported(Attention{Notifications: "denied", Muted: true, Hidden: true}), passedWith(CodeClientNotifyDenied)},
		{"notifications that nobody was asked about", reported(Attention{Notifications: "default", Muted: true, Sound: "off"}), passedWith(CodeClientNotifyNotAsked)},
		{"silenced", reported(Attention{Notifications: "granted", Muted: true, Hidden: true, Sound: "off"}), passedWith(CodeClientNotifyMuted)},
		{"a window that nobody can see", reported(Attention{Notifications: "granted", Hidden: true, Sound: "off"}), passedWith(CodeClientNotifyHidden)},
		{"the sound turned off", reported(Attention{Notifications: "granted", Sound: "off"}), passedWith(CodeClientNotifySoundOff)},
		{"the sound blocked by the browser", reported(Attention{Notifications: "granted", Sound: "blocked"}), passedWith(CodeClientNotifySoundBlocked)},
		{"never reported is not known", silent, unknown(CodeClientNotifyUnreported)},
		{"one that is well is enough", both(silent, reported(Attention{Notifications: "denied"}, full)), passed},
		{"one that says nothing may be well", both(reported(Attention{Notifications: "denied"}), silent), unknown(CodeClientNotifyUnreported)},
		{"of two that are not well the better one is told", reported(Attention{Notifications: "denied"}, Attention{Hidden: true}), passedWith(CodeClientNotifyHidden)},
		{"a program has nobody to warn", reported(Attention{Program: true, Notifications: "denied"}), notApplicable},
		{"a program beside a window changes nothing", reported(Attention{Program: true}, Attention{Hidden: true}), passedWith(CodeClientNotifyHidden)},
		{"a robot's account has nobody to warn", both(silent, func(c *company) { c.account("a").Robot = true }), notApplicable},
	})
}

func TestAnAsynchronousInboxWarnsOfNothing(t *testing.T) {
	c := newCompany()
	c.agent("a").Clients = []Client{{Notice: NoticeDenied}}
	if got := Explain(c.p, c.w, "mail", "customer", "a", noon)[ClientNotify]; got != notApplicable {
		t.Errorf("%v", got)
	}
}

func TestNobodyIsChosenForWhatIsKnownOfTheirClients(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, w := drawPolicy(t), drawFacts(t)
		now := rapid.SampledFrom(instants).Draw(t, "now")
		other := &facts{agents: map[string]*Agent{}, failures: w.failures, rates: w.rates}
		for name, a := range w.agents {
			bent := *a
			bent.Clients = slices.Clone(a.Clients)
			for i := range bent.Clients {
				bent.Clients[i].Notice = Notice(rapid.IntRange(0, int(NoticeFull)).Draw(t, "other notice"))
			}
			other.agents[name] = &bent
		}
		for _, m := range messages(t) {
			a, b := Decide(p, w, m, now), Decide(p, other, m, now)
			for i := range a.Candidates {
				a.Candidates[i].Cells[ClientNotify], b.Candidates[i].Cells[ClientNotify] = notApplicable, notApplicable
			}
			if !same(&a, &b) || a.Summary("en", nil) != b.Summary("en", nil) {
				t.Fatalf("%+v: %+v, with other clients %+v", m, a, b)
			}
		}
	})
}

func TestJournalRowsFromBeforeTheGateAreReadAsNotApplicable(t *testing.T) {
	_, candidates, err := DecodeOutcomes([]byte(`{"message":{"switch.platform":"pass"},"vectors":[{"agents":["a"],"gates":{"connection":"pass","client.version":"pass"}}]}`))
	if err != nil || candidates[0].Cells[ClientNotify] != notApplicable || candidates[0].Cells[ClientVersion] != passed {
		t.Fatalf("%v, %v", candidates, err)
	}
}

func TestAnInvalidNoticeIsNotAllWell(t *testing.T) {
	if got := (NoticeFull + 1).Code(); got != CodeClientNotifyUnreported {
		t.Error(got)
	}
	if NoticeFull.Code() != 0 {
		t.Error(NoticeFull.Code())
	}
}
