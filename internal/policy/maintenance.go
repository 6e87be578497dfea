package policy

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/bidahq/bida/internal/reception"
)

// MaintenanceSpec is a maintenance window (维护窗口), an announcement (公告), or a window with the announcement of it.
type MaintenanceSpec struct {
	Title string `json:"title,omitempty"`
	// From and Until are the window: from From, and until Until, what it covers waits. Both are zero where there is only an announcement.
	From    Instant  `json:"from,omitzero"`
	Until   Instant  `json:"until,omitzero"`
	Inboxes []string `json:"inboxes,omitempty"` // none: all
	Kinds   []string `json:"kinds,omitempty"`   // none: all
	Reason  string   `json:"reason,omitempty"`
	// Announcement is nil where nobody is told.
	Announcement *Announcement `json:"announcement,omitempty"`
}

// Announcement is what people are told, once as a message and for as long as it lasts above every page of the console.
type Announcement struct {
	ZH    string   `json:"zh,omitempty"`
	EN    string   `json:"en,omitempty"`
	From  Instant  `json:"from,omitzero"`  // zero: as soon as it is applied
	Until Instant  `json:"until,omitzero"` // zero: the window's end
	To    Audience `json:"to"`
}

// Audience is whom an announcement is for.
type Audience struct {
	Accounts  []string `json:"accounts,omitempty"`
	Teams     []string `json:"teams,omitempty"`
	Everybody bool     `json:"everybody,omitempty"`
}

// Window says whether the document has a maintenance window, and not only an announcement.
func (s *MaintenanceSpec) Window() bool { return !s.Until.IsZero() }

// AnnouncedUntil is when the announcement ends; only where there is one.
func (s *MaintenanceSpec) AnnouncedUntil() time.Time {
	if s.Announcement.Until.IsZero() {
		return s.Until
	}
	return s.Announcement.Until
}

// Announces says whether the announcement, if there is one, is made at an instant.
func (s *MaintenanceSpec) Announces(at time.Time) bool {
	return s.Announcement != nil && !at.Before(s.Announcement.From) && at.Before(s.AnnouncedUntil())
}

// Text is the announcement in a language, or in the other where it is written in one only.
func (a *Announcement) Text(lang string) string {
	if lang == "en" && a.EN != "" || a.ZH == "" {
		return a.EN
	}
	return a.ZH
}

// maxAnnouncement is the length in characters of an announcement in one language.
const maxAnnouncement = 1000

func (d *decoder) maintenance(n *node) MaintenanceSpec {
	var s MaintenanceSpec
	if !d.object(n,
		field{"title", d.text(&s.Title)},
		field{"from", d.instant(&s.From)},
		field{"until", d.instant(&s.Until)},
		field{"inboxes", d.names(&s.Inboxes)},
		field{"kinds", d.ownedKinds(&s.Kinds, "are made by Bida itself and are never held", "由系统自己产生，不会被拦")},
		field{"reason", d.text(&s.Reason)},
		field{"announcement", d.announcement(&s.Announcement)},
	) {
		return s
	}
	n.refine(func(s *shape) {
		s.DependentRequired = map[string][]string{"from": {"until"}, "until": {"from"}, "inboxes": {"from"}, "kinds": {"from"}}
	})
	window := n.get("from") != nil || n.get("until") != nil
	d.needsOne(n, []string{"from", "until", "announcement"}, "this needs a window (from and until) or an announcement", "需要维护窗口(from 和 until)或公告(announcement)")
	if window && (n.get("from") == nil || n.get("until") == nil) {
		d.problem(n, "a window needs both from and until", "维护窗口需要同时写明 from 和 until")
	}
	d.ordered(n, s.From, s.Until)
	for _, name := range []string{"inboxes", "kinds"} {
		if at := n.get(name); at != nil && !window {
			d.in(name, at.line, func() {
				d.problem(at, "this needs a window (from and until): an announcement alone holds nothing", "需要维护窗口(from 和 until)：只有公告时不拦任何消息")
			})
		}
	}
	if at := n.get("announcement"); at != nil && s.Announcement != nil && at.get("until") == nil && !window {
		d.in("announcement", at.line, func() {
			d.problem(at, "an announcement without a window needs an end (until)", "没有维护窗口的公告需要写明截止时间(until)")
		})
	}
	return s
}

// ordered refuses an end that is not after the beginning.
func (d *decoder) ordered(n *node, from, until time.Time) {
	if at := n.get("until"); at != nil && !from.IsZero() && !until.IsZero() && !until.After(from) {
		d.in("until", at.line, func() { d.problem(at, "this must be after from", "应晚于 from") })
	}
}

func (d *decoder) announcement(dst **Announcement) func(*node) {
	return func(n *node) {
		a := &Announcement{}
		if !d.object(n,
			field{"zh", d.textOf(&a.ZH, maxAnnouncement)},
			field{"en", d.textOf(&a.EN, maxAnnouncement)},
			field{"from", d.instant(&a.From)},
			field{"until", d.instant(&a.Until)},
			field{"to", func(n *node) {
				d.object(n, field{"accounts", d.names(&a.To.Accounts)}, field{"teams", d.names(&a.To.Teams)}, field{"everybody", d.flag(&a.To.Everybody)})
			}},
		) {
			return
		}
		n.refine(func(s *shape) { s.AnyOf = []*shape{{Required: []string{"zh"}}, {Required: []string{"en"}}} })
		if a.ZH == "" && a.EN == "" {
			d.problem(n, "an announcement needs a text: zh, en or both", "公告需要文字：zh、en 或两者")
		}
		d.ordered(n, a.From, a.Until)
		to := n.get("to")
		d.needs(n, "to", "this does not say to whom: accounts, teams or everybody", "没有写明发给谁(to)：accounts、teams 或 everybody")
		if to != nil && to.typ == mapNode && len(a.To.Accounts)+len(a.To.Teams) == 0 && !a.To.Everybody {
			d.in("to", to.line, func() {
				d.problem(to, "name accounts or teams, or say everybody: true", "请列出 accounts 或 teams，或写 everybody: true")
			})
		}
		*dst = a
	}
}

// ownedKinds reads kinds of messages that customers send; en and zh say what becomes of all others. Whether an inbox produces them is seen only in the whole
// set, and no fault: it may do so later.
func (d *decoder) ownedKinds(dst *[]string, en, zh string) func(*node) {
	read := d.set(dst, func(n *node, dst *string) bool {
		switch {
		case n.describe(*ownedKindShape()):
		case n.typ != textNode:
			d.wrongType(n, "a kind of message", "消息类型")
		case !validMessageKind(n.text):
			d.badKind(n)
		case !reception.OwnsConversations(n.text):
			d.problem(n, fmt.Sprintf("messages of kind %q %s", n.text, en), fmt.Sprintf("“%s”%s", n.text, zh))
		default:
			*dst = n.text
		}
		return *dst != ""
	})
	return func(n *node) {
		if read(n); len(*dst) == 0 {
			*dst = nil
		}
	}
}

// checkHeldKinds refuses kinds that no inbox lists.
func (s *Set) checkHeldKinds(own string, spec any, kinds map[string]bool, problems *problemList) {
	m, ok := spec.(MaintenanceSpec)
	if !ok {
		return
	}
	for i, kind := range m.Kinds {
		if kinds[kind] {
			continue
		}
		en, zh := fmt.Sprintf("no inbox lists the kind %q", kind), fmt.Sprintf("没有任何渠道产生“%s”类消息", kind)
		if near := closest(kind, s.MessageKinds()); near != "" {
			en, zh = fmt.Sprintf("%s; did you mean %q?", en, near), fmt.Sprintf("%s，是否想写“%s”？", zh, near)
		}
		problems.add(Problem{Document: own, Path: pointer("spec", "kinds", strconv.Itoa(i)), Message: en, MessageZH: zh})
	}
}

// Maintenance finds a maintenance document by name.
func (s *Set) Maintenance(name string) (MaintenanceSpec, bool) {
	return get[MaintenanceSpec](s, KindMaintenance, name)
}

// MaintenanceNames lists the maintenance documents in order of name.
func (s *Set) MaintenanceNames() []string { return s.names(KindMaintenance) }

// Audience lists the accounts that an announcement is for, in order of name.
func (s *Set) Audience(to Audience) []string {
	list := slices.Clone(to.Accounts)
	for _, team := range to.Teams {
		spec, _ := s.Team(team)
		list = append(list, spec.Members...)
		if spec.Lead != "" {
			list = append(list, spec.Lead)
		}
	}
	if to.Everybody {
		list = s.names(KindAccount)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// compileMaintenance puts each window into the inboxes that it covers, in the order in which they begin.
func (c *compiler) compileMaintenance(p *reception.Policy) {
	for _, name := range c.set.MaintenanceNames() {
		spec, _ := c.set.Maintenance(name)
		if !spec.Window() {
			continue
		}
		for inbox, in := range p.Inboxes {
			if all := len(spec.Inboxes) == 0; all || slices.Contains(spec.Inboxes, inbox) {
				in.Maintenance = append(in.Maintenance, reception.Maintenance{Name: name, From: spec.From, Until: spec.Until, Kinds: spec.Kinds, All: all})
			}
		}
	}
	for _, in := range p.Inboxes {
		slices.SortStableFunc(in.Maintenance, func(a, b reception.Maintenance) int { return a.From.Compare(b.From) })
	}
}
