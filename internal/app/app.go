package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"sync"
	"time"

	"github.com/bidahq/bida/internal/attachment"
	"github.com/bidahq/bida/internal/board"
	chat "github.com/bidahq/bida/internal/channel/web"
	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/delivery"
	"github.com/bidahq/bida/internal/demo"
	"github.com/bidahq/bida/internal/diagnosis"
	"github.com/bidahq/bida/internal/gateway"
	"github.com/bidahq/bida/internal/governance"
	"github.com/bidahq/bida/internal/httpapi"
	"github.com/bidahq/bida/internal/intake"
	"github.com/bidahq/bida/internal/job"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/selfcheck"
	"github.com/bidahq/bida/internal/space"
	"github.com/bidahq/bida/web"
)

// Options are what a server is given beside its configuration.
type Options struct {
	Version string
	Log     *slog.Logger // required
	// Space tells the room on a disk; nil for what the system says.
	Space func(dir string) (space.Space, error)
}

// App is one server.
type App struct {
	config Config
	log    *slog.Logger
	base   *base
	demo   *demo.Company // nil unless the demo company is served
	// history is closed when the demo company's history has been made; nil where this process does not make it.
	history chan struct{}

	gateway *gateway.Server
	http    *http.Server
	admin   *http.Server
	address net.Addr
	proxies []netip.Prefix

	undo    *teardown
	serving sync.WaitGroup
	ended   chan struct{}

	mu  sync.Mutex // guards err, stopped
	err error
	// stopped says that Stop was called: what ends now ends because of it.
	stopped bool
}

// The limits of one HTTP request. Realtime connections leave them behind when they are upgraded.
const (
	headerTime   = 5 * time.Second
	readTime     = 30 * time.Second
	writeTime    = 60 * time.Second
	idleTime     = 2 * time.Minute
	headerBytes  = 64 << 10
	shutdownTime = 10 * time.Second
)

// New opens the database and wires everything to it. With an error nothing is left open. Nobody is served before Start.
func New(ctx context.Context, c Config, o Options) (_ *App, err error) {
	a := &App{config: c, log: o.Log, undo: &teardown{log: o.Log}, ended: make(chan struct{})}
	defer func() {
		if err != nil {
			_ = a.undo.run() // logged; the first error is the one that counts
		}
	}()
	file, err := readPolicy(c.Policy)
	if err != nil {
		return nil, err
	}
	if err := a.openDemo(); err != nil {
		return nil, err
	}
	if a.base, err = openBase(ctx, c, o.Log, a.undo); err != nil {
		return nil, err
	}
	if err := a.base.applyPolicy(ctx, c.Policy, file, o.Log); err != nil {
		return nil, err
	}
	if err := a.seedDemo(ctx); err != nil {
		return nil, err
	}
	b := a.base
	deliveries := delivery.New(delivery.Options{
		Ledger: b.ledger, Reader: b.store, Authenticate: b.identity.Authenticate, Accept: conversation.AcceptDelivery,
		Presence: func(account, value, reason string, until time.Time) ledger.Command {
			return &governance.SetPresence{Account: account, Value: value, Reason: reason, Until: until, By: account, Source: "realtime"}
		},
		ConnectionGrace: c.ConnectionGrace, Now: time.Now,
	})
	if a.proxies, err = c.Proxies(); err != nil {
		return nil, err
	}
	a.gateway = gateway.NewServer(gateway.Config{
		Version: o.Version, Node: b.node, Ping: c.Heartbeat, Stale: c.Stale, Ack: c.AckTimeout, Session: b.identity.AuthenticateRequest, Logger: o.Log, Now: time.Now,
		Address: func(r *http.Request) string { return httpapi.Address(r, a.proxies) },
	}, deliveries, b.hub)
	a.undo.add("realtime", func() error { a.gateway.Stop(); return nil })

	room := a.watchSpace(o)
	files, err := attachment.New(attachment.Options{
		Dir: filepath.Join(c.Data, "files"), Ledger: b.ledger, Reader: b.store, Now: time.Now, Open: room.Err, Log: o.Log,
	})
	if err != nil {
		return nil, err
	}
	jobs := job.NewRunner(job.Options{Ledger: b.ledger, Reader: b.store, Now: time.Now, Run: b.node, Log: o.Log}, files.Jobs()...)
	jobs.Start()
	a.undo.add("jobs", func() error { jobs.Stop(); return nil })

	zone, err := c.Location()
	if err != nil {
		return nil, err
	}
	in := intake.New(intake.Options{
		Ledger: b.ledger, Reader: b.store, Now: time.Now, Location: zone, Log: o.Log,
		Limits: intake.Limits{Sender: c.LimitSender, Inbox: c.LimitInbox, All: c.LimitMessages}, Open: a.intakeOpen(room),
	})
	visitors := chat.DefaultLimits()
	visitors.Messages, visitors.AddressMessages = c.LimitVisitor, c.LimitAddress
	var shop http.Handler
	if a.demo != nil {
		shop = demo.Shop()
	}
	api, err := httpapi.New(httpapi.Options{
		Demo: shop, UI: web.Console(), Widget: web.Widget(),
		Ledger: b.ledger, Store: b.store, Identity: b.identity,
		Intake:      in,
		Chat:        chat.New(chat.Options{Ledger: b.ledger, Reader: b.store, Intake: in, Listeners: b.visitors, Now: time.Now, Zone: zone, Limits: visitors}),
		Limits:      &httpapi.Limits{SignIn: c.LimitSignIn, WrongToken: c.LimitWrongToken},
		Proxies:     a.proxies,
		Diagnose:    diagnosis.New(diagnosis.Deps{Ledger: b.ledger, Messages: b.store, Flow: b.store, Facts: b.store, Policies: b.store, Now: time.Now, Zone: zone}),
		SelfCheck:   selfcheck.New(selfcheck.Options{Ledger: b.ledger, Reader: b.store, Ask: b.hub.SelfCheck, Now: time.Now}),
		Attachments: files, Realtime: a.gateway, WakeJobs: jobs.Wake, Connections: b.hub.Connections,
		Board: board.New(b.ledger, b.boards, time.Now), Pulses: b.hub.Pulses, Zone: zone, Version: o.Version, Now: time.Now, Log: o.Log,
	})
	if err != nil {
		return nil, err
	}
	a.http = a.newServer(api)
	a.admin = a.newServer(adminHandler(b, o.Log))
	return a, nil
}

func (a *App) newServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: headerTime, ReadTimeout: readTime, WriteTimeout: writeTime, IdleTimeout: idleTime, MaxHeaderBytes: headerBytes,
		ErrorLog: slog.NewLogLogger(a.log.Handler(), slog.LevelDebug), // what clients do wrong is theirs
	}
}

// Start opens the doors: the admin socket and the address. After an error Stop still has to be called.
func (a *App) Start() error {
	socket, err := listenAdmin(a.config.Data)
	if err != nil {
		return err
	}
	a.serve("admin socket", a.admin, socket)
	a.undo.add("admin socket file", func() error { return removeSocket(a.config.Data) })
	l, err := net.Listen("tcp", a.config.Listen)
	if err != nil {
		return fmt.Errorf("the address cannot be listened on: %w", err)
	}
	a.address = l.Addr()
	a.serve("http", a.http, a.guard(l))
	a.undo.add("visitors' streams", func() error { a.base.visitors.Stop(); return nil }) // before the server, which waits for every request
	a.undo.add("boards", func() error { a.base.boards.Stop(); return nil })
	a.watch()
	a.makeHistory()
	if len(a.base.ledger.Policy().All()) == 0 {
		a.log.Warn("there is no account yet, so nobody can do anything here; make the first one", "with", "bida account create --data "+a.config.Data+" --name admin --role admin --password-stdin")
	}
	a.log.Info("listening", "url", "http://"+a.address.String(), "data", a.config.Data, "revision", a.base.ledger.Policy().Revision())
	return nil
}

// guard bounds the connections of the server that everybody can reach.
func (a *App) guard(l net.Listener) net.Listener {
	all := affordable(a.config.Connections)
	if all < a.config.Connections {
		a.log.Info("the system lets this process open so few files that fewer connections are taken than configured", "connections", all)
	}
	d := newDoor(l, all, a.config.ConnectionsPerAddress, func(from netip.Addr) bool { return httpapi.Trusts(a.proxies, from) }, a.log)
	a.http.ConnState = d.state
	return d
}

// serve answers on a listener until Stop.
func (a *App) serve(name string, s *http.Server, l net.Listener) {
	a.serving.Add(1)
	go func() {
		defer a.serving.Done()
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			a.endWith(fmt.Errorf("%s: %w", name, err))
		}
	}()
	a.undo.add(name, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			a.log.Warn("requests were cut off", "part", name, "error", err)
			return s.Close()
		}
		return nil
	})
}

// watch ends the App when the ledger must not go on.
func (a *App) watch() {
	quit := make(chan struct{})
	a.serving.Add(1)
	go func() {
		defer a.serving.Done()
		select {
		case <-a.base.ledger.Ended():
			a.endWith(a.base.ledger.Err())
		case <-quit:
		}
	}()
	a.undo.add("watch", func() error { close(quit); return nil })
}

// endWith says that the server must not go on.
func (a *App) endWith(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err == nil && !a.stopped {
		a.err = err
		close(a.ended)
	}
}

// Addr is the address that is served, once Start has returned.
func (a *App) Addr() net.Addr { return a.address }

// Ended is closed when the server must not go on; Stop still has to be called.
func (a *App) Ended() <-chan struct{} { return a.ended }

// Err is why Ended was closed.
func (a *App) Err() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.err
}

// Stop takes no more requests, closes the realtime connections, writes what is to be written, and closes the database.
func (a *App) Stop() error {
	a.mu.Lock()
	a.stopped = true
	a.mu.Unlock()
	err := a.undo.run()
	a.serving.Wait()
	return err
}
