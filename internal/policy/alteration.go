package policy

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bidahq/bida/internal/reception"
)

// Alteration is what a change of the policy does to the reception of one account: what stops, what starts, which windows and switches are others now.
type Alteration struct {
	Account string `json:"account"`
	// Gone says that the account no longer exists: only its leads can be told.
	Gone bool `json:"gone,omitempty"`
	// Stops are the cells that the account may no longer have, Starts those that it may have now. Windows and switches do not count here.
	Stops  []CellRef `json:"stops,omitempty"`
	Starts []CellRef `json:"starts,omitempty"`
	// Windows and Switches are those that differ and bear on a cell that the account may have before and after.
	Windows  []WindowChange `json:"windows,omitempty"`
	Switches []SwitchChange `json:"switches,omitempty"`
	// Maintenance are the windows of maintenance that are planned or called off, as far as they bear on such a cell and are not over.
	Maintenance []MaintenanceChange `json:"maintenance,omitempty"`
	// Leads lead a team that the account is in, before or after, and are to be told too. The account itself is not among them.
	Leads []string `json:"leads,omitempty"`

	words words
}

// CellRef is one cell (inbox, kind), with the reason code that stops it: now, for a cell that stops; before, for one that starts. Code is 0 when the
// inbox does not produce the kind.
type CellRef struct {
	Inbox string         `json:"inbox"`
	Kind  string         `json:"kind"`
	Code  reception.Code `json:"code,omitempty"`
	// From is when it stops or starts, zero: at once. Until is when that ends by itself, zero: not known to.
	From  time.Time `json:"from,omitzero"`
	Until time.Time `json:"until,omitzero"`
}

// What a WindowChange is about.
const (
	AccountWindows   = "account"   // the account's own windows
	AccountExtension = "extension" // for how long these and its teams' are extended
	TeamWindows      = "team"      // those of the teams through which it serves the inboxes
	InboxHours       = "inbox"     // business hours
)

// WindowChange is another set of windows. No schedule at all is always open.
type WindowChange struct {
	Of      string                `json:"of"`
	Inboxes []string              `json:"inboxes"`
	Before  []*reception.Schedule `json:"-"`
	After   []*reception.Schedule `json:"-"`
}

// SwitchChange is another state of a switch that bears on the account. Name is the switch document's.
type SwitchChange struct {
	Name   string           `json:"name"`
	Before reception.Switch `json:"-"`
	After  reception.Switch `json:"-"`
}

// Alterations says whose reception a change alters, and how, in order of account name. It compares before and after, for every agent and every cell
// of the inboxes it serves, by the engine's own rules: at now, and at every later instant at which an override, a freeze or an account ends. Somebody
// whose reception stays the same is not listed, whatever was edited: who could not have a cell and still cannot, is told nothing about it. changes
// are those that lead from before to after.
func Alterations(before, after *Set, changes []Change, now time.Time) []Alteration {
	if len(changes) == 0 {
		return nil
	}
	c := &comparison{
		now: now, changes: changes,
		before: newSide(before), after: newSide(after),
		keys: map[*reception.Schedule]string{},
	}
	var list []Alteration
	for _, name := range slices.Sorted(maps.Keys(c.affected())) {
		if a, ok := c.account(name); ok {
			list = append(list, a)
		}
	}
	return list
}

// affected are the accounts that the changes can bear on at all: of a small change in a large company few.
func (c *comparison) affected() map[string]bool {
	accounts := map[string]bool{}
	for _, change := range c.changes {
		kind, name := change.Kind, change.Name
		if kind == KindSwitch {
			kind, name, _ = switchTarget(change.Name)
		}
		for _, s := range []side{c.before, c.after} {
			switch kind {
			case KindFilter, KindAutoReply: // what a message says decides, and what customers are told, is nobody's reception in particular
			case KindAccount:
				accounts[name] = true
			case KindTeam:
				team, _ := s.set.Team(name)
				for _, m := range team.Members {
					accounts[m] = true
				}
			case KindInbox:
				if in := s.policy.Inboxes[name]; in != nil {
					for _, m := range in.Members {
						accounts[m.Account] = true
					}
				}
			case KindClient: // whom it stops depends on what they have open
			default: // roles, templates, schedules, maintenance, the whole platform
				for m := range s.serves {
					accounts[m] = true
				}
			}
		}
	}
	return accounts
}

// side is the policy on one side of a change.
type side struct {
	set    *Set
	policy *reception.Policy
	serves map[string][]string // inboxes by member, in order of name
}

func newSide(s *Set) side {
	p := s.Compile()
	serves := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(p.Inboxes)) {
		for _, m := range p.Inboxes[name].Members {
			serves[m.Account] = append(serves[m.Account], name)
		}
	}
	return side{s, p, serves}
}

type comparison struct {
	now           time.Time
	before, after side
	changes       []Change
	keys          map[*reception.Schedule]string // scheduleKey, worked out once
}

// account compares one account. ok is false when its reception stays the same.
func (c *comparison) account(name string) (a Alteration, ok bool) {
	a.Account = name
	instants := c.instants(name)
	var steady []string // inboxes with a cell that the account may have before and after
	for _, inbox := range union(c.before.serves[name], c.after.serves[name]) {
		if c.cells(&a, inbox, instants) {
			steady = append(steady, inbox)
		}
	}
	a.Windows = c.windows(name, steady)
	a.Switches = c.switches(name, steady)
	a.Maintenance = c.maintenance(steady)
	if len(a.Stops)+len(a.Starts)+len(a.Windows)+len(a.Switches)+len(a.Maintenance) == 0 {
		return a, false
	}
	a.Gone = c.after.policy.Accounts[name] == nil
	a.Leads = c.leads(name)
	a.words = words{c}
	return a, true
}

func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// instants are now and the later instants at which what the account may have can change by itself, on either side.
func (c *comparison) instants(name string) []time.Time {
	list := []time.Time{c.now}
	add := func(t time.Time) {
		if t.After(c.now) {
			list = append(list, t)
		}
	}
	for _, p := range []*reception.Policy{c.before.policy, c.after.policy} {
		a := p.Accounts[name]
		if a == nil {
			continue
		}
		add(a.StateUntil)
		add(a.Expires)
		for permission, r := range a.Rights {
			if permission == MessageReply || permission == Receive || strings.HasPrefix(permission, receivePrefix) {
				add(r.Allow.Until)
				add(r.Deny.Until)
			}
		}
	}
	slices.SortFunc(list, time.Time.Compare)
	return slices.CompactFunc(list, time.Time.Equal)
}

// cells compares the cells of one inbox. It says whether the account may have one of them on both sides at some instant.
func (c *comparison) cells(a *Alteration, inbox string, instants []time.Time) (steady bool) {
	for _, kind := range union(kindsOf(c.before.policy, inbox), kindsOf(c.after.policy, inbox)) {
		differs := -1
		var ref CellRef
		stops := false
		for i, at := range instants {
			codeBefore, had := c.before.cell(a.Account, inbox, kind, at)
			codeAfter, has := c.after.cell(a.Account, inbox, kind, at)
			steady = steady || had && has
			switch {
			case differs < 0 && had != has:
				differs, stops = i, had
				ref = CellRef{Inbox: inbox, Kind: kind, Code: codeBefore}
				if stops {
					ref.Code = codeAfter
				}
				if i > 0 {
					ref.From = at
				}
			case differs >= 0 && ref.Until.IsZero() && has == stops:
				ref.Until = at
			}
		}
		switch {
		case differs < 0:
		case stops:
			a.Stops = append(a.Stops, ref)
		default:
			a.Starts = append(a.Starts, ref)
		}
	}
	return steady
}

func kindsOf(p *reception.Policy, inbox string) []string {
	if in := p.Inboxes[inbox]; in != nil {
		return in.Kinds
	}
	return nil
}

// cell says whether the account may have the cell, by everything but windows and switches, and if not, why. The code is 0 when the inbox does not
// produce the kind.
func (s side) cell(account, inbox, kind string, at time.Time) (reception.Code, bool) {
	in := s.policy.Inboxes[inbox]
	if in == nil || !in.Produces(kind) {
		return 0, false
	}
	if c := reception.Entitled(s.policy, account, inbox, kind, false, at); c.Outcome.Stops() {
		return c.Code, false
	}
	if reception.OwnsConversations(kind) && !reception.Can(s.policy, account, MessageReply, at) {
		grant, _ := s.policy.Accounts[account].Rights[MessageReply].Decides(at)
		return replyCodes[grant], false
	}
	return 0, true
}

var replyCodes = map[reception.Grant]reception.Code{
	reception.NeverGranted:    reception.CodePermissionReplyNotGranted,
	reception.RemovedFromRole: reception.CodePermissionReplyRemovedFromRole,
	reception.AllowExpired:    reception.CodePermissionReplyExpired,
	reception.DeniedByAccount: reception.CodePermissionReplyAccountDenied,
}

// windows compares the account's windows, those of its teams for each inbox, and the inboxes' hours.
func (c *comparison) windows(name string, steady []string) []WindowChange {
	if len(steady) == 0 {
		return nil
	}
	var list []WindowChange
	add := func(of string, inboxes []string, before, after []*reception.Schedule) {
		if c.sameWindows(before, after) {
			return
		}
		for i := range list { // the same change in several inboxes is said once
			if w := &list[i]; w.Of == of && c.sameWindows(w.Before, before) && c.sameWindows(w.After, after) {
				w.Inboxes = append(w.Inboxes, inboxes...)
				return
			}
		}
		list = append(list, WindowChange{Of: of, Inboxes: slices.Clone(inboxes), Before: before, After: after})
	}
	before, after := c.before.policy.Accounts[name], c.after.policy.Accounts[name]
	add(AccountWindows, steady, before.Windows, after.Windows)
	add(AccountExtension, steady, c.ahead(before.Extension), c.ahead(after.Extension))
	for i, inbox := range steady {
		before, after := c.before.policy.Inboxes[inbox], c.after.policy.Inboxes[inbox]
		add(TeamWindows, steady[i:i+1], c.current(teamWindows(before.Member(name))), c.current(teamWindows(after.Member(name))))
	}
	for i, inbox := range steady {
		add(InboxHours, steady[i:i+1], hours(c.before.policy.Inboxes[inbox]), hours(c.after.policy.Inboxes[inbox]))
	}
	return list
}

// ahead is an extension that is not over yet, as a list.
func (c *comparison) ahead(s *reception.Schedule) []*reception.Schedule {
	if s == nil || !s.Extra[len(s.Extra)-1].Until.After(c.now) {
		return nil
	}
	return []*reception.Schedule{s}
}

// current leaves out the extensions that are over.
func (c *comparison) current(windows []*reception.Schedule) []*reception.Schedule {
	return slices.DeleteFunc(windows, func(s *reception.Schedule) bool { return s.Name == "" && c.ahead(s) == nil })
}

func hours(in *reception.Inbox) []*reception.Schedule {
	if in.Hours == nil {
		return nil
	}
	return []*reception.Schedule{in.Hours}
}

// teamWindows are the windows in which the membership itself is open; none when it always is: a direct membership, or a team without windows.
func teamWindows(m *reception.Member) []*reception.Schedule {
	if m.Direct {
		return nil
	}
	var list []*reception.Schedule
	for _, t := range m.Teams {
		if len(t.Windows) == 0 {
			return nil
		}
		list = append(list, t.Windows...)
	}
	return list
}

// sameWindows says whether two sets of windows have the same openings, whatever they are called and in whatever order they stand.
func (c *comparison) sameWindows(a, b []*reception.Schedule) bool {
	if len(a) == 0 || len(b) == 0 {
		return len(a) == len(b)
	}
	if len(a) == 1 && len(b) == 1 {
		return c.key(a[0]) == c.key(b[0])
	}
	return slices.Equal(c.keysOf(a), c.keysOf(b))
}

func (c *comparison) keysOf(windows []*reception.Schedule) []string {
	keys := make([]string, len(windows))
	for i, s := range windows {
		keys[i] = c.key(s)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

func (c *comparison) key(s *reception.Schedule) string {
	key, ok := c.keys[s]
	if !ok {
		key = c.scheduleKey(s)
		c.keys[s] = key
	}
	return key
}

// scheduleKey says all openings of a schedule but those by extensions that are over.
func (c *comparison) scheduleKey(s *reception.Schedule) string {
	var b strings.Builder
	fmt.Fprint(&b, s.Location, s.Weekly)
	for _, d := range sortedDates(s) {
		fmt.Fprint(&b, d, s.Dates[d])
	}
	if s.Calendar != nil {
		days := map[reception.Date]reception.DayType{} // whatever they are called; maps are printed in order of their keys
		for date, x := range s.Calendar.Days {
			days[date] = x.Type
		}
		fmt.Fprint(&b, s.MakeUp, days)
	}
	for _, x := range s.Extra {
		if x.Until.After(c.now) {
			fmt.Fprint(&b, x.From.UnixMicro(), x.Until.UnixMicro())
		}
	}
	return b.String()
}

func sortedDates(s *reception.Schedule) []reception.Date {
	return slices.SortedFunc(maps.Keys(s.Dates), func(a, b reception.Date) int {
		return cmp.Or(cmp.Compare(a.Year, b.Year), cmp.Compare(a.Month, b.Month), cmp.Compare(a.Day, b.Day))
	})
}

// switches compares the switches that bear on the account.
func (c *comparison) switches(name string, steady []string) []SwitchChange {
	if len(steady) == 0 {
		return nil
	}
	var list []SwitchChange
	add := func(doc string, before, after reception.Switch) {
		before, after = c.effective(before), c.effective(after)
		if before.State != after.State || !before.Until.Equal(after.Until) || before.PerMinute != after.PerMinute {
			list = append(list, SwitchChange{doc, before, after})
		}
	}
	add("platform", c.before.policy.Platform, c.after.policy.Platform)
	for _, inbox := range steady {
		add(KindInbox+"."+inbox, c.before.policy.Inboxes[inbox].Switch, c.after.policy.Inboxes[inbox].Switch)
	}
	add(KindAccount+"."+name, c.before.policy.Accounts[name].Switch, c.after.policy.Accounts[name].Switch)
	return list
}

// effective is a switch as it works now: a pause or a limit that is over is on.
func (c *comparison) effective(s reception.Switch) reception.Switch {
	ends := s.State == reception.Paused || s.State == reception.Limited
	if s.State == reception.On || ends && !s.Until.IsZero() && !c.now.Before(s.Until) {
		return reception.Switch{}
	}
	return s
}

// leads are the leads of the account's teams on either side, as far as they still have an account.
func (c *comparison) leads(name string) []string {
	list := union(c.before.set.LeadsOf(name), c.after.set.LeadsOf(name))
	return slices.DeleteFunc(list, func(lead string) bool { return !c.after.set.exists(KindAccount, lead) })
}
