package reception

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestOutcomesAreWrittenAsJSONThatAPersonCanRead(t *testing.T) {
	c := newCompany()
	c.agent("b").Presence.Value = Away
	c.inbox("web").Switch = Switch{State: Paused, Until: at(14, 0)}
	m := customer()
	m.Asked = "d"
	d := Decide(c.p, c.w, m, noon)
	want := `{"message":{"switch.platform":"pass","switch.inbox":["wait","switch.inbox.paused",1773208800000000],"window.inbox":"pass","maintenance":"pass","filter":"pass","system.health":"pass"},"vectors":[` +
		`{"agents":["a","c"],"gates":{"account.state":"pass","account.login":"pass","role.receive":"pass","permission.kind":"pass","permission.reply":"pass","membership.inbox":"pass",` +
		`"window.agent":"pass","switch.account":"pass","presence":"pass","connection":"pass","client.version":"pass","capacity":"pass","conversation":"pass"}},` +
		`{"agents":["b"],"gates":{"account.state":"pass","account.login":"pass","role.receive":"pass","permission.kind":"pass","permission.reply":"pass","membership.inbox":"pass",` +
		`"window.agent":"pass","switch.account":"pass","presence":["block","presence.away"],"connection":"pass","client.version":"pass","capacity":"pass","conversation":"pass"}},` +
		`{"agents":["d"],"gates":{"account.state":"pass","account.login":"pass","role.receive":"pass","permission.kind":"pass","permission.reply":"pass",` +
		`"membership.inbox":["block","membership.inbox.not_member"],"window.agent":"pass","switch.account":"pass","presence":"pass","connection":"pass","client.version":"pass","capacity":"pass","conversation":"pass"}}],"asked":"d"}`
	if got := string(EncodeOutcomes(&d)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func withoutScores(d *Decision) []Candidate {
	candidates := slices.Clone(d.Candidates)
	for i := range candidates {
		candidates[i].Score = Score{}
	}
	return candidates
}

func TestOutcomesComeBackAsTheyWereWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPolicy(t)
		w := drawFacts(t)
		now := rapid.SampledFrom(instants).Draw(t, "now")
		var last *Decision
		for _, m := range messages(t) {
			d := Decide(p, w, m, now)
			b := EncodeOutcomes(&d)
			message, candidates, err := DecodeOutcomes(b)
			if err != nil || message != d.Message || !slices.Equal(candidates, withoutScores(&d)) {
				t.Fatalf("%s came back as %v %v %v", b, message, candidates, err)
			}
			if !json.Valid(b) {
				t.Fatalf("not JSON: %s", b)
			}
			if again := (Decision{Message: message, Candidates: candidates}); !OutcomesEqual(&again, &d) || !bytes.Equal(EncodeOutcomes(&again), b) {
				t.Fatalf("encoding again gives other bytes than %s", b)
			}
			if last != nil && OutcomesEqual(last, &d) != bytes.Equal(EncodeOutcomes(last), b) {
				t.Fatalf("equal outcomes and equal bytes are not the same: %s", b)
			}
			last = &d
		}
	})
}

func TestManyDifferentVectorsAreGroupedLikeFew(t *testing.T) {
	var d Decision
	for i := range 200 {
		c := Candidate{Account: fmt.Sprintf("agent-%03d", i)}
		for g := range c.Cells {
			c.Cells[g] = notApplicable
		}
		c.Cells[PresenceGate] = Cell{Outcome: Wait, Code: CodePresenceAway, Until: int64(1 + i%90)}
		d.Candidates = append(d.Candidates, c)
	}
	for g := range d.Message {
		d.Message[g] = notApplicable
	}
	b := EncodeOutcomes(&d)
	if n := bytes.Count(b, []byte(`"gates"`)); n != 90 {
		t.Errorf("%d vectors, want 90", n)
	}
	if _, candidates, err := DecodeOutcomes(b); err != nil || !slices.Equal(candidates, d.Candidates) {
		t.Errorf("came back differently: %v", err)
	}
}

func TestAnyNameComesBack(t *testing.T) {
	names := []string{"a", "quote\"", `back\slash`, "客服甲", "line\nbreak", "<b>&", "😀", "\u2028"}
	slices.Sort(names)
	d := Decision{}
	for _, name := range names {
		d.Candidates = append(d.Candidates, Candidate{Account: name, Owner: name == "客服甲", Asked: name == "😀"})
	}
	for i := range d.Candidates {
		d.Candidates[i].Cells = Explain(newCompany().p, newCompany().w, "web", "customer", "a", noon)
	}
	d.Message = d.Candidates[0].Cells
	for g := range d.Message {
		if !Gate(g).AboutMessage() {
			d.Message[g] = notApplicable
		}
	}
	if _, candidates, err := DecodeOutcomes(EncodeOutcomes(&d)); err != nil || !slices.Equal(candidates, d.Candidates) {
		t.Errorf("got %v %v", candidates, err)
	}
}

func TestWhatNoDecisionCanHaveSaidIsRefused(t *testing.T) {
	good := `{"message":{"switch.platform":"pass"},"vectors":[{"agents":["a"],"gates":{"presence":["wait","presence.away",5]}}],"owner":"a"}`
	if _, _, err := DecodeOutcomes([]byte(good)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := DecodeOutcomes([]byte("\n " + strings.ReplaceAll(strings.ReplaceAll(good, ":", " : "), ",", "\t,\r\n") + "\n")); err != nil {
		t.Errorf("white space: %v", err)
	}
	for name, replace := range map[string][2]string{
		"an undecided gate":                  {`"pass"`, `"undecided"`},
		"an unknown outcome":                 {`"pass"`, `"maybe"`},
		"an unknown gate":                    {`"presence":`, `"presents":`},
		"a gate of the message at an agent":  {`"presence":["wait","presence.away",5]`, `"switch.inbox":"pass"`},
		"a gate of an agent at the message":  {`"switch.platform"`, `"presence"`},
		"an unknown code":                    {`presence.away"`, `presence.gone"`},
		"a wait without end":                 {`,5]`, `]`},
		"an end without wait":                {`"wait"`, `"block"`},
		"a block without code":               {`["wait","presence.away",5]`, `"block"`},
		"a cell of four parts":               {`,5]`, `,5,6]`},
		"a leading zero":                     {`,5]`, `,05]`},
		"a fraction":                         {`,5]`, `,5.5]`},
		"a number out of range":              {`,5]`, `,99999999999999999999]`},
		"an agent twice":                     {`["a"]`, `["a","a"]`},
		"an agent without a name":            {`["a"]`, `["a",""]`},
		"no agent":                           {`["a"]`, `[]`},
		"an owner who is nobody":             {`"owner":"a"`, `"owner":"b"`},
		"an unknown key":                     {`"owner"`, `"boss"`},
		"a key twice":                        {`"owner":"a"`, `"owner":"a","owner":"a"`},
		"no vectors":                         {`"vectors"`, `"asked":"a","x"`},
		"a comma too many":                   {`"a"}`, `"a",}`},
		"a missing comma":                    {`},"vectors"`, `}"vectors"`},
		"text after the end":                 {`"owner":"a"}`, `"owner":"a"}x`},
		"text without end":                   {`"owner":"a"}`, `"owner":"a`},
		"a control character":                {`["a"]`, "[\"a\x01\"]"},
		"an escape that does not exist":      {`["a"]`, `["\q"]`},
		"bytes that are not UTF-8":           {`["a"]`, "[\"\xff\"]"},
		"a reason for what does not apply":   {`"pass"`, `["not_applicable","presence.away"]`},
		"a vector without gates":             {`,"gates":{"presence":["wait","presence.away",5]}`, ``},
		"an array where an object should be": {`{"message":`, `["message":`},
	} {
		b := strings.Replace(good, replace[0], replace[1], 1)
		if b == good {
			t.Fatalf("%s: nothing was replaced", name)
		}
		if _, _, err := DecodeOutcomes([]byte(b)); !errors.Is(err, ErrOutcomes) {
			t.Errorf("%s: %s was read (%v)", name, b, err)
		}
	}
}

func FuzzDecodeOutcomes(f *testing.F) {
	c := newCompany()
	for _, m := range []Message{customer(), ownedBy("b"), ownedBy("d"), directed("", "system", "a", "d")} {
		d := Decide(c.p, c.w, m, noon)
		f.Add(EncodeOutcomes(&d))
	}
	f.Add([]byte(`{"message":{},"vectors":[],"asked":"\u00e9"}`))
	f.Add([]byte(`{`))
	f.Fuzz(func(t *testing.T, b []byte) {
		message, candidates, err := DecodeOutcomes(b)
		if err != nil {
			if message != (Vector{}) || candidates != nil {
				t.Error("an error comes with a result")
			}
			return
		}
		if !json.Valid(b) {
			t.Errorf("accepted what is not JSON: %q", b)
		}
		again := Decision{Message: message, Candidates: candidates}
		m2, c2, err := DecodeOutcomes(EncodeOutcomes(&again))
		if err != nil || m2 != message || !reflect.DeepEqual(c2, candidates) && len(candidates) > 0 {
			t.Errorf("%q does not survive another round: %v", b, err)
		}
	})
}
