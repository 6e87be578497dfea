package httpapi

import (
	"context"
	"fmt"

	"github.com/bidahq/bida/internal/ledger"
)

// OperationRow is an entry of the audit log with what people call who did it.
type OperationRow struct {
	AuditBody
	ByTitle string `json:"by_title"`
}

// OperationFilter is what the log of operations can be asked for.
type OperationFilter struct {
	Period
	By     string `query:"by" doc:"by this account only"`
	Action string `query:"action" doc:"this action only: policy.apply, token.create, …"`
	Object string `query:"object" doc:"about this only: account/NAME, revision/N, c…, m…"`
}

type operationLogOutput struct {
	Body struct {
		Rows []OperationRow `json:"rows" doc:"newest first"`
		LogEnd
	}
}

func (s *Server) operationLogPage(ctx context.Context, by caller, in *struct {
	OperationFilter
	LogPage
}) (*operationLogOutput, error) {
	rows, end, err := s.readOperations(ctx, by, &in.OperationFilter, in.LogPage)
	if err != nil {
		return nil, err
	}
	out := &operationLogOutput{}
	out.Body.Rows, out.Body.LogEnd = rows, end
	return out, nil
}

func (s *Server) readOperations(ctx context.Context, _ caller, f *OperationFilter, page LogPage) ([]OperationRow, LogEnd, error) {
	span, err := s.logSpan(ctx, f.Period)
	if err != nil {
		return nil, LogEnd{}, err
	}
	w := newWalk(span, wideSpan)
	if err := w.resume(page.Cursor); err != nil {
		return nil, LogEnd{}, err
	}
	p := s.o.Ledger.Policy()
	rows := []OperationRow{}
	for len(rows) < page.Limit {
		piece, ok := w.piece()
		if !ok {
			break
		}
		left := page.Limit - len(rows)
		found, err := s.o.Store.AuditLog(ctx, ledger.AuditLogQuery{Span: piece, By: f.By, Action: f.Action, Object: f.Object, Limit: left})
		if err != nil {
			return nil, LogEnd{}, fmt.Errorf("audit: %w", err)
		}
		for _, r := range found {
			rows = append(rows, OperationRow{s.auditBody(&r), titleOf(p, r.By)})
		}
		w.looked(piece.After)
		if len(found) == left {
			w.looked(found[left-1].Position - 1)
		}
	}
	end, err := s.logEnd(ctx, w, w.cursor())
	return rows, end, err
}
