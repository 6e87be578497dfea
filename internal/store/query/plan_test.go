package query_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"modernc.org/sqlite"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/store/query"
	bidasqlite "github.com/bidahq/bida/internal/store/sqlite"
)

// listener is a connection to the database that remembers the statements that were prepared on it.
type listener struct {
	driver.Conn
	heard *statements
}

type statements struct {
	mu    sync.Mutex
	texts []string
}

func (l listener) Prepare(text string) (driver.Stmt, error) {
	l.heard.mu.Lock()
	defer l.heard.mu.Unlock()
	l.heard.texts = append(l.heard.texts, text)
	return l.Conn.Prepare(text)
}

type connector struct {
	path  string
	heard *statements
}

func (c connector) Connect(context.Context) (driver.Conn, error) {
	conn, err := c.Driver().Open(c.path)
	return listener{conn, c.heard}, err
}

func (connector) Driver() driver.Driver { return &sqlite.Driver{} }

// A log is read by pieces of the ledger. What a piece costs must not grow with the database: every table is searched by an index, none is scanned, and rows are
// sorted only where they belong to one message or one part of Bida.
func TestLogsAreReadByIndexesHoweverLargeTheDatabaseIs(t *testing.T) {
	r, db, heard := listening(t)
	span := ledger.Span{After: 1, UpTo: 2}
	for _, c := range []struct {
		name  string
		read  func() error
		wants []string // in the plan
		sorts string   // what may be sorted
	}{
		{"messages", func() error {
			_, err := r.MessageLog(t.Context(), ledger.MessageLogQuery{Span: span, Inbox: "web", Kind: "customer", Agent: "an", Directions: []ledger.Direction{ledger.Inbound}, Unreached: true, Limit: 9})
			return err
		}, []string{"SEARCH m USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)", "SEARCH a EXISTS USING INDEX deliveries_message (message=?)", "SEARCH d USING INDEX deliveries_message (message=?)", "SEARCH r USING INDEX messages_conversation (conversation=? AND sequence>?)"}, ""},
		{"counts", func() error {
			_, err := r.MessageCounts(t.Context(), ledger.MessageLogQuery{Span: span})
			return err
		}, []string{"SEARCH m USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"}, "GROUP BY"},
		{"deliveries", func() error {
			_, err := r.DeliveryLog(t.Context(), ledger.DeliveryLogQuery{Span: span, Standing: ledger.StandingPending, Before: ledger.DeliveryKey{Message: 2, Account: "an", Sequence: 1}, Limit: 9})
			return err
		}, []string{"SEARCH d USING INDEX deliveries_message (message>? AND message<?)"}, "LAST 2 TERMS OF ORDER BY"},
		{"deliveries of an agent in an inbox", func() error {
			_, err := r.DeliveryLog(t.Context(), ledger.DeliveryLogQuery{Span: span, Account: "an", Inbox: "web", Kind: "group", Limit: 9})
			return err
		}, []string{"SEARCH d USING INDEX deliveries_message (message>? AND message<?)"}, "LAST 2 TERMS OF ORDER BY"},
		{"sign-ins", func() error { _, err := r.SignIns(t.Context(), "", span, 9); return err },
			[]string{"SEARCH facts USING INDEX facts_signin (from_position>? AND from_position<?)"}, ""},
		{"failed sign-ins", func() error { _, err := r.FailedSignIns(t.Context(), "", span, 9); return err },
			[]string{"SEARCH audit USING INDEX audit_sign_in_failed (position>? AND position<?)"}, ""},
		{"operations", func() error {
			_, err := r.AuditLog(t.Context(), ledger.AuditLogQuery{Span: span, By: "an", Action: "x", Object: "y", Limit: 9})
			return err
		}, []string{"SEARCH audit USING PRIMARY KEY (position>? AND position<?)"}, ""},
		{"parts of Bida", func() error { _, err := r.SystemFacts(t.Context(), span, 9); return err },
			[]string{"SEARCH facts USING PRIMARY KEY (subject>? AND subject<?)"}, "ORDER BY"},
		{"sessions at browsers", func() error { _, err := r.BrowserSessionsOf(t.Context(), []string{"s1"}); return err },
			[]string{"SEARCH browser_sessions USING PRIMARY KEY (id=?)"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			heard.texts = nil
			if err := c.read(); err != nil {
				t.Fatal(err)
			}
			if len(heard.texts) != 1 {
				t.Fatalf("%d statements: %q", len(heard.texts), heard.texts)
			}
			searched(t, planOf(t, db, heard.texts[0]), c.wants, c.sorts)
		})
	}
}

// What a report reads must not grow with the database either. What is sorted or looked through from one end to the other is what a statement itself has found: the
// counts of a day, and the steps of a search.
func TestReportsAreReadByIndexesHoweverLargeTheDatabaseIs(t *testing.T) {
	r, db, heard := listening(t)
	now := time.Date(2026, 11, 27, 4, 3, 2, 1000, time.UTC)
	stream := "SEARCH deliveries USING INDEX sqlite_autoindex_deliveries_1 (account=? AND sequence>? AND sequence<?)"
	for _, c := range []struct {
		name  string
		read  func() error
		wants []string
		sorts string
		scans []string // what may be scanned
	}{
		{"what was offered in a day", func() error { _, err := r.Offered(t.Context(), now.Add(-24*time.Hour), now); return err },
			[]string{"SEARCH offered USING PRIMARY KEY (begins>? AND begins<?)", "SEARCH messages USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)", "SEARCH spans USING PRIMARY KEY (begins=?)"},
			"GROUP BY", []string{"SCAN counted"}},
		{"an agent's traffic of a day", func() error { _, err := r.Traffic(t.Context(), "an", now.Add(-24*time.Hour), now); return err },
			[]string{stream, "SEARCH d USING INDEX sqlite_autoindex_deliveries_1 (account=? AND sequence=?)", "SEARCH spans USING PRIMARY KEY (begins>? AND begins<?)"},
			"GROUP BY", []string{"SCAN CONSTANT ROW", "SCAN before", "SCAN upto", "SCAN touched"}},
		{"an agent's newest deliveries", func() error { _, err := r.NewestDeliveries(t.Context(), "an", 9, 200); return err },
			[]string{"SEARCH deliveries USING INDEX sqlite_autoindex_deliveries_1 (account=? AND sequence<?)", "SEARCH d USING INDEX sqlite_autoindex_deliveries_1 (account=? AND sequence=?)"},
			"", []string{"SCAN CONSTANT ROW", "SCAN upto"}},
		{"decided messages", func() error { _, err := r.DecidedMessages(t.Context(), 1, 1001, 1000); return err },
			[]string{"SEARCH messages USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"}, "", nil},
		{"an agent's facts at a position", func() error { _, err := r.FactsAt(t.Context(), 9, []string{"account/an"}); return err },
			[]string{"SEARCH facts USING INDEX facts_end (to_position=? AND subject=?)", "SEARCH facts USING INDEX facts_subject_end (subject=? AND to_position>?)"}, "", nil},
		{"an agent's assignments at a position", func() error { _, err := r.AssignmentsAt(t.Context(), 9, []string{"an"}); return err },
			[]string{"SEARCH assignments USING INDEX assignments_account_end (account=? AND to_position=?)", "SEARCH assignments USING INDEX assignments_account_end (account=? AND to_position>?)"}, "", nil},
		{"the deliveries of a message", func() error { _, err := r.DeliveriesOf(t.Context(), 9); return err },
			[]string{"SEARCH deliveries USING INDEX deliveries_message (message=?)"}, "ORDER BY", nil},
		{"the decisions on a conversation", func() error { _, err := r.DecisionsOf(t.Context(), 9, 200); return err },
			[]string{"SEARCH decisions USING INDEX decisions_conversation (conversation=?)"}, "", nil},
		{"the versions of a document", func() error { _, err := r.DocumentVersions(t.Context(), "account", "an"); return err },
			[]string{"SEARCH documents USING PRIMARY KEY (kind=? AND name=?)"}, "", nil},
		{"the revision at a position", func() error { _, err := r.RevisionAt(t.Context(), 9); return err },
			[]string{"SEARCH revisions"}, "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			heard.texts = nil
			if err := c.read(); err != nil && !errors.Is(err, ledger.ErrNotFound) {
				t.Fatal(err)
			}
			if len(heard.texts) != 1 {
				t.Fatalf("%d statements: %q", len(heard.texts), heard.texts)
			}
			plan := slices.DeleteFunc(planOf(t, db, heard.texts[0]), func(line string) bool { return slices.Contains(c.scans, line) })
			searched(t, plan, c.wants, c.sorts)
		})
	}
}

// listening is an empty database, with a reader whose statements are heard.
func listening(t *testing.T) (*query.Reader, *sql.DB, *statements) {
	t.Helper()
	directory := t.TempDir()
	s, err := bidasqlite.Open(t.Context(), directory, bidasqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	heard := &statements{}
	db := sql.OpenDB(connector{"file:" + directory + "/" + bidasqlite.File, heard})
	r := query.New(db, query.QuestionMarks)
	t.Cleanup(func() { _, _ = r.Close(), db.Close() })
	return r, db, heard
}

// searched wants lines in a plan, and that nothing else is scanned or sorted than what may be.
func searched(t *testing.T, plan, wants []string, sorts string) {
	t.Helper()
	for _, want := range wants {
		if !slices.ContainsFunc(plan, func(line string) bool { return strings.HasPrefix(line, want) }) {
			t.Errorf("no %q in\n%s", want, strings.Join(plan, "\n"))
		}
	}
	for _, line := range plan {
		scan := strings.HasPrefix(line, "SCAN ") && line != "SCAN counted"
		sort := strings.HasPrefix(line, "USE TEMP B-TREE FOR ") && (sorts == "" || strings.TrimPrefix(line, "USE TEMP B-TREE FOR ") != sorts)
		if scan || sort {
			t.Errorf("%s in\n%s", line, strings.Join(plan, "\n"))
		}
	}
}

func planOf(t *testing.T, db *sql.DB, text string) (lines []string) {
	t.Helper()
	args := make([]any, strings.Count(text, "?"))
	for i := range args {
		args[i] = 1
	}
	rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+text, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var line string
		if err := rows.Scan(&id, &parent, &unused, &line); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(fmt.Errorf("plan: %w", err))
	}
	return lines
}
