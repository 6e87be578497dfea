package diagnosis

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

// What maintenance windows, limited switches and requirements for clients need of a diagnosis.

// upkeep lists the maintenance windows of the moment, and the requirements for the clients that the agent has open.
func (h *history) upkeep() []docKey {
	var list []docKey
	for _, name := range h.r.m.set.MaintenanceNames() {
		list = append(list, docKey{policy.KindMaintenance, name})
	}
	list = append(list, docKey{policy.KindClient, reception.AnyClient})
	for _, c := range h.r.m.world.Agent(h.r.q.Agent).Clients {
		if k := (docKey{policy.KindClient, c.Name}); !slices.Contains(list, k) {
			list = append(list, k)
		}
	}
	return list
}

// upkeep cuts out of a maintenance document what is not in the family; ok is false where nothing is left that could hold anything here.
func (c *cutter) upkeep(kind string, spec object) (out object, ok bool) {
	if kind != policy.KindMaintenance {
		return spec, true
	}
	out = object{}
	for name, value := range spec {
		if name != "announcement" {
			out[name] = value
		}
	}
	if len(out["until"]) == 0 {
		return nil, false
	}
	for field, known := range map[string][]string{"inboxes": c.inboxes, "kinds": c.kinds} {
		all := names(out[field])
		if len(all) == 0 {
			continue
		}
		here := slices.DeleteFunc(all, func(name string) bool { return !slices.Contains(known, name) })
		if len(here) == 0 {
			return nil, false
		}
		out[field] = marshal(here)
	}
	return out, true
}

// usedUpSince is when the last conversation that a limited switch lets through this minute went; zero where that is not why it stops.
func (r *run) usedUpSince(code reception.Code, c *cell) time.Time {
	switch code {
	case reception.CodeSwitchPlatformLimited:
		return r.m.world.Rate(reception.PlatformSwitch).Origin.At
	case reception.CodeSwitchInboxLimited:
		return r.m.world.Rate(reception.InboxSwitch(c.inbox)).Origin.At
	case reception.CodeSwitchAccountLimited:
		return r.m.world.Rate(reception.AccountSwitch(r.q.Agent)).Origin.At
	}
	return time.Time{}
}

// proveRate shows what a limited switch has let through in the minute that runs.
func (r *run) proveRate(f *finding, name string, perMinute int) {
	rate := r.m.world.Rate(name)
	if perMinute == 0 || rate.Used == 0 {
		return
	}
	f.add(r.fromFact("rate/"+name, fmt.Sprintf("%d of %d, until %s", rate.Used, perMinute, r.clock(rate.Until)), &rate.Origin))
}

// proveSnooze shows until when a conversation was set aside when it was decided, and by whom.
func (r *run) proveSnooze(found *finding, f *fate) error {
	if found.code != reception.CodeConversationSnoozed {
		return nil
	}
	facts, err := r.s.Facts.FactsAt(r.ctx, f.decision.Position, []string{"conversation/" + strconv.FormatInt(f.row.Conversation, 10)})
	if err != nil {
		return err
	}
	for _, x := range facts {
		if x.Name != ledger.FactSnoozed {
			continue
		}
		until, err := ledger.ReadSnoozed(x)
		if err != nil {
			return err
		}
		o := reception.Origin{Position: x.FromPosition, At: x.FromAt, By: x.By, Source: x.Source, Cause: x.Cause}
		found.cause.since, found.cause.origin = o.At, &o
		found.add(r.fromFact("conversation/"+conversation.ID(f.row.Conversation)+"/snoozed", "until "+r.clock(until), &o))
	}
	return nil
}

// proveMaintenance shows the windows that hold the finding's cells.
func (r *run) proveMaintenance(f *finding) {
	var shown []string
	for _, i := range f.cells {
		in := r.m.policy.Inboxes[r.cells[i].inbox]
		if in == nil {
			continue
		}
		for j := range in.Maintenance {
			m := &in.Maintenance[j]
			if m.Holds(r.cells[i].kind, r.m.now) && !slices.Contains(shown, m.Name) {
				shown = append(shown, m.Name)
				r.proveWindowOfMaintenance(f, m.Name)
			}
		}
	}
}

func (r *run) proveWindowOfMaintenance(f *finding, name string) {
	spec, ok := r.m.set.Maintenance(name)
	if !ok {
		return
	}
	covers := cmp.Or(strings.Join(spec.Inboxes, ", "), "all inboxes")
	if len(spec.Kinds) > 0 {
		covers += "; kinds " + strings.Join(spec.Kinds, ", ")
	}
	value := fmt.Sprintf("%s until %s: %s", r.clock(spec.From), r.clock(spec.Until), covers)
	if spec.Title != "" {
		value = spec.Title + ", " + value
	}
	f.add(r.fromDocument(policy.KindMaintenance, name, "/spec/until", value))
	if spec.Reason != "" {
		f.add(r.fromDocument(policy.KindMaintenance, name, "/spec/reason", spec.Reason))
	}
}

// proveClients shows the clients that are open, and what is required of each.
func (r *run) proveClients(f *finding) {
	facts := r.m.world.Agent(r.q.Agent)
	var shown []string
	for _, c := range facts.Clients {
		f.add(r.fromFact("client/"+cmp.Or(c.Name, "unnamed"), "version "+cmp.Or(c.Text, "not given"), &facts.Connection.Origin))
		name, spec, ok := r.m.set.ClientFor(c.Name)
		if !ok || slices.Contains(shown, name) {
			continue
		}
		shown = append(shown, name)
		field := "/spec/minimum"
		if f.code == reception.CodeClientVersionBlocked {
			field = "/spec/blocked"
		}
		f.add(r.fromDocument(policy.KindClient, name, field, "required: "+spec.Required()))
		if spec.Reason != "" {
			f.add(r.fromDocument(policy.KindClient, name, "/spec/reason", spec.Reason))
		}
	}
}
