package cli

import (
	"bufio"
	"io"
	"os"
	"strings"
	"time"

	"github.com/bidahq/bida/internal/checklist"
	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/problem"
)

// checkList asks the questions of the guided check-list and says what the answers come to. It needs no server.
type checkList struct {
	Platform string `help:"Platform that the agent works on: bida, qianniu, qiyu, wecom, chatwoot or other." placeholder:"NAME"`
	Answers  string `help:"File of answers, YAML or JSON; - for standard input. Without one the questions are asked at the terminal." placeholder:"FILE"`
	Template bool   `help:"Print a file of answers to fill in."`
	JSON     bool   `help:"As JSON."`
}

// Run implements the command.
func (v *checkList) Run(s *session) error {
	if v.Template {
		empty := &checklist.Sheet{Platform: v.Platform}
		if err := empty.Check(); err != nil {
			return s.wrongAnswers("--platform", err)
		}
		s.print("%s", checklist.Template(empty.Platform, s.lang))
		return nil
	}
	sheet, err := v.sheet(s)
	if err != nil {
		return err
	}
	report, err := checklist.Evaluate(sheet, &checklist.Basis{Now: time.Now(), Zone: s.zone, Lang: s.lang, Engine: conversation.Engine})
	if err != nil {
		return s.wrongAnswers("--answers", err)
	}
	if v.JSON {
		err = s.document(report)
	} else {
		s.sheet(report)
	}
	if err != nil {
		return err
	}
	return verdict(&report.Report)
}

// sheet reads the answers, or asks for them.
func (v *checkList) sheet(s *session) (*checklist.Sheet, error) {
	if v.Answers == "" {
		if !s.terminal() {
			return nil, usage("--answers: name a file of answers (bida checklist --template makes one), or run it at a terminal")
		}
		sheet := &checklist.Sheet{Platform: v.Platform, Answers: map[string]checklist.Value{}}
		if err := sheet.Check(); err != nil {
			return nil, s.wrongAnswers("--platform", err)
		}
		s.ask(sheet)
		return sheet, nil
	}
	file, err := s.readAnswers(v.Answers)
	if err != nil {
		return nil, usage("--answers: %v", err)
	}
	sheet, err := checklist.Parse(file)
	if err != nil {
		return nil, s.wrongAnswers("--answers", err)
	}
	if v.Platform != "" {
		sheet.Platform = v.Platform
	}
	return sheet, nil
}

// maxAnswers is more than a file of answers may have: what is longer is refused by whoever reads it.
const maxAnswers = 1 << 20

func (s *session) readAnswers(name string) ([]byte, error) {
	in := s.In
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }() // it was only read
		in = f
	}
	return io.ReadAll(io.LimitReader(in, maxAnswers))
}

// wrongAnswers names everything that is wrong.
func (s *session) wrongAnswers(flag string, err error) error {
	p := problem.As(err)
	if p == nil {
		return err
	}
	var say []string
	for _, f := range p.Fields {
		say = append(say, strings.TrimSpace(f.Field+" "+f.Words(s.lang)))
	}
	if len(say) == 0 {
		say = append(say, p.Words(s.lang))
	}
	return usage("%s: %s", flag, strings.Join(say, "; "))
}

// ask asks one question after another; what is not answered stays open, and an end of the input ends it.
func (s *session) ask(sheet *checklist.Sheet) {
	questions := checklist.Questions()
	lines := bufio.NewScanner(s.In)
	s.note("%s", s.pick("逐题回答：y 是，n 否，? 不清楚，回车跳过，q 结束。", "Answer each: y yes, n no, ? don't know, Enter to skip, q to end."))
	for i, q := range questions {
		s.note("\n%d/%d  %s", i+1, len(questions), q.Ask.In(s.lang))
		s.note("      %s%s", s.pick("在哪里看：", "Where: "), q.Where[sheet.Platform].In(s.lang))
		for {
			s.note("      [y/n/?]")
			if !lines.Scan() {
				return
			}
			said := strings.ToLower(strings.TrimSpace(lines.Text()))
			if said == "q" {
				return
			}
			if value, ok := checklist.ParseValue(said); ok {
				if value != "" {
					sheet.Answers[q.ID] = value
				}
				break
			}
			s.note("      %s", s.pick("请回答 y、n 或 ?。", "Answer y, n or ?."))
		}
	}
}

// sheet prints the report of a check-list.
func (s *session) sheet(r *checklist.Report) {
	s.print("%s %s\n", mark(string(r.Verdict)), r.Headline.In(s.lang))
	for _, c := range r.Contradictions {
		s.print("\n  ! %s\n", c.Text.In(s.lang))
	}
	for i := range r.Findings {
		if r.Findings[i].Outcome == "block" {
			s.finding(&r.Report, &r.Findings[i])
		}
	}
	s.print("\n")
	for part := 1; part <= len(parts); part++ {
		s.part(&r.Report, part)
	}
	if r.Next != "" {
		s.print("\n%s %s\n", s.pick("下一步：", "Next:"), r.Next)
	}
	if len(r.AskSupport) > 0 {
		s.print("\n%s\n", s.pick("请问技术支持：", "Ask technical support:"))
	}
	for _, a := range r.AskSupport {
		s.print("  - %s\n", a.Text.In(s.lang))
	}
}
