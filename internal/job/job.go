package job

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/problem"
)

// Kind is how one kind of job is carried out.
type Kind struct {
	Name string
	// Do carries a job out. It must end soon after ctx does, and bear being called again for what it did before. Its error is kept and shown to operators: it
	// must hold no secret and no text of a message.
	Do func(ctx context.Context, payload json.RawMessage) error
	// Lease is how long an attempt may take: 10 min if it is zero.
	Lease time.Duration
	// Every makes a job of this kind that comes again that long after it succeeded; there is one then, and it is never given up. Zero: jobs come by Enqueue.
	Every time.Duration
	// Tries is after how many failed attempts a job is given up: 12 if it is zero, which takes about four hours.
	Tries int
}

const (
	defaultLease = 10 * time.Minute
	leaseSpare   = time.Minute // so that an attempt that took all its time has said so before another one may begin
	defaultTries = 12
	firstWait    = 5 * time.Second
	longestWait  = time.Hour
	longestError = 500 // characters that are kept of an error
)

// Enqueue puts a job into the table as part of a command. What names it within its kind; a job that is there already stays as it is.
func Enqueue(tx *ledger.Tx, kind, what string, payload json.RawMessage) error {
	id := kind
	if what != "" {
		id += ":" + what
	}
	if _, ok, err := tx.Job(id); ok || err != nil {
		return err
	}
	tx.PutJob(ledger.JobRow{ID: id, Kind: kind, Payload: payload, CreatedAt: tx.Now(), DueAt: tx.Now()})
	return nil
}

var (
	errNoJob  = problem.New(problem.NotFound, "job.not_found", "There is no such job.", "没有这个后台任务。").On("/job")
	errAtWork = problem.New(problem.Conflict, "job.under_way", "This job is being carried out now.", "该后台任务正在执行。").On("/job")
)

// Replay has a job tried again now, with all its attempts before it: one that was given up, or one whose next attempt is far off.
type Replay struct {
	ID          string
	By, Request string        // for the audit log
	Row         ledger.JobRow // set by Apply
}

// Apply implements ledger.Command.
func (r *Replay) Apply(tx *ledger.Tx) error {
	row, ok, err := tx.Job(r.ID)
	switch {
	case err != nil:
		return err
	case !ok:
		return errNoJob
	case row.LeasedUntil.After(tx.Now()):
		return errAtWork
	}
	row.DueAt, row.DeadAt, row.Attempts = tx.Now(), time.Time{}, 0
	r.Row = row
	tx.PutJob(row)
	tx.Audit(ledger.AuditRow{By: r.By, Action: "job.replay", Object: "job/" + r.ID, Source: "api", Request: r.Request})
	return nil
}

// lease takes a job for a process, unless another one has it or it is not due any more.
type lease struct {
	id, run string
	length  time.Duration
	row     ledger.JobRow // set by Apply; without an ID if the job was not to be had
}

// Apply implements ledger.Command.
func (l *lease) Apply(tx *ledger.Tx) error {
	row, ok, err := tx.Job(l.id)
	if err != nil || !ok || !row.DeadAt.IsZero() || row.DueAt.After(tx.Now()) || row.LeasedUntil.After(tx.Now()) {
		return err
	}
	row.LeasedBy, row.LeasedUntil = l.run, tx.Now().Add(l.length)
	l.row = row
	tx.PutJob(row)
	return nil
}

// settle records how an attempt ended.
type settle struct {
	leased  ledger.JobRow
	kind    *Kind
	failed  error
	stopped bool          // the process ends: the job is given back as it was
	wait    time.Duration // before the next attempt, if it failed
	dead    bool          // set by Apply
}

// Apply implements ledger.Command. An attempt whose lease is not its own any more has nothing to say: another one goes on.
func (s *settle) Apply(tx *ledger.Tx) error {
	row, ok, err := tx.Job(s.leased.ID)
	if err != nil || !ok || row.LeasedBy != s.leased.LeasedBy || !row.LeasedUntil.Equal(s.leased.LeasedUntil) {
		return err
	}
	now := tx.Now()
	row.LeasedBy, row.LeasedUntil = "", time.Time{}
	switch {
	case s.stopped:
	case s.failed != nil:
		s.fail(&row, now)
	case s.kind.Every == 0:
		tx.EndJob(row.ID)
		return nil
	default:
		row = ledger.JobRow{ID: row.ID, Kind: row.Kind, Payload: row.Payload, CreatedAt: row.CreatedAt, DueAt: now.Add(s.kind.Every), DoneAt: now}
	}
	tx.PutJob(row)
	return nil
}

func (s *settle) fail(row *ledger.JobRow, now time.Time) {
	row.Attempts++
	row.LastErrorAt, row.LastError = now, clip(s.failed.Error())
	if row.FirstErrorAt.IsZero() {
		row.FirstErrorAt, row.FirstError = row.LastErrorAt, row.LastError
	}
	row.DueAt = now.Add(s.wait)
	if s.dead = s.kind.Every == 0 && row.Attempts >= s.kind.tries(); s.dead {
		row.DeadAt = now
	}
}

func (k *Kind) tries() int {
	if k.Tries > 0 {
		return k.Tries
	}
	return defaultTries
}

func (k *Kind) lease() time.Duration {
	if k.Lease > 0 {
		return k.Lease
	}
	return defaultLease
}

// backoff is how long to wait after a number of failed attempts: twice as long each time, at least half of that, by chance (0 ≤ chance < 1) up to all of it.
func backoff(attempts int, chance float64) time.Duration {
	wait := longestWait
	if attempts < 20 {
		wait = min(firstWait<<(attempts-1), longestWait)
	}
	return wait/2 + time.Duration(chance*float64(wait/2))
}

// clip keeps the beginning of an error, as text that any store takes.
func clip(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, fmt.Sprintf("%.*s", longestError, text))
}
