package cli

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/bidahq/bida/internal/policy"
)

// changes prints what a plan does, and whose reception that alters.
func (s *session) changes(p *plan) {
	for _, c := range p.changes {
		switch c.Action {
		case policy.Create:
			s.print("+ %s/%s\n", c.Kind, c.Name)
		case policy.Delete:
			s.print("- %s/%s\n", c.Kind, c.Name)
		default:
			s.print("~ %s/%s\n", c.Kind, c.Name)
		}
		for _, f := range c.Fields {
			s.print("    %s: %s → %s\n", strings.TrimPrefix(f.Path, "/spec"), s.value(f.Before), s.value(f.After))
		}
	}
	altered := p.alterations()
	if len(altered) == 0 {
		s.print("%s\n", s.pick("没有人的接收因此改变", "nobody's reception is altered"))
		return
	}
	s.print(s.pick("接收有变化的有 %d 人：\n", "The reception of %d is altered:\n"), len(altered))
	for i := range altered {
		s.print("  %s\n", altered[i].LeadText(s.lang, s.pick("这次变更", "This change")))
	}
}

// value is one side of a change.
func (s *session) value(v json.RawMessage) string {
	if v == nil {
		return s.pick("无", "none")
	}
	var out bytes.Buffer
	if err := json.Compact(&out, v); err != nil {
		return string(v)
	}
	return out.String()
}
