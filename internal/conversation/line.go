package conversation

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/reception"
)

// line puts into the thread what a rule did with the conversation, for those who read it later. It holds the code and what happened; the words are found when
// it is read, in the reader's language. It is for nobody in particular: it is given to no agent and never reaches the customer.
func line(tx *ledger.Tx, c *ledger.ConversationRow, code reception.Code, account string, after time.Duration) error {
	raw, err := json.Marshal(ledger.LineData{Account: account, Seconds: int64(after / time.Second)})
	if err != nil {
		return err
	}
	position := tx.Next()
	pass(c)
	tx.AppendMessage(ledger.MessageRow{
		Position: position, Direction: ledger.Internal, Inbox: c.Inbox, Conversation: c.ID, Sequence: c.LastSequence, Kind: "system",
		Text: code.String(), Data: raw, ReceivedAt: tx.Now(),
	})
	return nil
}

// LineWords puts a line of a thread into words. title is what people call an account.
func LineWords(m *ledger.MessageRow, lang string, title func(account string) string) (string, error) {
	var d ledger.LineData
	if err := json.Unmarshal(m.Data, &d); err != nil {
		return "", fmt.Errorf("line %d: %w", m.Position, err)
	}
	who, long := title(d.Account), length(time.Duration(d.Seconds)*time.Second, lang)
	var zh, en string
	switch m.Text {
	case reception.CodeConversationResolvedIdle.String():
		zh, en = "会话因访客 "+long+"未回复自动结束", "The conversation ended by itself: the customer had not written for "+long
	case reception.CodeDeliveryWithdrawnAnswerTimeout.String():
		zh, en = who+" "+long+"未回复，会话已重新分配", who+" had not answered for "+long+": the conversation was given to somebody else"
	case reception.CodeConversationAnswerOverdue.String():
		zh, en = who+" "+long+"未回复，暂无其他客服可接待，会话保持不变", who+" had not answered for "+long+", and nobody else could have the conversation: it stays"
	default: // of a later version
		return LineTitle(m.Text, lang), nil
	}
	if lang == "en" {
		return en, nil
	}
	return zh, nil
}

// LineTitle is a line in few words, as far as its code tells.
func LineTitle(code, lang string) string {
	c, ok := reception.ParseCode(code)
	if !ok {
		return code
	}
	return reception.Lookup(c).Title.In(lang)
}

// length is a span of time in words, in the largest unit that gives a whole number.
func length(d time.Duration, lang string) string {
	for _, unit := range []struct {
		is             time.Duration
		zh, en, enMany string
	}{{24 * time.Hour, "天", "day", "days"}, {time.Hour, "小时", "hour", "hours"}, {time.Minute, "分钟", "minute", "minutes"}} {
		if d >= unit.is && d%unit.is == 0 {
			return count(int64(d/unit.is), lang, unit.zh, unit.en, unit.enMany)
		}
	}
	return count(int64(d/time.Second), lang, "秒", "second", "seconds")
}

func count(n int64, lang, zh, en, enMany string) string {
	switch {
	case lang != "en":
		return strconv.FormatInt(n, 10) + " " + zh
	case n == 1:
		return "1 " + en
	}
	return strconv.FormatInt(n, 10) + " " + enMany
}
