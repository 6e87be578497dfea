package httpapi

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/bidahq/bida/internal/channel/web"
	"github.com/bidahq/bida/internal/intake"
	"github.com/bidahq/bida/internal/limit"
)

// chatPrefix is where the routes of visitors begin. They are called by pages of other hosts, know no cookies, and may be read by anybody's page.
const chatPrefix = Prefix + "/chat/"

// The rules of visitors' routes.
func anybody() rule   { return rule{public: true} }
func byVisitor() rule { return rule{public: true, visitor: true} }

// guest is who asks on a visitors' route: a visitor of the inbox, or, where the route is open to anybody, nobody in particular.
type guest struct {
	visitor web.Visitor
	inbox   string
	address string
	lang    string
}

type guestKey struct{}

// allowOrigins lets pages of any host read the answers of visitors' routes. There is nothing in them that a page could not get with the visitor's token,
// and nothing that a browser adds by itself counts.
func allowOrigins(h http.Header) {
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "Retry-After, "+requestIDHeader)
}

// preflight answers a browser that asks whether a page may make a request.
func preflight(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", "GET, POST")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Last-Event-ID, "+requestIDHeader)
	h.Set("Access-Control-Max-Age", "7200")
	w.WriteHeader(http.StatusNoContent)
}

// admitGuest counts the request, and recognises the visitor where the route is for one; where it may not go on, the answer is written.
func (s *Server) admitGuest(w http.ResponseWriter, r *http.Request, rule rule, intakeLog bool) (g guest, ok bool) {
	info := requestOf(r.Context())
	info.route = r.Pattern
	if lang := r.URL.Query().Get("lang"); lang != "" {
		info.lang = language(lang)
	}
	g = guest{inbox: r.PathValue("inbox"), address: s.address(r), lang: info.lang}
	err := s.o.Chat.Allow(g.address)
	if err == nil {
		err = checkAddress(r.URL)
	}
	if err == nil && rule.visitor {
		g.visitor, err = s.o.Chat.Authenticate(r.Context(), g.inbox, bearer(r))
	}
	if err == nil {
		return g, true
	}
	if intakeLog {
		s.refusedGuest(r, g, "", err)
	}
	s.refuse(w, r, err)
	return g, false
}

// refusedGuest leaves a line in the intake log about a visitor's message that was refused before package web saw it.
func (s *Server) refusedGuest(r *http.Request, g guest, id string, err error) {
	if id != "" && g.visitor.ID != "" {
		id = g.visitor.ID + "/" + id
	}
	s.o.Intake.Refused(r.Context(), intake.Refusal{Inbox: g.inbox, SenderID: id, Address: limit.Network(g.address)}, err)
}

// chatRoute adds a visitors' route whose parameters and body huma reads and checks.
func chatRoute[I, O any](t *routes, pattern string, r rule, summary string, h func(context.Context, guest, *I) (*O, error), options ...option) {
	op, o := t.operation(pattern, r, summary, options)
	op.Middlewares = huma.Middlewares{func(ctx huma.Context, next func(huma.Context)) {
		req, w := humago.Unwrap(ctx)
		g, ok := t.s.admitGuest(w, req, r, false)
		if !ok {
			return
		}
		if ctx.Operation().RequestBody != nil {
			body, release, err := t.s.body(w, req, t.s.holder(req, r, ""), o.limit)
			defer release()
			if err == nil && len(body) > 0 {
				err = checkJSON(body, "request.invalid", nil)
			}
			if err != nil {
				t.s.refuse(w, req, err)
				return
			}
			req.Body = io.NopCloser(bytes.NewReader(body))
			req.Header.Set("Content-Type", "application/json")
		}
		next(huma.WithValue(ctx, guestKey{}, g))
	}}
	huma.Register(t.api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := h(ctx, ctx.Value(guestKey{}).(guest), in) // set above
		if err != nil {
			return nil, t.s.refusal(ctx, err)
		}
		return out, nil
	})
}

// chatRaw adds a visitors' route that huma does not serve. describe says in the document what goes in and comes out.
func (t *routes) chatRaw(pattern string, r rule, summary string, describe func(*routes, *huma.Operation), h func(w http.ResponseWriter, r *http.Request, g guest), options ...option) {
	op, o := t.operation(pattern, r, summary, options)
	t.byHand(&op)
	op.Parameters = append(op.Parameters, queryParameter("lang", langDoc, huma.TypeString))
	describe(t, &op)
	t.api.OpenAPI().AddOperation(&op)
	t.s.mux.HandleFunc(op.Method+" "+Prefix+op.Path, func(w http.ResponseWriter, req *http.Request) {
		if g, ok := t.s.admitGuest(w, req, r, o.intake); ok {
			h(w, req, g)
		}
	})
}

const langDoc = "zh or en, where Accept-Language is not what the page speaks"

// address is where a request comes from.
func (s *Server) address(r *http.Request) string { return Address(r, s.o.Proxies) }

// Address is where a request comes from: the far end of the connection, or what a proxy that is trusted says of it. What others say in such a header is
// theirs to invent.
func Address(r *http.Request, proxies []netip.Prefix) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	address := peer.Addr().Unmap()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && Trusts(proxies, address); i-- {
		next, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		address = next.Unmap()
	}
	return address.String()
}

// Trusts says that an address is that of a proxy that is trusted.
func Trusts(proxies []netip.Prefix, address netip.Addr) bool {
	return slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(address) })
}
