package reception

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode"
)

func TestEveryReasonIsComplete(t *testing.T) {
	severities := []string{"info", "notice", "warning", "error"}
	who := []string{"self", "supervisor", "admin", "security", "on-call", "nobody"}
	stages := []string{"push", "view", "queue", "intake", "traffic", "recovery", "checklist"}
	for _, r := range Reasons() {
		_, isGate := ParseGate(r.Gate)
		switch name := r.Code.String(); {
		case r.Code == 0 || uint16(r.Code) != r.Number:
			t.Errorf("%s: number %d is not the code's %d", name, r.Number, r.Code)
		case !isGate && !slices.Contains(stages, r.Gate):
			t.Errorf("%s: gate or stage %q is unknown", name, r.Gate)
		case isGate && !strings.HasPrefix(name, r.Gate+"."):
			t.Errorf("%s does not begin with its gate %s", name, r.Gate)
		case !slices.Contains(severities, r.Severity) || !slices.Contains(who, r.By) || r.Playbook == "":
			t.Errorf("%s: severity %q, by %q, playbook %q", name, r.Severity, r.By, r.Playbook)
		case (r.Expected == Unexpected) != (r.Because == Text{}):
			t.Errorf("%s: what may be expected says why, and nothing else does", name)
		case len(r.Causes.ZH) == 0 || len(r.Causes.ZH) != len(r.Causes.EN):
			t.Errorf("%s: %d causes in Chinese, %d in English", name, len(r.Causes.ZH), len(r.Causes.EN))
		case r.Expected == AsExpected && r.Severity == "error", r.Expected == Unexpected && r.Severity == "info":
			t.Errorf("%s: severity %s does not fit what is expected", name, r.Severity)
		}
		for _, text := range r.texts() {
			checkText(t, r.Code, text)
		}
	}
}

// texts are all texts of a reason.
func (r *Reason) texts() []Text {
	texts := []Text{r.Title, r.Count.Text, r.Meaning, r.Fix}
	if (r.Because != Text{}) {
		texts = append(texts, r.Because)
	}
	for i := range r.Causes.ZH {
		texts = append(texts, Text{ZH: r.Causes.ZH[i], EN: r.Causes.EN[i]})
	}
	return texts
}

func checkText(t *testing.T, c Code, text Text) {
	t.Helper()
	if strings.TrimSpace(text.ZH) == "" || strings.TrimSpace(text.EN) == "" || text.ZH == text.EN {
		t.Errorf("%v: %q and %q are not a text in two languages", c, text.ZH, text.EN)
	}
	if strings.ContainsFunc(text.EN, func(r rune) bool { return r > unicode.MaxASCII }) {
		t.Errorf("%v: %q is not plain English", c, text.EN)
	}
	// Chinese is set with wide punctuation and curly quotation marks.
	if strings.ContainsAny(text.ZH, `,;:!?()"'`) {
		t.Errorf("%v: %q has narrow punctuation", c, text.ZH)
	}
}

func TestNoCodeIsACatchAll(t *testing.T) {
	for _, r := range Reasons() {
		name := r.Code.String()
		if last := name[strings.LastIndexByte(name, '.')+1:]; slices.Contains([]string{"generic", "other", "error", "misc", "failed", "failure"}, last) {
			t.Errorf("%s says nothing", name)
		}
	}
}

func TestCountsAreFilledInWithKindAndUntilOnly(t *testing.T) {
	for _, r := range Reasons() {
		for _, s := range []string{r.Count.ZH, r.Count.EN, r.Count.ENOne} {
			rest := strings.NewReplacer("{kind}", "", "{until}", "").Replace(s)
			if strings.ContainsAny(rest, "{}") {
				t.Errorf("%v: %q has a place that nothing fills", r.Code, s)
			}
		}
	}
}

func TestACodeIsItsNameInJSON(t *testing.T) {
	type document struct {
		Code Code            `json:"code"`
		By   map[Code]string `json:"by"`
	}
	in := document{CodeRoutingPassedOver, map[Code]string{CodePresenceAway: "x"}}
	b, err := json.Marshal(in)
	if want := `{"code":"routing.passed_over","by":{"presence.away":"x"}}`; err != nil || string(b) != want {
		t.Fatalf("%s %v", b, err)
	}
	var out document
	if err := json.Unmarshal(b, &out); err != nil || out.Code != in.Code || out.By[CodePresenceAway] != "x" {
		t.Errorf("%v %v", out, err)
	}
	if err := json.Unmarshal([]byte(`{"code":"routing.magic"}`), &out); !errors.Is(err, ErrUnknownCode) {
		t.Errorf("an unknown name: %v", err)
	}
	if err := json.Unmarshal([]byte(`{"code":""}`), &out); err != nil || out.Code != 0 {
		t.Errorf("no code: %v %v", out.Code, err)
	}
}

func TestCodesAreFoundByNameAndNumber(t *testing.T) {
	for _, r := range Reasons() {
		if c, ok := ParseCode(r.Code.String()); !ok || c != r.Code || Lookup(c).Title != r.Title {
			t.Errorf("%v is found as %v", r.Code, c)
		}
	}
	for _, name := range []string{"", "presence", "code.invalid"} {
		if c, ok := ParseCode(name); ok || c != 0 {
			t.Errorf("%q is found as %v", name, c)
		}
	}
	if Code(60000).String() != "code.invalid" || Lookup(60000).Code != 0 || Lookup(0).Code != 0 {
		t.Error("a number that stands for nothing is found")
	}
}

func TestTheCatalogueIsWrittenBackAsItWasRead(t *testing.T) {
	var file struct {
		Reasons []json.RawMessage `json:"reasons"`
	}
	if err := json.Unmarshal(catalogueJSON, &file); err != nil {
		t.Fatal(err)
	}
	for i, r := range Reasons() {
		var want, got map[string]any
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if json.Unmarshal(b, &got) != nil || json.Unmarshal(file.Reasons[i], &want) != nil {
			t.Fatal("not JSON")
		}
		for key := range want {
			if a, b := asJSON(t, got[key]), asJSON(t, want[key]); a != b {
				t.Errorf("%v: %s is %s, in the file %s", r.Code, key, a, b)
			}
		}
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestNamesOfGatesOutcomesAndTheRestAreParsedBack(t *testing.T) {
	for g := range GateCount {
		if got, ok := ParseGate(g.String()); !ok || got != g || g.Part() < 1 || g.Part() > 4 {
			t.Errorf("gate %v is parsed as %v", g, got)
		}
	}
	for o := Pass; o <= NotApplicable; o++ {
		if got, ok := ParseOutcome(o.String()); !ok || got != o {
			t.Errorf("outcome %v is parsed as %v", o, got)
		}
	}
	for v := Routed; v <= Rejected; v++ {
		if got, ok := ParseVerdict(v.String()); !ok || got != v {
			t.Errorf("verdict %v is parsed as %v", v, got)
		}
	}
	for _, name := range []string{"undecided", "invalid", ""} {
		_, outcome := ParseOutcome(name)
		_, verdict := ParseVerdict(name)
		_, gate := ParseGate(name)
		if outcome || verdict || gate {
			t.Errorf("%q is parsed", name)
		}
	}
}
