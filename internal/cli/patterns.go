package cli

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/bidahq/bida/client"
	"github.com/bidahq/bida/internal/diagnosis"
)

// patternFlags ask for patterns over many deliveries.
type patternFlags struct {
	Patterns bool   `help:"What separates the deliveries that did not arrive as they should from the others? Over a day, or from --from to --to, with --agent, --inbox and --kind as conditions."`
	From     string `help:"For --patterns: from this instant on." placeholder:"TIME"`
	To       string `help:"For --patterns: up to this instant." placeholder:"TIME"`
}

// patternQuery reads the question; instants are read as of now.
func (v *patternFlags) patternQuery(q *question, now time.Time) (p diagnosis.PatternQuery, err error) {
	if q.Message != "" || q.SenderID != "" || q.Excess || q.At != "" || len(q.AsRole) > 0 || q.With != "" {
		return p, usage("--patterns: it goes with --agent, --inbox, --kind, --from and --to only")
	}
	p = diagnosis.PatternQuery{Agent: q.Agent, Inbox: q.Inbox, Kind: q.Kind}
	for _, x := range []struct {
		flag, text string
		at         *time.Time
	}{{"--from", v.From, &p.From}, {"--to", v.To, &p.To}} {
		if x.text == "" {
			continue
		}
		if *x.at, err = instant(x.flag, x.text, now); err != nil {
			return p, err
		}
	}
	return p, nil
}

// patterns asks the server.
func (v *diagnose) patterns(s *session) error {
	q, err := v.patternQuery(&v.question, time.Now().In(s.zone))
	if err != nil {
		return err
	}
	from, err := v.open(s)
	if err != nil {
		return err
	}
	query := url.Values{}
	for key, value := range map[string]string{"agent": q.Agent, "inbox": q.Inbox, "kind": q.Kind} {
		if value != "" {
			query.Set(key, value)
		}
	}
	for key, at := range map[string]time.Time{"from": q.From, "to": q.To} {
		if !at.IsZero() {
			query.Set(key, at.Format(time.RFC3339Nano))
		}
	}
	var p diagnosis.Patterns
	raw, err := from.call(s.ctx, client.Call{Method: http.MethodGet, Path: "/diagnosis/patterns", Query: query}, &p)
	if err != nil {
		return err
	}
	if v.JSON {
		err = s.raw(raw)
	} else {
		s.patterns(&p)
	}
	return patternVerdict(&p, err)
}

// patternsOf asks a snapshot.
func (v *explain) patternsOf(s *session, service *diagnosis.Service, now time.Time) error {
	q, err := v.patternQuery(&v.question, now.In(s.zone))
	if err != nil {
		return err
	}
	p, err := service.Patterns(s.ctx, "", q)
	if err != nil {
		return err
	}
	if v.JSON {
		err = s.document(p)
	} else {
		s.patterns(p)
	}
	return patternVerdict(p, err)
}

// patternVerdict ends the command with 1 where something separates.
func patternVerdict(p *diagnosis.Patterns, err error) error {
	if err == nil && len(p.Separations) > 0 {
		return answered(statusNo)
	}
	return err
}

// patterns prints what separates, then how the deliveries are spread where any of them was bad.
func (s *session) patterns(p *diagnosis.Patterns) {
	sign := mark("pass")
	if len(p.Separations) > 0 {
		sign = mark("block")
	}
	s.print("%s %s\n", sign, p.Headline.In(s.lang))
	t := p.Tally
	s.print(s.pick("  %s 至 %s · 推送 %d · 未送达 %d · 首次未确认 %d · 送达前撤回 %d · 较晚 %d\n",
		"  %s to %s · %d deliveries · %d lost · %d unacknowledged at first · %d withdrawn · %d late\n"),
		s.time(p.From.Time()), s.time(p.To.Time()), t.Deliveries, t.Lost, t.Unacknowledged, t.Withdrawn, t.Late)
	for i := range p.Separations {
		if i > 0 {
			s.print("  %s %s\n", sign, p.Separations[i].Text.In(s.lang))
		}
	}
	if t.Lost+t.Unacknowledged+t.Withdrawn+t.Late > 0 {
		for i := range p.Dimensions {
			s.dimension(&p.Dimensions[i])
		}
	}
	for _, by := range p.Refusals.By {
		var say []string
		for _, g := range by.Groups {
			say = append(say, fmt.Sprintf("%s %d", s.recorded(g.Value), g.Count))
		}
		if len(say) > 0 {
			s.print(s.pick("  拒绝的请求（%s）：%s\n", "  refused requests by %s: %s\n"), by.Name, strings.Join(say, s.pick("、", ", ")))
		}
	}
}

func (s *session) dimension(d *diagnosis.Dimension) {
	var say []string
	for _, g := range d.Groups {
		if bad := g.Lost + g.Unacknowledged + g.Withdrawn + g.Late; bad > 0 {
			say = append(say, fmt.Sprintf("%s %d/%d", s.recorded(g.Value), max(g.Lost, g.Unacknowledged, g.Withdrawn, g.Late), g.Deliveries))
		}
	}
	if len(say) > 0 {
		s.print("  %s: %s\n", d.Name, strings.Join(say, s.pick("、", ", ")))
	}
}

// recorded is a value, or that there is none.
func (s *session) recorded(value string) string {
	if value == "" {
		return s.pick("（未记录）", "(not recorded)")
	}
	return value
}
