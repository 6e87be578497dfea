package httpapi

import (
	"context"
	"net/http"

	"github.com/bidahq/bida/internal/identity"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/problem"
)

var errNoBrowser = problem.New(problem.Conflict, "identity.not_at_a_browser",
	"Only browsers sign out; a token is revoked with DELETE /accounts/{name}/tokens.", "只有浏览器登录可以退出；令牌请用 DELETE /accounts/{name}/tokens 吊销。")

// MyInboxBody is an inbox that the account is a member of.
type MyInboxBody struct {
	Name  string   `json:"name"`
	Title string   `json:"title"`
	Mode  string   `json:"mode" enum:"live,async"`
	Kinds []string `json:"kinds"`
}

// BrowserSessionBody is the session of the browser that asks.
type BrowserSessionBody struct {
	ID       string `json:"id"`
	Since    Time   `json:"since"`
	IdleEnds Time   `json:"idle_ends" doc:"when it ends if it is not used; an open connection is use"`
	Ends     Time   `json:"ends" doc:"when it ends however much it is used"`
}

func (s *Server) sessionBody(r ledger.BrowserSessionRow) *BrowserSessionBody {
	return &BrowserSessionBody{ID: r.ID, Since: s.time(r.Since), IdleEnds: s.time(r.Runs()), Ends: s.time(r.EndsAt)}
}

// browserSession is nil where there is none.
func (s *Server) browserSession(id string) *BrowserSessionBody {
	if r, ok := s.o.Ledger.BrowserSession(id); ok {
		return s.sessionBody(r)
	}
	return nil
}

type (
	signInOutput struct {
		SetCookie http.Cookie `header:"Set-Cookie"`
		Body      struct {
			Account string              `json:"account"`
			Title   string              `json:"title,omitempty"`
			Session *BrowserSessionBody `json:"session"`
		}
	}
	signOutOutput struct {
		SetCookie http.Cookie `header:"Set-Cookie"`
	}
)

func (s *Server) signIn(ctx context.Context, by caller, in *struct {
	Body struct {
		Account  string `json:"account" maxLength:"200"`
		Password string `json:"password" maxLength:"1000"`
	} `nameHint:"SignInInput"`
}) (*signInOutput, error) {
	signed, row, err := s.o.Identity.SignIn(ctx, by.http, identity.Credentials{
		Account: in.Body.Account, Password: in.Body.Password, Remote: s.address(by.http), UserAgent: by.http.UserAgent(), Request: by.request,
	})
	if err != nil {
		return nil, err
	}
	out := &signInOutput{SetCookie: *identity.SetCookie(by.http, signed)}
	spec, _ := s.o.Ledger.Policy().Account(signed.Account)
	out.Body.Account, out.Body.Title, out.Body.Session = signed.Account, spec.Title, s.sessionBody(row)
	return out, nil
}

func (s *Server) signOut(ctx context.Context, by caller, _ *none) (*signOutOutput, error) {
	if by.session == "" {
		return nil, errNoBrowser
	}
	if err := s.o.Identity.SignOut(ctx, by.account, by.session, by.asked()); err != nil {
		return nil, err
	}
	return &signOutOutput{SetCookie: *identity.ClearCookie(by.http)}, nil
}

func (s *Server) setPassword(ctx context.Context, by caller, in *struct {
	AccountName
	Body struct {
		Password string `json:"password" maxLength:"1000"`
		Current  string `json:"current,omitempty" maxLength:"1000" doc:"the password so far; needed for one's own account"`
	} `nameHint:"PasswordInput"`
}) (*struct{}, error) {
	if _, err := s.account(in.Name); err != nil {
		return nil, err
	}
	return nil, s.o.Identity.ChangePassword(ctx, identity.PasswordChange{
		Account: in.Name, Password: in.Body.Password, Current: in.Body.Current, Session: by.session, Remote: s.address(by.http), Asked: by.asked(),
	})
}
