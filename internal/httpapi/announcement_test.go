package httpapi

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/governance"
	"github.com/bidahq/bida/internal/policy"
)

// apply puts documents in force.
func (b *bench) apply(yaml string) {
	b.t.Helper()
	docs, err := policy.ParseYAML([]byte(yaml))
	if err != nil {
		b.t.Fatal(err)
	}
	var edits []policy.Edit
	for _, d := range docs {
		edits = append(edits, policy.Edit{Kind: d.Kind, Name: d.Name, Spec: d.Spec})
	}
	b.do(&governance.Apply{Base: -1, Edits: edits, By: "admin", Source: "test"})
}

func TestWhatIsAnnouncedIsShownToThoseItNamesWhileItLasts(t *testing.T) {
	b := newBench(t)
	at := func(span time.Duration) string { return b.clock().Add(span).Format(time.RFC3339) }
	b.apply(fmt.Sprintf(`
{kind: maintenance, name: upgrade, spec: {title: 升级, from: %s, until: %s, inboxes: [web], announcement: {zh: 今晚升级, from: %s, to: {accounts: [agent-a, auditor]}}}}
---
{kind: maintenance, name: news, spec: {announcement: {zh: 通知, en: News, from: %s, until: %s, to: {everybody: true}}}}
---
{kind: maintenance, name: later, spec: {announcement: {en: later, from: %s, until: %s, to: {everybody: true}}}}
---
{kind: maintenance, name: over, spec: {announcement: {en: over, until: %s, to: {everybody: true}}}}`,
		at(-time.Minute), at(time.Hour), at(-time.Hour), at(-time.Minute), at(2*time.Hour), at(time.Minute), at(time.Hour), at(-time.Second)))
	names := func(actor string) string {
		var list []string
		for _, x := range b.ask(actor, "GET", "/announcements", nil).want(200).list("announcements") {
			list = append(list, x.(map[string]any)["name"].(string))
		}
		return strings.Join(list, " ")
	}
	for actor, want := range map[string]string{"agent-a": "news upgrade", "auditor": "news upgrade", "agent-b": "news", "nobody": "news", "robot": "news"} {
		if got := names(actor); got != want {
			t.Errorf("%s is shown %q, want %q", actor, got, want)
		}
	}
	all := b.ask("agent-a", "GET", "/announcements", nil).want(200)
	for _, want := range []string{`"text":"News"`, `"text":"今晚升级"`, `"inboxes":[{"name":"web","title":"官网"}]`, `"now":true`, `"update":null`} {
		if !strings.Contains(all.raw, want) {
			t.Errorf("%s is not in %s", want, all.raw)
		}
	}
}

func TestAClientIsToldThatItMustBeUpdated(t *testing.T) {
	b := newBench(t)
	b.apply(`{kind: client, name: console, spec: {minimum: 1.4.0, blocked: [1.5.1], reason: 修复漏显示}}`)
	update := func(query string) map[string]any {
		got, _ := b.ask("agent-a", "GET", "/announcements"+query, nil).want(200).body["update"].(map[string]any)
		return got
	}
	for query, want := range map[string]string{
		"?client=bida-console&version=1.3.0": "client.version.below_minimum", "?client=bida-console&version=1.5.1": "client.version.blocked",
		"?client=bida-console&version=dev": "client.version.unknown", "?client=bida-console": "client.version.unknown",
	} {
		if got := update(query); got == nil || got["code"] != want || got["required"] != ">= 1.4.0, not 1.5.1" || got["because"] != "修复漏显示" || got["reason"] == "" {
			t.Errorf("%s: %v, want %s", query, got, want)
		}
	}
	for _, query := range []string{"", "?client=bida-console&version=1.4.0", "?client=other&version=0.1"} {
		if got := update(query); got != nil {
			t.Errorf("%s: %v", query, got)
		}
	}
}
