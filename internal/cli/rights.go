package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/bidahq/bida/client"
	"github.com/bidahq/bida/internal/diagnosis"
)

type policyRights struct {
	serverFlags
	Agent      string `required:"" help:"Account to ask about." placeholder:"NAME"`
	Permission string `help:"Only this permission, with what would change it; exits with 1 where it is not effective." placeholder:"NAME"`
	JSON       bool   `help:"As JSON."`
}

// held is where an account stands with a permission, as the server says.
type held struct {
	Name, Title        string
	Granted, Effective bool
	ParentOff          bool `json:"parent_off"`
	Source             struct {
		Kind, Name, Title, Template, Document, Reason, By string
		TemplateTitle                                     string `json:"template_title"`
		ByTitle                                           string `json:"by_title"`
		Revision                                          int64
		Until, Since                                      time.Time
	}
}

// flip is what would change a permission.
type flip struct {
	Steps  []struct{ Text string }
	Others int
	Needs  string
	Edits  []diagnosis.Edit
}

// Run implements the command.
func (v *policyRights) Run(s *session) error {
	from, err := v.open(s)
	if err != nil {
		return err
	}
	path := "/accounts/" + url.PathEscape(v.Agent) + "/permissions"
	if v.Permission == "" {
		var all struct {
			Blocks []struct{ Permissions []held }
		}
		raw, err := from.call(s.ctx, client.Call{Method: http.MethodGet, Path: path}, &all)
		if err != nil {
			return err
		}
		if v.JSON {
			return s.raw(raw)
		}
		for _, block := range all.Blocks {
			for i := range block.Permissions {
				s.held(&block.Permissions[i])
			}
		}
		return nil
	}
	var one struct {
		Permission held
		FlipsAt    time.Time `json:"flips_at"`
		Flips      []flip
		Editors    []struct{ Name, Title string }
	}
	raw, err := from.call(s.ctx, client.Call{Method: http.MethodGet, Path: path + "/" + url.PathEscape(v.Permission)}, &one)
	if err != nil {
		return err
	}
	if v.JSON {
		err = s.raw(raw)
	} else {
		s.held(&one.Permission)
		if !one.FlipsAt.IsZero() {
			s.print(s.pick("  无需改动，%s 起自动改变\n", "  without any change it becomes the other answer at %s\n"), s.minute(one.FlipsAt.In(s.zone)))
		}
		s.flips(one.Permission.Effective, one.Flips)
		var who []string
		for _, e := range one.Editors {
			who = append(who, titled(e.Title, e.Name))
		}
		if len(who) > 0 {
			s.print(s.pick("  可以修改接待设置的人：%s\n", "  who may change the policy: %s\n"), strings.Join(who, s.pick("、", ", ")))
		}
	}
	if err == nil && !one.Permission.Effective {
		return answered(statusNo)
	}
	return err
}

// held prints one permission: whether it is effective, what decides, and who made it so.
func (s *session) held(p *held) {
	sign := mark("block")
	if p.Effective {
		sign = mark("pass")
	}
	note := ""
	if p.Granted && !p.Effective && p.Source.Kind != "parent" && p.Source.Kind != "not_agent" {
		note = s.pick("，但账号状态使其暂不生效", ", without effect in the account's state")
	}
	if p.ParentOff && p.Source.Kind != "parent" {
		note += s.pick("；总权限 receive 也已关闭", "; receive as a whole is off, too")
	}
	s.print("%s %s (%s): %s%s\n", sign, p.Title, p.Name, s.source(p), note)
	x := &p.Source
	if x.Revision == 0 {
		return
	}
	say := []string{s.pick("自 ", "since ") + s.minute(x.Since.In(s.zone)), fmt.Sprintf(s.pick("版本 %d", "revision %d"), x.Revision), x.Document}
	if by := titled(x.ByTitle, x.By); by != "" {
		say = append(say, s.pick("由 ", "by ")+by)
	}
	if x.Reason != "" {
		say = append(say, x.Reason)
	}
	s.print("    %s\n", strings.Join(say, " · "))
}

// source says in words what decides.
func (s *session) source(p *held) string {
	x := &p.Source
	role, template := titled(x.Title, x.Name), titled(x.TemplateTitle, x.Template)
	text := map[string]string{
		"role":      fmt.Sprintf(s.pick("角色 %s 给予", "granted by the role %s"), role),
		"allow":     s.pick("本账号单独允许", "allowed for this account"),
		"deny":      s.pick("本账号单独禁止", "denied for this account"),
		"expired":   s.pick("本账号的单独允许已到期", "this account's own allowance has ended"),
		"template":  fmt.Sprintf(s.pick("角色 %s 去掉了模板 %s 里的这项权限", "the role %s lacks what its template %s has"), role, template),
		"parent":    fmt.Sprintf(s.pick("上级权限 %s 已关闭", "the parent permission %s is off"), role),
		"not_agent": s.pick("不是客服，不接收消息", "no agent, receives no messages"),
		"none":      s.pick("没有任何角色给予", "no role grants it"),
	}[x.Kind]
	if x.Kind == "role" && template != "" {
		text += fmt.Sprintf(s.pick("（跟随模板 %s）", " (follows the template %s)"), template)
	}
	if !x.Until.IsZero() {
		text += fmt.Sprintf(s.pick("，到 %s", ", until %s"), s.minute(x.Until.In(s.zone)))
	}
	return text
}

func (s *session) flips(effective bool, flips []flip) {
	switch {
	case len(flips) == 0:
		s.print("  %s\n", s.pick("没有可以告诉您的改法", "there is no change that could be told to you"))
		return
	case effective:
		s.print("  %s\n", s.pick("怎样去掉（最小的改动在前，均已重新判定）：", "what would take it away (least first, each verified by deciding again):"))
	default:
		s.print("  %s\n", s.pick("怎样给予（最小的改动在前，均已重新判定）：", "what would give it (least first, each verified by deciding again):"))
	}
	for i, f := range flips {
		var steps []string
		for _, x := range f.Steps {
			steps = append(steps, x.Text)
		}
		beside := s.pick("不影响其他权限", "changes nothing else")
		if f.Others > 0 {
			beside = fmt.Sprintf(s.pick("同时改变另外 %d 项", "changes %d other answer(s) beside"), f.Others)
		}
		s.print("  %d. %s (%s, %s)\n", i+1, strings.Join(steps, s.pick("；", "; ")), beside, f.Needs)
		for _, e := range f.Edits {
			s.print("       %s/%s\n", e.Kind, e.Name)
			for _, c := range e.Fields {
				s.print("         %s: %s → %s\n", strings.TrimPrefix(c.Path, "/spec"), s.value(c.Before), s.value(c.After))
			}
		}
	}
}

// supposed is the question what would be with other roles or settings.
func (v *diagnose) supposed(s *session) (json.RawMessage, error) {
	body := struct {
		Agent     string            `json:"agent"`
		Inbox     string            `json:"inbox,omitempty"`
		Kind      string            `json:"kind,omitempty"`
		At        *time.Time        `json:"at,omitempty"`
		AsRoles   []string          `json:"as_roles,omitempty"`
		Documents []client.Document `json:"documents,omitempty"`
	}{Agent: v.Agent, Inbox: v.Inbox, Kind: v.Kind, AsRoles: v.AsRole}
	if v.Message != "" {
		return nil, usage("--message does not go with --as-role and --with")
	}
	if v.At != "" {
		at, err := instant("--at", v.At, time.Now().In(s.zone))
		if err != nil {
			return nil, err
		}
		body.At = &at
	}
	if v.With != "" {
		file := fileFlag{File: v.With}
		docs, err := file.documents(s)
		if err != nil {
			return nil, s.faulty(v.With, err, statusTrouble)
		}
		for _, d := range docs {
			body.Documents = append(body.Documents, client.Document{Kind: d.Kind, Name: d.Name, Spec: d.Spec})
		}
	}
	return json.Marshal(body)
}
