package query

import (
	"context"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/store/table"
)

// DocumentsAt implements ledger.PolicyReader. The documents come in the order of kind and name.
func (r *Reader) DocumentsAt(ctx context.Context, revision int64) ([]ledger.DocumentRow, error) {
	return list(ctx, r.pool(), table.Documents,
		"WHERE from_revision <= ? AND (to_revision IS NULL OR to_revision > ?) ORDER BY kind, name, from_revision", revision, revision)
}

// DocumentVersions implements ledger.PolicyReader.
func (r *Reader) DocumentVersions(ctx context.Context, kind, name string) ([]ledger.DocumentRow, error) {
	return list(ctx, r.pool(), table.Documents, "WHERE kind = ? AND name = ? ORDER BY from_revision", kind, name)
}

// DocumentsSince implements ledger.PolicyReader.
func (r *Reader) DocumentsSince(ctx context.Context, revision int64) ([]ledger.DocumentRow, error) {
	return list(ctx, r.pool(), table.Documents, "WHERE to_revision IS NULL OR to_revision > ? ORDER BY from_revision, kind, name", revision)
}

// Revisions implements ledger.PolicyReader.
func (r *Reader) Revisions(ctx context.Context, before int64, limit int) ([]ledger.RevisionRow, error) {
	return list(ctx, r.pool(), table.Revisions, "WHERE revision < ? ORDER BY revision DESC LIMIT ?", orForGood(before), max(limit, 0))
}

// Revision implements ledger.PolicyReader.
func (r *Reader) Revision(ctx context.Context, revision int64) (ledger.RevisionRow, error) {
	return first(ctx, r.pool(), table.Revisions, "WHERE revision = ?", revision)
}

// RevisionAt implements ledger.PolicyReader.
func (r *Reader) RevisionAt(ctx context.Context, position int64) (int64, error) {
	return r.pool().number(ctx, "SELECT coalesce(max(revision), 0) FROM revisions WHERE position <= ?", position)
}

// Audit implements ledger.PolicyReader.
func (r *Reader) Audit(ctx context.Context, before int64, limit int) ([]ledger.AuditRow, error) {
	entries, err := list(ctx, r.pool(), table.Audit, "WHERE position < ? ORDER BY position DESC, ordinal DESC LIMIT ?", orForGood(before), max(limit, 0))
	if err != nil {
		return nil, err
	}
	rows := make([]ledger.AuditRow, len(entries))
	for i, e := range entries {
		rows[i] = e.AuditRow
	}
	return rows, nil
}

// TokensOf implements ledger.PolicyReader. Revoked tokens are among them, the newest comes first.
func (r *Reader) TokensOf(ctx context.Context, account string) ([]ledger.TokenRow, error) {
	return list(ctx, r.pool(), table.Tokens, "WHERE account = ? ORDER BY created_at DESC, id", account)
}

func orForGood(before int64) int64 {
	if before == 0 {
		return forGood
	}
	return before
}
