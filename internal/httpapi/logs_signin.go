package httpapi

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
)

// SignInRow is a session, or failed attempts to begin one.
type SignInRow struct {
	At           Time   `json:"at" doc:"when it began, or failed"`
	Result       string `json:"result" enum:"open,ended,failed"`
	Account      string `json:"account,omitempty" doc:"none where there is no account of the name that was tried: what was typed is not kept"`
	AccountTitle string `json:"account_title,omitempty"`
	Session      string `json:"session,omitempty"`
	How          string `json:"how" enum:"password,token"`
	Token        string `json:"token,omitempty" doc:"id of the token that it rests on"`
	Client       string `json:"client,omitempty" doc:"at a browser: what that says of itself; else the client's id"`
	Remote       string `json:"remote,omitempty" doc:"at a browser: the address it came from"`
	EndedAt      *Time  `json:"ended_at,omitempty"`
	EndedBy      string `json:"ended_by,omitempty"`
	EndCause     string `json:"end_cause,omitempty"`
	Code         string `json:"code,omitempty" doc:"why it failed"`
	Count        int    `json:"count,omitempty" doc:"of failed ones: how many there were within the hour so far. They are told of at the first and at every doubling"`

	position int64
}

// SignInFilter is what the log of sign-ins can be asked for.
type SignInFilter struct {
	Period
	Result string `query:"result" enum:"open,ended,failed"`
	Agent  string `query:"agent" doc:"of this account only; without the permissions session.end and audit.view it is oneself"`
}

type signInLogOutput struct {
	Body struct {
		Rows []SignInRow `json:"rows" doc:"newest first"`
		LogEnd
		FailedWithheld bool `json:"failed_withheld,omitempty" doc:"failed sign-ins of others are not shown: they need the permission audit.view"`
	}
}

func (s *Server) signInLogPage(ctx context.Context, by caller, in *struct {
	SignInFilter
	LogPage
}) (*signInLogOutput, error) {
	rows, end, err := s.readSignIns(ctx, by, &in.SignInFilter, in.LogPage)
	if err != nil {
		return nil, err
	}
	out := &signInLogOutput{}
	out.Body.Rows, out.Body.LogEnd = rows, end
	out.Body.FailedWithheld = in.Agent != by.account && !s.can(by, policy.AuditView)
	return out, nil
}

func (s *Server) readSignIns(ctx context.Context, by caller, f *SignInFilter, page LogPage) ([]SignInRow, LogEnd, error) {
	audit := s.can(by, policy.AuditView)
	if err := onlyOwn(by, audit || s.can(by, policy.SessionEnd), &f.Agent, policy.SessionEnd); err != nil {
		return nil, LogEnd{}, err
	}
	span, err := s.logSpan(ctx, f.Period)
	if err != nil {
		return nil, LogEnd{}, err
	}
	w := newWalk(span, span.UpTo-span.After) // by indexes that have nothing else: one piece
	if err := w.resume(page.Cursor); err != nil {
		return nil, LogEnd{}, err
	}
	rows := []SignInRow{}
	for len(rows) < page.Limit {
		piece, ok := w.piece()
		if !ok {
			break
		}
		found, err := s.signInRows(ctx, f, audit || f.Agent == by.account, piece, page.Limit)
		if err != nil {
			return nil, LogEnd{}, err
		}
		after := piece.After
		if len(found) >= page.Limit { // beyond these, one of the two kinds may have been cut
			found = found[:page.Limit]
			after = found[len(found)-1].position - 1
		}
		for i := range found {
			if len(rows) == page.Limit {
				after = found[i].position
				break
			}
			if f.Result == "" || f.Result == found[i].Result {
				rows = append(rows, found[i])
			}
		}
		w.looked(after)
	}
	end, err := s.logEnd(ctx, w, w.cursor())
	return rows, end, err
}

// signInRows lists both kinds, newest first. Each was cut at the limit.
func (s *Server) signInRows(ctx context.Context, f *SignInFilter, failed bool, span ledger.Span, limit int) ([]SignInRow, error) {
	var rows []SignInRow
	if f.Result != "failed" {
		sessions, err := s.o.Store.SignIns(ctx, f.Agent, span, limit)
		if err != nil {
			return nil, fmt.Errorf("sign-ins: %w", err)
		}
		if rows, err = s.sessionRows(ctx, sessions); err != nil {
			return nil, err
		}
	}
	if failed && (f.Result == "" || f.Result == "failed") {
		entries, err := s.o.Store.FailedSignIns(ctx, f.Agent, span, limit)
		if err != nil {
			return nil, fmt.Errorf("failed sign-ins: %w", err)
		}
		for i := range entries {
			rows = append(rows, s.failedRow(&entries[i]))
		}
	}
	slices.SortFunc(rows, func(a, b SignInRow) int { return cmp.Compare(b.position, a.position) })
	return rows, nil
}

func (s *Server) sessionRows(ctx context.Context, facts []ledger.FactRow) ([]SignInRow, error) {
	var ids []string
	for _, f := range facts {
		ids = append(ids, f.Key)
	}
	browsers, err := s.o.Store.BrowserSessionsOf(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("sessions at browsers: %w", err)
	}
	byID := map[string]*ledger.BrowserSessionRow{}
	for i := range browsers {
		byID[browsers[i].ID] = &browsers[i]
	}
	var rows []SignInRow
	for i := range facts {
		f := &facts[i]
		var x ledger.Session
		if err := json.Unmarshal(f.Value, &x); err != nil {
			return nil, fmt.Errorf("session %s: %w", f.Key, err)
		}
		account := strings.TrimPrefix(f.Subject, ledger.AccountSubject(""))
		row := SignInRow{
			At: s.time(f.FromAt), Result: "open", Account: account, AccountTitle: titleOf(s.o.Ledger.Policy(), account), Session: f.Key, How: "token", Token: x.Token,
			Client: x.Client, position: f.FromPosition,
		}
		if b := byID[f.Key]; b != nil {
			row.How, row.Client, row.Remote = "password", b.UserAgent, b.Remote
		}
		if f.ToPosition != 0 {
			row.Result, row.EndedAt, row.EndedBy, row.EndCause = "ended", s.maybe(f.ToAt), f.EndBy, f.EndCause
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func (s *Server) failedRow(r *ledger.AuditRow) SignInRow {
	row := SignInRow{At: s.time(r.At), Result: "failed", How: "password", position: r.Position}
	var details map[string]string
	_ = json.Unmarshal(r.Details, &details) // an entry without details is one, too
	row.Code, row.Remote = details["code"], details["remote"]
	row.Count, _ = strconv.Atoi(details["within_an_hour"])
	account := strings.TrimPrefix(r.Object, ledger.AccountSubject(""))
	if _, ok := s.o.Ledger.Policy().Account(account); ok {
		row.Account, row.AccountTitle = account, titleOf(s.o.Ledger.Policy(), account)
	}
	return row
}
