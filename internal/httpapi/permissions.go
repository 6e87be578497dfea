package httpapi

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/governance"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

// SourceBody is what decides whether an account holds a permission.
type SourceBody struct {
	Kind          string `json:"kind" enum:"role,allow,deny,expired,template,parent,not_agent,none" doc:"role: a role grants it. allow, deny: the account's own. expired: its own allow, which ended. template: a role lacks it although its template has it. parent: receiving as a whole is off. not_agent: only agents receive. none: nothing grants it"`
	Name          string `json:"name,omitempty" doc:"the role, or the parent permission"`
	Title         string `json:"title,omitempty"`
	Template      string `json:"template,omitempty" doc:"that the role follows, or differs from"`
	TemplateTitle string `json:"template_title,omitempty"`
	Until         *Time  `json:"until,omitempty" doc:"when it ends, or ended"`
	// What follows is left out of what is only thought of, and where it is not known.
	Revision int64  `json:"revision,omitempty" doc:"of the policy, since which it has been so; of a parent that is off, since which that has"`
	Document string `json:"document,omitempty" doc:"that was changed in it, as kind/name"`
	Reason   string `json:"reason,omitempty" doc:"that was given for the change"`
	Since    *Time  `json:"since,omitempty"`
	By       string `json:"by,omitempty" doc:"who made the change; left out where the caller may know the title only"`
	ByTitle  string `json:"by_title,omitempty"`
}

// PermissionBody is where an account stands with one permission.
type PermissionBody struct {
	Name      string      `json:"name"`
	Title     string      `json:"title"`
	Meaning   string      `json:"meaning"`
	Granted   bool        `json:"granted" doc:"by its own grants: roles, allow and deny"`
	Effective bool        `json:"effective" doc:"granted, its parent too, and the account's state allows it"`
	Source    SourceBody  `json:"source"`
	FromRoles []NamedBody `json:"from_roles" doc:"that grant it, whether or not they decide"`
	Override  string      `json:"override" enum:"none,allow,deny" doc:"the account's own, if it counts now"`
	ParentOff bool        `json:"parent_off" doc:"receiving as a whole is off, whatever else decides"`
	Editable  bool        `json:"editable" doc:"the caller may change it"`
}

// BlockBody is a block of permissions.
type BlockBody struct {
	Block       string           `json:"block" enum:"basic,role,receiving"`
	Permissions []PermissionBody `json:"permissions"`
}

// RoleBody is a role that accounts may hold.
type RoleBody struct {
	Name          string   `json:"name"`
	Title         string   `json:"title,omitempty"`
	Held          bool     `json:"held" doc:"by this account"`
	Builtin       bool     `json:"builtin" doc:"it belongs to the program"`
	Template      string   `json:"template,omitempty"`
	TemplateTitle string   `json:"template_title,omitempty"`
	Permissions   []string `json:"permissions" doc:"that it grants"`
	Missing       []string `json:"missing" doc:"that its template has beyond it"`
	Extra         []string `json:"extra" doc:"that it has beyond its template"`
}

// ReachBody says whether messages of a kind from an inbox reach the account.
type ReachBody struct {
	Inbox      string `json:"inbox"`
	InboxTitle string `json:"inbox_title,omitempty"`
	Kind       string `json:"kind"`
	KindTitle  string `json:"kind_title"`
	May        bool   `json:"may" doc:"by the policy alone: state, permissions, membership"`
	Can        bool   `json:"can" doc:"now, by every gate"`
	Outcome    string `json:"outcome" enum:"pass,block,wait,unknown"`
	Expected   bool   `json:"expected" doc:"it passes, or is stopped on purpose"`
	Gate       string `json:"gate,omitempty" doc:"the first that stops"`
	Code       string `json:"code,omitempty"`
	Reason     string `json:"reason,omitempty"`
	Until      *Time  `json:"until,omitempty"`
}

// PermissionsBody is everything that an account may do, and why.
type PermissionsBody struct {
	Account  string      `json:"account"`
	Revision int64       `json:"revision" doc:"of the policy"`
	Document int64       `json:"document" doc:"revision of the account's document, for If-Match; 0 if it does not exist"`
	Blocks   []BlockBody `json:"blocks"`
	Roles    []RoleBody  `json:"roles" doc:"all that there are; who asks about itself and may not read the policy is told of those that it holds"`
	Inboxes  []ReachBody `json:"inboxes" doc:"every inbox that the account serves, with every kind it produces"`
	// OtherInboxes counts those that it does not serve.
	OtherInboxes int `json:"other_inboxes" doc:"inboxes that it does not serve; 0 to who may not read the policy"`
}

type permissionsOutput struct{ Body PermissionsBody }

func (s *Server) readPermissions(ctx context.Context, by caller, in *AccountName) (*permissionsOutput, error) {
	if _, err := s.account(in.Name); err != nil {
		return nil, err
	}
	view := s.o.Ledger.View()
	body, err := s.permissions(ctx, by, view, view.Policy, in.Name)
	if err != nil {
		return nil, err
	}
	return &permissionsOutput{Body: *body}, nil
}

// permissions says what an account may do with a policy: the one in force, or one that is only thought of.
func (s *Server) permissions(ctx context.Context, by caller, view *ledger.View, set *policy.Set, account string) (*PermissionsBody, error) {
	p := s.permissionsOf(ctx, by, set, account)
	document, _ := view.Policy.Get(policy.KindAccount, account)
	body := &PermissionsBody{Account: account, Revision: view.Policy.Revision(), Document: document.Revision, Roles: p.roles(), Inboxes: []ReachBody{}}
	var err error
	if body.Blocks, err = p.blocks(s.o.Now()); err != nil {
		return nil, err
	}
	body.Inboxes, body.OtherInboxes = s.rosterOf(view, set, by.lang).reach(account)
	if !p.whole {
		body.OtherInboxes = 0
	}
	return body, nil
}

func (s *Server) permissionsOf(ctx context.Context, by caller, set *policy.Set, account string) *permissionsOf {
	p := &permissionsOf{
		s: s, ctx: ctx, by: by, set: set, account: account, editable: s.can(by, policy.PolicyEdit), whole: s.can(by, policy.PolicyView), versions: map[string][]policy.Version{},
	}
	p.spec, _ = set.Account(account)
	return p
}

// permissionsOf gathers what an account may do.
type permissionsOf struct {
	s        *Server
	ctx      context.Context
	by       caller
	set      *policy.Set
	account  string
	spec     policy.AccountSpec
	editable bool
	// whole says that the caller may read the policy, not only ask about itself; see visibility.go.
	whole    bool
	versions map[string][]policy.Version
}

func (p *permissionsOf) pick(en, zh string) string {
	return reception.Text{EN: en, ZH: zh}.In(p.by.lang)
}

func (p *permissionsOf) blocks(now time.Time) ([]BlockBody, error) {
	blocks := []BlockBody{{Block: policy.BlockBasic}, {Block: policy.BlockRole}, {Block: policy.BlockReceiving}}
	words := map[string]policy.PermissionInfo{}
	for _, info := range policy.AllPermissions(p.set) {
		words[info.Name] = info
	}
	var parent SourceBody
	for _, x := range policy.Standings(p.set, p.account, now) { // receiving as a whole comes before its kinds
		info := words[x.Permission]
		source, err := p.source(x)
		if err != nil {
			return nil, err
		}
		switch {
		case x.Permission == policy.Receive:
			parent = source
		case source.Kind == policy.SourceParent:
			source.Title = p.pick(words[policy.Receive].TitleEN, words[policy.Receive].TitleZH)
			source.Until, source.Revision, source.Document, source.Reason = parent.Until, parent.Revision, parent.Document, parent.Reason
			source.Since, source.By, source.ByTitle = parent.Since, parent.By, parent.ByTitle
		}
		b := PermissionBody{
			Name: x.Permission, Title: p.pick(info.TitleEN, info.TitleZH), Meaning: p.pick(info.MeaningEN, info.MeaningZH),
			Granted: x.Granted, Effective: x.Effective, Source: source, FromRoles: []NamedBody{}, Override: "none", ParentOff: x.ParentOff, Editable: p.editable,
		}
		if x.Override != "" {
			b.Override = x.Override
		}
		for _, role := range x.Roles {
			b.FromRoles = append(b.FromRoles, NamedBody{Name: role, Title: p.roleTitle(role)})
		}
		i := slices.IndexFunc(blocks, func(block BlockBody) bool { return block.Block == policy.BlockOf(x.Permission) })
		blocks[i].Permissions = append(blocks[i].Permissions, b)
	}
	return blocks, nil
}

func (p *permissionsOf) roleTitle(name string) string {
	spec, _ := p.set.Role(name)
	return spec.Title
}

func (p *permissionsOf) templateTitle(name string) string {
	spec, _ := p.set.Template(name)
	return spec.Title
}

// source puts words and history to what decides. What is only thought of has no revision yet.
func (p *permissionsOf) source(x policy.Standing) (SourceBody, error) {
	b := SourceBody{Kind: x.Source.Kind, Name: x.Source.Name, Template: x.Source.Template, Until: p.s.maybe(x.Source.Until)}
	if b.Template != "" {
		b.TemplateTitle = p.templateTitle(b.Template)
	}
	switch x.Source.Kind {
	case policy.SourceRole, policy.SourceTemplate:
		b.Title = p.roleTitle(b.Name)
	}
	made, err := policy.MadeBy(p.read, p.account, x)
	if err != nil || made.Revision == 0 {
		return b, err
	}
	row, err := p.s.o.Store.Revision(p.ctx, made.Revision)
	if err != nil {
		return b, fmt.Errorf("revision %d: %w", made.Revision, err)
	}
	b.Revision, b.Document, b.Reason, b.Since = made.Revision, made.Kind+"/"+made.Name, row.Reason, p.s.maybe(row.At)
	p.author(&b, row.By)
	return b, nil
}

// read reads the versions of a document once.
func (p *permissionsOf) read(kind, name string) ([]policy.Version, error) {
	key := kind + "/" + name
	if list, ok := p.versions[key]; ok {
		return list, nil
	}
	rows, err := p.s.o.Store.DocumentVersions(p.ctx, kind, name)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return nil, fmt.Errorf("versions of %s: %w", key, err)
	}
	list := make([]policy.Version, len(rows))
	for i, r := range rows {
		list[i] = policy.Version{From: r.From, To: r.To, Spec: r.Spec}
	}
	p.versions[key] = list
	return list, nil
}

// roles lists all roles, the program's own first.
func (p *permissionsOf) roles() []RoleBody {
	list := []RoleBody{}
	docs := slices.Concat(policy.Builtins(), p.set.All())
	for _, d := range docs {
		if d.Kind != policy.KindRole || !p.whole && !slices.Contains(p.spec.Roles, d.Name) {
			continue
		}
		spec, _ := p.set.Role(d.Name)
		_, builtin := policy.Builtin(policy.KindRole, d.Name)
		missing, extra := policy.RoleTemplateDifference(p.set, d.Name)
		b := RoleBody{
			Name: d.Name, Title: spec.Title, Held: slices.Contains(p.spec.Roles, d.Name), Builtin: builtin, Template: spec.Template,
			Permissions: orEmpty(p.set.RolePermissions(d.Name)), Missing: orEmpty(missing), Extra: orEmpty(extra),
		}
		if b.Template != "" {
			b.TemplateTitle = p.templateTitle(b.Template)
		}
		list = append(list, b)
	}
	return list
}

// reach lists the cells of an account.
func (r *roster) reach(account string) (list []ReachBody, others int) {
	list = []ReachBody{}
	inboxes := map[string]bool{}
	for _, c := range r.cells[account] {
		inboxes[c.inbox] = true
		spec, _ := r.set.Inbox(c.inbox)
		v := reception.Explain(r.policy, r.view, c.inbox, c.kind, account, r.now)
		b := ReachBody{
			Inbox: c.inbox, InboxTitle: spec.Title, Kind: c.kind, KindTitle: policy.KindTitle(c.kind).In(r.lang),
			May: true, Can: true, Outcome: reception.Pass.String(), Expected: true,
		}
		for _, g := range policyGates {
			b.May = b.May && !v[g].Outcome.Stops()
		}
		if g := v.First(); g != reception.GateCount {
			b.Can, b.Outcome, b.Gate, b.Code = false, v[g].Outcome.String(), g.String(), v[g].Code.String()
			b.Reason, b.Expected = reception.Lookup(v[g].Code).Title.In(r.lang), reception.Expected(r.policy, r.view, account, g, v[g])
			if v[g].Until != 0 {
				b.Until = r.s.maybe(time.UnixMicro(v[g].Until))
			}
		}
		list = append(list, b)
	}
	return list, len(r.policy.Inboxes) - len(inboxes)
}

// policyGates are those that decide by settings alone what an account may have.
var policyGates = []reception.Gate{
	reception.AccountState, reception.RoleReceive, reception.PermissionKind, reception.PermissionReply, reception.MembershipInbox,
}

// CellRefBody is a cell that stops or starts.
type CellRefBody struct {
	Inbox      string `json:"inbox"`
	InboxTitle string `json:"inbox_title,omitempty"`
	Kind       string `json:"kind"`
	KindTitle  string `json:"kind_title"`
	Code       string `json:"code,omitempty" doc:"what stops it afterwards, or stopped it before"`
	Reason     string `json:"reason,omitempty"`
	From       *Time  `json:"from,omitempty" doc:"leave out: at once"`
	Until      *Time  `json:"until,omitempty"`
}

// AlterationBody is what a change would do to the reception of one account.
type AlterationBody struct {
	Account string        `json:"account"`
	Title   string        `json:"title,omitempty"`
	Gone    bool          `json:"gone" doc:"the account would not exist any more, and cannot be told"`
	Stops   []CellRefBody `json:"stops"`
	Starts  []CellRefBody `json:"starts"`
	Windows bool          `json:"windows" doc:"windows or business hours that bear on it would be others"`
	Pushes  bool          `json:"pushes" doc:"switches that bear on it would be in another state"`
	// Maintenance says that windows of maintenance are planned or called off.
	Maintenance bool `json:"maintenance" doc:"maintenance windows that bear on it would be planned or called off"`
	Text        struct {
		ZH string `json:"zh"`
		EN string `json:"en"`
	} `json:"text" doc:"in sentences about the account, as its leads would be told"`
	Leads []NamedBody `json:"leads" doc:"of its teams, who would be told too"`
}

type previewOutput struct {
	Body struct {
		Revision    int64            `json:"revision" doc:"that the change was tried on"`
		Changes     []ChangeBody     `json:"changes"`
		Alterations []AlterationBody `json:"alterations" doc:"everybody whose reception would be another, in order of name"`
		Permissions *PermissionsBody `json:"permissions,omitempty" doc:"of the account that was named, as they would be"`
	}
}

// previewPolicy says what a change of the policy would do, and changes nothing.
func (s *Server) previewPolicy(ctx context.Context, by caller, in *struct {
	Body struct {
		Documents []DocumentInput `json:"documents"`
		Prune     bool            `json:"prune,omitempty" doc:"delete every document that is not among these"`
		Account   string          `json:"account,omitempty" doc:"tell its permissions as they would be, too"`
	} `nameHint:"PolicyPreviewInput"`
}) (*previewOutput, error) {
	view := s.o.Ledger.View()
	preview, err := governance.PreviewEdits(view.Policy, editsFor(view.Policy, in.Body.Documents, in.Body.Prune), s.busy, s.o.Now())
	if err != nil {
		return nil, err
	}
	out := &previewOutput{}
	b := &out.Body
	b.Revision, b.Changes, b.Alterations = view.Policy.Revision(), changeBodies(preview.Changes), []AlterationBody{}
	for i := range preview.Alterations {
		b.Alterations = append(b.Alterations, s.alteration(by, view.Policy, preview, &preview.Alterations[i]))
	}
	if in.Body.Account != "" {
		if _, ok := preview.After.Account(in.Body.Account); !ok {
			return nil, errNoAccount
		}
		if b.Permissions, err = s.permissions(ctx, by, view, preview.After, in.Body.Account); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *Server) alteration(by caller, before *policy.Set, preview *governance.Preview, a *policy.Alteration) AlterationBody {
	title := func(account string) string {
		spec, ok := preview.After.Account(account)
		if !ok {
			spec, _ = before.Account(account)
		}
		return spec.Title
	}
	b := AlterationBody{
		Account: a.Account, Title: title(a.Account), Gone: a.Gone, Stops: []CellRefBody{}, Starts: []CellRefBody{},
		Windows: len(a.Windows) > 0, Pushes: len(a.Switches) > 0, Maintenance: len(a.Maintenance) > 0, Leads: []NamedBody{},
	}
	for _, c := range a.Stops {
		b.Stops = append(b.Stops, s.cellRef(by, before, preview.After, c))
	}
	for _, c := range a.Starts {
		b.Starts = append(b.Starts, s.cellRef(by, before, preview.After, c))
	}
	who := title(by.account)
	if who == "" {
		who = by.account
	}
	b.Text.ZH, b.Text.EN = a.LeadText("zh", who), a.LeadText("en", who)
	for _, lead := range a.Leads {
		b.Leads = append(b.Leads, NamedBody{Name: lead, Title: title(lead)})
	}
	return b
}

func (s *Server) cellRef(by caller, before, after *policy.Set, c policy.CellRef) CellRefBody {
	spec, ok := after.Inbox(c.Inbox)
	if !ok {
		spec, _ = before.Inbox(c.Inbox)
	}
	return CellRefBody{
		Inbox: c.Inbox, InboxTitle: spec.Title, Kind: c.Kind, KindTitle: policy.KindTitle(c.Kind).In(by.lang),
		Code: c.Code.String(), Reason: reception.Lookup(c.Code).Title.In(by.lang), From: s.maybe(c.From), Until: s.maybe(c.Until),
	}
}
