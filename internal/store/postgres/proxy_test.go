package postgres_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/store/postgres"
)

// fault is what the proxy does to the next COMMIT.
type fault int32

const (
	none     fault = iota
	swallow        // the server never gets it
	deafen         // the server executes it, and its answer is lost
	cutBatch       // the connection is cut when the statements before it come
)

// proxy stands between the store and the server.
type proxy struct {
	next    atomic.Int32
	network string
	address string
}

// startProxy returns a proxy and the URL by which the store reaches the database through it.
func startProxy(t *testing.T, target string) (*proxy, string) {
	t.Helper()
	config, err := pgx.ParseConfig(target)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{}
	if config.Host[0] == '/' {
		p.network, p.address = "unix", fmt.Sprintf("%s/.s.PGSQL.%d", config.Host, config.Port)
	} else {
		p.network, p.address = "tcp", net.JoinHostPort(config.Host, fmt.Sprint(config.Port))
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go p.serve(client)
		}
	}()
	u := url.URL{Scheme: "postgres", User: url.UserPassword(config.User, config.Password), Host: listener.Addr().String(), Path: config.Database, RawQuery: "sslmode=disable"}
	return p, u.String()
}

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial(p.network, p.address)
	if err != nil {
		return
	}
	defer server.Close()
	deaf := &atomic.Bool{}
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		defer client.Close()
		buffer := make([]byte, 1<<16)
		for {
			n, err := server.Read(buffer)
			if err != nil || deaf.Load() {
				return
			}
			if _, err := client.Write(buffer[:n]); err != nil {
				return
			}
		}
	}()
	buffer := make([]byte, 1<<16)
	for {
		n, err := client.Read(buffer)
		if err != nil {
			return
		}
		isCommit := bytes.Contains(buffer[:n], []byte("COMMIT\x00"))
		isBatch := buffer[0] == 'B'
		switch next := fault(p.next.Load()); {
		case next == swallow && isCommit, next == cutBatch && isBatch:
			p.next.Store(int32(none))
			return
		case next == deafen && isCommit:
			p.next.Store(int32(none))
			deaf.Store(true)
			if _, err := server.Write(buffer[:n]); err == nil {
				<-answered
			}
			return
		}
		if _, err := server.Write(buffer[:n]); err != nil && !errors.Is(err, io.EOF) {
			return
		}
	}
}

func TestACommitWhoseConnectionIsLostIsUnknownUntilItIsAskedFor(t *testing.T) {
	needServer(t)
	for name, c := range map[string]struct {
		fault     fault
		want      error
		committed bool
	}{
		"the server did not get it":       {swallow, ledger.ErrCommitUnknown, false},
		"the server committed":            {deafen, ledger.ErrCommitUnknown, true},
		"the statements before were lost": {cutBatch, ledger.ErrUnavailable, false},
	} {
		t.Run(name, func(t *testing.T) {
			p, target := startProxy(t, database(t))
			s := open(t, target, postgres.Options{})
			defer s.Close()
			load(t, s)
			commit(t, s, 1)
			p.next.Store(int32(c.fault))
			if err := s.Commit(t.Context(), group(2)); !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			if errors.Is(c.want, ledger.ErrCommitUnknown) {
				if err := s.Commit(t.Context(), group(2)); !errors.Is(err, ledger.ErrUnavailable) {
					t.Errorf("a commit before Reopen: %v", err)
				}
				if err := s.Reopen(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if has, err := s.HasGroup(t.Context(), 2, "2"); has != c.committed || err != nil {
				t.Errorf("the group: %v, %v; want %v", has, err, c.committed)
			}
			next := int64(2)
			if c.committed {
				next = 3
			}
			commit(t, s, next)
			if got := load(t, s).Position; got != next {
				t.Errorf("position %d, want %d", got, next)
			}
		})
	}
}
