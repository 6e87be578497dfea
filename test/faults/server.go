package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/bidahq/bida/client"
	"github.com/bidahq/bida/test/release"
)

// patience is how long anything may take that must happen.
const patience = 30 * time.Second

// The size of a small file system, and below how much room its server takes nothing new.
const (
	smallDisk = 96 << 20
	lowMark   = 32 << 20
)

// shop is the account that hands messages in.
const shop = "shop"

// bosses are the accounts that change settings.
var bosses = []string{"boss-a", "boss-b", "boss-c"}

// Server is a running release program with a company of its own.
type Server struct {
	program, data, address string
	flags                  []string
	process                *release.Process

	http *http.Client

	mu sync.Mutex
	by map[string]*client.Client // of accounts
}

// Timing is how fast a server gives up.
type Timing struct{ Heartbeat, Stale, Ack, Grace, Presence time.Duration }

// calm has times so long that nothing runs out on a busy machine; quick is for what has to.
var (
	calm  = Timing{Heartbeat: 5 * time.Second, Stale: 30 * time.Second, Ack: 20 * time.Second, Grace: 20 * time.Second, Presence: 5 * time.Minute}
	quick = Timing{Heartbeat: 800 * time.Millisecond, Stale: 3 * time.Second, Ack: time.Second, Grace: 700 * time.Millisecond, Presence: 700 * time.Millisecond}
)

// newServer starts a program on an empty directory, with the accounts of those who change settings.
func newServer(ctx context.Context, program, data string, t Timing, flags ...string) (*Server, error) {
	address, err := release.FreeAddress()
	if err != nil {
		return nil, err
	}
	s := &Server{program: program, data: data, address: address, by: map[string]*client.Client{}}
	s.flags = append([]string{"--heartbeat", t.Heartbeat.String(), "--stale", t.Stale.String(), "--ack-timeout", t.Ack.String(),
		"--connection-grace", t.Grace.String(), "--presence-grace", t.Presence.String(), "--log-level", "error"}, flags...)
	s.http = &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: 64, MaxIdleConns: 64}}
	for _, boss := range bosses {
		if _, err := s.command("a long password of "+boss, "account", "create", "--name", boss, "--role", "admin", "--password-stdin"); err != nil {
			return nil, err
		}
	}
	if err := s.start(ctx); err != nil {
		return nil, err
	}
	for _, boss := range bosses {
		token, err := s.command("", "token", "create", "--account", boss)
		if err != nil {
			s.kill()
			return nil, err
		}
		if s.by[boss], err = client.New(s.url(), strings.TrimSpace(token), client.WithHTTPClient(s.http)); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *Server) url() string { return "http://" + s.address }

// admin is who sets everything up and asks.
func (s *Server) admin() *client.Client { return s.as(bosses[0]) }

// as is the API with an account's token.
func (s *Server) as(account string) *client.Client {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.by[account]
}

// command runs a command of the program on the data directory and gives the last line it wrote.
func (s *Server) command(in string, args ...string) (string, error) {
	cmd := exec.Command(s.program, args...)
	cmd.Env = append(cmd.Environ(), "BIDA_DATA="+s.data)
	cmd.Stdin = strings.NewReader(in)
	r, err := release.Run(cmd)
	if err != nil {
		return "", err
	}
	if r.Status != 0 {
		return "", fmt.Errorf("bida %s: %s", strings.Join(args, " "), r.Err)
	}
	lines := strings.Split(strings.TrimSpace(r.Out), "\n")
	return lines[len(lines)-1], nil
}

// start begins a life of the program and waits until it takes messages.
func (s *Server) start(ctx context.Context) error {
	cmd := exec.Command(s.program, append([]string{"serve", "--data", s.data, "--listen", s.address}, s.flags...)...)
	p, err := release.Start("server", cmd)
	if err != nil {
		return err
	}
	s.process = p
	return s.ready(ctx, true)
}

// ready waits until the server takes messages, or does not.
func (s *Server) ready(ctx context.Context, want bool) error {
	return until(ctx, "the server is ready: "+fmt.Sprint(want), func() (bool, error) {
		if want && s.process.Ended() {
			return false, errors.New("the server ended by itself: " + s.process.All())
		}
		response, err := s.http.Get(s.url() + "/readyz")
		if err != nil {
			return !want, nil
		}
		_ = response.Body.Close() // the status says it all
		return (response.StatusCode == http.StatusOK) == want, nil
	})
}

// kill ends the program at once.
func (s *Server) kill() {
	s.process.Kill()
	s.http.CloseIdleConnections()
}

// until looks again and again, until it is so; nothing depends on how often.
func until(ctx context.Context, what string, so func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for wait := 5 * time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		ok, err := so()
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.New("it does not happen: " + what)
		case <-time.After(wait):
		}
	}
}

// spec is a document's content.
type spec = map[string]any

// document makes one for PutPolicy.
func document(kind, name string, content spec) client.Document {
	raw, err := json.Marshal(content)
	if err != nil {
		panic(err) // literals
	}
	return client.Document{Kind: kind, Name: name, Spec: raw}
}

// found puts the company and the documents of its cases into force, and gives who hands messages in a token.
func (s *Server) found(ctx context.Context, documents []client.Document) error {
	documents = append([]client.Document{
		document("role", "source", spec{"permissions": []string{"message.post", "reply.read"}}),
		document("account", shop, spec{"title": "商城网站", "roles": []string{"source"}}),
	}, documents...)
	_, err := s.admin().PutPolicy(ctx, -1, documents, false)
	if err != nil {
		return fmt.Errorf("found the company: %w", err)
	}
	_, _, err = s.token(ctx, shop, time.Time{})
	return err
}

// token makes a token for an account, and a caller that uses it.
func (s *Server) token(ctx context.Context, account string, expires time.Time) (id, token string, err error) {
	if id, token, err = s.admin().CreateToken(ctx, account, "bench", expires); err != nil {
		return "", "", fmt.Errorf("a token for %s: %w", account, err)
	}
	c, err := client.New(s.url(), token, client.WithHTTPClient(s.http))
	if err != nil {
		return "", "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.by[account] = c
	return id, token, nil
}
