package chatpage

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"rsc.io/qr"
)

func serve(t *testing.T, script, path string, more ...string) *httptest.ResponseRecorder {
	t.Helper()
	p, err := New(Options{
		Inbox: func(name string) (string, bool) {
			titles := map[string]string{"web": "官网客服", "bad": `"><script>alert(1)</script>`, "plain": ""}
			title, ok := titles[name]
			return title, ok
		},
		Language: func(r *http.Request) string {
			if strings.HasPrefix(r.Header.Get("Accept-Language"), "zh") {
				return "zh"
			}
			return "en"
		},
		Script: []byte(script),
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /widget.js", p.Script)
	mux.HandleFunc("GET /c/{inbox}", p.Page)
	mux.HandleFunc("GET /c/{inbox}/qr.svg", p.QR)
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Host = "help.example.com"
	for i := 0; i+1 < len(more); i += 2 {
		if more[i] == "Host" {
			r.Host = more[i+1]
			continue
		}
		r.Header.Set(more[i], more[i+1])
	}
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	return w
}

func TestThePageLoadsTheWidgetUnderAPolicyThatAllowsNothingElse(t *testing.T) {
	w := serve(t, "x", "/c/web", "Accept-Language", "zh-CN")
	body := w.Body.String()
	for _, want := range []string{
		`<html lang="zh-CN">`, "<title>官网客服</title>", `<h1 dir="auto">官网客服</h1>`, "用手机扫码咨询", "help.example.com/c/web",
		`<script src="/widget.js" data-inbox="web" data-mode="page" async></script>`, `<img src="/c/web/qr.svg"`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %s:\n%s", want, body)
		}
	}
	policy := w.Header().Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy lacks %q: %s", want, policy)
		}
	}
	if strings.Contains(policy, "unsafe") {
		t.Errorf("the policy allows what is unsafe: %s", policy)
	}
	style := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindStringSubmatch(body)
	if style == nil {
		t.Fatal("the page has no style")
	}
	sum := sha256.Sum256([]byte(style[1]))
	if !strings.Contains(policy, base64.StdEncoding.EncodeToString(sum[:])) {
		t.Error("the policy does not allow the style that the page has")
	}
	if strings.Contains(body, " style=") || regexp.MustCompile(`<script[^>]*>[^<]`).MatchString(body) {
		t.Error("the page has styles or scripts in its markup, which its policy forbids")
	}
}

func TestThePageSpeaksTheLanguageOfTheLinkOrOfTheBrowser(t *testing.T) {
	for _, test := range []struct{ path, header, want string }{
		{"/c/web", "zh-CN", "zh-CN"}, {"/c/web", "de", "en"}, {"/c/web?lang=en", "zh-CN", "en"}, {"/c/web?lang=zh-CN", "en", "zh-CN"}, {"/c/web?lang=xx", "zh", "zh-CN"},
	} {
		if body := serve(t, "x", test.path, "Accept-Language", test.header).Body.String(); !strings.Contains(body, `<html lang="`+test.want+`">`) {
			t.Errorf("%s for a browser that prefers %s is not in %s", test.path, test.header, test.want)
		}
	}
}

func TestBothLanguagesSayEverything(t *testing.T) {
	zh, en := said["zh"], said["en"]
	for _, pair := range [][2]string{
		{zh.Service, en.Service}, {zh.Intro, en.Intro}, {zh.Scan, en.Scan}, {zh.Apart, en.Apart}, {zh.LocalOnly, en.LocalOnly}, {zh.NoScript, en.NoScript},
		{zh.Missing, en.Missing}, {zh.MissingMore, en.MissingMore},
	} {
		if pair[0] == "" || pair[1] == "" || pair[0] == pair[1] {
			t.Errorf("not in both languages: %q, %q", pair[0], pair[1])
		}
	}
}

func TestATitleIsTextWhateverIsInIt(t *testing.T) {
	if body := serve(t, "x", "/c/bad").Body.String(); strings.Contains(body, "<script>") {
		t.Errorf("a title became markup:\n%s", body)
	}
	if body := serve(t, "x", "/c/plain").Body.String(); !strings.Contains(body, "<title>Customer service</title>") {
		t.Error("an inbox without a title has a page without one")
	}
}

func TestAnInboxThatIsNotForVisitorsHasAPageThatSaysSo(t *testing.T) {
	w := serve(t, "x", "/c/nobody", "Accept-Language", "zh")
	if w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "没有这个客服入口") || strings.Contains(w.Body.String(), "widget.js") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := serve(t, "x", "/c/nobody/qr.svg"); w.Code != http.StatusNotFound {
		t.Errorf("its code: %d", w.Code)
	}
}

func TestALoopbackAddressIsNotPraisedAsOneForPhones(t *testing.T) {
	for _, host := range []string{"127.0.0.1:8420", "localhost:8420", "[::1]:8420", "shop.localhost", "127.1.2.3"} {
		if body := serve(t, "x", "/c/web", "Host", host).Body.String(); !strings.Contains(body, "only this machine knows") {
			t.Errorf("%s passes for an address that a phone can open", host)
		}
	}
	for _, host := range []string{"help.example.com", "192.168.1.20:8420", "localhost.example.com"} {
		if body := serve(t, "x", "/c/web", "Host", host).Body.String(); strings.Contains(body, "only this machine knows") {
			t.Errorf("%s passes for a loopback address", host)
		}
	}
}

func TestTheCodeIsTheAddressOfThePageAsItWasOpened(t *testing.T) {
	for _, test := range []struct{ path, host, proto, want string }{
		{"/c/web/qr.svg", "help.example.com", "", "http://help.example.com/c/web"},
		{"/c/web/qr.svg", "help.example.com", "https", "https://help.example.com/c/web"},
		{"/c/web/qr.svg?lang=en", "192.168.1.20:8420", "", "http://192.168.1.20:8420/c/web?lang=en"},
	} {
		w := serve(t, "x", test.path, "Host", test.host, "X-Forwarded-Proto", test.proto)
		if got := w.Header().Get("Content-Type"); got != "image/svg+xml" {
			t.Fatalf("type %s", got)
		}
		want, err := qr.Encode(test.want, qr.M)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, w.Body.String(), want)
	}
}

// compare reads the rectangles of a drawing back and compares them with a code, module by module.
func compare(t *testing.T, svg string, want *qr.Code) {
	t.Helper()
	_, path, ok := strings.Cut(svg, `<path d="`)
	if !ok {
		t.Fatalf("no path in %s", svg)
	}
	black := map[[2]int]bool{}
	for _, m := range regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1h-(\d+)z`).FindAllStringSubmatch(path, -1) {
		var n [4]int
		for i := range n {
			n[i], _ = strconv.Atoi(m[i+1]) // digits, as the expression says
		}
		if n[2] != n[3] {
			t.Fatalf("not a rectangle: %s", m[0])
		}
		for x := range n[2] {
			black[[2]int{n[0] + x, n[1]}] = true
		}
	}
	for y := -quiet; y < want.Size+quiet; y++ {
		for x := -quiet; x < want.Size+quiet; x++ {
			if black[[2]int{x + quiet, y + quiet}] != want.Black(x, y) {
				t.Fatalf("the module at %d, %d is wrong", x, y)
			}
		}
	}
}

func TestTheScriptIsServedToAnyPageAndAskedForAgainOnlyWhenItChanged(t *testing.T) {
	script := strings.Repeat("widget();", 100)
	plain := serve(t, script, "/widget.js")
	if plain.Body.String() != script || plain.Header().Get("Content-Encoding") != "" || !strings.HasPrefix(plain.Header().Get("Content-Type"), "text/javascript") {
		t.Errorf("plain: %v", plain.Header())
	}
	if plain.Header().Get("Cross-Origin-Resource-Policy") != "cross-origin" || plain.Header().Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("other sites cannot load it: %v", plain.Header())
	}
	zipped := serve(t, script, "/widget.js", "Accept-Encoding", "br, gzip")
	r, err := gzip.NewReader(bytes.NewReader(zipped.Body.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != script {
		t.Errorf("compressed: %v", err)
	}
	for accept, want := range map[string]string{"gzip;q=0": "", "gzip; q=0.000": "", "br": "", "GZIP;q=0.5": "gzip", "": ""} {
		if got := serve(t, script, "/widget.js", "Accept-Encoding", accept).Header().Get("Content-Encoding"); got != want {
			t.Errorf("a client that takes %q gets %q", accept, got)
		}
	}
	again := serve(t, script, "/widget.js", "Accept-Encoding", "gzip", "If-None-Match", zipped.Header().Get("ETag"))
	if again.Code != http.StatusNotModified || again.Body.Len() != 0 {
		t.Errorf("asked again: %d", again.Code)
	}
	if changed := serve(t, script+"more();", "/widget.js", "If-None-Match", plain.Header().Get("ETag")); changed.Code != http.StatusOK {
		t.Errorf("changed: %d", changed.Code)
	}
}

func TestAProgramWithoutItsWebPartsSaysWhyThereIsNoWidget(t *testing.T) {
	if w := serve(t, "", "/widget.js"); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "make build") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
