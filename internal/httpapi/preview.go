package httpapi

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/bidahq/bida/internal/ledger"
)

// previews keeps what lists show of conversations, so that a list that is read again and again costs no read of the store. What is kept of a conversation
// holds until its sequence or its answer moves on, and a minute at most: a contact may get another name by a message in another conversation.
type previews struct {
	mu    sync.Mutex
	known map[int64]preview
}

type preview struct {
	row  ledger.PreviewRow
	till time.Time
}

const (
	mostPreviews = 20_000
	previewTime  = time.Minute
)

func (p *previews) get(c *ledger.ConversationRow, now time.Time) (ledger.PreviewRow, bool) {
	k, ok := p.known[c.ID]
	return k.row, ok && k.row.Last >= c.LastSequence && k.row.Answered >= c.Answered && now.Before(k.till)
}

// forget has a conversation's preview read again: what counts as unanswered may have become more without a new message.
func (p *previews) forget(conversation int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.known, conversation)
}

// put makes room by forgetting some, whichever: they are read again when they are asked for.
func (p *previews) put(rows []ledger.PreviewRow, till time.Time) {
	if len(p.known)+len(rows) > mostPreviews {
		for id := range p.known {
			delete(p.known, id)
			if len(p.known) < mostPreviews*3/4 {
				break
			}
		}
	}
	for _, r := range rows {
		p.known[r.Conversation] = preview{r, till}
	}
}

// previewsOf finds the previews of conversations, those that are not kept with one read.
func (s *Server) previewsOf(ctx context.Context, rows []*ledger.ConversationRow) (map[int64]ledger.PreviewRow, error) {
	found := make(map[int64]ledger.PreviewRow, len(rows))
	var missing []int64
	now := s.o.Now()
	s.previews.mu.Lock()
	for _, c := range rows {
		if r, ok := s.previews.get(c, now); ok {
			found[c.ID] = r
		} else {
			missing = append(missing, c.ID)
		}
	}
	s.previews.mu.Unlock()
	if len(missing) == 0 {
		return found, nil
	}
	read, err := s.o.Store.Previews(ctx, missing)
	if err != nil {
		return nil, fmt.Errorf("previews of %d conversations: %w", len(missing), err)
	}
	for _, r := range read {
		found[r.Conversation] = r
	}
	s.previews.mu.Lock()
	defer s.previews.mu.Unlock()
	s.previews.put(read, now.Add(previewTime))
	return found, nil
}
