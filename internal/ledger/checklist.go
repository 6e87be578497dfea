package ledger

import (
	"context"
	"encoding/json"
	"time"
)

// ChecklistRow is a check-list that somebody saved: what was answered, and the report as it was made then.
type ChecklistRow struct {
	ID       int64 // the position at which it was saved
	At       time.Time
	By       string
	Title    string
	Platform string
	Agent    string // what the sheet names; an account where the platform is Bida
	Verdict  string
	Sheet    json.RawMessage
	Report   json.RawMessage
	Engine   string // that made the report
}

// ChecklistReader reads saved check-lists.
type ChecklistReader interface {
	// Checklist returns one; ErrNotFound if there is none.
	Checklist(ctx context.Context, id int64) (ChecklistRow, error)
	// Checklists returns those of an author ("" for all), the newest first, at most limit, with ID < before (0: no bound).
	Checklists(ctx context.Context, by string, before int64, limit int) ([]ChecklistRow, error)
}

// PutChecklist saves a check-list; its id is the next position.
func (tx *Tx) PutChecklist(r ChecklistRow) ChecklistRow {
	r.ID, r.At = tx.Next(), tx.now
	tx.g.Checklists = append(tx.g.Checklists, r)
	return r
}

// EndChecklist deletes a check-list; one that is not there is no error.
func (tx *Tx) EndChecklist(id int64) { tx.g.ChecklistEnds = append(tx.g.ChecklistEnds, id) }

// EndChecklistsBefore deletes all that were saved before an instant.
func (tx *Tx) EndChecklistsBefore(at time.Time) {
	if at.After(tx.g.ChecklistsEnd) {
		tx.g.ChecklistsEnd = at
	}
}
