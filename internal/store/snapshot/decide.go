package snapshot

import (
	"encoding/json"
	"strings"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/store/table"
)

// treatment is what becomes of a column.
type treatment byte

// The treatments. The zero value leaves the column out: it is read back as nothing.
const (
	leftOut   treatment = iota
	kept                // as it is
	pseudonym           // replaced by what stands for it in this file
	whether             // only that there is something
	words               // bytes that are text, kept as text
	spec                // a document, cut down to the fields that are kept
	value               // of a fact, likewise
	changes             // of a revision, likewise
)

// decided is what becomes of each column of a table.
type decided map[string]treatment

// with adds columns that are treated alike.
func (d decided) with(t treatment, columns string) decided {
	for name := range strings.FieldsSeq(columns) {
		d[name] = t
	}
	return d
}

// decisionColumns are those that messages and later decisions share.
const decisionColumns = "revision engine cause verdict code chosen load released released_for held outcomes matched"

// parts are the tables that a snapshot has. Their order is that in which they are written.
var parts = []part{
	partOf(table.Documents, func(g *ledger.Group) *[]ledger.DocumentRow { return &g.Documents },
		decided{}.with(kept, "kind name from_revision to_revision").with(spec, "spec")),
	partOf(table.Revisions, func(g *ledger.Group) *[]ledger.RevisionRow { return &g.Revisions },
		decided{}.with(kept, "revision position at made_by source").with(leftOut, "request reason").with(changes, "changes")),
	partOf(table.Facts, func(g *ledger.Group) *[]ledger.FactRow { return &g.Facts },
		decided{}.with(kept, "subject name key from_position from_at made_by source cause to_position to_at end_by end_cause").with(value, "value")),
	partOf(table.Assignments, func(g *ledger.Group) *[]ledger.AssignmentRow { return &g.Assignments },
		decided{}.with(kept, "conversation from_position account inbox async from_at from_code from_by to_position to_at to_code to_by")),
	partOf(table.Messages, func(g *ledger.Group) *[]ledger.MessageRow { return &g.Messages },
		decided{}.with(kept, "position direction inbox kind conversation sequence at sent_at received_at author contact_sequence reply_state reply_at tags "+decisionColumns).
			with(pseudonym, "sender_id contact").with(leftOut, "reply_detail text data")),
	partOf(table.Decisions, func(g *ledger.Group) *[]ledger.DecisionRow { return &g.Decisions },
		decided{}.with(kept, "position conversation message at "+decisionColumns)),
	partOf(table.Outcomes, func(g *ledger.Group) *[]ledger.OutcomesRow { return &g.Outcomes },
		decided{}.with(kept, "id").with(words, "content")),
	partOf(table.Conversations, func(g *ledger.Group) *[]ledger.ConversationRow { return &g.Conversations },
		decided{}.with(kept, `id inbox status kind owner owner_position last_owner last_sequence answered delivered waiting_since waiting_code passed_over offered
			accept_by accepted turn_since overdue opened_at updated_at position resolved_position`).with(pseudonym, "contact")),
	partOf(table.Deliveries, func(g *ledger.Group) *[]ledger.DeliveryRow { return &g.Deliveries },
		decided{}.with(kept, `account sequence type message conversation inbox kind target position at state code pushed_at connection client result attempts
			received_at received_by seen_at accepted_at withdrawn_at`)),
	partOf(table.Attempts, func(g *ledger.Group) *[]ledger.AttemptRow { return &g.Attempts },
		decided{}.with(kept, "account sequence number at connection client result").with(leftOut, "error")),
	partOf(table.Tokens, func(g *ledger.Group) *[]ledger.TokenRow { return &g.Tokens },
		decided{}.with(kept, "id account created_at created_by expires_at revoked_at revoked_by last_used").with(leftOut, "hash label")),
	partOf(table.Logins, func(g *ledger.Group) *[]ledger.LoginRow { return &g.Logins },
		decided{}.with(kept, "account updated_at updated_by").with(whether, "password_hash")),
	partOf(table.Refusals, func(g *ledger.Group) *[]ledger.RefusalRow { return &g.Refusals },
		decided{}.with(kept, "id at inbox account code").with(pseudonym, "sender_id").with(leftOut, "field detail")),
	partOf(table.Quarantine, func(g *ledger.Group) *[]ledger.QuarantineRow { return &g.Quarantine },
		decided{}.with(kept, "message inbox kind conversation state rule revision at released_by released_at")),
	partOf(table.Hits, func(g *ledger.Group) *[]ledger.HitsRow { return &g.Hits }, decided{}.with(kept, "rule hour hits")),
}

// without are the tables that no snapshot has, with the reason. Of the groups it has the marks.
var without = map[string]string{
	"groups":           "the marks have their positions and instants; the nonce is for the ledger",
	"decider":          "the last sign of life is in the head",
	"spans":            "they follow from the groups",
	"offered":          "it follows from the messages",
	"message_keys":     "senders' ids",
	"contacts":         "names of customers",
	"audit":            "details are written by every part of the program; who changed the policy is in the revisions",
	"clients":          "cursors, which no diagnosis reads",
	"browser_sessions": "hashes of secrets and addresses; when somebody was signed in is in the facts",
	"reply_cursors":    "no diagnosis reads them",
	"uploads":          "names of files",
	"files":            "what customers sent",
	"visitors":         "names of customers and hashes of their tokens",
	"ratings":          "what customers wrote",
	"jobs":             "errors in words; no diagnosis reads them",
	"checklists":       "what people wrote; a report that was made once is no evidence of what holds",
	"help_requests":    "what people wrote to each other; a report can be made again from what the snapshot has",
	"help_reports":     "reports hold reasons that people typed; they can be made again",
	"repairs":          "what became of a fix follows from the deliveries; no diagnosis reads them",
	"auto_replies":     "what was written to customers by itself; no diagnosis reads it",
}

// fate is what becomes of a field of a document, of a fact or of a revision's changes: true to keep it, false to leave it out, or what stands in its place.
type fate struct {
	keep    bool
	instead string // JSON
}

// fields are the leaves that were decided about, by path: the kind of document (or "fact", the name; or "change"), then the names of the fields. A list has
// the path of its elements, a map by names of the company has "*". What is not here is left out.
var fields = map[string]fate{}

func decide(f fate, root, paths string) {
	for path := range strings.FieldsSeq(paths) {
		if path == "." {
			fields[root] = f
			continue
		}
		fields[root+"."+path] = f
	}
}

func init() {
	keep, out := fate{keep: true}, fate{}
	extensions := " extensions.from extensions.until "
	decide(keep, "account", `title agent robot state state_until roles allow.permission allow.until deny.permission deny.until windows
		capacity.total capacity.inboxes.* expires`+extensions)
	decide(out, "account", "alias number position state_reason extensions.reason")
	decide(keep, "role", "title template permissions")
	decide(keep, "template", "title permissions")
	decide(keep, "team", "title members lead windows"+extensions)
	decide(out, "team", "extensions.reason")
	decide(keep, "inbox", `title channel mode kinds members.accounts members.teams hours routing.strategy routing.sticky routing.accept_timeout
		routing.answer_timeout routing.idle_prompt routing.idle_close capacity`+extensions)
	decide(out, "inbox", "routing.idle_prompt_text extensions.reason")
	decide(keep, "calendar", "title years.*.source years.*.off.name years.*.off.days years.*.work.name years.*.work.days")
	decide(keep, "schedule", `title zone weekly.days weekly.from weekly.to calendar make_up exceptions.date exceptions.from exceptions.to exceptions.off`)
	decide(keep, "switch", "state until per_minute")
	decide(out, "switch", "reason")
	decide(keep, "maintenance", `title from until inboxes kinds announcement.from announcement.until announcement.to.accounts announcement.to.teams
		announcement.to.everybody`)
	decide(out, "maintenance", "reason")
	decide(fate{instead: `"(left out)"`}, "maintenance", "announcement.zh announcement.en")
	decide(keep, "client", "title minimum blocked")
	decide(out, "client", "reason")
	decide(keep, "filter", "title enabled order inboxes kinds action tag")
	decide(out, "filter", "reason")
	decide(fate{instead: `{"keywords":["left out"]}`}, "filter", "match") // the journal has what matched; a rule may name customers
	decide(keep, "autoreply", "title enabled on order inboxes kinds again_after")
	decide(fate{instead: `["left out"]`}, "autoreply", "keywords")
	decide(fate{instead: `"(left out)"`}, "autoreply", "text.zh text.en")

	decide(keep, "fact."+ledger.FactSession, "state")
	decide(keep, "fact."+ledger.FactPresence, "value until grace_until")
	decide(out, "fact."+ledger.FactPresence, "reason")
	decide(keep, "fact."+ledger.FactConnection, "state id node client last_frame close_code grace_until")
	decide(keep, "fact."+ledger.FactSignin, "token client") // the token's id
	decide(keep, "fact."+ledger.FactSocket, "session client about name version node")
	decide(keep, "fact."+ledger.FactVisible, ".")
	decide(keep, "fact."+ledger.FactReport, `notifications secure sound muted browser mode storage reconnects gaps clock_offset_ms
		filter.tab filter.inbox filter.kind filter.unread filter.search`)
	decide(keep, "fact."+ledger.FactSelfCheck, "clients.client clients.about clients.connection clients.answered clients.tests.test clients.tests.outcome clients.tests.result clients.tests.ms")
	decide(keep, "fact."+ledger.FactPassedOver, ".")
	decide(keep, "fact."+ledger.FactSnoozed, "until")
	decide(keep, "fact."+ledger.FactRate, "used until")
	decide(keep, "fact."+ledger.FactFailure, "detail") // words of the program
	decide(keep, "fact."+ledger.FactClock, "step_us")

	decide(keep, "change", "kind name action")
}

// cut leaves of a JSON value what is kept of it; nil if that is nothing.
func cut(path string, raw json.RawMessage) (json.RawMessage, error) {
	if f, ok := fields[path]; ok && f.instead != "" {
		return json.RawMessage(f.instead), nil
	}
	switch first(raw) {
	case '{':
		return cutObject(path, raw)
	case '[':
		return cutList(path, raw)
	}
	if fields[path].keep {
		return raw, nil
	}
	return nil, nil
}

func first(raw json.RawMessage) byte {
	if len(raw) == 0 {
		return 0
	}
	return raw[0] // what is stored begins without blanks
}

func cutObject(path string, raw json.RawMessage) (json.RawMessage, error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, err
	}
	left := map[string]json.RawMessage{}
	for name, v := range all {
		at := path + "." + name
		if named[path] {
			at = path + ".*"
		}
		v, err := cut(at, v)
		if err != nil {
			return nil, err
		}
		if v != nil {
			left[name] = v
		}
	}
	if len(left) == 0 && len(all) > 0 {
		return nil, nil
	}
	return json.Marshal(left)
}

func cutList(path string, raw json.RawMessage) (json.RawMessage, error) {
	var all []json.RawMessage
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, err
	}
	left := []json.RawMessage{}
	for _, v := range all {
		v, err := cut(path, v)
		if err != nil {
			return nil, err
		}
		if v != nil {
			left = append(left, v)
		}
	}
	if len(left) == 0 && !fields[path].keep {
		return nil, nil
	}
	return json.Marshal(left)
}

// named are the maps whose keys are names that the company gave.
var named = map[string]bool{"account.capacity.inboxes": true, "calendar.years": true}
