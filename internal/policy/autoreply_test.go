package policy_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/policy"
)

const autoReplyCompany = `
kind: schedule
name: day
spec: {zone: Asia/Shanghai, weekly: [{days: [mon], from: "09:00", to: "18:00"}]}
---
kind: inbox
name: web
spec: {kinds: [customer, group], hours: day}
---
kind: inbox
name: shop
spec: {}
`

func autoReplySet(t *testing.T, documents string) *policy.Set {
	t.Helper()
	docs, err := policy.ParseYAML([]byte(autoReplyCompany + documents))
	if err != nil {
		t.Fatal(err)
	}
	set, err := policy.NewSet(docs)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestWhatIsWrongWithAnAutomaticReplyIsNamedWithItsPlace(t *testing.T) {
	for _, x := range []struct{ name, spec, want string }{
		{"no occasion", `{text: {zh: 您好}}`, "/spec: an automatic reply needs an occasion (on): welcome, off_hours, keyword, queue"},
		{"unknown occasion", `{on: goodbye, text: {zh: 您好}}`, `/spec/on: "goodbye" is not one of welcome`},
		{"no text", `{on: welcome}`, "/spec: an automatic reply needs a text"},
		{"a text in no language", `{on: welcome, text: {}}`, "/spec/text: an automatic reply needs a text"},
		{"another language", `{on: welcome, text: {fr: Bonjour}}`, `/spec/text/fr: unknown field "fr"`},
		{"an empty text", `{on: welcome, text: {en: "  "}}`, "/spec/text/en: this text is empty"},
		{"a long text", `{on: welcome, text: {en: ` + strings.Repeat("x", 1001) + `}}`, "/spec/text/en: this is longer than 1000 characters"},
		{"a text with controls", "{on: welcome, text: {en: \"a\\u0007\"}}", "/spec/text/en: this contains a control character"},
		{"a place in a welcome", `{on: welcome, text: {zh: "第{position}位"}}`, "/spec/text/zh: {position} is nothing that can be filled in on welcome"},
		{"a misspelt mark", `{on: queue, text: {en: "{Position}"}}`, "/spec/text/en: {Position} is nothing that can be filled in on queue; {position} is"},
		{"opening in a queue", `{on: queue, text: {en: "{opens}"}}`, "/spec/text/en: {opens} is nothing"},
		{"no keywords", `{on: keyword, text: {zh: 好}}`, "/spec: a reply on keyword needs keywords"},
		{"empty keywords", `{on: keyword, keywords: [], text: {zh: 好}}`, "/spec/keywords: this list is empty"},
		{"a keyword that is nothing", `{on: keyword, keywords: [""], text: {zh: 好}}`, "/spec/keywords/0: "},
		{"keywords in a welcome", `{on: welcome, keywords: [退款], text: {zh: 好}}`, "/spec/keywords: only a reply on keyword has this"},
		{"a repeat of a welcome", `{on: welcome, again_after: 5m, text: {zh: 好}}`, "/spec/again_after: only a reply on keyword has this"},
		{"too often", `{on: keyword, keywords: [退款], again_after: 5s, text: {zh: 好}}`, "/spec/again_after: this must be between 1m and 168h"},
		{"an order", `{on: welcome, order: 0, text: {zh: 好}}`, "/spec/order: this must be a whole number between 1 and 10000"},
		{"its own kind", `{on: welcome, kinds: [auto_reply], text: {zh: 好}}`, `/spec/kinds/0: messages of kind "auto_reply" are written in the house`},
		{"an unknown field", `{on: welcome, when: now, text: {zh: 好}}`, `/spec/when: unknown field "when"`},
	} {
		_, err := policy.ParseYAML([]byte("kind: autoreply\nname: x\nspec: " + x.spec + "\n"))
		if err == nil || !strings.Contains(err.Error(), "line 3: autoreply/x "+x.want) {
			t.Errorf("%s: %v", x.name, err)
		}
	}
	docs, err := policy.ParseYAML([]byte("kind: autoreply\nname: x\nspec:\n  on: welcome\n  inboxes: [nowhere]\n  text: {zh: 好}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := policy.NewSet(docs); err == nil || !strings.Contains(err.Error(), `line 5: autoreply/x /spec/inboxes/0: there is no inbox "nowhere"`) {
		t.Errorf("a missing inbox: %v", err)
	}
}

func TestAnAutomaticReplyIsWrittenBackWithoutItsDefaults(t *testing.T) {
	for _, x := range [][2]string{
		{`{"on":"welcome","enabled":true,"order":100,"text":{"zh":" 您好\r\n请讲 "}}`, `{"on":"welcome","text":{"zh":"您好\n请讲"}}`},
		{`{"on":"keyword","keywords":"退款\n# 备注\n退货\n","again_after":"10m","text":{"en":"See {how}: a brace is no mark"}}`, ""},
		{`{"on":"keyword","keywords":"退款\n# 备注\n退货\n","again_after":"600s","text":{"en":"See {1}"}}`, `{"on":"keyword","keywords":["退款","退货"],"text":{"en":"See {1}"}}`},
		{`{"text":{"zh":"第{position}位"},"enabled":false,"order":7,"on":"queue"}`, `{"enabled":false,"on":"queue","order":7,"text":{"zh":"第{position}位"}}`},
	} {
		got, err := policy.Normalize(policy.KindAutoReply, []byte(x[0]))
		if string(got) != x[1] || (err != nil) != (x[1] == "") {
			t.Errorf("%s\n gave %s %v\n want %s", x[0], got, err, x[1])
		}
	}
}

func TestAutomaticRepliesAreFoundByTheirKeywordsInPlainForm(t *testing.T) {
	set := autoReplySet(t, `
---
{kind: autoreply, name: refund, spec: {on: keyword, keywords: [退款, Refund], text: {zh: 好}}}
---
{kind: autoreply, name: off, spec: {enabled: false, on: keyword, keywords: [退款], text: {zh: 好}}}
---
{kind: autoreply, name: hello, spec: {on: welcome, order: 1, text: {zh: 您好}}}
`)
	a := set.AutoReplies()
	for text, want := range map[string][]string{
		"我要退款": {"refund"}, "ｒｅＦＵＮＤ please": {"refund"}, "退\u200b款": {"refund"}, "退 款": nil, "": nil,
	} {
		if got := a.Keywords(text); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
	var names []string
	for _, r := range a.Rules() {
		names = append(names, r.Name)
	}
	if !slices.Equal(names, []string{"hello", "refund"}) {
		t.Errorf("rules %v: by order, and only those that are on", names)
	}
	if r := a.Rules()[1]; r.AgainAfter != 10*time.Minute || !r.Concerns("web", "group") || r.Concerns("web", "internal") {
		t.Errorf("%+v", r)
	}
	next, _, err := set.Apply(9, []policy.Edit{{Kind: policy.KindInbox, Name: "shop", Spec: []byte(`{"title":"门店"}`)}})
	if err != nil || next.AutoReplies() != a || next.WithRevision(10).AutoReplies() != a {
		t.Errorf("a revision that changes no automatic reply compiles them anew: %v", err)
	}
	next, _, err = set.Apply(9, []policy.Edit{{Kind: policy.KindAutoReply, Name: "hello"}})
	if err != nil || next.AutoReplies() == a {
		t.Errorf("a revision that changes one does not: %v", err)
	}
}

func TestAutomaticRepliesWithoutEffectAreNamed(t *testing.T) {
	set := autoReplySet(t, `
---
{kind: autoreply, name: a-words, spec: {on: keyword, order: 1, keywords: [退, Ｈｉ], text: {zh: 好}}}
---
{kind: autoreply, name: b-inside, spec: {on: keyword, inboxes: [web], keywords: [退款, hi], text: {zh: 好}}}
---
{kind: autoreply, name: c-more, spec: {on: keyword, keywords: [退款, 发票], text: {zh: 好}}}
---
{kind: autoreply, name: d-group, spec: {on: welcome, inboxes: [shop, web], kinds: [group], text: {zh: 好}}}
---
{kind: autoreply, name: e-nowhere, spec: {on: welcome, inboxes: [shop], kinds: [group], text: {zh: 好}}}
---
{kind: autoreply, name: f-open, spec: {on: off_hours, inboxes: [shop], text: {zh: 好}}}
---
{kind: autoreply, name: g-closed, spec: {on: off_hours, text: {zh: 好}}}
---
{kind: autoreply, name: h-second, spec: {on: off_hours, order: 200, kinds: [customer], text: {zh: 好}}}
---
{kind: autoreply, name: i-off, spec: {enabled: false, on: off_hours, order: 300, text: {zh: 好}}}
`)
	var got []string
	for _, p := range policy.DeadRules(set, policy.DeadQuestion{Now: testNow}) {
		if strings.HasPrefix(p.Document, "autoreply/") {
			got = append(got, strings.TrimPrefix(p.Document, "autoreply/")+" "+p.Path+": "+p.Message)
			if p.MessageZH == "" {
				t.Errorf("%s is not said in Chinese", p.Message)
			}
		}
	}
	want := []string{
		`b-inside : this is never written: autoreply "a-words" comes before it and takes whatever it could take`,
		`d-group /spec/inboxes/0: inbox "shop" produces none of the kinds of this reply`,
		`e-nowhere /spec/inboxes/0: inbox "shop" produces none of the kinds of this reply`,
		`e-nowhere /spec/kinds: this is never written: no inbox that it is for produces these kinds`,
		`f-open /spec/on: this is never written: no inbox that it is for has hours`,
		`h-second : this is never written: autoreply "g-closed" comes before it and takes whatever it could take`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("named:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
