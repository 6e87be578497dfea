package httpapi

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/intake"
	"github.com/bidahq/bida/internal/limit"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/space"
)

// from asks as if from an address, with an Authorization header or none.
func (b *bench) from(address, method, path, authorization, body string) *reply {
	b.t.Helper()
	r := httptest.NewRequest(method, Prefix+path, strings.NewReader(body))
	r.RemoteAddr = netip.AddrPortFrom(netip.MustParseAddr(address), 4711).String()
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	w := httptest.NewRecorder()
	b.server.ServeHTTP(w, r)
	out := &reply{t: b.t, status: w.Code, header: w.Header(), raw: w.Body.String()}
	_ = json.Unmarshal(w.Body.Bytes(), &out.body) // not every answer is an object
	return out
}

func TestWrongTokensFromOneAddressAreLimitedAndKeepNobodyOut(t *testing.T) {
	b := newBench(t)
	b.server.guard = newGuard(Limits{WrongToken: limit.Rate{N: 1, Per: time.Second, Burst: 3}})
	wrong := func(address string) *reply {
		return b.from(address, "POST", "/inboxes/web/messages", "Bearer bida_"+strings.Repeat("x", 43), "{}")
	}
	for _, address := range []string{"2001:db8:1:2::1", "2001:db8:1:2::2", "2001:db8:1:2:ffff::3"} { // one household
		wrong(address).problem(401, "identity.token_unknown", "")
	}
	got := wrong("2001:db8:1:2::4").problem(429, "identity.token_limited", "")
	if got.header.Get("Retry-After") != "1" || got.header.Get("WWW-Authenticate") != "" {
		t.Errorf("the headers are %v", got.header)
	}
	b.from("2001:db8:1:2::1", "GET", "/me", "", "").problem(429, "identity.token_limited", "")
	b.from("2001:db8:1:2::1", "GET", "/me", "Bearer "+b.tokens["robot"], "").want(200)
	wrong("2001:db8:1:3::1").problem(401, "identity.token_unknown", "")
	b.tick(time.Second)
	wrong("2001:db8:1:2::1").problem(401, "identity.token_unknown", "")
	for range 50 {
		wrong("2001:db8:1:2::1").problem(429, "identity.token_limited", "")
	}
	lines := 0
	for _, row := range b.ask("admin", "GET", "/intake/log", nil).list("refusals") {
		if r, _ := row.(map[string]any); r["code"] == "intake.overloaded" {
			lines++
		}
	}
	if lines > 2 {
		t.Errorf("the intake log tells %d times that a token was wrong too often within two seconds", lines)
	}
	if m := b.ask("guest", "GET", "/metrics", nil).raw; !strings.Contains(m, `bida_refused_total{code="identity.token_limited"} 52`) {
		t.Errorf("the metrics are %s", m)
	}
}

func TestSignInsFromOneAddressAreLimitedWhateverTheAccount(t *testing.T) {
	b := newBench(t)
	b.server.guard = newGuard(Limits{SignIn: limit.Rate{N: 1, Per: time.Second, Burst: 2}})
	try := func(address string, i int) *reply {
		return b.from(address, "POST", "/sign-in", "", fmt.Sprintf(`{"account":"agent-%d","password":"one that many have"}`, i))
	}
	try("203.0.113.9", 1).problem(401, "identity.wrong_password", "")
	try("203.0.113.9", 2).problem(401, "identity.wrong_password", "")
	if got := try("203.0.113.9", 3).problem(429, "identity.sign_in_limited", ""); got.header.Get("Retry-After") == "" {
		t.Error("it does not say when to try again")
	}
	try("203.0.113.10", 3).problem(401, "identity.wrong_password", "")
	b.tick(time.Second)
	try("203.0.113.9", 3).problem(401, "identity.wrong_password", "")
}

func TestStrangersTakeNoMemoryFromThoseWhoAreKnown(t *testing.T) {
	b := newBench(t)
	signIn := func(address string) *reply {
		return b.from(address, "POST", "/sign-in", "", `{"account":"a","password":"b"}`)
	}
	if err := b.server.strangeBodies.Take("203.0.113.9", strangeShare-10); err != nil {
		t.Fatal(err)
	}
	signIn("203.0.113.9").problem(429, "request.busy_source", "")
	signIn("203.0.113.10").problem(401, "identity.wrong_password", "")
	for i := range strangeBudget/strangeShare - 1 {
		if err := b.server.strangeBodies.Take(fmt.Sprint(i), strangeShare); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.server.strangeBodies.Take("last", 10); err != nil {
		t.Fatal(err)
	}
	signIn("203.0.113.11").problem(429, "request.busy", "")
	b.ask("robot", "POST", "/inboxes/web/messages", message("x")).want(201)
	b.from("203.0.113.10", "POST", "/sign-in", "", `{"account":"`+strings.Repeat("x", smallBody)+`"}`).problem(413, "request.too_large", "")
}

func TestBombsOfJSONAreRefusedBeforeTheyUnfold(t *testing.T) {
	b := newBench(t)
	deep := strings.Repeat("[", 30_000) + strings.Repeat("]", 30_000)
	b.ask("robot", "POST", "/inboxes/web/messages", `{"id":"1","attachments":`+deep+`}`).want(400)
	b.ask("robot", "POST", "/inboxes/web/messages:batch", `{"messages":[`+deep+`]}`).want(400)
	b.ask("robot", "POST", "/inboxes/web/messages:batch", deep).want(400)
	b.ask("admin", "PUT", "/policy", `{"documents":`+deep+`}`, "If-Match", "1").want(400)
	b.ask("guest", "POST", "/sign-in", deep[:smallBody/2]).want(400)

	// Eight million rows that say nothing.
	body := []byte(`{"messages":[` + strings.Repeat("1,", batchBody/2-10) + `1]}`)
	members := []byte(`{` + strings.Repeat(`"a":1,`, batchBody/6-10) + `"a":1}`)
	for name, bomb := range map[string][]byte{"rows": body, "members": members} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		rows, err := splitBatch(bomb)
		runtime.ReadMemStats(&after)
		if (err == nil) != (name == "rows") || len(rows) > intake.MaxBatch+1 {
			t.Errorf("%s: %d rows, %v", name, len(rows), err)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
			t.Errorf("%s: %d bytes were needed to refuse it", name, took)
		}
	}
	b.ask("robot", "POST", "/inboxes/web/messages:batch", string(body)).problem(413, "intake.too_large", "/messages")
}

func TestABatchIsSplitStrictly(t *testing.T) {
	for body, field := range map[string]string{
		"": "", "null": "", "1": "", `"x"`: "", "[1,]": "", "[1 2]": "", "[1}": "", `{"messages":[1]`: "", `{"messages":[1]}x`: "", `[]]`: "", "[1][2]": "", `{"messages":[}`: "",
		`{"messages":null}`: "/messages", `{"messages":{}}`: "/messages", `{}`: "/messages", `{"messages":[],"messages":[]}`: "/messages", `{"more":1}`: "/more", `{"messages":[],"a/b":1}`: "/a~1b",
		`{1:2}`: "",
	} {
		rows, err := splitBatch([]byte(body))
		if p := problem.As(err); p == nil || p.Code != codeIntakeInvalid || p.Field != field || p.Zh == "" {
			t.Errorf("%s: %d rows, %v", body, len(rows), err)
		}
	}
	for body, want := range map[string]int{"[]": 0, ` [ 1 , {"a":[]} ] `: 2, `{"messages":[]}`: 0, "{\n\"messages\": [1,2,3]}": 3} {
		if rows, err := splitBatch([]byte(body)); err != nil || len(rows) != want {
			t.Errorf("%s: %d rows, %v", body, len(rows), err)
		}
	}
}

// FuzzSplitBatch looks for batches of which other rows are read than encoding/json finds.
func FuzzSplitBatch(f *testing.F) {
	for _, seed := range []string{`[]`, `{"messages":[{"id":"1"},null]}`, `[1,]`, `{"messages":[1],"messages":[2]}`, ` [ "a" , 2 ] `, `{"messages":[[[]]]}`, `[1]x`, `{"a":[]}`, "[\xff]", `["\ud800"]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		rows, err := splitBatch(body)
		var list []json.RawMessage
		isList := bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("[")) && json.Unmarshal(body, &list) == nil
		var members map[string]json.RawMessage
		isObject := !isList && json.Unmarshal(body, &members) == nil && len(members) == 1 && json.Unmarshal(members["messages"], &list) == nil && list != nil
		if err != nil {
			if p := problem.As(err); p == nil || p.Code != codeIntakeInvalid {
				t.Fatalf("%q: %v", body, err)
			}
			if isList {
				t.Fatalf("%q is a list and refused with %v", body, err)
			}
			return
		}
		if len(rows) > intake.MaxBatch {
			return // the rest was not read
		}
		if !isList && !isObject || len(rows) != len(list) {
			t.Fatalf("%q is read as %d rows, there are %d", body, len(rows), len(list))
		}
		for i := range rows {
			if !bytes.Equal(rows[i], list[i]) {
				t.Fatalf("%q: row %d is read as %q, it is %q", body, i, rows[i], list[i])
			}
		}
	})
}

// FuzzDecodeLetter looks for visitors' messages of which something else is read than they say.
func FuzzDecodeLetter(f *testing.F) {
	for _, seed := range []string{
		`{"id":"1","text":"你好😀","attachments":["f1"]}`, `{"id":1}`, `[]`, `null`, `{"id":"1","ID":"2"}`, "{\"text\":\"\xff\"}", `{"text":"\udc00"}`, `{"attachments":[{"a":1}]}`, `{"id":"1","kind":"x"}`, `{"id":"1","kind":7}`, `{"id":"1","sort":"x"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		l, err := decodeLetter(body)
		if err != nil {
			if p := problem.As(err); p == nil || p.Code != codeIntakeInvalid {
				t.Fatalf("%q: %v", body, err)
			}
			return
		}
		var said struct {
			ID, Text, Kind *string
			Attachments    []string
		}
		d := json.NewDecoder(bytes.NewReader(body))
		d.DisallowUnknownFields()
		if err := d.Decode(&said); err != nil {
			t.Fatalf("%q was read as a message: %v", body, err)
		}
		if said.ID != nil && *said.ID != l.ID || said.Text != nil && *said.Text != l.Text || said.Kind != nil && *said.Kind != l.Kind || len(said.Attachments) != len(l.Attachments) {
			t.Fatalf("%q was read as %+v", body, l)
		}
	})
}

// FuzzAddress looks for headers by which somebody who is no trusted proxy, or comes through one, counts as what is no address.
func FuzzAddress(f *testing.F) {
	for _, seed := range []string{"", "203.0.113.9", "203.0.113.9, 10.0.0.2", "::1%lo", "a, ,", ",,,,", "2001:db8::1", "10.0.0.1,10.0.0.1", "203.0.113.9:80"} {
		f.Add(seed)
	}
	trusting := &Server{o: Options{Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}}
	f.Fuzz(func(t *testing.T, header string) {
		for peer, trusted := range map[string]bool{"10.0.0.1:80": true, "198.51.100.7:80": false} {
			r := &http.Request{RemoteAddr: peer, Header: http.Header{"X-Forwarded-For": {header}}}
			got := trusting.address(r)
			if a, err := netip.ParseAddr(got); err != nil || !trusted && a.String() != "198.51.100.7" {
				t.Fatalf("%q through %s counts as %q", header, peer, got)
			}
		}
	})
}

func TestReadinessAndMetricsTellOfAFullDisk(t *testing.T) {
	b := newBench(t)
	b.server.o.Ledger.Fail("disk", "little room")
	b.ask("guest", "GET", "/readyz", nil).problem(503, space.ErrLow.Code, "")
	b.ask("guest", "GET", "/healthz", nil).want(200)
	if m := b.ask("guest", "GET", "/metrics", nil).raw; !strings.Contains(m, "bida_disk_low 1") || !strings.Contains(m, "bida_store_failing 0") {
		t.Errorf("the metrics are %s", m)
	}
	b.server.o.Ledger.Mend("disk")
	b.ask("guest", "GET", "/readyz", nil).want(200)
}

func TestWhatCannotBeDoneNowIsNotLoggedForEachRequest(t *testing.T) {
	b := newBench(t)
	b.store.Crash()
	for range 100 {
		b.ask("robot", "POST", "/inboxes/web/messages", message("x")).problem(503, "system.health.store", "")
	}
	if n := strings.Count(b.log.String(), "a request failed"); n != toldOften.Burst {
		t.Errorf("of 100 requests that failed the log tells of %d", n)
	}
	if m := b.ask("guest", "GET", "/metrics", nil).raw; !strings.Contains(m, `bida_refused_total{code="system.health.store"} 100`) {
		t.Errorf("the metrics are %s", m)
	}
}

func TestACallerWhoWentAwayIsNoFaultInTheLog(t *testing.T) {
	b := newBench(t)
	gone, leave := context.WithCancel(t.Context())
	leave()
	r := httptest.NewRequest("POST", Prefix+"/inboxes/web/messages", strings.NewReader(`{"id":"1","contact":{"id":"u"},"text":"x"}`)).WithContext(gone)
	r.Header.Set("Authorization", "Bearer "+b.tokens["robot"])
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	b.server.ServeHTTP(w, r)
	if w.Code != 503 || !strings.Contains(w.Body.String(), codeCancelled) {
		t.Fatalf("it is answered %d: %s", w.Code, w.Body)
	}
	b.server.refusal(gone, fmt.Errorf("message 1: reading: %w", context.Canceled)) // or it goes away in the middle of a read
	if text := b.log.String(); strings.Contains(text, "level=ERROR") || strings.Contains(text, "a request failed") {
		t.Errorf("the log says %s", text)
	}
	b.server.refusal(t.Context(), fmt.Errorf("message 1: reading: %w", context.Canceled)) // while somebody waits
	if text := b.log.String(); !strings.Contains(text, "a request failed") {
		t.Errorf("the log says %s", text)
	}
}

func TestWhoIsRefusedIsAnsweredWithoutWaitingForTheRestOfTheBody(t *testing.T) {
	b := newBench(t)
	p := usualPaces
	p.parting = 10 * time.Millisecond
	site := b.site(p)
	for what, request := range map[string][2]string{
		"no token":          {"POST /api/v1/inboxes/web/messages HTTP/1.1\r\n", "401"},
		"a body too large":  {"POST /api/v1/inboxes/web/messages HTTP/1.1\r\nAuthorization: Bearer " + b.tokens["robot"] + "\r\n", "413"},
		"a compressed body": {"POST /api/v1/sign-in HTTP/1.1\r\nContent-Encoding: gzip\r\n", "415"},
		"an unknown route":  {"POST /api/v1/nothing HTTP/1.1\r\n", "404"},
	} {
		length := "1000"
		if request[1] == "413" {
			length = fmt.Sprint(messageBody + 1)
		}
		c, err := net.Dial("tcp", site.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, request[0]+"Host: bida\r\nContent-Length: "+length+"\r\n\r\n{"); err != nil {
			t.Fatal(err)
		}
		answer, err := http.ReadResponse(bufio.NewReader(c), nil) // which would not come before readTime otherwise
		if err != nil || !strings.HasPrefix(answer.Status, request[1]) {
			t.Errorf("%s is answered with %+v, %v", what, answer, err)
		}
		_ = c.Close() // the test's
	}
}
