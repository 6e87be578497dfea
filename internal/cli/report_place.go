package cli

import (
	"fmt"
	"strings"

	"github.com/bidahq/bida/internal/diagnosis"
)

var placeWords = map[string]words{
	"delivered":   {"已送达", "delivered"},
	"on_its_way":  {"正在推送", "on its way"},
	"not_arrived": {"已分配，尚未送达", "given, and not arrived"},
	"waiting":     {"在渠道中等待", "waits in its inbox"},
	"held":        {"等待原接待客服", "waits for its owner"},
	"to_take":     {"待领取", "lies in its inbox to be taken"},
	"quarantined": {"已拦截", "kept back by a filter rule"},
	"rejected":    {"已拒收", "refused by a filter rule"},
	"never_given": {"没有分给任何人", "given to nobody"},
	"refused":     {"请求被拒绝", "the request was refused"},
	"no_record":   {"没有记录", "no record"},
}

// place says where a message is, for a question about one and no agent in particular.
func (s *session) place(r *diagnosis.Report) {
	p := r.Place
	if p == nil {
		return
	}
	s.print("  %s", placeWords[p.State].in(s.lang))
	if p.Since != nil {
		s.print("%s", s.pick(" · 自 ", " · since ")+s.time(p.Since.Time()))
	}
	if p.Inbox != "" {
		s.print(" · %s", strings.TrimSuffix(p.Inbox+"·"+p.Kind, "·"))
	}
	s.print("\n")
	if p.Decision != nil && !empty(p.Decision.Summary) {
		s.print(s.pick("  判定（位置 %d）：%s\n", "  decision at position %d: %s\n"), p.Decision.Position, p.Decision.Summary.In(s.lang))
	}
}

func empty(t diagnosis.Text) bool { return t == diagnosis.Text{} }

// best says what would let the most agents receive the message.
func (s *session) best(r *diagnosis.Report) {
	b := r.Best
	if b == nil {
		return
	}
	s.print(s.pick("\n  ★ 最有效的处理，可让 %d 人接收：%s\n", "\n  ★ what helps most; %d could receive then: %s\n"), b.Count, s.people(r, b.Receivers, b.Count))
	s.fix(&b.Fix)
}

// people names agents, as people call them; few of them are shown.
func (s *session) people(r *diagnosis.Report, list []string, count int) string {
	const shown = 8
	var names []string
	for _, name := range list[:min(len(list), shown)] {
		if title := r.Titles["account/"+name]; title != "" && title != name {
			name = title + " (" + name + ")"
		}
		names = append(names, name)
	}
	text := strings.Join(names, s.pick("、", ", "))
	if more := count - len(names); more > 0 {
		text += fmt.Sprintf(" +%d", more)
	}
	return text
}

// otherCells names some of the cells that a fix changes beside those it is for.
func otherCells(o *diagnosis.Others) string {
	const shown = 6
	var names []string
	for _, c := range o.Cells[:min(len(o.Cells), shown)] {
		names = append(names, c.Agent+"·"+c.Inbox+"·"+c.Kind)
	}
	text := strings.Join(names, ", ")
	if more := o.Count - len(names); more > 0 {
		text += fmt.Sprintf(" +%d", more)
	}
	return text
}
