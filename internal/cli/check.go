package cli

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/bidahq/bida/client"
	"github.com/bidahq/bida/internal/policy"
)

type policyCheck struct {
	fileFlag
	serverFlags
	JSON bool `help:"As JSON."`
}

// Run implements the command.
func (v *policyCheck) Run(s *session) error {
	docs, err := v.documents(s)
	c := checked{documents: docs}
	if err == nil {
		err = v.check(s, &c)
	}
	var found policy.Problems
	if err != nil && !errors.As(err, &found) {
		return err
	}
	warnings := c.warnings()
	if v.JSON {
		if err := s.document(map[string]any{"valid": len(found) == 0, "documents": len(docs), "against": c.against, "problems": list(found), "warnings": list(warnings)}); err != nil {
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
	s.print(s.pick("%s：%d 个文档，没有问题（%s）\n", "%s: %d documents, nothing wrong (%s)\n"), v.File, len(docs), c.against)
	return nil
}

// checked is what a file was found to be, together with what it was checked with.
type checked struct {
	documents []policy.Document
	whole     *policy.Set // nil if it is not valid
	against   string      // what it was checked with, in words
	alone     bool        // the file may be only a part of a policy
	forgotten policy.Problems
}

// warnings are those about the documents of the file, with their lines; what else a server has is not the file's to mend.
func (c *checked) warnings() policy.Problems {
	if c.whole == nil {
		return nil
	}
	now := time.Now()
	dead := policy.DeadProblems(policy.DeadRules(c.whole, policy.DeadQuestion{Now: now, Part: c.alone}))
	all := slices.Concat(c.whole.Warnings(now), dead, c.forgotten).Locate(c.documents)
	return slices.DeleteFunc(all, func(p policy.Problem) bool { return !c.has(p.Document) })
}

func (c *checked) has(document string) bool {
	return slices.ContainsFunc(c.documents, func(d policy.Document) bool { return d.Kind+"/"+d.Name == document })
}

// check looks at the documents together with those of the server that was named, or alone.
func (v *policyCheck) check(s *session, c *checked) error {
	if _, named := v.address(s); !named && v.TokenFile == "" {
		return c.byItself(s)
	}
	to, err := v.open(s)
	var set *policy.Set
	if err == nil {
		_, set, err = to.policy(s.ctx, 0)
	}
	if err != nil {
		s.note(s.pick("未能读取服务上的设置：%s", "the server's policy cannot be read: %s"), oneLine(s.words(err)))
		return c.byItself(s)
	}
	edits, err := policy.EditsFor(set, c.documents, false)
	if err == nil {
		c.whole, _, err = set.Apply(set.Revision()+1, edits)
	}
	c.against = fmt.Sprintf(s.pick("连同 %s 上版本 %d 的文档一起检查", "checked together with revision %[2]d of %[1]s"), to.base, set.Revision())
	if err != nil {
		return located(err, c.documents)
	}
	c.forgotten = s.forgotten(to, edits)
	return nil
}

func (c *checked) byItself(s *session) (err error) {
	c.alone, c.against = true, s.pick("未连接服务，只检查了文件本身", "checked on its own, without a server")
	c.whole, err = policy.NewSet(c.documents)
	return err
}

// deadRule is what is shown of a server's answer.
type deadRule struct {
	Kind, Name, Path, Why, Message, Reason string
	Since                                  time.Time
	By                                     struct{ Name, Title string }
}

// forgotten asks a server, which knows since when, for the switches that were probably forgotten; those that the edits change are not. A server that does not
// know the question is of an older version: then there are none.
func (s *session) forgotten(from *server, edits []policy.Edit) policy.Problems {
	var answer struct{ Rules []deadRule }
	_, err := from.call(s.ctx, client.Call{Method: http.MethodGet, Path: "/policy/dead-rules"}, &answer)
	if no := client.AsRefused(err); no != nil && no.Status == http.StatusNotFound {
		return nil
	} else if err != nil {
		s.note(s.pick("未能查询被遗忘的开关：%s", "forgotten switches cannot be asked for: %s"), oneLine(s.words(err)))
		return nil
	}
	var found policy.Problems
	for _, r := range answer.Rules {
		changed := slices.ContainsFunc(edits, func(e policy.Edit) bool { return e.Kind == r.Kind && e.Name == r.Name })
		if r.Why != string(policy.WhyForgotten) || changed {
			continue
		}
		text := r.Message + fmt.Sprintf(s.pick("（自 %s 起，由 %s 设置", " (since %s, by %s"), s.minute(r.Since.In(s.zone)), titled(r.By.Title, r.By.Name))
		if r.Reason != "" {
			text += s.pick("：", ": ") + r.Reason
		}
		text += s.pick("）", ")")
		found = append(found, policy.Problem{Document: r.Kind + "/" + r.Name, Path: r.Path, Message: text, MessageZH: text})
	}
	return found
}
