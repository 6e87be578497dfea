package httpapi

import (
	"strconv"
	"strings"
)

// The columns of the logs as spreadsheets show them.

func number(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

var intakeColumns = []column[IntakeRow]{
	{"时间", "time", func(r *IntakeRow) string { return when(r.At) }},
	{"状态", "state", func(r *IntakeRow) string { return r.State }},
	{"消息", "message", func(r *IntakeRow) string { return r.Message }},
	{"会话", "conversation", func(r *IntakeRow) string { return r.Conversation }},
	{"渠道", "inbox", func(r *IntakeRow) string { return r.Inbox }},
	{"渠道名称", "inbox title", func(r *IntakeRow) string { return r.InboxTitle }},
	{"消息类型", "kind", func(r *IntakeRow) string { return r.Kind }},
	{"来源编号", "sender id", func(r *IntakeRow) string { return r.SenderID }},
	{"结果", "result", func(r *IntakeRow) string { return r.Result }},
	{"原因代码", "code", func(r *IntakeRow) string { return r.Code }},
	{"原因", "reason", func(r *IntakeRow) string { return r.Words }},
	{"客服", "agents", func(r *IntakeRow) string { return strings.Join(r.Agents, " ") }},
	{"请求账号", "account", func(r *IntakeRow) string { return r.Account }},
	{"字段", "field", func(r *IntakeRow) string { return r.Field }},
	{"说明", "detail", func(r *IntakeRow) string { return r.Detail }},
}

var pushColumns = []column[PushRow]{
	{"时间", "time", func(r *PushRow) string { return when(r.At) }},
	{"状态", "state", func(r *PushRow) string { return r.State }},
	{"消息", "message", func(r *PushRow) string { return r.Message }},
	{"客服", "agent", func(r *PushRow) string { return r.Agent }},
	{"客服名称", "agent title", func(r *PushRow) string { return r.AgentTitle }},
	{"客服序号", "agent sequence", func(r *PushRow) string { return number(r.AgentSequence) }},
	{"渠道", "inbox", func(r *PushRow) string { return r.Inbox }},
	{"消息类型", "kind", func(r *PushRow) string { return r.Kind }},
	{"推送次数", "attempts", func(r *PushRow) string { return number(int64(len(r.Attempts))) }},
	{"最后推送", "last push", func(r *PushRow) string { return stamp(r.lastAttempt().At) }},
	{"连接", "connection", func(r *PushRow) string { return r.lastAttempt().Connection }},
	{"客户端", "client", func(r *PushRow) string { return r.lastAttempt().Client }},
	{"推送结果", "push result", func(r *PushRow) string { return r.lastAttempt().Result }},
	{"送达", "received", func(r *PushRow) string { return stamp(r.ReceivedAt) }},
	{"显示", "seen", func(r *PushRow) string { return stamp(r.SeenAt) }},
	{"接待", "accepted", func(r *PushRow) string { return stamp(r.AcceptedAt) }},
	{"撤回", "withdrawn", func(r *PushRow) string { return stamp(r.WithdrawnAt) }},
	{"撤回原因代码", "code", func(r *PushRow) string { return r.Code }},
	{"撤回原因", "reason", func(r *PushRow) string { return r.Words }},
}

// lastAttempt is the last try to push it; empty if there was none.
func (r *PushRow) lastAttempt() AttemptBody {
	if len(r.Attempts) == 0 {
		return AttemptBody{}
	}
	return r.Attempts[len(r.Attempts)-1]
}

var signInColumns = []column[SignInRow]{
	{"时间", "time", func(r *SignInRow) string { return when(r.At) }},
	{"结果", "result", func(r *SignInRow) string { return r.Result }},
	{"账号", "account", func(r *SignInRow) string { return r.Account }},
	{"姓名", "title", func(r *SignInRow) string { return r.AccountTitle }},
	{"登录会话", "session", func(r *SignInRow) string { return r.Session }},
	{"方式", "how", func(r *SignInRow) string { return r.How }},
	{"令牌", "token", func(r *SignInRow) string { return r.Token }},
	{"客户端", "client", func(r *SignInRow) string { return r.Client }},
	{"来源地址", "address", func(r *SignInRow) string { return r.Remote }},
	{"结束时间", "ended", func(r *SignInRow) string { return stamp(r.EndedAt) }},
	{"结束者", "ended by", func(r *SignInRow) string { return r.EndedBy }},
	{"结束原因", "end cause", func(r *SignInRow) string { return r.EndCause }},
	{"失败代码", "code", func(r *SignInRow) string { return r.Code }},
	{"一小时内次数", "within the hour", func(r *SignInRow) string { return number(int64(r.Count)) }},
}

var operationColumns = []column[OperationRow]{
	{"时间", "time", func(r *OperationRow) string { return when(r.At) }},
	{"账号", "by", func(r *OperationRow) string { return r.By }},
	{"姓名", "title", func(r *OperationRow) string { return r.ByTitle }},
	{"操作", "action", func(r *OperationRow) string { return r.Action }},
	{"对象", "object", func(r *OperationRow) string { return r.Object }},
	{"版本", "revision", func(r *OperationRow) string { return number(r.Revision) }},
	{"来源", "source", func(r *OperationRow) string { return r.Source }},
	{"请求编号", "request", func(r *OperationRow) string { return r.Request }},
	{"详情", "details", func(r *OperationRow) string { return string(r.Details) }},
	{"位置", "position", func(r *OperationRow) string { return number(r.Position) }},
}

var errorColumns = []column[ErrorRow]{
	{"时间", "time", func(r *ErrorRow) string { return when(r.At) }},
	{"类别", "what", func(r *ErrorRow) string { return r.What }},
	{"部件", "part", func(r *ErrorRow) string { return r.Part }},
	{"含义", "meaning", func(r *ErrorRow) string { return r.Words }},
	{"说明", "detail", func(r *ErrorRow) string { return r.Detail }},
	{"直到", "until", func(r *ErrorRow) string { return stamp(r.Until) }},
	{"次数", "count", func(r *ErrorRow) string { return number(r.Count) }},
}
