package governance

import (
	"time"

	"github.com/bidahq/bida/internal/policy"
)

// Preview is what edits would do, if they were applied now.
type Preview struct {
	After       *policy.Set
	Changes     []policy.Change
	Alterations []policy.Alteration
}

// PreviewEdits works out what Apply would do with edits to a policy, and refuses what Apply would refuse, but changes nothing. busy says whether
// conversations are open in an inbox. Whoever applies the edits later applies them to what is in force then.
func PreviewEdits(before *policy.Set, edits []policy.Edit, busy func(inbox string) bool, now time.Time) (*Preview, error) {
	after, changes, err := before.Apply(before.Revision()+1, edits)
	if err != nil {
		return nil, invalid(err)
	}
	if err := refuseBusyInboxes(busy, changes); err != nil {
		return nil, err
	}
	return &Preview{After: after, Changes: changes, Alterations: policy.Alterations(before, after, changes, now)}, nil
}
