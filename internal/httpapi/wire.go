package httpapi

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/bidahq/bida/internal/attachment"
	"github.com/bidahq/bida/internal/checklist"
	"github.com/bidahq/bida/internal/diagnosis"
	"github.com/bidahq/bida/internal/identity"
	"github.com/bidahq/bida/internal/intake"
	"github.com/bidahq/bida/internal/problem"
)

// routes is the route table while it is being filled.
type routes struct {
	s      *Server
	api    huma.API
	routes []routeInfo
}

// routeInfo is one line of the table.
type routeInfo struct {
	pattern string // "GET /api/v1/policy"
	rule    rule
}

func newTable(s *Server) *routes {
	doc := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: "Bida 必达", Version: "v1",
			Description: "Customer-service reception that can say, with evidence, why a message did or did not reach an agent. " +
				"Errors are RFC 9457 problems that name the field. Times are RFC 3339 with offset and milliseconds.",
			License: &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
		},
		Components: &huma.Components{
			Schemas: huma.NewMapRegistry("#/components/schemas/", schemaName),
			SecuritySchemes: map[string]*huma.SecurityScheme{
				"token":   {Type: "http", Scheme: "bearer", Description: "an API token, bida_…"},
				"visitor": {Type: "http", Scheme: "bearer", Description: "a visitor's token, bidav_…"},
				"session": {Type: "apiKey", In: "cookie", Name: identity.Cookie, Description: "what a browser is given by POST /sign-in"},
			},
		},
		Servers: []*huma.Server{{URL: Prefix}},
	}
	config := huma.Config{
		OpenAPI: doc, Formats: map[string]huma.Format{"application/json": format, "json": format}, DefaultFormat: "application/json", RejectUnknownQueryParameters: true,
	}
	return &routes{s: s, api: humago.NewWithPrefix(s.mux, Prefix, config)}
}

// format writes an answer whole, so that only what cannot be encoded is a fault: a caller that is gone is none.
var format = huma.Format{
	Marshal: func(w io.Writer, v any) error {
		var b bytes.Buffer
		if err := huma.DefaultJSONFormat.Marshal(&b, v); err != nil {
			return err
		}
		_, _ = w.Write(b.Bytes()) // a caller that is gone has no use for it
		return nil
	},
	Unmarshal: huma.DefaultJSONFormat.Unmarshal,
}

// schemaName names a type in the document: Go's suffixes mean nothing to others, and each package's words must not meet another's.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[intake.Request]():
		return "MessageInput"
	case t == reflect.TypeFor[intake.Contact]():
		return "ContactInput"
	case t == reflect.TypeFor[attachment.File]():
		return "Attachment"
	case t.PkgPath() == reflect.TypeFor[diagnosis.Report]().PkgPath() && t.Kind() == reflect.Struct:
		return "Diagnosis" + strings.TrimPrefix(name, "Diagnosis")
	case t.PkgPath() == reflect.TypeFor[checklist.Report]().PkgPath() && t.Kind() == reflect.Struct:
		return "Checklist" + name
	}
	if plain, ok := strings.CutSuffix(name, "OutputBody"); ok {
		return plain + "Answer"
	}
	return strings.TrimSuffix(name, "Body")
}

func (t *routes) document() ([]byte, error) { return t.api.OpenAPI().YAML() }

// option changes a route from the ordinary.
type option func(*routeOptions)

type routeOptions struct {
	limit  int64
	status int
	intake bool // refusals go to the intake log
}

// atMost allows larger (or only smaller) bodies.
func atMost(bytes int64) option { return func(o *routeOptions) { o.limit = bytes } }

// created makes 201 the ordinary status.
func created() option { return func(o *routeOptions) { o.status = http.StatusCreated } }

// intakeLog has refusals by permission recorded.
func intakeLog() option { return func(o *routeOptions) { o.intake = true } }

const ordinaryBody = 1 << 20

type callerKey struct{}

// operation describes a route for the document, and notes it.
func (t *routes) operation(pattern string, r rule, summary string, options []option) (huma.Operation, routeOptions) {
	o := routeOptions{limit: ordinaryBody}
	for _, f := range options {
		f(&o)
	}
	method, path, _ := strings.Cut(pattern, " ")
	t.routes = append(t.routes, routeInfo{method + " " + Prefix + path, r})
	op := huma.Operation{
		Method: method, Path: path, OperationID: operationID(method, path), Summary: summary, DefaultStatus: o.status,
		Tags: []string{strings.Split(strings.TrimPrefix(path, "/"), "/")[0]}, Description: r.describe(),
		Security: r.security(),
		// Bodies are read, bounded and checked before huma sees them.
		MaxBodyBytes: -1, BodyReadTimeout: -1,
	}
	return op, o
}

// operationID names an operation: "put-policy-documents-by-kind-by-name".
func operationID(method, path string) string {
	var b strings.Builder
	b.WriteString(strings.ToLower(method))
	for part := range strings.FieldsFuncSeq(path, func(r rune) bool { return r == '/' || r == ':' }) {
		b.WriteByte('-')
		if name, ok := strings.CutPrefix(part, "{"); ok {
			part = "by-" + strings.TrimSuffix(name, "}")
		}
		b.WriteString(part)
	}
	return b.String()
}

// security says in the document what a caller shows.
func (r rule) security() []map[string][]string {
	switch {
	case r.visitor:
		return []map[string][]string{{"visitor": {}}}
	case r.public:
		return []map[string][]string{}
	}
	return []map[string][]string{{"token": {}}, {"session": {}}}
}

// describe says in the document who may use a route.
func (r rule) describe() string {
	switch {
	case r.visitor:
		return "Open to visitors of the inbox, with the token that they were given."
	case r.public:
		return "Open to anybody."
	case r.ofAccount && r.own == "":
		return "Open to the account itself; for others' it needs the permission `" + r.others + "`."
	case r.ofAccount:
		return "Needs the permission `" + r.own + "` for one's own account, `" + r.others + "` for others'."
	case len(r.any) == 0:
		return "Open to whoever is signed in."
	}
	return "Needs the permission `" + strings.Join(r.any, "` or `") + "`."
}

// route adds a route whose parameters and body huma reads and checks.
func route[I, O any](t *routes, pattern string, r rule, summary string, h func(context.Context, caller, *I) (*O, error), options ...option) {
	op, o := t.operation(pattern, r, summary, options)
	op.Middlewares = huma.Middlewares{func(ctx huma.Context, next func(huma.Context)) {
		req, w := humago.Unwrap(ctx)
		by, ok := t.s.admit(w, req, r, o.intake)
		if !ok {
			return
		}
		if ctx.Operation().RequestBody != nil {
			body, release, err := t.s.body(w, req, t.s.holder(req, r, by.account), o.limit)
			if err == nil && len(body) > 0 {
				err = checkJSON(body, "request.invalid", nil)
			}
			if err != nil {
				release()
				t.s.refuse(w, req, err)
				return
			}
			defer release()
			req.Body = io.NopCloser(bytes.NewReader(body))
			req.Header.Set("Content-Type", "application/json") // a body is JSON, whatever the caller's tool says by default
		}
		next(huma.WithValue(ctx, callerKey{}, by))
	}}
	huma.Register(t.api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := h(ctx, ctx.Value(callerKey{}).(caller), in) // set above
		if err != nil {
			return nil, t.s.refusal(ctx, err)
		}
		return out, nil
	})
}

// raw adds a route that reads its own body. ready refuses, before the body is read, what would be refused anyway. in and out are values of the types that the document shows.
func (t *routes) raw(pattern string, r rule, summary string, in, out any, ready func(*http.Request, caller) error, h func(w http.ResponseWriter, r *http.Request, by caller, body []byte), options ...option) {
	op, o := t.operation(pattern, r, summary, options)
	t.byHand(&op)
	op.RequestBody = &huma.RequestBody{Required: true, Content: t.content(in, &op)}
	op.Responses["200"] = &huma.Response{Description: "OK", Content: t.content(out, &op)}
	if o.status != 0 {
		op.Responses["201"] = &huma.Response{Description: "Created", Content: t.content(out, &op)}
	}
	t.api.OpenAPI().AddOperation(&op)
	t.s.mux.HandleFunc(op.Method+" "+Prefix+op.Path, func(w http.ResponseWriter, req *http.Request) {
		by, ok := t.s.admit(w, req, r, o.intake)
		if !ok {
			return
		}
		err := ready(req, by)
		var body []byte
		if err == nil {
			var release func()
			body, release, err = t.s.body(w, req, t.s.holder(req, r, by.account), o.limit)
			defer release()
		}
		if err != nil {
			if o.intake {
				t.s.refusedIntake(req, by, "", err)
			}
			t.s.refuse(w, req, err)
			return
		}
		h(w, req, by, body)
	})
}

// stream adds a route whose body, or answer, is a file: the handler reads and writes it piece by piece. describe says in the document what they are.
func (t *routes) stream(pattern string, r rule, summary string, describe func(*routes, *huma.Operation), h func(w http.ResponseWriter, r *http.Request, by caller)) {
	op, _ := t.operation(pattern, r, summary, nil)
	t.byHand(&op)
	describe(t, &op)
	t.api.OpenAPI().AddOperation(&op)
	t.s.mux.HandleFunc(op.Method+" "+Prefix+op.Path, func(w http.ResponseWriter, req *http.Request) {
		if by, ok := t.s.admit(w, req, r, false); ok {
			h(w, req, by)
		}
	})
}

// byHand describes what routes that huma does not serve have in common: the parameters in the path and the refusals.
func (t *routes) byHand(op *huma.Operation) {
	op.Parameters = pathParameters(op.Path)
	op.Responses = map[string]*huma.Response{"default": {Description: "Error", Content: map[string]*huma.MediaType{
		"application/problem+json": {Schema: t.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "")},
	}}}
}

// content describes a JSON body by a value of its type.
func (t *routes) content(v any, op *huma.Operation) map[string]*huma.MediaType {
	return map[string]*huma.MediaType{"application/json": {Schema: t.api.OpenAPI().Components.Schemas.Schema(reflect.TypeOf(v), true, op.OperationID)}}
}

func pathParameters(path string) []*huma.Param {
	var list []*huma.Param
	for part := range strings.SplitSeq(path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			list = append(list, &huma.Param{Name: strings.TrimSuffix(name, "}"), In: "path", Required: true, Schema: &huma.Schema{Type: "string"}})
		}
	}
	return list
}

// admit authenticates and authorizes; where the caller may not go on, the answer is written.
func (s *Server) admit(w http.ResponseWriter, r *http.Request, rule rule, intakeLog bool) (by caller, ok bool) {
	info := requestOf(r.Context())
	info.route = r.Pattern
	by = caller{lang: info.lang, request: info.id, http: r}
	var err error
	if rule.public {
		err = s.guard.signIn(s.address(r), s.o.Now())
	} else {
		err = s.guard.wrongToken(s.address(r), s.o.Now(), s.authenticate(w, r, &by))
	}
	if err == nil {
		err = rule.authorize(s.o.Ledger.Policy().Compile(), by.account, r.PathValue("name"), s.o.Now())
	}
	if err == nil {
		err = checkAddress(r.URL)
	}
	if err != nil {
		if intakeLog {
			s.refusedIntake(r, by, "", err)
		}
		s.refuse(w, r, err)
		return by, false
	}
	return by, true
}

// authenticate finds out who asks: by the token or, where none is shown, by the cookie, of which the browser is given a new one when it is time.
func (s *Server) authenticate(w http.ResponseWriter, r *http.Request, by *caller) (err error) {
	token := bearer(r)
	if token != "" || !identity.HasSession(r) {
		by.account, by.token, err = s.o.Identity.Authenticate(token)
		return err
	}
	in, err := s.o.Identity.Continue(r.Context(), r)
	if err != nil {
		return err
	}
	by.account, by.session = in.Account, in.Session
	if in.Secret != "" {
		http.SetCookie(w, identity.SetCookie(r, in))
	}
	return nil
}

// checkAddress refuses what no name, id or cursor has, and some databases cannot even be asked about: invalid UTF-8 and control characters.
func checkAddress(u *url.URL) error {
	if !plain(u.Path) {
		return problem.New(problem.Malformed, "request.address", "The address is not plain UTF-8 text.", "地址不是有效的 UTF-8 文本。")
	}
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return problem.New(problem.Malformed, "request.address", "The parameters are not encoded as they should be.", "参数的编码不正确。")
	}
	for name, list := range values {
		for _, v := range list {
			if !plain(name) || !plain(v) {
				return problem.New(problem.Malformed, "request.address", "A parameter is not plain UTF-8 text.", "参数不是有效的 UTF-8 文本。").On("/" + cut(name))
			}
		}
	}
	return nil
}

func plain(s string) bool { return utf8.ValidString(s) && strings.IndexFunc(s, unicode.IsControl) < 0 }

// fallback answers what no route does.
func (s *Server) fallback(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
		probe := r.Clone(r.Context())
		probe.Method = method
		if _, pattern := s.mux.Handler(probe); pattern != "" && pattern != "/" {
			allowed = append(allowed, method)
		}
	}
	info := requestOf(r.Context())
	if len(allowed) == 0 || slices.Contains(allowed, r.Method) {
		s.refuse(w, r, problem.New(problem.NotFound, "request.unknown_route", "There is nothing at this address.", "该地址不存在。"))
		return
	}
	p := problemOf(problem.New(problem.Invalid, "request.method", "This address does not take "+r.Method+".", "该地址不支持此方法。"), info.lang, info.id)
	p.Status = http.StatusMethodNotAllowed
	p.headers.Set("Allow", strings.Join(allowed, ", "))
	writeProblem(w, p)
}
