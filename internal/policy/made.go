package policy

import (
	"encoding/json"
	"slices"
)

// Version is a document as it was from revision From on, until To made it another (0: nothing has yet).
type Version struct {
	From, To int64
	Spec     json.RawMessage
}

// Versions reads all versions of a document, oldest first; none of one that never existed.
type Versions func(kind, name string) ([]Version, error)

// Made is the change that made what decides about a permission what it is: the revision, and which document was another in it. Revision 0: it is not known,
// or what decides is no change of a document in force.
type Made struct {
	Revision   int64
	Kind, Name string
}

// MadeBy finds the change since which what a standing names has stood without a break: an allow or deny as it is, a role that is held and grants, a role that
// is held and lacks what its template has, nothing that grants. Of a parent that is off it is the change that made the parent so, for which ask about the
// parent's standing. The error is that of reading.
func MadeBy(read Versions, account string, x Standing) (Made, error) {
	b := &bygone{read: read, account: account, known: map[string][]Version{}}
	holds := b.held(x)
	if holds == nil {
		return Made{}, nil
	}
	made := Made{}
	for revision := inForce; ; {
		b.from = Made{}
		still := holds(revision)
		if b.err != nil {
			return Made{}, b.err
		}
		if !still {
			return made, nil
		}
		// It is as it was read since the newest of the changes of what was read.
		if made = b.from; made.Revision == 0 {
			return made, nil
		}
		revision = made.Revision - 1
	}
}

// inForce stands for the revision after all that there are.
const inForce = int64(1)<<62 - 1

// bygone reads documents as they were, and remembers since when what was read last has been so.
type bygone struct {
	read    Versions
	account string
	known   map[string][]Version
	from    Made
	err     error
}

// held is the question whether what a standing names was there in a revision.
func (b *bygone) held(x Standing) func(revision int64) bool {
	switch x.Source.Kind {
	case SourceAllow, SourceExpired:
		return func(revision int64) bool {
			return b.overridden(revision, x, func(a AccountSpec) []Grant { return a.Allow })
		}
	case SourceDeny:
		return func(revision int64) bool {
			return b.overridden(revision, x, func(a AccountSpec) []Grant { return a.Deny })
		}
	case SourceRole:
		return func(revision int64) bool {
			a, ok := b.accountAt(revision)
			return ok && slices.Contains(a.Roles, x.Source.Name) && b.grants(x.Source.Name, x.Permission, revision)
		}
	case SourceTemplate:
		return func(revision int64) bool { return b.lacks(revision, x) }
	case SourceNotAgent:
		return func(revision int64) bool {
			a, ok := b.accountAt(revision)
			return ok && !a.Agent
		}
	case SourceNone:
		return func(revision int64) bool {
			a, ok := b.accountAt(revision)
			_, allowed := grantOf(a.Allow, x.Permission)
			return ok && !allowed && !slices.ContainsFunc(a.Roles, func(role string) bool { return b.grants(role, x.Permission, revision) })
		}
	}
	return nil
}

func (b *bygone) overridden(revision int64, x Standing, of func(AccountSpec) []Grant) bool {
	a, ok := b.accountAt(revision)
	g, there := grantOf(of(a), x.Permission)
	return ok && there && g.Until.Equal(x.Source.Until)
}

// lacks says whether the account had the role, whose own list lacked what its template had.
func (b *bygone) lacks(revision int64, x Standing) bool {
	a, ok := b.accountAt(revision)
	if !ok || !slices.Contains(a.Roles, x.Source.Name) {
		return false
	}
	role, ok := at[RoleSpec](b, KindRole, x.Source.Name, revision)
	return ok && role.Permissions != nil && !slices.Contains(role.Permissions, x.Permission) && b.templateHas(role.Template, x.Permission, revision)
}

// grants says whether a role granted a permission.
func (b *bygone) grants(name, permission string, revision int64) bool {
	if isBuiltin(KindRole, name) {
		return true // the program's own role has every permission
	}
	role, ok := at[RoleSpec](b, KindRole, name, revision)
	if ok && role.Permissions == nil {
		return b.templateHas(role.Template, permission, revision)
	}
	return ok && slices.Contains(role.Permissions, permission)
}

func (b *bygone) templateHas(name, permission string, revision int64) bool {
	for _, t := range builtinTemplates {
		if t.name == name {
			return name == AdminRole || slices.Contains(t.spec.Permissions, permission)
		}
	}
	template, ok := at[TemplateSpec](b, KindTemplate, name, revision)
	return ok && slices.Contains(template.Permissions, permission)
}

func (b *bygone) accountAt(revision int64) (AccountSpec, bool) {
	return at[AccountSpec](b, KindAccount, b.account, revision)
}

// at reads a document as it was in a revision; ok is false if it did not exist, or cannot be read by this program any more.
func at[S any](b *bygone, kind, name string, revision int64) (spec S, ok bool) {
	key := label(kind, name)
	versions, read := b.known[key]
	if !read && b.err == nil {
		versions, b.err = b.read(kind, name)
		b.known[key] = versions
	}
	var since int64 // the change that made it what it was
	for _, v := range versions {
		switch {
		case v.From > revision:
		case v.To == 0 || v.To > revision:
			since, ok = v.From, json.Unmarshal(v.Spec, &spec) == nil
		default:
			since = v.To
		}
	}
	if since > b.from.Revision {
		b.from = Made{since, kind, name}
	}
	return spec, ok
}
