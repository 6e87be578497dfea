package help

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/diagnosis"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

const (
	// MaxNote is how long a note or a reason may be, in characters.
	MaxNote = 500
	// maxOpen is how many requests about one agent may be open: each is about another cause.
	maxOpen = 5
	// maxAskers and maxReceivers bound who is remembered to have joined, and who is told.
	maxAskers, maxReceivers = 20, 10
)

// Refusals.
var (
	errNote       = problem.New(problem.Invalid, "help.note", "A note has at most 500 characters.", "说明最多 500 个字。").On("/note")
	errReason     = problem.New(problem.Invalid, "help.reason", "A reason has at most 500 characters.", "理由最多 500 个字。").On("/reason")
	errWhy        = problem.New(problem.Invalid, "help.reason_missing", "Say why it is declined: whoever asked is told.", "请说明不予处理的理由，求助的人会看到。").On("/reason")
	errUsed       = problem.New(problem.Conflict, "help.duplicate_conflict", "This id was used before for another request; nothing was stored.", "此 id 已用于另一次求助，本次未保存。").On("/id")
	errTooMany    = problem.New(problem.Conflict, "help.too_many_open", "Requests for help about this agent with five other causes are open; nothing was stored. Withdraw one, or wait for an answer.", "关于这位客服已有 5 条其他原因的求助未处理，本次未保存。请先撤回其中一条，或等待处理。").On("/agent")
	errNotFound   = problem.New(problem.NotFound, "help.not_found", "There is no such request for help, or it is not yours to see.", "没有这条求助，或您无权查看。").On("/id")
	errTaken      = problem.New(problem.Conflict, "help.taken", "A colleague is at it already.", "已有同事在处理。")
	errClosed     = problem.New(problem.Conflict, "help.closed", "This request is closed.", "这条求助已结束。")
	errNotAsker   = problem.New(problem.Forbidden, "help.not_asker", "Only who asked can withdraw a request.", "只有求助的人才能撤回。")
	errMayNotHelp = problem.New(problem.Forbidden, "help.forbidden", "Only who was told of the request, or may diagnose others, can take it on.", "只有被通知的人，或有权诊断他人的人，才能处理。")
)

// ID writes the id of a request for help as people see it.
func ID(position int64) string { return "h" + conversation.MessageID(position)[1:] }

// ParseID reads what ID wrote; ok is false for anything else.
func ParseID(id string) (position int64, ok bool) { return conversation.ParseID('h', id) }

// Ask is the command that makes a request for help, or joins one about the same agent and cause that is open.
type Ask struct {
	ID      string // the asker's client's, once for each asker
	Digest  [16]byte
	By      string
	Message int64 // or none
	Note    string
	Report  *diagnosis.Report // as Pass made it
	Kept    json.RawMessage   // likewise

	Request           ledger.HelpRow // as it is afterwards
	Duplicate, Joined bool
}

// Keys implements ledger.Keyed.
func (a *Ask) Keys() []ledger.KeyRef { return []ledger.KeyRef{a.key()} }

func (a *Ask) key() ledger.KeyRef { return ledger.KeyRef{Scope: "help/" + a.By, ID: a.ID} }

// Apply implements ledger.Command.
func (a *Ask) Apply(tx *ledger.Tx) error {
	if len([]rune(a.Note)) > MaxNote {
		return errNote
	}
	used, err := tx.Key(a.key())
	if err != nil {
		return err
	}
	if used != nil {
		return a.again(tx, used)
	}
	open, err := tx.OpenHelp(a.Report.Subject.Agent, maxOpen+1)
	if err != nil {
		return err
	}
	primary := Primary(a.Report)
	if i := slices.IndexFunc(open, func(r ledger.HelpRow) bool { return r.Code == primary.Code && r.Message == a.Message }); i >= 0 {
		a.join(tx, open[i])
		return nil
	}
	if len(open) >= maxOpen {
		return errTooMany
	}
	a.begin(tx, primary)
	return nil
}

// again answers for an id that was used.
func (a *Ask) again(tx *ledger.Tx, used *ledger.KeyRow) error {
	if used.Digest != a.Digest {
		return errUsed
	}
	row, ok, err := tx.HelpRequest(used.Position)
	if err == nil && !ok {
		err = errNotFound
	}
	a.Request, a.Duplicate = row, true
	return err
}

// use remembers that the id was used for a request.
func (a *Ask) use(tx *ledger.Tx, request int64) {
	tx.PutKey(ledger.KeyRow{Scope: a.key().Scope, ID: a.ID, Position: request, Digest: a.Digest, At: tx.Now()})
}

// join counts another call for the same. Who is told already is not told again.
func (a *Ask) join(tx *ledger.Tx, row ledger.HelpRow) {
	row.Asked++
	row.LastAsked, row.Changed = tx.Now(), tx.Next()
	if !slices.Contains(row.Askers, a.By) && len(row.Askers) < maxAskers {
		row.Askers = append(slices.Clone(row.Askers), a.By)
	}
	tx.PutHelp(row)
	a.use(tx, row.ID)
	audit(tx, a.By, "help.join", &row)
	a.Request, a.Joined = row, true
}

func (a *Ask) begin(tx *ledger.Tx, primary diagnosis.Finding) {
	s := a.Report.Subject
	row := ledger.HelpRow{
		ID: tx.Next(), Agent: s.Agent, Inbox: s.Inbox, Kind: s.Kind, Message: a.Message, Code: primary.Code, Gate: primary.Gate, Verdict: string(a.Report.Verdict),
		Cells: CellNames(primary.Scope), ReportPosition: a.Report.Position, Revision: a.Report.Revision, ReportAt: time.Time(a.Report.At), State: ledger.HelpOpen,
		Askers: []string{a.By}, Asked: 1, LastAsked: tx.Now(), Note: a.Note, At: tx.Now(),
		Receivers: receivers(tx.Documents(), needed(primary.Fix), s.Agent, a.By, tx.Now()),
	}
	row.Changed = row.ID
	tx.PutHelp(row)
	tx.PutHelpReport(ledger.HelpReportRow{Request: row.ID, Report: a.Kept})
	a.use(tx, row.ID)
	audit(tx, a.By, "help.ask", &row)
	for _, account := range row.Receivers {
		tell(tx, account, a.By, &row, asked)
	}
	a.Request = row
}

// Answer is the command that takes a request on, closes it, or withdraws it. Again by the same person: no change.
type Answer struct {
	Request int64
	To      ledger.HelpState
	By      string
	// Others says that it may be somebody who was not told (diagnosis.view).
	Others bool
	Reason string

	Row ledger.HelpRow // as it is afterwards
}

// Apply implements ledger.Command.
func (a *Answer) Apply(tx *ledger.Tx) error {
	if len([]rune(a.Reason)) > MaxNote {
		return errReason
	}
	if a.To == ledger.HelpDeclined && strings.TrimSpace(a.Reason) == "" {
		return errWhy
	}
	row, ok, err := tx.HelpRequest(a.Request)
	switch {
	case err != nil:
		return err
	case !ok:
		return errNotFound
	}
	a.Row = row
	if err := a.may(&row); err != nil || row.State == a.To {
		return err
	}
	row.State, row.Changed = a.To, tx.Next()
	if a.To == ledger.HelpTaken {
		row.TakenBy, row.TakenAt = a.By, tx.Now()
	} else {
		row.ClosedBy, row.ClosedAt, row.Reason = a.By, tx.Now(), a.Reason
	}
	tx.PutHelp(row)
	audit(tx, a.By, "help."+string(a.To), &row)
	a.tell(tx, &row)
	a.Row = row
	return nil
}

// may says whether somebody can do this with a request as it stands.
func (a *Answer) may(row *ledger.HelpRow) error {
	switch {
	case a.To == ledger.HelpWithdrawn && !slices.Contains(row.Askers, a.By):
		return errNotAsker
	case a.To != ledger.HelpWithdrawn && !a.Others && !slices.Contains(row.Receivers, a.By):
		return errMayNotHelp
	case row.State == ledger.HelpTaken && a.To == ledger.HelpTaken && row.TakenBy != a.By:
		return errTaken
	case row.State.Closed() && (row.State != a.To || row.ClosedBy != a.By):
		return errClosed
	}
	return nil
}

// tell says it to those who wait for it: the askers; or, of what was withdrawn, those who were told before.
func (a *Answer) tell(tx *ledger.Tx, row *ledger.HelpRow) {
	to, words := row.Askers, answered[a.To]
	if a.To == ledger.HelpWithdrawn {
		to = row.Receivers
	}
	for _, account := range to {
		if account != a.By {
			tell(tx, account, a.By, row, words)
		}
	}
}

func audit(tx *ledger.Tx, by, action string, row *ledger.HelpRow) {
	details, _ := json.Marshal(map[string]string{"agent": row.Agent, "code": row.Code}) // a map of strings always encodes
	tx.Audit(ledger.AuditRow{By: by, Action: action, Object: "help/" + ID(row.ID), Source: "api", Details: details})
}

// Primary is the finding that answers the question, or an empty one.
func Primary(r *diagnosis.Report) diagnosis.Finding {
	for _, f := range r.Findings {
		if f.Primary {
			return f
		}
	}
	return diagnosis.Finding{}
}

// CellNames writes cells as rows have them.
func CellNames(cells []diagnosis.CellRef) []string {
	list := make([]string, len(cells))
	for i, c := range cells {
		list[i] = c.Inbox + "/" + c.Kind
	}
	return list
}

// Cell reads one of a row's cells.
func Cell(name string) (inbox, kind string) {
	inbox, kind, _ = strings.Cut(name, "/")
	return inbox, kind
}

// needed is the permission that carrying a fix out takes, beside those that everybody has for themselves.
func needed(fix *diagnosis.Fix) string {
	if fix == nil {
		return policy.DiagnosisView
	}
	if len(fix.Edits) > 0 {
		return policy.PolicyEdit
	}
	for _, a := range fix.Actions {
		switch a.Action {
		case "release_message":
			return policy.QuarantineRelease
		case "create_token":
			return policy.TokenManage
		case "go_available":
			return policy.PresenceSetOthers
		case "mend_component":
			return policy.JobReplay
		}
	}
	return policy.DiagnosisView
}

// Helpers are the permissions with which one can do something about a cause. Whoever has none of them can only look on.
var Helpers = []string{policy.PolicyEdit, policy.AccountState, policy.PresenceSetOthers, policy.SessionEnd, policy.QuarantineRelease, policy.TokenManage, policy.JobReplay}

// receivers are those who are told: the leads of the agent's teams, then who holds the permission that the fix takes, each in order of name. Who asks is not
// among them, nor is who can do nothing, or may not sign in.
func receivers(set *policy.Set, permission, agent, asker string, now time.Time) []string {
	p := set.Compile()
	holds := func(account string, anyOf ...string) bool {
		return slices.ContainsFunc(anyOf, func(permission string) bool { return reception.Can(p, account, permission, now) })
	}
	var list []string
	add := func(account string) {
		if account != asker && account != agent && len(list) < maxReceivers && !slices.Contains(list, account) {
			list = append(list, account)
		}
	}
	for _, lead := range set.LeadsOf(agent) {
		if holds(lead, Helpers...) {
			add(lead)
		}
	}
	for _, account := range slices.Sorted(maps.Keys(p.Accounts)) {
		if holds(account, permission) && holds(account, Helpers...) {
			add(account)
		}
	}
	return list
}
