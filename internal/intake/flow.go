package intake

import (
	"errors"
	"time"

	"github.com/bidahq/bida/internal/limit"
	"github.com/bidahq/bida/internal/problem"
)

// Limits bound how many messages are taken in; the zero value bounds nothing. Visitors' messages count for their inbox and for all; each visitor and its
// address have limits of their own, in package web.
type Limits struct {
	Sender limit.Rate // of one account
	Inbox  limit.Rate // into one inbox
	All    limit.Rate
}

// What may wait for the ledger. A quarter of its queue is left to everything that is no new message, and a quarter of the rest to the other senders.
const (
	placesShare  = 4        // one in so many is left free
	waitingBytes = 64 << 20 // of texts, of all senders together
	overhead     = 512      // bytes that a message has beside its text, about
)

// Refusals of what is too much.
var (
	errSenderFast  = problem.New(problem.Limited, "intake.sender_limited", "This account hands messages in faster than it may; nothing was accepted. Try again after the time that is named.", "该账号提交消息过快，本次未受理，请在提示的时间后重试。")
	errInboxFast   = problem.New(problem.Limited, "intake.inbox_limited", "More messages come in for this inbox than it takes; nothing was accepted. Try again after the time that is named.", "该接待渠道的消息过多，本次未受理，请在提示的时间后重试。")
	errAllFast     = problem.New(problem.Limited, "intake.limited", "More messages come in than this installation takes; nothing was accepted. Try again after the time that is named.", "消息总量超过上限，本次未受理，请在提示的时间后重试。")
	errSenderShare = problem.New(problem.Limited, "intake.sender_waiting", "Too many messages of this sender wait to be written; nothing was accepted. Try again shortly.", "该来源等待写入的消息过多，本次未受理，请稍后重试。")
	errOverloaded  = problem.New(problem.Limited, codeOverloaded, "Too much is waiting to be written; nothing was accepted. Try again shortly.", "等待写入的请求过多，本次未受理，请稍后重试。")
)

// busy says that a refusal comes of how much there is, or of what Bida cannot do now, and not of the message: sent again later, it may be taken in.
func busy(err error) bool {
	k := problem.KindOf(err)
	return err != nil && (k == problem.Limited || k == problem.Unavailable)
}

// flow decides how many messages come in, and how many wait.
type flow struct {
	open                  func() error
	senders, inboxes, all *limit.Limiter
	places, bytes         *limit.Budget
	most                  int64 // places of one sender
}

func newFlow(o Options) flow {
	places := int64(o.Ledger.MaxQueue())
	places = max(1, places-places/placesShare)
	most := max(1, places-places/placesShare)
	return flow{
		open:    o.Open,
		senders: limit.NewLimiter(o.Limits.Sender), inboxes: limit.NewLimiter(o.Limits.Inbox), all: limit.NewLimiter(o.Limits.All),
		places: limit.NewBudget(places, most), most: most,
		bytes: limit.NewBudget(waitingBytes, waitingBytes-waitingBytes/placesShare),
	}
}

// ready says what a sender with so many messages would be refused with now, and counts nothing.
func (f *flow) ready(sender, inbox string, n int64, now time.Time) error {
	if err := f.closed(); err != nil {
		return err
	}
	if sender != "" {
		if wait := f.senders.Wait(sender, now); wait > 0 {
			return errSenderFast.After(wait)
		}
	}
	if wait := f.inboxes.Wait(inbox, now); wait > 0 {
		return errInboxFast.After(wait)
	}
	if wait := f.all.Wait("", now); wait > 0 {
		return errAllFast.After(wait)
	}
	if err := f.places.Fits(sender, n); err != nil {
		return full(err)
	}
	return nil
}

func (f *flow) closed() error {
	if f.open == nil {
		return nil
	}
	return f.open()
}

// allow counts a message, or says why it may not come in now; then it counts for nothing.
func (f *flow) allow(sender, inbox string, now time.Time) error {
	if err := f.closed(); err != nil {
		return err
	}
	if sender != "" { // a visitor is counted where it is known who it is
		if wait := f.senders.Take(sender, now); wait > 0 {
			return errSenderFast.After(wait)
		}
	}
	if wait := f.inboxes.Take(inbox, now); wait > 0 {
		f.senders.Return(sender)
		return errInboxFast.After(wait)
	}
	if wait := f.all.Take("", now); wait > 0 {
		f.senders.Return(sender)
		f.inboxes.Return(inbox)
		return errAllFast.After(wait)
	}
	return nil
}

// disallow takes back that a message was counted.
func (f *flow) disallow(sender, inbox string) {
	f.senders.Return(sender) // of a visitor nothing is known there
	f.inboxes.Return(inbox)
	f.all.Return("")
}

// enter takes a place among those that wait for the ledger, until leave. Visitors share that of nobody's account.
func (f *flow) enter(sender string, size int64) error {
	if err := f.places.Take(sender, 1); err != nil {
		return full(err)
	}
	if err := f.bytes.Take(sender, size); err != nil {
		f.places.Give(sender, 1)
		return full(err)
	}
	return nil
}

func (f *flow) leave(sender string, size int64) {
	f.places.Give(sender, 1)
	f.bytes.Give(sender, size)
}

func full(err error) error {
	if errors.Is(err, limit.ErrShare) {
		return errSenderShare.Because(err)
	}
	return errOverloaded.Because(err)
}
