package cli

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/mattn/go-isatty"

	"github.com/bidahq/bida/client"
	"github.com/bidahq/bida/internal/policy"
)

type policyApply struct {
	fileFlag
	serverFlags
	Prune    bool   `help:"Delete the documents that the file does not have (never accounts' login data)."`
	Reason   string `help:"Why, for the history." placeholder:"TEXT"`
	Yes      bool   `short:"y" help:"Do not ask. Nothing is asked either unless standard input is a terminal, and with --json."`
	NoImpact bool   `help:"Do not work out first what it would do to messages."`
	JSON     bool   `help:"As JSON."`
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
	if len(p.changes) == 0 {
		return v.nothing(s, p)
	}
	impact, unknown := v.foresee(s, to, p)
	if !v.JSON {
		if err := v.show(s, p, impact, unknown); err != nil {
			return err
		}
	}
	var answer struct {
		Revision int64 `json:"revision"`
	}
	if _, err := to.call(s.ctx, p.request(v), &answer); err != nil {
		return s.notApplied(err, p)
	}
	if v.JSON {
		return s.document(applied{answer.Revision, true, p.changes, list(p.alterations()), impact, unknown})
	}
	s.print(s.pick("已应用为版本 %d\n", "applied as revision %d\n"), answer.Revision)
	return nil
}

// applied is the answer as JSON.
type applied struct {
	Revision    int64               `json:"revision"`
	Applied     bool                `json:"applied"`
	Changes     []policy.Change     `json:"changes"`
	Alterations []policy.Alteration `json:"alterations"`
	// Impact is what was foreseen, as POST /impact answers; null where nothing was. ImpactUnknown says why, where it could not be.
	Impact        json.RawMessage `json:"impact"`
	ImpactUnknown string          `json:"impact_unknown,omitempty"`
}

func (v *policyApply) nothing(s *session, p *plan) error {
	if v.JSON {
		return s.document(applied{Revision: p.before.Revision(), Changes: []policy.Change{}, Alterations: []policy.Alteration{}})
	}
	s.print(s.pick("与版本 %d 没有差别，无需应用\n", "no difference from revision %d: nothing to do\n"), p.before.Revision())
	return nil
}

// foresee asks what the plan would do to messages. That it cannot be said is no reason not to apply: then unknown says why.
func (v *policyApply) foresee(s *session, to *server, p *plan) (impact json.RawMessage, unknown string) {
	if v.NoImpact {
		return nil, ""
	}
	impact, err := to.impact(s.ctx, p, v.Prune, defaultImpactDays)
	if no := client.AsRefused(err); no != nil && no.Status == http.StatusNotFound {
		return nil, s.pick("这个服务的版本没有影响分析", "the server is of a version without it")
	} else if err != nil {
		return nil, oneLine(s.words(err))
	}
	return impact, ""
}

// show prints what the plan changes and does, and asks whether to go on, if there is somebody to ask.
func (v *policyApply) show(s *session, p *plan, impact json.RawMessage, unknown string) error {
	s.changes(p)
	switch {
	case unknown != "":
		s.note(s.pick("无法预计对消息的影响：%s", "the impact on messages cannot be foreseen: %s"), unknown)
	case impact != nil:
		var f foreseen
		if err := json.Unmarshal(impact, &f); err != nil {
			s.note(s.pick("无法预计对消息的影响：%v", "the impact on messages cannot be foreseen: %v"), err)
			break
		}
		s.print("\n")
		s.impact(&f)
	}
	if v.Yes || v.File == "-" || !s.terminal() {
		return nil
	}
	if !s.agrees(s.pick("应用以上改动？[y/N] ", "Apply this? [y/N] ")) {
		return refused(errors.New(s.pick("未应用任何改动", "nothing was applied")))
	}
	return nil
}

// terminal says whether somebody sits at standard input.
func (s *session) terminal() bool {
	in, ok := s.In.(*os.File)
	return ok && isatty.IsTerminal(in.Fd())
}

// agrees asks a question on standard error; only a plain yes is one.
func (s *session) agrees(question string) bool {
	fmt.Fprint(s.Err, question)
	line, _ := bufio.NewReader(s.In).ReadString('\n') // the end of the input is a no
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes", "是":
		return true
	}
	return false
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
