package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/bidahq/bida/client"
	"github.com/bidahq/bida/internal/policy"
)

// policies is about the reception policy.
type policies struct {
	Export   policyExport   `cmd:"" help:"Write the server's policy as YAML."`
	Check    policyCheck    `cmd:"" help:"Say what is wrong with a file; works without a server."`
	Diff     policyDiff     `cmd:"" help:"Say what applying a file would change."`
	Apply    policyApply    `cmd:"" help:"Apply a file."`
	Impact   policyImpact   `cmd:"" help:"Say what applying a file would do to messages; exits with 1 unless all would go the same way."`
	Coverage policyCoverage `cmd:"" help:"Show who can receive when; exits with 1 where an inbox is open with nobody."`
	Keywords policyKeywords `cmd:"" help:"Put the words of a file into a filter rule."`
	Schema   policySchema   `cmd:"" help:"Write the JSON Schema of policy documents, for editors; works without a server."`
}

// fileFlag names a file of documents.
type fileFlag struct {
	File string `short:"f" required:"" help:"File with documents; - is standard input." placeholder:"FILE"`
}

// longestFile is more than policy.ParseYAML takes.
const longestFile = 64 << 20

// documents reads the file. Problems with what is in it are policy.Problems.
func (f *fileFlag) documents(s *session) ([]policy.Document, error) {
	in := s.In
	if f.File != "-" {
		file, err := os.Open(f.File)
		if err != nil {
			return nil, usage("%v", err)
		}
		defer file.Close()
		in = file
	}
	text, err := io.ReadAll(io.LimitReader(in, longestFile))
	if err != nil {
		return nil, usage("%s: %v", f.File, err)
	}
	docs, err := policy.ParseYAML(text)
	if err != nil {
		return nil, err
	}
	if len(docs) == 0 {
		return nil, usage(s.pick("%s 里没有文档", "%s has no documents"), f.File)
	}
	return docs, nil
}

// served is the policy of a server.
type served struct {
	Revision  int64             `json:"revision"`
	Documents []policy.Document `json:"documents"`
}

// read asks a server for its policy, the current one for revision 0.
func (v *server) policy(ctx context.Context, revision int64) (served, *policy.Set, error) {
	c := client.Call{Method: http.MethodGet, Path: "/policy", Query: url.Values{}}
	if revision != 0 {
		c.Query.Set("revision", strconv.FormatInt(revision, 10))
	}
	var p served
	if _, err := v.call(ctx, c, &p); err != nil {
		return p, nil, err
	}
	set, err := policy.NewSet(p.Documents)
	if err != nil {
		return p, nil, fmt.Errorf("the server's policy is of another version than this program: %w", err)
	}
	return p, set.WithRevision(p.Revision), nil
}

type policyExport struct {
	serverFlags
	Output   string `short:"o" help:"File to write; standard output if not given." placeholder:"FILE"`
	Revision int64  `help:"An earlier revision." placeholder:"N"`
}

// Run implements the command.
func (v *policyExport) Run(s *session) error {
	from, err := v.open(s)
	if err != nil {
		return err
	}
	p, _, err := from.policy(s.ctx, v.Revision)
	if err != nil {
		return err
	}
	text, err := policy.MarshalYAML(p.Documents)
	if err != nil {
		return err
	}
	text = slices.Concat(from.modeline(), text)
	if v.Output == "" {
		_, err = s.Out.Write(text)
		return err
	}
	if err := os.WriteFile(v.Output, text, 0o600); err != nil {
		return usage("%v", err)
	}
	s.note(s.pick("版本 %d：%d 个文档已写入 %s", "revision %d: %d documents written to %s"), p.Revision, len(p.Documents), v.Output)
	return nil
}

// modeline is a comment by which editors find the schema of the file: the server has the one that fits its policy.
func (v *server) modeline() []byte {
	return fmt.Appendf(nil, "# yaml-language-server: $schema=%s/api/policy.schema.json\n", v.base)
}

type policySchema struct {
	Output string `short:"o" help:"File to write; standard output if not given." placeholder:"FILE"`
}

// Run implements the command.
func (v *policySchema) Run(s *session) error {
	schema, err := policy.Schema()
	if err != nil {
		return err
	}
	if v.Output == "" {
		_, err = s.Out.Write(schema)
		return err
	}
	if err := os.WriteFile(v.Output, schema, 0o644); err != nil {
		return usage("%v", err)
	}
	return nil
}

type policyCheck struct {
	fileFlag
	serverFlags
	JSON bool `help:"As JSON."`
}

// Run implements the command.
func (v *policyCheck) Run(s *session) error {
	docs, err := v.documents(s)
	against := ""
	var set *policy.Set
	if err == nil {
		set, against, err = v.check(s, docs)
	}
	var found policy.Problems
	if err != nil && !errors.As(err, &found) {
		return err
	}
	warnings := warningsOf(set, docs)
	if v.JSON {
		if err := s.document(map[string]any{"valid": len(found) == 0, "documents": len(docs), "against": against, "problems": list(found), "warnings": list(warnings)}); err != nil {
			return err
		}
		return answered(min(len(found), statusNo))
	}
	for _, p := range found {
		s.print("%s: %s\n", v.File, s.problem(p))
	}
	for _, p := range warnings {
		s.print(s.pick("%s：提醒：%s\n", "%s: warning: %s\n"), v.File, s.problem(p))
	}
	if len(found) > 0 {
		return &statusError{statusNo, fmt.Errorf(s.pick("%s 有 %d 处问题", "%s has %d problem(s)"), v.File, len(found))}
	}
	s.print(s.pick("%s：%d 个文档，没有问题（%s）\n", "%s: %d documents, nothing wrong (%s)\n"), v.File, len(docs), against)
	return nil
}

// warningsOf are the warnings about the documents of a file, with their lines; what else a server has is not the file's to mend.
func warningsOf(set *policy.Set, docs []policy.Document) policy.Problems {
	if set == nil {
		return nil
	}
	inFile := map[string]bool{}
	for _, d := range docs {
		inFile[d.Kind+"/"+d.Name] = true
	}
	now := time.Now()
	all := slices.Concat(set.Warnings(now), policy.DeadRules(set, now, nil)).Locate(docs)
	return slices.DeleteFunc(all, func(p policy.Problem) bool { return !inFile[p.Document] })
}

// check looks at the documents together with those of the server that was named, or alone, and returns the whole if it is valid.
func (v *policyCheck) check(s *session, docs []policy.Document) (whole *policy.Set, against string, err error) {
	alone := s.pick("未连接服务，只检查了文件本身", "checked on its own, without a server")
	if _, named := v.address(s); !named && v.TokenFile == "" {
		whole, err := policy.NewSet(docs)
		return whole, alone, err
	}
	var set *policy.Set
	to, err := v.open(s)
	if err == nil {
		_, set, err = to.policy(s.ctx, 0)
	}
	if err != nil {
		s.note(s.pick("未能读取服务上的设置：%s", "the server's policy cannot be read: %s"), oneLine(s.words(err)))
		whole, err := policy.NewSet(docs)
		return whole, alone, err
	}
	edits, err := policy.EditsFor(set, docs, false)
	if err == nil {
		whole, _, err = set.Apply(set.Revision()+1, edits)
	}
	return whole, fmt.Sprintf(s.pick("连同 %s 上版本 %d 的文档一起检查", "checked together with revision %[2]d of %[1]s"), to.base, set.Revision()), located(err, docs)
}

// located gives problems the lines of the file that they are in.
func located(err error, docs []policy.Document) error {
	var found policy.Problems
	if errors.As(err, &found) {
		return found.Locate(docs)
	}
	return err
}

// problem says one problem in the language of the session.
func (s *session) problem(p policy.Problem) string {
	if s.lang == "zh" && p.MessageZH != "" {
		p.Message = p.MessageZH
	}
	return p.String()
}

// plan is what applying a file to a server's policy would do.
type plan struct {
	before, after *policy.Set
	documents     []policy.Document
	edits         []policy.Edit
	changes       []policy.Change
}

// compare reads the file and the server's policy.
func compare(s *session, f *fileFlag, from *server, prune bool) (*plan, error) {
	docs, err := f.documents(s)
	if err != nil {
		return nil, err
	}
	_, before, err := from.policy(s.ctx, 0)
	if err != nil {
		return nil, err
	}
	p := &plan{before: before, after: before, documents: docs}
	if p.edits, err = policy.EditsFor(before, docs, prune); err == nil && len(p.edits) > 0 {
		p.after, p.changes, err = before.Apply(before.Revision()+1, p.edits)
	}
	return p, located(err, docs)
}

type policyDiff struct {
	fileFlag
	serverFlags
	Prune bool `help:"Also look at what the file does not have: it would be deleted."`
	JSON  bool `help:"As JSON."`
}

// Run implements the command.
func (v *policyDiff) Run(s *session) error {
	from, err := v.open(s)
	if err != nil {
		return err
	}
	p, err := compare(s, &v.fileFlag, from, v.Prune)
	if err != nil {
		return s.faulty(v.File, err, statusTrouble)
	}
	status := min(len(p.changes), statusNo)
	if v.JSON {
		if err := s.document(map[string]any{
			"revision": p.before.Revision(), "different": status != statusOK, "changes": list(p.changes), "alterations": list(p.alterations()),
		}); err != nil {
			return err
		}
		return answered(status)
	}
	if len(p.changes) == 0 {
		s.print(s.pick("与版本 %d 没有差别\n", "no difference from revision %d\n"), p.before.Revision())
		return nil
	}
	s.changes(p)
	return answered(status)
}

// faulty prints the problems of a file, one a line, if that is what the error is.
func (s *session) faulty(file string, err error, status int) error {
	var found policy.Problems
	if !errors.As(err, &found) {
		return err
	}
	for _, p := range found {
		s.note("%s: %s", file, s.problem(p))
	}
	return &statusError{status, fmt.Errorf(s.pick("%s 有 %d 处问题，未应用任何改动", "%s has %d problem(s); nothing was applied"), file, len(found))}
}

// list makes an empty list of none, for JSON.
func list[T any](of []T) []T {
	if of == nil {
		return []T{}
	}
	return of
}

func (p *plan) alterations() []policy.Alteration {
	return policy.Alterations(p.before, p.after, p.changes, time.Now())
}

type policyApply struct {
	fileFlag
	serverFlags
	Prune  bool   `help:"Delete the documents that the file does not have (never accounts' login data)."`
	Reason string `help:"Why, for the history." placeholder:"TEXT"`
	JSON   bool   `help:"As JSON."`
}

// Run implements the command.
func (v *policyApply) Run(s *session) error {
	to, err := v.open(s)
	if err != nil {
		return err
	}
	p, err := compare(s, &v.fileFlag, to, v.Prune)
	if no := client.AsRefused(err); no != nil && no.Status == http.StatusForbidden {
		return refused(err)
	} else if err != nil {
		return s.faulty(v.File, err, statusNo)
	}
	revision := p.before.Revision()
	if len(p.changes) > 0 {
		var answer struct {
			Revision int64 `json:"revision"`
		}
		if _, err := to.call(s.ctx, p.request(v), &answer); err != nil {
			return s.notApplied(err, p)
		}
		revision = answer.Revision
	}
	if v.JSON {
		return s.document(map[string]any{
			"revision": revision, "applied": len(p.changes) > 0, "changes": list(p.changes), "alterations": list(p.alterations()),
		})
	}
	if len(p.changes) == 0 {
		s.print(s.pick("与版本 %d 没有差别，无需应用\n", "no difference from revision %d: nothing to do\n"), revision)
		return nil
	}
	s.changes(p)
	s.print(s.pick("已应用为版本 %d\n", "applied as revision %d\n"), revision)
	return nil
}

// request is the call that applies the plan, to exactly the revision that it was made from.
func (p *plan) request(v *policyApply) client.Call {
	body := struct {
		Documents []client.Document `json:"documents"`
		Prune     bool              `json:"prune,omitempty"`
		Reason    string            `json:"reason,omitempty"`
	}{Prune: v.Prune, Reason: v.Reason}
	for _, d := range p.documents {
		body.Documents = append(body.Documents, client.Document{Kind: d.Kind, Name: d.Name, Spec: d.Spec})
	}
	return client.Call{Method: http.MethodPut, Path: "/policy", IfMatch: p.before.Revision(), Body: body}
}

// notApplied says why the server did not apply the plan.
func (s *session) notApplied(err error, p *plan) error {
	no := client.AsRefused(err)
	if no == nil {
		return err
	}
	switch no.Status {
	case http.StatusUnauthorized:
		return err
	case http.StatusPreconditionFailed:
		return refused(fmt.Errorf(s.pick("有人在此期间修改了设置（读取时为版本 %d），未应用任何改动；请重新查看差别后再应用",
			"the policy was changed meanwhile (it was revision %d when it was read); nothing was applied: look at the difference again"), p.before.Revision()))
	}
	var faults policy.Problems
	for _, f := range no.Errors {
		faults = append(faults, policy.Problem{Document: f.Document, Path: f.Field, Line: f.Line, Message: f.Message, MessageZH: f.Message})
	}
	for _, f := range faults.Locate(p.documents) {
		s.note("%s", s.problem(f))
	}
	return refused(err)
}
