package web

import (
	"time"

	"github.com/bidahq/bida/internal/limit"
	"github.com/bidahq/bida/internal/problem"
)

// Limits bound what strangers may do. Many people may share an address, so what counts for an address is far more than one person needs.
type Limits struct {
	Visitors        limit.Rate // made per address
	Messages        limit.Rate // per visitor
	AddressMessages limit.Rate // per address
	Files           limit.Rate // uploaded, per address
	Requests        limit.Rate // of any kind, per address
	// Listeners at the same time: of one visitor, from one address, and of all.
	PerVisitor, PerAddress, All int
}

// DefaultLimits are what holds where nobody says otherwise.
func DefaultLimits() Limits {
	return Limits{
		Visitors:        limit.Rate{N: 1, Per: time.Second, Burst: 60},
		Messages:        limit.Rate{N: 1, Per: time.Second, Burst: 20},
		AddressMessages: limit.Rate{N: 50, Per: time.Second, Burst: 300},
		Files:           limit.Rate{N: 30, Per: time.Minute, Burst: 60},
		Requests:        limit.Rate{N: 100, Per: time.Second, Burst: 600},
		PerVisitor:      8, PerAddress: 300, All: 20_000,
	}
}

// Refusals of what is too much.
var (
	errTooManyRequests = problem.New(problem.Limited, "chat.too_many_requests", "Too many requests come from your network at the moment. Nothing was done; try again shortly.", "您所在网络的请求过多，本次未处理，请稍后再试。")
	errTooManyVisitors = problem.New(problem.Limited, "chat.too_many_visitors", "Too many new visitors come from your network at the moment. Try again shortly.", "您所在网络的新访客过多，请稍后再试。")
	errTooManyMessages = problem.New(problem.Limited, "chat.too_many_messages", "You are writing very fast. This message was not sent; try again shortly.", "您发送得太快了，这条消息未发送，请稍后再试。")
	errTooManyHere     = problem.New(problem.Limited, "chat.too_many_messages_here", "Too many messages come from your network at the moment. This one was not sent; try again shortly.", "您所在网络发送的消息过多，这条消息未发送，请稍后再试。")
	errTooManyFiles    = problem.New(problem.Limited, "chat.too_many_files", "Too many files come from your network at the moment. This one was not taken; try again shortly.", "您所在网络上传的文件过多，本次未接收，请稍后再试。")
	errTooManyStreams  = problem.New(problem.Limited, "chat.too_many_streams", "This conversation is open in too many windows. Close one, or try again shortly.", "打开的窗口过多，请关闭其他窗口或稍后再试。")
)

// streamRetry is when somebody may try again who listens in too many places.
const streamRetry = 10 * time.Second
