package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
)

// observer reads what the program says in the end, as its administrator.
type observer struct {
	api   *api
	robot *api
	out   *Observed

	mu  sync.Mutex
	err error
}

const readers = 6

// observe reads the traces of all posts, all conversations that anybody has heard of, and all replies.
func observe(ctx context.Context, admin, robot *api, c *Company, h *History, last map[string]int64) (*Observed, error) {
	o := &observer{api: admin, robot: robot, out: &Observed{
		Traces: map[string]*Trace{}, Conversations: map[string]*Conversation{}, Replies: map[string][]ReplyLine{}, Last: last,
	}}
	each(h.Posts, func(p *Post) { o.note(o.trace(ctx, p)) })
	known := map[string]bool{}
	for _, t := range o.out.Traces {
		known[t.Conversation] = true
	}
	for _, p := range h.Posts {
		for _, t := range p.Told {
			known[t.Conversation] = true
		}
	}
	for _, r := range h.Replies {
		known[r.Conversation] = true
	}
	if err := o.open(ctx, known); err != nil {
		return nil, err
	}
	each(sorted(known), func(id string) { o.note(o.conversation(ctx, id)) })
	for _, in := range c.Inboxes {
		o.note(o.replies(ctx, in.Name))
	}
	return o.out, o.err
}

// each calls f for all, several at a time.
func each[T any](list []T, f func(T)) {
	work := make(chan T)
	var done sync.WaitGroup
	for range readers {
		done.Go(func() {
			for x := range work {
				f(x)
			}
		})
	}
	for _, x := range list {
		work <- x
	}
	close(work)
	done.Wait()
}

func (o *observer) note(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		o.err = err
	}
}

var errNone = errors.New("there is nothing of that name")

// get reads a page; what is not there is errNone.
func get(ctx context.Context, by *api, path string, out any) (json.RawMessage, error) {
	status, answer, err := by.call(ctx, http.MethodGet, path, nil)
	switch {
	case err != nil:
		return nil, fmt.Errorf("GET %s: %w", path, err)
	case status == http.StatusNotFound:
		return answer, errNone
	case status != http.StatusOK:
		return answer, fmt.Errorf("GET %s is answered %d: %s", path, status, answer)
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return answer, fmt.Errorf("GET %s cannot be read: %w: %s", path, err, answer)
	}
	return answer, nil
}

func (o *observer) trace(ctx context.Context, p *Post) error {
	t := &Trace{}
	_, err := get(ctx, o.api, "/messages/trace?inbox="+url.QueryEscape(p.Inbox)+"&sender_id="+url.QueryEscape(p.ID), t)
	if errors.Is(err, errNone) || err == nil && t.Message == "" { // never stored, or only refused
		return nil
	}
	const kept = 3
	if t.Count = len(t.Decisions); t.Count > kept {
		t.Decisions = append([]Decision(nil), t.Decisions[t.Count-kept:]...)
	}
	o.mu.Lock()
	o.out.Traces[p.key()] = t
	o.mu.Unlock()
	return err
}

// evidence adds the whole traces to the first faults.
func evidence(ctx context.Context, admin *api, faults []Fault) {
	for i := range faults[:min(len(faults), mostReported)] {
		if p := faults[i].Post; p != nil {
			status, answer, err := admin.call(ctx, http.MethodGet, "/messages/trace?inbox="+url.QueryEscape(p.Inbox)+"&sender_id="+url.QueryEscape(p.ID), nil)
			if err == nil && status == http.StatusOK {
				faults[i].Trace = answer
			}
		}
	}
}

// mostReported is how many faults a person is told of.
const mostReported = 20

// open adds all open conversations, also those that nobody was told of.
func (o *observer) open(ctx context.Context, known map[string]bool) error {
	for cursor := ""; ; {
		var page struct {
			Conversations []Conversation
			Cursor        *string
		}
		if _, err := get(ctx, o.api, "/conversations?state=open&limit=200"+cursor, &page); err != nil {
			return err
		}
		for _, c := range page.Conversations {
			known[c.ID] = true
		}
		if page.Cursor == nil {
			return nil
		}
		cursor = "&cursor=" + url.QueryEscape(*page.Cursor)
	}
}

func (o *observer) conversation(ctx context.Context, id string) error {
	c := &Conversation{}
	raw, err := get(ctx, o.api, "/conversations/"+id, c)
	if err != nil {
		return fmt.Errorf("conversation %s: %w", id, err)
	}
	c.Raw = raw
	for cursor := ""; ; {
		var page struct {
			Messages []Message
			Cursor   *string
		}
		if _, err := get(ctx, o.api, "/conversations/"+id+"/messages?limit=200"+cursor, &page); err != nil {
			return fmt.Errorf("messages of conversation %s: %w", id, err)
		}
		c.Messages = append(c.Messages, page.Messages...)
		if page.Cursor == nil {
			break
		}
		cursor = "&cursor=" + url.QueryEscape(*page.Cursor)
	}
	o.mu.Lock()
	o.out.Conversations[id] = c
	o.mu.Unlock()
	return nil
}

func (o *observer) replies(ctx context.Context, inbox string) error {
	for cursor := "0"; ; {
		var page struct {
			Replies []ReplyLine
			Cursor  string
		}
		if _, err := get(ctx, o.robot, "/inboxes/"+inbox+"/replies?limit=200&cursor="+url.QueryEscape(cursor), &page); err != nil {
			return err
		}
		if len(page.Replies) == 0 {
			return nil
		}
		o.out.Replies[inbox] = append(o.out.Replies[inbox], page.Replies...)
		cursor = page.Cursor
	}
}

// connections reads what the program says of an account's connection since the day before.
func connections(ctx context.Context, by *api, account string) ([]Span, error) {
	var page struct {
		Connection []Span
		Partial    bool
	}
	if _, err := get(ctx, by, "/accounts/"+account+"/timeline", &page); err != nil {
		return nil, err
	}
	if page.Partial {
		return nil, fmt.Errorf("the timeline of %s is too long to be read at once", account)
	}
	return page.Connection, nil
}
