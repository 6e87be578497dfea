package ledger

import (
	"slices"

	"github.com/bidahq/bida/internal/reception"
)

// FactSelfCheck is what the last check of an account's clients by themselves found. It is evidence; no gate reads it.
const FactSelfCheck = "self_check"

// SelfCheck is a check of an account's clients: what each tried out, or that it did not answer. Its origin says when it was, and who asked for it.
type SelfCheck struct {
	Clients []CheckedClient  `json:"clients"`
	Origin  reception.Origin `json:"-"`
}

// CheckedClient is one client (tab, device) of a check.
type CheckedClient struct {
	Client     string       `json:"client"`
	About      string       `json:"about"`      // its name and version
	Connection string       `json:"connection"` // over which it was asked
	Answered   bool         `json:"answered"`
	Tests      []ClientTest `json:"tests,omitempty"`
}

// ClientTest is one thing that a client tried out. Test and Result are words of package selfcheck.
type ClientTest struct {
	Test    string `json:"test"`
	Outcome string `json:"outcome"`
	Result  string `json:"result"`
	Millis  *int64 `json:"ms,omitempty"`
}

// SetSelfCheck records what a check of an account's clients found, in the place of the one before.
func (tx *Tx) SetSelfCheck(account string, clients []CheckedClient, o reception.Origin) {
	a := tx.editAgent(account)
	c := &SelfCheck{Clients: slices.Clone(clients)}
	var before int64
	if a.SelfCheck != nil {
		before = a.SelfCheck.Origin.Position
	}
	c.Origin = tx.setFact(AccountSubject(account), FactSelfCheck, "", before, c, o)
	a.SelfCheck = c
}

// QueuedTests lists the messages of self-checks that wait in accounts' lists, in no order.
func (tx *Tx) QueuedTests() []DeliveryRow {
	var out []DeliveryRow
	seen := map[deliveryKey]bool{}
	for _, layer := range tx.w.deliveries.layers() {
		for k := range layer {
			if d := tx.w.deliveries.get(k); d != nil && d.Type == EntryTest && d.State == Queued && !seen[k] {
				seen[k] = true
				out = append(out, *d)
			}
		}
	}
	return out
}
