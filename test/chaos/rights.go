package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/bidahq/bida/client"
)

// Denial is a time in which an account could not have a kind: from when the administrator was told so until the administrator asked for the contrary.
type Denial struct {
	Account, Kind string
	From, To      time.Time
}

// deny takes a kind from an account and gives it back, again and again. In the end the account has it.
func (a *agents) deny(ctx context.Context, admin *api, account, kind string, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 55))
	for wait(a.more, between(r, 500*time.Millisecond, 4*time.Second)) {
		a.edit(ctx, admin, account, kind, true)
		told := time.Now()
		wait(a.more, between(r, 200*time.Millisecond, 2*time.Second))
		asked := time.Now()
		a.edit(ctx, admin, account, kind, false)
		a.history.denied(Denial{account, kind, told, asked})
	}
}

// edit writes an account's document until it says what it should. Whether a write that was not answered has happened is seen by reading.
func (a *agents) edit(ctx context.Context, admin *api, account, kind string, denied bool) {
	path := "/policy/documents/account/" + account
	right := "receive." + kind
	for ctx.Err() == nil {
		var document struct {
			Spec     map[string]any
			Revision int64
		}
		if _, err := get(ctx, admin, path, &document); err != nil {
			wait(ctx, 20*time.Millisecond)
			continue
		}
		if raw, err := json.Marshal(document.Spec["deny"]); err == nil && strings.Contains(string(raw), right) == denied {
			return
		}
		delete(document.Spec, "deny")
		if denied {
			document.Spec["deny"] = []any{map[string]string{"permission": right}}
		}
		status, answer, err := admin.put(ctx, path, fmt.Sprintf("%q", fmt.Sprint(document.Revision)), map[string]any{"spec": document.Spec})
		switch {
		case again(status, err):
			wait(ctx, 20*time.Millisecond)
		case status != http.StatusOK && status != http.StatusPreconditionFailed:
			a.history.fault("refused", string(answer), "a right change of %s is answered %d", account, status)
			return
		}
	}
}

func (h *History) denied(d Denial) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.Denials = append(h.Denials, d)
}

// denied says whether an account was ever denied a kind that the company gives it.
func (k *checker) denied(account, kind string) bool {
	for _, d := range k.history.Denials {
		if d.Account == account && d.Kind == kind {
			return true
		}
	}
	return false
}

// denial: nothing was delivered while the account could not have it.
func (w *viewing) denial(p *Post, e client.Event, evidence func() any) {
	const margin = 2 * time.Millisecond // times are cut to milliseconds in places
	for _, d := range w.k.history.Denials {
		if d.Account == w.view.Account && d.Kind == e.Kind && e.At.After(d.From) && e.At.Before(d.To.Add(-margin)) {
			w.k.brokenFor(p, "misdelivered", []any{evidence(), d}, "%s was shown %s, delivered while the account was denied the kind %s", w.name(), p.key(), e.Kind)
		}
	}
}
