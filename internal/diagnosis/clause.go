package diagnosis

import (
	"strings"
	"time"

	"github.com/bidahq/bida/internal/reception"
)

// authored are clauses of headlines for what somebody did: {by} did it at {time}, to {kind} or {inbox}; and for what needs no author. A code without one
// is said by its title.
var authored = map[reception.Code]Text{
	reception.CodeAccountStateDisabled: {"{by} {time} 停用了该账号", "{by} disabled the account on {time}"},
	reception.CodeAccountStateFrozen:   {"{by} {time} 冻结了该账号", "{by} froze the account on {time}"},
	reception.CodeAccountStateBanned:   {"{by} {time} 封禁了该账号", "{by} banned the account on {time}"},
	reception.CodeAccountStateLeft:     {"{by} {time} 将该账号标记为离职", "{by} marked the account as left on {time}"},
	reception.CodeAccountStateMissing:  {"{by} {time} 删除了该账号", "{by} deleted the account on {time}"},

	reception.CodeFilterQuarantined: {"{by} {time} 设置的过滤规则拦截了这条消息", "a filter rule that {by} set on {time} kept it back"},
	reception.CodeFilterRejected:    {"{by} {time} 设置的过滤规则拒收了这条消息", "a filter rule that {by} set on {time} refused it"},

	reception.CodeAccountLoginEnded:         {"{by} {time} 结束了该账号的登录", "{by} ended the session on {time}"},
	reception.CodeAccountLoginTokenRevoked:  {"{by} {time} 吊销了访问令牌", "{by} revoked the access token on {time}"},
	reception.CodeAccountLoginSignedOut:     {"{by} {time} 退出了登录", "{by} signed out on {time}"},
	reception.CodeAccountLoginAccountClosed: {"账号状态变更后登录于 {time} 结束（{by}）", "the session ended with the account's state on {time} ({by})"},

	reception.CodeRoleReceiveAccountDenied:      {"{by} {time} 关掉了接收消息的权限", "{by} switched off the right to receive on {time}"},
	reception.CodeRoleReceiveRemovedFromRole:    {"{by} {time} 从角色中去掉了接收消息的权限", "{by} took the right to receive out of the role on {time}"},
	reception.CodeRoleReceiveNotAgent:           {"{by} {time} 将该账号设为非客服", "{by} made the account no agent on {time}"},
	reception.CodePermissionKindAccountDenied:   {"{by} {time} 关掉了{kind}的接收权限", "{by} switched off the right to receive {kind} on {time}"},
	reception.CodePermissionKindRemovedFromRole: {"{by} {time} 从角色中去掉了{kind}的接收权限", "{by} took the right to receive {kind} out of the role on {time}"},

	reception.CodeRoleReceiveNotGranted:    {"角色不含接收消息的权限", "the role does not include the right to receive"},
	reception.CodePermissionKindNotGranted: {"角色不含{kind}的接收权限", "the role does not include the right to receive {kind}"},
	reception.CodePermissionKindExpired:    {"{kind}的临时接收授权已到期", "the allowance to receive {kind} has run out"},
	reception.CodePermissionKindParentOff:  {"接收消息的总权限已关闭", "the right to receive is off altogether"},

	reception.CodePermissionReplyAccountDenied:   {"{by} {time} 关掉了回复客户的权限", "{by} switched off the right to answer customers on {time}"},
	reception.CodePermissionReplyRemovedFromRole: {"{by} {time} 从角色中去掉了回复客户的权限", "{by} took the right to answer customers out of the role on {time}"},

	reception.CodeMembershipInboxNotMember: {"{by} {time} 将其移出了{inbox}", "{by} ended the membership in {inbox} on {time}"},

	reception.CodeWindowAgentClosed:     {"{by} {time} 改了接待时段，现在不在时段内", "{by} changed the reception window on {time}, and it is closed now"},
	reception.CodeWindowAgentTeamClosed: {"{by} {time} 改了客服组的接待时段，现在不在时段内", "{by} changed the team's reception window on {time}, and it is closed now"},
	reception.CodeWindowAgentDateOff:    {"{by} {time} 改了排班的特殊日期，今天不在时段内", "{by} changed the schedule's dates on {time}, and it is closed now"},
	reception.CodeWindowAgentHoliday:    {"{by} {time} 改了排班的日历，今天休息", "{by} changed the schedule's calendar on {time}, and today is off"},
	reception.CodeWindowAgentMakeupDay:  {"{by} {time} 改了排班的调休安排，今天不在时段内", "{by} changed the schedule's make-up workdays on {time}, and it is closed now"},
	reception.CodeWindowInboxClosed:     {"{by} {time} 改了{inbox}的营业时间，现在不营业", "{by} changed the business hours of {inbox} on {time}, and it is closed now"},
	reception.CodeWindowInboxDateOff:    {"{by} {time} 改了{inbox}营业时间的特殊日期，现在不营业", "{by} changed the dates of the business hours of {inbox} on {time}, and it is closed now"},
	reception.CodeWindowInboxHoliday:    {"{by} {time} 改了{inbox}营业时间的日历，今天不营业", "{by} changed the calendar of the business hours of {inbox} on {time}, and it is closed today"},
	reception.CodeWindowInboxMakeupDay:  {"{by} {time} 改了{inbox}营业时间的调休安排，现在不营业", "{by} changed the make-up workdays of the business hours of {inbox} on {time}, and it is closed now"},

	reception.CodeSwitchPlatformOff:    {"{by} {time} 关闭了平台推送", "{by} switched push off for the whole platform on {time}"},
	reception.CodeSwitchPlatformPaused: {"{by} {time} 暂停了平台推送", "{by} paused push for the whole platform on {time}"},
	reception.CodeSwitchInboxOff:       {"{by} {time} 关闭了{inbox}的推送", "{by} switched push off for {inbox} on {time}"},
	reception.CodeSwitchInboxPaused:    {"{by} {time} 暂停了{inbox}的推送", "{by} paused push for {inbox} on {time}"},
	reception.CodeSwitchAccountOff:     {"{by} {time} 关闭了该账号的推送", "{by} switched push off for the account on {time}"},
	reception.CodeSwitchAccountPaused:  {"{by} {time} 暂停了该账号的推送", "{by} paused push for the account on {time}"},

	reception.CodeSwitchPlatformLimited: {"{by} {time} 将平台推送限流，本分钟名额已用完", "{by} limited push for the whole platform on {time}, and this minute's count is used up"},
	reception.CodeSwitchInboxLimited:    {"{by} {time} 将{inbox}的推送限流，本分钟名额已用完", "{by} limited push for {inbox} on {time}, and this minute's count is used up"},
	reception.CodeSwitchAccountLimited:  {"{by} {time} 将该账号的推送限流，本分钟名额已用完", "{by} limited push for the account on {time}, and this minute's count is used up"},

	reception.CodeMaintenancePlatform: {"{by} {time} 安排的全部渠道维护正在进行", "maintenance of all inboxes, planned by {by} on {time}, is under way"},
	reception.CodeMaintenanceInbox:    {"{by} {time} 安排的{inbox}维护正在进行", "maintenance of {inbox}, planned by {by} on {time}, is under way"},

	reception.CodeClientVersionBelowMinimum: {"现用客户端低于 {by} {time} 规定的最低版本", "the client is older than the minimum that {by} set on {time}"},
	reception.CodeClientVersionBlocked:      {"{by} {time} 禁用了现用的客户端版本", "{by} blocked this version of the client on {time}"},

	reception.CodeViewFiltered:   {"消息不在当时显示的会话列表里", "the list in view did not contain the message"},
	reception.CodeViewNotVisible: {"客服的窗口一直不在眼前", "no window of the agent was visible"},

	reception.CodeIntakeKindNotProduced: {"{by} {time} 让{inbox}不再产生{kind}", "{by} took {kind} off {inbox} on {time}"},

	reception.CodePresenceAway:    {"{by} {time} 将状态设为离开", "{by} set the status to away on {time}"},
	reception.CodePresenceDnd:     {"{by} {time} 将状态设为勿扰", "{by} set the status to do not disturb on {time}"},
	reception.CodePresenceOffline: {"{by} {time} 将状态设为离线", "{by} set the status to offline on {time}"},

	reception.CodeCapacityInboxFull: {"{by} {time} 调低了接待上限，现已满", "{by} lowered the limit on {time}, and it is reached"},
	reception.CodeCapacityTotalFull: {"{by} {time} 调低了总接待上限，现已满", "{by} lowered the total limit on {time}, and it is reached"},
}

// recentChange is how long a change of windows or limits is what people would name; after that it is simply how things are.
const recentChange = 7 * 24 * time.Hour

// clause says a finding as part of a sentence.
func (r *run) clause(f *finding) Text {
	reason := reception.Lookup(f.code)
	plain := Text{reason.Title.ZH, lowerFirst(reason.Title.EN)}
	by, at := r.author(f)
	if text, ok := authored[f.code]; ok && (by != "" || !strings.Contains(text.EN, "{by}")) {
		return r.withAge(r.fill(text, f, by, at), f)
	}
	if at = f.cause.since; !at.IsZero() && f.outcome.Stops() && f.gate != reception.Routing { // a choice is made once
		return r.withAge(Text{plain.ZH + "（自 " + r.clockZH(at) + " 起）", plain.EN + ", since " + r.clockEN(at)}, f)
	}
	return plain
}

// author is who did what the headline says, and when; "" where nobody did, or so long ago that it is how things are.
func (r *run) author(f *finding) (string, time.Time) {
	switch row := f.cause.row; {
	case row.Revision == 0:
	case f.gate == reception.WindowAgent || f.gate == reception.WindowInbox || f.gate == reception.Capacity:
		if r.m.at.Sub(row.At) <= recentChange {
			return row.By, row.At
		}
		return "", time.Time{}
	default:
		return row.By, row.At
	}
	if o := f.cause.origin; o != nil && f.gate != reception.ConnectionGate && f.gate != reception.GateCount {
		return o.By, o.At
	}
	return "", time.Time{}
}

func (r *run) fill(text Text, f *finding, by string, at time.Time) Text {
	who := r.name(by)
	kinds := kindNames(r.kindsAbout(f))
	var zh, en []string
	for _, inbox := range r.inboxesAbout(f) {
		zh, en = append(zh, "“"+r.inboxName(inbox)+"”"), append(en, r.inboxName(inbox))
	}
	return Text{
		ZH: strings.NewReplacer("{by}", who.ZH, "{time}", r.clockZH(at), "{kind}", kinds.ZH, "{inbox}", strings.Join(zh, "、")).Replace(text.ZH),
		EN: strings.NewReplacer("{by}", who.EN, "{time}", r.clockEN(at), "{kind}", kinds.EN, "{inbox}", join(en, " and ")).Replace(text.EN),
	}
}

// lowerFirst makes a title part of a sentence.
func lowerFirst(s string) string {
	if len(s) > 1 && s[0] >= 'A' && s[0] <= 'Z' && (s[1] < 'A' || s[1] > 'Z') {
		return string(s[0]+'a'-'A') + s[1:]
	}
	return s
}
