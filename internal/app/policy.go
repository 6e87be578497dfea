package app

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/bidahq/bida/internal/governance"
	"github.com/bidahq/bida/internal/policy"
)

// createdBy is the reason that identity gives to the revisions in which it made an account.
const createdBy = "account create"

// readPolicy reads the policy file of the configuration; it has to be right even where it is not needed any more.
func readPolicy(path string) ([]policy.Document, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("policy file: %w", err)
	}
	docs, err := policy.ParseYAML(text)
	if err != nil {
		return nil, fmt.Errorf("policy file %s: %w", path, err)
	}
	return docs, nil
}

// applyPolicy applies the file while there are no documents other than those that `account create` made.
func (b *base) applyPolicy(ctx context.Context, path string, docs []policy.Document, log *slog.Logger) error {
	if len(docs) == 0 {
		return nil
	}
	fresh, err := b.untouched(ctx)
	if err != nil {
		return err
	}
	if !fresh {
		log.Info("the policy file is not applied: there is a policy already; change it with bida policy apply")
		return nil
	}
	cmd := &governance.Apply{
		Base: -1, By: "system", Source: "start", Reason: "serve --policy",
		Edit: func(now *policy.Set) ([]policy.Edit, error) { return policy.EditsFor(now, docs, false) },
	}
	if err := b.ledger.Do(ctx, cmd); err != nil {
		return fmt.Errorf("policy file %s: %w", path, err)
	}
	log.Info("the policy file is applied", "revision", cmd.Revision, "documents", len(cmd.Changes))
	return nil
}

// untouched says whether every revision so far only made an account.
func (b *base) untouched(ctx context.Context) (bool, error) {
	var before int64
	for {
		list, err := b.store.Revisions(ctx, before, 100)
		if err != nil {
			return false, err
		}
		for _, r := range list {
			if r.Reason != createdBy {
				return false, nil
			}
			before = r.Revision
		}
		if len(list) < 100 {
			return true, nil
		}
	}
}
