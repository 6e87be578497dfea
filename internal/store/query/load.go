package query

import (
	"context"
	"database/sql"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/store/table"
)

// Load reads the State inside one transaction, whose isolation must show one state of the database to all statements.
func (r *Reader) Load(ctx context.Context, options *sql.TxOptions) (*ledger.State, error) {
	r.mu.RLock()
	db := r.db
	r.mu.RUnlock()
	tx, err := db.BeginTx(ctx, options)
	if err != nil {
		return nil, failed(err)
	}
	defer tx.Rollback() // it has only read
	l := loader{ctx: ctx, s: session{r: r, tx: tx}, state: &ledger.State{Sequences: map[string]int64{}, Received: map[string]ledger.Receipt{}, LastAssigned: map[string]map[string]int64{}}}
	for _, part := range []func() error{l.group, l.policy, l.conversations, l.deliveries, l.streams, l.received, l.assigned, l.facts, l.identity} {
		if err := part(); err != nil {
			return nil, err
		}
	}
	return l.state, nil
}

type loader struct {
	ctx   context.Context
	s     session
	state *ledger.State
}

func into[R any](l loader, to *[]R, t *table.Table[R], text string, args ...any) error {
	rows, err := list(l.ctx, l.s, t, text, args...)
	*to = rows
	return err
}

func (l loader) group() error {
	var alive sql.Null[int64]
	err := l.s.each(l.ctx, []any{&alive}, func() {}, "SELECT alive_at FROM decider")
	if err != nil {
		return err
	}
	var at sql.Null[int64]
	err = l.s.each(l.ctx, []any{&l.state.Position, &at}, func() {}, "SELECT last, at FROM groups ORDER BY first DESC LIMIT 1")
	if err != nil {
		return err
	}
	if at.Valid {
		l.state.At = instant(at.V)
	}
	if alive.Valid || at.Valid {
		l.state.AliveAt = instant(max(alive.V, at.V))
	}
	return nil
}

func (l loader) policy() error {
	err := into(l, &l.state.Documents, table.Documents, "WHERE to_revision IS NULL ORDER BY kind, name")
	if err != nil {
		return err
	}
	l.state.Revision, err = l.s.number(l.ctx, "SELECT coalesce(max(revision), 0) FROM revisions")
	return err
}

func (l loader) conversations() error {
	return into(l, &l.state.Conversations, table.Conversations, "WHERE status = 'open' ORDER BY id")
}

func (l loader) deliveries() error {
	return into(l, &l.state.Deliveries, table.Deliveries, "WHERE state = 'queued' ORDER BY account, sequence")
}

// streams steps from account to account in the key instead of reading all entries.
func (l loader) streams() error {
	var account string
	var sequence int64
	return l.s.each(l.ctx, []any{&account, &sequence}, func() { l.state.Sequences[account] = sequence }, `WITH RECURSIVE whose(account) AS (
	SELECT min(account) FROM deliveries
	UNION ALL SELECT (SELECT min(n.account) FROM deliveries n WHERE n.account > whose.account) FROM whose WHERE whose.account IS NOT NULL
) SELECT account, (SELECT max(d.sequence) FROM deliveries d WHERE d.account = whose.account) FROM whose WHERE account IS NOT NULL`)
}

// received steps from account to account likewise, and in each from the newest entry back to the first message that was acknowledged.
func (l loader) received() error {
	var account string
	var sequence, at int64
	return l.s.each(l.ctx, []any{&account, &sequence, &at}, func() {
		l.state.Received[account] = ledger.Receipt{Sequence: sequence, At: instant(at)}
	}, `WITH RECURSIVE whose(account) AS (
	SELECT min(account) FROM deliveries
	UNION ALL SELECT (SELECT min(n.account) FROM deliveries n WHERE n.account > whose.account) FROM whose WHERE whose.account IS NOT NULL
) SELECT d.account, d.sequence, d.received_at FROM whose JOIN deliveries d ON d.account = whose.account AND d.sequence =
	(SELECT n.sequence FROM deliveries n WHERE n.account = whose.account AND n.received_at IS NOT NULL AND n.type = 'message' ORDER BY n.sequence DESC LIMIT 1)
WHERE whose.account IS NOT NULL`)
}

func (l loader) assigned() error {
	inboxes, err := assignedInboxes(l.ctx, l.s)
	if err != nil {
		return err
	}
	for _, inbox := range inboxes {
		if l.state.LastAssigned[inbox], err = lastAssignedAt(l.ctx, l.s, forGood, inbox); err != nil {
			return err
		}
	}
	return nil
}

// assignedInboxes lists the inboxes in which there ever was an assignment.
func assignedInboxes(ctx context.Context, s session) ([]string, error) {
	var inboxes []string
	var inbox string
	err := s.each(ctx, []any{&inbox}, func() { inboxes = append(inboxes, inbox) }, `WITH RECURSIVE which(inbox) AS (
	SELECT min(inbox) FROM assignments
	UNION ALL SELECT (SELECT min(n.inbox) FROM assignments n WHERE n.inbox > which.inbox) FROM which WHERE which.inbox IS NOT NULL
) SELECT inbox FROM which WHERE inbox IS NOT NULL`)
	return inboxes, err
}

func (l loader) facts() error {
	return into(l, &l.state.Facts, table.Facts, "WHERE to_position IS NULL ORDER BY subject, name, key, from_position")
}

func (l loader) identity() error {
	if err := into(l, &l.state.Tokens, table.Tokens, "WHERE revoked_at IS NULL ORDER BY id"); err != nil {
		return err
	}
	if err := into(l, &l.state.BrowserSessions, table.BrowserSessions, "WHERE ended_at IS NULL ORDER BY id"); err != nil {
		return err
	}
	if err := into(l, &l.state.Clients, table.Clients, "ORDER BY account, client"); err != nil {
		return err
	}
	return into(l, &l.state.Logins, table.Logins, "ORDER BY account")
}
