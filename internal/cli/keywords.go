package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/bidahq/bida/internal/filter"
	"github.com/bidahq/bida/internal/policy"
)

// policyKeywords puts a list of words into a filter rule.
type policyKeywords struct {
	serverFlags
	Rule string `arg:"" help:"Name of the filter rule."`
	File string `short:"f" required:"" help:"File with one keyword a line (UTF-8, with or without a byte order mark, or GBK); - is standard input." placeholder:"FILE"`
	JSON bool   `help:"As JSON."`
}

// longestWords is more than a rule takes.
const longestWords = 16 << 20

// Run implements the command.
func (v *policyKeywords) Run(s *session) error {
	words, encoding, err := v.words(s)
	if err != nil {
		return err
	}
	to, err := v.open(s)
	if err != nil {
		return err
	}
	_, before, err := to.policy(s.ctx, 0)
	if err != nil {
		return err
	}
	spec, ok := before.Filter(v.Rule)
	if !ok {
		return usage(s.pick("没有过滤规则 %s", "there is no filter rule %s"), v.Rule)
	}
	was := len(spec.Match.Keywords)
	spec.Match.Keywords = words
	raw, err := json.Marshal(spec)
	if err != nil {
		return err
	}
	p := &plan{before: before, after: before, documents: []policy.Document{{Kind: policy.KindFilter, Name: v.Rule, Spec: raw}}}
	if p.edits, err = policy.EditsFor(before, p.documents, false); err == nil && len(p.edits) > 0 {
		p.after, p.changes, err = before.Apply(before.Revision()+1, p.edits)
	}
	if err != nil {
		return s.faulty(v.File, err, statusNo)
	}
	revision := before.Revision()
	if len(p.changes) > 0 {
		var answer struct {
			Revision int64 `json:"revision"`
		}
		if _, err := to.call(s.ctx, p.request(&policyApply{}), &answer); err != nil {
			return s.notApplied(err, p)
		}
		revision = answer.Revision
	}
	if v.JSON {
		return s.document(map[string]any{"rule": v.Rule, "keywords": len(words), "before": was, "encoding": encoding, "applied": len(p.changes) > 0, "revision": revision})
	}
	if encoding != filter.UTF8 {
		s.note(s.pick("%s 不是 UTF-8，已按 %s（GBK）读取", "%s is no UTF-8; it was read as %s (GBK)"), v.File, encoding)
	}
	if len(p.changes) == 0 {
		s.print(s.pick("规则 %s 的关键词没有变化（%d 个）\n", "rule %s has these %d keywords already: nothing to do\n"), v.Rule, len(words))
		return nil
	}
	s.print(s.pick("规则 %s 现有 %d 个关键词（原有 %d 个），已应用为版本 %d\n", "rule %s has %d keywords now (before: %d); applied as revision %d\n"), v.Rule, len(words), was, revision)
	return nil
}

// words reads the file.
func (v *policyKeywords) words(s *session) ([]string, filter.Encoding, error) {
	in := s.In
	if v.File != "-" {
		file, err := os.Open(v.File)
		if err != nil {
			return nil, "", usage("%v", err)
		}
		defer file.Close()
		in = file
	}
	text, err := io.ReadAll(io.LimitReader(in, longestWords))
	if err != nil {
		return nil, "", usage("%s: %v", v.File, err)
	}
	words, encoding, err := filter.ReadWords(text)
	var fault *filter.LineFault
	switch {
	case errors.As(err, &fault) && fault.Line > 0:
		return nil, "", refused(fmt.Errorf(s.pick("%s 第 %d 行：%s", "%s: line %d: %s"), v.File, fault.Line, s.pick(fault.ZH, fault.EN)))
	case errors.As(err, &fault):
		return nil, "", refused(fmt.Errorf("%s: %s", v.File, s.pick(fault.ZH, fault.EN)))
	case len(words) == 0:
		return nil, "", refused(fmt.Errorf(s.pick("%s 里没有关键词", "%s has no keywords"), v.File))
	}
	return words, encoding, nil
}
