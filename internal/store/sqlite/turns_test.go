package sqlite_test

import (
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/store/sqlite"
)

// A database from before turns: what is open, and answered or owned, gets a turn from its last change on, so that limits that are set later find it.
func TestConversationsOfAnOlderDatabaseGetTheirTurns(t *testing.T) {
	directory, at := t.TempDir(), time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC)
	s := open(t, directory, sqlite.Options{})
	row := func(id int64, status, owner string, last, answered int64) ledger.ConversationRow {
		return ledger.ConversationRow{ID: id, Inbox: "web", Contact: "c", Status: status, Owner: owner, LastSequence: last, Answered: answered, UpdatedAt: at}
	}
	if _, err := s.Load(t.Context()); err != nil { // it decides from now on
		t.Fatal(err)
	}
	err := s.Commit(t.Context(), &ledger.Group{First: 1, Last: 4, At: at, Nonce: "n", Conversations: []ledger.ConversationRow{
		row(1, "open", "an", 2, 2), row(2, "open", "an", 3, 2), row(3, "open", "", 1, 0), row(4, "resolved", "", 2, 2),
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", filepath.Join(directory, sqlite.File))
	if err != nil {
		t.Fatal(err)
	}
	for _, back := range []string{
		"ALTER TABLE conversations DROP COLUMN turn_since", "ALTER TABLE conversations DROP COLUMN overdue", "ALTER TABLE contacts DROP COLUMN lang",
		"ALTER TABLE messages DROP COLUMN matched", "ALTER TABLE messages DROP COLUMN tags", "ALTER TABLE decisions DROP COLUMN matched", // later ones
		"DROP TABLE checklists", "DROP TABLE help_requests", "DROP TABLE help_reports", "DROP TABLE repairs", "DROP TABLE quarantine", "DROP TABLE auto_replies", "DROP TABLE filter_hits", "DROP TABLE spans", "DROP TABLE offered", "DROP INDEX facts_signin", "DROP INDEX audit_sign_in_failed", "CREATE INDEX messages_contact ON messages (inbox, contact, position) WHERE contact <> ''", "DELETE FROM goose_db_version WHERE version_id >= 7",
	} {
		if _, err := db.Exec(back); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, directory, sqlite.Options{})
	defer s.Close()
	for id, want := range map[int64]time.Time{1: at, 2: at, 3: {}, 4: {}} {
		if c, err := s.Conversation(t.Context(), id); err != nil || !c.TurnSince.Equal(want) || c.Overdue {
			t.Errorf("c%d has a turn since %v, %v", id, c.TurnSince, err)
		}
	}
}
