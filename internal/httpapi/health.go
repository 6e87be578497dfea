package httpapi

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
	"github.com/bidahq/bida/internal/space"
)

// metrics are what a graph needs: no names of accounts, inboxes or customers.
type metrics struct {
	handler  http.Handler
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	refused  *prometheus.CounterVec
}

func newMetrics(s *Server) *metrics {
	registry := prometheus.NewRegistry()
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "bida_http_requests_total", Help: "HTTP requests answered, by route and status.",
		}, []string{"route", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "bida_http_request_seconds", Help: "Time from the first byte to the answer, by route; realtime connections are not in it.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"route"}),
	}
	m.refused = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "bida_refused_total", Help: "Requests refused with 429 or 503, rows of batches too, by code.",
	}, []string{"code"})
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	count := func(keep func(*ledger.ConversationRow) bool) float64 {
		return float64(len(s.o.Ledger.OpenConversations(keep)))
	}
	registry.MustRegister(
		m.requests, m.duration, m.refused,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		gauge("bida_ledger_position", "The last ledger position that is durable.", func() float64 { return float64(s.o.Ledger.Position()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "bida_ledger_groups_total", Help: "Groups of commands that this process has committed."},
			func() float64 { groups, _ := s.o.Ledger.Committed(); return float64(groups) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "bida_ledger_commands_total", Help: "Commands in those groups."},
			func() float64 { _, commands := s.o.Ledger.Committed(); return float64(commands) }),
		gauge("bida_policy_revision", "The revision of the policy in force.", func() float64 { return float64(s.o.Ledger.Policy().Revision()) }),
		gauge("bida_store_failing", "1 while the store cannot be written.", func() float64 { return truth(s.o.Ledger.Failing() != nil) }),
		gauge("bida_jobs_dead", "Background jobs that were given up (at most 500 are counted); -1 when that cannot be read.", func() float64 {
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
			defer cancel()
			rows, err := s.o.Store.Jobs(ctx, true, "", 500)
			if err != nil {
				return -1
			}
			return float64(len(rows))
		}),
		gauge("bida_disk_low", "1 while new messages are refused because the disk is nearly full.", func() float64 { return truth(fails(s.o.Ledger.Failures(), "disk")) }),
		gauge("bida_intake_waiting", "Messages that wait to be written.", func() float64 { return float64(s.o.Intake.Waiting()) }),
		gauge("bida_body_bytes", "Memory set aside for bodies of requests under way.", func() float64 { return float64(s.bodies.Held() + s.strangeBodies.Held()) }),
		gauge("bida_conversations_open", "Open conversations.", func() float64 { return count(func(*ledger.ConversationRow) bool { return true }) }),
		gauge("bida_conversations_waiting", "Open conversations in which something waits for an agent.", func() float64 {
			return count(func(c *ledger.ConversationRow) bool { return c.WaitingSince != 0 })
		}),
		gauge("bida_realtime_connections", "Open realtime connections of this process.", func() float64 {
			if s.o.Connections == nil {
				return 0
			}
			return float64(s.o.Connections())
		}),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "bida_intake_log_lines_total", Help: "Refused requests written to the intake log by this process."},
			func() float64 { written, _ := s.o.Intake.LogStats(); return float64(written) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "bida_intake_log_left_out_total", Help: "Refused requests that were too many for the intake log."},
			func() float64 { _, leftOut := s.o.Intake.LogStats(); return float64(leftOut) }),
	)
	m.handler = promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	return m
}

func fails(list []reception.Failure, component string) bool {
	return slices.ContainsFunc(list, func(f reception.Failure) bool { return f.Component == component })
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Where connections stay open: how long they take says nothing.
const (
	realtimeRoute = "GET " + Prefix + "/realtime"
	streamRoute   = "GET " + Prefix + "/realtime/stream"
)

func (m *metrics) count(route string, status int, took time.Duration) {
	switch {
	case route == "":
		route = "none"
	case status == 0 && route == realtimeRoute: // taken over
		status = http.StatusSwitchingProtocols
	case status == 0:
		status = http.StatusOK
	}
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
	if route != realtimeRoute && route != streamRoute {
		m.duration.WithLabelValues(route).Observe(took.Seconds())
	}
}

// healthz says that the process answers.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, "application/json", map[string]string{"status": "ok", "version": s.o.Version})
}

// readyz says whether messages can be taken in.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	if s.o.Ledger.Err() != nil || s.o.Ledger.Failing() != nil {
		s.refuse(w, r, problem.New(problem.Unavailable, "system.health.store", "The store cannot be written now.", "存储暂时无法写入。"))
		return
	}
	if fails(s.o.Ledger.Failures(), "disk") {
		s.refuse(w, r, space.ErrLow)
		return
	}
	writeJSON(w, http.StatusOK, "application/json", map[string]any{"status": "ok", "position": s.o.Ledger.Position(), "version": s.o.Version})
}

func (s *Server) serveOpenAPI(w http.ResponseWriter, r *http.Request) {
	document, err := s.openapi()
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/yaml; charset=utf-8")
	_, _ = w.Write(document) // a caller that is gone has no use for it
}

// SchemaPath is where the JSON Schema of policy documents is: editors fetch it without a token.
const SchemaPath = "/api/policy.schema.json"

func (s *Server) servePolicySchema(w http.ResponseWriter, r *http.Request) {
	schema, err := policy.Schema()
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/schema+json")
	_, _ = w.Write(schema) // a caller that is gone has no use for it
}

// realtime leaves a request to one of the realtime handlers.
func (s *Server) realtime(serve func(Realtime, http.ResponseWriter, *http.Request)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if s.o.Realtime == nil {
			s.refuse(w, r, problem.New(problem.Unavailable, "realtime.unavailable", "This server takes no realtime connections.", "此服务器不接受实时连接。"))
			return
		}
		serve(s.o.Realtime, w, r)
	}
}
