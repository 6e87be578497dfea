package checklist

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bidahq/bida/internal/diagnosis"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func evaluate(t interface{ Fatal(...any) }, answers map[string]Value) *Report {
	r, err := Evaluate(&Sheet{Platform: "qianniu", Answers: maps.Clone(answers)}, &Basis{Now: noon, Zone: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// everything answers all questions alike.
func everything(v Value) map[string]Value {
	all := map[string]Value{}
	for _, q := range Questions() {
		all[q.ID] = v
	}
	return all
}

// settle takes back the answers that contradict a "no" among them, so that nothing contradicts.
func settle(answers map[string]Value) map[string]Value {
	for _, c := range list().Contradictions {
		if answers[c.First.Question] == c.First.Answer && answers[c.Second.Question] == c.Second.Answer {
			delete(answers, c.Second.Question)
		}
	}
	return answers
}

// wantCode is what a "no" alone is called.
var wantCode = map[string]string{
	"account_active": "account.state.not_active", "member": "membership.inbox.not_member", "role_receives": "role.receive.not_granted",
	"may_reply": "permission.reply.not_granted", "kind_allowed": "permission.kind.account_denied", "agent_hours": "window.agent.closed",
	"inbox_hours": "window.inbox.closed", "push_platform": "switch.platform.off", "push_inbox": "switch.inbox.off", "push_account": "switch.account.off",
	"status_online": "presence.offline", "on_duty": "presence.away", "below_limit": "capacity.total_full", "passed_filters": "filter.quarantined",
	"list_shows_all": "view.not_seen", "alerts_on": "view.not_seen", "network_ok": "connection.none", "connected": "connection.none",
	"version_ok": "client.version.below_minimum", "pushed": "push.not_recorded", "acknowledged": "push.unacknowledged",
	"signed_in": "account.login.not_signed_in", "session_kept": "account.login.ended", "platform_running": "maintenance.platform",
}

func TestASingleNoIsThePrimaryFindingOfItsGate(t *testing.T) {
	for _, q := range Questions() {
		for _, rest := range []Value{Yes, DontKnow} {
			answers := everything(rest)
			answers[q.ID] = No
			r := evaluate(t, settle(answers))
			if len(r.Findings) == 0 {
				t.Errorf("%s: no finding", q.ID)
				continue
			}
			f := r.Findings[0]
			if f.Gate != q.Gate || f.Code != wantCode[q.ID] || !f.Primary || f.Outcome != "block" || f.ConsequenceOf != nil || r.Verdict != diagnosis.Blocked {
				t.Errorf("%s, all else %s: %s %s at %s, verdict %s, want %s", q.ID, rest, f.Outcome, f.Code, f.Gate, r.Verdict, wantCode[q.ID])
			}
			if f.Fix == nil || !f.Fix.Verified || len(f.Fix.Actions) != 1 || f.Fix.Actions[0].Action != "checklist."+q.ID || f.Since != nil || f.ChangedBy != nil {
				t.Errorf("%s: fix %+v, since %v, by %v", q.ID, f.Fix, f.Since, f.ChangedBy)
			}
			for _, o := range r.Findings[1:] {
				if rest == Yes && o.Outcome == "block" && o.ConsequenceOf == nil {
					t.Errorf("%s alone also accuses %s", q.ID, o.Code)
				}
			}
		}
	}
}

// causes are the answers that roots of a report cite as "no".
func causes(r *Report) map[string]bool {
	named := map[string]bool{}
	for _, f := range r.Findings {
		if f.ConsequenceOf != nil || f.Outcome != "block" || f.Fix == nil {
			continue
		}
		for _, a := range f.Fix.Actions {
			named[strings.TrimPrefix(a.Action, "checklist.")] = true
		}
	}
	return named
}

func randomAnswers(rt *rapid.T) map[string]Value {
	answers := map[string]Value{}
	for _, q := range Questions() {
		if v := rapid.SampledFrom([]Value{Yes, Yes, No, DontKnow, ""}).Draw(rt, q.ID); v != "" {
			answers[q.ID] = v
		}
	}
	return answers
}

func TestEveryNoIsNamedAsARootAndNothingElseIs(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		answers := settle(randomAnswers(rt))
		r := evaluate(rt, answers)
		want := map[string]bool{}
		for id, v := range answers {
			if v == No {
				want[id] = true
			}
		}
		if got := causes(r); !maps.Equal(got, want) {
			rt.Fatalf("%v: the roots name %v", answers, got)
		}
		if len(want) > 0 != (r.Verdict == diagnosis.Blocked) || len(r.Contradictions) > 0 {
			rt.Fatalf("%v: verdict %s, contradictions %v", answers, r.Verdict, r.Contradictions)
		}
		for _, f := range r.Findings {
			if f.Outcome == "unknown" && f.Primary && len(want) > 0 {
				rt.Fatalf("%v: what is not known comes before what is", answers)
			}
			if f.ConsequenceOf == nil && f.Fix != nil && !f.Fix.Verified {
				rt.Fatalf("%v: the fix of %s is not verified", answers, f.Code)
			}
		}
	})
}

func TestOneAnswerMoreNeverRemovesARoot(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		answers := settle(randomAnswers(rt))
		before := causes(evaluate(rt, answers))
		var open []string
		for _, q := range Questions() {
			if v := answers[q.ID]; v == "" || v == DontKnow {
				open = append(open, q.ID)
			}
		}
		if len(open) == 0 {
			return
		}
		answers[rapid.SampledFrom(open).Draw(rt, "one more")] = rapid.SampledFrom([]Value{Yes, No, DontKnow}).Draw(rt, "answer")
		r := evaluate(rt, answers)
		if len(r.Contradictions) > 0 {
			return
		}
		after := causes(r)
		for id := range before {
			if !after[id] {
				rt.Fatalf("%v: %s is no root any more", answers, id)
			}
		}
	})
}

// TestAllYes: where every check passes the trouble is further on, and the report says whom to ask for what.
func TestAllYesPointsToThePushLogAndTechnicalSupport(t *testing.T) {
	r := evaluate(t, everything(Yes))
	if r.Verdict != diagnosis.Receiving || len(r.Findings) != 0 || len(r.NextQuestions) != 0 {
		t.Errorf("verdict %s, findings %v, open %v", r.Verdict, r.Findings, r.NextQuestions)
	}
	if !strings.Contains(r.Next, "push log") || len(r.AskSupport) != 1 || r.AskSupport[0].Text != allPass {
		t.Errorf("next %q, ask %v", r.Next, r.AskSupport)
	}
}

func TestWhatNobodyKnowsIsUnknownAndTheMostUsefulQuestionComesFirst(t *testing.T) {
	for name, answers := range map[string]map[string]Value{"don't know": everything(DontKnow), "nothing answered": {}} {
		r := evaluate(t, answers)
		if r.Verdict != diagnosis.Unknown || len(r.NextQuestions) != len(Questions()) || r.NextQuestions[0] != "pushed" {
			t.Errorf("%s: verdict %s, %d open, first %v", name, r.Verdict, len(r.NextQuestions), r.NextQuestions)
		}
		for _, f := range r.Findings {
			if f.Code != "checklist.unanswered" || f.Outcome != "unknown" || f.Fix != nil {
				t.Errorf("%s: %+v", name, f)
			}
		}
		for _, c := range r.Checks {
			if c.Outcome == "pass" || c.Outcome == "block" {
				t.Errorf("%s: %s is %s", name, c.Gate, c.Outcome)
			}
		}
		if !strings.Contains(r.Next, find("pushed").Where["qianniu"].EN) {
			t.Errorf("%s: next is %q", name, r.Next)
		}
		if asks := len(r.AskSupport); asks != len(answers) {
			t.Errorf("%s: %d questions for support, want %d", name, asks, len(answers))
		}
	}
	known := everything(Yes)
	delete(known, "version_ok")
	known["pushed"] = DontKnow
	if r := evaluate(t, known); !slices.Equal(r.NextQuestions, []string{"version_ok", "pushed"}) {
		t.Errorf("what nobody looked at comes first: %v", r.NextQuestions)
	}
}

func TestContradictionsAreNamedAndNothingIsConcludedFromThem(t *testing.T) {
	for _, c := range list().Contradictions {
		answers := everything(Yes)
		answers[c.First.Question], answers[c.Second.Question] = c.First.Answer, c.Second.Answer
		r := evaluate(t, answers)
		if !slices.ContainsFunc(r.Contradictions, func(x Contradiction) bool {
			return slices.Equal(x.Questions, []string{c.First.Question, c.Second.Question}) && x.Text == c.Text.text()
		}) {
			t.Errorf("%+v is not named: %+v", c, r.Contradictions)
		}
		if r.Verdict != diagnosis.Unknown || len(causes(r)) != 0 || !strings.Contains(r.Next, c.Text.EN) {
			t.Errorf("%+v: verdict %s, causes %v, next %q", c, r.Verdict, causes(r), r.Next)
		}
		for _, f := range r.Findings {
			if f.Code != "checklist.contradicts" {
				t.Errorf("%+v: finding %s", c, f.Code)
			}
			for _, e := range f.Evidence {
				if e.Value == "" {
					t.Errorf("%+v: evidence %+v", c, e)
				}
			}
		}
		answers["account_active"] = No // a cause that nothing contradicts is named all the same
		if r := evaluate(t, answers); !maps.Equal(causes(r), map[string]bool{"account_active": true}) || r.Verdict != diagnosis.Blocked {
			t.Errorf("%+v: causes %v", c, causes(r))
		}
	}
}

func TestAnAnswerThatIsNotWhatTheRecordsSayIsMarkedAndContradicts(t *testing.T) {
	at := diagnosis.Instant(noon)
	records := map[string]Record{
		"signed_in":      {Value: Yes, Text: diagnosis.Text{ZH: "已登录", EN: "signed in"}, Source: "diagnosis", At: &at},
		"connected":      {Value: No, Text: diagnosis.Text{ZH: "没有连接", EN: "no connection"}, Source: "diagnosis", At: &at},
		"account_active": {Value: DontKnow, Source: "diagnosis", At: &at},
	}
	r, err := Evaluate(&Sheet{Platform: Here, Agent: "agent-a", Answers: map[string]Value{"signed_in": No, "account_active": Yes}}, &Basis{Now: noon, Records: records, Title: "客服甲"})
	if err != nil {
		t.Fatal(err)
	}
	of := map[string]Answer{}
	for _, a := range r.Answers {
		of[a.Question] = a
	}
	if a := of["signed_in"]; !a.Overrides || a.Source != "person" || a.Record == nil {
		t.Errorf("signed_in: %+v", a)
	}
	if a := of["connected"]; a.Overrides || a.Source != "record" || a.Value != No {
		t.Errorf("connected: %+v", a)
	}
	if len(r.Contradictions) != 1 || !slices.Equal(r.Contradictions[0].Questions, []string{"signed_in"}) || !strings.Contains(r.Contradictions[0].Text.EN, "signed in") {
		t.Errorf("contradictions: %+v", r.Contradictions)
	}
	if r.Verdict != diagnosis.Blocked || r.Findings[0].Gate != "connection" || r.Findings[0].Evidence[0].At == nil {
		t.Errorf("verdict %s, %+v", r.Verdict, r.Findings[0])
	}
}

func TestTheQuestionsAreComplete(t *testing.T) {
	stage := -1
	seen := map[string]bool{}
	for i, q := range Questions() {
		if seen[q.ID] {
			t.Errorf("%s is there twice", q.ID)
		}
		seen[q.ID] = true
		at := slices.IndexFunc(Stages(), func(n Named) bool { return n.ID == q.Stage })
		if at < 0 || at < stage || at > stage+1 {
			t.Errorf("%s is at stage %q, out of order", q.ID, q.Stage)
		}
		stage = at
		if _, ok := reception.ParseGate(q.Gate); !ok && q.Gate != "push" && q.Gate != "view" {
			t.Errorf("%s bears on %q, which is no gate", q.ID, q.Gate)
		}
		if q.Tells <= 0 || q.Effort < 1 || q.Effort > 3 {
			t.Errorf("%s tells %d for an effort of %d", q.ID, q.Tells, q.Effort)
		}
		texts := []Words{q.Ask, q.Why, q.Yes, q.No, q.Fix, q.Support}
		for _, p := range Platforms() {
			texts = append(texts, q.Where[p.ID])
		}
		for _, w := range texts {
			if w.ZH == "" || w.EN == "" || strings.ContainsAny(w.ZH, `"?;`) {
				t.Errorf("%s: %+v", q.ID, w)
			}
		}
		if len(q.Where) != len(Platforms()) || !strings.HasSuffix(q.Ask.ZH, "？") || !strings.HasSuffix(q.Ask.EN, "?") {
			t.Errorf("question %d, %s: %d places, %q", i+1, q.ID, len(q.Where), q.Ask.EN)
		}
	}
	if stage != len(Stages())-1 || len(seen) < 20 {
		t.Errorf("%d questions up to stage %d", len(seen), stage)
	}
}

func TestTheReportIsTheFormThatAllHave(t *testing.T) {
	text, err := json.Marshal(evaluate(t, map[string]Value{"member": No}))
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Fields("subject at position revision verdict headline findings checks traffic next titles dead_rules answers contradictions ask_support") {
		if len(fields[name]) == 0 || string(fields[name]) == "null" {
			t.Errorf("%s is missing", name)
		}
	}
}

func TestWhatIsWrongWithASheetIsNamed(t *testing.T) {
	for file, field := range map[string]string{
		"platform: icq":                        "/platform",
		"kind: nonsense":                       "/kind",
		"answers: {no_such: yes}":              "/answers/no_such",
		"answers: {member: maybe}":             "/answers/member",
		"answers: {member: [yes]}":             "/answers/member",
		"answers: {member: yes, member: no}":   "/answers/member",
		"answers: [yes]":                       "/answers",
		"agnet: x":                             "/agnet",
		"note: \"a\\u202eb\"":                  "/note",
		"title: \"a\\nb\"":                     "/title",
		"title: " + strings.Repeat("长", 121):   "/title",
		"just a text":                          "",
		"note: &a x\nagent: *a":                "/agent",
		"note: " + strings.Repeat("x", 2001):   "/note",
		"{\"answers\": {\"a/b~c\": \"yes\"}}":  "/answers/a~1b~0c",
		"platform: other\nplatform: qianniu\n": "/platform",
	} {
		_, err := Parse([]byte(file))
		if p := problem.As(err); p == nil || p.Kind != problem.Invalid || p.Field != field || p.Fields[0].Zh == "" {
			t.Errorf("%.40q: %v, want a fault at %q", file, err, field)
		}
	}
	for _, file := range []string{"{", "a: b\n---\nc: d", "\xff", "note: " + strings.Repeat("x", maxFile)} {
		if p := problem.As(func() error { _, err := Parse([]byte(file)); return err }()); p == nil || p.Kind != problem.Malformed && p.Kind != problem.TooLarge {
			t.Errorf("%.20q is taken: %v", file, p)
		}
	}
}

func TestAnswersAreReadAsPeopleWriteThem(t *testing.T) {
	s, err := Parse([]byte("platform: qianniu\nagent: 小王\nanswers:\n  account_active: yes\n  member: 否\n  pushed: 不清楚\n  connected: true\n  network_ok:\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]Value{"account_active": Yes, "member": No, "pushed": DontKnow, "connected": Yes}
	if s.Platform != "qianniu" || s.Agent != "小王" || !maps.Equal(s.Answers, want) {
		t.Errorf("%+v", s)
	}
	if empty, err := Parse(nil); err != nil || len(empty.Answers) != 0 || empty.Platform != Other {
		t.Errorf("nothing at all: %+v, %v", empty, err)
	}
	for _, p := range Platforms() {
		for _, lang := range []string{"zh", "en"} {
			if s, err := Parse([]byte(Template(p.ID, lang))); err != nil || s.Platform != p.ID || len(s.Answers) != 0 {
				t.Errorf("the template for %s in %s: %+v, %v", p.ID, lang, s, err)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		Template("qianniu", "zh"), "answers: {member: yes}", "{\"platform\":\"bida\",\"answers\":{\"pushed\":\"no\"}}", "a: &a [*a]", "? x\n: y", "answers:\n  - x", "--- {}\n--- {}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		s, err := Parse(file)
		if err != nil {
			if p := problem.As(err); p == nil || p.En == "" || p.Zh == "" {
				t.Fatalf("refused with %v", err)
			}
			return
		}
		r, err := Evaluate(s, &Basis{Now: noon})
		if err != nil {
			t.Fatalf("what was read is refused: %v", err)
		}
		if _, err := json.Marshal(r); err != nil {
			t.Fatal(err)
		}
		again, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if t2, err := Parse(again); err != nil || t2.Platform != s.Platform || !maps.Equal(t2.Answers, s.Answers) {
			t.Fatalf("read again from %s: %+v, %v", again, t2, err)
		}
	})
}
