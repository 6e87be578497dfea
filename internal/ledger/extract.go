package ledger

import (
	"context"
	"time"

	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

// Mark is what is kept of a group: the positions that it used, and its instant.
type Mark struct {
	First, Last int64
	At          time.Time
}

// ExtractHead says what an extract is of.
type ExtractHead struct {
	Position int64     // last position used, 0 for an empty store
	At       time.Time // of the last group
	AliveAt  time.Time // the last sign of life of a process (≥ At); zero for an empty store
	Began    time.Time // At of the first group; zero for an empty store
	// From is the first position of the span. Of what is older there is only what still mattered then.
	From int64
	// Messages counts those of the span, before they are read.
	Messages int64
}

// Extract is a part of an extract: the head, or marks, or rows of one table. Of Rows only these tables are filled: messages (without Text and Data), decisions,
// outcomes, deliveries, attempts, facts, assignments, conversations, documents, revisions, tokens, logins, refusals, quarantine, hits.
type Extract struct {
	Head  *ExtractHead
	Marks []Mark
	Rows  Group
}

// Extractor reads what explains a span of time, from an instant to the present.
type Extractor interface {
	// Extract gives take, part after part, what was recorded from an instant on, with what still mattered then: the facts and assignments that held, each
	// account's last assignment in each inbox before, all open conversations, and then those that were resolved in the span, all versions of documents and all
	// revisions, with their marks, all tokens and logins. All of it is one state of the store. The head comes first; the rows of a table come in the order of its
	// key where nothing else is said. An error of take ends it and is returned as it is.
	Extract(ctx context.Context, from time.Time, take func(*Extract) error) error
}

// Frozen is a World that does not change any more, for those who ask a Ledger about the present. It is safe for many goroutines.
type Frozen struct {
	l        Ledger
	failures []reception.Failure
}

// Freeze makes the World that a state describes. Failures are the parts of Bida that were known to fail then, in order of component.
func Freeze(s *State, failures []reception.Failure) (*Frozen, error) {
	w, err := buildWorld(s)
	if err != nil {
		return nil, err
	}
	f := &Frozen{failures: failures}
	f.l.w.Store(w)
	return f, nil
}

// View is Ledger.View.
func (f *Frozen) View() *View {
	v := f.l.View()
	v.failures = f.failures
	return v
}

// Agent is Ledger.Agent.
func (f *Frozen) Agent(account string) *Agent { return f.l.Agent(account) }

// OpenConversations is Ledger.OpenConversations.
func (f *Frozen) OpenConversations(keep func(*ConversationRow) bool) []*ConversationRow {
	return f.l.OpenConversations(keep)
}

// Login is Ledger.Login.
func (f *Frozen) Login(account string) (LoginRow, bool) { return f.l.Login(account) }

// Stated makes the present of one agent of what somebody says about it, where nothing was recorded: a policy, facts, and no position.
func Stated(set *policy.Set, at time.Time, facts *reception.Agent) *View {
	return &View{At: at, Policy: set, agents: map[string]*Agent{facts.Account: {Facts: *facts}}, rates: map[string]*reception.Rate{}}
}
