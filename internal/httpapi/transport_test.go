package httpapi

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/bidahq/bida/internal/problem"
)

func TestThePolicySchemaIsServedToEditors(t *testing.T) {
	want, err := os.ReadFile("../../api/policy.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	served := newBench(t).ask("guest", "GET", SchemaPath, nil).want(200)
	if served.raw != string(want) || served.header.Get("Content-Type") != "application/schema+json" {
		t.Errorf("another document is served, of type %s", served.header.Get("Content-Type"))
	}
}

func TestTheOpenAPIDocumentIsUpToDate(t *testing.T) {
	b := newBench(t)
	const file = "../../api/openapi.yaml"
	kept, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	made, err := OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	if string(kept) != string(made) {
		t.Error("api/openapi.yaml is not what the routes say; run make generate")
	}
	served := b.ask("guest", "GET", "/api/openapi.yaml", nil).want(200)
	if served.raw != string(made) || !strings.HasPrefix(served.header.Get("Content-Type"), "application/yaml") {
		t.Error("another document is served")
	}
	var doc struct {
		OpenAPI string                               `yaml:"openapi"`
		Paths   map[string]map[string]map[string]any `yaml:"paths"`
	}
	if err := yaml.Unmarshal(made, &doc); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1.") {
		t.Errorf("it is OpenAPI %s", doc.OpenAPI)
	}
	for _, r := range b.server.routes {
		method, path, _ := strings.Cut(r.pattern, " ")
		op := doc.Paths[strings.TrimPrefix(path, Prefix)][strings.ToLower(method)]
		if op == nil {
			t.Errorf("%s is not in the document", r.pattern)
			continue
		}
		responses, _ := op["responses"].(map[string]any)
		if responses["default"] == nil || responses["422"] != nil || op["summary"] == "" || op["operationId"] == "" || op["security"] == nil {
			t.Errorf("%s is described as %v", r.pattern, op)
		}
	}
}

func TestEveryKindOfRefusalHasOneStatusAndWordsInBothLanguages(t *testing.T) {
	want := map[problem.Kind]int{
		problem.Internal: 500, problem.Malformed: 400, problem.Invalid: 400, problem.Unauthenticated: 401, problem.Forbidden: 403, problem.NotFound: 404,
		problem.Conflict: 409, problem.Stale: 412, problem.Required: 428, problem.TooLarge: 413, problem.Rejected: 422, problem.Limited: 429, problem.Unavailable: 503,
		problem.Unsupported: 415,
	}
	for kind := range problem.Unsupported + 1 {
		p := problemOf(problem.New(kind, "x.y", "words", "文字"), "en", "r")
		zh := problemOf(problem.New(kind, "x.y", "words", "文字"), "zh", "r")
		if p.Status != want[kind] || p.Title == "" || zh.Title == p.Title || zh.Detail != "文字" || p.Type != "urn:bida:problem:x.y" || p.Request != "r" {
			t.Errorf("kind %d: %+v", kind, p)
		}
		if retry := kind == problem.Limited || kind == problem.Unavailable; retry != (p.headers.Get("Retry-After") != "") {
			t.Errorf("kind %d: Retry-After is %q", kind, p.headers.Get("Retry-After"))
		}
	}
}

func TestAFaultSaysNothingOfItselfOutsideAndEverythingInTheLog(t *testing.T) {
	b := newBench(t)
	b.server.mux.HandleFunc("GET /api/v1/fault", func(w http.ResponseWriter, r *http.Request) {
		b.server.refuse(w, r, errors.New("the disk of host db-7 is on fire"))
	})
	b.server.mux.HandleFunc("GET /api/v1/panic", func(http.ResponseWriter, *http.Request) { panic("the disk of host db-7 is on fire") })
	for _, path := range []string{"/fault", "/panic"} {
		got := b.ask("admin", "GET", path, nil, "X-Request-Id", "request"+path[1:])
		got.problem(500, "system.internal", "")
		if strings.Contains(got.raw, "db-7") || got.text("request") != "request"+path[1:] {
			t.Errorf("%s: %s", path, got.raw)
		}
		if log := b.log.String(); !strings.Contains(log, "db-7") || !strings.Contains(log, "request"+path[1:]) {
			t.Errorf("%s: the log has no cause: %s", path, log)
		}
	}
	b.server.mux.HandleFunc("GET /api/v1/abort", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	defer func() {
		if recover() != http.ErrAbortHandler { // the very value
			t.Error("the server is not told to drop the connection")
		}
	}()
	b.ask("admin", "GET", "/abort", nil)
}

func TestAFailedReadIsUnavailableAndNeverEmpty(t *testing.T) {
	b := newBench(t)
	b.ask("admin", "PUT", "/policy/documents/account/agent-a", agentA(`,"number":"1"`), "If-Match", "1").want(200)
	b.store.Crash()
	for _, path := range []string{
		"/policy?revision=1", "/policy/revisions", "/audit", "/intake/log", "/messages/m1/trace", "/messages/trace?inbox=web&sender_id=x", "/conversations/c999",
		"/inboxes/web/replies", "/accounts/agent-a/tokens",
	} {
		b.ask("admin", "GET", path, nil).problem(503, "system.health.store", "")
	}
}

func TestRequestsHaveAnID(t *testing.T) {
	b := newBench(t)
	if got := b.ask("admin", "GET", "/me", nil, "X-Request-Id", "my-id_1.2"); got.header.Get("X-Request-Id") != "my-id_1.2" {
		t.Errorf("the id is %q", got.header.Get("X-Request-Id"))
	}
	for _, bad := range []string{"", "a b", "a\"b", strings.Repeat("x", 65), "密"} {
		if got := b.ask("admin", "GET", "/me", nil, "X-Request-Id", bad).header.Get("X-Request-Id"); got == bad || len(got) != 16 {
			t.Errorf("for %q the id is %q", bad, got)
		}
	}
}

func TestWhatIsNotThereIsAProblemToo(t *testing.T) {
	b := newBench(t)
	for _, path := range []string{"/nothing", "/policy/documents/account", "/api/v2/policy", "/api/nothing"} {
		b.ask("admin", "GET", path, nil).problem(404, "request.unknown_route", "")
	}
	got := b.ask("admin", "PATCH", "/policy", nil)
	got.problem(405, "request.method", "")
	if got.header.Get("Allow") != "GET, PUT" {
		t.Errorf("Allow is %q", got.header.Get("Allow"))
	}
	b.ask("admin", "HEAD", "/policy", nil).want(200)
}

func TestUnknownParametersAndMembersAreRefusedByName(t *testing.T) {
	b := newBench(t)
	b.ask("admin", "GET", "/conversations?stat=mine", nil).problem(400, "request.invalid", "/stat")
	b.ask("admin", "GET", "/conversations?state=other", nil).problem(400, "request.invalid", "/state")
	b.ask("admin", "PUT", "/accounts/agent-a/presence", map[string]any{"value": "away", "reson": "x"}).problem(400, "request.invalid", "/reson")
	b.ask("admin", "PUT", "/accounts/agent-a/presence", `{"value":"away"} {}`).problem(400, "request.invalid", "")
	b.ask("admin", "PUT", "/accounts/agent-a/presence", `{"value":"away","value":"dnd"}`).problem(400, "request.invalid", "/value")
	b.ask("admin", "PUT", "/accounts/agent-a/presence", "{\"value\":\"away\",\"reason\":\"\xff\"}").problem(400, "request.invalid", "/reason")
	b.ask("admin", "PUT", "/accounts/agent-a/presence", `{"value":"away"}`, "Content-Encoding", "br").problem(415, "request.encoding", "/Content-Encoding")
	b.ask("admin", "PUT", "/accounts/agent-a/presence", `{"value":"`+strings.Repeat("x", ordinaryBody)+`"}`).problem(413, "request.too_large", "")
	b.ask("admin", "PUT", "/accounts/agent-a/presence", `{"value":"away","until":"soon"}`).problem(400, "request.invalid", "/until")
	b.ask("admin", "PUT", "/accounts/agent-a/presence", `{"value":"away"}`, "Content-Type", "application/x-www-form-urlencoded").want(200)
}

func TestAnAddressThatIsNoPlainTextIsRefused(t *testing.T) {
	b := newBench(t)
	for path, field := range map[string]string{
		"/messages/trace?inbox=web&sender_id=%00": "/sender_id", "/messages/trace?inbox=%ff&sender_id=x": "/inbox", "/messages/trace?inbox=web&sender_id=%zz": "",
		"/policy/documents/account/%ff": "", "/policy/documents/account/a%00b": "", "/inboxes/%0a/replies": "", "/me?a;b": "", "/me?%ff=1": "/?",
	} {
		b.ask("admin", "GET", path, nil).problem(400, "request.address", field)
	}
	b.ask("robot", "POST", "/inboxes/%ff/messages", message("x")).problem(400, "request.address", "")
	if row := b.ask("admin", "GET", "/intake/log", nil).list("refusals")[0].(map[string]any); row["inbox"] != "?" || row["code"] != "request.address" {
		t.Errorf("the intake log has %v", row)
	}
}

func TestHealthAndReadinessTellOfTheStore(t *testing.T) {
	b := newBench(t)
	b.ask("guest", "GET", "/healthz", nil).want(200)
	b.ask("guest", "GET", "/readyz", nil).want(200)
	b.store.Crash()
	b.ask("robot", "POST", "/inboxes/web/messages", message("x")).want(503)
	b.ask("guest", "GET", "/healthz", nil).want(200)
	b.ask("guest", "GET", "/readyz", nil).problem(503, "system.health.store", "")
	if m := b.ask("guest", "GET", "/metrics", nil).want(200).raw; !strings.Contains(m, "bida_store_failing 1") {
		t.Errorf("the metrics say %s", m)
	}
}

func TestMetricsCountAndNameNobody(t *testing.T) {
	b := newBench(t)
	b.online("agent-a")
	b.ask("robot", "POST", "/inboxes/web/messages", message("x")).want(201)
	b.ask("robot", "POST", "/inboxes/vip/messages", message("x")).want(201)
	b.ask("robot", "POST", "/inboxes/vip/messages", "{").want(400)
	b.ask("robot", "GET", "/some/strange/path", nil).want(404)
	got := b.ask("guest", "GET", "/metrics", nil).want(200).raw
	for _, want := range []string{
		`bida_http_requests_total{route="POST /api/v1/inboxes/{inbox}/messages",status="201"} 2`, "bida_conversations_open 2", "bida_conversations_waiting 1",
		"bida_policy_revision 1", "bida_store_failing 0", "bida_intake_log_lines_total 1", `bida_http_requests_total{route="/",status="404"} 1`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
	for _, name := range []string{"agent-a", "robot", "contact-x", "vip", "strange"} {
		if strings.Contains(got, name) {
			t.Errorf("the metrics name %s", name)
		}
	}
}

// handlers are realtime handlers of a test.
type handlers struct{ http.HandlerFunc }

func (h handlers) ServeStream(w http.ResponseWriter, r *http.Request) { h.HandlerFunc(w, r) }
func (h handlers) ServePost(w http.ResponseWriter, r *http.Request)   { h.HandlerFunc(w, r) }

func TestTheRealtimeHandlersGetTheRequestAsItIs(t *testing.T) {
	b := newBench(t)
	for _, route := range [][2]string{{"GET", "/realtime"}, {"GET", "/realtime/stream"}, {"POST", "/realtime/stream/s1"}} {
		b.server.o.Realtime = nil
		b.ask("guest", route[0], route[1], nil).problem(503, "realtime.unavailable", "")
		b.server.o.Realtime = handlers{func(w http.ResponseWriter, r *http.Request) {
			if _, ok := w.(interface{ Unwrap() http.ResponseWriter }); !ok {
				t.Error("the connection cannot be taken over")
			}
			if route[0] == "POST" && r.PathValue("stream") != "s1" {
				t.Errorf("the stream is %q", r.PathValue("stream"))
			}
			w.WriteHeader(http.StatusUpgradeRequired)
		}}
		b.ask("guest", route[0], route[1], nil).want(426)
		b.server.o.Realtime = handlers{func(http.ResponseWriter, *http.Request) {}} // takes the connection over
		b.ask("guest", route[0], route[1], nil)
	}
	m := b.ask("guest", "GET", "/metrics", nil).raw
	for _, want := range []string{`route="GET /api/v1/realtime",status="101"} 1`, `route="GET /api/v1/realtime/stream",status="200"} 1`} {
		if !strings.Contains(m, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
}

func TestNothingSecretIsInTheLogOrInAnAnswer(t *testing.T) {
	b := newBench(t)
	b.online("agent-a")
	var answers strings.Builder
	ask := func(actor, method, path string, body any, more ...string) *reply {
		got := b.ask(actor, method, path, body, more...)
		answers.WriteString(got.raw)
		return got
	}
	m := message("x")
	m["text"] = "the-secret-text"
	m["contact"] = map[string]any{"id": "k", "name": "the-secret-name"}
	posted := ask("robot", "POST", "/inboxes/web/messages", m).want(201)
	ask("robot", "POST", "/inboxes/nope/messages", m)
	m["kind"] = "fax"
	ask("robot", "POST", "/inboxes/web/messages", m)
	ask("admin", "PUT", "/policy", `{"documents":"the-secret-text"}`, "If-Match", "1")
	ask("admin", "PUT", "/accounts/agent-a/presence", `{"value":"the-secret-text"}`)
	for _, path := range []string{
		"/policy", "/policy/revisions", "/audit", "/intake/log", "/me", "/accounts/agent-a/tokens", "/accounts/agent-a/sessions",
		"/messages/" + posted.text("message") + "/trace", "/messages/trace?inbox=web&sender_id=x", "/reasons", "/metrics", "/readyz",
	} {
		ask("admin", "GET", path, nil).want(200)
	}
	wrong := httptest.NewRequest("GET", Prefix+"/me", nil)
	wrong.Header.Set("Authorization", "Bearer bida_wrong-secret-token")
	w := httptest.NewRecorder()
	b.server.ServeHTTP(w, wrong)
	answers.WriteString(w.Body.String())
	made := b.ask("admin", "POST", "/accounts/agent-a/tokens", map[string]any{"label": "phone"}).want(201)
	ask("admin", "GET", "/accounts/agent-a/tokens", nil)
	ask("admin", "GET", "/audit", nil)
	secrets := []string{"the-secret-text", "the-secret-name", "wrong-secret-token", made.text("token")}
	for _, token := range b.tokens {
		secrets = append(secrets, token, strings.TrimPrefix(token, "bida_"))
	}
	for _, secret := range secrets {
		if strings.Contains(b.log.String(), secret) {
			t.Errorf("the log has %q", secret)
		}
		if strings.Contains(answers.String(), secret) {
			t.Errorf("an answer has %q", secret)
		}
	}
	// The one place for a text is its conversation.
	if got := b.ask("admin", "GET", "/conversations/"+posted.text("conversation")+"/messages", nil).want(200); !strings.Contains(got.raw, "the-secret-text") {
		t.Errorf("the messages are %s", got.raw)
	}
}

func TestTheGuideNamesEveryRouteWithItsPermission(t *testing.T) {
	b := newBench(t)
	guide, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range b.server.routes {
		name := "`" + strings.Replace(r.pattern, Prefix, "", 1) + "`"
		found := false
		for line := range strings.Lines(string(guide)) {
			cells := strings.Split(line, "|")
			if len(cells) < 3 || !strings.Contains(cells[1], name) {
				continue
			}
			found = true
			for _, permission := range append(append([]string(nil), r.rule.any...), r.rule.own, r.rule.others) {
				if permission != "" && !strings.Contains(cells[2], "`"+permission+"`") && !strings.HasPrefix(strings.TrimSpace(cells[2]), "the same") {
					t.Errorf("%s is said to need %s", name, cells[2])
				}
			}
		}
		if !found {
			t.Errorf("docs/api.md does not name %s", name)
		}
	}
}
