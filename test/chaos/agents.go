package chaos

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bidahq/bida/client"
)

// agents are the clients of all agents, and what agents do.
type agents struct {
	url     string
	tokens  map[string]string
	company *Company
	history *History
	ctx     context.Context // ends when nobody is waited for any more
	more    context.Context // ends when agents begin nothing new, and nothing disturbs them
	http    *http.Client

	mu      sync.Mutex
	conns   map[*tracked]bool
	viewers []*viewer
	lines   []line
	first   map[string]string   // account → client on whose events it acts
	resting bool                // no more jobs
	recent  map[string][]string // account → conversations that it was shown last
	losing  bool                // agents lose their sign-in now and then, which they are told

	jobs    map[string]chan job
	workers sync.WaitGroup
	viewing sync.WaitGroup
	sources sync.WaitGroup
	stop    context.CancelFunc // of the viewers
	count   atomic.Int64
}

// job is something that an agent does with a conversation.
type job struct {
	what         string // reply, resolve, release, transfer
	conversation string
	to           string
}

// viewer is one client of an agent in this process.
type viewer struct {
	*agents
	view    *View
	rng     *rand.Rand
	api     *client.Client
	slow    bool // stops reading now and then
	restive bool // leaves and comes back
	deaf    bool // shows everything, and acknowledges and does nothing
	// transport is Auto if it is left out.
	transport client.Transport
	cursor    *int64
	live      atomic.Bool
}

// line is a terminal agent of an account.
type line struct {
	*process
	account string
}

var errForgotten = errors.New("the client broke down before it could show the event")

// add starts a client of an account. cursor is where it begins, nil where the program remembers.
func (a *agents) add(account, id string, seed uint64, cursor *int64, change func(*viewer)) error {
	v := &viewer{agents: a, view: a.history.view(account, id, false), rng: rand.New(rand.NewPCG(seed, 77)), cursor: cursor}
	if change != nil {
		change(v)
	}
	var err error
	if v.api, err = client.New(a.url, a.tokens[account], client.WithDialer(a.dial)); err != nil {
		return err
	}
	a.mu.Lock()
	a.viewers = append(a.viewers, v)
	if a.first[account] == "" && !v.deaf {
		a.first[account] = id
	}
	a.mu.Unlock()
	a.viewing.Go(func() { v.run(a.ctx) })
	return nil
}

// dial remembers connections, so that they can be cut.
func (a *agents) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	k := &tracked{conn.(*net.TCPConn), a}
	a.mu.Lock()
	a.conns[k] = true
	a.mu.Unlock()
	return k, nil
}

type tracked struct {
	*net.TCPConn
	a *agents
}

// Close implements net.Conn.
func (k *tracked) Close() error {
	k.a.mu.Lock()
	delete(k.a.conns, k)
	k.a.mu.Unlock()
	return k.TCPConn.Close()
}

// cut breaks one connection, with a reset that throws away what is on its way.
func (a *agents) cut(r *rand.Rand) {
	a.mu.Lock()
	all := slices.Collect(maps.Keys(a.conns))
	a.mu.Unlock()
	if len(all) == 0 {
		return
	}
	k := all[r.IntN(len(all))]
	_ = k.SetLinger(0) // it may be closed already
	_ = k.Close()
}

// run keeps the client going until nobody needs it.
func (v *viewer) run(ctx context.Context) {
	for ctx.Err() == nil {
		life, leave := context.WithCancel(ctx)
		if v.restive && v.more.Err() == nil {
			stay := time.AfterFunc(between(v.rng, 300*time.Millisecond, 4*time.Second), leave)
			defer stay.Stop()
		}
		err := v.api.Listen(life, client.ListenOptions{
			ClientID: v.view.Client, Name: "chaos", Version: "1", Lang: "en", Transport: v.transport, Cursor: v.cursor, NoAck: v.deaf, Available: true, OnEvent: func(e client.Event) error { return v.event(life, e) }, OnState: v.state,
		})
		v.live.Store(false)
		leave()
		var closed *client.ClosedError
		switch {
		case ctx.Err() != nil:
			return
		case v.losing && errors.As(err, &closed): // it signs in again
			wait(ctx, between(v.rng, 20*time.Millisecond, 200*time.Millisecond))
		case errors.Is(err, context.Canceled) || errors.Is(err, errForgotten):
			if v.more.Err() == nil {
				wait(v.more, between(v.rng, 0, 1500*time.Millisecond))
			}
		default:
			v.history.fault("client", nil, "client %s of %s was ended for good: %v", v.view.Client, v.view.Account, err)
			return
		}
	}
}

func (v *viewer) state(s client.State) {
	switch s.Phase {
	case client.Live:
		v.live.Store(true)
		v.history.begin(v.view, s.Welcome.Cursor)
		if v.cursor == nil {
			c := s.Welcome.Cursor
			v.cursor = &c
		}
		if s.Welcome.Account != v.view.Account || s.Welcome.Cursor != *v.cursor && !(v.deaf && s.Welcome.Cursor < *v.cursor) || s.Welcome.Last < *v.cursor {
			v.history.fault("client", s.Welcome, "client %s of %s, which has %d, is welcomed otherwise", v.view.Client, v.view.Account, *v.cursor)
		}
	case client.Refused:
		v.history.fault("client", nil, "client %s of %s was refused: %v", v.view.Client, v.view.Account, s.Err)
	case client.Waiting:
		v.live.Store(false)
		var fault *client.FaultError
		if errors.As(s.Err, &fault) || s.Code >= client.CloseMalformed && s.Code < client.CloseUnauthenticated || s.Code == client.CloseTooLarge || s.Code == client.CloseTooMany {
			v.history.fault("client", nil, "client %s of %s was disconnected for what it did right: %v (%d)", v.view.Client, v.view.Account, s.Err, s.Code)
		}
	case client.Connecting:
	}
}

func (v *viewer) event(life context.Context, e client.Event) error {
	calm := v.more.Err() != nil
	switch {
	case !calm && v.slow && chance(v.rng, 1.5):
		wait(life, between(v.rng, 300*time.Millisecond, 2*time.Second))
	case !calm && v.restive && chance(v.rng, 0.3):
		return errForgotten
	}
	v.history.show(v.view, e)
	next := max(e.AgentSequence, e.To)
	v.cursor = &next
	if !v.deaf {
		v.react(v.view, e)
	}
	return nil
}

// react is what an agent does when it is shown something, on one of its clients.
func (a *agents) react(v *View, e client.Event) {
	if e.Event != client.EventMessage || a.more.Err() != nil {
		return
	}
	a.remember(v.Account, e.Conversation)
	j := job{conversation: e.Conversation}
	switch n := rand.IntN(100); {
	case n < 20:
		j.what = "reply"
	case n < 60:
		j.what = "resolve"
	case n < 63:
		j.what = "release"
	case n < 67:
		j.what = "transfer"
		others := slices.DeleteFunc(a.company.Members(e.Inbox), func(m string) bool { return m == v.Account })
		j.to = others[rand.IntN(len(others))]
	default:
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.first[v.Account] != v.Client || a.resting {
		return
	}
	select {
	case a.jobs[v.Account] <- j:
	default: // it has enough to do
	}
}

// remember keeps the conversations that an account was shown last.
func (a *agents) remember(account, conversation string) {
	const most = 8
	a.mu.Lock()
	defer a.mu.Unlock()
	list := append(a.recent[account], conversation)
	a.recent[account] = list[max(0, len(list)-most):]
}

// work starts the agents' hands: two for each.
func (a *agents) work() {
	for _, account := range a.company.Agents {
		jobs := make(chan job, 100)
		a.jobs[account] = jobs
		by := &api{base: a.url, token: a.tokens[account], http: a.http}
		for range 2 {
			a.workers.Go(func() {
				for j := range jobs {
					a.do(by, account, j)
				}
			})
		}
	}
}

// rest waits until the agents have done what they began.
func (a *agents) rest() {
	a.mu.Lock()
	a.resting = true
	a.mu.Unlock()
	for _, jobs := range a.jobs {
		close(jobs)
	}
	a.workers.Wait()
}

func (a *agents) do(by *api, account string, j job) {
	id := fmt.Sprintf("%s-%d", account, a.count.Add(1))
	if j.what != "reply" {
		body := map[string]any{"id": id}
		if j.to != "" {
			body["to"] = j.to
		}
		a.insist(by, "/conversations/"+j.conversation+"/"+j.what, body)
		return
	}
	a.answer(by, account, j.conversation, id)
}

// answer writes a reply until its writer is told what became of it.
func (a *agents) answer(by *api, account, conversation, id string) {
	r := a.history.reply(&Reply{Conversation: conversation, ID: id, Account: account, Text: "已收到,马上处理。" + id})
	status, answer, sure := a.insist(by, "/conversations/"+conversation+"/replies", map[string]any{"id": id, "text": r.Text})
	if status != http.StatusCreated && status != http.StatusOK {
		if sure && status != 0 {
			a.history.repliedNot(r, status)
		}
		return
	}
	t := ReplyTold{Status: status}
	if err := json.Unmarshal(answer, &t); err != nil {
		a.history.fault("refused", r, "the answer to a reply cannot be read: %v: %s", err, answer)
		return
	}
	a.history.repliedTold(r, t)
}

// insist calls until there is an answer. That somebody else has the conversation meanwhile is one. sure says that the answer is to the first call.
func (a *agents) insist(by *api, path string, body any) (status int, answer []byte, sure bool) {
	for sure = true; a.ctx.Err() == nil; sure = false {
		status, answer, err := by.call(a.ctx, http.MethodPost, path, body)
		if again(status, err) {
			if status == http.StatusInternalServerError {
				a.history.fault("refused", nil, "POST %s is answered %d: %s", path, status, answer)
			}
			wait(a.ctx, 20*time.Millisecond)
			continue
		}
		switch status {
		case http.StatusOK, http.StatusCreated, http.StatusForbidden, http.StatusNotFound, http.StatusConflict:
		default:
			if status != http.StatusUnauthorized || !a.losing {
				a.history.fault("refused", body, "POST %s is answered %d: %s", path, status, answer)
			}
		}
		return status, answer, sure
	}
	return 0, nil, false
}

// listen starts the program's own terminal agent as a client of an account.
func (a *agents) listen(program, account, id string, env []string) error {
	cmd := exec.Command(program, "listen", "--server", a.url, "--client", id, "--json")
	cmd.Env = append(slices.Clone(env), "BIDA_TOKEN="+a.tokens[account])
	read, write := io.Pipe()
	p, err := start(cmd, write)
	if err != nil {
		return err
	}
	v := a.history.view(account, id, true)
	a.mu.Lock()
	a.lines = append(a.lines, line{p, account})
	if a.first[account] == "" {
		a.first[account] = id
	}
	a.mu.Unlock()
	go func() { <-p.done; _ = write.Close() }() // ends the reader
	a.viewing.Go(func() {
		lines := bufio.NewScanner(read)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var e client.Event
			if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
				a.history.fault("client", lines.Text(), "a line of bida listen cannot be read: %v", err)
				continue
			}
			a.history.show(v, e)
			a.react(v, e)
		}
		_, _ = io.Copy(io.Discard, read) // a line that is too long: the process must not hang
	})
	return nil
}

// begun waits until every terminal agent has been connected once: one that finds no server when it starts ends, as it should.
func (a *agents) begun() error {
	for until := time.Now().Add(patience); ; {
		waits := slices.IndexFunc(a.lines, func(l line) bool { return !strings.Contains(l.log.String(), "connected as ") })
		if waits < 0 {
			return nil
		}
		if p := a.lines[waits]; p.ended() || time.Now().After(until) {
			return fmt.Errorf("bida listen is not connected:\n%s", p.log)
		}
		wait(a.ctx, 10*time.Millisecond)
	}
}

// allLive says whether every client in this process is connected, and every process runs.
func (a *agents) allLive() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, v := range a.viewers {
		if !v.live.Load() {
			return false
		}
	}
	return !slices.ContainsFunc(a.lines, func(l line) bool { return l.ended() })
}

// end ends all clients. A terminal agent ends with status 0.
func (a *agents) end() {
	a.stop()
	a.mu.Lock()
	lines := slices.Clone(a.lines)
	a.mu.Unlock()
	for _, p := range lines {
		if p.ended() {
			a.history.fault("client", p.log.String(), "bida listen ended by itself: %s", p.cmd.ProcessState)
		} else if err := p.term(); err != nil {
			a.history.fault("client", p.log.String(), "bida listen: %v", err)
		}
		if text := p.log.String(); strings.Contains(text, "protocol fault") {
			a.history.fault("client", text, "bida listen could not follow the server")
		}
	}
	a.viewing.Wait()
}

// moods has agents go away and come back.
func (a *agents) moods(account string, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 99))
	by := &api{base: a.url, token: a.tokens[account], http: a.http}
	for wait(a.more, between(r, 500*time.Millisecond, 5*time.Second)) {
		a.presence(by, account, "away")
		wait(a.more, between(r, 200*time.Millisecond, 2*time.Second))
		a.presence(by, account, "available")
	}
	a.presence(by, account, "available")
}

func (a *agents) presence(by *api, account, value string) {
	for a.ctx.Err() == nil {
		status, answer, err := by.call(a.ctx, http.MethodPut, "/accounts/"+account+"/presence", map[string]any{"value": value})
		switch {
		case again(status, err):
			wait(a.ctx, 20*time.Millisecond)
		case status != http.StatusOK:
			a.history.fault("refused", nil, "the presence %s of %s is answered %d: %s", value, account, status, answer)
			return
		default:
			return
		}
	}
}

// read follows an inbox's replies as its source does, until nobody is waited for and all are read.
func (a *agents) read(ctx context.Context, by *api, inbox string) {
	cursor := "0"
	for {
		last := ctx.Err() != nil
		status, answer, err := by.call(a.ctx, http.MethodGet, "/inboxes/"+inbox+"/replies?cursor="+cursor, nil)
		if a.ctx.Err() != nil {
			return
		}
		if again(status, err) {
			wait(a.ctx, 50*time.Millisecond)
			continue
		}
		var page struct {
			Replies []ReplyLine
			Cursor  string
		}
		if err := json.Unmarshal(answer, &page); status != http.StatusOK || err != nil {
			a.history.fault("refused", string(answer), "the replies of %s after %s are answered %d: %v", inbox, cursor, status, err)
			return
		}
		a.history.source(inbox, page.Replies)
		cursor = page.Cursor
		if last && len(page.Replies) == 0 {
			return
		}
		if len(page.Replies) == 0 {
			wait(ctx, 100*time.Millisecond)
		}
	}
}
