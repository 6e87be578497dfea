package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/bidahq/bida/internal/governance"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
)

// Document is a document of the policy as it is read.
type Document struct {
	Kind     string `json:"kind"`
	Name     string `json:"name"`
	Spec     Object `json:"spec"`
	Revision int64  `json:"revision" doc:"that last changed it; 0 for what belongs to the program"`
}

// DocumentInput is a document as it is written.
type DocumentInput struct {
	Kind     string `json:"kind"`
	Name     string `json:"name"`
	Spec     Object `json:"spec" doc:"defaults may be left out"`
	Revision int64  `json:"revision,omitempty" doc:"ignored, so that what was read can be sent back"`
}

// PolicyBody is the whole policy.
type PolicyBody struct {
	Revision  int64      `json:"revision"`
	Documents []Document `json:"documents"`
}

// ChangeBody is what a change did to one document.
type ChangeBody struct {
	Kind   string               `json:"kind"`
	Name   string               `json:"name"`
	Action string               `json:"action" enum:"create,update,delete"`
	Fields []policy.FieldChange `json:"fields,omitempty" doc:"of an update"`
}

// AppliedBody is the answer to a change of the policy.
type AppliedBody struct {
	Revision int64        `json:"revision" doc:"in force now; the old one if there was nothing to do"`
	Changes  []ChangeBody `json:"changes"`
}

// RevisionBody is one change of the policy.
type RevisionBody struct {
	Revision int64        `json:"revision"`
	Position int64        `json:"position"`
	At       Time         `json:"at"`
	By       string       `json:"by"`
	Source   string       `json:"source"`
	Request  string       `json:"request,omitempty"`
	Reason   string       `json:"reason,omitempty"`
	Changes  []ChangeBody `json:"changes"`
}

type (
	// AsOf asks for the past.
	AsOf struct {
		Revision int64 `query:"revision" minimum:"1" doc:"as it was at this revision; leave it out for now"`
	}
	policyOutput struct {
		ETag string `header:"ETag"`
		Body PolicyBody
	}
	// DocumentName names a document in the path.
	DocumentName struct {
		Kind string `path:"kind"`
		Name string `path:"name"`
	}
	documentOutput struct {
		ETag string `header:"ETag"`
		Body Document
	}
	appliedOutput struct {
		ETag string `header:"ETag"`
		Body AppliedBody
	}
)

func etag(revision int64) string { return `"` + strconv.FormatInt(revision, 10) + `"` }

var (
	errNoRevision = problem.New(problem.NotFound, "policy.unknown_revision", "There is no such revision.", "没有这个版本。").On("/revision")
	errNoDocument = problem.New(problem.NotFound, "policy.unknown_document", "There is no such document.", "没有这个设置文档。")
	errIfMatch    = problem.New(problem.Required, "policy.if_match_required",
		"Say which revision you changed: send If-Match with the ETag that you read, so that nobody else's change is lost.",
		"请用 If-Match 带上您读取时的 ETag，以免覆盖他人的修改。").On("/If-Match")
	errIfMatchForm = problem.New(problem.Invalid, "policy.if_match_invalid", `If-Match is the ETag that you read, for example "42".`, `If-Match 应为读取时得到的 ETag，例如 "42"。`).On("/If-Match")
	errStale       = problem.New(problem.Stale, "policy.stale",
		"The settings were changed since you read them; nothing was applied. Read them again and apply your change to what is there now.",
		"在您读取之后设置已被修改，本次未应用。请重新读取后再修改。")
)

// policyAt is the policy now, or as it was.
func (s *Server) policyAt(ctx context.Context, revision int64) (*policy.Set, error) {
	now := s.o.Ledger.Policy()
	switch {
	case revision == 0 || revision == now.Revision():
		return now, nil
	case revision > now.Revision():
		return nil, errNoRevision
	}
	rows, err := s.o.Store.DocumentsAt(ctx, revision)
	if err != nil {
		return nil, fmt.Errorf("documents of revision %d: %w", revision, err)
	}
	return ledger.PolicyOf(rows, revision)
}

func documentBody(d policy.Document) Document {
	return Document{Kind: d.Kind, Name: d.Name, Spec: Object(d.Spec), Revision: d.Revision}
}

func (s *Server) readPolicy(ctx context.Context, _ caller, in *AsOf) (*policyOutput, error) {
	set, err := s.policyAt(ctx, in.Revision)
	if err != nil {
		return nil, err
	}
	out := &policyOutput{ETag: etag(set.Revision()), Body: PolicyBody{Revision: set.Revision(), Documents: []Document{}}}
	for _, d := range set.All() {
		out.Body.Documents = append(out.Body.Documents, documentBody(d))
	}
	return out, nil
}

func (s *Server) readDocument(ctx context.Context, _ caller, in *struct {
	DocumentName
	AsOf
}) (*documentOutput, error) {
	set, err := s.policyAt(ctx, in.Revision)
	if err != nil {
		return nil, err
	}
	d, ok := set.Get(in.Kind, in.Name)
	if !ok {
		if d, ok = policy.Builtin(in.Kind, in.Name); !ok {
			return nil, errNoDocument
		}
	}
	return &documentOutput{ETag: etag(d.Revision), Body: documentBody(d)}, nil
}

// ifMatch reads the header: the revisions that the caller accepts, or any for "*". A weak tag never matches. A number without quotes is taken too.
func ifMatch(header string) (revisions []int64, any bool, err error) {
	if strings.TrimSpace(header) == "" {
		return nil, false, errIfMatch
	}
	for tag := range strings.SplitSeq(header, ",") {
		tag = strings.TrimSpace(tag)
		if tag == "*" {
			return nil, true, nil
		}
		if strings.HasPrefix(tag, "W/") {
			continue
		}
		n, err := strconv.ParseInt(strings.Trim(tag, `"`), 10, 64)
		if err != nil || n < 0 {
			return nil, false, errIfMatchForm
		}
		revisions = append(revisions, n)
	}
	return revisions, false, nil
}

func (s *Server) writePolicy(ctx context.Context, by caller, in *struct {
	IfMatch string `header:"If-Match" doc:"the ETag of what was read"`
	Body    struct {
		Documents []DocumentInput `json:"documents"`
		Prune     bool            `json:"prune,omitempty" doc:"delete every document that is not among these"`
		Reason    string          `json:"reason,omitempty" maxLength:"500"`
	} `nameHint:"PolicyInput"`
}) (*appliedOutput, error) {
	revisions, anyRevision, err := ifMatch(in.IfMatch)
	if err != nil {
		return nil, err
	}
	return s.apply(ctx, by, in.Body.Reason, func(set *policy.Set) ([]policy.Edit, error) {
		if !anyRevision && !contains(revisions, set.Revision()) {
			return nil, errStale.With("revision", set.Revision())
		}
		return editsFor(set, in.Body.Documents, in.Body.Prune), nil
	})
}

// editsFor are the edits that make a set agree with documents; with prune also by deleting those that are not among them.
func editsFor(set *policy.Set, documents []DocumentInput, prune bool) []policy.Edit {
	list := make([]policy.Edit, 0, len(documents))
	there := map[string]bool{}
	for _, d := range documents {
		list = append(list, policy.Edit{Kind: d.Kind, Name: d.Name, Spec: json.RawMessage(d.Spec)})
		there[d.Kind+"/"+d.Name] = true
	}
	if prune {
		for _, d := range set.All() {
			if !there[d.Kind+"/"+d.Name] {
				list = append(list, policy.Edit{Kind: d.Kind, Name: d.Name})
			}
		}
	}
	return list
}

func contains(list []int64, n int64) bool {
	for _, x := range list {
		if x == n {
			return true
		}
	}
	return false
}

// apply changes the policy; edit works on the set that is in force at that moment.
func (s *Server) apply(ctx context.Context, by caller, reason string, edit func(*policy.Set) ([]policy.Edit, error)) (*appliedOutput, error) {
	cmd := &governance.Apply{Base: -1, Edit: edit, By: by.account, Source: "api", Request: by.request, Reason: reason}
	if err := s.o.Ledger.Do(ctx, cmd); err != nil {
		return nil, err
	}
	out := &appliedOutput{ETag: etag(cmd.Revision), Body: AppliedBody{Revision: cmd.Revision, Changes: changeBodies(cmd.Changes)}}
	return out, nil
}

func changeBodies(changes []policy.Change) []ChangeBody {
	list := []ChangeBody{}
	for _, c := range changes {
		list = append(list, ChangeBody{Kind: c.Kind, Name: c.Name, Action: c.Action, Fields: c.Fields})
	}
	return list
}

// versions is what was known of a document that does not exist, at a revision of the policy.
type versions struct {
	rows     []ledger.DocumentRow
	revision int64
}

// unchanged refuses a write to a document that was changed after the revision that its writer read. Other documents may have been changed meanwhile: that is
// no conflict. Who deletes a document and who writes it again are in conflict too, which is what its earlier versions are for.
func unchanged(set *policy.Set, kind, name, header string, earlier versions) error {
	revisions, anyRevision, err := ifMatch(header)
	if err != nil {
		return err
	}
	stale := errStale.With("revision", set.Revision())
	d, exists := set.Get(kind, name)
	if anyRevision {
		if !exists {
			return stale
		}
		return nil
	}
	last := d.Revision
	if !exists {
		if earlier.revision != set.Revision() { // deleted at this very moment, perhaps
			return stale
		}
		for _, v := range earlier.rows {
			last = max(last, v.From, v.To)
		}
	}
	for _, r := range revisions {
		if r >= last && r <= set.Revision() {
			return nil
		}
	}
	return stale
}

func (s *Server) versions(ctx context.Context, kind, name string) (versions, error) {
	set := s.o.Ledger.Policy()
	v := versions{revision: set.Revision()}
	if _, exists := set.Get(kind, name); exists {
		return v, nil
	}
	rows, err := s.o.Store.DocumentVersions(ctx, kind, name)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return v, fmt.Errorf("versions of %s/%s: %w", kind, name, err)
	}
	v.rows = rows
	return v, nil
}

func (s *Server) writeDocument(ctx context.Context, by caller, in *struct {
	DocumentName
	IfMatch string `header:"If-Match" doc:"the ETag of the document, or of the policy, as it was read"`
	Body    struct {
		Spec     Object `json:"spec"`
		Kind     string `json:"kind,omitempty" doc:"if sent back, that of the path"`
		Name     string `json:"name,omitempty" doc:"if sent back, that of the path"`
		Revision int64  `json:"revision,omitempty" doc:"ignored"`
	} `nameHint:"DocumentWrite"`
}) (*documentOutput, error) {
	if in.Body.Kind != "" && in.Body.Kind != in.Kind {
		return nil, invalidField("/kind", "This is not the kind in the address.", "与地址中的类型不一致。")
	}
	if in.Body.Name != "" && in.Body.Name != in.Name {
		return nil, invalidField("/name", "This is not the name in the address.", "与地址中的名称不一致。")
	}
	earlier, err := s.versions(ctx, in.Kind, in.Name)
	if err != nil {
		return nil, err
	}
	applied, err := s.apply(ctx, by, "", func(set *policy.Set) ([]policy.Edit, error) {
		if err := unchanged(set, in.Kind, in.Name, in.IfMatch, earlier); err != nil {
			return nil, err
		}
		return []policy.Edit{{Kind: in.Kind, Name: in.Name, Spec: json.RawMessage(in.Body.Spec)}}, nil
	})
	if err != nil {
		return nil, err
	}
	// What was written is read at its own revision: somebody may have changed it again by now.
	set, err := s.policyAt(ctx, applied.Body.Revision)
	if err != nil {
		return nil, err
	}
	d, _ := set.Get(in.Kind, in.Name)
	return &documentOutput{ETag: etag(d.Revision), Body: documentBody(d)}, nil
}

func (s *Server) deleteDocument(ctx context.Context, by caller, in *struct {
	DocumentName
	IfMatch string `header:"If-Match" doc:"the ETag of the document, or of the policy, as it was read"`
}) (*appliedOutput, error) {
	return s.apply(ctx, by, "", func(set *policy.Set) ([]policy.Edit, error) {
		if _, exists := set.Get(in.Kind, in.Name); !exists {
			if _, builtin := policy.Builtin(in.Kind, in.Name); !builtin {
				return nil, errNoDocument
			}
		}
		if err := unchanged(set, in.Kind, in.Name, in.IfMatch, versions{revision: set.Revision()}); err != nil {
			return nil, err
		}
		return []policy.Edit{{Kind: in.Kind, Name: in.Name}}, nil
	})
}

func invalidField(field, en, zh string) error {
	return problem.New(problem.Invalid, "request.invalid", en, zh).On(field)
}

type revisionsOutput struct {
	Body struct {
		Revisions []RevisionBody `json:"revisions" doc:"newest first"`
		Cursor    *string        `json:"cursor" doc:"of the next piece; null at the end"`
	}
}

func (s *Server) listRevisions(ctx context.Context, _ caller, in *Page) (*revisionsOutput, error) {
	before, err := in.position()
	if err != nil {
		return nil, err
	}
	rows, err := s.o.Store.Revisions(ctx, before, in.Limit)
	if err != nil {
		return nil, fmt.Errorf("revisions: %w", err)
	}
	out := &revisionsOutput{}
	out.Body.Revisions = []RevisionBody{}
	for _, r := range rows {
		b := RevisionBody{
			Revision: r.Revision, Position: r.Position, At: s.time(r.At), By: r.By, Source: r.Source, Request: r.Request, Reason: r.Reason,
			Changes: []ChangeBody{},
		}
		if len(r.Changes) > 0 {
			if err := json.Unmarshal(r.Changes, &b.Changes); err != nil {
				return nil, fmt.Errorf("changes of revision %d: %w", r.Revision, err)
			}
		}
		out.Body.Revisions = append(out.Body.Revisions, b)
	}
	out.Body.Cursor = next(rows, in.Limit, func(r ledger.RevisionRow) int64 { return r.Revision })
	return out, nil
}
