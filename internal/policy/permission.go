package policy

import (
	"slices"
	"strings"
)

// PermissionInfo describes one permission for people who hand it out.
type PermissionInfo struct {
	Name      string `json:"name"`
	TitleEN   string `json:"title_en"`
	TitleZH   string `json:"title_zh"`
	MeaningEN string `json:"meaning_en"`
	MeaningZH string `json:"meaning_zh"`
	// Templates are the built-in templates that contain it, in order of name.
	Templates []string `json:"templates"`
}

// The permissions of this program. Receiving has two levels: Receive, and "receive.<kind>" below it; both are needed.
const (
	Receive              = "receive"
	ReceiveCustomer      = "receive.customer"
	ReceiveGroup         = "receive.group"
	ReceiveSystem        = "receive.system"
	ReceiveAutoReply     = "receive.auto_reply"
	ReceiveInternal      = "receive.internal"
	MessageReply         = "message.reply"
	MessagePost          = "message.post"
	ReplyRead            = "reply.read"
	ConversationView     = "conversation.view"
	ConversationViewAll  = "conversation.view_all"
	ConversationAccept   = "conversation.accept"
	ConversationTransfer = "conversation.transfer"
	ConversationResolve  = "conversation.resolve"
	ConversationRelease  = "conversation.release"
	PresenceSet          = "presence.set"
	PresenceSetOthers    = "presence.set_others"
	RealtimeConnect      = "realtime.connect"
	DiagnosisSelf        = "diagnosis.self"
	DiagnosisView        = "diagnosis.view"
	TraceView            = "trace.view"
	IntakeLogView        = "intake_log.view"
	PolicyView           = "policy.view"
	PolicyEdit           = "policy.edit"
	AccountState         = "account.state"
	AccountPassword      = "account.password"
	SessionEnd           = "session.end"
	TokenOwn             = "token.own"
	TokenManage          = "token.manage"
	AuditView            = "audit.view"
	JobView              = "job.view"
	JobReplay            = "job.replay"
	QuarantineView       = "quarantine.view"
	QuarantineRelease    = "quarantine.release"
	SnapshotExport       = "snapshot.export"
)

const receivePrefix = "receive."

// builtinKinds are the message kinds that exist without any inbox listing them.
var builtinKinds = []string{"customer", "group", "system", "auto_reply", "internal"}

var catalogue = []PermissionInfo{
	{Name: Receive, TitleEN: "receive messages", TitleZH: "接收消息", MeaningEN: "Receive messages at all. Off, every receive.<kind> is off too.", MeaningZH: "接收消息的总权限；关掉后，各类消息的接收权限都不生效。"},
	{Name: ReceiveCustomer, TitleEN: "receive customers' messages", TitleZH: "接收客户消息", MeaningEN: "Receive messages that customers write to the company.", MeaningZH: "接收客户发来的消息。"},
	{Name: ReceiveGroup, TitleEN: "receive group messages", TitleZH: "接收群消息", MeaningEN: "Receive messages of group conversations.", MeaningZH: "接收群会话里的消息。"},
	{Name: ReceiveSystem, TitleEN: "receive system messages", TitleZH: "接收系统推送", MeaningEN: "Receive assignments, notices and announcements.", MeaningZH: "接收分配、通知、公告等系统推送。"},
	{Name: ReceiveAutoReply, TitleEN: "receive automatic replies", TitleZH: "接收自动回复", MeaningEN: "See the automatic replies in one's conversations.", MeaningZH: "在自己的会话里看到自动回复。"},
	{Name: ReceiveInternal, TitleEN: "receive internal messages", TitleZH: "接收内部消息", MeaningEN: "Receive notes and mentions by colleagues.", MeaningZH: "接收同事的内部备注和提醒。"},
	{Name: MessageReply, TitleEN: "answer", TitleZH: "回复消息", MeaningEN: "Answer customers, and write notes to colleagues. Who may not answer is not given conversations.", MeaningZH: "回复客户，给同事写内部备注；没有这项权限的人不会分到会话。"},
	{Name: MessagePost, TitleEN: "post messages", TitleZH: "投递消息", MeaningEN: "Post customers' messages into an inbox over the API: for systems, not for people.", MeaningZH: "通过接口把客户消息送进渠道；给系统用，不给人用。"},
	{Name: ReplyRead, TitleEN: "read answers", TitleZH: "读取回复", MeaningEN: "Read the answers of an inbox over the API, to bring them to the customers.", MeaningZH: "通过接口读取渠道的回复，再送给客户。"},
	{Name: ConversationView, TitleEN: "view own conversations", TitleZH: "查看自己的会话", MeaningEN: "View the conversations one owns, owned, is offered or was mentioned in.", MeaningZH: "查看自己负责、负责过、可接待或被提醒的会话。"},
	{Name: ConversationViewAll, TitleEN: "view all conversations", TitleZH: "查看全部会话", MeaningEN: "View everybody's conversations, and act on them where the action's own permission is held.", MeaningZH: "查看所有人的会话；对它们操作仍需相应的操作权限。"},
	{Name: ConversationAccept, TitleEN: "accept conversations", TitleZH: "接待会话", MeaningEN: "Take a conversation that is offered, or open one that was assigned.", MeaningZH: "接待分配或可领取的会话。"},
	{Name: ConversationTransfer, TitleEN: "transfer conversations", TitleZH: "转接会话", MeaningEN: "Hand a conversation over to a colleague.", MeaningZH: "把会话转给同事。"},
	{Name: ConversationResolve, TitleEN: "resolve conversations", TitleZH: "结束会话", MeaningEN: "Mark a conversation as resolved.", MeaningZH: "把会话标记为已解决。"},
	{Name: ConversationRelease, TitleEN: "release conversations", TitleZH: "释放会话", MeaningEN: "Give a conversation back, so that it is decided again.", MeaningZH: "放回会话，由系统重新分配。"},
	{Name: PresenceSet, TitleEN: "set own presence", TitleZH: "设置自己的在线状态", MeaningEN: "Say that one is available, away, not to be disturbed or offline.", MeaningZH: "设置自己为在线、小休、勿扰或离线。"},
	{Name: PresenceSetOthers, TitleEN: "set others' presence", TitleZH: "设置他人的在线状态", MeaningEN: "Set the presence of other agents.", MeaningZH: "设置其他客服的在线状态。"},
	{Name: RealtimeConnect, TitleEN: "connect in real time", TitleZH: "实时连接", MeaningEN: "Open a realtime connection, over which messages are pushed.", MeaningZH: "建立实时连接，接收推送。"},
	{Name: DiagnosisSelf, TitleEN: "diagnose oneself", TitleZH: "自助诊断", MeaningEN: "Ask why oneself receives nothing.", MeaningZH: "诊断自己为什么收不到消息。"},
	{Name: DiagnosisView, TitleEN: "diagnose others", TitleZH: "诊断他人", MeaningEN: "Ask why somebody else receives nothing.", MeaningZH: "诊断其他客服为什么收不到消息。"},
	{Name: TraceView, TitleEN: "view traces", TitleZH: "查看消息轨迹", MeaningEN: "View every stage of a message's way, all candidates and all attempts.", MeaningZH: "查看消息的每个环节、所有候选人和每次推送尝试。"},
	{Name: IntakeLogView, TitleEN: "view the intake log", TitleZH: "查看接入日志", MeaningEN: "View requests that were refused on the way in.", MeaningZH: "查看接入时被拒绝的请求。"},
	{Name: PolicyView, TitleEN: "view the policy", TitleZH: "查看接待设置", MeaningEN: "View all documents, revisions and differences.", MeaningZH: "查看全部设置、版本和差异。"},
	{Name: PolicyEdit, TitleEN: "edit the policy", TitleZH: "修改接待设置", MeaningEN: "Change who receives what.", MeaningZH: "修改决定谁接收什么的设置。"},
	{Name: AccountState, TitleEN: "set account states", TitleZH: "变更账号状态", MeaningEN: "Freeze, disable and reactivate accounts.", MeaningZH: "冻结、停用、恢复账号。"},
	{Name: AccountPassword, TitleEN: "set others' passwords", TitleZH: "设置他人的密码", MeaningEN: "Give another account a new password, which ends its sessions at browsers.", MeaningZH: "为其他账号设置新密码；其浏览器登录会随之结束。"},
	{Name: SessionEnd, TitleEN: "end others' sessions", TitleZH: "结束他人的登录", MeaningEN: "End the sessions of other accounts.", MeaningZH: "结束其他账号的登录会话。"},
	{Name: TokenOwn, TitleEN: "manage own tokens", TitleZH: "管理自己的令牌", MeaningEN: "Create and revoke API tokens of one's own account.", MeaningZH: "创建、吊销自己账号的接口令牌。"},
	{Name: TokenManage, TitleEN: "manage others' tokens", TitleZH: "管理他人的令牌", MeaningEN: "Create and revoke API tokens of any account.", MeaningZH: "创建、吊销任何账号的接口令牌。"},
	{Name: AuditView, TitleEN: "view the audit log", TitleZH: "查看审计日志", MeaningEN: "View who changed what.", MeaningZH: "查看谁改了什么。"},
	{Name: JobView, TitleEN: "view background jobs", TitleZH: "查看后台任务", MeaningEN: "View what runs in the background, when it is tried again, and what failed.", MeaningZH: "查看后台在做什么、何时重试、哪些失败了。"},
	{Name: JobReplay, TitleEN: "run background jobs again", TitleZH: "重试后台任务", MeaningEN: "Have a background job that failed tried again now.", MeaningZH: "让失败的后台任务立即重试。"},
	{Name: QuarantineView, TitleEN: "view intercepted messages", TitleZH: "查看已拦截的消息", MeaningEN: "Read the messages that filter rules kept back or refused, and see which rule it was.", MeaningZH: "查看被过滤规则拦截或拒收的消息，以及是哪条规则。"},
	{Name: QuarantineRelease, TitleEN: "release intercepted messages", TitleZH: "放行已拦截的消息", MeaningEN: "Release a message that a filter rule kept back.", MeaningZH: "放行被过滤规则拦截的消息。"},
	{Name: SnapshotExport, TitleEN: "export snapshots", TitleZH: "导出快照", MeaningEN: "Export one file with all settings and recent records, without texts and secrets, to diagnose elsewhere.", MeaningZH: "把全部设置和近期记录（不含消息内容和机密）导出为一个文件，供离线诊断。"},
}

// Permissions lists all permissions. Beside them there is "receive.<kind>" for every kind that some inbox lists.
func Permissions() []PermissionInfo {
	list := slices.Clone(catalogue)
	for i := range list {
		list[i].Templates = []string{}
		for _, t := range builtinTemplates {
			if slices.Contains(t.spec.Permissions, list[i].Name) {
				list[i].Templates = append(list[i].Templates, t.name)
			}
		}
		slices.Sort(list[i].Templates)
	}
	return list
}

func permissionNames() []string {
	names := make([]string, len(catalogue))
	for i, p := range catalogue {
		names[i] = p.Name
	}
	return names
}

// receivedKind is the kind of a permission "receive.<kind>"; ok is false for every other permission.
func receivedKind(permission string) (kind string, ok bool) {
	return strings.CutPrefix(permission, receivePrefix)
}

var knownPermission = func() map[string]bool {
	m := map[string]bool{}
	for _, p := range catalogue {
		m[p.Name] = true
	}
	return m
}()

// AdminRole is the role that belongs to the program and holds every permission.
const AdminRole = "admin"

type builtinTemplate struct {
	name string
	spec TemplateSpec
}

var (
	agentPermissions = []string{
		Receive, ReceiveCustomer, ReceiveGroup, ReceiveSystem, ReceiveAutoReply, ReceiveInternal,
		MessageReply, ConversationView, ConversationAccept, ConversationTransfer, ConversationResolve, ConversationRelease,
		PresenceSet, RealtimeConnect, DiagnosisSelf, TokenOwn,
	}
	// builtinTemplates belong to the program: they have no revision, are not exported and cannot be edited.
	builtinTemplates = []builtinTemplate{
		{"agent", TemplateSpec{Title: "客服", Permissions: agentPermissions}},
		{"supervisor", TemplateSpec{Title: "客服主管", Permissions: slices.Concat(agentPermissions, []string{
			ConversationViewAll, PresenceSetOthers, DiagnosisView, TraceView, IntakeLogView, PolicyView, SessionEnd, QuarantineView, QuarantineRelease,
		})}},
		{AdminRole, TemplateSpec{Title: "管理员", Permissions: permissionNames()}},
		{"permission-admin", TemplateSpec{Title: "权限管理员", Permissions: []string{PolicyView, PolicyEdit, AccountState, TokenOwn}}},
		{"readonly", TemplateSpec{Title: "只读", Permissions: []string{
			ConversationView, ConversationViewAll, DiagnosisSelf, DiagnosisView, TraceView, IntakeLogView, PolicyView, JobView, TokenOwn,
		}}},
		{"audit", TemplateSpec{Title: "审计", Permissions: []string{DiagnosisView, TraceView, PolicyView, AuditView, TokenOwn}}},
	}
	builtinRoles = map[string]RoleSpec{AdminRole: {Title: "管理员", Template: AdminRole}}
)

// Builtins lists the documents that belong to the program: the templates, the role admin and the calendar. They may be referred to, but not edited or
// deleted, and have no revision; beside the calendar a company may have a document of the same name, see Set.Calendar.
func Builtins() []Document {
	var docs []Document
	for _, t := range builtinTemplates {
		docs = append(docs, Document{Kind: KindTemplate, Name: t.name, Spec: encode(t.spec)})
	}
	for name, spec := range builtinRoles {
		docs = append(docs, Document{Kind: KindRole, Name: name, Spec: encode(spec)})
	}
	for name, spec := range builtinCalendars() {
		docs = append(docs, Document{Kind: KindCalendar, Name: name, Spec: encode(spec)})
	}
	sortDocuments(docs)
	return docs
}

// Builtin finds a document that belongs to the program.
func Builtin(kind, name string) (Document, bool) {
	for _, d := range Builtins() {
		if d.Kind == kind && d.Name == name {
			return d, true
		}
	}
	return Document{}, false
}

func isBuiltin(kind, name string) bool {
	switch kind {
	case KindTemplate:
		return slices.ContainsFunc(builtinTemplates, func(t builtinTemplate) bool { return t.name == name })
	case KindRole:
		_, ok := builtinRoles[name]
		return ok
	case KindCalendar:
		return name == PublicCalendar // asked while the program's own is read
	}
	return false
}
