package diagnosis

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

const (
	mostDeliveries = 2000    // the newest that patterns look at
	mostRefusals   = 2000    // likewise
	patternSpan    = 200_000 // ledger positions, which bounds what is looked through for few of them
	mostAgentsRead = 100     // whose connections and sessions are read
	mostFactsRead  = 2000    // of each
	longestPattern = 31 * 24 * time.Hour
)

// PatternQuery says over which deliveries patterns are looked for.
type PatternQuery struct {
	Agent, Inbox, Kind string
	From, To           time.Time // To is now if it is zero, From a day before it
}

// Patterns are the deliveries of a time in live inboxes, grouped by what is recorded of each.
type Patterns struct {
	Agent string  `json:"agent,omitempty"`
	Inbox string  `json:"inbox,omitempty"`
	Kind  string  `json:"kind,omitempty"`
	From  Instant `json:"from"`
	To    Instant `json:"to"`
	// Whole says that all deliveries of the time were looked at; else they are the newest.
	Whole       bool         `json:"whole"`
	Tally       Tally        `json:"tally"`
	Headline    Text         `json:"headline"`
	Separations []Separation `json:"separations"`
	Dimensions  []Dimension  `json:"dimensions"`
	Refusals    Refusals     `json:"refusals"`
	// Titles are what people call agents and inboxes, by account/NAME and inbox/NAME.
	Titles map[string]string `json:"titles"`
}

// Refusals are the requests that were turned away. Of who was not turned away nothing is recorded by sender, so that they are counted, and not compared.
type Refusals struct {
	Requests int           `json:"requests"`
	Whole    bool          `json:"whole"`
	By       []CountedKeys `json:"by"`
}

// CountedKeys are counts by one property.
type CountedKeys struct {
	Name   string       `json:"name"` // account, inbox, code, hour
	Groups []CountedKey `json:"groups"`
}

// CountedKey is how often a value occurs.
type CountedKey struct {
	Value string `json:"value"` // "": not known
	Count int    `json:"count"`
}

var (
	errPatternRange = problem.New(problem.Invalid, "diagnosis.pattern_range", "Patterns are looked for from an earlier to a later instant, over at most 31 days.",
		"规律分析的起点应早于终点，最长 31 天。").On("/from")
	errPatternFuture = problem.New(problem.Invalid, "diagnosis.future", "This instant lies in the future.", "这个时间在将来。").On("/to")
)

// Patterns groups deliveries for somebody who may diagnose others. Errors are *problem.Error.
func (s *Service) Patterns(ctx context.Context, asker string, q PatternQuery) (*Patterns, error) {
	r := &run{s: s, ctx: ctx, asker: asker, q: Query{Agent: q.Agent}}
	view := s.Ledger.View()
	r.present = view.Policy
	p := view.Policy.Compile()
	if r.whole = s.Offline || reception.Can(p, asker, policy.DiagnosisView, s.Now()); !r.whole {
		return nil, errForbidden
	}
	r.m = moment{at: s.Now(), now: s.Now(), position: view.Position, revision: view.Policy.Revision(), set: view.Policy, policy: p, world: &world{View: view}}
	span, err := r.patternSpan(&q)
	if err != nil {
		if problem.As(err) == nil {
			err = errRead.Because(err)
		}
		return nil, err
	}
	if err := r.patternSubject(&q); err != nil {
		return nil, err
	}
	out, err := r.patterns(&q, span)
	if err != nil {
		return nil, errRead.Because(err)
	}
	return out, nil
}

// patternSpan fills in the bounds that are left out, and finds their positions.
func (r *run) patternSpan(q *PatternQuery) (span ledger.Span, err error) {
	now := r.s.Now()
	if q.To.After(now) {
		return span, errPatternFuture
	}
	if q.To.IsZero() {
		q.To = now
	}
	began, err := r.s.Facts.Began(r.ctx)
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		began = now
	case err != nil:
		return span, err
	}
	switch {
	case q.From.IsZero():
		q.From = later(q.To.Add(-dayLong), began)
		if q.From.After(q.To) {
			return span, errTooEarly.On("/to")
		}
	case !q.From.Before(q.To) || q.To.Sub(q.From) > longestPattern:
		return span, errPatternRange
	case q.From.Before(began):
		return span, errTooEarly.On("/from").With("began", Instant(began.In(r.s.zone)).String())
	}
	if span.After, err = r.s.Facts.PositionAt(r.ctx, q.From.Add(-time.Microsecond)); err != nil {
		return span, err
	}
	span.UpTo, err = r.s.Facts.PositionAt(r.ctx, q.To)
	return span, err
}

// patternSubject refuses what does not exist, and never did.
func (r *run) patternSubject(q *PatternQuery) error {
	if q.Agent != "" {
		if err := r.subject(); err != nil {
			return err
		}
	}
	r.history = newHistory(r)
	if q.Inbox != "" && r.m.policy.Inboxes[q.Inbox] == nil {
		versions, err := r.history.versions(docKey{policy.KindInbox, q.Inbox})
		if err != nil {
			return errRead.Because(err)
		}
		if len(versions) == 0 {
			return errInbox
		}
	}
	if q.Kind != "" && !slices.Contains(r.m.set.MessageKinds(), q.Kind) {
		return errKind
	}
	return nil
}

func (r *run) patterns(q *PatternQuery, span ledger.Span) (*Patterns, error) {
	out := &Patterns{
		Agent: q.Agent, Inbox: q.Inbox, Kind: q.Kind, From: *r.instant(q.From), To: *r.instant(q.To), Whole: true, Titles: map[string]string{},
	}
	if span.UpTo-span.After > patternSpan {
		span.After, out.Whole = span.UpTo-patternSpan, false
	}
	rows, err := r.s.Flow.DeliveryLog(r.ctx, ledger.DeliveryLogQuery{Span: span, Account: q.Agent, Inbox: q.Inbox, Kind: q.Kind, Limit: mostDeliveries + 1})
	if err != nil {
		return nil, err
	}
	if len(rows) > mostDeliveries {
		rows, out.Whole = rows[:mostDeliveries], false
	}
	samples, err := r.samples(rows)
	if err != nil {
		return nil, err
	}
	for i := range samples {
		out.Tally.add(&samples[i])
	}
	out.Separations, out.Dimensions = separations(samples), grouped(samples)
	if err := r.countRefusals(q, &out.Refusals); err != nil {
		return nil, err
	}
	out.Headline = patternHeadline(out)
	for _, d := range out.Dimensions {
		for _, g := range d.Groups {
			switch d.Name {
			case dimensions[byInbox]:
				titleInbox(out.Titles, r.m.set, g.Value)
			case dimensions[byAgent]:
				if title := r.title(g.Value); title != "" {
					out.Titles["account/"+g.Value] = title
				}
			}
		}
	}
	return out, nil
}

// link is what is known of a connection: by its id, within an account.
type link struct {
	node, version string
	since, signed time.Time
}

// samples says of each delivery in a live inbox what it was like. The others lie in lists that are looked at when there is time.
func (r *run) samples(rows []ledger.DeliveryRow) ([]sample, error) {
	links := map[string]map[string]link{}
	var list []sample
	for i := range rows {
		d := &rows[i]
		if in := r.m.policy.Inboxes[d.Inbox]; d.Type != ledger.EntryMessage || in == nil || in.Mode == reception.Async {
			continue
		}
		if _, read := links[d.Account]; !read && len(links) < mostAgentsRead {
			var err error
			if links[d.Account], err = r.links(d.Account, rows[len(rows)-1].At.Add(-dayLong)); err != nil {
				return nil, err
			}
		}
		s := sample{bad: r.badness(d)}
		s.of[byAgent], s.of[byInbox], s.of[byKind] = d.Account, d.Inbox, d.Kind
		if d.Conversation != 0 {
			s.of[byConversation] = conversation.ID(d.Conversation)
		}
		s.of[byHour] = d.At.In(r.s.zone).Format("15")
		s.of[byConnection] = d.Connection
		if l, ok := links[d.Account][d.Connection]; ok {
			s.of[byNode], s.of[byVersion] = l.node, l.version
			s.of[byConnectionAge] = age(d.At, l.since)
			s.of[bySessionAge] = age(d.At, l.signed)
		}
		list = append(list, s)
	}
	return list, nil
}

// badness says what was bad about a delivery, as it stands now.
func (r *run) badness(d *ledger.DeliveryRow) (bad [outcomeCount]bool) {
	connected := false
	if a := r.s.Ledger.Agent(d.Account); a != nil {
		connected = a.Facts.Connection.State == reception.ConnectionOpen
	}
	bad[unacknowledgedOutcome] = d.Result == "unacknowledged"
	switch {
	case !d.ReceivedAt.IsZero():
		bad[lateOutcome] = d.ReceivedAt.Sub(d.At) > pushPatience
	case d.State == ledger.Withdrawn:
		bad[withdrawnOutcome] = !handedOn[d.Code]
	default:
		bad[lostOutcome] = pushFault(d, connected, r.m.at).Outcome == reception.Block
	}
	return bad
}

// handedOn are the codes of withdrawals that somebody, or a colleague's claim, asked for: nothing was wrong with the way to this agent.
var handedOn = map[string]bool{
	reception.CodeDeliveryWithdrawnClaimedByColleague.String(): true, reception.CodeDeliveryWithdrawnTransferred.String(): true,
	reception.CodeDeliveryWithdrawnResolved.String(): true, reception.CodeDeliveryWithdrawnSnoozed.String(): true,
}

// links reads the connections of an account, with the sessions that they rest on.
func (r *run) links(account string, from time.Time) (map[string]link, error) {
	rows, err := r.s.Facts.FactsBetween(r.ctx, ledger.AccountSubject(account), from, r.m.at, mostFactsRead)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return nil, err
	}
	signed := map[string]time.Time{}
	for _, f := range rows {
		if f.Name == ledger.FactSignin {
			signed[f.Key] = f.FromAt
		}
	}
	links := map[string]link{}
	for _, f := range rows {
		if f.Name != ledger.FactSocket {
			continue
		}
		var v struct{ Session, About, Name, Version, Node string }
		if err := json.Unmarshal(f.Value, &v); err != nil {
			return nil, err
		}
		version := v.Name
		if v.Version != "" {
			version += " " + v.Version
		}
		links[f.Key] = link{v.Node, cmp.Or(version, v.About), f.FromAt, signed[v.Session]}
	}
	return links, nil
}

// ages are the bounds of the buckets in which ages of sessions and connections are put.
var ages = []struct {
	below time.Duration
	name  string
}{{10 * time.Second, "<10s"}, {time.Minute, "<1m"}, {10 * time.Minute, "<10m"}, {time.Hour, "<1h"}, {8 * time.Hour, "<8h"}, {dayLong, "<24h"}}

func age(at, since time.Time) string {
	if since.IsZero() {
		return notRecordedValue
	}
	for _, a := range ages {
		if at.Sub(since) < a.below {
			return a.name
		}
	}
	return ">=24h"
}

// countRefusals counts the requests that were turned away.
func (r *run) countRefusals(q *PatternQuery, out *Refusals) error {
	out.By, out.Whole = []CountedKeys{}, true
	if q.Agent != "" || q.Kind != "" {
		return nil // a request that was refused is nobody's
	}
	rows, err := r.s.Flow.RefusalLog(r.ctx, ledger.RefusalLogQuery{Inbox: q.Inbox, From: q.From, To: q.To.Add(time.Microsecond), Limit: mostRefusals + 1})
	if err != nil {
		return err
	}
	if len(rows) > mostRefusals {
		rows, out.Whole = rows[:mostRefusals], false
	}
	out.Requests = len(rows)
	for _, by := range []struct {
		name string
		of   func(x *ledger.RefusalRow) string
	}{
		{"account", func(x *ledger.RefusalRow) string { return x.Account }}, {"inbox", func(x *ledger.RefusalRow) string { return x.Inbox }},
		{"code", func(x *ledger.RefusalRow) string { return x.Code }}, {"hour", func(x *ledger.RefusalRow) string { return x.At.In(r.s.zone).Format("15") }},
	} {
		counts := map[string]int{}
		for i := range rows {
			counts[by.of(&rows[i])]++
		}
		k := CountedKeys{Name: by.name, Groups: []CountedKey{}}
		for value, n := range counts {
			k.Groups = append(k.Groups, CountedKey{value, n})
		}
		slices.SortFunc(k.Groups, func(a, b CountedKey) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Value, b.Value)) })
		k.Groups = k.Groups[:min(len(k.Groups), mostGroups)]
		out.By = append(out.By, k)
	}
	return nil
}

// findPatterns adds to a report about an agent's reception what separates the deliveries that did not arrive as they should from the others.
func (r *run) findPatterns() error {
	var rows []ledger.DeliveryRow
	bad := 0
	for i := range r.entries {
		d := r.entries[i].DeliveryRow
		rows = append(rows, d)
		if r.badness(&d) != [outcomeCount]bool{} {
			bad++
		}
	}
	if bad < leastBad {
		return nil
	}
	samples, err := r.samples(rows)
	if err != nil {
		return err
	}
	r.report.Patterns = separations(samples)
	return nil
}

var outcomeWords = map[string]Text{
	"lost": {"未送达", "were not received"}, "unacknowledged": {"首次推送未确认", "were not acknowledged at the first push"},
	"withdrawn": {"送达前被撤回", "were taken back before they were received"}, "late": {"送达较晚", "arrived late"},
}

var dimensionWords = map[string]Text{
	"agent": {"客服", "agent"}, "inbox": {"渠道", "inbox"}, "kind": {"类型", "kind"}, "conversation": {"会话", "conversation"}, "node": {"服务进程", "node"},
	"connection": {"连接", "connection"}, "version": {"客户端版本", "client version"}, "session_age": {"登录时长", "age of the session"},
	"connection_age": {"连接时长", "age of the connection"}, "hour": {"时段（小时）", "hour of the day"},
}

// text says a separation with the counts of both sides.
func (s *Separation) text() Text {
	outcome, dimension := outcomeWords[s.Outcome], dimensionWords[s.Dimension]
	all := s.With.Bad + s.Without.Bad
	t := Text{
		ZH: fmt.Sprintf("%d 条%s的消息中，%d 条的%s是“%s”（该值共 %d 条），其余 %d 条中有 %d 条。", all, outcome.ZH, s.With.Bad, dimension.ZH, s.Value, s.With.Total, s.Without.Total, s.Without.Bad),
		EN: fmt.Sprintf("Of the %d that %s, %d have the %s %q (of %d with it), and %d of the %d others.", all, outcome.EN, s.With.Bad, dimension.EN, s.Value, s.With.Total, s.Without.Bad, s.Without.Total),
	}
	if s.Without.Bad == 0 {
		t = Text{
			ZH: fmt.Sprintf("%d 条%s的消息，%s都是“%s”（该值共 %d 条），其余 %d 条都没有。", all, outcome.ZH, dimension.ZH, s.Value, s.With.Total, s.Without.Total),
			EN: fmt.Sprintf("All %d that %s have the %s %q (of %d with it), and none of the %d others.", all, outcome.EN, dimension.EN, s.Value, s.With.Total, s.Without.Total),
		}
	}
	for _, x := range s.Same {
		w := dimensionWords[x.Dimension]
		t.ZH += fmt.Sprintf("同一批消息的%s也都是“%s”，无法区分。", w.ZH, x.Value)
		t.EN += fmt.Sprintf(" The same ones have the %s %q: the two cannot be told apart.", w.EN, x.Value)
	}
	return Text{t.ZH + "这是同时出现，不等于原因。", t.EN + " That is a coincidence, which need not be the cause."}
}

// patternHeadline says whether anything separates.
func patternHeadline(p *Patterns) Text {
	t := &p.Tally
	over := Text{fmt.Sprintf("%d 条推送", t.Deliveries), fmt.Sprintf("%d deliveries", t.Deliveries)}
	if !p.Whole {
		over = Text{"最近的 " + over.ZH, "the newest " + over.EN}
	}
	switch {
	case t.Deliveries == 0:
		return Text{"这段时间没有推送。", "There were no deliveries in this time."}
	case t.worst() == 0:
		return Text{over.ZH + "全部按时送达。", "All of " + over.EN + " arrived in time."}
	case len(p.Separations) == 0:
		return Text{over.ZH + "中有异常，但没有任何一项能把它们与其余区分开。", "Some of " + over.EN + " did not arrive as they should, and nothing that is recorded separates them from the others."}
	}
	return p.Separations[0].Text
}
