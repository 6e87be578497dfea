package cli

import (
	"github.com/bidahq/bida/internal/demo"
)

// showDemo tells who can sign in to the demo company, and what to try.
func (s *session) showDemo(url string, c *demo.Company) {
	s.print("\n  Bida 必达   %s   %s\n\n", url, s.pick("演示公司：青禾商城", "demo company: 青禾商城 Qinghe Mall"))
	s.print("  %s   %s\n\n", s.pick("所有账号的密码", "Password of every account"), c.Password)
	for _, who := range []struct{ account, zh, en string }{
		{demo.Admin, "管理员：什么都能看，什么都能改", "administrator: sees and changes everything"},
		{"supervisor-b", "主管乙：诊断、改设置，自己不接待", "supervisor: diagnoses, changes settings, receives nothing"},
		{"agent-a", "客服甲：什么消息都能接", "agent who can receive everything"},
		{"agent-c", "客服丙：售后组长，什么时间都能接", "agent, leads after-sales, receives at any hour"},
		{"agent-d", "客服丁：收不到群消息——是谁关的？", "agent without group messages: who switched them off?"},
		{"agent-l", "客服丑：见习，能看不能回", "trainee: sees messages, may not answer"},
		{"agent-f", "客服己：已冻结，登录时会说明原因", "frozen: signing in says why not"},
	} {
		s.print("    %-13s  %s\n", who.account, s.pick(who.zh, who.en))
	}
	s.print("    %s\n\n", s.pick("……还有 agent-b 到 agent-k，各有一处不同，见 deploy/examples/company.yaml", "… and agent-b to agent-k, each different in one way: deploy/examples/company.yaml"))
	s.print("  %s\n", s.pick("可以试试", "What to try"))
	for i, step := range []struct{ zh, en string }{
		{url + "/  用 agent-a 登录，点右上角“离开 → 在线”", url + "/  sign in as agent-a and go available (upper right)"},
		{url + demo.ShopPath + "  在另一个窗口打开商店，右下角写一句，或让示例顾客来信；回到工作台回复", url + demo.ShopPath + "  open the shop in another window, write at the lower right or have sample customers write; answer in the workspace"},
		{url + "/c/web  同一个入口的聊天链接，适合手机", url + "/c/web  the same entrance as a chat link, for phones"},
		{url + "/agents/agent-a  用 admin 登录（换一个浏览器或无痕窗口），关掉“接收群消息”：保存前会说影响谁", url + "/agents/agent-a  as admin (another browser or a private window) switch “receive group messages” off: it says whom that alters before it saves"},
		{url + "/diagnosis?agent=agent-a  原因、谁改的、什么时候；一键修复", url + "/diagnosis?agent=agent-a  the cause, who did it and when; one click repairs it"},
		{url + "/messages  任何一条消息的轨迹：每个环节、每个候选客服、每次推送", url + "/messages  the way of any message: every stage, candidate and attempt"},
	} {
		s.print("    %d. %s\n", i+1, s.pick(step.zh, step.en))
	}
	s.print("\n  %s\n\n", s.pick("按 Ctrl+C 停止；数据留在数据目录里，下次启动继续。", "Ctrl+C stops it; the data stays in the data directory for the next start."))
}
