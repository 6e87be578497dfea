package app

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"maps"
	"os"
	"time"

	"github.com/bidahq/bida/internal/board"
	"github.com/bidahq/bida/internal/channel/web"
	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/gateway"
	"github.com/bidahq/bida/internal/governance"
	"github.com/bidahq/bida/internal/identity"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
	"github.com/bidahq/bida/internal/store"
)

// base is what a server and the commands that work without one have in common: the store, the ledger that runs on it, and who may sign in.
type base struct {
	node     string
	store    store.Store
	ledger   *ledger.Ledger
	hub      *gateway.Hub
	visitors *web.Listeners
	boards   *board.Watchers
	identity *identity.Service
}

// openBase opens the database, which nobody else may use meanwhile, and starts the ledger.
func openBase(ctx context.Context, c Config, log *slog.Logger, undo *teardown) (*base, error) {
	if err := c.ensureData(); err != nil {
		return nil, err
	}
	if c.Database != "" {
		unlock, err := lockDirectory(c.Data)
		if err != nil {
			return nil, err
		}
		undo.add("lock", unlock)
	}
	b := &base{node: nodeName(), hub: gateway.NewHub(), visitors: web.NewListeners(), boards: board.NewWatchers()}
	var err error
	if b.store, err = store.Open(ctx, c.Target(), store.Options{Log: log}); err != nil {
		return nil, err
	}
	undo.add("store", b.store.Close)
	b.ledger, err = ledger.New(ctx, b.store, ledger.Options{
		Now:             time.Now,
		Node:            b.node,
		Settle:          conversation.Settle,
		Restore:         restore,
		ClockSet:        followClock,
		Deadlines:       deadlines(),
		Wake:            b.hub.Wake,
		Changed:         b.hub.Changed,
		Published:       b.boards.Changed,
		Heard:           b.visitors.Heard,
		SessionEnded:    func(session, cause string) { endSession(b.hub, session, cause) },
		ConnectionGrace: c.ConnectionGrace,
		PresenceGrace:   c.PresenceGrace,
		Log:             log,
	})
	if err != nil {
		return nil, err
	}
	b.ledger.Start()
	undo.add("ledger", func() error { drain(b.ledger); b.ledger.Stop(); return nil })
	b.identity = identity.New(identity.Options{Ledger: b.ledger, Apply: applier, Now: time.Now, Log: log,
		Idle: c.SessionIdle, Length: c.SessionLength, Rotation: c.SessionRotation})
	return b, nil
}

// drain waits until all that was given to the ledger so far is written: the ends of the connections that were just closed, above all.
func drain(l *ledger.Ledger) {
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	for _, cmd := range []ledger.Command{nothing{}, lastNothing{}} {
		_ = l.Do(ctx, cmd) // if the store fails, there is nothing to wait for
	}
}

// nothing is the command that changes nothing; lastNothing comes behind those that let others go first.
type (
	nothing     struct{}
	lastNothing struct{ nothing }
)

// Apply implements ledger.Command.
func (nothing) Apply(*ledger.Tx) error { return nil }

// Yields implements ledger.Yielding.
func (lastNothing) Yields() {}

// restore sets, after a start, the deadlines of all who set some.
func restore(tx *ledger.Tx) error {
	for _, f := range []func(*ledger.Tx) error{conversation.Restore, identity.Restore} {
		if err := f(tx); err != nil {
			return err
		}
	}
	return nil
}

// followClock does what is to be done in all of these when the clock was set.
func followClock(tx *ledger.Tx, by time.Duration) error {
	if err := conversation.FollowClock(tx, by); err != nil {
		return err
	}
	return identity.Restore(tx) // tokens and sessions end at an instant, which may come a second time
}

// deadlines merges the handlers; their kinds are different.
func deadlines() map[string]func(*ledger.Tx, string) error {
	all := map[string]func(*ledger.Tx, string) error{}
	maps.Copy(all, conversation.Deadlines())
	maps.Copy(all, governance.Deadlines())
	maps.Copy(all, identity.Deadlines())
	return all
}

// endSession closes the connections of a session that ended, with the code that tells the client whether to come back.
func endSession(hub *gateway.Hub, session, cause string) {
	switch cause {
	case reception.SessionEndRevoked:
		hub.EndSession(session, gateway.CloseTokenRevoked, "the token was revoked / 令牌已被吊销")
	case reception.SessionEndExpired:
		hub.EndSession(session, gateway.CloseUnauthenticated, "the token or sign-in has run out / 令牌或登录已到期")
	case reception.SessionEndSignOut:
		hub.EndSession(session, gateway.CloseSessionEnded, "signed out / 已退出登录")
	case reception.SessionEndDisabled:
		hub.EndSession(session, gateway.CloseSessionEnded, "the account may no longer sign in / 该账号不能再登录")
	default:
		hub.EndSession(session, gateway.CloseSessionEnded, "the session was ended / 登录已被结束")
	}
}

// applier makes the command by which identity changes an account's document.
func applier(edits []policy.Edit, by, source, request, reason string) ledger.Command {
	return &governance.Apply{Base: -1, Edits: edits, By: by, Source: source, Request: request, Reason: reason}
}

// nodeName names this run of this process: no other has the same.
func nodeName() string {
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "node"
	}
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails: the runtime ends the process if the system has no randomness
	return host + "/" + hex.EncodeToString(b[:])
}
