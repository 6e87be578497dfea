package policy

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/bidahq/bida/internal/filter"
	"github.com/bidahq/bida/internal/reception"
)

// Set is one revision of the whole policy: valid, immutable, safe for many goroutines.
type Set struct {
	revision int64
	docs     map[string]map[string]entry // by kind, then name
	compiled func() *reception.Policy
	filters  func() *filter.Matcher
	// autoReplies is shared, as filters is, by revisions between which nothing of it changed.
	autoReplies func() *AutoReplies
}

// entry is a document with its decoded spec.
type entry struct {
	Document
	spec any
}

func newSet(revision int64, docs map[string]map[string]entry) *Set {
	s := &Set{revision: revision, docs: docs}
	s.compiled = sync.OnceValue(func() *reception.Policy { return compile(s) })
	s.filters = sync.OnceValue(s.buildFilters)
	s.autoReplies = sync.OnceValue(s.buildAutoReplies)
	return s
}

// Empty is the policy before the first document: only what belongs to the program.
func Empty() *Set { return newSet(0, map[string]map[string]entry{}) }

// NewSet validates documents and makes a set of them. Its revision is the highest of theirs. The error is Problems.
func NewSet(docs []Document) (*Set, error) {
	problems := &problemList{}
	set := map[string]map[string]entry{}
	var revision int64
	for _, d := range docs {
		e, ok := read(d, problems)
		if !ok {
			continue
		}
		if _, twice := set[d.Kind][d.Name]; twice {
			problems.add(twiceProblem(d))
			continue
		}
		put(set, e)
		revision = max(revision, d.Revision)
	}
	s := newSet(revision, set)
	if len(problems.list) == 0 { // references are looked at only when every document can be
		s.check(nil, problems)
	}
	if err := problems.err(); err != nil {
		return nil, locate(err, docs)
	}
	return s, nil
}

func locate(err error, docs []Document) error {
	if ps, ok := err.(Problems); ok { // made by this package
		return ps.Locate(docs)
	}
	return err
}

func twiceProblem(d Document) Problem {
	return Problem{Document: label(d.Kind, d.Name), Line: d.lines.of(""), Message: "this document is here twice", MessageZH: "这个文档出现了两次"}
}

func put(docs map[string]map[string]entry, e entry) {
	if docs[e.Kind] == nil {
		docs[e.Kind] = map[string]entry{}
	}
	docs[e.Kind][e.Name] = e
}

// read decodes a document and checks everything about it that can be said without the others. ok is false when there was a problem.
func read(d Document, problems *problemList) (e entry, ok bool) {
	before := len(problems.list) + problems.more
	if checkIdentity(d.Kind, d.Name, problems) {
		spec := decodeJSON(d.Kind, label(d.Kind, d.Name), d.Spec, problems)
		if len(problems.list)+problems.more == before {
			d.Spec, d.lines = encode(spec), nil
			return entry{Document: d, spec: spec}, true
		}
	}
	return entry{}, false
}

// checkIdentity checks kind and name: known, well formed, not the program's own.
func checkIdentity(kind, name string, problems *problemList) bool {
	d := &decoder{document: label(kind, name), problems: problems}
	switch {
	case kindRank(kind) < 0:
		d.unknownKind(kind, 0)
		return false
	case kind == KindSwitch:
		if _, _, ok := switchTarget(name); !ok {
			d.path = []string{"name"}
			d.problemAt(0, fmt.Sprintf("%s names no switch: a switch is called platform, inbox.NAME or account.NAME", quoted(name)),
				fmt.Sprintf("%s 不是开关名称：开关叫 platform、inbox.渠道 或 account.账号", quoted(name)))
			return false
		}
	case !validName(name):
		d.path = []string{"name"}
		d.badName(&node{text: name})
		return false
	case kind == KindClient && !d.checkClientName(name):
		return false
	case isBuiltin(kind, name) && kind != KindCalendar: // of calendars a company has the last word
		d.problemAt(0, fmt.Sprintf("%s %q belongs to the program and cannot be edited or deleted", kind, name), fmt.Sprintf("%s“%s”由程序提供，不能修改或删除", kindTitle(kind), name))
		return false
	}
	return true
}

// switchTarget says what a switch is for: the platform (kind ""), an inbox or an account.
func switchTarget(name string) (kind, target string, ok bool) {
	if name == "platform" {
		return "", "", true
	}
	kind, target, ok = strings.Cut(name, ".")
	if !ok || kind != KindInbox && kind != KindAccount || !validName(target) {
		return "", "", false
	}
	return kind, target, true
}

func kindTitle(kind string) string {
	titles := map[string]string{
		KindCalendar: "日历", KindSchedule: "时间表", KindTemplate: "角色模板", KindRole: "角色", KindAccount: "账号", KindTeam: "客服组", KindInbox: "接待渠道", KindSwitch: "推送开关",
		KindMaintenance: "维护窗口", KindClient: "客户端版本要求", KindFilter: "过滤规则", KindAutoReply: "自动回复",
	}
	return cmp.Or(titles[kind], kind)
}

// Revision is the policy revision this set is.
func (s *Set) Revision() int64 { return s.revision }

// WithRevision is the same policy under another revision: for documents that were read back, the last revision of which may have deleted something.
func (s *Set) WithRevision(revision int64) *Set {
	again := newSet(revision, s.docs)
	again.filters, again.autoReplies = s.filters, s.autoReplies
	return again
}

// Compile returns the engine's form. It is made once and shared.
func (s *Set) Compile() *reception.Policy { return s.compiled() }

// Get finds a document by kind and name; those that belong to the program are not among them (see Builtin).
func (s *Set) Get(kind, name string) (Document, bool) {
	e, ok := s.docs[kind][name]
	return e.Document, ok
}

// All lists the documents, by kind in the order of Kinds, then by name.
func (s *Set) All() []Document {
	var docs []Document
	for _, kind := range kindOrder {
		for _, name := range s.names(kind) {
			docs = append(docs, s.docs[kind][name].Document)
		}
	}
	return docs
}

// Len is the number of documents.
func (s *Set) Len() int {
	n := 0
	for _, m := range s.docs {
		n += len(m)
	}
	return n
}

func (s *Set) names(kind string) []string { return slices.Sorted(maps.Keys(s.docs[kind])) }

func get[T any](s *Set, kind, name string) (T, bool) {
	e, ok := s.docs[kind][name]
	if !ok {
		var none T
		return none, false
	}
	return e.spec.(T), true // decoded by kind
}

// Account finds an account by name.
func (s *Set) Account(name string) (AccountSpec, bool) { return get[AccountSpec](s, KindAccount, name) }

// Team finds a team by name.
func (s *Set) Team(name string) (TeamSpec, bool) { return get[TeamSpec](s, KindTeam, name) }

// LeadsOf lists who leads a team that an account is in, in order of name; the account itself is not among them.
func (s *Set) LeadsOf(account string) []string {
	found := map[string]bool{}
	for _, team := range s.docs[KindTeam] {
		spec := team.spec.(TeamSpec) // decoded by kind
		if spec.Lead != "" && spec.Lead != account && slices.Contains(spec.Members, account) {
			found[spec.Lead] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// Inbox finds an inbox by name.
func (s *Set) Inbox(name string) (InboxSpec, bool) { return get[InboxSpec](s, KindInbox, name) }

// Schedule finds a schedule by name.
func (s *Set) Schedule(name string) (ScheduleSpec, bool) {
	return get[ScheduleSpec](s, KindSchedule, name)
}

// Switch finds a switch by name.
func (s *Set) Switch(name string) (SwitchSpec, bool) { return get[SwitchSpec](s, KindSwitch, name) }

// Role finds a role by name, the program's own included.
func (s *Set) Role(name string) (RoleSpec, bool) {
	if spec, ok := builtinRoles[name]; ok {
		return spec, true
	}
	return get[RoleSpec](s, KindRole, name)
}

// Template finds a template by name, the program's own included.
func (s *Set) Template(name string) (TemplateSpec, bool) {
	for _, t := range builtinTemplates {
		if t.name != name {
			continue
		}
		if name == AdminRole {
			// All permissions, those for kinds that the inboxes list among them.
			t.spec.Permissions = slices.Concat(t.spec.Permissions, s.addedReceive())
		}
		return t.spec, true
	}
	return get[TemplateSpec](s, KindTemplate, name)
}

// RolePermissions lists what a role grants: its own list, or its template's.
func (s *Set) RolePermissions(name string) []string {
	role, _ := s.Role(name)
	if role.Permissions != nil {
		return role.Permissions
	}
	template, _ := s.Template(role.Template)
	return template.Permissions
}

// MessageKinds lists the kinds of messages: the built-in ones, and then those that inboxes add, in order of name.
func (s *Set) MessageKinds() []string {
	added := map[string]bool{}
	for _, e := range s.docs[KindInbox] {
		for _, k := range e.spec.(InboxSpec).Kinds { // decoded by kind
			if !slices.Contains(builtinKinds, k) {
				added[k] = true
			}
		}
	}
	return slices.Concat(builtinKinds, slices.Sorted(maps.Keys(added)))
}

// addedReceive are the permissions to receive the kinds that inboxes add.
func (s *Set) addedReceive() []string {
	var list []string
	for _, k := range s.MessageKinds()[len(builtinKinds):] {
		list = append(list, receivePrefix+k)
	}
	return list
}

// RoleTemplateDifference says which permissions of its template a role lacks and which it has beyond it (与模板不一致). Both are empty for a role that
// follows its template, or has none.
func RoleTemplateDifference(s *Set, role string) (missing, extra []string) {
	spec, ok := s.Role(role)
	if !ok || spec.Template == "" || spec.Permissions == nil {
		return nil, nil
	}
	template, _ := s.Template(spec.Template)
	for _, p := range template.Permissions {
		if !slices.Contains(spec.Permissions, p) {
			missing = append(missing, p)
		}
	}
	for _, p := range spec.Permissions {
		if !slices.Contains(template.Permissions, p) {
			extra = append(extra, p)
		}
	}
	return missing, extra
}

// Apply makes the set that results from edits, whole or not at all, and says what they change. Edits that change nothing are left out; when none
// is left, the set itself is returned. The error is Problems.
func (s *Set) Apply(revision int64, edits []Edit) (*Set, []Change, error) {
	problems := &problemList{}
	var changes []Change
	docs := maps.Clone(s.docs)
	owned := map[string]bool{} // kinds whose map is already a copy
	seen := map[string]bool{}
	for _, e := range edits {
		if seen[label(e.Kind, e.Name)] {
			problems.add(twiceProblem(Document{Kind: e.Kind, Name: e.Name, lines: e.lines}))
			continue
		}
		seen[label(e.Kind, e.Name)] = true
		change, after, ok := s.edit(revision, e, problems)
		if !ok {
			continue
		}
		if !owned[e.Kind] {
			if docs[e.Kind] = maps.Clone(docs[e.Kind]); docs[e.Kind] == nil {
				docs[e.Kind] = map[string]entry{}
			}
			owned[e.Kind] = true
		}
		if change.Action == Delete {
			delete(docs[e.Kind], e.Name)
		} else {
			docs[e.Kind][e.Name] = after
		}
		changes = append(changes, change)
	}
	next := newSet(revision, docs)
	if !owned[KindFilter] {
		next.filters = s.filters
	}
	if !owned[KindAutoReply] {
		next.autoReplies = s.autoReplies
	}
	if len(problems.list) == 0 && len(changes) > 0 {
		next.check(changes, problems)
		s.keepAdministrator(next, changes, problems)
	}
	if err := problems.err(); err != nil {
		return nil, nil, locate(err, documentsOf(edits))
	}
	if len(changes) == 0 {
		return s, nil, nil
	}
	sortChanges(changes)
	return next, changes, nil
}

func documentsOf(edits []Edit) []Document {
	docs := make([]Document, len(edits))
	for i, e := range edits {
		docs[i] = Document{Kind: e.Kind, Name: e.Name, lines: e.lines}
	}
	return docs
}

// edit works out what one edit does. ok is false when it changes nothing or is at fault.
func (s *Set) edit(revision int64, e Edit, problems *problemList) (change Change, after entry, ok bool) {
	before, exists := s.docs[e.Kind][e.Name]
	change = Change{Kind: e.Kind, Name: e.Name, Before: before.Spec}
	if e.Spec == nil {
		if !checkIdentity(e.Kind, e.Name, problems) {
			return change, after, false
		}
		if !exists {
			problems.add(Problem{Document: label(e.Kind, e.Name), Message: "there is no such document to delete", MessageZH: "没有这个文档，无法删除"})
			return change, after, false
		}
		change.Action = Delete
		return change, after, true
	}
	after, ok = read(Document{Kind: e.Kind, Name: e.Name, Spec: e.Spec, Revision: revision, lines: e.lines}, problems)
	if !ok || exists && bytes.Equal(before.Spec, after.Spec) {
		return change, after, false
	}
	change.After = after.Spec
	if change.Action = Create; exists {
		change.Action = Update
		change.Fields = fieldChanges([]string{"spec"}, before.Spec, after.Spec)
	}
	return change, after, true
}

func sortChanges(changes []Change) {
	slices.SortFunc(changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(kindRank(a.Kind), kindRank(b.Kind)), cmp.Compare(a.Name, b.Name))
	})
}

func sortDocuments(docs []Document) {
	slices.SortFunc(docs, func(a, b Document) int {
		return cmp.Or(cmp.Compare(kindRank(a.Kind), kindRank(b.Kind)), cmp.Compare(a.Name, b.Name))
	})
}

// fieldChanges compares two canonical values: objects field by field, everything else as a whole.
func fieldChanges(path []string, before, after json.RawMessage) []FieldChange {
	if bytes.Equal(before, after) {
		return nil
	}
	var b, a map[string]json.RawMessage
	if !isObject(before) || !isObject(after) || json.Unmarshal(before, &b) != nil || json.Unmarshal(after, &a) != nil {
		return []FieldChange{{Path: pointer(path...), Before: before, After: after}}
	}
	fields := map[string]bool{}
	for f := range b {
		fields[f] = true
	}
	for f := range a {
		fields[f] = true
	}
	var changes []FieldChange
	for _, f := range slices.Sorted(maps.Keys(fields)) {
		changes = append(changes, fieldChanges(append(slices.Clone(path), f), b[f], a[f])...)
	}
	return changes
}

func isObject(value json.RawMessage) bool { return len(value) > 0 && value[0] == '{' }
