package gateway

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strconv"
	"time"

	"github.com/bidahq/bida/internal/problem"
)

// Refusals of posts and streams, beside those of identify.
var (
	errNobody     = problem.New(problem.Unauthenticated, "realtime.unauthenticated", "a stream of events is opened with a token or a session", "建立事件流需要令牌或登录会话")
	errNoStream   = problem.New(problem.NotFound, "realtime.no_stream", "this stream has ended; open another one", "此事件流已结束，请重新建立")
	errPostOrder  = problem.New(problem.Conflict, "realtime.post_order", "a post is missing before this one; open another stream", "缺少之前的请求，请重新建立事件流")
	errPostNumber = problem.New(problem.Invalid, "realtime.post_number", "n is the number of the post, from 1", "n 是请求的序号，从 1 开始")
)

// ServeStream opens a stream of server-sent events: the server's frames where WebSocket cannot be had. The client's come by ServePost.
func (s *Server) ServeStream(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		refuseHTTP(w, http.StatusMethodNotAllowed, "realtime.method", "use GET")
		return
	}
	who, err := s.identify(r)
	if err == nil && who.Account == "" {
		err = errNobody
	}
	if err != nil {
		refuseError(w, err)
		return
	}
	p := s.admitOrRefuse(w, who, rand.Text())
	if p == nil {
		return
	}
	if !p.openStream(w) {
		p.end()
		return
	}
	go p.read()
}

// openStream takes the socket over, answers the request, and says whether it could. The answer ends with the socket, which every version of HTTP/1 and
// every proxy understands; what may keep an answer back until it is complete is told not to.
func (p *peer) openStream(w http.ResponseWriter) bool {
	if !p.takeOver(w) {
		return false
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store, no-transform")
	h.Set("X-Accel-Buffering", "no")
	h.Set("Connection", "close")
	h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	var head bytes.Buffer
	head.WriteString("HTTP/1.1 200 OK\r\n")
	_ = h.Write(&head) // into memory
	fmt.Fprintf(&head, "\r\nevent: open\ndata: {\"stream\":%q}\n\n", p.stream)

	p.mu.Lock()
	defer p.mu.Unlock()
	if p.queue(head.Bytes()) != nil { // Stop was quicker
		return false
	}
	p.head = head.Len()
	p.framing = eventStream{p}
	return true
}

// eventStream is the framing of server-sent events. Frames are JSON on one line, so that each is the data of one event.
type eventStream struct{ p *peer }

func (e eventStream) text(frame []byte) error {
	e.p.mu.Lock()
	defer e.p.mu.Unlock()
	return e.p.queue([]byte("data: "), frame, []byte("\n\n"))
}

// ping writes a comment. It asks for nothing: the client posts a sign of life by itself.
func (e eventStream) ping() {
	e.p.mu.Lock()
	defer e.p.mu.Unlock()
	_ = e.p.queue([]byte(":\n\n")) // fails only on a closed connection
}

func (e eventStream) goodbye(code int, reason string) {
	end := encode(struct {
		Code   int    `json:"code"`
		Reason string `json:"reason"`
	}{code, reason})
	e.p.mu.Lock()
	defer e.p.mu.Unlock()
	if e.p.shut {
		return
	}
	e.p.discard()
	_ = e.p.queue([]byte("event: close\ndata: "), end, []byte("\n\n"))
	_ = e.p.leave() // a socket that cannot is closed
}

// read waits for the end of the socket. Nothing else can be asked on it, since the answer ends with it.
func (e eventStream) read() {
	var some [1]byte
	if n, _ := e.p.socket.Read(some[:]); n > 0 {
		e.p.mu.Lock()
		e.p.unread = true
		e.p.mu.Unlock()
		e.p.End(ClosedByServer, CloseMalformed, "nothing else can be asked on the connection of a stream")
	}
}

// ServePost takes in frames from the client of a stream: one in each line, handled in order, all of them or, if the post does not arrive whole, none.
// Where the post has a number, one that comes again is not handled again.
func (s *Server) ServePost(w http.ResponseWriter, r *http.Request) {
	number, err := postNumber(r)
	who := Peer{}
	if err == nil {
		who, err = s.identify(r)
	}
	if err == nil && who.Account == "" {
		err = errNobody
	}
	var p *peer
	if err == nil {
		p, err = s.streamOf(r.PathValue("stream"), who.Account)
	}
	if err != nil {
		refuseError(w, err)
		return
	}
	if !p.beginPost() {
		w.Header().Set("Retry-After", "1")
		refuseHTTP(w, http.StatusTooManyRequests, "realtime.too_many", "one post at a time")
		return
	}
	defer p.endPost()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(s.core.config.Post)))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		refuseHTTP(w, http.StatusRequestEntityTooLarge, "realtime.post_too_large", fmt.Sprintf("a post has at most %d bytes", s.core.config.Post))
		return
	}
	if err != nil {
		refuseHTTP(w, http.StatusBadRequest, "realtime.post_incomplete", "the post did not arrive whole")
		return
	}
	if err := p.post(number, body); err != nil {
		refuseError(w, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusAccepted)
}

// postNumber is the number of the post; 0 if it has none.
func postNumber(r *http.Request) (int64, error) {
	text := r.URL.Query().Get("n")
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 {
		return 0, errPostNumber
	}
	return n, nil
}

// streamOf finds the stream of an account. One of another account is not there.
func (s *Server) streamOf(id, account string) (*peer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.streams[id]
	if p == nil || p.conn.peer.Account != account { // which was known when the stream was opened, and stays
		return nil, errNoStream
	}
	return p, nil
}

// mostPosts is how many posts to one stream are read at the same time: one, and its repetition after a connection that broke.
const mostPosts = 2

func (p *peer) beginPost() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.posting >= mostPosts {
		return false
	}
	p.posting++
	return true
}

func (p *peer) endPost() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.posting--
}

// post hands the frames of a post to the Conn.
func (p *peer) post(number int64, body []byte) (err error) {
	p.use(func(c *Conn) {
		switch {
		case c.Ended():
			err = errNoStream
			return
		case number > p.posts+1:
			err = errPostOrder
			return
		case number > 0 && number <= p.posts:
			return // its answer was lost
		}
		p.posts++
		for frame := range frames(body) {
			c.Frame(frame)
		}
	})
	return err
}

// frames are the lines of a post. Empty ones mean nothing, and the last need not be ended.
func frames(body []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for line := range bytes.SplitSeq(body, []byte("\n")) {
			if line = bytes.TrimSpace(line); len(line) > 0 && !yield(line) {
				return
			}
		}
	}
}
