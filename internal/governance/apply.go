package governance

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

// Apply is the command that changes policy documents. It is carried out whole or not at all.
type Apply struct {
	// Base is the revision the change was made against; -1 applies it to whatever is current.
	Base  int64
	Edits []policy.Edit
	// Edit, if set, makes the edits from the documents in force, instead of Edits.
	Edit    func(*policy.Set) ([]policy.Edit, error)
	By      string // account, or "system"
	Source  string // "api", "cli", "start"
	Request string // request id, for the audit log
	Reason  string

	// Revision is the revision in force afterwards: the old one if there was nothing to do.
	Revision int64
	Changes  []policy.Change
}

var errStale = problem.New(problem.Stale, "policy.stale",
	"The settings were changed since you read them; nothing was applied. Read the current revision and apply your change to it.",
	"在您读取之后设置已被修改，本次未应用。请重新读取当前版本后再修改。")

// Apply implements ledger.Command.
func (a *Apply) Apply(tx *ledger.Tx) error {
	before := tx.Documents()
	if a.Base >= 0 && a.Base != before.Revision() {
		return errStale.With("revision", before.Revision())
	}
	edits, err := a.edits(before)
	if err != nil {
		return err
	}
	after, changes, err := before.Apply(before.Revision()+1, edits)
	if err != nil {
		return invalid(err)
	}
	a.Revision, a.Changes = before.Revision(), changes
	if len(changes) == 0 {
		return nil
	}
	if err := refuseBusyInboxes(tx.HasOpenIn, changes); err != nil {
		return err
	}
	a.Revision = after.Revision()
	a.write(tx, before, after, changes)
	endSessions(tx, after, changes, a.By, a.Source)
	a.notify(tx, policy.Alterations(before, after, changes, tx.Now()))
	return nil
}

func (a *Apply) edits(before *policy.Set) ([]policy.Edit, error) {
	if a.Edit == nil {
		return a.Edits, nil
	}
	return a.Edit(before)
}

// invalid turns the policy's problems into a refusal that names every field.
func invalid(err error) error {
	var list policy.Problems
	if !errors.As(err, &list) {
		return err
	}
	e := problem.New(problem.Invalid, "policy.invalid",
		fmt.Sprintf("The settings have %d problem(s); nothing was applied.", len(list)),
		fmt.Sprintf("设置有 %d 处问题，未应用任何改动。", len(list)))
	for _, p := range list {
		e.Fields = append(e.Fields, problem.Field{Field: p.Path, Document: p.Document, Line: p.Line, Message: p.Message, Zh: p.MessageZH})
	}
	if len(list) > 0 {
		e.Field = list[0].Path
	}
	return e
}

// refuseBusyInboxes refuses to delete an inbox, or to change its mode, while conversations are open in it: their load and their timers depend on it.
func refuseBusyInboxes(busy func(inbox string) bool, changes []policy.Change) error {
	for _, c := range changes {
		if c.Kind != "inbox" || c.Action == "create" || !busy(c.Name) {
			continue
		}
		modeChanged := slices.ContainsFunc(c.Fields, func(f policy.FieldChange) bool { return f.Path == "/spec/mode" || f.Path == "/mode" })
		if c.Action == "delete" || modeChanged {
			return problem.New(problem.Conflict, "policy.inbox_busy",
				fmt.Sprintf("Inbox %s has open conversations; resolve them before it is deleted or its mode is changed.", c.Name),
				fmt.Sprintf("接待渠道 %s 还有未结束的会话，请先结束会话，再删除该渠道或改变其模式。", c.Name)).On("inbox/" + c.Name)
		}
	}
	return nil
}

// write puts the new documents in force and records the revision and the audit entry.
func (a *Apply) write(tx *ledger.Tx, before, after *policy.Set, changes []policy.Change) {
	type change struct {
		Kind   string `json:"kind"`
		Name   string `json:"name"`
		Action string `json:"action"`
	}
	var list []change
	var docs, ended []ledger.DocumentRow
	for _, c := range changes {
		list = append(list, change{c.Kind, c.Name, c.Action})
		if c.After == nil {
			ended = append(ended, ledger.DocumentRow{Kind: c.Kind, Name: c.Name, To: after.Revision()})
			continue
		}
		docs = append(docs, ledger.DocumentRow{Kind: c.Kind, Name: c.Name, Spec: c.After, From: after.Revision()})
	}
	summary, _ := json.Marshal(list) // plain strings always encode
	rev := ledger.RevisionRow{
		Revision: after.Revision(), Position: tx.Next(), At: tx.Now(), By: a.By, Source: a.Source, Request: a.Request, Reason: a.Reason, Changes: summary,
	}
	tx.SetPolicy(after, rev, docs, ended)
	full, _ := json.Marshal(changes) // made of raw JSON that was canonicalised before
	tx.Audit(ledger.AuditRow{
		By: a.By, Action: "policy.apply", Object: fmt.Sprintf("revision/%d", after.Revision()), Revision: after.Revision(), Source: a.Source,
		Request: a.Request, Details: full,
	})
}

// endSessions ends the sessions of accounts that may no longer sign in, in the same commit.
func endSessions(tx *ledger.Tx, after *policy.Set, changes []policy.Change, by, source string) {
	p := after.Compile()
	for _, c := range changes {
		if c.Kind != "account" {
			continue
		}
		if a := p.Accounts[c.Name]; a != nil && a.State == reception.Active {
			continue
		}
		state := tx.AgentState(c.Name)
		if state == nil {
			continue
		}
		for _, s := range state.Sessions {
			tx.EndSession(c.Name, s.ID, reception.Origin{By: by, Source: source, Cause: reception.SessionEndDisabled})
		}
	}
}

// notify tells everybody whose reception the change alters, and their team leads, what stops or starts and who did it.
func (a *Apply) notify(tx *ledger.Tx, alterations []policy.Alteration) {
	zh, en := title(tx.Documents(), a.By), title(tx.Documents(), a.By)
	if a.By == "system" {
		zh, en = "系统", "The system"
	}
	for i := range alterations {
		x := &alterations[i]
		if !x.Gone {
			a.notice(tx, x.Account, x.Text("zh", zh), x.Text("en", en))
		}
		for _, lead := range x.Leads {
			a.notice(tx, lead, x.LeadText("zh", zh), x.LeadText("en", en))
		}
	}
}

func title(s *policy.Set, account string) string {
	if spec, ok := s.Account(account); ok && spec.Title != "" {
		return spec.Title
	}
	return account
}

// notice tells one account in both languages.
func (a *Apply) notice(tx *ledger.Tx, account, zh, en string) {
	conversation.Notify(tx, a.By, account, zh, en, tx.Documents().Revision())
}
