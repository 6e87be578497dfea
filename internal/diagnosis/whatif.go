package diagnosis

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
)

// A what-if (模拟) is a diagnosis with settings that are only thought of. They are laid over the policy of the moment as if they were the revision after it:
// the same engine decides, the same search finds causes and fixes, and nothing is written. What the engine reads of facts stays as it is.

// Hypothetical is what a report took for granted.
type Hypothetical struct {
	// AsRoles are the roles that the agent was thought to have.
	AsRoles []string `json:"as_roles,omitempty"`
	// Changes are the documents that differ from the revision of the report. A fix comes on top of them.
	Changes []Edit `json:"changes"`
}

// supposed is what is thought of, at the moment.
type supposed struct {
	base    int64 // the revision that it is laid over
	changes []policy.Change
}

// whatIf is the source of what is only thought of.
const whatIf = "what_if"

var (
	errSuppose = problem.New(problem.Forbidden, "diagnosis.what_if_forbidden",
		"To try settings out you need the permission policy.view.", "模拟设置需要权限 policy.view。")
	errSupposeMessage = problem.New(problem.Invalid, "diagnosis.what_if_message",
		"What would have become of one message is not tried out here; leave the message out, or ask for the impact of the change.",
		"模拟不针对单条消息：请去掉消息条件，或查看改动的影响。").On("/message")
)

func unknownRole(i int, role string) error {
	return problem.New(problem.NotFound, "diagnosis.unknown_role",
		fmt.Sprintf("There is no role %q.", role), fmt.Sprintf("没有角色“%s”。", role)).On(fmt.Sprintf("/as_roles/%d", i))
}

// supposes says whether the question takes anything for granted.
func (q *Query) supposes() bool { return q.AsRoles != nil || q.Suppose != nil }

// suppose lays what is thought of over the policy of the moment.
func (r *run) suppose() error {
	if !r.q.supposes() {
		return nil
	}
	edits := slices.Clone(r.q.Suppose)
	if r.q.AsRoles != nil {
		var err error
		if edits, err = r.withRoles(edits); err != nil {
			return err
		}
	}
	after, changes, err := r.m.set.Apply(r.m.revision+1, edits)
	if err != nil {
		return impossible(err)
	}
	r.supposed = &supposed{base: r.m.revision, changes: changes}
	r.m.revision++
	r.m.set, r.m.policy = after, after.Compile()
	return nil
}

// withRoles has the agent's account, as it is or as it is thought of, hold other roles.
func (r *run) withRoles(edits []policy.Edit) ([]policy.Edit, error) {
	own := slices.IndexFunc(edits, func(e policy.Edit) bool { return e.Kind == policy.KindAccount && e.Name == r.q.Agent })
	spec := object{}
	switch d, ok := r.m.set.Get(policy.KindAccount, r.q.Agent); {
	case own >= 0 && edits[own].Spec != nil:
		if json.Unmarshal(edits[own].Spec, &spec) != nil {
			return edits, nil // the policy says what is wrong with it
		}
	case !ok:
		return nil, errAgent
	default:
		if err := json.Unmarshal(d.Spec, &spec); err != nil {
			return nil, err
		}
	}
	for i, role := range r.q.AsRoles {
		_, there := r.m.set.Role(role)
		if !there && !slices.ContainsFunc(edits, func(e policy.Edit) bool { return e.Kind == policy.KindRole && e.Name == role && e.Spec != nil }) {
			return nil, unknownRole(i, role)
		}
	}
	spec["roles"] = marshal(r.q.AsRoles)
	edit := policy.Edit{Kind: policy.KindAccount, Name: r.q.Agent, Spec: marshal(spec)}
	if own >= 0 {
		edits[own] = edit
		return edits, nil
	}
	return append(edits, edit), nil
}

// impossible refuses settings that cannot be, naming every fault with its document and path.
func impossible(err error) error {
	var list policy.Problems
	if !errors.As(err, &list) || len(list) == 0 {
		return err
	}
	e := problem.New(problem.Invalid, "policy.invalid",
		fmt.Sprintf("The settings to try out have %d problem(s).", len(list)), fmt.Sprintf("要模拟的设置有 %d 处问题。", len(list)))
	e.Field = list[0].Path
	for _, p := range list {
		e.Fields = append(e.Fields, problem.Field{Field: p.Path, Document: p.Document, Line: p.Line, Message: p.Message, Zh: p.MessageZH})
	}
	return e
}

// realRevision is the revision of the moment, without what is thought of.
func (r *run) realRevision() int64 {
	if r.supposed != nil {
		return r.supposed.base
	}
	return r.m.revision
}

// thought is the change of a document that is only thought of; nil if there is none.
func (r *run) thought(k docKey) *policy.Change {
	if r.supposed == nil {
		return nil
	}
	for i, c := range r.supposed.changes {
		if c.Kind == k.kind && c.Name == k.name {
			return &r.supposed.changes[i]
		}
	}
	return nil
}

// overlay ends the version of a document that lasts, where it is thought to be otherwise, and adds the one that is thought of.
func (h *history) overlay(k docKey, list []version) ([]version, error) {
	c := h.r.thought(k)
	if c == nil {
		return list, nil
	}
	if n := len(list); n > 0 && list[n-1].to == 0 {
		list[n-1].to = h.r.m.revision
	}
	if c.After == nil {
		return list, nil
	}
	v := version{interval: interval{h.r.m.revision, 0}, spec: object{}}
	if err := json.Unmarshal(c.After, &v.spec); err != nil {
		return nil, err
	}
	v.refs = referred(k.kind, v.spec)
	return append(list, v), nil
}

// thoughtOf is the row of the revision that is only thought of.
func (r *run) thoughtOf() ledger.RevisionRow {
	return ledger.RevisionRow{Revision: r.m.revision, At: r.m.now, Source: whatIf}
}

// tellSupposed marks the report as hypothetical.
func (r *run) tellSupposed(out *Report) {
	if r.supposed == nil {
		return
	}
	h := &Hypothetical{AsRoles: r.q.AsRoles, Changes: []Edit{}}
	for _, c := range r.supposed.changes {
		h.Changes = append(h.Changes, Edit{Kind: c.Kind, Name: c.Name, Spec: c.After, Fields: c.Fields})
	}
	out.Hypothetical, out.Revision = h, r.supposed.base
	out.Headline = Text{ZH: "模拟：" + out.Headline.ZH, EN: "If it were so: " + out.Headline.EN}
}

// passesIf is the verdict over cells that all pass: of what is only thought of it is not known what would have come in.
func (r *run) passesIf() Verdict {
	if r.supposed == nil && r.day.offered == 0 {
		return NoTraffic
	}
	return Receiving
}
