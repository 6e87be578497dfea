package client

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// postTogether is how many bytes of frames go into one post, unless one frame is longer.
const postTogether = 64 << 10

// eventsClient is what opens streams of events and posts to them.
func (c *Client) eventsClient(config *tls.Config) *http.Client {
	return &http.Client{
		Transport:     &http.Transport{DialContext: c.dial, TLSClientConfig: config.Clone(), TLSHandshakeTimeout: handshakeTime, MaxIdleConnsPerHost: 2, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// eventStream is the carrier over server-sent events and posts.
type eventStream struct {
	*link
	listener *listener
	life     context.Context // of the stream and its posts
	cancel   context.CancelFunc
	body     io.ReadCloser
	events   *eventReader
	stream   string

	mu      sync.Mutex
	waiting [][]byte
	posted  int  // number of the last post
	posting bool // there is a goroutine that posts
	leaving bool // the stream ends when everything is posted
	failure error
	posters sync.WaitGroup
}

// openEvents opens a stream of events and waits for its name.
func (l *listener) openEvents(ctx context.Context, k *link) (carrier, *ending) {
	// What is still to be posted when ctx ends is posted: the stream has a life of its own, which ctx ends only while it is being opened.
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, cancel)
	defer stop()
	late := time.AfterFunc(handshakeTime, cancel)
	defer late.Stop()
	fail := func(end ending) (carrier, *ending) {
		cancel()
		return nil, &end
	}
	s := &eventStream{link: k, listener: l, life: life, cancel: cancel}
	response, err := s.ask(life, http.MethodGet, "", nil)
	if err != nil {
		return fail(ending{err: fmt.Errorf("connect: %w", err), code: CloseAbnormal})
	}
	if response.StatusCode != http.StatusOK {
		defer func() { _ = response.Body.Close() }() // it was read
		return fail(refused(response, errors.New(response.Status)))
	}
	s.body, s.events = response.Body, newEventReader(response.Body)
	if s.stream, err = s.events.name(); err != nil {
		_ = s.body.Close()
		return fail(ending{err: fmt.Errorf("connect: %w", err), code: CloseAbnormal, reached: true})
	}
	return s, nil
}

// ask makes a request about the stream.
func (s *eventStream) ask(ctx context.Context, method, more string, body []byte) (*http.Response, error) {
	c := s.listener.client
	request, err := http.NewRequestWithContext(ctx, method, c.base.JoinPath("/api/v1/realtime/stream").String()+more, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	if method == http.MethodGet {
		request.Header.Set("Accept", "text/event-stream")
	} else {
		request.Header.Set("Content-Type", "application/x-ndjson")
	}
	return s.listener.events.Do(request)
}

// read is the reader.
func (s *eventStream) read() {
	err := s.follow()
	s.mu.Lock()
	if err != nil && s.failure != nil {
		err = s.failure
	}
	s.cancel() // with mu held: nobody begins to post from now on
	s.mu.Unlock()
	if err != nil {
		s.end = ending{err: err, code: CloseAbnormal, reason: err.Error()}
	}
	s.posters.Wait()
	_ = s.body.Close()
}

// follow reads events until the stream ends. Without an error the server has said why.
func (s *eventStream) follow() error {
	for {
		e, err := s.events.next()
		switch {
		case err != nil:
			return err
		case e.comment:
			s.alive()
		case e.name == "":
			s.give(e.data)
		case e.name == "close":
			var end struct {
				Code   int    `json:"code"`
				Reason string `json:"reason"`
			}
			if err := json.Unmarshal(e.data, &end); err != nil {
				return &FaultError{"the end of a stream cannot be read: " + err.Error()}
			}
			s.end = closedBy(end.Code, end.Reason)
			return nil
		}
	}
}

// send has a frame posted, after those before it.
func (s *eventStream) send(frame []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = append(s.waiting, frame)
	s.work()
}

// goodbye has the stream end after what is to be posted, or after a moment.
func (s *eventStream) goodbye(int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leaving = true
	s.work()
	time.AfterFunc(lingerTime, s.cancel)
}

func (s *eventStream) cut() { s.cancel() }

// work begins posting if nobody does. The caller holds mu.
func (s *eventStream) work() {
	if !s.posting && s.life.Err() == nil {
		s.posting = true
		s.posters.Go(s.post)
	}
}

// post posts what waits, one post after the other: the order of posts is the order of frames. After one that fails the stream is of no use.
func (s *eventStream) post() {
	for {
		s.mu.Lock()
		body := s.together()
		if body == nil {
			s.posting = false
			if s.leaving {
				s.cancel()
			}
			s.mu.Unlock()
			return
		}
		s.posted++
		number := s.posted
		s.mu.Unlock()
		if err := s.postOnce(number, body); err != nil {
			s.mu.Lock()
			s.failure = fmt.Errorf("post: %w", err)
			s.mu.Unlock()
			s.cancel()
			return // posting stays set: nothing is posted any more
		}
	}
}

// together takes frames for one post. The caller holds mu.
func (s *eventStream) together() []byte {
	var body []byte
	n := 0
	for n < len(s.waiting) && (n == 0 || len(body)+len(s.waiting[n]) < postTogether) {
		body = append(append(body, s.waiting[n]...), '\n')
		n++
	}
	s.waiting = s.waiting[n:]
	return body
}

func (s *eventStream) postOnce(number int, body []byte) error {
	ctx, cancel := context.WithTimeout(s.life, writeTime)
	defer cancel()
	response, err := s.ask(ctx, http.MethodPost, "/"+s.stream+"?n="+strconv.Itoa(number), body)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // it was read
	if response.StatusCode != http.StatusAccepted {
		return refused(response, errors.New(response.Status)).err
	}
	_, err = io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10)) // so that its connection can be used again
	return err
}

// event is one of a stream, or a comment.
type event struct {
	comment bool
	name    string
	data    []byte
}

// eventReader reads server-sent events.
type eventReader struct{ lines *bufio.Scanner }

func newEventReader(r io.Reader) *eventReader {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, longestFrame)
	return &eventReader{lines}
}

// name reads the first event, which names the stream.
func (r *eventReader) name() (string, error) {
	for {
		e, err := r.next()
		switch {
		case err != nil:
			return "", err
		case e.comment:
			continue
		}
		var open struct {
			Stream string `json:"stream"`
		}
		if err := json.Unmarshal(e.data, &open); err != nil || e.name != "open" || open.Stream == "" {
			return "", &FaultError{"a stream begins without its name"}
		}
		return open.Stream, nil
	}
}

// next reads an event that has data, or a comment. At the end of what it reads it gives io.ErrUnexpectedEOF: an end is said before.
func (r *eventReader) next() (event, error) {
	var e event
	for r.lines.Scan() {
		line := bytes.TrimSuffix(r.lines.Bytes(), []byte("\r"))
		field, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch {
		case len(line) == 0 && e.data != nil:
			return e, nil
		case len(line) == 0:
			e = event{}
		case len(field) == 0:
			if e.name == "" && e.data == nil {
				return event{comment: true}, nil
			}
		case string(field) == "event":
			e.name = string(value)
		case string(field) == "data" && e.data == nil:
			e.data = append([]byte{}, value...)
		case string(field) == "data":
			e.data = append(append(e.data, '\n'), value...)
		}
	}
	if err := r.lines.Err(); err != nil {
		return e, err
	}
	return e, io.ErrUnexpectedEOF
}
