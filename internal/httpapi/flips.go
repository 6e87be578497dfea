package httpapi

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/bidahq/bida/internal/diagnosis"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

// FlipStepBody is one step of a flip.
type FlipStepBody struct {
	Action     string `json:"action" enum:"activate,unexpire,make_agent,undeny,allow,give_role,add_to_role,add_to_template,deny,unallow,drop_role,take_from_role,take_from_template"`
	Name       string `json:"name,omitempty" doc:"of the role or template"`
	Permission string `json:"permission,omitempty"`
	Text       string `json:"text" doc:"in words"`
}

// FlipBody is a smallest change of documents that turns the answer.
type FlipBody struct {
	Steps  []FlipStepBody `json:"steps" doc:"without any of them nothing turns"`
	Others int            `json:"others" doc:"how many other permissions, of this account and of others, the change makes effective or not"`
	Needs  string         `json:"needs" doc:"the permission that whoever makes the change must hold"`
	May    bool           `json:"may" doc:"the caller holds it"`
	// Edits are the documents as PUT /policy takes them.
	Edits []diagnosis.Edit `json:"edits" doc:"with their whole new specs; what stands in them is told to those who may read documents"`
}

// OnePermissionBody is where an account stands with one permission, and what would change it.
type OnePermissionBody struct {
	Account    string         `json:"account"`
	Revision   int64          `json:"revision" doc:"of the policy"`
	Permission PermissionBody `json:"permission"`
	FlipsAt    *Time          `json:"flips_at,omitempty" doc:"when effective becomes another with no change at all"`
	Flips      []FlipBody     `json:"flips" doc:"the smallest changes after which effective is another, least first, each verified by deciding again; at most six"`
	Editors    []NamedBody    `json:"editors" doc:"some of those who may change the policy; names for who may read accounts, else titles only"`
}

type onePermissionOutput struct{ Body OnePermissionBody }

var errNoPermission = problem.New(problem.NotFound, "permission.unknown", "There is no such permission.", "没有这项权限。").On("/permission")

// mostEditors bounds how many of those who may change the policy are named.
const mostEditors = 5

func (s *Server) readPermission(ctx context.Context, by caller, in *struct {
	AccountName
	Permission string `path:"permission" doc:"for example receive.group"`
}) (*onePermissionOutput, error) {
	if _, err := s.account(in.Name); err != nil {
		return nil, err
	}
	view, now := s.o.Ledger.View(), s.o.Now()
	set := view.Policy
	p := s.permissionsOf(ctx, by, set, in.Name)
	blocks, err := p.blocks(now)
	if err != nil {
		return nil, err
	}
	body := OnePermissionBody{Account: in.Name, Revision: set.Revision(), Flips: []FlipBody{}, Editors: p.editors(policy.PolicyEdit)}
	found := false
	for _, block := range blocks {
		for _, x := range block.Permissions {
			if x.Name == in.Permission {
				body.Permission, found = x, true
			}
		}
	}
	if !found {
		return nil, errNoPermission
	}
	body.FlipsAt = s.maybe(policy.FlipsAt(set, in.Name, in.Permission, now))
	for _, f := range policy.Flips(set, in.Name, in.Permission, now) {
		if p.mayKnow(f) {
			body.Flips = append(body.Flips, p.flip(f))
		}
	}
	return &onePermissionOutput{Body: body}, nil
}

func (p *permissionsOf) flip(f policy.Flip) FlipBody {
	b := FlipBody{Others: f.Others, Needs: f.Needs, May: p.s.can(p.by, f.Needs), Steps: []FlipStepBody{}, Edits: []diagnosis.Edit{}}
	for _, x := range f.Steps {
		b.Steps = append(b.Steps, FlipStepBody{Action: x.Action, Name: x.Name, Permission: x.Permission, Text: p.stepText(x)})
	}
	for _, c := range f.Changes {
		b.Edits = append(b.Edits, p.shown(diagnosis.Edit{Kind: c.Kind, Name: c.Name, Spec: c.After, Fields: c.Fields}))
	}
	return b
}

// editors names some of those who hold a permission now; titles only, to who may not read accounts.
func (p *permissionsOf) editors(permission string) []NamedBody {
	list := []NamedBody{}
	compiled, now := p.set.Compile(), p.s.o.Now()
	for _, d := range p.set.All() {
		if d.Kind != policy.KindAccount || !reception.Can(compiled, d.Name, permission, now) {
			continue
		}
		if b, ok := p.named(d.Name); ok {
			list = append(list, b)
		}
		if len(list) == mostEditors {
			break
		}
	}
	return list
}

var stepWords = map[string]reception.Text{
	policy.FlipActivate:         {EN: "set the account's state to active", ZH: "把账号状态改回“正常”"},
	policy.FlipUnexpire:         {EN: "remove the account's expiry", ZH: "去掉账号的有效期"},
	policy.FlipMakeAgent:        {EN: "make the account an agent", ZH: "把账号设为客服"},
	policy.FlipUndeny:           {EN: "take back this account's own denial of “{permission}”", ZH: "取消对本账号“{permission}”的单独禁止"},
	policy.FlipAllow:            {EN: "allow “{permission}” for this account", ZH: "为本账号单独允许“{permission}”"},
	policy.FlipGiveRole:         {EN: "give this account the role “{name}”", ZH: "给本账号增加角色“{name}”"},
	policy.FlipAddToRole:        {EN: "put “{permission}” into the role “{name}”", ZH: "在角色“{name}”里加上“{permission}”"},
	policy.FlipAddToTemplate:    {EN: "put “{permission}” into the template “{name}”", ZH: "在角色模板“{name}”里加上“{permission}”"},
	policy.FlipDeny:             {EN: "deny “{permission}” to this account", ZH: "对本账号单独禁止“{permission}”"},
	policy.FlipUnallow:          {EN: "take back this account's own allowance of “{permission}”", ZH: "取消对本账号“{permission}”的单独允许"},
	policy.FlipDropRole:         {EN: "take the role “{name}” from this account", ZH: "去掉本账号的角色“{name}”"},
	policy.FlipTakeFromRole:     {EN: "take “{permission}” out of the role “{name}”", ZH: "从角色“{name}”里去掉“{permission}”"},
	policy.FlipTakeFromTemplate: {EN: "take “{permission}” out of the template “{name}”", ZH: "从角色模板“{name}”里去掉“{permission}”"},
}

// stepText says a step in the words that people know things by.
func (p *permissionsOf) stepText(x policy.FlipStep) string {
	title := cmp.Or(p.roleTitle(x.Name), x.Name)
	if x.Action == policy.FlipAddToTemplate || x.Action == policy.FlipTakeFromTemplate {
		title = cmp.Or(p.templateTitle(x.Name), x.Name)
	}
	permission := x.Permission
	all := policy.AllPermissions(p.set)
	if i := slices.IndexFunc(all, func(info policy.PermissionInfo) bool { return info.Name == x.Permission }); i >= 0 {
		permission = p.pick(all[i].TitleEN, all[i].TitleZH)
	}
	return strings.NewReplacer("{permission}", permission, "{name}", title).Replace(stepWords[x.Action].In(p.by.lang))
}
