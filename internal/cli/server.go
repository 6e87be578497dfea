package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/bidahq/bida/client"
	"github.com/bidahq/bida/internal/problem"
)

const (
	defaultServer = "http://127.0.0.1:8420"
	answerTime    = 60 * time.Second
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
	base, lang string
	client     *client.Client
}

// open finds the server and the token.
func (f *serverFlags) open(s *session) (*server, error) { return f.openFor(s, answerTime) }

// openFor opens a server that may take a time of its own for an answer.
func (f *serverFlags) openFor(s *session, patience time.Duration) (*server, error) {
	base, _ := f.address(s)
	token, err := f.token(s)
	if err != nil {
		return nil, err
	}
	c, err := client.New(base, token, client.WithHTTPClient(&http.Client{Timeout: patience}))
	if err != nil {
		return nil, usage("--server: %v, not %q", err, base)
	}
	return &server{base: base, lang: s.lang, client: c}, nil
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

// call asks the server, decodes the answer into out and returns it as it came. An error is a *client.RefusedError or a *noServerError.
func (v *server) call(ctx context.Context, c client.Call, out any) (json.RawMessage, error) {
	c.Lang = v.lang
	var raw json.RawMessage
	if _, err := v.client.Do(ctx, c, &raw); client.AsRefused(err) != nil {
		return nil, err
	} else if err != nil {
		return nil, &noServerError{v.base, err}
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return nil, &noServerError{v.base, fmt.Errorf("its answer cannot be read: %w", err)}
	}
	return raw, nil
}

// words says an error in the language of the session.
func (s *session) words(err error) string {
	if no := client.AsRefused(err); no != nil {
		return answerWords(no)
	}
	p := problem.As(err)
	if p == nil {
		return err.Error()
	}
	text := p.Words(s.lang)
	if p.Field != "" && len(p.Fields) == 0 {
		text += " (" + p.Field + ")"
	}
	for _, f := range p.Fields {
		text += "; " + strings.TrimSpace(strings.TrimSpace(f.Document+" "+f.Field)+": "+f.Words(s.lang))
	}
	return strings.Replace(err.Error(), p.Error(), text, 1) // with what was put around it
}

// answerWords says a refusal; its words are in the language that was asked for.
func answerWords(no *client.RefusedError) string {
	text := cmp.Or(no.Detail, no.Title)
	if text == "" {
		return fmt.Sprintf("the server answers %d %s", no.Status, http.StatusText(no.Status))
	}
	if no.Field != "" && len(no.Errors) == 0 {
		text += " (" + no.Field + ")"
	}
	for _, e := range no.Errors {
		text += "; " + strings.TrimSpace(strings.TrimSpace(e.Document+" "+e.Field)+": "+e.Message)
	}
	return text
}
