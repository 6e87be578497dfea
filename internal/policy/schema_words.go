package policy

import "strings"

// schemaWords describe kinds and fields for people who write policy files in an editor. A field that means the same everywhere is here once, by the end of its path.
var schemaWords = map[string]string{
	"title":             "What people see; without it they see the name. 显示名称",
	"reason":            "Why, for colleagues. 原因(给同事看)",
	"extensions":        "Opens the windows or hours for a time, beside the schedules. 临时延长",
	"extensions.from":   "When it begins; at once if left out. 开始时间",
	"extensions.until":  "When it ends, by itself. 截止时间",
	"extensions.reason": "Why, for colleagues. 原因",

	"calendar":              "Days off and make-up workdays, year by year; cn-public belongs to the program and may be extended. 日历",
	"calendar.years":        "The years that were announced, by their four digits. 按年份列出已公布的安排",
	"calendar.years.source": "Where it was announced. 来源",
	"calendar.years.off":    "Holidays with their days off. 放假",
	"calendar.years.work":   "Workdays that make up for holidays. 调休上班",
	"off.name":              "The holiday. 节日名称",
	"off.days":              "Dates of this year. 日期",
	"work.name":             "The holiday that is made up for. 节日名称",
	"work.days":             "Dates of this year. 日期",

	"schedule":                 "Openings of a week in a time zone, and dates that differ. 时间表",
	"schedule.zone":            "IANA name of the time zone, such as Asia/Shanghai. 时区",
	"schedule.weekly":          "Openings of the week; they must not overlap. 每周时段",
	"schedule.weekly.days":     "The days on which it begins. 星期几",
	"schedule.weekly.from":     "Time of day, \"09:00\". 开始时刻",
	"schedule.weekly.to":       "Time of day, \"18:00\"; at or before from it is on the next day, \"24:00\" is the end of the day. 结束时刻",
	"schedule.calendar":        "Name of a calendar: its days off have no openings. 日历",
	"schedule.make_up":         "Whose openings a make-up workday has; Monday's if left out. 调休日按星期几开放",
	"schedule.exceptions":      "Dates that differ: what they say takes the place of the openings that begin on them. 例外日期",
	"schedule.exceptions.date": "The date. 日期",
	"schedule.exceptions.from": "Time of day. 开始时刻",
	"schedule.exceptions.to":   "Time of day. 结束时刻",
	"schedule.exceptions.off":  "true: not open on this date. 休息",

	"template":             "A set of permissions that roles are made from. 角色模板",
	"template.permissions": "What it contains. 权限",

	"role":             "A set of permissions that accounts have. 角色",
	"role.template":    "The template that it follows, or, with permissions of its own, is compared with. 模板",
	"role.permissions": "The whole list of what it grants; left out, it follows the template. 权限(完整列表)",

	"account":                  "A person or robot that can sign in; an agent may receive. 账号",
	"account.title":            "Name of the person. 姓名",
	"account.alias":            "What customers see. 对外昵称",
	"account.number":           "Staff number, in quotes. 工号(请加引号)",
	"account.position":         "Position. 岗位",
	"account.agent":            "true: it is an agent and may receive; false if left out. 是否客服",
	"account.robot":            "true: it is a program. 是否机器人",
	"account.state":            "active if left out; only an active account may sign in and receive. 账号状态",
	"account.state_reason":     "Why it is in that state. 状态原因",
	"account.state_until":      "Only of a frozen account: from then on it is active again. 冻结截止时间",
	"account.roles":            "Names of roles; it holds what any of them grants. 角色",
	"account.allow":            "Permissions of its own. 额外授权",
	"account.deny":             "Permissions that it is denied, whatever grants them. 禁止",
	"allow.permission":         "The permission. 权限",
	"allow.until":              "From then on it no longer counts. 截止时间",
	"deny.permission":          "The permission. 权限",
	"deny.until":               "From then on it no longer counts. 截止时间",
	"account.windows":          "Names of schedules: it receives inside any of them, always if there is none. 接待时段",
	"account.capacity":         "How many open conversations it may have. 接待上限",
	"account.capacity.total":   "In all live inboxes together; no limit if left out. 总上限",
	"account.capacity.inboxes": "By inbox, instead of the inbox's own limit. 各渠道上限",
	"account.expires":          "From then on the account is expired. 有效期",

	"team":         "Agents who work together. 客服组",
	"team.members": "Names of accounts that are agents. 成员",
	"team.lead":    "Account that is told of changes to the members' reception. 组长",
	"team.windows": "Names of schedules: through the team its members receive inside any of them. 接待时段",

	"inbox":                          "One entrance for messages. 接待渠道",
	"inbox.channel":                  "api if left out. web: from visitors of web pages too. 接入方式",
	"inbox.mode":                     "live: answered now. async: lies in a list until it is read. live if left out. 模式",
	"inbox.kinds":                    "Kinds of messages that come in here; customer if left out. 消息类型",
	"inbox.members":                  "Who serves it. 成员",
	"inbox.members.accounts":         "Names of accounts that are agents. 客服",
	"inbox.members.teams":            "Names of teams. 客服组",
	"inbox.hours":                    "Name of a schedule; always open if left out. 营业时间",
	"inbox.routing":                  "How it chooses among those who can receive. 分配",
	"inbox.routing.strategy":         "least_loaded if left out. 分配方式",
	"inbox.routing.sticky":           "true: a customer who returns is given to the last agent, if that one can receive. 优先上次接待的客服",
	"inbox.routing.accept_timeout":   "1s to 168h: an agent who has not accepted by then is passed over. 接待时限",
	"inbox.routing.answer_timeout":   "10s to 168h, only live: an owner who has not answered by then loses the conversation, if somebody else can have it. 首次回复时限",
	"inbox.routing.idle_prompt":      "Shorter than idle_close, which it needs: then the customer is asked whether it is still there. 访客超时提醒",
	"inbox.routing.idle_prompt_text": "The company's own words for that question; {left} becomes the time that is left. 提醒文字",
	"inbox.routing.idle_close":       "10s to 168h, only live: a conversation whose customer is silent for that long after an answer is resolved. 访客超时自动结束",
	"inbox.capacity":                 "Open conversations per agent in this inbox; no limit if left out. 每位客服的接待上限",

	"switch":            "Stops or limits push for the platform, an inbox or an account. 推送开关",
	"switch.state":      "on, off, paused or limited; put on and off in quotes. 状态",
	"switch.until":      "Only of paused or limited: from then on it is on. 截止时间",
	"switch.per_minute": "Only of limited: how many conversations it lets through a minute. 每分钟会话数",

	"maintenance":                           "Holds messages while something is being worked on, announces it, or both. 维护窗口与公告",
	"maintenance.from":                      "Beginning of the window. 开始时间",
	"maintenance.until":                     "End of the window. 结束时间",
	"maintenance.inboxes":                   "Names of inboxes; all if left out. 渠道",
	"maintenance.kinds":                     "Kinds of messages that customers send; all if left out. 消息类型",
	"maintenance.announcement":              "What people are told. 公告",
	"maintenance.announcement.zh":           "In Chinese. 中文",
	"maintenance.announcement.en":           "In English. 英文",
	"maintenance.announcement.from":         "When it begins; at once if left out. 开始时间",
	"maintenance.announcement.until":        "When it ends; with the window if left out. 结束时间",
	"maintenance.announcement.to":           "Whom it is for. 发给谁",
	"maintenance.announcement.to.accounts":  "Names of accounts. 账号",
	"maintenance.announcement.to.teams":     "Names of teams, with their leads. 客服组",
	"maintenance.announcement.to.everybody": "true: every account. 所有人",

	"client":         "What version an agent's client must have; named console, listen, as a client calls itself, or any. 客户端版本要求",
	"client.minimum": "Lowest version that may receive, in quotes. 最低版本",
	"client.blocked": "Versions that may not receive at all, in quotes. 禁用版本",

	"autoreply":             "What Bida itself writes to customers when something occurs. 自动回复",
	"autoreply.enabled":     "false: it is not written; true if left out. 是否启用",
	"autoreply.on":          "When it is due: a conversation opens, hours are closed, it begins to wait, a keyword. 时机",
	"autoreply.order":       "1 to 10000, lower ones first; 100 if left out. 顺序",
	"autoreply.inboxes":     "Names of inboxes; all if left out. 渠道",
	"autoreply.kinds":       "Kinds of messages that customers send; all if left out. 消息类型",
	"autoreply.keywords":    "Only on keyword: words of which one occurs; a list, or a text with one a line. 关键词",
	"autoreply.again_after": "Only on keyword: how long it is not repeated in a conversation; 10m if left out. 再次回复间隔",
	"autoreply.text":        "What is written, in Chinese, in English or in both. 回复内容",
	"autoreply.text.zh":     "In Chinese; on queue {position}, on off_hours {opens} is filled in. 中文",
	"autoreply.text.en":     "In English; on queue {position}, on off_hours {opens} is filled in. 英文",

	"filter":                     "A rule about what messages say and who sends them. 过滤规则",
	"filter.enabled":             "false: it is not applied; true if left out. 是否启用",
	"filter.order":               "1 to 10000, lower ones first; 100 if left out. 顺序",
	"filter.inboxes":             "Names of inboxes; all if left out. 渠道",
	"filter.kinds":               "Kinds of messages that customers send; all if left out. 消息类型",
	"filter.match":               "Any one of its parts is enough. 匹配条件",
	"filter.match.keywords":      "Words of which one occurs; a list, or a text with one a line. 关键词",
	"filter.match.patterns":      "Regular expressions (RE2) of which one matches. 正则表达式",
	"filter.match.senders":       "Contacts' ids; * may stand once, at the beginning or the end. 发送者",
	"filter.match.senders.block": "Their messages match. 屏蔽",
	"filter.match.senders.allow": "Their messages never match. 放行",
	"filter.match.expression":    "Is true of the message. 表达式",
	"filter.action":              "allow, tag, quarantine or reject. 动作",
	"filter.tag":                 "Only with the action tag: what the message is marked with. 标签",
}

// schemaWord finds the description of a path such as "account.allow.until".
func schemaWord(path string) string {
	for {
		if text := schemaWords[path]; text != "" {
			return text
		}
		_, rest, ok := strings.Cut(path, ".")
		if !ok {
			return ""
		}
		path = rest
	}
}
