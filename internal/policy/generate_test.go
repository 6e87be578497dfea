package policy_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/bidahq/bida/internal/policy"
)

// A company of a test: few names, so that documents often refer to each other, and everything that a document can say.

var (
	someKinds     = []string{"customer", "group", "vip", "system", "internal", "auto_reply"}
	someCalendars = []string{"cn-public", "c0"}
	someSchedules = []string{"s0", "s1", "s2", "s3"}
	someTemplates = []string{"agent", "supervisor", "readonly", "t0"}
	someRoles     = []string{"r0", "r1", "r2"}
	someAccounts  = []string{"a0", "a1", "a2", "a3", "a4", "a5"}
	someTeams     = []string{"g0", "g1", "g2"}
	someInboxes   = []string{"i0", "i1", "i2"}
	somePresents  = []string{policy.Receive, policy.ReceiveCustomer, policy.ReceiveGroup, policy.ReceiveSystem, policy.MessageReply, policy.TraceView}
	// testNow is the instant that tests compare at; someInstants lie around it.
	testNow      = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	someInstants = []string{"2026-11-20T00:00:00+08:00", "2026-11-23T20:00:00+08:00", "2026-11-23T20:00:01+08:00", "2026-11-25T00:00:00Z", "2026-12-24T18:00:00.5-05:00"}
)

type object = map[string]any

// companies draws valid documents of every kind.
func companies() *rapid.Generator[[]policy.Document] {
	return rapid.Custom(func(t *rapid.T) []policy.Document {
		specs := map[string]object{"account/root": {"roles": []string{"admin"}}}
		for _, name := range someCalendars {
			if name == "c0" || rarely(t) {
				specs["calendar/"+name] = drawCalendar(t)
			}
		}
		for _, name := range someSchedules {
			specs["schedule/"+name] = drawSchedule(t)
		}
		specs["template/t0"] = object{"permissions": subset(t, somePresents)}
		for _, name := range someRoles {
			specs["role/"+name] = drawRole(t)
		}
		for _, name := range someAccounts {
			specs["account/"+name] = drawAccount(t)
		}
		for _, name := range someTeams {
			specs["team/"+name] = object{"title": drawText(t), "members": subset(t, someAccounts), "lead": pick(t, someAccounts), "windows": few(t, someSchedules), "extensions": drawExtensions(t)}
		}
		for _, name := range someInboxes {
			specs["inbox/"+name] = drawInbox(t)
		}
		for _, name := range []string{"platform", "inbox.i0", "inbox.i1", "account.a0", "account.a1"} {
			if maybe(t) {
				specs["switch/"+name] = drawSwitch(t)
			}
		}
		for _, name := range []string{"f0", "f1"} {
			if maybe(t) {
				specs["filter/"+name] = drawFilter(t)
			}
		}
		for _, name := range []string{"r0", "r1"} {
			if maybe(t) {
				specs["autoreply/"+name] = drawAutoReply(t)
			}
		}
		for _, name := range []string{"m0", "m1"} {
			if rarely(t) {
				specs["maintenance/"+name] = drawMaintenance(t)
			}
		}
		for _, name := range []string{"console", "any"} {
			if rarely(t) {
				specs["client/"+name] = drawClient(t)
			}
		}
		return documents(specs)
	})
}

// documents makes canonical documents of specs; those that turn out to be at fault are a fault of the generator.
func documents(specs map[string]object) []policy.Document {
	var docs []policy.Document
	for name, spec := range specs {
		kind, name, _ := strings.Cut(name, "/")
		text, err := json.Marshal(spec)
		if err != nil {
			panic(err)
		}
		canonical, err := policy.Normalize(kind, text)
		if err != nil {
			panic(fmt.Sprintf("%s/%s: %s: %v", kind, name, text, err))
		}
		docs = append(docs, policy.Document{Kind: kind, Name: name, Spec: canonical})
	}
	slices.SortFunc(docs, func(a, b policy.Document) int { return strings.Compare(a.Kind+"/"+a.Name, b.Kind+"/"+b.Name) })
	return docs
}

func maybe(t *rapid.T) bool { return rapid.Bool().Draw(t, "maybe") }

func rarely(t *rapid.T) bool { return rapid.IntRange(0, 3).Draw(t, "rarely") == 0 }

func pick(t *rapid.T, from []string) string { return rapid.SampledFrom(from).Draw(t, "pick") }

func subset(t *rapid.T, from []string) []string {
	list := []string{}
	for _, s := range from {
		if maybe(t) {
			list = append(list, s)
		}
	}
	return list
}

func few(t *rapid.T, from []string) []string {
	if !rarely(t) {
		return []string{}
	}
	return []string{pick(t, from)}
}

// drawText draws what a title may be: any script, spaces, quotes, YAML's own signs, words that YAML might take for something else.
func drawText(t *rapid.T) string {
	word := rapid.SampledFrom([]string{"", "客服甲", "👩‍💻", "true", "no", "on", "~", "null", "12", "0x1f", "1e3", "2026-11-23", "- a", "a: b", " a ", "#x", "'", `"`, "{}", "&x", "*x", "!x", "|", ">", "%", "@", "`", "---", "<<", "=", "é", "\u00a0", "ﷺ", "\U0001F004"})
	if maybe(t) {
		return word.Draw(t, "word")
	}
	text := rapid.StringN(0, 40, -1).Draw(t, "text")
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\ufeff' || r >= '\u2028' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' {
			return -1
		}
		return r
	}, text)
}

func drawSchedule(t *rapid.T) object {
	clock := func(hour int) string {
		return fmt.Sprintf("%02d:%02d", hour, rapid.SampledFrom([]int{0, 30}).Draw(t, "minute"))
	}
	s := object{"title": drawText(t), "zone": pick(t, []string{"Asia/Shanghai", "UTC", "America/New_York"})}
	var weekly, exceptions []object
	for _, day := range []string{"mon", "wed", "fri", "sun"} {
		switch rapid.IntRange(0, 3).Draw(t, "day") {
		case 0:
			weekly = append(weekly, object{"days": []string{day}, "from": clock(8), "to": clock(11)}, object{"days": []string{day}, "from": clock(13), "to": clock(20)})
		case 1:
			// Sunday's night would run into Monday.
			if day != "sun" {
				weekly = append(weekly, object{"days": []string{day}, "from": clock(22), "to": clock(6)})
			}
		case 2:
			weekly = append(weekly, object{"days": []string{day}, "from": "00:00", "to": "24:00"})
		}
	}
	for _, date := range []string{"2026-11-23", "2026-11-24", "2026-11-28"} {
		switch rapid.IntRange(0, 4).Draw(t, "date") {
		case 0:
			exceptions = append(exceptions, object{"date": date, "off": true})
		case 1:
			exceptions = append(exceptions, object{"date": date, "from": clock(18), "to": clock(2)})
		}
	}
	s["weekly"], s["exceptions"] = weekly, exceptions
	if rarely(t) {
		s["calendar"], s["make_up"] = pick(t, someCalendars), pick(t, []string{"mon", "wed", "sun"})
	}
	for _, list := range []string{"weekly", "exceptions"} {
		if len(s[list].([]object)) == 0 {
			delete(s, list)
		}
	}
	return s
}

func drawCalendar(t *rapid.T) object {
	year := object{"source": drawText(t)}
	for _, list := range []string{"off", "work"} {
		day := map[string]string{"off": "2026-11-2", "work": "2026-11-3"}[list]
		if maybe(t) {
			year[list] = []object{{"name": drawText(t), "days": []string{day + pick(t, []string{"0"}), "2026-12-0" + map[string]string{"off": "1", "work": "2"}[list]}}}
		}
	}
	if off := pick(t, []string{"", "2026-11-24", "2026-11-25"}); off != "" {
		year["off"] = []object{{"days": []string{off}}}
	}
	return object{"title": drawText(t), "years": object{"2026": year, "2027": object{}}}
}

func drawExtensions(t *rapid.T) []object {
	list := []object{}
	if !rarely(t) {
		return list
	}
	for range rapid.IntRange(1, 2).Draw(t, "extensions") {
		i := rapid.IntRange(0, len(someInstants)-1).Draw(t, "extended until")
		x := object{"until": someInstants[i], "reason": drawText(t)}
		if i > 0 && maybe(t) {
			x["from"] = someInstants[i-1]
		}
		list = append(list, x)
	}
	return list
}

func drawRole(t *rapid.T) object {
	r := object{"title": drawText(t)}
	if maybe(t) {
		r["template"] = pick(t, someTemplates)
	}
	if r["template"] == nil || rarely(t) {
		r["permissions"] = subset(t, somePresents)
	}
	return r
}

func drawGrants(t *rapid.T) []object {
	list := []object{}
	for _, p := range somePresents {
		if !rarely(t) {
			continue
		}
		g := object{"permission": p}
		if maybe(t) {
			g["until"] = pick(t, someInstants)
		}
		list = append(list, g)
	}
	return list
}

func drawAccount(t *rapid.T) object {
	a := object{"title": drawText(t), "alias": drawText(t), "number": drawText(t), "position": drawText(t), "agent": true, "robot": rarely(t),
		"roles": subset(t, someRoles), "allow": drawGrants(t), "deny": drawGrants(t), "windows": few(t, someSchedules), "extensions": drawExtensions(t)}
	if rarely(t) {
		a["state"] = pick(t, []string{"invited", "active", "disabled", "frozen", "banned", "left", "expired"})
		a["state_reason"] = drawText(t)
		if a["state"] == "frozen" && maybe(t) {
			a["state_until"] = pick(t, someInstants)
		}
	}
	if rarely(t) {
		a["expires"] = pick(t, someInstants)
	}
	if rarely(t) {
		a["capacity"] = object{"total": rapid.IntRange(1, 9).Draw(t, "total"), "inboxes": object{pick(t, someInboxes): 3}}
	}
	return a
}

func drawInbox(t *rapid.T) object {
	kinds := subset(t, someKinds[1:])
	in := object{
		"title": drawText(t), "channel": pick(t, []string{"api", "web"}), "mode": pick(t, []string{"live", "async"}),
		"kinds":   append([]string{"customer"}, kinds...),
		"members": object{"accounts": subset(t, someAccounts), "teams": subset(t, someTeams)},
		"routing": object{"strategy": pick(t, []string{"least_loaded", "round_robin", "broadcast", "manual"}), "sticky": maybe(t)},
	}
	if rarely(t) {
		in["hours"], in["extensions"] = pick(t, someSchedules), drawExtensions(t)
	}
	if rarely(t) {
		in["capacity"] = rapid.IntRange(1, 9).Draw(t, "capacity")
		in["routing"].(object)["accept_timeout"] = pick(t, []string{"1s", "90s", "5m", "1h", "1h30m", "1500ms"})
	}
	if in["mode"] == "live" && rarely(t) {
		drawTurns(t, in["routing"].(object))
	}
	return in
}

func drawTurns(t *rapid.T, routing object) {
	if maybe(t) {
		routing["answer_timeout"] = pick(t, []string{"10s", "2m", "1h"})
	}
	routing["idle_close"] = pick(t, []string{"10m", "168h"})
	if maybe(t) {
		routing["idle_prompt"], routing["idle_prompt_text"] = pick(t, []string{"10s", "8m"}), drawText(t)
	}
}

func drawFilter(t *rapid.T) object {
	f := object{
		"title": drawText(t), "enabled": maybe(t), "order": rapid.IntRange(1, 200).Draw(t, "order"), "inboxes": few(t, someInboxes), "reason": drawText(t),
		"match": object{"keywords": []string{"加微信", "x"}, "expression": "length > 3", "senders": object{"allow": []string{"vip-*"}}},
	}
	if f["action"] = pick(t, []string{"allow", "tag", "quarantine", "reject"}); f["action"] == "tag" {
		f["tag"] = "投诉"
	}
	return f
}

func drawAutoReply(t *rapid.T) object {
	r := object{
		"title": drawText(t), "enabled": maybe(t), "order": rapid.IntRange(1, 200).Draw(t, "order"), "inboxes": few(t, someInboxes),
		"on": pick(t, []string{"welcome", "off_hours", "queue", "keyword"}), "text": object{"zh": "您好\n请讲", "en": "Hello"},
	}
	switch r["on"] {
	case "keyword":
		r["keywords"], r["again_after"] = []string{"退款", "x"}, pick(t, []string{"1m", "10m", "168h"})
	case "queue":
		r["text"] = object{"zh": "第 {position} 位"}
	case "off_hours":
		r["text"] = object{"en": "We are back {opens}."}
	}
	return r
}

func drawSwitch(t *rapid.T) object {
	s := object{"state": pick(t, []string{"on", "off", "paused", "limited"}), "reason": drawText(t)}
	if (s["state"] == "paused" || s["state"] == "limited") && maybe(t) {
		s["until"] = pick(t, someInstants)
	}
	if s["state"] == "limited" {
		s["per_minute"] = rapid.IntRange(1, 3).Draw(t, "per minute")
	}
	return s
}

func drawMaintenance(t *rapid.T) object {
	m := object{"title": drawText(t), "reason": drawText(t)}
	window := maybe(t)
	span := func(to object) {
		i := rapid.IntRange(0, len(someInstants)-2).Draw(t, "from")
		to["from"], to["until"] = someInstants[i], someInstants[rapid.IntRange(i+1, len(someInstants)-1).Draw(t, "until")]
	}
	if window {
		span(m)
		m["inboxes"], m["kinds"] = few(t, someInboxes), few(t, someKinds[:2])
	}
	if !window || maybe(t) {
		a := object{"zh": drawText(t), "en": "x" + drawText(t), "to": object{"accounts": few(t, someAccounts), "teams": []string{pick(t, someTeams)}, "everybody": maybe(t)}}
		if !window || maybe(t) {
			span(a)
		}
		m["announcement"] = a
	}
	return m
}

func drawClient(t *rapid.T) object {
	versions := []string{"1.2.0", "v1.10.0", "2.0.0-rc.1"}
	return object{"title": drawText(t), "reason": drawText(t), "minimum": pick(t, versions), "blocked": subset(t, versions)}
}
