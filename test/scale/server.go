package scale

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/bidahq/bida/client"
	"github.com/bidahq/bida/test/release"
)

// server is the release program on what was made.
type server struct {
	process *release.Process
	url     string
	made    *Made
	http    *http.Client
}

// serve starts the program on a data directory, and on a PostgreSQL database if one is named.
func serve(program, data, database string, made *Made) (*server, error) {
	args := []string{"serve", "--data", data, "--listen", "127.0.0.1:0"}
	if database != "" {
		args = append(args, "--database", database)
	}
	cmd := exec.Command(program, args...)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "BIDA_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	p, err := release.Start("bida serve", cmd)
	if err != nil {
		return nil, err
	}
	line, err := p.Expect(release.Err, release.Listening)
	if err != nil {
		p.Kill()
		return nil, err
	}
	return &server{process: p, url: line[1], made: made, http: &http.Client{Timeout: time.Minute}}, nil
}

// ask makes a request as somebody and says how long the whole answer took.
func (s *server) ask(by, path string) (body []byte, took time.Duration, err error) {
	r, err := http.NewRequest(http.MethodGet, s.url+path, nil)
	if err != nil {
		return nil, 0, err
	}
	r.Header.Set("Authorization", "Bearer "+s.made.Tokens[by])
	began := time.Now()
	w, err := s.http.Do(r)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = w.Body.Close() }() // it is read to its end
	body, err = io.ReadAll(w.Body)
	took = time.Since(began)
	if err == nil && w.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s: %s", path, w.Status, body)
	}
	return body, took, err
}

// diagnosis is the path of a question.
func diagnosis(agent string, more ...string) string {
	q := url.Values{"agent": {agent}}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return "/api/v1/diagnosis?" + q.Encode()
}

// candidates says who has a message, and who could have had it.
func (s *server) candidates(message string) (has string, others []string, err error) {
	body, _, err := s.ask("boss", "/api/v1/messages/"+message+"/trace")
	if err != nil {
		return "", nil, err
	}
	var t struct {
		Decision   struct{ Candidates []struct{ Agent string } }
		Deliveries []struct{ Agent string }
	}
	if err := json.Unmarshal(body, &t); err != nil {
		return "", nil, err
	}
	for _, c := range t.Decision.Candidates {
		others = append(others, c.Agent)
	}
	if len(t.Deliveries) > 0 {
		has = t.Deliveries[0].Agent
	}
	return has, others, nil
}

// connect has agents listen, and returns when each was welcomed. stop has them go home.
func (s *server) connect(ctx context.Context, agents []string) (stop func(), err error) {
	ctx, leave := context.WithCancel(ctx)
	var home sync.WaitGroup
	stop = func() { leave(); home.Wait() }
	const together = 24 // the server takes only so many from one address that have not shown a token yet
	places := make(chan struct{}, together)
	failed := make(chan error, len(agents))
	var arrived sync.WaitGroup
	for _, name := range agents {
		c, err := client.New(s.url, s.made.Tokens[name])
		if err != nil {
			stop()
			return nil, err
		}
		places <- struct{}{}
		arrived.Add(1)
		var once sync.Once
		welcomed := func() { once.Do(func() { <-places; arrived.Done() }) }
		home.Go(func() {
			err := c.Listen(ctx, client.ListenOptions{
				ClientID: "tab", Name: program, Version: "1", Transport: client.WebSocket, Available: true, OnEvent: func(client.Event) error { return nil },
				OnState: func(state client.State) {
					if state.Phase == client.Live {
						welcomed()
					}
				},
			})
			if ctx.Err() == nil {
				failed <- fmt.Errorf("%s: %w", name, err)
			}
			welcomed()
		})
	}
	arrived.Wait()
	select {
	case err := <-failed:
		stop()
		return nil, err
	default:
		return stop, nil
	}
}

// load posts so many messages a second to the inboxes until ctx ends. It says how many were taken.
func (s *server) load(ctx context.Context, rate int) (taken func() int, err error) {
	c, err := client.New(s.url, s.made.Boss)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	n, good := 0, 0
	var failed error
	var senders sync.WaitGroup
	began := time.Now()
	const together = 16
	for range together {
		senders.Go(func() {
			for {
				mu.Lock()
				i := n
				n++
				mu.Unlock()
				wait := time.NewTimer(time.Until(began.Add(time.Duration(i) * time.Second / time.Duration(rate))))
				select {
				case <-ctx.Done():
					wait.Stop()
					return
				case <-wait.C:
				}
				_, err := c.PostMessage(context.WithoutCancel(ctx), inbox(i%inboxes), client.Message{
					ID: fmt.Sprintf("load-%d-%d", began.UnixNano(), i), Contact: client.Contact{ID: fmt.Sprint("load-", i%4000)}, Text: "您好",
				})
				mu.Lock()
				if err == nil {
					good++
				} else if failed == nil {
					failed = err
				}
				mu.Unlock()
			}
		})
	}
	return func() int {
		senders.Wait()
		if failed != nil {
			fmt.Fprintln(os.Stderr, "a message was refused:", failed)
		}
		return good
	}, nil
}
