package reception

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// readsBack checks that each name is read back as its value, and that what lies beyond either end has no name that is read.
func readsBack[T interface {
	~uint8
	fmt.Stringer
}](t *testing.T, first, last T, parse func(string) (T, bool)) {
	t.Helper()
	for v := first; v <= last; v++ {
		if got, ok := parse(v.String()); !ok || got != v {
			t.Errorf("%s is read as %s, %v", v, got, ok)
		}
	}
	for _, name := range []string{"", "invalid", "undecided", "gate.invalid", (last + 1).String(), T(255).String()} {
		if got, ok := parse(name); ok || got != 0 {
			t.Errorf("%q is read as %s, %v", name, got, ok)
		}
	}
	if beyond := (last + 1).String(); !strings.HasSuffix(beyond, "invalid") {
		t.Errorf("a value beyond the last is called %q", beyond)
	}
}

func TestEveryNameIsReadBackAsItsValue(t *testing.T) {
	readsBack(t, AccountState, Routing, ParseGate)
	readsBack(t, Pass, NotApplicable, ParseOutcome)
	readsBack(t, Invited, Expired, ParseAccountStatus)
	readsBack(t, FilterAllow, FilterReject, ParseFilterAction)
	readsBack(t, Routed, Rejected, ParseVerdict)
	readsBack(t, Available, Offline, ParsePresence)
	for _, r := range Reasons() {
		if got, ok := ParseCode(r.Code.String()); !ok || got != r.Code {
			t.Errorf("%s is read as %s, %v", r.Code, got, ok)
		}
	}
	if last := Code(len(codeNames)); last.String() != "code.invalid" || (last-1).String() == "code.invalid" || Lookup(last).Number != 0 || byNumberOrNone(last).Number != 0 {
		t.Errorf("a code beyond the last is called %q: %+v", last, Lookup(last))
	}
	for g := range GateCount {
		if want := map[bool]int{true: 2}[g.AboutMessage()]; want != 0 && g.Part() != want {
			t.Errorf("%s is about the message and in part %d", g, g.Part())
		}
	}
	for g, part := range map[Gate]int{WindowAgent: 1, SwitchPlatform: 2, SystemHealth: 2, PresenceGate: 3, ClientVersion: 3, Capacity: 4} {
		if g.Part() != part {
			t.Errorf("%s is in part %d, want %d", g, g.Part(), part)
		}
	}
}

func TestCodesAndExpectationsAreJSON(t *testing.T) {
	var c Code
	if err := json.Unmarshal([]byte(`""`), &c); err != nil || c != 0 {
		t.Error(c, err)
	}
	if err := json.Unmarshal([]byte(`"presence.away"`), &c); err != nil || c != CodePresenceAway {
		t.Error(c, err)
	}
	if err := json.Unmarshal([]byte(`"presence.gone"`), &c); !errors.Is(err, ErrUnknownCode) || !strings.Contains(err.Error(), "presence.gone") {
		t.Error(err)
	}
	for text, want := range map[string]Expectation{"true": AsExpected, "false": Unexpected, `"depends"`: ExpectationDepends} {
		got := Expectation(99)
		if err := json.Unmarshal([]byte(text), &got); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
		if b, err := json.Marshal(want); err != nil || string(b) != text {
			t.Errorf("%v is written %s, %v", want, b, err)
		}
	}
	var e Expectation
	if err := e.UnmarshalJSON([]byte("1")); err == nil || !strings.Contains(err.Error(), "expected is 1") {
		t.Error(err)
	}
}

func TestTextsAreSaidInTheLanguageThatIsAskedFor(t *testing.T) {
	text, texts := Text{ZH: "中", EN: "en"}, Texts{ZH: []string{"中"}, EN: []string{"en"}}
	for lang, want := range map[string]string{"zh": "中", "zh-CN": "中", "z": "en", "": "en", "en": "en", "de": "en"} {
		if got := text.In(lang); got != want {
			t.Errorf("%q: %s", lang, got)
		}
		if got := texts.In(lang); !slices.Equal(got, []string{want}) {
			t.Errorf("%q: %s", lang, got)
		}
		if got := KindTitle("group", lang); (got == "群消息") != (want == "中") {
			t.Errorf("%q: %s", lang, got)
		}
	}
	if KindTitle("vip", "zh") != "vip" {
		t.Error("a kind of the company's own has another title than its name")
	}
	if all := Reasons(); &all[0] == &Reasons()[0] {
		t.Error("two callers have the same list")
	}
}

func TestAClientIsKnownByItsNameInPolicies(t *testing.T) {
	c := NewClient("bida-console", "1.2.0")
	if c.Name != "console" || !c.Version.Known() || c.Text != "1.2.0" {
		t.Errorf("%+v", c)
	}
	if c := NewClient("listen", "nightly"); c.Name != "listen" || c.Version.Known() || c.Text != "nightly" {
		t.Errorf("%+v", c)
	}
	in := &Inbox{Kinds: []string{"customer", "vip"}}
	if !in.Produces("customer") || !in.Produces("vip") || in.Produces("group") {
		t.Error("an inbox produces what it lists")
	}
}

// TestAScheduleWithoutAZoneIsInUTC, and what never closes has no end.
func TestAScheduleWithoutAZoneIsInUTC(t *testing.T) {
	s := everyDay(nil, Span{60, 120})
	s.Calendar = &Calendar{Years: map[int]bool{2026: true}}
	begin := time.Date(2026, 3, 11, 1, 0, 0, 0, time.UTC)
	if next, ok := s.Next(begin.Add(-time.Minute).In(shanghai)); !ok || !next.Equal(begin) || next.Location() != shanghai {
		t.Error(next, ok)
	}
	if d := s.Date(begin); d != (Date{2026, 3, 11}) {
		t.Error(d)
	}
	if !s.Announced(begin) || s.Announced(begin.AddDate(1, 0, 0)) {
		t.Error("the year is that of UTC")
	}
	long := &Schedule{Extra: []Interval{{begin, begin.AddDate(2, 0, 0)}}}
	if end, ok := long.Close(begin); ok {
		t.Errorf("an opening of two years is said to end at %v", end)
	}
	shorter := &Schedule{Extra: []Interval{{begin, begin.AddDate(1, 0, 0)}}}
	if end, ok := shorter.Close(begin); !ok || !end.Equal(begin.AddDate(1, 0, 0)) {
		t.Error(end, ok)
	}
	if next, ok := (&Schedule{Extra: []Interval{{begin, begin.Add(time.Hour)}}}).Next(begin.AddDate(0, 0, -horizonDays-1)); ok {
		t.Errorf("an opening beyond the horizon is found at %v", next)
	}
}

// TestAPolicyWithMoreKindsThanBitsDecidesTheSame compares decisions with and without an index where rights have no bit of their own.
func TestAPolicyWithMoreKindsThanBitsDecidesTheSame(t *testing.T) {
	c := newCompany()
	in := c.inbox("web")
	for i := range 90 {
		kind := fmt.Sprintf("kind%02d", i)
		in.Kinds = append(in.Kinds, kind)
		for j, name := range []string{"a", "b", "c"} {
			if (i+j)%3 > 0 {
				c.right(name, "receive."+kind, granted())
			}
		}
		if i%7 == 0 {
			c.right("b", "receive."+kind, Right{Roles: []string{"agent"}, Deny: Override{Set: true, Until: at(14, 0)}})
		}
	}
	in.Members = append(in.Members, Member{Account: "ghost", Direct: true})
	without := *c.p
	c.p.Index()
	for _, now := range []time.Time{noon, at(14, 0)} {
		for _, kind := range append(in.Kinds, "not listed") {
			m := Message{Inbox: "web", Kind: kind, Asked: "d"}
			x, y := Decide(c.p, c.w, m, now), Decide(&without, c.w, m, now)
			if !OutcomesEqual(&x, &y) || !slices.Equal(x.Chosen, y.Chosen) || x.Until != y.Until {
				t.Fatalf("kind %s at %v: with an index %v (%v), without %v (%v)", kind, now, x.Chosen, x.Until, y.Chosen, y.Until)
			}
		}
	}
}

// TestADecisionInUsedMemoryIsTheSame: what a candidate had in an earlier decision does not show in a later one, whichever of them was larger.
func TestADecisionInUsedMemoryIsTheSame(t *testing.T) {
	large, small := staff(40), newCompany()
	small.agent("b").Presence.Value = Away
	owned := Message{Inbox: "web", Kind: "customer", Asked: "d", Conversation: &Conversation{ID: "c", Owner: "a", PassedOver: []string{"c"}}}
	want := [...]Decision{Decide(large.p, large.w, customer(), noon), Decide(small.p, small.w, owned, noon), Decide(small.p, small.w, customer(), noon)}
	for range 20 {
		got := [...]Decision{Decide(large.p, large.w, customer(), noon), Decide(small.p, small.w, owned, noon), Decide(small.p, small.w, customer(), noon)}
		for i := range got {
			if !slices.Equal(got[i].Candidates, want[i].Candidates) || !slices.Equal(got[i].Chosen, want[i].Chosen) {
				t.Fatalf("decision %d was %+v and is %+v", i, want[i].Candidates, got[i].Candidates)
			}
			got[i].Free()
			if got[i].Candidates != nil {
				t.Fatal("what was given back is still there")
			}
			got[i].Free()
		}
	}
}

// byHand are decisions that the engine does not make, but a caller may put together: their summary says what is there.
func TestASummaryOfADecisionThatWasPutTogetherByHand(t *testing.T) {
	candidate := func(name string, g Gate, cell Cell) Candidate {
		c := Candidate{Account: name}
		for i := range c.Cells {
			c.Cells[i] = notApplicable
		}
		c.Cells[g] = cell
		return c
	}
	able := func(name string) Candidate { return candidate(name, Routing, passedWith(CodeRoutingOfferedBroadcast)) }
	for _, tc := range []struct {
		d      Decision
		en, zh string
	}{
		{Decision{Verdict: Offered, Code: CodeRoutingOfferedBroadcast, Chosen: []string{"a"}, Candidates: []Candidate{able("a"), able("b")}},
			"2/2 agents can receive; 1 offered it: the first to accept has it; 1 not offered", "2/2 名客服可接收；1 人已收到邀请，先接待者得；1 人未推送"},
		{Decision{Verdict: Routed, Code: CodeRoutingChosenLeastLoaded, Scored: true, Chosen: []string{"a"}, Candidates: []Candidate{{Account: "a", Cells: able("a").Cells, Score: Score{Load: 1}}}},
			"1/1 agents can receive; a chosen: least loaded (1 open conversation)", "1/1 名客服可接收；由 a 接待：负载最低（进行中会话 1 个）"},
		{Decision{Verdict: Routed, Candidates: []Candidate{able("a")}}, "1/1 agents can receive", "1/1 名客服可接收"},
		{Decision{Verdict: Waiting, Held: "gone", Candidates: []Candidate{able("a")}}, "1/1 agents can receive", "1/1 名客服可接收"},
		{Decision{Verdict: Waiting, Held: "a", Candidates: []Candidate{candidate("a", Routing, notApplicable)}}, "1/1 agents can receive", "1/1 名客服可接收"},
		{Decision{Verdict: Waiting, Candidates: []Candidate{candidate("a", PermissionKind, block(CodePermissionKindNotGranted)), {Account: "b", Asked: true}}},
			"0/1 agents can receive: 1 has this kind off", "0/1 名客服可接收：1 人此类消息接收已关闭"},
		{Decision{Verdict: Directed, Kind: "internal", Chosen: []string{"a"}, Candidates: []Candidate{able("a"), {Account: "b", Asked: true}}},
			"1/1 named receivers can have it", "1/1 名指定接收人可接收"},
	} {
		tc.d.At = noon
		for g := range tc.d.Message {
			tc.d.Message[g] = notApplicable
		}
		if got := tc.d.Summary("en", shanghai); got != tc.en {
			t.Errorf("got  %s\nwant %s", got, tc.en)
		}
		if got := tc.d.Summary("zh", shanghai); got != tc.zh {
			t.Errorf("got  %s\nwant %s", got, tc.zh)
		}
	}
	for title, want := range map[string]string{"Away": "away", "API key": "API key", "A": "A", "": "", "away": "away", "Zone": "zone", "[x": "[x", "Aß": "aß", "AZ x": "AZ x", "A b": "a b", "Za": "za", "AA": "AA"} {
		if got := lowerFirst(title); got != want {
			t.Errorf("%q begins a sentence as %q", title, got)
		}
	}
}

func TestATimeOfASummaryHasWhatTheDecisionsOwnTimeDoesNotTell(t *testing.T) {
	for until, want := range map[time.Time]string{
		at(14, 0):                               " until 14:00",
		at(14, 0).Add(5 * time.Second):          " until 14:00:05",
		at(14, 0).AddDate(0, 0, 1):              " until 03-12 14:00",
		at(14, 0).AddDate(1, 0, 0):              " until 2027-03-11 14:00",
		at(0, 30).AddDate(0, 0, 1).In(time.UTC): " until 03-12 00:30",
	} {
		s := summary{d: &Decision{At: noon.In(time.UTC)}, loc: shanghai}
		if got := s.until(until.UnixMicro()); got != want {
			t.Errorf("%v: %q, want %q", until, got, want)
		}
	}
	if got := (&summary{d: &Decision{At: noon}}).until(0); got != "" {
		t.Errorf("no end is said as %q", got)
	}
}

func TestWhatIsMissingFromOutcomesIsSaid(t *testing.T) {
	for text, want := range map[string]string{
		``:                                     "at byte 0: want '{'",
		`{"message":{}}`:                       "at byte 14: message or vectors is missing",
		`{"message":{},"vectors":[],"more":1}`: `key "more" is unknown or there twice`,
		`{"vectors":[]}`:                       "at byte 14: message or vectors is missing",
		`{"message":{},"vectors":[]} x`:        "at byte 28: something follows the document",
		`{"message":{},"vectors":[{"agents":["a"],"gates":{},"more":1}]}`:                    `key "more" is unknown or there twice`,
		`{"message":{},"vectors":[{"agents":["a"],"agents":["b"],"gates":{}}]}`:              `key "agents" is unknown or there twice`,
		`{"message":{},"vectors":[{"agents":["a"],"gates":{},"gates":{}}]}`:                  `key "gates" is unknown or there twice`,
		`{"message":{},"vectors":[{"agents":["a"]}]}`:                                        "a vector without gates or agents",
		`{"message":{},"vectors":[{"gates":{}}]}`:                                            "a vector without gates or agents",
		`{"message":{"filter":"pass","filter":"pass"},"vectors":[]}`:                         `gate "filter" is unknown, out of place or there twice`,
		`{"message":{},"vectors":[],"owner":"a"}`:                                            "the owner or who is asked about is not among the agents",
		`{"message":{},"vectors":[],"asked":"a"}`:                                            "the owner or who is asked about is not among the agents",
		`{"message":{"filter":["wait","filter.quarantined"]},"vectors":[]}`:                  "until 0",
		`{"message":{"filter":["block","filter.quarantined",5]},"vectors":[]}`:               "until 5",
		`{"message":{"filter":["pass","filter.tagged",5]},"vectors":[]}`:                     "until 5",
		`{"message":{"filter":["wait","filter.quarantined",5,6]},"vectors":[]}`:              "a cell of more than three parts",
		`{"message":{"filter":["wait","filter.quarantined",-]},"vectors":[]}`:                "a malformed number",
		"{\"message\":{\"filter\":[\"block\",\"a\x1f\"]},\"vectors\":[]}":                    "a control character in a string",
		`{"message":{"filter":["wait","filter.quarantined",5`:                                "want ','",
		`{"message":{"filter":["block","filter.gone"]},"vectors":[]}`:                        `code "filter.gone" is unknown`,
		`{"message":{"filter":"maybe"},"vectors":[]}`:                                        `outcome "maybe" is unknown`,
		"{\"message\":{},\"vectors\":[{\"agents\":[\"\xff\"],\"gates\":{}}]}":                "a string that is not UTF-8",
		`{"message":{},"vectors":[{"agents":["\q"],"gates":{}}]}`:                            "a malformed string",
		`{"message":{},"vectors":[{"agents":["a`:                                             "a string without end",
		`{"message":{},"vectors":[{"agents":["a"],"gates":{}},{"agents":["a"],"gates":{}}]}`: `agent "a" is nameless or there twice`,
	} {
		_, _, err := DecodeOutcomes([]byte(text))
		if !errors.Is(err, ErrOutcomes) || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	spaced := "{ \"message\" :\t{ \"filter\" : [ \"pass\" ,\r\n\"filter.tagged\" ] } ,\n\"vectors\" : [ { \"gates\" : { \"capacity\" : [\"wait\" , \"conversation.snoozed\" , -7 ] } , \"agents\" : [ \"b c\" , \"\\u0061\" ] } ] , \"asked\" : \"b c\" } \n"
	message, candidates, err := DecodeOutcomes([]byte(spaced))
	if err != nil || message[FilterGate] != passedWith(CodeFilterTagged) || message[SwitchInbox] != notApplicable || len(candidates) != 2 {
		t.Fatal(message, candidates, err)
	}
	for i, c := range candidates {
		if want := (Cell{Wait, CodeConversationSnoozed, -7}); c.Account != []string{"a", "b c"}[i] || c.Asked != (i == 1) || c.Owner || c.Cells[Capacity] != want || c.Cells[FilterGate] != message[FilterGate] {
			t.Errorf("%+v", c)
		}
	}
}

func TestWhereVersionsEnd(t *testing.T) {
	long := "1.0.0-" + strings.Repeat("a", 128-len("1.0.0-"))
	for text, want := range map[string]bool{
		"1": true, "v1.2": true, "1.2.3.4": false, "1-a": false, "1.2+b": false, "1.2.3-a+b": true, "": false, "v": false, "1.": false,
		"10.0.0": true, "999999999999999.0.0": true, "1000000000000000.0.0": false, "0.0.0": true, "00.0.0": false, "01.0.0": false, "1.0.0-0": true, "1.0.0-00": false,
		"1.0.0-01a": true, "1.0.0+01": true, "1.0.0-a..b": false, "1.0.0-": false, "1.0.0+": false, long: true, long + "a": false,
		"1.0.0-az-AZ-09": true, "1.0.0-/": false, "1.0.0-:": false, "1.0.0-@": false, "1.0.0-[": false, "1.0.0-`": false, "1.0.0-{": false,
		"1/.0.0": false, "1:.0.0": false,
	} {
		v, ok := ParseVersion(text)
		if ok != want || v.Known() != want {
			t.Errorf("%q is a version: %v, %v", text, ok, v.Known())
		}
	}
	order := []string{"unknown", "0.0.9", "0.1.0", "0.9.9", "1.0.0-1", "1.0.0-2", "1.0.0-10", "1.0.0-10.0", "1.0.0-a", "1.0.0-b", "1.0.0-b.1", "1.0.0", "1.0.10", "1.10.0", "2"}
	for i, a := range order {
		for j, b := range order {
			if got := versionOf(a).Compare(versionOf(b)); (got < 0) != (i < j) || (got > 0) != (i > j) {
				t.Errorf("%s compared with %s: %d", a, b, got)
			}
		}
	}
}

func TestWhatDependsOnNothingThatIsKnownIsNotExpected(t *testing.T) {
	c := newCompany()
	for g := range GateCount {
		// b's presence was set by itself; nobody ever gave or took a right of d.
		c.right("d", "receive", Right{})
		want := g == PresenceGate || g == PermissionKind
		if got := dependsExpected(c.p, c.w, map[bool]string{true: "d", false: "b"}[g == PermissionKind], g); got != want {
			t.Errorf("%s: expected %v", g, got)
		}
	}
	for name, right := range map[string]Right{
		"from a role": granted(), "from the template": {Template: true}, "allowed": {Allow: Override{Set: true}}, "denied": {Deny: Override{Set: true}},
	} {
		c.right("d", "receive", right)
		if dependsExpected(c.p, c.w, "d", PermissionKind) {
			t.Errorf("%s: somebody had to do with it", name)
		}
	}
	if Expected(c.p, c.w, "a", PresenceGate, Cell{Outcome: Block}) || Expected(c.p, c.w, "a", PresenceGate, Cell{Code: CodePresenceAway}) || !Expected(c.p, c.w, "a", PresenceGate, passed) {
		t.Error("what is undecided or has no reason is expected")
	}
}
