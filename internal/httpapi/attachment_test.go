package httpapi

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"io"
	"mime"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/attachment"
)

func photo(t testing.TB) string {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 40, 30))); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// upload uploads a file and returns its id.
func (b *bench) upload(actor, name, content string) string {
	b.t.Helper()
	u := b.ask(actor, "POST", "/attachments?inbox=web&name="+name, content, "Content-Type", "application/octet-stream").want(201)
	return u.text("id")
}

// with is a good message with files.
func with(id string, files ...string) map[string]any {
	m := message(id)
	m["attachments"] = files
	return m
}

func TestFilesGoToTheAgentAndBack(t *testing.T) {
	b := newBench(t)
	b.online("agent-a")
	picture := photo(t)
	up := b.ask("robot", "POST", "/attachments?inbox=web&name=%E7%85%A7%E7%89%87.png", picture).want(201)
	if up.text("name") != "照片.png" || up.text("type") != "image/png" || up.number("size") != float64(len(picture)) || up.body["image"] != true || up.number("width") != 40 ||
		up.text("expires_at") != "2026-11-24T02:00:00.000+00:00" || strings.Contains(up.raw, "digest") {
		t.Errorf("uploaded: %s", up.raw)
	}
	in := with("x", up.text("id"), b.upload("robot", "a.txt", "second"))
	in["text"] = ""
	posted := b.ask("robot", "POST", "/inboxes/web/messages", in).want(201)
	id := posted.text("conversation")

	listed := b.ask("agent-a", "GET", "/conversations/"+id+"/messages", nil).want(200)
	want := `"attachments":[{"name":"照片.png","type":"image/png","size":` + strconv.Itoa(len(picture)) + `,"image":true,"width":40,"height":30},` +
		`{"name":"a.txt","type":"text/plain","size":6,"image":false}]`
	if !strings.Contains(listed.raw, want) || strings.Contains(listed.raw, "digest") {
		t.Errorf("the messages are %s", listed.raw)
	}
	path := "/messages/" + posted.text("message") + "/attachments/"
	if got := b.ask("agent-a", "GET", path+"0", nil).want(200); got.raw != picture {
		t.Error("another picture came back")
	}
	if got := b.ask("agent-a", "GET", path+"1", nil).want(200); got.raw != "second" {
		t.Errorf("the second file is %q", got.raw)
	}

	answer := b.ask("agent-a", "POST", "/conversations/"+id+"/replies", map[string]any{"id": "r", "text": "", "attachments": []string{b.upload("agent-a", "r.txt", "answer")}}).want(201)
	replies := b.ask("robot", "GET", "/inboxes/web/replies", nil).want(200)
	if !strings.Contains(replies.raw, `"attachments":[{"name":"r.txt","type":"text/plain","size":6,"image":false}]`) {
		t.Errorf("the replies are %s", replies.raw)
	}
	if got := b.ask("robot", "GET", "/messages/"+answer.text("message")+"/attachments/0", nil).want(200); got.raw != "answer" {
		t.Errorf("the source reads %q", got.raw)
	}
	b.ask("agent-a", "POST", "/conversations/"+id+"/replies", map[string]any{"id": "r2", "text": "x"}).want(201)
	if got := b.ask("robot", "GET", "/inboxes/web/replies", nil).want(200); !strings.Contains(got.raw, `"attachments":[]`) {
		t.Errorf("a reply without files: %s", got.raw)
	}
}

func TestWhoMayNotSeeAMessageLearnsNothingOfItsFiles(t *testing.T) {
	b := newBench(t)
	b.online("agent-a")
	posted := b.ask("robot", "POST", "/inboxes/web/messages", with("x", b.upload("robot", "a.txt", "from the customer"))).want(201)
	answer := b.ask("agent-a", "POST", "/conversations/"+posted.text("conversation")+"/replies",
		map[string]any{"id": "r", "text": "", "attachments": []string{b.upload("agent-a", "r.txt", "from the agent")}}).want(201)
	for message, readers := range map[string]string{posted.text("message"): "agent-a sup admin", answer.text("message"): "robot robot-2 agent-a sup admin"} {
		for _, actor := range append(actors, "robot-2") {
			got := b.ask(actor, "GET", "/messages/"+message+"/attachments/0", nil)
			switch {
			case slices.Contains(strings.Fields(readers), actor):
				got.want(200)
			case actor == "guest":
				got.problem(401, "identity.token_missing", "")
			case actor == "nobody" || actor == "auditor":
				got.problem(403, "permission.missing", "")
			default:
				none := b.ask(actor, "GET", "/messages/m999999/attachments/0", nil).problem(404, "message.not_found", "/id")
				if got.problem(404, "message.not_found", "/id"); got.text("detail") != none.text("detail") {
					t.Errorf("%s learns that %s exists: %s", actor, message, got.raw)
				}
			}
			if strings.Contains(got.raw, "from the") && got.status != 200 {
				t.Errorf("%s reads %s: %s", actor, message, got.raw)
			}
		}
	}
	for _, n := range []string{"1", "-1", "+0", "00", "0x0", "x", "99999999999999999999"} {
		b.ask("agent-a", "GET", "/messages/"+posted.text("message")+"/attachments/"+n, nil).problem(404, "attachment.not_found", "/n")
	}
	for _, id := range []string{"x", "m", "m0", "c1", posted.text("conversation")} {
		b.ask("agent-a", "GET", "/messages/"+id+"/attachments/0", nil).problem(404, "message.not_found", "/id")
	}
	b.ask("agent-a", "GET", "/messages/"+posted.text("message")+"/attachments/0?as=html", nil).problem(400, "request.invalid", "/as")
}

func TestTheSameMessageWithFilesIsAnsweredTheSameForAsLongAsItsID(t *testing.T) {
	b := newBench(t)
	first, second := b.upload("robot", "a.txt", "one"), b.upload("robot", "b.txt", "two")
	posted := b.ask("robot", "POST", "/inboxes/web/messages", with("x", first, second)).want(201)
	if got := b.ask("robot", "POST", "/inboxes/web/messages", with("x", first, second)).want(200); got.raw != posted.raw {
		t.Errorf("repeated: %s", got.raw)
	}
	for what, files := range map[string][]string{"in another order": {second, first}, "fewer": {first}, "none": {}, "others": {first, "f" + strings.Repeat("a", 32)}} {
		if got := b.ask("robot", "POST", "/inboxes/web/messages", with("x", files...)); got.status != 409 {
			t.Errorf("%s: %s", what, got.raw)
		}
	}
	b.tick(25 * time.Hour)
	if got := b.ask("robot", "POST", "/inboxes/web/messages", with("x", first, second)).want(200); got.raw != posted.raw {
		t.Errorf("repeated after the uploads expired: %s", got.raw)
	}
	b.ask("robot", "POST", "/inboxes/web/messages", with("y", first)).problem(400, "attachment.unknown", "/attachments/0")
	if again := b.upload("robot", "a.txt", "one"); again != first {
		t.Errorf("the same file uploaded again is %s, it was %s", again, first)
	}
	b.ask("robot", "POST", "/inboxes/web/messages", with("y", first)).want(201)
}

func TestOnlyTheUploaderMayNameAFile(t *testing.T) {
	b := newBench(t)
	b.online("agent-a")
	theirs, mine := b.upload("robot-2", "a.txt", "theirs"), b.upload("robot", "a.txt", "mine")
	b.ask("robot", "POST", "/inboxes/web/messages", with("x", mine, theirs)).problem(400, "attachment.unknown", "/attachments/1")
	b.ask("robot", "POST", "/inboxes/web/messages", with("x", mine, mine)).problem(400, "intake.invalid", "/attachments/1")
	eleven := make([]string, 11)
	for i := range eleven {
		eleven[i] = b.upload("robot", "a.txt", fmt.Sprint(i))
	}
	b.ask("robot", "POST", "/inboxes/web/messages", with("x", eleven...)).problem(400, "intake.invalid", "/attachments")
	posted := b.ask("robot", "POST", "/inboxes/web/messages", with("x", eleven[:10]...)).want(201) // the refusals did not use the id up
	reply := func(ids ...string) *reply {
		return b.ask("agent-a", "POST", "/conversations/"+posted.text("conversation")+"/replies", map[string]any{"id": "r", "text": "x", "attachments": ids})
	}
	reply(mine).problem(400, "attachment.unknown", "/attachments/0")
	own := b.upload("agent-a", "a.txt", "own")
	reply(own, own).problem(400, "conversation.invalid", "/attachments/1")
	first := reply(own).want(201)
	if again := reply(own).want(200); again.raw != first.raw {
		t.Errorf("repeated: %s", again.raw)
	}
	reply().problem(409, "conversation.duplicate_conflict", "/id")

	bad, good := with("b1", theirs), with("b2", mine)
	batch := b.ask("robot", "POST", "/inboxes/web/messages:batch", map[string]any{"messages": []any{bad, good}}).want(200)
	rows := batch.list("results")
	if rows[0].(map[string]any)["code"] != "attachment.unknown" || rows[0].(map[string]any)["field"] != "/attachments/0" || rows[1].(map[string]any)["sequence"] != 1.0 {
		t.Errorf("the batch is answered with %s", batch.raw)
	}
	log := b.ask("admin", "GET", "/intake/log", nil).want(200)
	if strings.Count(log.raw, "attachment.unknown") != 2 {
		t.Errorf("the intake log is %s", log.raw)
	}
}

func TestAnUploadIsRefusedByFieldAndLoggedForTheInbox(t *testing.T) {
	b := newBench(t)
	b.ask("robot", "POST", "/attachments?name=a.txt", "x").problem(400, "request.invalid", "/inbox")
	b.ask("robot", "POST", "/attachments?name=a.txt&inbox=nope", "x").problem(404, "intake.unknown_inbox", "/inbox")
	b.ask("robot", "POST", "/attachments?name=a.txt&inbox=web&as=x", "x").problem(400, "request.invalid", "/as")
	b.ask("robot", "POST", "/attachments?name=a.txt&inbox=web", "x", "Content-Encoding", "gzip").problem(415, "request.encoding", "/Content-Encoding")
	b.ask("robot", "POST", "/attachments?name=a.exe&inbox=web", "x").problem(400, "attachment.program", "")
	b.ask("robot", "POST", "/attachments?name=a.txt&inbox=web", "").problem(400, "attachment.empty", "")
	b.ask("robot", "POST", "/attachments?inbox=web&name=secret-name.txt", strings.Repeat("x", attachment.MaxSize+1)).problem(413, "attachment.too_large", "")
	b.ask("agent-a", "POST", "/attachments?name=a.txt", "x").want(201) // who answers need not say where
	log := b.ask("admin", "GET", "/intake/log", nil).want(200)
	if rows := log.list("refusals"); len(rows) != 6 || !strings.Contains(log.raw, "attachment.too_large") || !strings.Contains(log.raw, `"inbox":"web"`) {
		t.Errorf("the intake log is %s", log.raw)
	}
	if strings.Contains(log.raw+b.log.String(), "secret-name") {
		t.Error("a log has the name of a file")
	}
	if got := b.ask("agent-a", "POST", "/attachments", "x").want(201); got.text("name") != "file" {
		t.Errorf("without a name: %s", got.raw)
	}
}

func TestFilesAreServedSoThatNothingInThemRuns(t *testing.T) {
	b := newBench(t)
	b.online("agent-a")
	polyglot := photo(t) + "<script>alert(1)</script>"
	for i, test := range []struct {
		name, content     string
		kind, disposition string
	}{
		{"a.png", photo(t), "image/png", "inline"},
		{"a.html", photo(t), "image/png", "inline"},
		{"a.png", polyglot, "image/png", "inline"}, // shown as a picture and as nothing else
		{"a.gif", "GIF89a\x01\x00\x01\x00\x00\x00\x00=1;alert(1)", "image/gif", "inline"},
		{"a.gif", "GIF89a/*<script>alert(1)</script>*/", "application/octet-stream", "attachment"}, // 318 megapixels, it says
		{"a.jpg", "\xff\xd8\xff<script>alert(1)</script>", "application/octet-stream", "attachment"},
		{"a.html", "<!DOCTYPE html><script>alert(1)</script>", "application/octet-stream", "attachment"},
		{"a.png", "<html><script>alert(1)</script>", "application/octet-stream", "attachment"},
		{"a.svg", `<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`, "application/octet-stream", "attachment"},
		{"a.svg", `<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>`, "application/octet-stream", "attachment"},
		{"a.xhtml", `<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"/>`, "application/octet-stream", "attachment"},
		{"a.pdf", "%PDF-1.7 /JS (app.alert(1))", "application/pdf", "attachment"},
		{"a.txt", "a <b>", "text/plain", "attachment"},
		{"a.docx", "PK\x03\x04", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "attachment"},
		{"a.css", "body{background:url(//x)}", "text/plain", "attachment"},
		{"a.wasm", "\x00asm\x01\x00\x00\x00", "application/octet-stream", "attachment"},
	} {
		posted := b.ask("robot", "POST", "/inboxes/web/messages", with(fmt.Sprint("m", i), b.upload("robot", test.name, test.content))).want(201)
		path := "/messages/" + posted.text("message") + "/attachments/0"
		for query, disposition := range map[string]string{"": test.disposition, "?download": "attachment", "?download=1": "attachment"} {
			got := b.ask("sup", "GET", path+query, nil).want(200)
			h := got.header
			kind, params, err := mime.ParseMediaType(h.Get("Content-Disposition"))
			if h.Get("Content-Type") != test.kind || kind != disposition || params["filename"] != test.name || err != nil {
				t.Errorf("%s: %q, %q", test.name, h.Get("Content-Type"), h.Get("Content-Disposition"))
			}
			if got.raw != test.content || h.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") ||
				!strings.Contains(h.Get("Content-Security-Policy"), "sandbox") || strings.Contains(h.Get("Content-Security-Policy"), "allow") ||
				h.Get("Cache-Control") != "private, no-cache" || h.Get("Cross-Origin-Resource-Policy") != "same-origin" {
				t.Errorf("%s: %v", test.name, h)
			}
		}
	}
}

func TestFilesAreReadInPartsAndNotTwice(t *testing.T) {
	b := newBench(t)
	posted := b.ask("robot", "POST", "/inboxes/web/messages", with("x", b.upload("robot", "a.txt", "0123456789"))).want(201)
	path := "/messages/" + posted.text("message") + "/attachments/0"
	whole := b.ask("sup", "GET", path, nil).want(200)
	if whole.header.Get("Content-Length") != "10" || whole.header.Get("Accept-Ranges") != "bytes" || whole.header.Get("Last-Modified") == "" {
		t.Errorf("the whole: %v", whole.header)
	}
	if part := b.ask("sup", "GET", path, nil, "Range", "bytes=2-4").want(206); part.raw != "234" || part.header.Get("Content-Range") != "bytes 2-4/10" {
		t.Errorf("a part: %q %v", part.raw, part.header)
	}
	b.ask("sup", "GET", path, nil, "Range", "bytes=20-").want(416)
	if same := b.ask("sup", "GET", path, nil, "If-None-Match", whole.header.Get("ETag")).want(304); same.raw != "" {
		t.Errorf("what the browser has is sent again: %q", same.raw)
	}
	// What the browser kept, it may show only as long as its user may.
	b.ask("agent-b", "GET", path, nil, "If-None-Match", whole.header.Get("ETag")).want(304)
	b.online("agent-a")
	b.ask("agent-b", "GET", path, nil, "If-None-Match", whole.header.Get("ETag")).problem(404, "message.not_found", "/id")
	if head := b.ask("sup", "HEAD", path, nil).want(200); head.raw != "" || head.header.Get("Content-Length") != "10" {
		t.Errorf("HEAD: %q %v", head.raw, head.header)
	}
}

func TestNamesInHeadersAreReadAsTheyAre(t *testing.T) {
	for _, name := range []string{"a.txt", "发票 2026年.pdf", "it's 100%.txt", "a;b=c.txt", "ü (1).png", "😀.gif", `"quoted".txt`, "a,b.txt", "tab\tnl\r\nx.txt"} {
		header := contentDisposition("attachment", name)
		_, params, err := mime.ParseMediaType(header)
		if err != nil || params["filename"] != name {
			t.Errorf("%q: %s is read as %q, %v", name, header, params["filename"], err)
		}
		if strings.ContainsFunc(header, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%q: %q is not plain", name, header)
		}
	}
}

func TestAFileThatIsGoneFromTheDiskIsSaidSo(t *testing.T) {
	b := newBench(t)
	posted := b.ask("robot", "POST", "/inboxes/web/messages", with("x", b.upload("robot", "a.txt", "x"))).want(201)
	trace := "/messages/" + posted.text("message") + "/trace"
	if got := b.ask("auditor", "GET", trace, nil).want(200); !strings.Contains(got.raw, `"attachments":[{"type":"text/plain","size":1,"present":true}]`) || strings.Contains(got.raw, "a.txt") {
		t.Errorf("the trace is %s", got.raw)
	}
	b.server.o.Attachments = elsewhere(t, b)
	if got := b.ask("auditor", "GET", trace, nil).want(200); !strings.Contains(got.raw, `"present":false`) {
		t.Errorf("the trace is %s", got.raw)
	}
	b.ask("sup", "GET", "/messages/"+posted.text("message")+"/attachments/0", nil).problem(503, "attachment.missing", "")
	if !strings.Contains(b.log.String(), "attachment.missing") {
		t.Error("the log does not say so")
	}
}

// elsewhere keeps files in another directory.
func elsewhere(t *testing.T, b *bench) Attachments {
	t.Helper()
	files, err := attachment.New(attachment.Options{Dir: t.TempDir(), Ledger: b.ledger, Reader: b.store, Now: b.clock})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// site is the bench behind a socket.
func (b *bench) site(p paces) *httptest.Server {
	b.server.paces = p
	s := httptest.NewServer(b.server)
	b.t.Cleanup(s.Close)
	return s
}

// send sends a body of a length that may be unknown (-1), and returns the status and the code.
func (b *bench) send(s *httptest.Server, length int64, body io.Reader) (int, string) {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), "POST", s.URL+Prefix+"/attachments?inbox=web&name=a.bin", body)
	if err != nil {
		b.t.Fatal(err)
	}
	r.ContentLength = length
	r.Header.Set("Authorization", "Bearer "+b.tokens["robot"])
	w, err := s.Client().Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer w.Body.Close()
	raw, err := io.ReadAll(w.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return w.StatusCode, string(raw)
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestTheLimitHoldsHoweverTheLengthIsTold(t *testing.T) {
	b := newBench(t)
	s := b.site(usualPaces)
	for _, told := range []bool{true, false} {
		for size, want := range map[int64]int{attachment.MaxSize: 201, attachment.MaxSize + 1: 413, 0: 400, 1: 201} {
			length := size
			if !told {
				length = -1
			}
			var body io.Reader = io.LimitReader(endless{}, size)
			if length == 0 {
				body = http.NoBody
			}
			if status, raw := b.send(s, length, body); status != want && !(want == 413 && status == 0 && told) { // a client that is still sending may miss the answer
				t.Errorf("%d bytes, told %v: %d %s", size, told, status, raw)
			}
		}
	}
	if status, _ := b.send(s, 1<<40, endless{}); status != 413 && status != 0 {
		t.Errorf("a tebibyte: %d", status)
	}
}

// talk writes raw bytes to the site, and returns the first line of the answer; after, if it is not nil, runs between.
func (b *bench) talk(s *httptest.Server, request string, after func(net.Conn)) string {
	b.t.Helper()
	c, err := (&net.Dialer{}).DialContext(b.t.Context(), "tcp", s.Listener.Addr().String())
	if err != nil {
		b.t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, strings.Replace(request, "TOKEN", b.tokens["robot"], 1)); err != nil {
		b.t.Fatal(err)
	}
	if after != nil {
		after(c)
	}
	answer := make([]byte, 64)
	n, _ := io.ReadAtLeast(c, answer, 12) // a server that says nothing is what the test looks for
	line, _, _ := strings.Cut(string(answer[:n]), "\r\n")
	return line
}

func TestBodiesThatAreNotWhatTheySayOrComeTooSlowlyLeaveNothing(t *testing.T) {
	b := newBench(t)
	s := b.site(paces{silence: 50 * time.Millisecond, drain: time.Minute, upload: time.Minute, parting: time.Millisecond})
	const head = "POST /api/v1/attachments?inbox=web&name=a.txt HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer TOKEN\r\n"
	closeWrite := func(c net.Conn) {
		if err := c.(*net.TCPConn).CloseWrite(); err != nil {
			t.Error(err)
		}
	}
	for what, answer := range map[string]string{
		"shorter than it says": b.talk(s, head+"Content-Length: 10\r\n\r\nhalf", closeWrite),
		"an unfinished chunk":  b.talk(s, head+"Transfer-Encoding: chunked\r\n\r\na\r\nhalf", closeWrite),
		"no last chunk":        b.talk(s, head+"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", closeWrite),
		"a broken chunk":       b.talk(s, head+"Transfer-Encoding: chunked\r\n\r\nxyz\r\nhalf\r\n", nil),
		"silence":              b.talk(s, head+"Content-Length: 10\r\n\r\nhalf", nil),
		"more than the limit":  b.talk(s, head+"Content-Length: 99999999\r\nExpect: 100-continue\r\n\r\n", nil),
	} {
		want := "HTTP/1.1 400 Bad Request"
		if what == "more than the limit" {
			want = "HTTP/1.1 413 Request Entity Too Large"
		}
		if answer != want {
			t.Errorf("%s: %q", what, answer)
		}
	}
	if count, _, err := b.store.UploadsOf(t.Context(), "account/robot"); count != 0 || err != nil {
		t.Errorf("%d uploads are on record, %v", count, err)
	}
	s.Close()
	s = b.site(usualPaces) // in fifty milliseconds a busy machine does not always come from the head to the body
	if status, raw := b.send(s, 4, strings.NewReader("fine")); status != 201 {
		t.Errorf("the next one: %d %s", status, raw)
	}
}

func TestAWholeUploadHasATimeToo(t *testing.T) {
	b := newBench(t)
	s := b.site(paces{silence: time.Minute, drain: time.Minute, upload: 50 * time.Millisecond, parting: time.Millisecond})
	if answer := b.talk(s, "POST /api/v1/attachments?inbox=web HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer TOKEN\r\nContent-Length: 10\r\n\r\nhalf", nil); answer != "HTTP/1.1 400 Bad Request" {
		t.Errorf("answered with %q", answer)
	}
}

func TestFilesOverHTTPDoNotFillTheMemory(t *testing.T) {
	b := newBench(t)
	s := b.site(usualPaces)
	const passes = 2
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := range passes {
		status, raw := b.send(s, attachment.MaxSize, io.MultiReader(strings.NewReader(strconv.Itoa(i)), io.LimitReader(endless{}, attachment.MaxSize-1)))
		if status != 201 {
			t.Fatal(status, raw)
		}
		_, rest, _ := strings.Cut(raw, `"id":"`)
		id, _, _ := strings.Cut(rest, `"`)
		posted := b.ask("robot", "POST", "/inboxes/web/messages", with(fmt.Sprint("m", i), id)).want(201)
		r, err := http.NewRequestWithContext(t.Context(), "GET", s.URL+Prefix+"/messages/"+posted.text("message")+"/attachments/0", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+b.tokens["sup"])
		w, err := s.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, w.Body); n != attachment.MaxSize || err != nil {
			t.Fatal(n, err)
		}
		_ = w.Body.Close() // it was read to its end
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > passes*attachment.MaxSize/10 {
		t.Errorf("%d MiB went in and out, and %d KiB were allocated", passes*attachment.MaxSize>>20, got>>10)
	}
}
