package conversation

import (
	"slices"
	"strings"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/reception"
)

// letThrough counts a conversation that is given to accounts, or offered to them, at every limited switch on its way. Who held an offer of it before had it
// counted then.
func letThrough(tx *ledger.Tx, inbox string, held []string, accounts ...string) {
	p, now := tx.Policy(), tx.Now()
	if len(held) == 0 {
		if p.Platform.Limits(now) {
			tx.CountRate(reception.PlatformSwitch)
		}
		if in := p.Inboxes[inbox]; in != nil && in.Switch.Limits(now) {
			tx.CountRate(reception.InboxSwitch(inbox))
		}
	}
	for _, account := range accounts {
		if a := p.Accounts[account]; a != nil && a.Switch.Limits(now) && !slices.Contains(held, account) {
			tx.CountRate(reception.AccountSwitch(account))
		}
	}
}

// refill ends the minutes that are over, and has what waited for them decided again: everything in one command, so that it goes in the order in which it
// came, whatever inbox it lies in.
func refill(tx *ledger.Tx) {
	for _, name := range tx.RefillRates() {
		kind, target, _ := strings.Cut(name, ".")
		if kind == "account" {
			tx.TouchAgent(target, ledger.FactRate)
			continue
		}
		for _, c := range tx.WaitingCells() {
			if kind == reception.PlatformSwitch || c.Inbox == target {
				tx.TouchCell(c, ledger.FactRate)
			}
		}
	}
}

// limited says whether a code is that of a limited switch: a limit, which people may go beyond by hand.
func limited(code reception.Code) bool {
	return code == reception.CodeSwitchPlatformLimited || code == reception.CodeSwitchInboxLimited || code == reception.CodeSwitchAccountLimited
}
