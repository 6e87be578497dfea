package diagnosis

import (
	"slices"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/reception"
)

// Why a message that arrived was not seen: no window could be seen, or the list in view did not show it. Neither is a fault of the way to the client.

const (
	// maxTold bounds how many facts of clients are read; where there are more, why something was not seen is not known.
	maxTold = 2000
	// settling is how long what a client reports may come after what it is about.
	settling = 5 * time.Second
)

// span is for how long a client told something; to is zero while it holds.
type span struct {
	from, to time.Time
	visible  bool
	report   *ledger.Report
	origin   reception.Origin
}

// screen is what one connection's client showed.
type screen struct {
	id, client string
	open       span
	windows    []span // visible or not
	reports    []span
}

// unseen is why a message was not seen.
type unseen struct {
	code     reception.Code
	evidence []Evidence
}

// screens reads what the agent's clients showed between two instants; nil where it cannot be told.
func (r *run) screens(from, to time.Time) ([]*screen, error) {
	rows, err := r.s.Facts.FactsBetween(r.ctx, ledger.AccountSubject(r.q.Agent), from, to, maxTold)
	if err != nil || len(rows) == maxTold {
		return nil, err
	}
	byID := map[string]*screen{}
	var list []*screen
	at := func(id string) *screen {
		if byID[id] == nil {
			byID[id] = &screen{id: id}
			list = append(list, byID[id])
		}
		return byID[id]
	}
	for i := range rows {
		f := &rows[i]
		s := span{from: f.FromAt, to: f.ToAt, origin: reception.Origin{Position: f.FromPosition, At: f.FromAt, By: f.By, Source: f.Source, Cause: f.Cause}}
		switch f.Name {
		case ledger.FactSocket:
			at(f.Key).client, at(f.Key).open = ledger.SocketClient(f), s
		case ledger.FactVisible:
			s.visible = string(f.Value) == "true"
			at(f.Key).windows = append(at(f.Key).windows, s)
		case ledger.FactReport:
			if s.report, err = ledger.ReadReport(f); err != nil {
				return nil, err
			}
			at(f.Key).reports = append(at(f.Key).reports, s)
		}
	}
	return list, nil
}

// program says whether no person looks at the client.
func (s *screen) program() bool {
	return slices.ContainsFunc(s.reports, func(p span) bool { return p.report.Mode == ledger.ModeProgram })
}

// cut is the part of the span that lies between two instants; ok is false where there is none.
func (s *span) cut(from, to time.Time) (begin, end time.Time, ok bool) {
	begin, end = s.from, s.to
	if begin.Before(from) {
		begin = from
	}
	if end.IsZero() || end.After(to) {
		end = to
	}
	return begin, end, !begin.After(end)
}

// whyUnseen says why a message that a client received has not been seen by an instant.
func (r *run) whyUnseen(screens []*screen, d *ledger.DeliveryRow, at time.Time) (unseen, error) {
	plain := unseen{code: reception.CodeViewNotSeen}
	hidden, filtered := unseen{code: reception.CodeViewNotVisible}, unseen{code: reception.CodeViewFiltered}
	for _, s := range screens {
		if _, _, ok := s.open.cut(d.ReceivedAt, at); !ok {
			continue
		}
		if len(s.windows) == 0 || s.program() {
			if s.client == d.ReceivedBy { // nothing is known of the very client that has it
				return plain, nil
			}
			continue
		}
		for _, w := range s.windows {
			begin, end, ok := w.cut(d.ReceivedAt, at)
			switch {
			case !ok:
			case !w.visible:
				hidden.evidence = append(hidden.evidence, r.fromFact("client/"+s.id+"/visible", "the window cannot be seen", &w.origin))
			default:
				by, err := r.hiding(s, begin, end, d)
				if by == nil || err != nil {
					return plain, err // it could have been seen
				}
				filtered.evidence = append(filtered.evidence, r.fromFact("client/"+s.id+"/filter", filterWords(by.report), &by.origin))
			}
		}
	}
	switch {
	case len(filtered.evidence) > 0:
		return filtered, nil
	case len(hidden.evidence) > 0:
		return hidden, nil
	}
	return plain, nil
}

// noTab is the list of a client that shows none: another page is open.
const noTab = "none"

func filterWords(p *ledger.Report) string {
	if p.Filter.Tab == noTab {
		return "no list was in view"
	}
	return "the list shows only " + filtered(p.Filter)
}

// hiding finds a report whose filter was in force, or another that hides it too, all of the time between two instants; nil where the list may have shown it.
func (r *run) hiding(s *screen, begin, end time.Time, d *ledger.DeliveryRow) (*span, error) {
	reached := begin
	var by *span
	for i := range s.reports {
		p := &s.reports[i]
		from, to, ok := p.cut(begin, end)
		if !ok {
			continue
		}
		hides, err := r.hides(p.report.Filter, d, end)
		if err != nil || !hides || from.Sub(reached) > settling {
			return nil, err
		}
		if to.After(reached) {
			reached = to
		}
		by = p
	}
	if by == nil || end.Sub(reached) > settling {
		return nil, nil
	}
	return by, nil
}

// hides says whether a list with a filter cannot have shown the conversation of a message. What a search finds is not known.
func (r *run) hides(f *ledger.ListFilter, d *ledger.DeliveryRow, at time.Time) (bool, error) {
	switch {
	case f == nil:
		return false, nil
	case f.Inbox != "" && f.Inbox != d.Inbox, f.Kind != "" && f.Kind != d.Kind, f.Tab == "resolved", f.Tab == noTab:
		return true, nil
	case f.Tab == "mine" || f.Tab == "waiting":
		mine, err := r.hadConversation(d, at)
		return mine != (f.Tab == "mine"), err
	}
	return false, nil
}

// hadConversation says whether the conversation of a message was the agent's after it came.
func (r *run) hadConversation(d *ledger.DeliveryRow, at time.Time) (bool, error) {
	owners, err := r.s.Facts.AssignmentsOf(r.ctx, d.Conversation)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(owners, func(a ledger.AssignmentRow) bool {
		return a.Account == d.Account && !a.FromAt.After(at) && (a.ToAt.IsZero() || a.ToAt.After(d.ReceivedAt))
	}), nil
}

// notSeen says whether a message of a live inbox arrived at a client and was neither seen nor taken up.
func (r *run) notSeen(d *ledger.DeliveryRow) bool {
	in := r.m.policy.Inboxes[d.Inbox]
	return in != nil && in.Mode != reception.Async && d.State != ledger.Withdrawn && !d.ReceivedAt.IsZero() && d.SeenAt.IsZero() && d.AcceptedAt.IsZero()
}

// findViews finds out why messages were not seen, of the newest ones, and makes findings where the agent's own screen is the reason.
func (r *run) findViews() error {
	var newest []*entry
	for i := len(r.entries) - 1; i >= 0 && len(newest) < maxListed; i-- {
		if e := &r.entries[i]; r.notSeen(&e.DeliveryRow) {
			newest = append(newest, e)
		}
	}
	if len(newest) == 0 {
		return nil
	}
	oldest := slices.MinFunc(newest, func(a, b *entry) int { return a.ReceivedAt.Compare(b.ReceivedAt) }).ReceivedAt
	screens, err := r.screens(oldest, r.m.at)
	if err != nil {
		return err
	}
	found := map[reception.Code]*finding{}
	for _, e := range newest {
		why, err := r.whyUnseen(screens, &e.DeliveryRow, r.m.at)
		if err != nil {
			return err
		}
		e.unseen = why.code
		if why.code == reception.CodeViewNotSeen {
			continue
		}
		f := found[why.code]
		if f == nil {
			f = r.viewFinding(why)
			found[why.code] = f
			r.findings = append(r.findings, f)
		}
		f.include(e.cell)
		if f.cause.since.IsZero() || e.ReceivedAt.Before(f.cause.since) {
			f.cause.since = e.ReceivedAt
		}
		f.add(r.fromDelivery(&e.DeliveryRow)...)
	}
	return nil
}

// viewFinding is a finding that a message was not seen, and why. That no window can be seen follows from the warning that says so.
func (r *run) viewFinding(why unseen) *finding {
	f := r.stageFinding(stageView, why.code, reception.Pass)
	f.add(why.evidence...)
	if why.code == reception.CodeViewNotVisible {
		f.follows = reception.CodeClientNotifyHidden
	}
	return f
}
