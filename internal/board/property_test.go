package board_test

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bidahq/bida/internal/board"
	"github.com/bidahq/bida/internal/diagnosis"
	"github.com/bidahq/bida/internal/governance"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
	"github.com/bidahq/bida/test/desk"
)

// A history takes milliseconds, and an order of magnitude more with the race detector: by default draw fewer than usual. -rapid.checks draws more.
func init() {
	if err := flag.Lookup("rapid.checks").Value.Set("25"); err != nil {
		panic(err)
	}
}

// settings are what companies of these tests are made of, in versions that are put in force at random.
var settings = map[string][]string{
	"account/a": {
		`title: 甲, agent: true, roles: [agent]`,
		`title: 甲, agent: true, roles: [agent], number: "007", deny: [{permission: receive.group}]`,
		`title: 甲, agent: true, roles: [agent], deny: [{permission: receive, until: UNTIL}], windows: [day]`,
		`title: 甲, agent: true, roles: [agent], state: frozen, state_reason: 核查, state_until: UNTIL`,
		`title: 甲, agent: true, roles: [agent], windows: [day, late], extensions: [{until: UNTIL, reason: 忙}]`,
		`title: 甲, agent: true, roles: [agent], capacity: {total: 1}, expires: UNTIL`,
		`title: 甲, agent: true, roles: []`,
		`title: 甲, agent: true, roles: [agent], state: left`,
	},
	"account/b": {
		`title: 乙, agent: true, roles: [agent]`,
		`title: 乙, agent: true, roles: [agent], windows: [late], capacity: {inboxes: {web: 1}}`,
		`title: 乙, agent: false, roles: [agent]`,
	},
	"account/c":  {`title: 丙, agent: true, roles: [agent]`, `title: 丙, agent: true, roles: [agent], allow: [{permission: receive.vip, until: UNTIL}]`},
	"team/shift": {`title: 白班组, members: [c], windows: [day]`, `title: 白班组, members: [c, a]`, `title: 夜班组, members: [b, c], windows: [late], extensions: [{until: UNTIL, reason: 忙}]`},
	"inbox/web": {
		`title: 官网, channel: api, mode: live, kinds: [customer, group], members: {accounts: [a, b], teams: [shift]}`,
		`title: 官网, channel: api, mode: live, kinds: [customer, vip], members: {accounts: [b]}, capacity: 2`,
		`title: 官网, channel: api, mode: live, kinds: [customer], members: {teams: [shift]}, hours: day, extensions: [{until: UNTIL, reason: 忙}]`,
	},
	"inbox/mail":         {`title: 邮箱, channel: api, mode: async, kinds: [customer], members: {accounts: [a, c]}`, `title: 邮箱, channel: api, mode: async, kinds: [customer], members: {accounts: [a]}, hours: late`},
	"switch/platform":    {`state: "on", reason: 正常`, `state: paused, until: UNTIL, reason: 升级`},
	"switch/inbox.web":   {`state: "on", reason: 正常`, `state: "off", reason: 停用`, `state: limited, per_minute: 1, reason: 限流`, `state: paused, until: UNTIL, reason: 演练`},
	"switch/account.a":   {`state: "on", reason: 正常`, `state: "off", reason: 请假`, `state: paused, until: UNTIL, reason: 培训`, `state: limited, per_minute: 1, reason: 新人`},
	"maintenance/update": {`title: 升级, from: FROM, until: UNTIL, inboxes: [web]`},
	"client/console":     {`minimum: "1.0.0"`},
}

const schedules = `
---
{kind: schedule, name: day, spec: {title: 白班, zone: Asia/Shanghai, weekly: [{days: [mon, tue, wed, thu, fri], from: "09:00", to: "18:00"}], exceptions: [{date: 2026-03-03, off: true}]}}
---
{kind: schedule, name: late, spec: {title: 晚班, zone: Europe/Berlin, weekly: [{days: [mon, tue, fri], from: "05:30", to: "13:15"}]}}
`

func parts(key string) (kind, name string) {
	kind, name, _ = strings.Cut(key, "/")
	return kind, name
}

func edit(t *rapid.T, d *desk.Desk, key string) {
	text := rapid.SampledFrom(settings[key]).Draw(t, key)
	in := func(label string, least, most int) string {
		return d.Now.Add(time.Duration(rapid.IntRange(least, most).Draw(t, label)) * time.Second).Format(time.RFC3339)
	}
	text = strings.NewReplacer("UNTIL", `"`+in("until", 1, 10_000)+`"`, "FROM", `"`+in("from", -100, 0)+`"`).Replace(text)
	kind, name := parts(key)
	docs, err := policy.ParseYAML(fmt.Appendf(nil, "{kind: %s, name: %s, spec: {%s}}", kind, name, text))
	if err != nil {
		t.Fatalf("%s: %s: %v", key, text, err)
	}
	_ = d.Do(&governance.Apply{Base: -1, Edits: []policy.Edit{{Kind: kind, Name: name, Spec: docs[0].Spec}}, By: "admin", Source: "test"}) // some are refused
}

func happen(t *rapid.T, d *desk.Desk) {
	who := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "who")
	connected := len(d.L.View().Sockets(who)) > 0
	switch rapid.IntRange(0, 9).Draw(t, "what") {
	case 0, 1, 2:
		edit(t, d, rapid.SampledFrom(slices.Sorted(maps.Keys(settings))).Draw(t, "document"))
	case 3:
		value := rapid.SampledFrom([]string{"available", "away", "dnd", "offline"}).Draw(t, "presence")
		until := time.Time{}
		if value != "available" && rapid.Bool().Draw(t, "ends") {
			until = d.Now.Add(time.Duration(rapid.IntRange(1, 4000).Draw(t, "seconds")) * time.Second)
		}
		_ = d.Do(&governance.SetPresence{Account: who, Value: value, Until: until, By: rapid.SampledFrom([]string{who, "admin"}).Draw(t, "by"), Source: "test"})
	case 4:
		if connected {
			d.Lose(who)
		} else {
			d.Connect(who)
		}
	case 5:
		d.Must(ledger.CommandFunc(func(tx *ledger.Tx) error {
			tx.EndSession(who, "s-"+who, reception.Origin{By: "admin", Source: "test", Cause: reception.SessionEndByOther})
			return nil
		}))
	case 6, 7:
		d.IDs++
		_ = d.Do(d.Message(rapid.SampledFrom([]string{"web", "mail"}).Draw(t, "inbox"), fmt.Sprintf("customer-%d", rapid.IntRange(1, 4).Draw(t, "contact")), "您好"))
	case 8:
		receive(d, who)
	case 9:
		if rapid.Bool().Draw(t, "fails") {
			d.L.Fail("disk", "full")
		} else {
			d.L.Mend("disk")
			for d.L.Step() {
			}
		}
	}
}

// receive has an agent's client acknowledge what lies in its list.
func receive(d *desk.Desk, who string) {
	a := d.L.Agent(who)
	if a == nil {
		return
	}
	d.Must(ledger.CommandFunc(func(tx *ledger.Tx) error {
		for _, s := range tx.QueuedBetween(who, 0, a.Sequence) {
			row, err := tx.EditDelivery(who, s)
			if err != nil {
				return err
			}
			row.PushedAt, row.ReceivedAt, row.State, row.Result = tx.Now(), tx.Now(), ledger.Received, "received"
		}
		return nil
	}))
}

// onRandomDays checks what must hold of the board after every event of a company's random day.
func onRandomDays(t *testing.T, check func(t *rapid.T, d *desk.Desk)) {
	rapid.Check(t, func(rt *rapid.T) {
		documents := schedules
		for _, key := range []string{"team/shift", "inbox/mail", "inbox/web"} {
			kind, name := parts(key)
			documents += fmt.Sprintf("\n---\n{kind: %s, name: %s, spec: {%s}}", kind, name, settings[key][0])
		}
		d := desk.Open(t, documents)
		d.Online("a", "b", "c")
		check(rt, d)
	})
}

// outcome is what is said of one gate in one cell.
type outcome struct {
	outcome  reception.Outcome
	code     string
	until    int64
	expected bool
}

type place struct{ inbox, kind, gate string }

// told is what the board says of every gate in every cell of an agent that stops.
func told(b *board.Board, r *board.Row) map[place]outcome {
	all := map[place]outcome{}
	for _, c := range r.Checks {
		if !c.Outcome.Stops() {
			continue
		}
		scope := c.Scope
		if scope == nil {
			scope = r.Cells
		}
		for _, cell := range cells(b, scope) {
			all[place{cell[0], cell[1], c.Gate.String()}] = outcome{c.Outcome, c.Code.String(), c.Until, c.Expected}
		}
	}
	return all
}

func cells(b *board.Board, places []board.Place) [][2]string {
	var list [][2]string
	for _, p := range places {
		kinds := p.Kinds
		if kinds == nil {
			i := slices.IndexFunc(b.Inboxes, func(in board.InboxInfo) bool { return in.Name == p.Inbox })
			kinds = b.Inboxes[i].Kinds
		}
		for _, k := range kinds {
			list = append(list, [2]string{p.Inbox, k})
		}
	}
	return list
}

// diagnosed is what a diagnosis says of them, as far as the agent belongs to the cells now.
func diagnosed(report *diagnosis.Report, member func(inbox, kind string) bool) map[place]outcome {
	all := map[place]outcome{}
	for _, c := range report.Checks {
		o, _ := reception.ParseOutcome(c.Outcome)
		if _, known := reception.ParseGate(c.Gate); !known || !o.Stops() || c.Part > 4 {
			continue
		}
		for _, s := range c.Scope {
			if !member(s.Inbox, s.Kind) {
				continue
			}
			x := outcome{outcome: o, code: c.Code}
			if c.Until != nil {
				x.until = time.Time(*c.Until).UnixMicro()
			}
			x.expected = slices.ContainsFunc(report.Findings, func(f diagnosis.Finding) bool {
				return f.Expected && f.Gate == c.Gate && f.Code == c.Code && f.Outcome == c.Outcome && slices.Contains(f.Scope, s)
			})
			all[place{s.Inbox, s.Kind, c.Gate}] = x
		}
	}
	return all
}

func TestARowSaysWhatADiagnosisOfTheSameAgentSays(t *testing.T) {
	onRandomDays(t, func(rt *rapid.T, d *desk.Desk) {
		now := func() time.Time { return d.Now }
		live := board.New(d.L, board.NewWatchers(), now)
		doctor := diagnosis.New(diagnosis.Deps{Ledger: d.L, Messages: d.Store, Flow: d.Store, Facts: d.Store, Policies: d.Store, Now: now})
		for range rapid.IntRange(1, 12).Draw(rt, "events") {
			happen(rt, d)
			d.Wait(time.Duration(rapid.IntRange(0, 4000).Draw(rt, "seconds")) * time.Second)
			b := live.Look()
			for _, r := range b.Rows {
				report, err := doctor.Diagnose(context.Background(), "admin", diagnosis.Query{Agent: r.Agent})
				if err != nil {
					rt.Fatal(err)
				}
				if report.Position != b.Position || report.Revision != b.Revision {
					rt.Fatalf("the board is at %d of %d, the diagnosis at %d of %d", b.Position, b.Revision, report.Position, report.Revision)
				}
				own := map[[2]string]bool{}
				for _, c := range cells(b, r.Cells) {
					own[c] = true
				}
				beyond := false // the diagnosis looks back to what the agent belonged to
				for _, c := range report.Checks {
					for _, s := range c.Scope {
						beyond = beyond || !own[[2]string{s.Inbox, s.Kind}]
					}
				}
				want := diagnosed(report, func(inbox, kind string) bool { return own[[2]string{inbox, kind}] })
				if got := told(b, r); len(own) > 0 && !maps.Equal(got, want) {
					rt.Fatalf("%s: the board says %+v, a diagnosis %+v", r.Agent, got, want)
				}
				verdict := report.Verdict
				if verdict == diagnosis.NoTraffic {
					verdict = diagnosis.Receiving
				}
				if !beyond && r.Verdict != verdict {
					rt.Fatalf("%s: the board says %s, a diagnosis %s", r.Agent, r.Verdict, report.Verdict)
				}
				if can := len(r.Can) > 0; can != (r.Verdict == diagnosis.Receiving || r.Verdict == diagnosis.Partial) && r.Verdict != diagnosis.Unknown {
					rt.Fatalf("%s is %s and can receive %v", r.Agent, r.Verdict, r.Can)
				}
			}
		}
	})
}

// shown is a row in words that compare.
func shown(r *board.Row) string {
	c := make([]string, 0, len(r.Checks))
	for _, k := range r.Checks {
		c = append(c, fmt.Sprintf("%s %s %s %s %d %v %v", k.Column, k.Gate, k.Outcome, k.Code, k.Until, k.Expected, k.Scope))
	}
	return fmt.Sprintf("%s %s %s %v %s %v %v %v %v %v %v %d/%d/%d %d", r.Agent, r.Title, r.Number, r.Teams, r.Verdict, r.Cells, r.Can, r.Idle, c, r.Presence.Value, len(r.Connections), r.Load, r.Live,
		r.Limit, r.Received.UnixMicro())
}

func allShown(rows []*board.Row) []string {
	var list []string
	for _, r := range rows {
		list = append(list, shown(r))
	}
	return list
}

// reader is somebody who knows what it was told, and nothing else.
type reader struct {
	version uint64
	rows    map[string]string
	inboxes []board.InboxInfo
}

func (x *reader) read(b *board.Board) {
	n := b.Since(x.version)
	if n.Reset {
		x.rows = map[string]string{}
	}
	for _, r := range n.Rows {
		x.rows[r.Agent] = shown(r)
	}
	for _, name := range n.Gone {
		delete(x.rows, name)
	}
	if n.Settings {
		x.inboxes = b.Inboxes
	}
	x.version = b.Version
}

func TestWhoIsToldOnlyWhatIsNewKnowsTheWholeBoard(t *testing.T) {
	onRandomDays(t, func(rt *rapid.T, d *desk.Desk) {
		live := board.New(d.L, board.NewWatchers(), func() time.Time { return d.Now })
		readers := []*reader{{}, {}}
		for range rapid.IntRange(1, 30).Draw(rt, "events") {
			happen(rt, d)
			if rapid.Bool().Draw(rt, "time passes") {
				d.Wait(time.Duration(rapid.IntRange(0, 5000).Draw(rt, "seconds")) * time.Second)
			}
			b := live.Look()
			fresh := board.New(d.L, board.NewWatchers(), func() time.Time { return d.Now }).Look()
			if got, want := allShown(b.Rows), allShown(fresh.Rows); !slices.Equal(got, want) {
				rt.Fatalf("brought up to date:\n%s\nmade anew:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			if fmt.Sprint(b.Counts) != fmt.Sprint(fresh.Counts) || b.Position != fresh.Position || b.Position != d.L.Position() {
				rt.Fatalf("counts %v at %d, made anew %v at %d", b.Counts, b.Position, fresh.Counts, fresh.Position)
			}
			readers[0].read(b)
			if rapid.IntRange(0, 3).Draw(rt, "reads") == 0 {
				readers[1].read(b)
			}
			for _, x := range readers {
				if x.version != b.Version {
					continue
				}
				if got := slices.Sorted(maps.Values(x.rows)); !slices.Equal(got, slices.Sorted(slices.Values(allShown(b.Rows)))) || fmt.Sprint(x.inboxes) != fmt.Sprint(b.Inboxes) {
					rt.Fatalf("somebody who was told what is new knows\n%s\nof\n%s", strings.Join(got, "\n"), strings.Join(allShown(b.Rows), "\n"))
				}
			}
		}
	})
}

func TestNothingChangesByTimeAloneBeforeTheBoardSays(t *testing.T) {
	onRandomDays(t, func(rt *rapid.T, d *desk.Desk) {
		for range rapid.IntRange(1, 8).Draw(rt, "events") {
			happen(rt, d)
			d.Wait(time.Duration(rapid.IntRange(0, 4000).Draw(rt, "seconds")) * time.Second)
		}
		now := d.Now
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			b := board.New(d.L, board.NewWatchers(), func() time.Time { return now }).Look()
			if !b.Next.After(now) || b.Next.After(now.Add(time.Minute)) {
				rt.Fatalf("at %v the next look is due at %v", now, b.Next)
			}
			before := now.Add(time.Duration(rapid.Int64Range(0, int64(b.Next.Sub(now))-1).Draw(rt, "later")))
			for _, x := range []time.Time{before, b.Next.Add(-1)} {
				if later := board.New(d.L, board.NewWatchers(), func() time.Time { return x }).Look(); !slices.Equal(allShown(later.Rows), allShown(b.Rows)) {
					rt.Fatalf("at %v:\n%s\nat %v, before %v:\n%s", now, strings.Join(allShown(b.Rows), "\n"), x, b.Next, strings.Join(allShown(later.Rows), "\n"))
				}
			}
			now = b.Next
			if rapid.Bool().Draw(rt, "leaps") {
				now = now.Add(time.Duration(rapid.IntRange(0, 600).Draw(rt, "minutes")) * time.Minute)
			}
		}
	})
}
