package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/bidahq/bida/internal/reception"
)

// ReplayReader is what Replay needs of a store.
type ReplayReader interface {
	PastReader
	Conversation(ctx context.Context, id int64) (ConversationRow, error)
	AssignmentsOf(ctx context.Context, conversation int64) ([]AssignmentRow, error)
	PreviousOwner(ctx context.Context, inbox, contact string, position int64) (string, error)
	Outcomes(ctx context.Context, id [16]byte) ([]byte, error)
	Message(ctx context.Context, position int64) (MessageRow, error)
}

// Replay decides a journal entry again, on the facts that held just before its position, with its revision and its now, and returns an error that names the
// difference if the outcomes, the verdict or the choice are not those that were stored.
func Replay(ctx context.Context, r ReplayReader, d DecisionRow, policyAt func(revision int64) (*reception.Policy, error)) error {
	p, err := policyAt(d.Revision)
	if err != nil {
		return err
	}
	w, m, err := Recorded(ctx, r, d, nil)
	if err != nil {
		return err
	}
	again := reception.Decide(p, w, m, d.At)
	stored, err := r.Outcomes(ctx, d.Outcomes)
	if err != nil {
		return err
	}
	if now := reception.EncodeOutcomes(&again); string(now) != string(stored) {
		return fmt.Errorf("outcomes differ:\nstored %s\nagain  %s", stored, now)
	}
	if again.Verdict.String() != d.Verdict || again.Code.String() != d.Code || !slices.Equal(again.Chosen, d.Chosen) || again.Held != d.Held || again.Released != d.Released {
		return fmt.Errorf("stored %s %s %v held %q released %q, again %s %s %v held %q released %q",
			d.Verdict, d.Code, d.Chosen, d.Held, d.Released, again.Verdict, again.Code, again.Chosen, again.Held, again.Released)
	}
	return nil
}

// Recorded rebuilds what a journal entry was decided on: the facts that held just before its position, and the message. accounts says whose facts are
// wanted besides those of the owner and the directed (nil: everybody's).
func Recorded(ctx context.Context, r ReplayReader, d DecisionRow, accounts func(m reception.Message) []string) (*View, reception.Message, error) {
	m, err := messageAt(ctx, r, d)
	if err != nil {
		return nil, m, err
	}
	var of []string
	if accounts != nil {
		of = append(accounts(m), m.Directed...)
		if m.Conversation != nil && m.Conversation.Owner != "" {
			of = append(of, m.Conversation.Owner)
		}
		slices.Sort(of)
		of = slices.Compact(of)
	}
	w, err := WorldAt(ctx, r, d.Position, time.Time{}, of, m.Inbox)
	return w, m, err
}

// messageAt is the engine's message as it was decided.
func messageAt(ctx context.Context, r ReplayReader, d DecisionRow) (reception.Message, error) {
	if d.Conversation == 0 {
		return loneAt(ctx, r, d)
	}
	note, isNote, err := noteAt(ctx, r, d)
	if err != nil {
		return reception.Message{}, err
	}
	c, err := r.Conversation(ctx, d.Conversation)
	if err != nil {
		return reception.Message{}, err
	}
	m := reception.Message{
		Inbox: c.Inbox, Kind: c.Kind, Matched: d.Matched, Released: d.Cause == CauseReleased, Conversation: &reception.Conversation{ID: "c" + strconv.FormatInt(c.ID, 10)},
	}
	if m.LastOwner, err = r.PreviousOwner(ctx, c.Inbox, c.Contact, d.Position); err != nil {
		return m, err
	}
	owners, err := r.AssignmentsOf(ctx, c.ID)
	if err != nil {
		return m, err
	}
	for _, a := range owners {
		if a.FromPosition < d.Position && (a.ToPosition == 0 || a.ToPosition >= d.Position) {
			m.Conversation.Owner = a.Account
		}
	}
	if isNote {
		m.Kind, m.LastOwner, m.Directed = note.kind, "", note.to
		if note.automatic { // it was for who had the conversation
			m.Directed = []string{m.Conversation.Owner}
		}
		return m, nil
	}
	facts, err := r.FactsAt(ctx, d.Position, []string{"conversation/" + strconv.FormatInt(c.ID, 10)})
	if err != nil {
		return m, err
	}
	for _, f := range facts {
		if f.Name == FactSnoozed {
			if m.Conversation.SnoozedUntil, err = ReadSnoozed(f); err != nil {
				return m, err
			}
		}
		if f.Name == FactPassedOver {
			if err := json.Unmarshal(f.Value, &m.Conversation.PassedOver); err != nil {
				return m, fmt.Errorf("passed_over of c%d: %w", c.ID, err)
			}
		}
	}
	return m, nil
}

// note is what the decision on a note, or on an automatic reply, was made on besides its conversation.
type note struct {
	kind      string
	to        []string
	automatic bool // an automatic reply, for the owner
}

// noteAt finds whom a note or an automatic reply was for; ok is false for a decision on a customer's message.
func noteAt(ctx context.Context, r ReplayReader, d DecisionRow) (n note, ok bool, err error) {
	if d.Message != d.Position { // a later decision on the conversation
		return note{}, false, nil
	}
	row, err := r.Message(ctx, d.Message)
	if err != nil || row.Direction != Note && row.Direction != Outbound {
		return note{}, false, err
	}
	if row.Direction == Outbound {
		return note{kind: row.Kind, automatic: true}, true, nil
	}
	var data NoteData
	if err := json.Unmarshal(row.Data, &data); err != nil {
		return note{}, false, fmt.Errorf("note m%d: %w", row.Position, err)
	}
	return note{kind: row.Kind, to: data.To}, true, nil
}

// CauseReleased is the cause of a decision on a message that was released from quarantine.
const CauseReleased = "released"

// loneAt is a message without a conversation as it was decided: one that a filter rule refused, or a notice or an announcement, in the data of which is to whom it was directed.
func loneAt(ctx context.Context, r ReplayReader, d DecisionRow) (reception.Message, error) {
	row, err := r.Message(ctx, d.Message)
	if err != nil {
		return reception.Message{}, err
	}
	if row.Direction == Refused {
		return reception.Message{Inbox: row.Inbox, Kind: row.Kind, Matched: d.Matched}, nil
	}
	var data struct {
		To string `json:"to"`
		AnnouncementData
		Assignment string `json:"assignment"`
	}
	if err := json.Unmarshal(row.Data, &data); err != nil {
		return reception.Message{}, fmt.Errorf("notice m%d: %w", row.Position, err)
	}
	if data.Announcement != "" || data.Assignment != "" {
		return reception.Message{Kind: row.Kind, Directed: data.Directed}, nil
	}
	return reception.Message{Kind: row.Kind, Directed: []string{data.To}, Notice: true}, nil
}
