package checklist

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/problem"
)

// What is kept of saved check-lists.
const (
	// Kept is how long one is kept.
	Kept = 365 * 24 * time.Hour
	// MostOfOne is how many an account may have.
	MostOfOne = 100
)

// Refusals.
var (
	ErrNone = problem.New(problem.NotFound, "checklist.not_found", "There is no such saved check-list.", "没有这份保存的排查清单。").On("/id")
	ErrMany = problem.New(problem.Limited, "checklist.too_many",
		"You have 100 saved check-lists; delete some that are not needed any more.", "您已保存 100 份排查清单，请先删除不再需要的。")
	ErrNotAuthor = problem.New(problem.Forbidden, "checklist.not_author",
		"Only its author, or who may edit the settings, deletes a saved check-list.", "只有保存者本人或有权修改接待设置的人可以删除。")
)

// ID is how a saved check-list is named outside.
func ID(position int64) string { return "k" + strconv.FormatInt(position, 10) }

// ParseID reads such a name.
func ParseID(id string) (position int64, ok bool) { return conversation.ParseID('k', id) }

// Save keeps a sheet with the report that was made of it. What is older than Kept goes.
type Save struct {
	Sheet       *Sheet
	Report      *Report
	By, Request string
	Row         ledger.ChecklistRow // set by Apply
}

// Apply implements ledger.Command.
func (c *Save) Apply(tx *ledger.Tx) error {
	sheet, err := json.Marshal(c.Sheet)
	if err != nil {
		return err
	}
	report, err := json.Marshal(c.Report)
	if err != nil {
		return err
	}
	tx.EndChecklistsBefore(tx.Now().Add(-Kept))
	c.Row = tx.PutChecklist(ledger.ChecklistRow{
		By: c.By, Title: c.Sheet.Title, Platform: c.Sheet.Platform, Agent: c.Sheet.Agent, Verdict: string(c.Report.Verdict), Sheet: sheet, Report: report, Engine: c.Report.Engine,
	})
	tx.Audit(ledger.AuditRow{By: c.By, Action: "checklist.save", Object: "checklist/" + ID(c.Row.ID), Source: "api", Request: c.Request})
	return nil
}

// Drop deletes a saved check-list.
type Drop struct {
	ID          int64
	By, Request string
}

// Apply implements ledger.Command.
func (c *Drop) Apply(tx *ledger.Tx) error {
	tx.EndChecklist(c.ID)
	tx.Audit(ledger.AuditRow{By: c.By, Action: "checklist.delete", Object: "checklist/" + ID(c.ID), Source: "api", Request: c.Request})
	return nil
}
