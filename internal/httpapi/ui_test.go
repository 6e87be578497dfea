package httpapi

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

// built is what a build of the console leaves behind, in small.
var built = fstest.MapFS{
	"index.html":               {Data: []byte(`<meta name="csp-nonce" content="__CSP_NONCE__"><script type="module" src="/assets/index-abc.js"></script>`)},
	"icon.svg":                 {Data: []byte("<svg/>")},
	"assets/index-abc.js":      {Data: []byte("let a = 1")},
	"assets/index-abc.js.gz":   {Data: []byte("packed")},
	"assets/style-def.css":     {Data: []byte("a{}")},
	".vite/manifest.json":      {Data: []byte("{}")},
	"assets/secret.html":       {Data: []byte("<p>")},
	"not-an-asset/private.txt": {Data: []byte("x")},
}

func (b *bench) page(method, path string, header ...string) *httptest.ResponseRecorder {
	b.t.Helper()
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	b.server.ServeHTTP(w, r)
	return w
}

func withUI(t *testing.T) *bench {
	b := newBench(t)
	u, err := newUI(built)
	if err != nil {
		t.Fatal(err)
	}
	b.server.ui = u
	return b
}

func TestEveryPageOfTheConsoleIsOneFileWithANonceOfItsOwn(t *testing.T) {
	b := withUI(t)
	nonces := map[string]bool{}
	for _, path := range []string{"/", "/sign-in", "/workspace", "/workspace/c12", "/agents", "/agents/agent-a", "/diagnosis?agent=agent-a", "/checklist?id=k1", "/messages/m1", "/coverage", "/intercepted", "/filters", "/reception", "/reception/schedules/early", "/logs", "/me"} {
		w := b.page("GET", path)
		found := regexp.MustCompile(`content="([^"]+)"`).FindStringSubmatch(w.Body.String())
		if w.Code != http.StatusOK || found == nil || nonces[found[1]] {
			t.Fatalf("%s: %d %s", path, w.Code, w.Body)
		}
		nonces[found[1]] = true
		policy := w.Header().Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self';", "'nonce-" + found[1] + "'", "frame-ancestors 'none'", "base-uri 'none'", "connect-src 'self'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s: the policy %q lacks %q", path, policy, want)
			}
		}
		if strings.Contains(policy, "unsafe") || w.Header().Get("Cache-Control") != "no-cache" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", path, w.Header())
		}
	}
}

func TestAssetsAreKeptForEverAndPackedWhereTheCallerTakesThat(t *testing.T) {
	b := withUI(t)
	for _, test := range []struct{ path, accept, body, coding string }{
		{"/assets/index-abc.js", "gzip, br", "packed", "gzip"},
		{"/assets/index-abc.js", "br, GZIP;q=0.5", "packed", "gzip"},
		{"/assets/index-abc.js", "gzip;q=0", "let a = 1", ""},
		{"/assets/index-abc.js", "", "let a = 1", ""},
		{"/assets/style-def.css", "gzip", "a{}", ""},
	} {
		w := b.page("GET", test.path, "Accept-Encoding", test.accept)
		if w.Code != http.StatusOK || w.Body.String() != test.body || w.Header().Get("Content-Encoding") != test.coding {
			t.Errorf("%s for %q: %d %q %q", test.path, test.accept, w.Code, w.Body, w.Header().Get("Content-Encoding"))
		}
		if !strings.Contains(w.Header().Get("Cache-Control"), "immutable") || w.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s: %v", test.path, w.Header())
		}
	}
	if w := b.page("GET", "/assets/index-abc.js"); !strings.HasPrefix(w.Header().Get("Content-Type"), "text/javascript") {
		t.Errorf("a script is %q", w.Header().Get("Content-Type"))
	}
}

func TestWhatIsNoPageIsAProblem(t *testing.T) {
	b := withUI(t)
	for _, path := range []string{
		"/assets/none.js", "/assets/index-abc.js.gz", "/assets/..%2findex.html", "/assets/", "/.vite/manifest.json", "/not-an-asset/private.txt", "/index.html",
		"/nowhere", "/api/v1/nowhere", "/apis",
	} {
		w := b.page("GET", path, "Accept", "text/html")
		if w.Code != http.StatusNotFound || w.Header().Get("Content-Type") != "application/problem+json" || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %q %q", path, w.Code, w.Header().Get("Content-Type"), w.Header().Get("Cache-Control"))
		}
	}
	if w := b.page("POST", "/sign-in"); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST to a page: %d", w.Code)
	}
}

func TestAProgramWithoutTheConsoleSaysSo(t *testing.T) {
	b := newBench(t)
	for _, files := range []fstest.MapFS{nil, {".gitkeep": {}}} {
		u, err := newUI(files)
		if err != nil {
			t.Fatal(err)
		}
		b.server.ui = u
		if w := b.page("GET", "/"); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "make build") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
}
