package httpapi

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/bidahq/bida/internal/limit"
	"github.com/bidahq/bida/internal/problem"
)

// The memory for bodies that are being read and handled at the same time. Strangers, who need nothing to ask, have a budget of their own, so that they
// take none from those who are known.
const (
	bodyBudget    = 256 << 20
	bodyShare     = 128 << 20 // of one account
	strangeBudget = 32 << 20
	strangeShare  = 4 << 20 // of one address
)

// smallBody is enough for what strangers send beside messages and files.
const smallBody = 16 << 10

var (
	errEncoding  = problem.New(problem.Unsupported, "request.encoding", "A body must not be compressed.", "请求体不能压缩。").On("/Content-Encoding")
	errBodyRead  = problem.New(problem.Malformed, "request.incomplete", "The body ended before it was complete, or came too slowly.", "请求体不完整，或发送过慢。")
	errBusy      = problem.New(problem.Limited, "request.busy", "Too many large requests are being handled; try again shortly.", "正在处理的大请求过多，请稍后重试。")
	errBusyShare = problem.New(problem.Limited, "request.busy_source", "Too much of what you or your network sent is being handled; try again shortly.", "您或您所在网络同时发送的内容过多，请稍后重试。")
	errBodyLarge = problem.New(problem.TooLarge, "request.too_large", "The body is larger than this route takes.", "请求体超过此接口的上限。")
)

// bodyTime is how long a caller may take to send a body.
const bodyTime = 30 * time.Second

// holder is who answers for the memory of a body.
type holder struct {
	budget *limit.Budget
	source string
}

// holder says who answers for a request's body: the account, or the address of a stranger.
func (s *Server) holder(r *http.Request, rule rule, account string) holder {
	if rule.public {
		return holder{s.strangeBodies, limit.Network(s.address(r))}
	}
	return holder{s.bodies, account}
}

// body reads a body within a limit and its holder's budget. release gives its memory back; it is never nil.
func (s *Server) body(w http.ResponseWriter, r *http.Request, h holder, most int64) (body []byte, release func(), err error) {
	release = func() {}
	if compressed(r) {
		return nil, release, errEncoding
	}
	size := most
	if r.ContentLength >= 0 {
		size = r.ContentLength
	}
	if size > most {
		return nil, release, errBodyLarge.With("limit", most)
	}
	if size == 0 {
		return nil, release, nil
	}
	switch err := h.budget.Take(h.source, size); {
	case errors.Is(err, limit.ErrShare):
		return nil, release, errBusyShare.Because(err)
	case err != nil:
		return nil, release, errBusy.Because(err)
	}
	release = func() { h.budget.Give(h.source, size) }
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(bodyTime)) // where the writer cannot, as in tests, there is no socket to be slow
	body = make([]byte, 0, min(size, 64<<10)+1)
	buf := bytes.NewBuffer(body)
	_, err = buf.ReadFrom(http.MaxBytesReader(w, r.Body, most))
	_ = control.SetReadDeadline(time.Time{})
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, release, errBodyLarge.With("limit", most)
	case err != nil:
		return nil, release, errBodyRead.Because(err)
	}
	return buf.Bytes(), release, nil
}

// compressed says whether a body is not what it will be.
func compressed(r *http.Request) bool {
	e := r.Header.Get("Content-Encoding")
	return e != "" && !strings.EqualFold(e, "identity")
}
