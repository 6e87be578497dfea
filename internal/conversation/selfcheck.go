package conversation

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

// The message of a self-check goes the way of every other: a commit with its decision, the account's list, a push on each of its connections, an
// acknowledgement. It is a notice to oneself but for its type, by which nobody takes it for work.

// deadlineTest ends a test that no client has acknowledged; the key is "<sequence> <account>".
const deadlineTest = "test"

// testTime is how long a test waits to be acknowledged. A client that comes later is of no use to it, and must not begin to read its list there.
const testTime = 30 * time.Second

// SendTest is the command that sends a self-check's message to an account. Client is the one that asks; it is connected.
type SendTest struct {
	Account, Client string

	// After the commit:
	Message  int64 // position
	Sequence int64 // in the account's list
	At       time.Time
}

// Refusals of SendTest.
var (
	errTestClient = problem.New(problem.Conflict, "self_check.not_connected",
		"This window has no realtime connection at the moment, so that nothing can be pushed to it. Wait until it is connected, and check again.",
		"这个窗口目前没有实时连接，无法向它推送。请等连接恢复后再检查。").On("/client")
	errTestWithheld = problem.New(problem.Forbidden, "self_check.withheld", "This account may not sign in, so that no notice is given to it.", "此账号不能登录，因此不会收到任何通知。")
)

// Apply implements ledger.Command.
func (t *SendTest) Apply(tx *ledger.Tx) error {
	state := tx.AgentState(t.Account)
	if state == nil || !slices.ContainsFunc(state.Sockets, func(s ledger.Socket) bool { return s.Client == t.Client }) {
		return errTestClient
	}
	data, err := json.Marshal(ledger.TestData{To: t.Account, Client: t.Client})
	if err != nil {
		return err
	}
	d := reception.Decide(tx.Policy(), tx, reception.Message{Kind: kindSystem, Directed: []string{t.Account}, Notice: true}, tx.Now())
	if len(d.Chosen) == 0 {
		return errTestWithheld
	}
	t.Message = tellAs(tx, ledger.EntryTest, &d, t.Account, "", data)
	t.Sequence, t.At = tx.AgentState(t.Account).Sequence, tx.Now()
	watchTest(tx, t.Account, t.Sequence, t.At)
	return nil
}

func watchTest(tx *ledger.Tx, account string, sequence int64, at time.Time) {
	tx.At(at.Add(testTime), deadlineTest, strconv.FormatInt(sequence, 10)+" "+account)
}

// watchTests sets the deadlines of the tests that wait.
func watchTests(tx *ledger.Tx) {
	for _, d := range tx.QueuedTests() { // in whatever order: each has its own deadline
		watchTest(tx, d.Account, d.Sequence, d.At)
	}
}

// endTest takes a test back that was not acknowledged.
func endTest(tx *ledger.Tx, key string) error {
	text, account, _ := strings.Cut(key, " ")
	sequence, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return err
	}
	d, err := tx.Delivery(account, sequence)
	if err != nil || d.State != ledger.Queued {
		return err
	}
	edit, err := tx.EditDelivery(account, sequence)
	if err != nil {
		return err
	}
	edit.State, edit.Code, edit.WithdrawnAt = ledger.Withdrawn, reception.CodePushTestOver.String(), tx.Now()
	return nil
}
