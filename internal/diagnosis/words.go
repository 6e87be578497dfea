package diagnosis

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/reception"
)

// What people are asked to do.
var (
	actionSignIn = Action{Action: "sign_in", By: "self", Text: Text{
		"登录（程序则用有效的令牌重新连接）。", "Sign in (a program: connect again with a valid token)."}}
	actionCreateToken = Action{Action: "create_token", By: "admin", Text: Text{
		"为该账号创建新的访问令牌。", "Create a new token for the account."}}
	actionGoAvailable = Action{Action: "go_available", By: "self", Text: Text{
		"把状态设为“在线”。", "Set the status to available."}}
	actionReconnect = Action{Action: "reconnect", By: "self", Text: Text{
		"打开客服端并等待连接；已打开的请刷新。", "Open the client and let it connect; if it is open, reload it."}}
	actionReload = Action{Action: "reload", By: "self", Text: Text{
		"刷新页面以更新客户端；终端程序请升级后重新连接。", "Reload the page to update the client; update a terminal program and connect again."}}
	actionFinish = Action{Action: "finish_conversation", By: "self", Text: Text{
		"结束或转出一个手上的会话。", "Resolve or hand over one of the conversations."}}
	actionMend = Action{Action: "mend_component", By: "on-call", Text: Text{
		"修复发生故障的部件。", "Mend the component that fails."}}
)

func (r *run) waitText(until time.Time) Text {
	return Text{
		ZH: "无需处理：" + r.clockZH(until) + " 自动恢复。",
		EN: "Nothing to do: it ends by itself on " + r.clockEN(until) + ".",
	}
}

// clockZH and clockEN write an instant as people say it, to the minute, with the year where it is another one.
func (r *run) clockZH(t time.Time) string {
	t = t.In(r.s.zone)
	layout := "1 月 2 日 15:04"
	if t.Year() != r.m.at.In(r.s.zone).Year() {
		layout = "2006 年 " + layout
	}
	return t.Format(layout)
}

func (r *run) clockEN(t time.Time) string {
	t = t.In(r.s.zone)
	layout := "2 Jan, 15:04"
	if t.Year() != r.m.at.In(r.s.zone).Year() {
		layout = "2 Jan 2006, 15:04"
	}
	return t.Format(layout)
}

// name is what people call an account in a sentence.
func (r *run) name(account string) Text {
	switch {
	case account == system:
		return Text{"系统", "the system"}
	case account == r.q.Agent && account != "":
		return Text{"本人", "the agent"}
	}
	if title := r.title(account); title != "" {
		return Text{title, title}
	}
	if !r.whole && account != r.asker {
		return colleague
	}
	return Text{account, account}
}

// inboxName is an inbox's title, else its name.
func (r *run) inboxName(inbox string) string {
	if spec, ok := r.m.set.Inbox(inbox); ok && spec.Title != "" {
		return spec.Title
	}
	return inbox
}

// kindsEN are kinds in an English sentence; others are "<kind> messages".
var kindsEN = map[string]string{"auto_reply": "automatic replies"}

func kindName(kind string) Text {
	en, ok := kindsEN[kind]
	if !ok {
		en = kind + " messages"
	}
	return Text{"“" + reception.KindTitle(kind, "zh") + "”", en}
}

// what says which messages some cells are: all, some kinds, some inboxes, or some of each.
func (r *run) what(cells []int) Text {
	if len(cells) == len(r.cells) {
		return r.asked()
	}
	all := func(match func(c *cell) bool) bool { // are cells exactly those that match?
		n := 0
		for i := range r.cells {
			if match(&r.cells[i]) {
				n++
				if !slices.Contains(cells, i) {
					return false
				}
			}
		}
		return n == len(cells)
	}
	var kinds, inboxes []string
	for _, i := range cells {
		kinds, inboxes = append(kinds, r.cells[i].kind), append(inboxes, r.cells[i].inbox)
	}
	slices.Sort(kinds)
	kinds, inboxes = slices.Compact(kinds), slices.Compact(inboxes)
	switch {
	case all(func(c *cell) bool { return slices.Contains(kinds, c.kind) }):
		return kindNames(kinds)
	case all(func(c *cell) bool { return slices.Contains(inboxes, c.inbox) }):
		return r.inboxMessages(inboxes)
	case len(cells) == 1:
		kind := kindName(kinds[0])
		return Text{"来自“" + r.inboxName(inboxes[0]) + "”的" + kind.ZH, kind.EN + " of " + r.inboxName(inboxes[0])}
	}
	return Text{"部分消息", "messages of some kinds and inboxes"}
}

// asked says which messages were asked about.
func (r *run) asked() Text {
	t := Text{"消息", "messages"}
	if r.q.Kind != "" {
		t = kindName(r.q.Kind)
	}
	if r.q.Inbox != "" {
		t = Text{"来自“" + r.inboxName(r.q.Inbox) + "”的" + t.ZH, t.EN + " of " + r.inboxName(r.q.Inbox)}
	}
	return t
}

func kindNames(kinds []string) Text {
	var zh, en []string
	for _, k := range kinds {
		t := kindName(k)
		zh, en = append(zh, t.ZH), append(en, t.EN)
	}
	return Text{strings.Join(zh, "、"), join(en, " or ")}
}

func (r *run) inboxMessages(inboxes []string) Text {
	var zh, en []string
	for _, inbox := range inboxes {
		zh, en = append(zh, "“"+r.inboxName(inbox)+"”"), append(en, r.inboxName(inbox))
	}
	return Text{"来自" + strings.Join(zh, "、") + "的消息", "messages of " + join(en, " or ")}
}

// join lists words with a word before the last one.
func join(words []string, last string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	n := len(words) - 1
	return strings.Join(words[:n], ", ") + last + words[n]
}

// headline is the answer in one sentence.
func (r *run) headline() Text {
	who := r.title(r.q.Agent)
	if who == "" {
		who = r.q.Agent
	}
	if r.q.Message != "" {
		return r.messageHeadline(who)
	}
	var f *finding
	if len(r.findings) > 0 {
		f = r.findings[0]
	}
	what := r.asked()
	if f != nil {
		what = r.what(f.cells)
	}
	switch r.report.Verdict {
	case Receiving:
		return r.receivingHeadline(who, f)
	case NoTraffic:
		return Text{who + "可以接收消息，但近 24 小时没有新消息。", who + " can receive messages, but none came in the last 24 hours."}
	}
	if f == nil {
		return Text{who + "收不到消息。", who + " gets no messages."}
	}
	why := r.clause(f)
	switch r.report.Verdict {
	case Unknown:
		return Text{"无法判断" + who + "能否收到" + what.ZH + "：" + why.ZH + "。", "It is not known whether " + who + " can receive " + what.EN + ": " + why.EN + "."}
	case Waiting:
		if until := r.resumes(); !until.IsZero() {
			return Text{
				who + "暂时收不到" + what.ZH + "（" + r.clockZH(until) + " 恢复）：" + why.ZH + "。",
				who + " gets no " + what.EN + " until " + r.clockEN(until) + ": " + why.EN + ".",
			}
		}
		return Text{who + "暂时收不到" + what.ZH + "：" + why.ZH + "。", who + " gets no " + what.EN + " for now: " + why.EN + "."}
	}
	more := r.more(f)
	return Text{who + "收不到" + what.ZH + "：" + why.ZH + more.ZH + "。", who + " gets no " + what.EN + ": " + why.EN + more.EN + "."}
}

// more counts the other unexpected roots: whoever mends the first alone is not done.
func (r *run) more(first *finding) Text {
	n := 0
	for _, f := range r.findings {
		if f != first && f.root == nil && !f.expected && f.decides() {
			n++
		}
	}
	return moreCauses(n)
}

func moreCauses(n int) Text {
	switch n {
	case 0:
		return Text{}
	case 1:
		return Text{"；另有 1 个原因", "; there is 1 more cause"}
	}
	return Text{fmt.Sprintf("；另有 %d 个原因", n), fmt.Sprintf("; there are %d more causes", n)}
}

// resumes is the earliest instant at which a cell that only waits may pass.
func (r *run) resumes() time.Time {
	var least time.Time
	for _, f := range r.findings {
		if f.outcome == reception.Wait && (least.IsZero() || f.until.Before(least)) {
			least = f.until
		}
	}
	return least
}

func (r *run) receivingHeadline(who string, f *finding) Text {
	if f == nil {
		return Text{who + "可以接收消息。", who + " can receive messages."}
	}
	switch f.code {
	case reception.CodeRoutingAssignedElsewhere:
		return Text{
			who + "可以接收消息，近 24 小时的消息都分配给了同事。",
			who + " can receive messages; those of the last 24 hours all went to colleagues.",
		}
	case reception.CodeRecoveryGap:
		n := 0
		for _, o := range r.findings {
			if o.code == f.code {
				n += len(o.messages)
			}
		}
		return Text{
			fmt.Sprintf("%s可以接收消息；故障已恢复，期间有 %d 条消息受影响。", who, n),
			fmt.Sprintf("%s can receive messages; a fault is over, and %s affected.", who, messagesWere(n)),
		}
	case reception.CodePushNoConnection, reception.CodePushUnacknowledged:
		why := r.clause(f)
		return Text{who + "可以接收消息，但有消息未送达：" + why.ZH + "。", who + " can receive messages, but some did not arrive: " + why.EN + "."}
	}
	if f.gate.Advises() || f.stage == stageView {
		why := r.clause(f)
		return Text{who + "可以接收消息，但不一定会注意到：" + why.ZH + "。", who + " can receive messages, but may not notice them: " + why.EN + "."}
	}
	if !f.outcome.Stops() {
		return Text{who + "可以接收消息。", who + " can receive messages."}
	}
	why := r.clause(f)
	return Text{
		who + "可以接收消息（" + r.what(f.cells).ZH + "除外：" + why.ZH + "）。",
		who + " can receive messages (except " + r.what(f.cells).EN + ": " + why.EN + ").",
	}
}

func messagesWere(n int) string {
	if n == 1 {
		return "1 message was"
	}
	return fmt.Sprintf("%d messages were", n)
}

func (r *run) messageHeadline(who string) Text {
	id := r.q.Message
	f := r.findings[0]
	if len(r.entries) > 0 && r.entries[0].State != ledger.Withdrawn && !r.entries[0].ReceivedAt.IsZero() {
		at := r.entries[0].ReceivedAt
		for _, f := range r.findings {
			if f.stage == stageView && f.code != reception.CodeViewNotSeen {
				return Text{
					"消息 " + id + " 已送达" + who + "（" + r.clockZH(at) + "），但还没有被看到：" + r.clause(f).ZH + "。",
					"Message " + id + " reached " + who + " on " + r.clockEN(at) + ", but was not seen: " + r.clause(f).EN + ".",
				}
			}
		}
		return Text{
			"消息 " + id + " 已送达" + who + "（" + r.clockZH(at) + "）。",
			"Message " + id + " reached " + who + " on " + r.clockEN(at) + ".",
		}
	}
	why := r.clause(f)
	switch r.report.Verdict {
	case Unknown:
		return Text{"无法判断消息 " + id + " 是否送达" + who + "：没有推送记录。", "It is not known whether message " + id + " reached " + who + ": there is no record of a push."}
	case Receiving:
		return Text{"消息 " + id + " 在" + who + "可接收的范围内：" + why.ZH + "。", "Message " + id + " is open to " + who + ": " + why.EN + "."}
	}
	return Text{"消息 " + id + " 没有送达" + who + "：" + why.ZH + "。", "Message " + id + " did not reach " + who + ": " + why.EN + "."}
}

// next says what to look at where something decides that is not known.
func (r *run) next() string {
	var parts []string
	if r.blind {
		parts = append(parts, blindNext.In(r.q.Lang))
	}
	if r.report.Verdict != Unknown {
		return strings.Join(parts, " ")
	}
	for _, f := range r.findings {
		if f.outcome != reception.Unknown || f.root != nil {
			continue
		}
		switch f.gate {
		case reception.ConnectionGate:
			if !r.lostAt.IsZero() {
				parts = append(parts, Text{
					"服务进程在 " + r.clockZH(r.lostAt) + " 之后没有记录，之后连接是否还在无从得知：请查看该客服当时的客户端，或下一次连接的时间。",
					"The process that held the connection left no sign of life after " + r.clockEN(r.lostAt) + "; whether the connection lasted is not known. Look at the agent's client for that time, or at when it connected next.",
				}.In(r.q.Lang))
				continue
			}
			parts = append(parts, Text{"没有连接记录：请查看该客服的客户端。", "There is no record of the connection: look at the agent's client."}.In(r.q.Lang))
		case reception.AccountLogin:
			parts = append(parts, Text{"没有登录记录：请让该客服重新登录后再诊断。", "There is no record of a sign-in: let the agent sign in again and diagnose again."}.In(r.q.Lang))
		case reception.GateCount:
			if f.stage != stagePush {
				continue
			}
			parts = append(parts, Text{
				"连接是通的，但没有推送记录：请查看该客服的客户端是否已显示这些消息，以及服务端的错误日志。",
				"The connection is open, but there is no record of a push: look at whether the agent's client shows the messages, and at the server's log.",
			}.In(r.q.Lang))
		case reception.PresenceGate:
			parts = append(parts, Text{"没有状态记录：请让该客服重新设置状态后再诊断。", "There is no record of the status: let the agent set it again and diagnose again."}.In(r.q.Lang))
		}
	}
	return strings.Join(parts, " ")
}
