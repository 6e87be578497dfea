package httpapi

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/bidahq/bida/internal/board"
	"github.com/bidahq/bida/internal/channel/web"
	"github.com/bidahq/bida/internal/diagnosis"
	"github.com/bidahq/bida/internal/httpapi/chatpage"
	"github.com/bidahq/bida/internal/identity"
	"github.com/bidahq/bida/internal/intake"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/limit"
	"github.com/bidahq/bida/internal/selfcheck"
	"github.com/bidahq/bida/internal/store/snapshot"
)

// Prefix is where the routes of the API begin.
const Prefix = "/api/v1"

// Store is what the API reads beyond what the ledger keeps in memory.
type Store interface {
	ledger.MessageReader
	ledger.FactReader
	ledger.PolicyReader
	ledger.VisitorReader
	ledger.JobReader
	ledger.QuarantineReader
	ledger.AutoReplyReader
	ledger.ChecklistReader
	ledger.HelpReader
	ledger.Extractor
	ledger.LogReader
	// Keys returns those of the senders' ids that were used, in any order.
	Keys(ctx context.Context, refs []ledger.KeyRef) ([]ledger.KeyRow, error)
	// Contact returns a contact, or ledger.ErrNotFound.
	Contact(ctx context.Context, inbox, id string) (ledger.ContactRow, error)
}

// Diagnoser answers why an agent does, or does not, receive. Package diagnosis has it.
type Diagnoser interface {
	Diagnose(ctx context.Context, asker string, q diagnosis.Query) (*diagnosis.Report, error)
	Timeline(ctx context.Context, asker string, q diagnosis.Query, from, to time.Time) (*diagnosis.Timeline, error)
	Patterns(ctx context.Context, asker string, q diagnosis.PatternQuery) (*diagnosis.Patterns, error)
	Outlook(ctx context.Context, asker string, q diagnosis.Query) (*diagnosis.Outlook, error)
	// Pass and Inspect ask for nobody's rights: see there.
	Pass(ctx context.Context, q diagnosis.Query) (whole *diagnosis.Report, kept json.RawMessage, err error)
	Inspect(ctx context.Context, q diagnosis.Query) (*diagnosis.Report, error)
}

// Realtime serves agents' connections. It authenticates by itself. Package gateway has it.
type Realtime interface {
	http.Handler // WebSocket upgrades
	// ServeStream opens a stream of events, where WebSocket cannot be had.
	ServeStream(http.ResponseWriter, *http.Request)
	// ServePost takes in frames from the client of a stream.
	ServePost(http.ResponseWriter, *http.Request)
}

// Options are what the API is made of. Ledger, Store, Identity, Intake, SelfCheck and Attachments are required; without Diagnose or Realtime those routes answer 503.
type Options struct {
	Ledger      *ledger.Ledger
	Store       Store
	Identity    *identity.Service
	Intake      *intake.Service
	Attachments Attachments
	Diagnose    Diagnoser
	SelfCheck   *selfcheck.Service
	Realtime    Realtime
	// UI is the built console; nil or empty for a program without it.
	UI fs.FS
	// Chat is what visitors can do; required.
	Chat *web.Service
	// Limits are DefaultLimits if there are none; that they are off is said by rates that are.
	Limits *Limits
	// Proxies are trusted to say where a request comes from.
	Proxies []netip.Prefix
	// Widget has widget.js, which visitors' pages load; nil or empty for a program without it.
	Widget fs.FS
	// Demo serves what lies under demo.ShopPath, on a server that serves the demo company; else nil.
	Demo http.Handler
	// WakeJobs has what runs jobs look for them now; nil if nothing does.
	WakeJobs func()
	// Board is what GET /board shows; without it that answers 503. Pulses tells how the open connections are, by id; nil if nobody knows.
	Board  *board.Live
	Pulses func() map[string]board.Pulse
	// Connections counts the open realtime connections, for the metrics.
	Connections func() int
	// Zone is the installation's zone, in which times are written; nil for UTC.
	Zone    *time.Location
	Version string
	Now     func() time.Time
	Log     *slog.Logger
}

// Server is the API. See the package comment.
type Server struct {
	o        Options
	mux      *http.ServeMux
	bodies   *limit.Budget // of those who are known
	metrics  *metrics
	replies  readMarks
	previews previews
	paces    paces
	guard    guard
	// helpLimit is how often an account may ask for help.
	helpLimit *limit.Limiter
	told      *limit.Limiter // lines of the log about what Bida cannot do now
	// strangeBodies are those of strangers.
	strangeBodies *limit.Budget
	// chatHeartbeat is how often a visitors' stream gives a sign of life.
	chatHeartbeat time.Duration
	// boardHeartbeat is that of a stream of the board; boardRun tells this process's versions of the board from another's.
	boardHeartbeat time.Duration
	boardRun       string
	routes         []routeInfo
	// openapi makes the document, as YAML, when somebody first asks for it: that takes longer than all else that New does.
	openapi   func() ([]byte, error)
	ui        *ui
	pages     *chatpage.Pages
	snapshots *snapshot.Exporter
}

// New makes the handler of everything that is served over HTTP.
func New(o Options) (*Server, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.Limits == nil {
		usual := DefaultLimits()
		o.Limits = &usual
	}
	s := &Server{
		o: o, mux: http.NewServeMux(), bodies: limit.NewBudget(bodyBudget, bodyShare), strangeBodies: limit.NewBudget(strangeBudget, strangeShare), guard: newGuard(*o.Limits), helpLimit: limit.NewLimiter(helpRate), told: limit.NewLimiter(toldOften), paces: usualPaces, previews: previews{known: map[int64]preview{}},
		chatHeartbeat: chatHeartbeat, boardHeartbeat: boardHeartbeat, boardRun: rand.Text(), snapshots: snapshot.NewExporter(o.Store),
	}
	var err error
	if s.ui, err = newUI(o.UI); err != nil {
		return nil, fmt.Errorf("the console: %w", err)
	}
	if s.pages, err = s.newPages(); err != nil {
		return nil, fmt.Errorf("the chat link: %w", err)
	}
	s.metrics = newMetrics(s)
	t := newTable(s)
	s.register(t)
	s.routes = t.routes
	s.openapi = sync.OnceValues(t.document)
	return s, nil
}

// OpenAPI returns the OpenAPI document as YAML. It depends on the program only.
func OpenAPI() ([]byte, error) {
	t := newTable(&Server{mux: http.NewServeMux()})
	t.s.register(t)
	return t.document()
}

// ServeHTTP gives every request an id, bounds what a fault can do, and counts.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now() // how long it takes is measured with the machine's clock, whatever the ledger's is
	info := &request{id: requestID(r), lang: language(r.Header.Get("Accept-Language"))}
	h := w.Header()
	h.Set(requestIDHeader, info.id)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	rec := &recorder{ResponseWriter: w}
	r = r.WithContext(context.WithValue(r.Context(), requestKey{}, info))
	defer func() {
		if fault := recover(); fault != nil {
			if fault == http.ErrAbortHandler { // the very value
				panic(fault)
			}
			s.o.Log.Error("a handler panicked", "request", info.id, "route", r.Pattern, "panic", fault, "stack", string(debug.Stack()))
			if rec.status == 0 {
				s.refuse(rec, r, errInternal)
			}
		}
		s.metrics.count(r.Pattern, rec.status, time.Since(began))
	}()
	if strings.HasPrefix(r.URL.Path, chatPrefix) {
		if allowOrigins(h); r.Method == http.MethodOptions {
			preflight(rec)
			return
		}
	}
	s.mux.ServeHTTP(rec, r)
}

// recorder remembers the status. http.ResponseController finds the writer below it.
type recorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= http.StatusOK {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap gives http.ResponseController what can be hijacked.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
