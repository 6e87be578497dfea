package bench

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bidahq/bida/client"
)

const (
	// callers is how many calls of the administrator's are under way at the same time.
	callers = 16
	// tokenLife is for runs that are ended before they can revoke their tokens.
	tokenLife  = time.Hour
	mostTries  = 10 // to change a policy that others change too
	removeTime = 30 * time.Second
)

// office does what an administrator does: it makes the company, looks at its conversations, and removes it.
type office struct {
	company *company
	server  string
	admin   *client.Client
	calls   *http.Client

	source string   // token
	agents []string // tokens
}

func newOffice(c *company, server, token string) (*office, error) {
	calls := &http.Client{Timeout: removeTime, Transport: &http.Transport{MaxIdleConnsPerHost: callers, ForceAttemptHTTP2: true, Proxy: http.ProxyFromEnvironment}}
	admin, err := client.New(server, token, client.WithHTTPClient(calls))
	if err != nil {
		return nil, &OptionError{"--server", err.Error(), err.Error()}
	}
	return &office{company: c, server: server, admin: admin, calls: calls}, nil
}

func (o *office) close() { o.calls.CloseIdleConnections() }

// as is the server as another account.
func (o *office) as(token string) (*client.Client, error) {
	return client.New(o.server, token, client.WithHTTPClient(o.calls))
}

// reach says whether the server is there and the token is an administrator's.
func (o *office) reach(ctx context.Context) error {
	_, err := o.admin.Policy(ctx, 0)
	return err
}

// prepare makes the documents and tokens, and sets the agents available.
func (o *office) prepare(ctx context.Context, life time.Duration) error {
	err := o.change(ctx, func(p client.Policy) (documents []client.Document, prune bool) { return o.company.documents(), false })
	if err != nil {
		return fmt.Errorf("make the inboxes and accounts: %w", err)
	}
	until := time.Now().Add(life + tokenLife)
	if _, o.source, err = o.admin.CreateToken(ctx, o.company.source(), prefix+o.company.run, until); err != nil {
		return fmt.Errorf("make a token for %s: %w", o.company.source(), err)
	}
	o.agents = make([]string, len(o.company.agents))
	return each(ctx, len(o.agents), func(ctx context.Context, i int) error {
		name := o.company.agents[i]
		_, token, err := o.admin.CreateToken(ctx, name, prefix+o.company.run, until)
		if err != nil {
			return fmt.Errorf("make a token for %s: %w", name, err)
		}
		o.agents[i] = token
		c, err := o.as(token)
		if err == nil {
			err = c.SetPresence(ctx, name, "available", "", time.Time{})
		}
		if err != nil {
			return fmt.Errorf("set %s available: %w", name, err)
		}
		return nil
	})
}

// each calls f for 0 to n-1, several at a time, and stops at the first error.
func each(ctx context.Context, n int, f func(ctx context.Context, i int) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(callers)
	for i := range n {
		g.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return f(ctx, i)
		})
	}
	return g.Wait()
}

// change changes the policy in one revision, on top of whatever others change meanwhile.
func (o *office) change(ctx context.Context, to func(client.Policy) (documents []client.Document, prune bool)) error {
	for try := 1; ; try++ {
		p, err := o.admin.Policy(ctx, 0)
		if err != nil {
			return err
		}
		documents, prune := to(p)
		if prune && len(documents) == len(p.Documents) {
			return nil
		}
		_, err = o.admin.PutPolicy(ctx, p.Revision, documents, prune)
		if no := client.AsRefused(err); no == nil || no.Status != http.StatusPreconditionFailed || try >= mostTries {
			return err
		}
	}
}

// conversation is one as the server shows it.
type conversation struct {
	ID       string  `json:"id"`
	Owner    *string `json:"owner"`
	Sequence int64   `json:"sequence"`
	Waiting  *struct {
		Code string `json:"code"`
	} `json:"waiting"`
}

// open are the conversations of inboxes that are open.
func (o *office) open(ctx context.Context, inboxes []string) (map[string]conversation, error) {
	const piece = 500
	all := map[string]conversation{}
	for _, inbox := range inboxes {
		for cursor := ""; ; {
			query := url.Values{"inbox": {inbox}, "state": {"open"}, "limit": {strconv.Itoa(piece)}}
			if cursor != "" {
				query.Set("cursor", cursor)
			}
			var page struct {
				Conversations []conversation `json:"conversations"`
				Cursor        *string        `json:"cursor"`
			}
			if _, err := o.admin.Do(ctx, client.Call{Method: http.MethodGet, Path: "/conversations", Query: query}, &page); err != nil {
				return nil, fmt.Errorf("conversations of %s: %w", inbox, err)
			}
			for _, c := range page.Conversations {
				all[c.ID] = c
			}
			if page.Cursor == nil {
				break
			}
			cursor = *page.Cursor
		}
	}
	return all, nil
}

// Remove removes what runs have left on a server that were killed before they could do so themselves. Runs that go on lose what is theirs, too.
func Remove(ctx context.Context, server, token string) error {
	o, err := newOffice(nil, server, token)
	if err != nil {
		return err
	}
	defer o.close()
	return o.remove(ctx, prefix)
}

// remove resolves the conversations, revokes the tokens and deletes the documents of everything whose name begins in a way.
func (o *office) remove(ctx context.Context, begin string) (err error) {
	for range mostTries { // a message that was under way opens a conversation again
		if err = o.removeOnce(ctx, begin); err == nil || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("not everything that is called %s… could be removed: %w", begin, err)
	}
	return nil
}

func (o *office) removeOnce(ctx context.Context, begin string) error {
	p, err := o.admin.Policy(ctx, 0)
	if err != nil {
		return err
	}
	var inboxes, accounts []string
	for _, d := range p.Documents {
		switch {
		case !strings.HasPrefix(d.Name, begin):
		case d.Kind == "inbox":
			inboxes = append(inboxes, d.Name)
		case d.Kind == "account":
			accounts = append(accounts, d.Name)
		}
	}
	return errors.Join(o.resolve(ctx, inboxes), o.revoke(ctx, accounts), o.delete(ctx, begin))
}

func (o *office) resolve(ctx context.Context, inboxes []string) error {
	open, err := o.open(ctx, inboxes)
	if err != nil {
		return err
	}
	ids := slices.Collect(maps.Keys(open))
	return each(ctx, len(ids), func(ctx context.Context, i int) error {
		if err := o.admin.Act(ctx, ids[i], "resolve"); err != nil {
			return fmt.Errorf("resolve %s: %w", ids[i], err)
		}
		return nil
	})
}

// revoke comes before the accounts are deleted: an account that somebody makes under the same name must not be open to an old token.
func (o *office) revoke(ctx context.Context, accounts []string) error {
	return each(ctx, len(accounts), func(ctx context.Context, i int) error {
		if err := o.admin.RevokeTokens(ctx, accounts[i], ""); err != nil {
			return fmt.Errorf("revoke the tokens of %s: %w", accounts[i], err)
		}
		return nil
	})
}

func (o *office) delete(ctx context.Context, begin string) error {
	return o.change(ctx, func(p client.Policy) (documents []client.Document, prune bool) {
		documents = []client.Document{}
		for _, d := range p.Documents {
			if !strings.HasPrefix(d.Name, begin) {
				documents = append(documents, client.Document{Kind: d.Kind, Name: d.Name, Spec: d.Spec})
			}
		}
		return documents, true
	})
}
