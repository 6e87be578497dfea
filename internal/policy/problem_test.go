package policy_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/bidahq/bida/internal/policy"
)

// wanted is one problem: "line path: part of the message".
func wanted(p policy.Problem) string { return fmt.Sprintf("%d %s: %s", p.Line, p.Path, p.Message) }

func problemsOf(t *testing.T, err error) policy.Problems {
	t.Helper()
	var ps policy.Problems
	if err != nil && !errors.As(err, &ps) {
		t.Fatalf("the error is %T, not Problems: %v", err, err)
	}
	for _, p := range ps {
		if p.Message == "" || p.MessageZH == "" {
			t.Errorf("a problem without words in both languages: %+v", p)
		}
		if !utf8.ValidString(p.String()) {
			t.Errorf("a problem is not valid UTF-8: %q", p.String())
		}
	}
	return ps
}

// compareProblems checks problems against "line path: part of message".
func compareProblems(t *testing.T, got policy.Problems, want []string) {
	t.Helper()
	var lines []string
	for _, p := range got {
		lines = append(lines, wanted(p))
	}
	if len(got) != len(want) {
		t.Fatalf("%d problems, want %d:\n%s", len(got), len(want), strings.Join(lines, "\n"))
	}
	for i := range want {
		place, message, _ := strings.Cut(want[i], ": ")
		gotPlace, gotMessage, _ := strings.Cut(lines[i], ": ")
		if place != gotPlace || !strings.Contains(gotMessage, message) {
			t.Errorf("problem %d is\n  %s\nwant\n  %s", i, lines[i], want[i])
		}
	}
}

func TestParseYAMLNamesEveryFaultWithPathAndLine(t *testing.T) {
	account := func(fields string) string { return "kind: account\nname: x\nspec:\n" + fields }
	inbox := func(fields string) string { return "kind: inbox\nname: x\nspec:\n" + fields }
	schedule := func(fields string) string { return "kind: schedule\nname: x\nspec:\n  zone: Asia/Shanghai\n" + fields }
	calendar := func(fields string) string { return "kind: calendar\nname: x\nspec:\n" + fields }
	role := func(fields string) string { return "kind: role\nname: x\nspec:\n" + fields }
	pushSwitch := func(fields string) string { return "kind: switch\nname: platform\nspec:\n" + fields }
	maintenance := func(fields string) string { return "kind: maintenance\nname: x\nspec:\n" + fields }
	const window = "  from: 2026-12-01T22:00:00+08:00\n  until: 2026-12-02T00:00:00+08:00\n"
	version := func(fields string) string { return "kind: client\nname: console\nspec:\n" + fields }
	tests := []struct {
		name, yaml string
		want       []string
	}{
		// the file
		{"not YAML", "kind: [", []string{"1 : this is not YAML"}},
		{"GBK", "kind: account\nname: \xb4\xfa\n", []string{"2 : this looks like GBK; save the file as UTF-8"}},
		{"UTF-16", "\xff\xfek\x00i\x00", []string{"1 : this file is UTF-16; save it as UTF-8"}},
		{"neither", "kind: account\nname: \xff\n", []string{"2 : this file is neither UTF-8 nor GBK; save it as UTF-8"}},
		{"tabs", "kind: account\nspec:\n\ttitle: x\n", []string{"3 : this is not YAML"}},
		{"a fault before the file stops being YAML is still told", "kind: robot\nname: x\nspec: {}\n---\nkind: [", []string{"1 /kind: unknown kind", "5 : this is not YAML"}},
		{"custom tag", account("  title: !secret x\n"), []string{"4 : tag \"!secret\""}},
		{"tag on a list", account("  roles: !x [a]\n"), []string{"4 : tag \"!x\""}},
		{"binary", account("  title: !!binary aGk=\n"), []string{"4 : tag \"!!binary\""}},
		{"merge", "kind: account\nname: x\nspec:\n  <<: {title: y}\n", []string{"4 : merging with <<"}},
		{"a key that is a list", account("  [a]: b\n"), []string{"4 : a field's name must be a word"}},
		{"an alias inside itself", "kind: account\nname: x\nspec: &a\n  title: *a\n", []string{"3 : nested deeper"}},
		{"a list of documents", "- {kind: account, name: x, spec: {}}\n", []string{"1 : documents are separated by lines of ---"}},
		{"a word", "hello\n", []string{"1 : must be a group of fields, not text"}},

		// maintenance and announcements
		{"maintenance of nothing", maintenance("  title: x\n"), []string{"4 /spec: needs a window (from and until) or an announcement"}},
		{"a window without an end", maintenance("  from: 2026-12-01T22:00:00+08:00\n"), []string{"4 /spec: needs both from and until"}},
		{"a window that ends before it begins", maintenance("  from: 2026-12-02T22:00:00+08:00\n  until: 2026-12-02T00:00:00+08:00\n"), []string{"5 /spec/until: must be after from"}},
		{"a kind that is never held", maintenance(window + "  kinds: [internal]\n"), []string{"6 /spec/kinds/0: are made by Bida itself and are never held"}},
		{"what is no kind", maintenance(window + "  kinds: [A]\n"), []string{"6 /spec/kinds/0: is not a kind of message"}},
		{"inboxes without a window", maintenance("  inboxes: [web]\n  announcement: {zh: x, until: 2026-12-02T00:00:00+08:00, to: {everybody: true}}\n"), []string{"4 /spec/inboxes: an announcement alone holds nothing"}},
		{"an announcement without an end", maintenance("  announcement: {zh: x, to: {everybody: true}}\n"), []string{"4 /spec/announcement: needs an end"}},
		{"an announcement that says nothing", maintenance(window + "  announcement:\n    to: {everybody: true}\n"), []string{"7 /spec/announcement: needs a text"}},
		{"an announcement to nobody", maintenance(window + "  announcement: {zh: x}\n"), []string{"6 /spec/announcement: to whom"}},
		{"an announcement to an empty list", maintenance(window + "  announcement: {zh: x, to: {teams: []}}\n"), []string{"6 /spec/announcement/to: name accounts or teams"}},
		{"an announcement of another field", maintenance(window + "  announcement: {zh: x, to: {everyone: true, everybody: true}}\n"), []string{"6 /spec/announcement/to/everyone: unknown field \"everyone\""}},

		// requirements for clients
		{"nothing required", version("  title: x\n"), []string{"4 /spec: requires nothing"}},
		{"a version that is none", version("  minimum: latest\n"), []string{"4 /spec/minimum: \"latest\" is not a version"}},
		{"a version that YAML takes for a number", version("  minimum: 1.4\n"), []string{"4 /spec/minimum: put the version in quotes"}},
		{"a version blocked twice", version("  blocked: [1.4.0, 1.4.0]\n"), []string{"4 /spec/blocked/1: twice"}},
		{"the long name of a client", "kind: client\nname: bida-console\nspec: {minimum: 1.0.0}\n", []string{"2 /name: called \"console\" here"}},

		// the document
		{"nothing", "kind: account\n", []string{"1 : \"name\" is missing", "1 : \"spec\" is missing"}},
		{"unknown kind", "kind: acount\nname: x\nspec: {}\n", []string{"1 /kind: did you mean \"account\"?"}},
		{"unbuilt kind", "kind: approval\nname: x\nspec: {}\n", []string{"1 /kind: unknown kind of document \"approval\": it is not built yet"}},
		{"kind is a number", "kind: 1\nname: x\nspec: {}\n", []string{"1 /kind: must be a name"}},
		{"kind is empty", "kind: \"\"\nname: x\nspec: {}\n", []string{"1 /kind: empty"}},
		{"name in capitals", "kind: account\nname: Agent A\nspec: {}\n", []string{"2 /name: \"Agent A\" is not a name"}},
		{"name is too long", "kind: account\nname: " + strings.Repeat("a", 65) + "\nspec: {}\n", []string{"2 /name: at most 64"}},
		{"name begins with a dash", "kind: account\nname: -a\nspec: {}\n", []string{"2 /name: is not a name"}},
		{"name is a number", "kind: account\nname: 1001\nspec: {}\n", []string{"2 /name: put it in quotes"}},
		{"unknown top field", "kind: account\nname: x\nspec: {}\nrevision: 3\n", []string{"4 /revision: unknown field \"revision\""}},
		{"the program's role", "kind: role\nname: admin\nspec: {template: agent}\n", []string{"2 : role \"admin\" belongs to the program"}},
		{"the program's template", "kind: template\nname: agent\nspec: {permissions: []}\n", []string{"2 : template \"agent\" belongs to the program"}},
		{"the same document twice", "kind: account\nname: x\nspec: {}\n---\nkind: account\nname: x\nspec: {}\n", []string{"5 : twice (first on line 1)"}},
		{"spec is a list", "kind: account\nname: x\nspec: []\n", []string{"3 /spec: must be a group of fields, not a list"}},
		{"spec is nothing", "kind: account\nname: x\nspec:\n", []string{"3 /spec: has no value"}},

		// fields in general
		{"unknown field", account("  rolse: [agent]\n"), []string{"4 /spec/rolse: unknown field \"rolse\"; did you mean \"roles\"?"}},
		{"duplicate key", account("  title: a\n  alias: b\n  title: c\n"), []string{"6 /spec/title: twice (first on line 4)"}},
		{"duplicate key in the document", "kind: account\nname: x\nkind: role\nspec: {}\n", []string{"3 /kind: twice"}},
		{"text is a number", account("  number: 1001\n"), []string{"4 /spec/number: must be text, not a number; put it in quotes"}},
		{"text is a date", account("  title: 2026-01-01\n"), []string{"4 /spec/title: put it in quotes"}},
		{"text is a list", account("  title: [a]\n"), []string{"4 /spec/title: must be text, not a list"}},
		{"text is nothing", account("  title:\n"), []string{"4 /spec/title: has no value"}},
		{"text is too long", account("  title: " + strings.Repeat("字", 201) + "\n"), []string{"4 /spec/title: longer than 200"}},
		{"control character", account("  title: \"a\\u0000b\"\n"), []string{"4 /spec/title: control character"}},
		{"line break", account("  title: \"a\\nb\"\n"), []string{"4 /spec/title: control character"}},
		{"reversed writing", account("  title: \"a\\u202Eb\"\n"), []string{"4 /spec/title: control character"}},
		{"flag is a word", account("  agent: yes\n"), []string{"4 /spec/agent: must be true or false, not text"}},
		{"list is a word", account("  roles: agent\n"), []string{"4 /spec/roles: must be a list, not text"}},
		{"list item is a number", account("  roles: [agent, 7]\n"), []string{"4 /spec/roles/1: must be a name, not a number"}},
		{"list item is no name", account("  roles:\n    - agent\n    - Agent\n"), []string{"6 /spec/roles/1: \"Agent\" is not a name"}},
		{"twice in a list", account("  roles: [a,\n    b,\n    a]\n"), []string{"6 /spec/roles/2: \"a\" is in this list twice"}},
		{"an escape in the path", account("  capacity:\n    inboxes:\n      a/b~c: 1\n"), []string{"6 /spec/capacity/inboxes/a~1b~0c: is not a name"}},

		// account
		{"unknown state", account("  state: asleep\n"), []string{"4 /spec/state: \"asleep\" is not one of invited, active,"}},
		{"end of a state that is not frozen", account("  state_until: 2026-12-01T00:00:00Z\n"), []string{"4 /spec/state_until: only a frozen account"}},
		{"date without a time", account("  expires: 2026-12-01\n"), []string{"4 /spec/expires: is not a time with date and offset"}},
		{"time without an offset", account("  expires: 2026-12-01T00:00:00\n"), []string{"4 /spec/expires: is not a time with date and offset"}},
		{"time is a number", account("  expires: 20261201\n"), []string{"4 /spec/expires: must be a time like"}},
		{"time long ago", account("  expires: 0001-01-01T00:00:00Z\n"), []string{"4 /spec/expires: out of range"}},
		{"impossible date", account("  expires: 2026-02-30T00:00:00Z\n"), []string{"4 /spec/expires: is not a time"}},
		{"malformed end of a denial", account("  deny:\n    - {permission: receive, until: soon}\n"), []string{"5 /spec/deny/0/until: \"soon\" is not a time"}},
		{"denial of nothing", account("  deny:\n    - {until: 2026-12-01T00:00:00Z}\n"), []string{"5 /spec/deny/0: does not say which permission"}},
		{"unknown permission", account("  allow:\n    - permission: receive.group\n    - permission: message.repy\n"), []string{"6 /spec/allow/1/permission: unknown permission \"message.repy\"; did you mean \"message.reply\"?"}},
		{"permission twice", account("  deny:\n    - {permission: receive}\n    - {permission: receive}\n"), []string{"6 /spec/deny/1: twice"}},
		{"permission alone", account("  deny: [receive]\n"), []string{"4 /spec/deny/0: must be a group of fields"}},
		{"capacity 0", account("  capacity:\n    total: 0\n"), []string{"5 /spec/capacity/total: between 1 and 100000; leave it out for no limit"}},
		{"capacity with a point", account("  capacity: {inboxes: {web: 1.5}}\n"), []string{"4 /spec/capacity/inboxes/web: whole number"}},
		{"capacity is octal", account("  capacity: {total: 010}\n"), []string{"4 /spec/capacity/total: whole number"}},
		{"capacity is a list", account("  capacity: {inboxes: [web]}\n"), []string{"4 /spec/capacity/inboxes: limits by inbox"}},

		// role, template, team
		{"role of nothing", role("  title: x\n"), []string{"4 /spec: a role needs a template, or a list"}},
		{"role without permissions", role("  permissions:\n"), []string{"4 /spec/permissions: has no value"}},
		{"permission of a malformed kind", role("  permissions: [receive.Group]\n"), []string{"4 /spec/permissions/0: unknown permission \"receive.Group\"; did you mean"}},
		{"permission of nothing", role("  permissions: [receive.]\n"), []string{"4 /spec/permissions/0: unknown permission"}},
		{"permission is a number", role("  permissions: [5]\n"), []string{"4 /spec/permissions/0: must be a permission"}},
		{"template with a template", "kind: template\nname: x\nspec: {template: agent}\n", []string{"3 /spec/template: unknown field \"template\""}},
		{"two leads", "kind: team\nname: x\nspec: {lead: [a, b]}\n", []string{"3 /spec/lead: must be a name, not a list"}},

		// inbox
		{"unbuilt channel", inbox("  channel: wecom\n"), []string{"4 /spec/channel: channel \"wecom\" is not built yet"}},
		{"a web channel without customers' messages", inbox("  channel: web\n  kinds: [group]\n"), []string{"5 /spec/kinds: visitors of web pages send the kind customer"}},
		{"unknown mode", inbox("  mode: batch\n"), []string{"4 /spec/mode: not one of live, async"}},
		{"malformed kind", inbox("  kinds: [customer, VIP]\n"), []string{"4 /spec/kinds/1: is not a kind of message"}},
		{"no kinds", inbox("  kinds: []\n"), []string{"4 /spec/kinds: needs a kind that customers send"}},
		{"no kind that owns conversations", inbox("  kinds: [internal, system, auto_reply]\n"), []string{"4 /spec/kinds: needs a kind that customers send"}},
		{"kind twice", inbox("  kinds: [group, group]\n"), []string{"4 /spec/kinds/1: twice"}},
		{"members are a list", inbox("  members: [agent-a]\n"), []string{"4 /spec/members: must be a group of fields"}},
		{"unknown strategy", inbox("  routing: {strategy: random}\n"), []string{"4 /spec/routing/strategy: \"random\" is not one of least_loaded, round_robin, broadcast, manual"}},
		{"no length of time", inbox("  routing: {accept_timeout: soon}\n"), []string{"4 /spec/routing/accept_timeout: is not a length of time"}},
		{"timeout is a number", inbox("  routing: {accept_timeout: 90}\n"), []string{"4 /spec/routing/accept_timeout: a length of time like 90s"}},
		{"timeout is too short", inbox("  routing: {accept_timeout: 900ms}\n"), []string{"4 /spec/routing/accept_timeout: between 1s and 168h"}},
		{"a turn is too short", inbox("  routing: {answer_timeout: 9s, idle_prompt: 1s, idle_close: 169h}\n"), []string{
			"4 /spec/routing/answer_timeout: between 10s and 168h", "4 /spec/routing/idle_prompt: between 10s and 168h", "4 /spec/routing/idle_close: between 10s and 168h"}},
		{"a prompt without an end", inbox("  routing: {idle_prompt: 5m}\n"), []string{"4 /spec/routing/idle_prompt: this needs idle_close"}},
		{"a prompt at the end", inbox("  routing: {idle_prompt: 5m, idle_close: 5m}\n"), []string{"4 /spec/routing/idle_prompt: this must be shorter than idle_close"}},
		{"words for no prompt", inbox("  routing: {idle_close: 5m, idle_prompt_text: 在吗}\n"), []string{"4 /spec/routing/idle_prompt_text: this needs idle_prompt"}},
		{"a turn where nobody waits", inbox("  mode: async\n  routing:\n    answer_timeout: 1m\n    idle_prompt: 1m\n    idle_close: 2m\n"), []string{
			"6 /spec/routing/answer_timeout: an inbox with mode async has no such limit", "7 /spec/routing/idle_prompt: mode async", "8 /spec/routing/idle_close: mode async"}},
		{"capacity is negative", inbox("  capacity: -1\n"), []string{"4 /spec/capacity: between 1 and"}},

		// schedule
		{"no zone", "kind: schedule\nname: x\nspec:\n  title: y\n", []string{"4 /spec: needs a zone"}},
		{"unknown zone", "kind: schedule\nname: x\nspec:\n  zone: Asia/Peking\n", []string{"4 /spec/zone: unknown time zone \"Asia/Peking\""}},
		{"zone of this machine", "kind: schedule\nname: x\nspec: {zone: Local}\n", []string{"3 /spec/zone: unknown time zone"}},
		{"zone outside", "kind: schedule\nname: x\nspec: {zone: ../Asia/Shanghai}\n", []string{"3 /spec/zone: unknown time zone"}},
		{"calendar is no name", schedule("  calendar: 2026\n"), []string{"5 /spec/calendar: must be a name, not a number"}},
		{"make-up day without a calendar", schedule("  make_up: fri\n"), []string{"5 /spec/make_up: this needs calendar"}},
		{"no make-up day", schedule("  calendar: cn-public\n  make_up: friday\n"), []string{"6 /spec/make_up: \"friday\" is not one of sun"}},

		// calendar
		{"years is a list", calendar("  years: []\n"), []string{"4 /spec/years: a group of years, not a list"}},
		{"no year", calendar("  years:\n    26: {}\n    next: {}\n    1999: {}\n"), []string{"5 /spec/years/26: \"26\" is not a year", "6 /spec/years/next: is not a year", "7 /spec/years/1999: is not a year"}},
		{"year twice", calendar("  years:\n    2026: {}\n    \"2026\": {}\n"), []string{"6 /spec/years/2026: twice (first on line 5)"}},
		{"unknown field of a year", calendar("  years:\n    2026: {offs: []}\n"), []string{"5 /spec/years/2026/offs: unknown field \"offs\""}},
		{"day of another year", calendar("  years:\n    2026:\n      off:\n        - {name: 元旦, days: [2027-01-01]}\n"), []string{"7 /spec/years/2026/off/0/days/0: 2027-01-01 is not in 2026"}},
		{"day that is not one", calendar("  years:\n    2026: {off: [{days: [2026-02-30]}]}\n"), []string{"5 /spec/years/2026/off/0/days/0: \"2026-02-30\" is not a date"}},
		{"day off and at work", calendar("  years:\n    2026:\n      off: [{days: [2026-10-01, 2026-10-01]}]\n      work: [{days: [2026-10-01]}]\n"), []string{
			"6 /spec/years/2026/off/0/days/1: 2026-10-01 is in this year twice", "7 /spec/years/2026/work/0/days/0: 2026-10-01 is in this year twice"}},
		{"holiday without days", calendar("  years:\n    2026: {off: [{name: 元旦}]}\n"), []string{"5 /spec/years/2026/off/0: \"days\" is missing"}},

		// extensions
		{"extension without an end", account("  extensions:\n    - {reason: x}\n"), []string{"5 /spec/extensions/0: \"until\" is missing"}},
		{"extension that ends before it begins", account("  extensions:\n    - {from: 2026-12-02T00:00:00Z, until: 2026-12-02T08:00:00+08:00}\n"), []string{"5 /spec/extensions/0: ends before it begins"}},
		{"extension until a date", inbox("  extensions: [{until: 2026-12-02}]\n"), []string{"4 /spec/extensions/0/until: is not a time with date and offset"}},
		{"unknown field of an extension", "kind: team\nname: x\nspec:\n  extensions: [{until: 2026-12-02T00:00:00Z, by: x}]\n", []string{"4 /spec/extensions/0/by: unknown field \"by\""}},
		{"too many extensions", account("  extensions:\n" + strings.Repeat("    - {until: 2026-12-02T00:00:00Z}\n", 101)), []string{"5 /spec/extensions: more than 100 extensions"}},
		{"unknown day", schedule("  weekly:\n    - {days: [monday], from: \"09:00\", to: \"18:00\"}\n"), []string{"6 /spec/weekly/0/days/0: \"monday\" is not one of sun, mon"}},
		{"no day", schedule("  weekly:\n    - {days: [], from: \"09:00\", to: \"18:00\"}\n"), []string{"6 /spec/weekly/0/days: names no day"}},
		{"day twice", schedule("  weekly:\n    - {days: [mon, mon], from: \"09:00\", to: \"18:00\"}\n"), []string{"6 /spec/weekly/0/days/1: twice"}},
		{"half an opening", schedule("  weekly:\n    - {from: \"09:00\"}\n"), []string{"6 /spec/weekly/0: \"days\" is missing", "6 /spec/weekly/0: \"to\" is missing"}},
		{"no time of day", schedule("  weekly:\n    - {days: [mon], from: \"9:00\", to: \"25:00\"}\n"), []string{"6 /spec/weekly/0/from: \"9:00\" is not a time of day", "6 /spec/weekly/0/to: \"25:00\" is not a time of day"}},
		{"begins at 24:00", schedule("  weekly:\n    - {days: [mon], from: \"24:00\", to: \"06:00\"}\n"), []string{"6 /spec/weekly/0/from: \"24:00\" is not a time of day"}},
		{"minute 60", schedule("  weekly:\n    - {days: [mon], from: \"08:60\", to: \"23:59\"}\n"), []string{"6 /spec/weekly/0/from: is not a time of day"}},
		{"time of day is a number", schedule("  weekly:\n    - {days: [mon], from: 9, to: \"18:00\"}\n"), []string{"6 /spec/weekly/0/from: must be a time of day"}},
		{"ends when it begins", schedule("  weekly:\n    - {days: [mon], from: \"09:00\", to: \"09:00\"}\n"), []string{"6 /spec/weekly/0: ends when it begins"}},
		{"overlap", schedule("  weekly:\n    - {days: [mon, tue], from: \"09:00\", to: \"12:00\"}\n    - {days: [tue], from: \"11:59\", to: \"13:00\"}\n"), []string{"7 /spec/weekly/1: tue 11:59–13:00 overlaps tue 09:00–12:00"}},
		{"overlap over midnight", schedule("  weekly:\n    - {days: [mon], from: \"22:00\", to: \"06:00\"}\n    - {days: [tue], from: \"05:00\", to: \"09:00\"}\n"), []string{"7 /spec/weekly/1: tue 05:00–09:00 overlaps mon 22:00–06:00"}},
		{"overlap over the end of the week", schedule("  weekly:\n    - {days: [sun], from: \"00:00\", to: \"08:00\"}\n    - {days: [sat], from: \"20:00\", to: \"01:00\"}\n"), []string{"7 /spec/weekly/1: sat 20:00–01:00 overlaps sun 00:00–08:00"}},
		{"two overlaps with one long opening", schedule("  weekly:\n    - {days: [mon], from: \"08:00\", to: \"20:00\"}\n    - {days: [mon], from: \"09:00\", to: \"10:00\"}\n    - {days: [mon], from: \"12:00\", to: \"13:00\"}\n"), []string{"7 /spec/weekly/1: mon 09:00–10:00 overlaps mon 08:00–20:00", "8 /spec/weekly/2: mon 12:00–13:00 overlaps mon 08:00–20:00"}},
		{"exception that says nothing", schedule("  exceptions:\n    - {date: 2026-10-01}\n"), []string{"6 /spec/exceptions/0: an exception says off: true, or from and to"}},
		{"exception that says off: false", schedule("  exceptions:\n    - {date: 2026-10-01, off: false}\n"), []string{"6 /spec/exceptions/0: an exception says off: true, or from and to"}},
		{"exception off with an opening", schedule("  exceptions:\n    - {date: 2026-10-01, off: true, from: \"09:00\", to: \"12:00\"}\n"), []string{"6 /spec/exceptions/0: a day that is off has no opening"}},
		{"exception with half an opening", schedule("  exceptions:\n    - {date: 2026-10-01, from: \"09:00\"}\n"), []string{"6 /spec/exceptions/0: \"to\" is missing"}},
		{"exception without a date", schedule("  exceptions:\n    - {off: true}\n"), []string{"6 /spec/exceptions/0: \"date\" is missing"}},
		{"impossible exception", schedule("  exceptions:\n    - {date: 2026-02-30, off: true}\n"), []string{"6 /spec/exceptions/0/date: \"2026-02-30\" is not a date"}},
		{"exception at a time", schedule("  exceptions:\n    - {date: 2026-10-01T00:00:00Z, off: true}\n"), []string{"6 /spec/exceptions/0/date: is not a date"}},
		{"exception twice", schedule("  exceptions:\n    - {date: 2026-10-01, off: true}\n    - {date: 2026-10-01, from: \"09:00\", to: \"12:00\"}\n"), []string{"7 /spec/exceptions/1: here twice, once as a day off"}},
		{"exceptions overlap", schedule("  exceptions:\n    - {date: 2026-10-01, from: \"09:00\", to: \"12:00\"}\n    - {date: 2026-10-01, from: \"08:00\", to: \"09:30\"}\n"), []string{"7 /spec/exceptions/1: 2026-10-01 08:00–09:30 overlaps 2026-10-01 09:00–12:00"}},

		// switch
		{"switch of nothing", "kind: switch\nname: web\nspec: {state: on}\n", []string{"2 /name: names no switch"}},
		{"switch of a team", "kind: switch\nname: team.x\nspec: {state: on}\n", []string{"2 /name: names no switch"}},
		{"switch without a state", pushSwitch("  reason: x\n"), []string{"4 /spec: needs a state"}},
		{"switch state is true", pushSwitch("  state: true\n"), []string{"4 /spec/state: put on and off in quotes"}},
		{"a limited switch without a number", pushSwitch("  state: limited\n"), []string{"4 /spec: per_minute"}},
		{"a number on a switch that is not limited", pushSwitch("  state: paused\n  per_minute: 5\n"), []string{"5 /spec/per_minute: only a limited switch"}},
		{"a limit of nothing", pushSwitch("  state: limited\n  per_minute: 0\n"), []string{"5 /spec/per_minute: between 1 and"}},
		{"end of a switch that is on", pushSwitch("  state: on\n  until: 2026-12-01T00:00:00Z\n"), []string{"5 /spec/until: only a paused or limited switch has an end"}},
		{"end of a switch that is off", pushSwitch("  until: 2026-12-01T00:00:00Z\n  state: off\n"), []string{"4 /spec/until: only a paused or limited switch has an end"}},

		{"all at once", "kind: account\nname: A\nspec:\n  rolse: 1\n  agent: 1\n---\nkind: account\nname: b\nspec:\n  deny: 1\n", []string{
			"4 /spec/rolse: unknown field", "5 /spec/agent: true or false", "2 /name: is not a name", "10 /spec/deny: must be a list",
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			docs, err := policy.ParseYAML([]byte(test.yaml))
			if err == nil {
				t.Fatalf("it was read: %v", docs)
			}
			if docs != nil {
				t.Errorf("documents came with the problems: %v", docs)
			}
			compareProblems(t, problemsOf(t, err), test.want)
		})
	}
}

func TestProblemsNameTheDocument(t *testing.T) {
	_, err := policy.ParseYAML([]byte("kind: account\nname: agent-a\nspec: {x: 1}\n---\nkind: role\nspec: {x: 1}\n---\n- 1\n"))
	var got []string
	for _, p := range problemsOf(t, err) {
		got = append(got, p.Document)
	}
	if want := []string{"account/agent-a", "document 2", "document 2", "document 2", "document 3"}; !slices.Equal(got, want) {
		t.Errorf("documents %q, want %q", got, want)
	}
}

func TestWhatIsLooseInYAMLIsReadAsMeant(t *testing.T) {
	tests := []struct{ name, yaml, want string }{
		{"empty documents", "---\n---\n# nothing\n---\nkind: account\nname: x\nspec: {}\n---\n", `{}`},
		{"a byte order mark", "\ufeffkind: account\nname: x\nspec: {}\n", `{}`},
		{"JSON", `{"kind": "account", "name": "x", "spec": {"title": "客服甲", "agent": true}}`, `{"title":"客服甲","agent":true}`},
		{"aliases", "kind: account\nname: x\nspec:\n  title: &t 客服甲\n  alias: *t\n", `{"title":"客服甲","alias":"客服甲"}`},
		{"defaults are left out", "kind: account\nname: x\nspec: {state: active, agent: false, roles: [], title: \"\", capacity: {inboxes: {}}, deny: []}\n", `{}`},
		{"fields are put in order", "kind: account\nname: x\nspec: {roles: [b, a], agent: true, title: t}\n", `{"title":"t","agent":true,"roles":["b","a"]}`},
		{"times keep their offset", "kind: account\nname: x\nspec: {expires: 2026-12-31T18:00:00.1234567+08:00}\n", `{"expires":"2026-12-31T18:00:00.123456+08:00"}`},
		{"times in quotes", "kind: account\nname: x\nspec: {expires: \"2026-12-31T18:00:00+00:00\"}\n", `{"expires":"2026-12-31T18:00:00Z"}`},
		{"nothing is escaped without need", "kind: account\nname: x\nspec: {title: \"<a> & 'b'\"}\n", `{"title":"<a> & 'b'"}`},
		{"an inbox is written out", "kind: inbox\nname: x\nspec: {}\n", `{"channel":"api","mode":"live","kinds":["customer"],"routing":{"strategy":"least_loaded"}}`},
		{"a length of time", "kind: inbox\nname: x\nspec: {routing: {accept_timeout: 90s}}\n", `{"channel":"api","mode":"live","kinds":["customer"],"routing":{"strategy":"least_loaded","accept_timeout":"1m30s"}}`},
		{"limits of turns", "kind: inbox\nname: x\nspec: {routing: {idle_close: 600s, idle_prompt_text: 在吗, idle_prompt: 8m, answer_timeout: 90s}}\n",
			`{"channel":"api","mode":"live","kinds":["customer"],"routing":{"strategy":"least_loaded","answer_timeout":"1m30s","idle_prompt":"8m","idle_prompt_text":"在吗","idle_close":"10m"}}`},
		{"an empty list of permissions is not the template's", "kind: role\nname: x\nspec: {template: agent, permissions: []}\n", `{"template":"agent","permissions":[]}`},
		{"on and off", "kind: switch\nname: platform\nspec: {state: off}\n", `{"state":"off"}`},
		{"a date", "kind: schedule\nname: x\nspec: {zone: UTC, exceptions: [{date: 2026-10-01, off: true}]}\n", `{"zone":"UTC","exceptions":[{"date":"2026-10-01","off":true}]}`},
		{"adjoining openings", "kind: schedule\nname: x\nspec: {zone: UTC, weekly: [{days: [sat], from: \"22:00\", to: \"06:00\"}, {days: [sun], from: \"06:00\", to: \"24:00\"}]}\n",
			`{"zone":"UTC","weekly":[{"days":["sat"],"from":"22:00","to":"06:00"},{"days":["sun"],"from":"06:00","to":"24:00"}]}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			docs, err := policy.ParseYAML([]byte(test.yaml))
			if err != nil {
				t.Fatal(err)
			}
			if len(docs) != 1 || string(docs[0].Spec) != test.want {
				t.Errorf("got %v\nwant spec %s", docs, test.want)
			}
		})
	}
}

func TestAFileThatWouldGrowIsRefused(t *testing.T) {
	bomb := "kind: account\nname: x\nspec:\n  a: &a [x, x, x, x, x, x, x, x, x, x]\n"
	for c := 'b'; c < 'i'; c++ {
		bomb += fmt.Sprintf("  %c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c, ", c-1), 10), ", "))
	}
	tests := []struct{ name, yaml, want string }{
		{"aliases of aliases", bomb, "aliases count each time"},
		{"deep nesting", "kind: account\nname: x\nspec: {title: " + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "}\n", "nested deeper"},
		{"a large file", "# " + strings.Repeat("x", 5<<20), "larger than"},
		{"many documents", strings.Repeat("---\nx\n", 50_001), "more than 50000 documents"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := policy.ParseYAML([]byte(test.yaml))
			ps := problemsOf(t, err)
			if len(ps) == 0 || len(ps) > 1001 || !strings.Contains(ps.Error(), test.want) && !strings.Contains(ps[len(ps)-1].Message, "more problems") {
				t.Errorf("%d problems: %.300s", len(ps), ps.Error())
			}
		})
	}
}

func TestALargeFileIsReadInProportionToItsSize(t *testing.T) {
	var names, permissions, days strings.Builder
	for i := range 30_000 {
		fmt.Fprintf(&names, "a%d, ", i)
		fmt.Fprintf(&permissions, "{permission: receive.k%d}, ", i)
	}
	for i := range 5_000 {
		fmt.Fprintf(&days, "{days: [mon], from: \"%02d:%02d\", to: \"12:30\"}, ", i%24, i%60)
	}
	// Each is far quicker than the second or more that comparing every item with every other would take; the timeout of the tests is the judge.
	for _, yaml := range []string{
		"kind: team\nname: x\nspec: {members: [" + names.String() + "]}\n",
		"kind: account\nname: x\nspec: {deny: [" + permissions.String() + "]}\n",
	} {
		if _, err := policy.ParseYAML([]byte(yaml)); err != nil {
			t.Errorf("%.200v", err)
		}
	}
	_, err := policy.ParseYAML([]byte("kind: schedule\nname: x\nspec: {zone: UTC, weekly: [" + days.String() + "]}\n"))
	if ps := problemsOf(t, err); len(ps) != 1001 {
		t.Errorf("%d problems, want 1000 and how many more", len(ps))
	}
}

func TestNormalizeIsAsStrictForJSON(t *testing.T) {
	tests := []struct {
		kind, spec string
		want       []string
	}{
		{"account", `{"title": 5}`, []string{"0 /spec/title: must be text"}},
		{"account", `{"title": "a", "title": "b"}`, []string{"0 /spec/title: twice"}},
		{"account", `{"title": null}`, []string{"0 /spec/title: has no value"}},
		{"account", `{"roles": ["a", null]}`, []string{"0 /spec/roles/1: has no value"}},
		{"account", `{"x": 1, "deny": [{}]}`, []string{"0 /spec/x: unknown field", "0 /spec/deny/0: does not say which"}},
		{"account", `null`, []string{"0 /spec: has no value"}},
		{"account", `{}{}`, []string{"0 /spec: something after the end"}},
		{"account", `{"title": "a"`, []string{"0 /spec: ends too early"}},
		{"account", ``, []string{"0 /spec: ends too early"}},
		{"account", "{\"title\": \"\xff\"}", []string{"0 /spec: not valid UTF-8"}},
		{"account", `{"title": "` + strings.Repeat("x", 1<<20) + `"}`, []string{"0 /spec: larger than"}},
		{"account", strings.Repeat(`[`, 100), []string{"0 /spec: nested deeper"}},
		{"account", `{"capacity": {"total": 1e2}}`, []string{"0 /spec/capacity/total: whole number"}},
		{"account", `{"capacity": {"total": 99999999999999999999}}`, []string{"0 /spec/capacity/total: whole number"}},
		{"robot", `{}`, []string{"0 /kind: unknown kind"}},
		{"switch", `{"state": "on", "until": "x"}`, []string{"0 /spec/until: is not a time", "0 /spec/until: only a paused"}},
	}
	for _, test := range tests {
		t.Run(test.kind+" "+test.spec[:min(len(test.spec), 40)], func(t *testing.T) {
			spec, err := policy.Normalize(test.kind, []byte(test.spec))
			if err == nil {
				t.Fatalf("it became %s", spec)
			}
			compareProblems(t, problemsOf(t, err), test.want)
		})
	}
}

func TestProblemsAreLocatedInTheFile(t *testing.T) {
	docs, err := policy.ParseYAML([]byte("kind: account\nname: x\nspec:\n  title: y\n  roles:\n    - one\n    - two\n"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = policy.NewSet(docs)
	compareProblems(t, problemsOf(t, err), []string{"6 /spec/roles/0: there is no role \"one\"", "7 /spec/roles/1: there is no role \"two\""})

	edits, err := policy.EditsFor(policy.Empty(), docs, false)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = policy.Empty().Apply(1, edits)
	compareProblems(t, problemsOf(t, err), []string{"6 /spec/roles/0: there is no role", "7 /spec/roles/1: there is no role"})

	// As they come back from a server, without lines.
	remote := policy.Problems{{Document: "account/x", Path: "/spec/roles/1/deeper"}, {Document: "account/x", Path: ""}, {Document: "account/other", Path: "/spec"}}
	compareProblems(t, remote.Locate(docs), []string{"7 /spec/roles/1/deeper: ", "1 : ", "0 /spec: "})
}
