package httpapi

import (
	"context"
	"fmt"
	"time"

	"github.com/bidahq/bida/internal/filter"
	"github.com/bidahq/bida/internal/governance"
	"github.com/bidahq/bida/internal/intake"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

// FilteringBody is what the filter rules make of a message.
type FilteringBody struct {
	Outcome string   `json:"outcome" enum:"passed,allowed,tagged,quarantined,rejected"`
	Rule    string   `json:"rule,omitempty" doc:"that decided"`
	Tags    []string `json:"tags"`
}

func filteringBody(f reception.Filtering) FilteringBody {
	outcomes := map[reception.FilterAction]string{
		0: "passed", reception.FilterAllow: "allowed", reception.FilterTag: "tagged", reception.FilterQuarantine: "quarantined", reception.FilterReject: "rejected",
	}
	return FilteringBody{Outcome: outcomes[f.Action], Rule: f.Rule, Tags: orEmpty(f.Tags)}
}

// RuleTestBody is what one rule makes of a message.
type RuleTestBody struct {
	Name     string    `json:"name"`
	Title    string    `json:"title,omitempty"`
	Order    int       `json:"order"`
	Action   string    `json:"action" enum:"allow,tag,quarantine,reject"`
	Enabled  bool      `json:"enabled"`
	Concerns bool      `json:"concerns" doc:"it is about messages of that kind in that inbox"`
	Matched  bool      `json:"matched"`
	Applied  bool      `json:"applied" doc:"it took effect: enabled, concerned, matched, and no rule before it had decided"`
	Hits     []HitBody `json:"hits" doc:"why it matches"`
}

type filterTestOutput struct {
	Body struct {
		FilteringBody
		Rules []RuleTestBody `json:"rules" doc:"all of them, in the order in which they are applied"`
	}
}

// testFilters says which rules take a text, and why. Nothing is stored.
func (s *Server) testFilters(_ context.Context, _ caller, in *struct {
	Body struct {
		Text        string          `json:"text"`
		Inbox       string          `json:"inbox"`
		Kind        string          `json:"kind,omitempty" doc:"customer if left out"`
		Sender      string          `json:"sender,omitempty" maxLength:"128" doc:"the contact's id"`
		Name        string          `json:"name,omitempty" doc:"of the contact"`
		Attachments int             `json:"attachments,omitempty" minimum:"0" maximum:"100" doc:"how many"`
		Documents   []DocumentInput `json:"documents,omitempty" maxItems:"20" doc:"drafts of filter rules, tried as if they were in force"`
	} `nameHint:"FilterTestInput"`
}) (*filterTestOutput, error) {
	b := &in.Body
	set := s.o.Ledger.Policy()
	if len(b.Text) > intake.MaxText {
		return nil, invalidField("/text", fmt.Sprintf("A text has at most %d bytes.", intake.MaxText), fmt.Sprintf("文本最多 %d 字节。", intake.MaxText))
	}
	for i, d := range b.Documents {
		if d.Kind != policy.KindFilter {
			return nil, invalidField(fmt.Sprintf("/documents/%d/kind", i), "Only filter rules can be tried here.", "这里只能试用过滤规则。")
		}
	}
	if len(b.Documents) > 0 {
		noInboxAmongThem := func(string) bool { return false }
		preview, err := governance.PreviewEdits(set, editsFor(set, b.Documents, false), noInboxAmongThem, s.o.Now())
		if err != nil {
			return nil, err
		}
		set = preview.After
	}
	if _, ok := set.Inbox(b.Inbox); !ok {
		return nil, invalidField("/inbox", "There is no such inbox.", "没有这个接待渠道。")
	}
	if b.Kind == "" {
		b.Kind = "customer"
	}
	test := set.TestFilters(filter.Input{Inbox: b.Inbox, Kind: b.Kind, Sender: b.Sender, Name: b.Name, Text: b.Text, Attachments: b.Attachments})
	out := &filterTestOutput{}
	out.Body.FilteringBody, out.Body.Rules = filteringBody(test.Filtering), []RuleTestBody{}
	for _, r := range test.Rules {
		out.Body.Rules = append(out.Body.Rules, RuleTestBody{
			Name: r.Name, Title: r.Spec.Title, Order: r.Spec.Order, Action: r.Spec.Action, Enabled: r.Spec.On(), Concerns: r.Concerns, Matched: r.Matched, Applied: r.Applied,
			Hits: hitBodies(r.Hits),
		})
	}
	return out, nil
}

// FilterBody is a filter rule with how often it took effect.
type FilterBody struct {
	Name     string    `json:"name"`
	Title    string    `json:"title,omitempty"`
	Order    int       `json:"order"`
	Action   string    `json:"action" enum:"allow,tag,quarantine,reject"`
	Enabled  bool      `json:"enabled"`
	Gone     bool      `json:"gone,omitempty" doc:"the rule was deleted; what it did is still counted"`
	Revision int64     `json:"revision"`
	Hits     HitsBody  `json:"hits" doc:"how many messages it took effect on"`
	Days     []DayBody `json:"days" doc:"those with any, oldest first, in the installation's time zone"`
}

// HitsBody counts messages.
type HitsBody struct {
	Total int64 `json:"total" doc:"ever"`
	Day   int64 `json:"day" doc:"in the last 24 hours, by whole hours"`
	Week  int64 `json:"week" doc:"in the last 7 days"`
	Last  *Time `json:"last,omitempty" doc:"the hour in which it last did"`
}

// DayBody counts messages of one day.
type DayBody struct {
	Date string `json:"date" format:"date"`
	Hits int64  `json:"hits"`
}

type filtersOutput struct {
	Body struct {
		Filters []FilterBody `json:"filters" doc:"in the order in which they are applied, then those that were deleted"`
	}
}

// filterDays is how many days are listed one by one.
const filterDays = 30

func (s *Server) listFilters(ctx context.Context, _ caller, _ *none) (*filtersOutput, error) {
	rows, err := s.o.Store.FilterHits(ctx, time.Time{})
	if err != nil {
		return nil, fmt.Errorf("hits of filter rules: %w", err)
	}
	set, now := s.o.Ledger.Policy(), s.o.Now()
	out := &filtersOutput{}
	out.Body.Filters = []FilterBody{}
	place := map[string]int{}
	for _, name := range set.FilterNames() {
		spec, _ := set.Filter(name)
		d, _ := set.Get(policy.KindFilter, name)
		place[name] = len(out.Body.Filters)
		out.Body.Filters = append(out.Body.Filters, FilterBody{
			Name: name, Title: spec.Title, Order: spec.Order, Action: spec.Action, Enabled: spec.On(), Revision: d.Revision, Days: []DayBody{},
		})
	}
	for _, r := range rows {
		i, ok := place[r.Rule]
		if !ok {
			i = len(out.Body.Filters)
			place[r.Rule] = i
			out.Body.Filters = append(out.Body.Filters, FilterBody{Name: r.Rule, Gone: true, Days: []DayBody{}})
		}
		s.countHits(&out.Body.Filters[i], r.Hour, r.Hits, now)
	}
	return out, nil
}

// countHits adds an hour to what a rule did. Hours come in their order.
func (s *Server) countHits(b *FilterBody, hour time.Time, hits int64, now time.Time) {
	b.Hits.Total += hits
	b.Hits.Last = s.maybe(hour)
	age := now.Sub(hour)
	if age < 24*time.Hour {
		b.Hits.Day += hits
	}
	if age < 7*24*time.Hour {
		b.Hits.Week += hits
	}
	if age >= filterDays*24*time.Hour {
		return
	}
	date := hour.In(s.o.Zone).Format(time.DateOnly)
	if n := len(b.Days); n > 0 && b.Days[n-1].Date == date {
		b.Days[n-1].Hits += hits
		return
	}
	b.Days = append(b.Days, DayBody{Date: date, Hits: hits})
}
