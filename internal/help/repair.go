package help

import (
	"encoding/json"
	"time"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

// ActionSettings is what a repair is called that changes settings. Others have the name of the action that the fix lists.
const ActionSettings = "settings"

var errRepairID = problem.New(problem.Conflict, "repair.duplicate_conflict", "This id was used before for another repair; nothing was done.", "此 id 已用于另一次修复，本次未执行。").On("/id")

// RepairID writes the id of a repair as people see it.
func RepairID(position int64) string { return "r" + conversation.MessageID(position)[1:] }

// ParseRepairID reads what RepairID wrote; ok is false for anything else.
func ParseRepairID(id string) (position int64, ok bool) { return conversation.ParseID('r', id) }

// Repair is the command that carries a fix out, and records it with how the gate stands right afterwards: in one commit, so that there is no fix without its
// record, and no record of a fix that was refused.
type Repair struct {
	ID     string // the client's, once for each account
	Digest [16]byte
	// Do carries it out; nil for what somebody did somewhere else and only reports.
	Do ledger.Command
	// Revision says which one is in force after Do; nil if Do changes no settings.
	Revision func() int64

	Row       ledger.RepairRow // what it is about; the rest is filled in
	Duplicate bool
	// Earlier is the position of the repair that the id was used for before.
	Earlier int64
}

// Keys implements ledger.Keyed.
func (r *Repair) Keys() []ledger.KeyRef { return []ledger.KeyRef{r.key()} }

func (r *Repair) key() ledger.KeyRef { return ledger.KeyRef{Scope: "repair/" + r.Row.By, ID: r.ID} }

// Apply implements ledger.Command.
func (r *Repair) Apply(tx *ledger.Tx) error {
	used, err := tx.Key(r.key())
	switch {
	case err != nil:
		return err
	case used != nil && used.Digest != r.Digest:
		return errRepairID
	case used != nil:
		r.Duplicate, r.Earlier = true, used.Position
		return nil
	}
	if r.Row.Help != 0 {
		row, ok, err := tx.HelpRequest(r.Row.Help)
		if err != nil {
			return err
		}
		if !ok || row.Agent != r.Row.Agent {
			return errNotFound.On("/help_request")
		}
	}
	if a := tx.AgentState(r.Row.Agent); a != nil {
		r.Row.AgentSequence = a.Sequence
	}
	if r.Do != nil {
		if err := r.Do.Apply(tx); err != nil {
			return err
		}
	}
	r.Row.ID, r.Row.At, r.Row.Revision = tx.Next(), tx.Now(), tx.Documents().Revision()
	r.Row.Passing = passing(tx.Policy(), tx, &r.Row, tx.Now())
	tx.PutRepair(r.Row)
	tx.PutKey(ledger.KeyRow{Scope: r.key().Scope, ID: r.ID, Position: r.Row.ID, Digest: r.Digest, At: tx.Now()})
	details, _ := json.Marshal(map[string]string{"agent": r.Row.Agent, "code": r.Row.Code, "action": r.Row.Action}) // a map of strings always encodes
	tx.Audit(ledger.AuditRow{By: r.Row.By, Action: "repair", Object: "repair/" + RepairID(r.Row.ID), Revision: r.Row.Revision, Source: "api", Details: details})
	return nil
}

// passing counts the cells of a repair whose gate lets messages through; 0 for what is no gate of the engine.
func passing(p *reception.Policy, w reception.World, row *ledger.RepairRow, now time.Time) int {
	n, _ := Standing(p, w, row.Agent, row.Gate, row.Cells, now)
	return n
}

// Standing counts the cells in which a gate lets an agent pass; known is false for what is no gate of the engine, which only a whole diagnosis can tell.
func Standing(p *reception.Policy, w reception.World, agent, gate string, cells []string, now time.Time) (passing int, known bool) {
	g, ok := reception.ParseGate(gate)
	if !ok || len(cells) == 0 || g == reception.ConversationGate || g == reception.Routing {
		return 0, false
	}
	for _, name := range cells {
		inbox, kind := Cell(name)
		if inbox == "" {
			return 0, false
		}
		if v := reception.Explain(p, w, inbox, kind, agent, now); !v[g].Outcome.Stops() {
			passing++
		}
	}
	return passing, true
}
