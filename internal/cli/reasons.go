package cli

import (
	"github.com/bidahq/bida/internal/reception"
)

// reasons lists the catalogue of reason codes.
type reasons struct {
	Code string `arg:"" optional:"" help:"Code to explain."`
	JSON bool   `help:"As JSON."`
}

// Run implements the command.
func (v *reasons) Run(s *session) error {
	all := reception.Reasons()
	if v.Code != "" {
		code, ok := reception.ParseCode(v.Code)
		if !ok {
			return usage("%s: %s", s.pick("没有这个原因代码", "there is no such reason code"), v.Code)
		}
		if r := reception.Lookup(code); v.JSON {
			return s.document(r)
		}
		s.explain(reception.Lookup(code))
		return nil
	}
	if v.JSON {
		return s.document(map[string]any{"reasons": all})
	}
	gate := ""
	for _, r := range all {
		if r.Gate != gate {
			gate = r.Gate
			s.print("%s\n", gate)
		}
		s.print("  %s  %s\n", pad(r.Code.String(), 42), r.Title.In(s.lang))
	}
	return nil
}

// explain prints all of one reason.
func (s *session) explain(r reception.Reason) {
	s.print("%s  %s\n\n%s\n\n", r.Code, r.Title.In(s.lang), r.Meaning.In(s.lang))
	s.print("%s\n", s.pick("可能的原因", "Likely causes"))
	for _, c := range r.Causes.In(s.lang) {
		s.print("  - %s\n", c)
	}
	s.print("%s\n  %s\n", s.pick("处理", "What to do"), r.Fix.In(s.lang))
}
