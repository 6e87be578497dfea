package conversation

import (
	"strings"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
)

// People are told when another person gives them a conversation, or takes one from them. What the routing does tells itself: a message arrives, or is withdrawn
// with its reason. Nobody is told of what he does himself.

// handover says what a person did with somebody's conversation, in both languages.
type handover struct{ zh, en string }

// The handovers. {by} is who acted, {to} who has the conversation now, {it} the conversation with its inbox.
var (
	handoverGiven    = handover{"{by} 把{it}转给了您。", "{by} handed {it} to you."}
	handoverPassedOn = handover{"{by} 把您的{it}转给了 {to}。", "{by} handed your {it} to {to}."}
	handoverReleased = handover{"{by} 收回了您的{it}。", "{by} took your {it} back."}
	handoverResolved = handover{"{by} 结束了您的{it}。", "{by} resolved your {it}."}
)

// tellOf tells an account what somebody else did with a conversation: a message of the kind system, if it may receive those.
func tellOf(tx *ledger.Tx, account, by, to string, c *ledger.ConversationRow, h handover) error {
	if account == "" || account == by {
		return nil
	}
	data := ledger.AssignmentData{Assignment: ID(c.ID), Directed: []string{account}}
	data.ZH, data.EN = h.words(tx.Documents(), by, to, c)
	_, err := tellThose(tx, data.Directed, by, data.ZH, data)
	return err
}

func (h handover) words(set *policy.Set, by, to string, c *ledger.ConversationRow) (zh, en string) {
	inbox := c.Inbox
	if spec, ok := set.Inbox(c.Inbox); ok && spec.Title != "" {
		inbox = spec.Title
	}
	fill := func(text, it string) string {
		return strings.NewReplacer("{by}", title(set, by), "{to}", title(set, to), "{it}", it).Replace(text)
	}
	return fill(h.zh, "会话 "+ID(c.ID)+"（"+inbox+"）"), fill(h.en, "conversation "+ID(c.ID)+" ("+inbox+")")
}

// title is what people call an account.
func title(set *policy.Set, account string) string {
	if spec, ok := set.Account(account); ok && spec.Title != "" {
		return spec.Title
	}
	return account
}
