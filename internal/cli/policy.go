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
	Rights   policyRights   `cmd:"" help:"Say what an account may do, what decides it, and what would change it."`
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
