package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// api calls the program's HTTP API as one account.
type api struct {
	base, token string
	http        *http.Client
}

func newHTTP() *http.Client {
	return &http.Client{Timeout: 15 * time.Second, Transport: &http.Transport{MaxIdleConns: 256, MaxIdleConnsPerHost: 128, IdleConnTimeout: 30 * time.Second}}
}

// call gives the status and the body of the answer; an error says that nothing was answered.
func (a *api) call(ctx context.Context, method, path string, body any) (int, []byte, error) {
	return a.do(ctx, method, path, "", body)
}

// put writes what must not have changed since it was read.
func (a *api) put(ctx context.Context, path, match string, body any) (int, []byte, error) {
	return a.do(ctx, http.MethodPut, path, match, body)
}

func (a *api) do(ctx context.Context, method, path, match string, body any) (int, []byte, error) {
	var in io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return 0, nil, err
		}
		in = bytes.NewReader(raw)
	}
	request, err := http.NewRequestWithContext(ctx, method, a.base+"/api/v1"+path, in)
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Authorization", "Bearer "+a.token)
	request.Header.Set("Content-Type", "application/json")
	if match != "" {
		request.Header.Set("If-Match", match)
	}
	response, err := a.http.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, nil, err
	}
	return response.StatusCode, answer, nil
}

// wait waits, and says whether there is a reason to go on.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func between(r *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(r.Int64N(int64(most-least)+1))
}

func chance(r *rand.Rand, percent float64) bool { return r.Float64()*100 < percent }

// again says whether a call that gave this has to be made again: there was no answer, or Bida could not at the moment.
func again(status int, err error) bool {
	return err != nil || status == http.StatusTooManyRequests || status >= http.StatusInternalServerError
}

// load is the senders.
type load struct {
	api     *api
	company *Company
	history *History
	ctx     context.Context // ends when nobody is waited for any more
	more    context.Context // ends when nothing new is to be sent
	think   time.Duration   // on average between two posts of a sender
	pause   time.Duration   // at most, before a sender tries again what was not answered
	fewer   int             // how many times smaller batches are

	surging atomic.Pointer[chan struct{}]
	retries atomic.Int64
	working sync.WaitGroup
}

// surge makes all senders post without a pause until the function it returns is called: so that much is under way when the program is killed.
func (l *load) surge() (over func()) {
	c := *l.surging.Load()
	close(c)
	return func() {
		next := make(chan struct{})
		l.surging.Store(&next)
	}
}

func (l *load) start(senders int, seed uint64) {
	first := make(chan struct{})
	l.surging.Store(&first)
	for n := range senders {
		s := &sender{load: l, n: n, rng: rand.New(rand.NewPCG(seed, uint64(n)+1000)), places: map[string]int{}}
		l.working.Go(s.run)
	}
}

// count is how many messages there are so far.
func (l *load) count() int {
	l.history.mu.Lock()
	defer l.history.mu.Unlock()
	return len(l.history.Posts)
}

// sender is one system that hands messages in. It owns its contacts, so that their messages are sent one after the other.
type sender struct {
	*load
	n      int
	made   int
	rng    *rand.Rand
	places map[string]int
	old    []*Post
}

func (s *sender) run() {
	for s.rest() {
		switch {
		case chance(s.rng, 3):
			s.batch(3+s.rng.IntN(30)/s.load.fewer, false)
		case chance(s.rng, 0.8):
			s.batch((40+s.rng.IntN(80))/s.load.fewer, true)
		case chance(s.rng, 6) && len(s.old) > 0:
			s.repeat(s.old[s.rng.IntN(len(s.old))])
		default:
			s.single(s.compose(s.inbox(), s.contact()))
		}
	}
}

func (s *sender) rest() bool {
	timer := time.NewTimer(between(s.rng, 0, 2*s.think))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-*s.surging.Load():
	case <-s.more.Done():
	}
	return s.more.Err() == nil
}

func (s *sender) inbox() *Inbox { return &s.company.Inboxes[s.rng.IntN(len(s.company.Inboxes))] }

func (s *sender) contact() string { return fmt.Sprintf("u%d-%d", s.n, s.rng.IntN(5)) }

// compose makes a message that nobody else sends.
func (s *sender) compose(in *Inbox, contact string) *Post {
	s.made++
	p := &Post{Inbox: in.Name, ID: fmt.Sprintf("s%d-%d", s.n, s.made), Contact: contact, Kind: in.Kinds[s.rng.IntN(len(in.Kinds))]}
	p.Text = "您好😀,我的订单 " + p.key() + " 到哪了?"
	if chance(s.rng, 1) {
		p.Text += strings.Repeat("很长的说明。", 500)
	}
	p.Lane = p.Inbox + "/" + p.Contact + "/" + p.Kind
	s.places[p.Lane]++
	p.Place = s.places[p.Lane]
	return s.history.post(p)
}

func (p *Post) body() map[string]any {
	return map[string]any{"id": p.ID, "contact": map[string]any{"id": p.Contact, "name": "客户 " + p.Contact}, "kind": p.Kind, "text": p.Text}
}

// single posts a message until its sender is told what became of it.
func (s *sender) single(p *Post) {
	for s.ctx.Err() == nil {
		status, answer, err := s.api.call(s.ctx, http.MethodPost, "/inboxes/"+p.Inbox+"/messages", p.body())
		if again(status, err) {
			s.trouble(status, answer)
			continue
		}
		if status != http.StatusCreated && status != http.StatusOK {
			s.history.fault("refused", p, "a right message is answered %d: %s", status, answer)
			return
		}
		t := Told{Status: status}
		if err := json.Unmarshal(answer, &t); err != nil {
			s.history.fault("refused", p, "the answer cannot be read: %v: %s", err, answer)
			return
		}
		s.keep(p, t)
		return
	}
}

func (s *sender) keep(p *Post, t Told) {
	s.history.told(p, t)
	const most = 200
	if len(s.old) < most {
		s.old = append(s.old, p)
	} else {
		s.old[s.rng.IntN(most)] = p
	}
}

// trouble waits before the next try. A fault of Bida is one even if the next try succeeds.
func (s *sender) trouble(status int, answer []byte) {
	s.retries.Add(1)
	if status == http.StatusInternalServerError {
		s.history.fault("refused", nil, "a right message is answered %d: %s", status, answer)
	}
	wait(s.ctx, between(s.rng, 2*time.Millisecond, s.load.pause))
}

// repeat posts a message again that its sender knows the answer to, or another one under its id.
func (s *sender) repeat(p *Post) {
	if chance(s.rng, 70) {
		s.single(p)
		return
	}
	body := p.body()
	body["text"] = p.Text + " (不同)"
	for s.ctx.Err() == nil {
		status, answer, err := s.api.call(s.ctx, http.MethodPost, "/inboxes/"+p.Inbox+"/messages", body)
		if again(status, err) {
			s.trouble(status, answer)
			continue
		}
		if status != http.StatusConflict {
			s.history.fault("changed", p, "another text under the id %s is answered %d, not 409: %s", p.key(), status, answer)
		}
		return
	}
}

// batch posts many messages at once: to one inbox, from contacts that write often or from new ones, each of whom opens a conversation.
func (s *sender) batch(size int, fresh bool) {
	in := s.inbox()
	var rows []*Post
	for i := range size {
		contact := s.contact()
		if fresh {
			contact = fmt.Sprintf("new%d-%d-%d", s.n, s.made, i)
		}
		rows = append(rows, s.compose(in, contact))
	}
	told := make([]bool, size)
	for s.ctx.Err() == nil {
		var send []int
		whole := chance(s.rng, 50)
		var bodies []map[string]any
		for i, p := range rows {
			if whole || !told[i] {
				send, bodies = append(send, i), append(bodies, p.body())
			}
		}
		status, answer, err := s.api.call(s.ctx, http.MethodPost, "/inboxes/"+in.Name+"/messages:batch", map[string]any{"messages": bodies})
		if again(status, err) {
			s.trouble(status, answer)
			continue
		}
		if status != http.StatusOK {
			s.history.fault("refused", rows, "a right batch is answered %d: %s", status, answer)
			return
		}
		if s.results(rows, told, send, answer) {
			return
		}
		s.trouble(0, nil)
	}
}

// results takes the answer to a batch; done says that every row was told.
func (s *sender) results(rows []*Post, told []bool, sent []int, answer []byte) (done bool) {
	var list struct{ Results []json.RawMessage }
	if err := json.Unmarshal(answer, &list); err != nil || len(list.Results) != len(sent) {
		s.history.fault("refused", string(answer), "a batch of %d has %d results: %v", len(sent), len(list.Results), err)
		return true
	}
	for n, i := range sent {
		var row struct {
			Told
			// A row that was refused is a problem, whose status is a number.
			Status json.RawMessage `json:"status"`
		}
		if err := json.Unmarshal(list.Results[n], &row); err != nil {
			s.history.fault("refused", rows[i], "a row of a batch cannot be read: %v: %s", err, list.Results[n])
			return true
		}
		var number int
		if json.Unmarshal(row.Status, &number) == nil {
			if !again(number, nil) || number == http.StatusInternalServerError {
				s.history.fault("refused", rows[i], "a right row of a batch is answered %s", list.Results[n])
				return true
			}
			continue
		}
		t := row.Told
		t.Status = 0
		if json.Unmarshal(row.Status, &t.Result) != nil {
			s.history.fault("refused", rows[i], "a row of a batch has no status: %s", list.Results[n])
			return true
		}
		s.keep(rows[i], t)
		told[i] = true
	}
	for _, ok := range told {
		if !ok {
			return false
		}
	}
	return true
}
