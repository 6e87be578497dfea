package help

import (
	"strings"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

// notice is a sentence to somebody who has to do with a request. It names the agent, the cause and who did something; what people typed is in the request only.
type notice struct{ zh, en string }

var asked = notice{"{by} 请您协助：{agent} {cause}。", "{by} asks for your help: {agent}, {cause}."}

var answered = map[ledger.HelpState]notice{
	ledger.HelpTaken:     {"{by} 正在处理您的求助：{agent} {cause}。", "{by} is at your request for help: {agent}, {cause}."},
	ledger.HelpDone:      {"{by} 已处理您的求助：{agent} {cause}。", "{by} has dealt with your request for help: {agent}, {cause}."},
	ledger.HelpDeclined:  {"{by} 没有处理您的求助，理由见求助：{agent} {cause}。", "{by} declined your request for help, and says why in it: {agent}, {cause}."},
	ledger.HelpWithdrawn: {"{by} 撤回了求助：{agent} {cause}。", "{by} withdrew the request for help: {agent}, {cause}."},
}

// tell gives one account a notice about a request.
func tell(tx *ledger.Tx, account, by string, row *ledger.HelpRow, n notice) {
	set := tx.Documents()
	zh, en := "收不到消息", "no messages"
	if code, ok := reception.ParseCode(row.Code); ok {
		title := reception.Lookup(code).Title
		zh, en = "（"+title.In("zh")+"）", title.In("en")
	}
	fill := func(text, cause string) string {
		return strings.NewReplacer("{by}", title(set, by), "{agent}", title(set, row.Agent), "{cause}", cause).Replace(text)
	}
	conversation.NotifyAbout(tx, by, account, fill(n.zh, zh), fill(n.en, en), "help/"+ID(row.ID))
}

// title is what people call an account.
func title(set *policy.Set, account string) string {
	if spec, ok := set.Account(account); ok && spec.Title != "" {
		return spec.Title
	}
	return account
}
