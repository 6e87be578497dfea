package policy_test

import (
	"testing"
	"time"

	"github.com/bidahq/bida/internal/policy"
)

// FuzzSchedule compiles a schedule with a calendar and walks through its openings: each is open at its first instant and not a moment before, closed at
// its end, and open in between; and between two of them nothing is.
func FuzzSchedule(f *testing.F) {
	f.Add([]byte(`{"zone": "Asia/Shanghai", "weekly": [{"days": ["fri", "sat"], "from": "22:00", "to": "06:00"}], "calendar": "c", "make_up": "fri", "exceptions": [{"date": "2026-10-01", "off": true}]}`),
		[]byte(`{"years": {"2026": {"off": [{"days": ["2026-10-02", "2026-10-25"]}], "work": [{"days": ["2026-10-10"]}]}}}`), int64(1790000000))
	f.Add([]byte(`{"zone": "Europe/Berlin", "calendar": "c", "weekly": [{"days": ["sun"], "from": "02:00", "to": "03:00"}, {"days": ["mon", "tue"], "from": "00:00", "to": "24:00"}]}`),
		[]byte(`{}`), int64(1774700000))
	f.Add([]byte(`{"zone": "Pacific/Apia", "weekly": [{"days": ["sat"], "from": "23:30", "to": "23:00"}], "exceptions": [{"date": "2026-01-01", "from": "12:00", "to": "11:59"}]}`), []byte(`{}`), int64(1325200000))
	f.Fuzz(func(t *testing.T, schedule, calendar []byte, from int64) {
		if from < 0 || from > 4_000_000_000 {
			t.Skip("a time that nobody asks about")
		}
		var docs []policy.Document
		for _, d := range []policy.Document{{Kind: "calendar", Name: "c", Spec: calendar}, {Kind: "schedule", Name: "s", Spec: schedule}, {Kind: "account", Name: "a", Spec: []byte(`{"windows": ["s"]}`)}} {
			spec, err := policy.Normalize(d.Kind, d.Spec)
			if err != nil {
				return
			}
			docs = append(docs, policy.Document{Kind: d.Kind, Name: d.Name, Spec: spec})
		}
		set, err := policy.NewSet(docs)
		if err != nil {
			return // it follows another calendar
		}
		s := set.Compile().Accounts["a"].Windows[0]
		begin := time.Unix(from, 0)
		end := begin.AddDate(0, 0, 40)
		last := begin
		for i, x := range s.Openings(begin, end) {
			switch {
			case !x.From.Before(x.Until) || x.From.Before(last) || x.Until.After(end):
				t.Fatalf("opening %d is %v to %v, after %v", i, x.From, x.Until, last)
			case x.From.After(last) && (s.Open(last) || s.Open(x.From.Add(-time.Second)) || s.Open(last.Add(x.From.Sub(last)/2))):
				t.Fatalf("it is open between %v and %v", last, x.From)
			case !s.Open(x.From) || !s.Open(x.Until.Add(-time.Second)) || !s.Open(x.From.Add(x.Until.Sub(x.From)/2)):
				t.Fatalf("it is closed between %v and %v", x.From, x.Until)
			case x.Until.Before(end) && s.Open(x.Until):
				t.Fatalf("it is open at its end %v", x.Until)
			}
			last = x.Until
		}
		set.Warnings(begin)
		policy.DeadRules(set, policy.DeadQuestion{Now: begin})
	})
}
