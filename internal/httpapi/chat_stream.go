package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/bidahq/bida/internal/channel/web"
)

const (
	chatHeartbeat = 12 * time.Second
	chatPage      = 50              // messages that are read and written at once
	chatRetry     = 2 * time.Second // after how long a client comes back
)

func describeChatStream(_ *routes, op *huma.Operation) {
	op.Parameters = append(op.Parameters, queryParameter("after", "a cursor: what comes after it; left out, what is new. The header Last-Event-ID is understood too", huma.TypeString))
	op.Responses["200"] = &huma.Response{
		Description: "Server-sent events: \"message\" (data: ChatMessage, id: its cursor), \"conversation\" (data: ChatState, whenever it is another); comments are signs of life",
		Content:     map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: "string"}}},
	}
}

// chatStream tells a visitor what is new for as long as the connection lasts. It queues nothing: woken, it reads on from its cursor, so that a slow reader
// costs no memory and nothing is lost or told twice.
func (s *Server) chatStream(w http.ResponseWriter, r *http.Request, g guest) {
	after, err := s.chatCursor(r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	l, err := s.o.Chat.Listen(g.visitor, g.address)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	defer l.Close()
	t := &teller{s: s, g: g, after: after, eventWriter: newEventWriter(w)}
	if _, err := t.read(r.Context()); err != nil { // before anything is written, so that a refusal can still be said
		s.refuse(w, r, err)
		return
	}
	t.begin(chatRetry)
	if err := t.run(r.Context(), l, bearer(r)); err != nil && r.Context().Err() == nil {
		s.o.Log.Warn("a visitor's stream was ended", "request", requestOf(r.Context()).id, "error", err)
	}
}

// chatCursor is where a stream begins: after the cursor that is named, or now.
func (s *Server) chatCursor(r *http.Request) (int64, error) {
	cursor := r.URL.Query().Get("after")
	if cursor == "" {
		cursor = r.Header.Get("Last-Event-ID")
	}
	if cursor == "" {
		return s.o.Ledger.Position(), nil
	}
	return Page{Cursor: cursor}.position()
}

// teller writes what is new to one client.
type teller struct {
	s     *Server
	g     guest
	after int64
	state web.State
	told  bool // state was told once

	eventWriter // of one page at a time
}

// read appends the next page to what is pending; full says that there may be more.
func (t *teller) read(ctx context.Context) (full bool, err error) {
	rows, err := t.s.o.Chat.After(ctx, t.g.visitor, t.after, chatPage)
	if err != nil {
		return false, err
	}
	for i := range rows {
		if err := t.event("message", cursorOf(rows[i].Cursor), t.s.chatMessageBody(&rows[i])); err != nil {
			return false, err
		}
		t.after = rows[i].Cursor
	}
	return len(rows) == chatPage, nil
}

// look appends how the conversation stands, if that is news.
func (t *teller) look(ctx context.Context) error {
	state, err := t.s.o.Chat.State(ctx, t.g.visitor, t.g.lang)
	if err != nil || t.told && state == t.state {
		return err
	}
	t.state, t.told = state, true
	return t.event("conversation", "", chatStateBody(state))
}

// run tells until the client, or the server, goes.
func (t *teller) run(ctx context.Context, l *web.Listener, token string) error {
	beat := time.NewTicker(t.s.chatHeartbeat)
	defer beat.Stop()
	for {
		full, err := t.read(ctx)
		if err == nil && !full {
			err = t.look(ctx)
		}
		if err == nil && t.pending.Len() > 0 {
			err = t.write()
		}
		if err != nil {
			return err
		}
		if full {
			continue
		}
		select {
		case <-l.Wake():
		case <-beat.C: // how long somebody waits, and who is there, changes without a word
			if _, err := t.s.o.Chat.Authenticate(ctx, t.g.inbox, token); err != nil {
				return nil // the inbox is none for visitors any more: who comes back is told so
			}
			t.pending.WriteString(": here\n\n")
		case <-ctx.Done():
			return nil
		case <-l.Ended():
			return nil
		}
	}
}
