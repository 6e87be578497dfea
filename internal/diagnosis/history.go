package diagnosis

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

// docKey names a document.
type docKey struct{ kind, name string }

// object is a spec by its fields.
type object map[string]json.RawMessage

// version is one version of a document, as of the moment: one that ended later still lasts (to 0).
type version struct {
	interval
	spec object
	refs []docKey // documents it refers to that bear on the agent's gates
}

// history answers what the gates would say with the settings of an earlier revision. Whole policies of the past are dear to read, so it makes small ones:
// the agent, what its account refers to, and one inbox with what that refers to; everybody else is cut out of them. They are compiled by the same code
// as the policy in force.
type history struct {
	r         *run
	docs      map[docKey][]version
	families  map[string]*family // by inboxes
	revisions map[int64]ledger.RevisionRow
}

// family is the documents that bear on the agent's gates in some inboxes, in all their versions.
type family struct {
	inboxes  []string
	keys     []docKey
	policies map[int64]*reception.Policy
}

func newHistory(r *run) *history {
	h := &history{r: r, docs: map[docKey][]version{}, families: map[string]*family{}, revisions: map[int64]ledger.RevisionRow{}}
	if r.supposed != nil {
		h.revisions[r.m.revision] = r.thoughtOf()
	}
	return h
}

// versions reads all versions of a document up to the moment, oldest first.
func (h *history) versions(k docKey) ([]version, error) {
	if v, ok := h.docs[k]; ok {
		return v, nil
	}
	rows, err := h.r.s.Policies.DocumentVersions(h.r.ctx, k.kind, k.name)
	if err != nil {
		return nil, err
	}
	list := []version{}
	for _, row := range rows {
		if row.From > h.r.realRevision() {
			continue
		}
		v := version{interval: interval{row.From, row.To}, spec: object{}}
		if v.to > h.r.realRevision() {
			v.to = 0
		}
		if err := json.Unmarshal(row.Spec, &v.spec); err != nil {
			return nil, fmt.Errorf("%s/%s of revision %d cannot be read: %w", k.kind, k.name, row.From, err)
		}
		v.refs = referred(k.kind, v.spec)
		list = append(list, v)
	}
	list, err = h.overlay(k, list)
	h.docs[k] = list
	return list, err
}

// referred lists the documents that a spec refers to and that bear on gates.
func referred(kind string, spec object) []docKey {
	var refs []docKey
	list := func(kind string, raw json.RawMessage) {
		for _, name := range names(raw) {
			refs = append(refs, docKey{kind, name})
		}
	}
	one := func(kind string, raw json.RawMessage) {
		if name := text(raw); name != "" {
			refs = append(refs, docKey{kind, name})
		}
	}
	switch kind {
	case policy.KindAccount:
		list(policy.KindRole, spec["roles"])
		list(policy.KindSchedule, spec["windows"])
	case policy.KindSchedule:
		one(policy.KindCalendar, spec["calendar"])
	case policy.KindRole:
		one(policy.KindTemplate, spec["template"])
	case policy.KindTeam:
		list(policy.KindSchedule, spec["windows"])
	case policy.KindInbox:
		list(policy.KindTeam, field(spec["members"], "teams"))
		one(policy.KindSchedule, spec["hours"])
	}
	return refs
}

// names, text and field read what package policy wrote; what is not there is empty.
func names(raw json.RawMessage) []string {
	list := []string{}
	_ = json.Unmarshal(raw, &list)
	return list
}

func text(raw json.RawMessage) string {
	var s string
	_ = json.Unmarshal(raw, &s)
	return s
}

func field(raw json.RawMessage, name string) json.RawMessage {
	var o object
	_ = json.Unmarshal(raw, &o)
	return o[name]
}

// family loads what bears on the agent's gates in inboxes ("" stands for none): the closure over all versions of what the documents refer to.
func (h *history) family(inboxes ...string) (*family, error) {
	name := strings.Join(inboxes, " ")
	if f := h.families[name]; f != nil {
		return f, nil
	}
	agent := h.r.q.Agent
	open := []docKey{{policy.KindAccount, agent}, {policy.KindSwitch, "platform"}, {policy.KindSwitch, policy.KindAccount + "." + agent}}
	for _, inbox := range inboxes {
		if inbox != "" {
			open = append(open, docKey{policy.KindInbox, inbox}, docKey{policy.KindSwitch, policy.KindInbox + "." + inbox})
		}
	}
	open = append(open, h.upkeep()...)
	f := &family{inboxes: inboxes, policies: map[int64]*reception.Policy{}}
	for len(open) > 0 {
		k := open[0]
		open = open[1:]
		if slices.Contains(f.keys, k) {
			continue
		}
		f.keys = append(f.keys, k)
		versions, err := h.versions(k)
		if err != nil {
			return nil, err
		}
		for _, v := range versions {
			open = append(open, v.refs...)
		}
	}
	h.families[name] = f
	return f, nil
}

// at returns the version of a document that was valid in a revision; nil if there was none.
func (h *history) at(k docKey, revision int64) *version {
	for i := range h.docs[k] {
		if v := &h.docs[k][i]; v.from <= revision && (v.to == 0 || v.to > revision) {
			return v
		}
	}
	return nil
}

// errUnreadable says that settings of the past do not make a policy for this program any more: the search for a cause ends there.
var errUnreadable = errors.New("settings of the past cannot be compiled")

// policy compiles the family's documents as of a revision.
func (h *history) policy(f *family, revision int64) (*reception.Policy, error) {
	if p := f.policies[revision]; p != nil {
		return p, nil
	}
	set, err := h.small(f, revision)
	if err != nil {
		return nil, err
	}
	f.policies[revision] = set.Compile()
	return f.policies[revision], nil
}

// small makes the set of the family's documents as of a revision, with everybody else cut out.
func (h *history) small(f *family, revision int64) (*policy.Set, error) {
	cut := cutter{agent: h.r.q.Agent, kinds: policy.Empty().MessageKinds()}
	for _, inbox := range f.inboxes {
		if in := h.at(docKey{policy.KindInbox, inbox}, revision); in != nil {
			cut.kinds = append(slices.Clip(cut.kinds), kindsIn(in.spec)...)
			cut.inboxes = append(cut.inboxes, inbox)
		}
	}
	var docs []policy.Document
	for _, k := range f.keys {
		v := h.at(k, revision)
		if v == nil {
			continue
		}
		spec, ok := cut.upkeep(k.kind, v.spec)
		if !ok {
			continue
		}
		raw, err := json.Marshal(cut.spec(k.kind, spec))
		if err != nil {
			return nil, err
		}
		docs = append(docs, policy.Document{Kind: k.kind, Name: k.name, Spec: raw, Revision: v.from})
	}
	set, err := policy.NewSet(docs)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUnreadable, err)
	}
	return set.WithRevision(revision), nil
}

// cutter cuts out of a spec what refers to anything that is not in the family.
type cutter struct {
	agent   string
	inboxes []string // those of the family that exist
	kinds   []string
}

func (c *cutter) spec(kind string, spec object) object {
	out := object{}
	for name, value := range spec {
		out[name] = value
	}
	switch kind {
	case policy.KindAccount:
		c.grants(out, "allow")
		c.grants(out, "deny")
		c.limits(out)
	case policy.KindRole, policy.KindTemplate:
		if list, ok := out["permissions"]; ok {
			out["permissions"] = marshal(slices.DeleteFunc(names(list), func(p string) bool { return !c.matters(p) }))
		}
	case policy.KindTeam:
		delete(out, "lead")
		out["members"] = c.only(out["members"])
	case policy.KindInbox:
		out["members"] = marshal(object{"accounts": c.only(field(out["members"], "accounts")), "teams": marshal(names(field(out["members"], "teams")))})
	}
	return out
}

// matters says whether a permission is one that gates read, of a kind that exists in the family.
func (c *cutter) matters(permission string) bool {
	if kind, ok := strings.CutPrefix(permission, policy.Receive+"."); ok {
		return slices.Contains(c.kinds, kind)
	}
	return permission == policy.Receive || permission == policy.MessageReply
}

func (c *cutter) grants(spec object, field string) {
	var list []policy.Grant
	if json.Unmarshal(spec[field], &list) != nil {
		return
	}
	spec[field] = marshal(slices.DeleteFunc(list, func(g policy.Grant) bool { return !c.matters(g.Permission) }))
}

func (c *cutter) limits(spec object) {
	var limits policy.Capacity
	if json.Unmarshal(spec["capacity"], &limits) != nil {
		return
	}
	maps.DeleteFunc(limits.Inboxes, func(inbox string, _ int) bool { return !slices.Contains(c.inboxes, inbox) })
	spec["capacity"] = marshal(limits)
}

func (c *cutter) only(raw json.RawMessage) json.RawMessage {
	if slices.Contains(names(raw), c.agent) {
		return marshal([]string{c.agent})
	}
	return marshal([]string{})
}

// marshal writes plain strings, numbers and what was JSON before: that always encodes.
func marshal(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		panic("diagnosis: a plain value does not encode: " + err.Error())
	}
	return raw
}

// revision reads who made a revision, and when.
func (h *history) revision(revision int64) (ledger.RevisionRow, error) {
	if row, ok := h.revisions[revision]; ok {
		return row, nil
	}
	row, err := h.r.s.Policies.Revision(h.r.ctx, revision)
	if err != nil {
		return ledger.RevisionRow{}, err
	}
	h.revisions[revision] = row
	return row, nil
}

// steps lists the revisions, newest first, in which a document that bears on a gate changed in what the gate reads.
func (h *history) steps(f *family, g reception.Gate) []int64 {
	var list []int64
	for _, k := range f.keys {
		if !bears(g, k, h.r.q.Agent) {
			continue
		}
		before, ended := "", int64(0)
		for _, v := range h.docs[k] {
			now := h.readBy(g, k.kind, v.spec)
			if v.from != ended || now != before {
				list = append(list, v.from)
				if ended != 0 && v.from != ended {
					list = append(list, ended)
				}
			}
			before, ended = now, v.to
		}
		if ended != 0 {
			list = append(list, ended)
		}
	}
	slices.Sort(list)
	list = slices.Compact(list)
	slices.Reverse(list)
	return list
}

// readBy is what a gate reads of a document, as text. Most changes of most documents are about something else; with them left out, the search for a cause
// takes few steps even where an account is edited every day.
func (h *history) readBy(g reception.Gate, kind string, spec object) string {
	all := func(fields ...string) string {
		var b strings.Builder
		for _, f := range fields {
			b.Write(spec[f])
			b.WriteByte('\n')
		}
		return b.String()
	}
	has := func(raw json.RawMessage) string { return fmt.Sprint(slices.Contains(names(raw), h.r.q.Agent)) }
	switch kind {
	case policy.KindAccount:
		switch g {
		case reception.AccountState:
			return all("state", "state_until", "expires")
		case reception.WindowAgent:
			return all("windows", "extensions")
		case reception.Capacity:
			return all("capacity")
		}
		return all("agent", "roles", "allow", "deny")
	case policy.KindTeam:
		return has(spec["members"]) + all("windows", "extensions")
	case policy.KindInbox:
		switch g {
		case reception.WindowInbox:
			return all("hours", "extensions")
		case reception.Capacity:
			return has(field(spec["members"], "accounts")) + string(field(spec["members"], "teams")) + all("capacity")
		}
		return has(field(spec["members"], "accounts")) + string(field(spec["members"], "teams"))
	case policy.KindRole:
		return all("template", "permissions")
	case policy.KindMaintenance:
		return all("from", "until", "inboxes", "kinds")
	case policy.KindClient:
		return all("minimum", "blocked")
	}
	return string(marshal(spec))
}

// bears says whether a document can alter a gate's outcome.
func bears(g reception.Gate, k docKey, agent string) bool {
	switch g {
	case reception.AccountState:
		return k.kind == policy.KindAccount
	case reception.RoleReceive, reception.PermissionKind, reception.PermissionReply:
		return k.kind == policy.KindAccount || k.kind == policy.KindRole || k.kind == policy.KindTemplate
	case reception.MembershipInbox:
		return k.kind == policy.KindInbox || k.kind == policy.KindTeam
	case reception.WindowAgent:
		return k.kind != policy.KindSwitch && k.kind != policy.KindRole && k.kind != policy.KindTemplate && k.kind != policy.KindMaintenance && k.kind != policy.KindClient
	case reception.WindowInbox:
		return k.kind == policy.KindInbox || k.kind == policy.KindSchedule || k.kind == policy.KindCalendar
	case reception.MaintenanceGate:
		return k.kind == policy.KindMaintenance
	case reception.ClientVersion:
		return k.kind == policy.KindClient
	case reception.SwitchPlatform:
		return k == docKey{policy.KindSwitch, "platform"}
	case reception.SwitchInbox:
		return k.kind == policy.KindSwitch && strings.HasPrefix(k.name, policy.KindInbox+".")
	case reception.SwitchAccount:
		return k == docKey{policy.KindSwitch, policy.KindAccount + "." + agent}
	case reception.Capacity:
		return k.kind == policy.KindAccount || k.kind == policy.KindInbox
	}
	return false
}
