// Package chatpage serves what visitors of a web inbox load in a browser: the widget's script, the page behind the chat link with a QR code of its own
// address, and that code. What visitors say goes over the API.
//
// It promises that the page runs nothing but the widget and asks nobody but this server (a strict content security policy), that a title is text whatever
// is in it, and that only inboxes with the channel `web` have a page. It keeps nothing but what it was made with.
package chatpage

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Options are what the pages are made of.
type Options struct {
	// Inbox tells the title of an inbox that visitors of web pages may write to, and whether there is one.
	Inbox func(name string) (title string, ok bool)
	// Language tells which of "zh" and "en" a request prefers.
	Language func(*http.Request) string
	// Script is the widget, empty in a program that was built without its web parts.
	Script []byte
}

// Pages are the handlers.
type Pages struct {
	o       Options
	zipped  []byte
	version string // of the script
	policy  string // of the page
}

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

var page = template.Must(template.New("page").Parse(pageHTML))

// New prepares the pages.
func New(o Options) (*Pages, error) {
	p := &Pages{o: o, version: hash(o.Script)}
	var zipped bytes.Buffer
	w, err := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	if err != nil {
		return nil, fmt.Errorf("compressing the widget: %w", err)
	}
	if _, err := w.Write(o.Script); err != nil {
		return nil, fmt.Errorf("compressing the widget: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("compressing the widget: %w", err)
	}
	p.zipped = zipped.Bytes()
	style := sha256.Sum256([]byte(pageCSS))
	p.policy = strings.Join([]string{
		"default-src 'none'", "script-src 'self'", "connect-src 'self'", "img-src 'self' blob: data:",
		"style-src 'sha256-" + base64.StdEncoding.EncodeToString(style[:]) + "'",
		"base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'",
	}, "; ")
	return p, nil
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

// missing is what a program without its web parts answers: the page's console says why there is no widget.
const missing = `console.error("Bida: this program was built without its web parts (make build)");` + "\n"

// Script serves the widget to any page of the world.
func (p *Pages) Script(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/javascript; charset=utf-8")
	if len(p.o.Script) == 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(missing))
		return
	}
	// Pages of other sites load it, also those that isolate themselves or pin what they load.
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("Cache-Control", "public, max-age=600") // an update reaches every page within ten minutes
	h.Set("Vary", "Accept-Encoding")
	body, tag := p.o.Script, `"`+p.version+`"`
	if acceptsGzip(r.Header.Get("Accept-Encoding")) {
		body, tag = p.zipped, `"`+p.version+`-gzip"`
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("ETag", tag)
	if strings.Contains(r.Header.Get("If-None-Match"), tag) {
		h.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	_, _ = w.Write(body) // a browser that is gone has no use for it
}

func acceptsGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		coding, params, _ := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			continue
		}
		q, weighed := strings.CutPrefix(strings.TrimSpace(params), "q=")
		weight, err := strconv.ParseFloat(q, 64)
		return !weighed || err == nil && weight > 0
	}
	return false
}

// words are what the page says beside the widget.
type words struct {
	Lang, Service, Intro, Scan, Apart, LocalOnly, NoScript, Missing, MissingMore string
}

var said = map[string]words{
	"zh": {
		Lang: "zh-CN", Service: "在线客服", Intro: "有问题？在这里直接和我们的客服对话。",
		Scan: "用手机扫码咨询", Apart: "手机上会开始一段新的对话。",
		LocalOnly: "此页现在用的是本机地址，手机打不开。换成这台服务器的域名或局域网地址打开本页，再扫码。",
		NoScript:  "在线客服需要浏览器启用 JavaScript。",
		Missing:   "没有这个客服入口", MissingMore: "链接可能已停用，或者抄写有误。请向给您链接的人确认。",
	},
	"en": {
		Lang: "en", Service: "Customer service", Intro: "A question? Talk to us right here.",
		Scan: "Scan to chat on your phone", Apart: "The phone begins a conversation of its own.",
		LocalOnly: "This page was opened at an address that only this machine knows, so a phone cannot open it. Open it at the server's name or network address, then scan.",
		NoScript:  "The chat needs JavaScript to be enabled in the browser.",
		Missing:   "There is no such chat", MissingMore: "The link may be out of use or mistyped. Please ask whoever gave it to you.",
	},
}

// view is what the template is filled with.
type view struct {
	words
	CSS                   template.CSS
	Found                 bool
	Inbox, Title, Address string
	Query                 string
	Local                 bool
}

// Page serves the chat link: the widget as a whole page.
func (p *Pages) Page(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("inbox")
	title, ok := p.o.Inbox(name)
	v := view{words: said[p.language(r)], CSS: template.CSS(pageCSS), Found: ok, Inbox: name, Title: title}
	if v.Title == "" {
		v.Title = v.Service
	}
	if !ok {
		v.Title = v.Missing
	}
	if lang := asked(r); lang != "" {
		v.Query = "?lang=" + lang
	}
	v.Address = strings.TrimPrefix(strings.TrimPrefix(address(r, name), "https://"), "http://")
	v.Local = local(r.Host)
	var body bytes.Buffer
	if err := page.Execute(&body, v); err != nil {
		panic(err) // the template and its data are of this package
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", p.policy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Vary", "Accept-Language")
	if !ok {
		w.WriteHeader(http.StatusNotFound)
	}
	_, _ = w.Write(body.Bytes()) // a browser that is gone has no use for it
}

// language is the page's: what the link asks for, else what the browser prefers.
func (p *Pages) language(r *http.Request) string {
	if lang := asked(r); lang != "" {
		return lang
	}
	return p.o.Language(r)
}

// asked is the language that a link asks for, or "".
func asked(r *http.Request) string {
	primary, _, _ := strings.Cut(strings.ToLower(r.URL.Query().Get("lang")), "-")
	if _, ok := said[primary]; ok {
		return primary
	}
	return ""
}

// QR serves the address of the page as a picture that a phone can read.
func (p *Pages) QR(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("inbox")
	if _, ok := p.o.Inbox(name); !ok {
		http.Error(w, said[p.language(r)].Missing, http.StatusNotFound)
		return
	}
	picture, err := qrSVG(address(r, name))
	if err != nil { // the address is longer than a code can hold
		http.Error(w, http.StatusText(http.StatusRequestURITooLong), http.StatusRequestURITooLong)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "image/svg+xml")
	h.Set("Content-Security-Policy", "default-src 'none'")
	_, _ = w.Write(picture) // a browser that is gone has no use for it
}

// address is where a phone finds the page: where this request found it. Whoever forges the headers of a request forges the answer to that request only,
// for nothing of it is cached.
func address(r *http.Request, inbox string) string {
	scheme := "http"
	if r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
		scheme = "https"
	}
	u := url.URL{Scheme: scheme, Host: r.Host, Path: "/c/" + inbox}
	if lang := asked(r); lang != "" {
		u.RawQuery = "lang=" + lang
	}
	return u.String()
}

// local says that a host is this machine to whoever uses it.
func local(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && ip.IsLoopback()
}
