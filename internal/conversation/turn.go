package conversation

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

// In an open conversation it is somebody's turn to write: its owner's while something is unanswered, the customer's from the last answer on. A turn of the
// owner begins when it could first answer what is unanswered, so each owner has a turn of its own; while a conversation waits for an owner it is nobody's.
// An inbox may limit both. What a turn has come to is in the conversation's row whatever the policy says, so that a policy that comes later counts from the
// same instant.

// deadlineTurn asks to look whether a turn (key: conversation id) has lasted as long as it may.
const deadlineTurn = "turn"

// startGrace is how long after a start no turn ends: while Bida was down neither side could write.
const startGrace = time.Minute

// causeAnswerTimeout is the cause of what follows from an owner's turn that lasted too long.
const causeAnswerTimeout = "answer_timeout"

// step is what happens when a turn has lasted for some time.
type step uint8

const (
	stepNone step = iota
	stepLate      // the owner has not answered in time
	stepPrompt
	stepClose
)

// nextStep says what comes next in the turn that is under way, and when.
func nextStep(set *policy.Set, c *ledger.ConversationRow) (step, time.Time) {
	spec, ok := set.Inbox(c.Inbox)
	r := spec.Routing
	switch {
	case !ok || c.TurnSince.IsZero() || c.Status != ledger.StatusOpen || !c.SnoozedUntil().IsZero():
	case untouched(c):
		return stepClose, c.TurnSince.Add(heldFor)
	case unanswered(c) && r.AnswerTimeout > 0:
		return stepLate, c.TurnSince.Add(time.Duration(r.AnswerTimeout))
	case unanswered(c):
	case r.IdlePrompt > 0 && !c.Overdue:
		return stepPrompt, c.TurnSince.Add(time.Duration(r.IdlePrompt))
	case r.IdleClose > 0:
		return stepClose, c.TurnSince.Add(time.Duration(r.IdleClose))
	}
	return stepNone, time.Time{}
}

// TurnEnds tells until when an open conversation's owner has to answer, or when Bida resolves it because its customer is silent; zero where nothing does.
func TurnEnds(set *policy.Set, c *ledger.ConversationRow) (answerBy, closesAt time.Time) {
	switch next, at := nextStep(set, c); next {
	case stepLate:
		answerBy = at
	case stepClose:
		closesAt = at
	case stepPrompt:
		spec, _ := set.Inbox(c.Inbox)
		closesAt = c.TurnSince.Add(time.Duration(spec.Routing.IdleClose))
	}
	return answerBy, closesAt
}

// startTurn begins the turn of whoever is to write now.
func startTurn(tx *ledger.Tx, c *ledger.ConversationRow) {
	c.TurnSince, c.Overdue = time.Time{}, false
	if c.Owner != "" || !unanswered(c) {
		c.TurnSince = tx.Now()
	}
	planTurn(tx, c)
}

// planTurn sets the deadline of what comes next, unless one that is earlier will look again anyway: a conversation in full flow begins many turns, and each
// would leave a deadline behind.
func planTurn(tx *ledger.Tx, c *ledger.ConversationRow) {
	next, at := nextStep(tx.Documents(), c)
	if next == stepNone {
		return
	}
	if w := c.Watched(); w.After(tx.Now()) && !w.After(at) {
		return
	}
	c.SetWatched(at)
	watchTurn(tx, c.ID, at)
}

func watchTurn(tx *ledger.Tx, id int64, at time.Time) {
	tx.At(at, deadlineTurn, strconv.FormatInt(id, 10))
}

// watchTurns sets the deadlines of all turns that are under way, none of them before an instant.
func watchTurns(tx *ledger.Tx, earliest time.Time) error {
	for _, id := range tx.OpenConversations() {
		c, _, err := tx.Conversation(id)
		if err != nil {
			return err
		}
		if next, at := nextStep(tx.Documents(), c); next != stepNone {
			watchTurn(tx, id, later(at, earliest))
		}
	}
	return nil
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// endTurn does what is due in a conversation's turn.
func endTurn(tx *ledger.Tx, id int64) error {
	c, ok, err := tx.Conversation(id)
	if err != nil || !ok {
		return err
	}
	next, at := nextStep(tx.Documents(), c)
	if next == stepNone {
		return nil
	}
	if tx.Now().Before(at) { // somebody has written since, or the policy allows more by now
		watchTurn(tx, id, at)
		return nil
	}
	if c, err = tx.EditConversation(id); err != nil {
		return err
	}
	spec, _ := tx.Documents().Inbox(c.Inbox) // nextStep has found it
	switch r := spec.Routing; next {
	case stepPrompt:
		return prompt(tx, c, &r)
	case stepClose:
		return closeIdle(tx, c, time.Duration(r.IdleClose))
	default:
		return ownerIsLate(tx, c, time.Duration(r.AnswerTimeout))
	}
}

// prompt asks a silent customer whether it is still there, once in a turn.
func prompt(tx *ledger.Tx, c *ledger.ConversationRow, r *policy.Routing) error {
	after := time.Duration(r.IdlePrompt)
	// What the customer is told must hold also where the prompt comes late, as after a start.
	c.TurnSince, c.Overdue = later(c.TurnSince, tx.Now().Add(-after)), true
	lang, err := langOf(tx, c)
	if err != nil {
		return err
	}
	position := tx.Next()
	pass(c)
	if _, err := toCustomer(tx, c, ledger.MessageRow{Position: position, Kind: KindAutoReply, Text: promptText(r, lang)}); err != nil {
		return err
	}
	planTurn(tx, c)
	return nil
}

// promptText is the company's own wording or, in the customer's language where it is known, Bida's.
func promptText(r *policy.Routing, lang string) string {
	left := time.Duration(r.IdleClose - r.IdlePrompt)
	if r.IdlePromptText != "" {
		return strings.ReplaceAll(r.IdlePromptText, "{left}", length(left, cmp.Or(languageOf(r.IdlePromptText), lang)))
	}
	if lang == "en" {
		return "Are you still there? If there is nothing else, this conversation will end in " + length(left, lang) + "."
	}
	return "请问您还在吗？如无其他问题，会话将在 " + length(left, lang) + "后自动结束。"
}

// closeIdle resolves a conversation whose customer was answered and has been silent since.
func closeIdle(tx *ledger.Tx, c *ledger.ConversationRow, after time.Duration) error {
	code := reception.CodeConversationResolvedIdle
	if untouched(c) { // there is nobody to read a line
		return resolve(tx, c, code.String(), system)
	}
	if err := line(tx, c, code, "", after); err != nil {
		return err
	}
	return resolve(tx, c, code.String(), system)
}

// ownerIsLate takes a conversation from an owner that has not answered in time and passes it over, if somebody else can have it; else it stays where it is, the
// time begins again, and that is recorded once.
func ownerIsLate(tx *ledger.Tx, c *ledger.ConversationRow, after time.Duration) error {
	owner := c.Owner
	passed, found, err := nextAfter(tx, c, []string{owner})
	if err != nil {
		return err
	}
	if !found {
		return stayLate(tx, c, after)
	}
	code := reception.CodeDeliveryWithdrawnAnswerTimeout
	if err := release(tx, c.ID, code.String(), system, code); err != nil {
		return err
	}
	if err := tx.SetPassedOver(c.ID, passed, causeAnswerTimeout, system); err != nil {
		return err
	}
	if err := line(tx, c, code, owner, after); err != nil {
		return err
	}
	tx.TouchConversation(c.ID, causeAnswerTimeout)
	return nil
}

func stayLate(tx *ledger.Tx, c *ledger.ConversationRow, after time.Duration) error {
	if !c.Overdue {
		d, err := decide(tx, c, c.PassedOver)
		if err != nil {
			return err
		}
		tx.Journal(journal(tx, &d, c, tx.Next(), 0, causeAnswerTimeout))
		if err := line(tx, c, reception.CodeConversationAnswerOverdue, c.Owner, after); err != nil {
			return err
		}
	}
	c.TurnSince, c.Overdue = tx.Now(), true
	planTurn(tx, c)
	return nil
}
