package policy_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bidahq/bida/internal/policy"
)

// exported writes a set, reads it back and wants no difference, also where what is missing would be deleted.
func exported(t *testing.T, set *policy.Set) []byte {
	t.Helper()
	file, err := policy.MarshalYAML(set.All())
	if err != nil {
		t.Fatal(err)
	}
	docs, err := policy.ParseYAML(append([]byte("# yaml-language-server: $schema=http://127.0.0.1:8420/api/policy.schema.json\n"), file...))
	if err != nil {
		t.Fatalf("%v\n%s", err, file)
	}
	changes, err := policy.Diff(set, docs, true)
	if err != nil || len(changes) != 0 {
		t.Fatalf("%v %v\n%s", err, changes, file)
	}
	return file
}

func TestTheExampleCompanyIsExportedWithoutADifferenceInWhateverOrderItCame(t *testing.T) {
	text, err := os.ReadFile("../../deploy/examples/company.yaml")
	if err != nil {
		t.Fatal(err)
	}
	docs, err := policy.ParseYAML(text)
	if err != nil {
		t.Fatal(err)
	}
	var first []byte
	random := rand.New(rand.NewPCG(1, 2))
	for range 5 {
		random.Shuffle(len(docs), func(i, j int) { docs[i], docs[j] = docs[j], docs[i] })
		set, err := policy.NewSet(docs)
		if err != nil {
			t.Fatal(err)
		}
		file := exported(t, set)
		if first == nil {
			first = file
		}
		if !bytes.Equal(file, first) {
			t.Fatal("the order of an export depends on that of its documents")
		}
	}
	var order []string
	for _, m := range regexp.MustCompile(`(?m)^kind: (\S+)\nname: (\S+)$`).FindAllStringSubmatch(string(first), -1) {
		order = append(order, m[1]+"/"+strings.Trim(m[2], `"`))
	}
	sorted := slices.SortedFunc(slices.Values(order), func(a, b string) int {
		ka, na, _ := strings.Cut(a, "/")
		kb, nb, _ := strings.Cut(b, "/")
		if ka != kb {
			return slices.Index(policy.Kinds(), ka) - slices.Index(policy.Kinds(), kb)
		}
		return strings.Compare(na, nb)
	})
	if len(order) != len(docs) || !slices.Equal(order, sorted) {
		t.Errorf("documents come as %v", order)
	}
}

// Words that YAML, or some reader of it, takes for a number, a date, a truth value or a sign of its own.
var (
	oddNames = []string{"null", "true", "no", "on", "off", "y", "n", "yes", "12", "007", "1e3", "0x1f", "0o17", "1_000", "2026-11-23", "1.5", "1.4.0", "12.34.56", "nan", "a-", "a.b"}
	oddTexts = []string{"~", "-", "- a", "a: b", "a:", "#x", "x #y", "'", `"`, `\n`, `\`, "{}", "{a: b}", "[x]", "&x", "*x", "*@spam.example", "!x", "|", ">", "%", "@x", "`", "---", "...", "<<", "=", "?", "? x", ",", "加微信", "客服：甲", " 前后有空格 ",
		"2026-11-23T18:00:00+08:00", "12:30", "1:2:3", "+1", "-0", ".5", ".inf", "TRUE", "Null", "👩‍💻", "\u00a0x", "0b1", "é"}
)

func TestWordsThatYAMLTakesForSomethingElseAreExportedAsTheyAre(t *testing.T) {
	specs := map[string]object{"role/plain": {"permissions": []string{}}}
	for i, name := range oddNames {
		text := oddTexts[i%len(oddTexts)]
		specs["inbox/"+name] = object{"title": text, "kinds": []string{"customer"}, "members": object{"accounts": []string{name}}, "hours": name}
		specs["schedule/"+name] = object{"title": name, "zone": "UTC", "exceptions": []object{{"date": "2026-11-23", "off": true}}}
		specs["team/"+name] = object{"title": text, "members": []string{name}}
		specs["account/"+name] = object{"title": name, "number": name, "position": text, "agent": true, "roles": []string{"plain"}, "windows": []string{name}, "capacity": object{"inboxes": object{name: 3}}}
		specs["switch/inbox."+name] = object{"state": "off", "reason": name}
		specs["client/"+name] = object{"minimum": "1.4", "blocked": []string{"1", "1.10", "1.4.0-rc.1"}, "reason": text}
	}
	for i, text := range oddTexts {
		name := "f" + string(rune('a'+i/26)) + string(rune('a'+i%26))
		specs["filter/"+name] = object{"title": text, "reason": text, "action": "tag", "tag": text, "match": object{
			"keywords": []string{"x" + text, text + "y"}, "patterns": []string{regexp.QuoteMeta("x" + text)}, "senders": object{"block": []string{"u" + string([]rune(text)[:1])}, "allow": []string{"w"}}}}
	}
	// One keyword a line is a list afterwards, and an expression keeps its quotes.
	specs["filter/lines"] = object{"action": "reject", "match": object{"keywords": "# 广告\n加微信\n\n  免费 领取  \nno\n", "expression": `text contains "a: 'b'" and plain != "\n#"`}}
	for name := range specs {
		if kind, _, _ := strings.Cut(name, "/"); kind == "filter" {
			match := specs[name]["match"].(object)
			if s, ok := match["senders"].(object); ok && strings.Contains(s["block"].([]string)[0], "*") {
				delete(match, "senders")
			}
		}
	}
	set, err := policy.NewSet(documents(specs))
	if err != nil {
		t.Fatal(err)
	}
	file := exported(t, set)
	lines, _ := set.Filter("lines")
	if !slices.Equal(lines.Match.Keywords, []string{"加微信", "免费 领取", "no"}) {
		t.Errorf("keywords %q\n%s", lines.Match.Keywords, file)
	}
}
