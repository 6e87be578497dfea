package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/bidahq/bida/internal/problem"
)

const (
	defaultServer = "http://127.0.0.1:8420"
	answerTime    = 60 * time.Second
	longestAnswer = 64 << 20
)

// serverFlags say which server a command asks, and as whom.
type serverFlags struct {
	Server    string `help:"Server to ask (BIDA_SERVER, or http://127.0.0.1:8420)." placeholder:"URL"`
	TokenFile string `help:"File with the token (or the token itself in BIDA_TOKEN)." placeholder:"FILE"`
}

// address is the server's URL, and whether somebody named it.
func (f *serverFlags) address(s *session) (at string, named bool) {
	for _, v := range []string{f.Server, s.variable("BIDA_SERVER")} {
		if v != "" {
			return strings.TrimSuffix(v, "/"), true
		}
	}
	return defaultServer, false
}

// token is the token to ask with.
func (f *serverFlags) token(s *session) (string, error) {
	text := s.variable("BIDA_TOKEN")
	if f.TokenFile != "" {
		content, err := os.ReadFile(f.TokenFile)
		if err != nil {
			return "", usage("--token-file: %v", err)
		}
		text = string(content)
	}
	if text = strings.TrimSpace(text); text == "" {
		return "", usage("%s", s.pick("缺少令牌：请设置 BIDA_TOKEN，或用 --token-file 指定文件（bida token create 可生成）",
			"a token is needed: set BIDA_TOKEN or name a file with --token-file (bida token create makes one)"))
	}
	return text, nil
}

// server is a server to ask.
type server struct {
	base, token, lang string
	http              *http.Client
}

// open finds the server and the token.
func (f *serverFlags) open(s *session) (*server, error) {
	base, _ := f.address(s)
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, usage("--server: want http://HOST:PORT or https://HOST, got %q", base)
	}
	token, err := f.token(s)
	if err != nil {
		return nil, err
	}
	return &server{base: base, token: token, lang: s.lang, http: &http.Client{Timeout: answerTime}}, nil
}

// answerError is an answer that is not a success: an RFC 9457 problem.
type answerError struct {
	Status int     `json:"status"`
	Title  string  `json:"title"`
	Detail string  `json:"detail"`
	Code   string  `json:"code"`
	Field  string  `json:"field"`
	Fields []fault `json:"errors"`
}

// fault is one of several things that are wrong.
type fault struct {
	Location string `json:"location"`
	Field    string `json:"field"`
	Document string `json:"document"`
	Line     int    `json:"line"`
	Message  string `json:"message"`
}

func (e *answerError) Error() string {
	text := e.Detail
	if text == "" {
		text = e.Title
	}
	if text == "" {
		text = fmt.Sprintf("the server answers %d %s", e.Status, http.StatusText(e.Status))
	}
	if e.Field != "" && len(e.Fields) == 0 {
		text += " (" + e.Field + ")"
	}
	return text
}

// noServerError says that nobody answers at an address.
type noServerError struct {
	base  string
	cause error
}

func (e *noServerError) Error() string {
	cause := e.cause
	var u *url.Error
	if errors.As(cause, &u) {
		cause = u.Err
	}
	return fmt.Sprintf("no Bida server answers at %s: %v", e.base, cause)
}

func (e *noServerError) Unwrap() error { return e.cause }

// request is one call of the API.
type request struct {
	method, path string // the path without /api/v1
	query        url.Values
	ifMatch      string
	body         any
}

// call asks the server and decodes the answer into out, unless that is nil. It returns the raw answer as well.
func (v *server) call(ctx context.Context, r request, out any) (json.RawMessage, error) {
	var body io.Reader
	if r.body != nil {
		encoded, err := json.Marshal(r.body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(encoded)
	}
	address := v.base + "/api/v1" + r.path
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	h, err := http.NewRequestWithContext(ctx, r.method, address, body)
	if err != nil {
		return nil, err
	}
	h.Header.Set("Authorization", "Bearer "+v.token)
	h.Header.Set("Accept-Language", v.lang)
	if body != nil {
		h.Header.Set("Content-Type", "application/json")
	}
	if r.ifMatch != "" {
		h.Header.Set("If-Match", r.ifMatch)
	}
	response, err := v.http.Do(h)
	if err != nil {
		return nil, &noServerError{v.base, err}
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, longestAnswer))
	if err != nil {
		return nil, &noServerError{v.base, err}
	}
	if response.StatusCode < 200 || response.StatusCode > 299 {
		no := &answerError{}
		if err := json.Unmarshal(answer, no); err != nil {
			no = &answerError{}
		}
		no.Status = response.StatusCode
		return nil, no
	}
	if out == nil {
		return answer, nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return nil, &noServerError{v.base, fmt.Errorf("its answer cannot be read: %w", err)}
	}
	return answer, nil
}

// words says an error in the language of the session.
func (s *session) words(err error) string {
	p := problem.As(err)
	if p == nil {
		return err.Error()
	}
	text := p.Words(s.lang)
	if p.Field != "" && len(p.Fields) == 0 {
		text += " (" + p.Field + ")"
	}
	for _, f := range p.Fields {
		text += "; " + strings.TrimSpace(strings.TrimSpace(f.Document+" "+f.Field)+": "+f.Message)
	}
	return strings.Replace(err.Error(), p.Error(), text, 1) // with what was put around it
}
