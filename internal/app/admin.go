package app

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"syscall"
	"time"

	"github.com/bidahq/bida/internal/identity"
	"github.com/bidahq/bida/internal/store"
)

// NewAccount is an account to make.
type NewAccount struct {
	Name     string   `json:"name"`
	Title    string   `json:"title,omitempty"`
	Roles    []string `json:"roles,omitempty"`
	Agent    bool     `json:"agent,omitempty"`
	Password string   `json:"password,omitempty"`
}

// NewToken is a token to make.
type NewToken struct {
	Account string    `json:"account"`
	Label   string    `json:"label,omitempty"`
	Expires time.Time `json:"expires,omitzero"`
}

// Admin makes accounts and tokens for whoever may read and write the data directory. Refusals are *problem.Error.
type Admin interface {
	CreateAccount(ctx context.Context, a NewAccount) error
	CreateToken(ctx context.Context, t NewToken) (token string, err error)
	Close() error
}

// asked is on whose behalf an Admin works.
var asked = identity.Asked{By: "system", Source: "cli"}

// OpenAdmin finds who can make accounts: the server that runs on the data directory, through its socket, or nobody, and then the database is opened
// here. A server that is just starting or stopping holds the directory without answering; it is waited for.
func OpenAdmin(ctx context.Context, c Config, log *slog.Logger) (Admin, error) {
	ctx, cancel := context.WithTimeout(ctx, adminPatience)
	defer cancel()
	for {
		remote, err := dialAdmin(ctx, c.Data)
		if err == nil {
			return remote, nil
		}
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ECONNREFUSED) {
			return nil, err
		}
		local, err := openLocal(ctx, c, log)
		if !errors.Is(err, store.ErrInUse) {
			return local, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(adminPause):
		}
	}
}

const (
	adminPatience = 10 * time.Second
	adminPause    = 100 * time.Millisecond
	drainTime     = 5 * time.Second
)

// local is an Admin on the database itself.
type local struct {
	base *base
	undo *teardown
}

func openLocal(ctx context.Context, c Config, log *slog.Logger) (Admin, error) {
	undo := &teardown{log: log}
	b, err := openBase(ctx, c, log, undo)
	if err != nil {
		_ = undo.run() // logged; the first error is the one that counts
		return nil, err
	}
	return &local{b, undo}, nil
}

// CreateAccount implements Admin.
func (l *local) CreateAccount(ctx context.Context, a NewAccount) error {
	return l.base.createAccount(ctx, a)
}

// CreateToken implements Admin.
func (l *local) CreateToken(ctx context.Context, t NewToken) (string, error) {
	return l.base.createToken(ctx, t)
}

// Close implements Admin.
func (l *local) Close() error { return l.undo.run() }

func (b *base) createAccount(ctx context.Context, a NewAccount) error {
	return b.identity.CreateAccount(ctx, identity.NewAccount{Name: a.Name, Title: a.Title, Roles: a.Roles, Agent: a.Agent, Password: a.Password}, asked)
}

func (b *base) createToken(ctx context.Context, t NewToken) (string, error) {
	_, token, err := b.identity.CreateToken(ctx, t.Account, t.Label, t.Expires, asked)
	return token, err
}
