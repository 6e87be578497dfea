package httpapi

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/bidahq/bida/internal/problem"
)

// consoleRoutes are the addresses at which the console's one page is served; what is shown there is the browser's business. Everything else that no
// route has is a problem, as before: a mistyped address of the API must not answer with a page.
var consoleRoutes = []string{
	"GET /{$}", "GET /sign-in", "GET /workspace", "GET /workspace/", "GET /board", "GET /agents", "GET /agents/", "GET /diagnosis", "GET /checklist", "GET /messages", "GET /messages/", "GET /coverage", "GET /intercepted", "GET /filters", "GET /reception", "GET /reception/", "GET /logs", "GET /me",
}

const (
	indexFile  = "index.html"
	nonceMark  = "__CSP_NONCE__"
	nonceBytes = 16
)

// ui serves the console from its built files.
type ui struct {
	files fs.FS
	index []byte // nil in a program that was built without the console
}

func newUI(files fs.FS) (*ui, error) {
	u := &ui{files: files}
	if files == nil {
		return u, nil
	}
	var err error
	if u.index, err = fs.ReadFile(files, indexFile); errors.Is(err, fs.ErrNotExist) {
		return u, nil
	}
	return u, err
}

// registerUI adds the console's page, its assets and its icon. They need no sign-in: there is nothing in them that is not in the source.
func (s *Server) registerUI() {
	for _, pattern := range consoleRoutes {
		s.mux.HandleFunc(pattern, s.servePage)
	}
	s.mux.HandleFunc("GET /assets/{name}", s.serveAsset)
	s.mux.HandleFunc("GET /icon.svg", s.serveIcon)
}

// pageHeaders are those of every page that Bida serves. Styles that are made while the page runs carry the page's nonce; nothing is loaded from elsewhere.
func pageHeaders(h http.Header, nonce string) {
	h.Set("Content-Security-Policy", strings.Join([]string{
		"default-src 'none'", "script-src 'self'", "style-src 'self' 'nonce-" + nonce + "'", "img-src 'self' blob: data:", "font-src 'self'", "connect-src 'self'",
		"media-src 'self' data:", "manifest-src 'self'", "worker-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'",
	}, "; "))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// newNonce makes what no other page has.
func newNonce() string {
	var b [nonceBytes]byte
	rand.Read(b[:]) // never fails: the runtime ends the process if the system has no randomness
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func (s *Server) servePage(w http.ResponseWriter, r *http.Request) {
	if s.ui.index == nil {
		s.refuse(w, r, errNoUI)
		return
	}
	nonce := newNonce()
	h := w.Header()
	pageHeaders(h, nonce)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-cache")
	page := bytes.ReplaceAll(s.ui.index, []byte(nonceMark), []byte(nonce))
	h.Set("Content-Length", strconv.Itoa(len(page)))
	_, _ = w.Write(page) // a caller that is gone has no use for it
}

// serveAsset serves a file whose name has the hash of its content: it may be kept for ever.
func (s *Server) serveAsset(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	s.serveFile(w, r, "assets/"+r.PathValue("name"))
}

func (s *Server) serveIcon(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "public, max-age=86400")
	s.serveFile(w, r, "icon.svg")
}

// serveFile serves a built file, in its compressed form where there is one that the caller takes.
func (s *Server) serveFile(w http.ResponseWriter, r *http.Request, name string) {
	if s.ui.files == nil || !fs.ValidPath(name) || strings.HasSuffix(name, packed) {
		s.noFile(w, r)
		return
	}
	h := w.Header()
	h.Add("Vary", "Accept-Encoding")
	file := name
	if acceptsGzip(r) {
		if _, err := fs.Stat(s.ui.files, name+packed); err == nil {
			file = name + packed
			h.Set("Content-Encoding", "gzip")
		}
	}
	content, err := fs.ReadFile(s.ui.files, file)
	if err != nil {
		s.noFile(w, r)
		return
	}
	h.Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
	h.Set("Content-Length", strconv.Itoa(len(content)))
	_, _ = w.Write(content) // a caller that is gone has no use for it
}

// packed ends the names of compressed files.
const packed = ".gz"

func acceptsGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		coding, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(coding, "gzip") {
			return strings.TrimSpace(params) != "q=0"
		}
	}
	return false
}

func (s *Server) noFile(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	s.fallback(w, r)
}

var errNoUI = problem.New(problem.NotFound, "ui.not_built", "This program was built without the console: build it with make build.", "此程序未包含控制台界面，请用 make build 构建。")
