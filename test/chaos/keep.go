package chaos

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
)

// keep writes what was seen into a directory, for a person who looks for a cause.
func (r *run) keep(o *Observed) error {
	if r.Kept == "" {
		return nil
	}
	if err := os.MkdirAll(r.Kept, 0o700); err != nil {
		return err
	}
	var failed error
	for name, what := range map[string]any{
		"posts.json": r.history.Posts, "replies.json": r.history.Replies, "views.json": r.history.Views, "traces.json": o.Traces, "conversations.json": o.Conversations,
	} {
		raw, err := json.MarshalIndent(what, "", " ")
		if err == nil {
			err = os.WriteFile(filepath.Join(r.Kept, name), raw, 0o600)
		}
		failed = errors.Join(failed, err)
	}
	return failed
}
