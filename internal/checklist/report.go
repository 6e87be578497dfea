package checklist

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/bidahq/bida/internal/diagnosis"
	"github.com/bidahq/bida/internal/reception"
)

// Report is a diagnosis, in the form that all have, with what it was made of.
type Report struct {
	diagnosis.Report
	Platform string `json:"platform"`
	// Answers are all questions in order, with what was answered, and what the records of Bida say.
	Answers        []Answer        `json:"answers"`
	Contradictions []Contradiction `json:"contradictions"`
	// AskSupport is what to ask technical support: about what is not known, and about what only they can mend.
	AskSupport []Ask `json:"ask_support"`
	// NextQuestions are those that are open, the most useful first.
	NextQuestions []string `json:"next_questions"`
	Engine        string   `json:"engine"`
	// Questions is the version of the questions.
	Questions int `json:"questions_version"`
}

// Answer is what is known of one question.
type Answer struct {
	Question string `json:"question"`
	Stage    string `json:"stage"`
	// Value is the answer that counts; "" where there is none.
	Value Value `json:"value"`
	// Source is "person", or "record" where the records answered; "" without an answer.
	Source string `json:"source"`
	// Record is what the records say, where there are any.
	Record *Record `json:"record,omitempty"`
	// Overrides says that the person answered otherwise than the records do.
	Overrides bool `json:"overrides,omitempty"`
}

// Contradiction is two answers, or an answer and the records, that cannot both be true.
type Contradiction struct {
	Questions []string       `json:"questions"`
	Text      diagnosis.Text `json:"text"`
}

// Ask is a question for technical support.
type Ask struct {
	Question string         `json:"question,omitempty"`
	Text     diagnosis.Text `json:"text"`
}

// Basis is what a report is made on, beside the sheet.
type Basis struct {
	Now  time.Time
	Zone *time.Location // nil means Asia/Shanghai
	Lang string         // of Report.Next and of evidence: "zh", or else English
	// Engine names the engine that decides.
	Engine string
	// Records are what the records of Bida say, by question; none elsewhere. Title is what they call the agent.
	Records map[string]Record
	Title   string
}

// Evaluate makes the report of a sheet. It is a pure function. The error is a *problem.Error that names what is wrong with the sheet.
func Evaluate(s *Sheet, b *Basis) (*Report, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	e := &evaluation{sheet: s, basis: b, values: values{}}
	e.answer()
	e.contradict()
	report, err := e.decide(e.values)
	if err != nil {
		return nil, err
	}
	e.out = &Report{
		Report: *report, Platform: s.Platform, Answers: e.answers, Contradictions: e.contradictions, NextQuestions: e.open(), Engine: b.Engine, Questions: Version(),
	}
	e.out.Subject = diagnosis.Subject{Agent: s.Agent, Title: b.Title, Inbox: s.Inbox, Kind: s.Kind}
	if s.Platform != Here {
		e.out.Subject.Agent, e.out.Subject.Title = "", s.Agent
	}
	for i := range e.out.Findings {
		if err := e.mend(&e.out.Findings[i]); err != nil {
			return nil, err
		}
	}
	e.out.AskSupport = e.askSupport()
	e.out.Next = e.next()
	return e.out, nil
}

// evaluation is the making of one report.
type evaluation struct {
	sheet          *Sheet
	basis          *Basis
	values         values
	answers        []Answer
	contradictions []Contradiction
	disputed       map[string]bool
	out            *Report
}

// answer settles which answer of each question counts: the person's before that of the records.
func (e *evaluation) answer() {
	for _, q := range Questions() {
		a := Answer{Question: q.ID, Stage: q.Stage, Value: e.sheet.Answers[q.ID]}
		record, recorded := e.basis.Records[q.ID]
		if recorded {
			a.Record = &record
		}
		switch {
		case a.Value != "":
			a.Source = "person"
			a.Overrides = recorded && record.Value != a.Value
		case recorded:
			a.Value, a.Source = record.Value, "record"
		}
		if a.Value != "" {
			e.values[q.ID] = a.Value
		}
		e.answers = append(e.answers, a)
	}
}

// contradict finds what cannot both be true.
func (e *evaluation) contradict() {
	e.contradictions, e.disputed = []Contradiction{}, map[string]bool{}
	add := func(text diagnosis.Text, questions ...string) {
		e.contradictions = append(e.contradictions, Contradiction{questions, text})
		for _, id := range questions {
			e.disputed[id] = true
		}
	}
	for _, a := range e.answers {
		if a.Overrides && a.Value != DontKnow && a.Record.Value != DontKnow {
			add(diagnosis.Text{
				ZH: "答案“" + a.Value.In("zh") + "”与系统记录不符：" + a.Record.Text.ZH + "。",
				EN: "The answer “" + a.Value.In("en") + "” is not what the records say: " + a.Record.Text.EN + ".",
			}, a.Question)
		}
	}
	for _, c := range list().Contradictions {
		if e.values[c.First.Question] == c.First.Answer && e.values[c.Second.Question] == c.Second.Answer {
			add(c.Text.text(), c.First.Question, c.Second.Question)
		}
	}
}

func (e *evaluation) decide(v values) (*diagnosis.Report, error) {
	s, err := v.statement(e.sheet, e.basis.Title, e.disputed, e.basis.Now, e.basis.Zone)
	if err != nil {
		return nil, err
	}
	s.Evidence = e.evidence()
	return s.Report(), nil
}

// evidence is what was answered, by gate.
func (e *evaluation) evidence() map[string][]diagnosis.Evidence {
	by := map[string][]diagnosis.Evidence{}
	for _, a := range e.answers {
		q := find(a.Question)
		if a.Value == "" && slices.ContainsFunc(byGate()[q.Gate], func(o *Question) bool { return e.values[o.ID] == No }) {
			continue // what nobody looked at adds nothing to what is known to stop
		}
		entry := diagnosis.Evidence{Fact: "checklist." + q.ID, Value: e.said(q, a.Value), Source: "checklist"}
		if a.Source == "record" {
			entry.Value, entry.Source, entry.At = a.Record.Text.In(e.basis.Lang), a.Record.Source, a.Record.At
		}
		by[q.Gate] = append(by[q.Gate], entry)
		if a.Source == "person" && a.Record != nil {
			by[q.Gate] = append(by[q.Gate], diagnosis.Evidence{
				Fact: "record." + q.ID, Value: a.Record.Text.In(e.basis.Lang), Source: a.Record.Source, At: a.Record.At,
			})
		}
	}
	return by
}

// said is an answer in words: "no: the account is not active".
func (e *evaluation) said(q *Question, v Value) string {
	colon, meaning := ": ", q.Ask
	if e.basis.Lang == "zh" {
		colon = "："
	}
	switch v {
	case Yes:
		meaning = q.Yes
	case No:
		meaning = q.No
	}
	return v.In(e.basis.Lang) + colon + meaning.In(e.basis.Lang)
}

// mend says what to do about a finding, and whether that is enough: whether with these answers turned to "yes" the same engine does not find it any more.
func (e *evaluation) mend(f *diagnosis.Finding) error {
	code, _ := reception.ParseCode(f.Code)
	fix := &diagnosis.Fix{By: reception.Lookup(code).By, Edits: []diagnosis.Edit{}, Actions: []diagnosis.Action{}}
	mended := values{}
	for id, v := range e.values {
		mended[id] = v
	}
	for _, q := range byGate()[f.Gate] {
		if e.values[q.ID] == No && !e.disputed[q.ID] {
			mended[q.ID] = Yes
			fix.Actions = append(fix.Actions, diagnosis.Action{Action: "checklist." + q.ID, By: fix.By, Text: q.Fix.text()})
		}
	}
	if len(fix.Actions) == 0 {
		return nil
	}
	after, err := e.decide(mended)
	if err != nil {
		return err
	}
	fix.Verified = !slices.ContainsFunc(after.Findings, func(o diagnosis.Finding) bool { return o.Code == f.Code })
	f.Fix = fix
	return nil
}

// open are the questions that are not settled, the most useful first: what an answer tells, by how hard it is to find. What nobody looked at comes before
// what was looked at in vain.
func (e *evaluation) open() []string {
	var open []*Question
	for i := range Questions() {
		if q := &Questions()[i]; e.disputed[q.ID] || e.values[q.ID] != Yes && e.values[q.ID] != No {
			open = append(open, q)
		}
	}
	slices.SortStableFunc(open, func(a, b *Question) int {
		return cmp.Or(cmp.Compare(e.urgency(a), e.urgency(b)), cmp.Compare(b.Tells*a.Effort, a.Tells*b.Effort))
	})
	names := []string{}
	for _, q := range open {
		names = append(names, q.ID)
	}
	return names
}

func (e *evaluation) urgency(q *Question) int {
	switch {
	case e.disputed[q.ID]:
		return 0
	case e.values[q.ID] == "":
		return 1
	}
	return 2
}

// allPass asks for what is left when every check passes.
var allPass = diagnosis.Text{
	ZH: "检查项都通过、推送也已确认，仍然收不到：请按消息编号、客户和时间查这条消息的完整记录（接入、分配、推送、确认、显示），并查客户端的错误日志。",
	EN: "Every check passes and the push was acknowledged, and still nothing is seen: please follow one message by its number, customer and time through all of it " +
		"(intake, assignment, push, acknowledgement, display), and look at the client's log of errors.",
}

// askSupport is about what the person could not find out, and about pushes, which are not for the person to mend.
func (e *evaluation) askSupport() []Ask {
	asks := []Ask{}
	for _, q := range Questions() {
		if v := e.values[q.ID]; v == DontKnow || v == No && q.Stage == "log" && !e.disputed[q.ID] {
			asks = append(asks, Ask{q.ID, q.Support.text()})
		}
	}
	if e.out.Verdict == diagnosis.Receiving {
		asks = append(asks, Ask{Text: allPass})
	}
	return asks
}

// next says what to look at first.
func (e *evaluation) next() string {
	if e.out.Verdict == diagnosis.Receiving {
		return diagnosis.Text{
			ZH: "各项都通过：请取一条没收到的消息，对照推送日志逐段核对，并把下面的问题交给技术支持。",
			EN: "Every check passes: take one message that was not received, follow it through the push log, and give technical support the questions below.",
		}.In(e.basis.Lang)
	}
	var say []string
	if e.out.Verdict != diagnosis.Unknown {
		return ""
	}
	for _, c := range e.contradictions {
		say = append(say, c.Text.In(e.basis.Lang))
	}
	if names := e.out.NextQuestions; len(names) > 0 {
		q := find(names[0])
		say = append(say, diagnosis.Text{
			ZH: "先查：" + q.Ask.ZH + " 在哪里看：" + q.Where[e.sheet.Platform].ZH,
			EN: "Look first: " + q.Ask.EN + " Where: " + q.Where[e.sheet.Platform].EN,
		}.In(e.basis.Lang))
	}
	return strings.Join(say, " ")
}
