package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/bidahq/bida/client"
)

type policyImpact struct {
	fileFlag
	serverFlags
	Prune bool `help:"Also what deleting the documents that the file does not have would do."`
	Days  int  `help:"How far back recorded messages are looked at." default:"7"`
	JSON  bool `help:"As JSON."`
}

const (
	defaultImpactDays = 7
	mostImpactDays    = 90 // the server's bound
)

// impactCounts are messages by what would have become of them.
type impactCounts struct {
	Messages, Waits, Received, Other, Undetermined int
}

func (c *impactCounts) changed() int { return c.Waits + c.Received + c.Other + c.Undetermined }

// foreseen is what is printed of the server's answer.
type foreseen struct {
	Revision int64
	Changes  []any
	Same     bool
	Replay   struct {
		From, Until time.Time
		Limited     bool
		impactCounts
		Cells []struct {
			Inbox, Kind string
			impactCounts
		}
		Agents []struct {
			Agent, Title        string
			Stops, Starts, Lost int
		}
		Examples []struct {
			Message, Inbox, Kind, Change, Reason string
			Agents                               []string
		}
	}
	Ahead struct {
		Until  time.Time
		Cells  int
		Losses []struct {
			Inbox, Title, Kind, Reason string
			At                         time.Time
			Last                       []struct{ Name, Title string }
		}
	}
}

// Run implements the command.
func (v *policyImpact) Run(s *session) error {
	if v.Days < 1 || v.Days > mostImpactDays {
		return usage("--days: want 1 to %d, got %d", mostImpactDays, v.Days)
	}
	from, err := v.open(s)
	if err != nil {
		return err
	}
	p, err := compare(s, &v.fileFlag, from, v.Prune)
	if err != nil {
		return s.faulty(v.File, err, statusTrouble)
	}
	raw, err := from.impact(s.ctx, p, v.Prune, v.Days)
	if err != nil {
		return err
	}
	var f foreseen
	if err := json.Unmarshal(raw, &f); err != nil {
		return fmt.Errorf("the server's answer: %w", err)
	}
	if v.JSON {
		if err := s.document(raw); err != nil {
			return err
		}
	} else {
		s.impact(&f)
	}
	if f.Same {
		return nil
	}
	return answered(statusNo)
}

// impact asks what a plan would do to messages; the answer is as it came.
func (v *server) impact(ctx context.Context, p *plan, prune bool, days int) (json.RawMessage, error) {
	body := struct {
		Documents []client.Document `json:"documents"`
		Prune     bool              `json:"prune,omitempty"`
		Days      int               `json:"days"`
	}{Prune: prune, Days: days}
	for _, d := range p.documents {
		body.Documents = append(body.Documents, client.Document{Kind: d.Kind, Name: d.Name, Spec: d.Spec})
	}
	var raw json.RawMessage
	_, err := v.call(ctx, client.Call{Method: http.MethodPost, Path: "/impact", Body: body}, &raw)
	return raw, err
}

// impact prints what a change would have done, and what it will.
func (s *session) impact(f *foreseen) {
	r := &f.Replay
	s.print(s.pick("对版本 %d 的改动：%d 个文档\n", "a change of revision %d: %d document(s)\n"), f.Revision, len(f.Changes))
	s.print(s.pick("\n已记录的消息 %s 至 %s：%d 条，逐条按当时的事实重新判定\n", "\nrecorded messages from %s to %s: %d, each decided again on its own facts\n"),
		s.minute(r.From.In(s.zone)), s.minute(r.Until.In(s.zone)), r.Messages)
	if r.Limited {
		s.print("  %s\n", s.pick("消息太多，只看了最近的部分", "there were too many: only the latest were looked at"))
	}
	if r.changed() == 0 {
		s.print("  %s\n", s.pick("全部去向不变", "all would have gone the same way"))
	}
	for _, c := range r.Cells {
		if c.changed() > 0 {
			s.print("  %s · %s: %s\n", c.Inbox, c.Kind, s.impactCounts(&c.impactCounts))
		}
	}
	for _, a := range r.Agents {
		s.print(s.pick("  %s：不再能收到 %d 条，新能收到 %d 条，失去已收到的 %d 条\n", "  %s: could no longer receive %d, could receive %d more, would lose %d that it got\n"),
			titled(a.Title, a.Agent), a.Stops, a.Starts, a.Lost)
	}
	for _, e := range r.Examples {
		s.print(s.pick("  例如 %s（%s · %s）：%s\n", "  for example %s (%s · %s): %s\n"), e.Message, e.Inbox, e.Kind, s.example(e.Change, e.Reason, e.Agents))
	}
	s.losses(f)
}

func (s *session) losses(f *foreseen) {
	a := &f.Ahead
	if len(a.Losses) == 0 {
		s.print(s.pick("\n至 %s：%d 个渠道与消息类型的组合都不会因此失去最后一位可接收的人\n", "\nuntil %s: none of %d inboxes and kinds loses its last receiver\n"), s.minute(a.Until.In(s.zone)), a.Cells)
		return
	}
	s.print("\n%s\n", s.pick("失去最后一位可接收的人：", "losing the last receiver:"))
	for _, l := range a.Losses {
		var last []string
		for _, x := range l.Last {
			last = append(last, titled(x.Title, x.Name))
		}
		why := l.Reason
		if why == "" {
			why = s.pick("不再有这种消息", "there is no such kind any more")
		}
		s.print(s.pick("  ! %s · %s，自 %s 起（此前可接收：%s）：%s\n", "  ! %s · %s, from %s (could receive before: %s): %s\n"),
			titled(l.Title, l.Inbox), l.Kind, s.minute(l.At.In(s.zone)), strings.Join(last, s.pick("、", ", ")), why)
	}
}

func (s *session) impactCounts(c *impactCounts) string {
	return fmt.Sprintf(s.pick("共 %d 条，会等待 %d，会被接收 %d，会给别人 %d，无法判定 %d", "of %d, %d would have waited, %d been received, %d gone to others, %d cannot be told"),
		c.Messages, c.Waits, c.Received, c.Other, c.Undetermined)
}

func (s *session) example(change, reason string, was []string) string {
	got := strings.Join(was, s.pick("、", ", "))
	switch change {
	case "waits":
		return s.pick("会等待：", "would have waited: ") + reason
	case "received":
		return s.pick("会被接收", "would have been received")
	case "other":
		return s.pick("会给别人；当时给了 ", "would have gone to others than ") + got
	}
	return s.pick("无法判定", "cannot be told")
}
