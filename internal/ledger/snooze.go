package ledger

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/bidahq/bida/internal/reception"
)

// FactSnoozed is until when a conversation is set aside.
const FactSnoozed = "snoozed"

type snoozedValue struct {
	Until int64 `json:"until"`
}

func conversationSubject(id int64) string { return "conversation/" + strconv.FormatInt(id, 10) }

// SetSnoozed records until when an open conversation is set aside, by whom and why; the zero time ends the fact.
func (tx *Tx) SetSnoozed(id int64, until time.Time, cause, by string) error {
	c, err := tx.EditConversation(id)
	if err != nil {
		return err
	}
	until = stored(until)
	switch {
	case c.snoozedUntil.Equal(until):
	case until.IsZero():
		tx.endFact(FactRow{Subject: conversationSubject(id), Name: FactSnoozed, FromPosition: c.snoozedSince, EndBy: by, EndCause: cause}, tx.Next())
		c.snoozedUntil, c.snoozedSince = time.Time{}, 0
	default:
		o := tx.setFact(conversationSubject(id), FactSnoozed, "", c.snoozedSince, snoozedValue{micros(until)}, reception.Origin{By: by, Source: "conversation", Cause: cause})
		c.snoozedUntil, c.snoozedSince = until, o.Position
	}
	return nil
}

// ReadSnoozed reads what SetSnoozed wrote.
func ReadSnoozed(f FactRow) (until time.Time, err error) {
	var v snoozedValue
	if err := json.Unmarshal(f.Value, &v); err != nil {
		return time.Time{}, fmt.Errorf("fact %s of %s at position %d cannot be read: %w", f.Name, f.Subject, f.FromPosition, err)
	}
	return instant(v.Until), nil
}

// loadSnoozed puts the facts that hold on their conversations.
func loadSnoozed(s *State) error {
	held := map[string]FactRow{}
	for _, f := range s.Facts {
		if f.Name == FactSnoozed && strings.HasPrefix(f.Subject, "conversation/") {
			held[f.Subject] = f
		}
	}
	for i := range s.Conversations {
		c := &s.Conversations[i]
		c.snoozedUntil, c.snoozedSince = time.Time{}, 0 // whatever the store has kept in memory
		f, ok := held[conversationSubject(c.ID)]
		if !ok {
			continue
		}
		until, err := ReadSnoozed(f)
		if err != nil {
			return err
		}
		c.snoozedUntil, c.snoozedSince = until, f.FromPosition
	}
	return nil
}
