package storetest

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/store/memory"
)

// What is counted by spans of the clock and what is left at the ends of an interval come to what counting one by one says: for intervals within a span, those that
// begin or end with one, those of hours, with the clock set back on the way, and with messages that became inbound ones later.
var traffics = []behaviour{
	{"counts traffic of any interval as counting one by one does", func(t *testing.T, s *subject) {
		model := memory.New()
		if _, err := model.Load(s.ctx()); err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(7, 11))
		began := s.at
		var sequence int64
		var held []int64
		for i := range int64(120) {
			s.at = s.at.Add(time.Duration(r.IntN(400)) * time.Second)
			if i == 60 || i == 90 {
				s.at = s.at.Add(-95 * time.Minute)
			}
			g := s.next(2)
			for n := range int64(1 + r.IntN(2)) {
				m := message(g.First+n, 1, g.First+n)
				m.At, m.Inbox, m.Kind = g.At, inboxes[r.IntN(2)], kinds[r.IntN(2)]
				if r.IntN(8) == 0 {
					m.Direction = ledger.Held
					held = append(held, m.Position)
				}
				sequence++
				d := entry("an", sequence, m.Position)
				d.At, d.Inbox, d.Kind, d.Position = g.At, m.Inbox, m.Kind, m.Position
				g.Messages, g.Deliveries = append(g.Messages, m), append(g.Deliveries, d)
			}
			if len(held) > 2 {
				g.Releases, held = held[:1], held[1:]
			}
			for _, to := range []ledger.Committer{s.Store, model} {
				if err := to.Commit(s.ctx(), g); err != nil {
					t.Fatal(err)
				}
			}
		}
		s.again()
		instants := []time.Time{{}, s.at, s.at.Add(time.Microsecond), s.at.Add(time.Hour)}
		for range 60 {
			at := began.Add(time.Duration(r.Int64N(int64(s.at.Sub(began) + 3*time.Hour))))
			instants = append(instants, at, at.Truncate(10*time.Minute))
		}
		for range 400 {
			since, until := instants[r.IntN(len(instants))], instants[r.IntN(len(instants))]
			what := fmt.Sprint(" from ", since, " to ", until)
			same(t, "offered"+what, got(s.Offered(s.ctx(), since, until))(t), got(model.Offered(s.ctx(), since, until))(t))
			position := r.Int64N(s.position + 3)
			same(t, fmt.Sprint("newest up to ", position), got(s.NewestDeliveries(s.ctx(), "an", position, 9))(t), got(model.NewestDeliveries(s.ctx(), "an", position, 9))(t))
			same(t, "traffic"+what, got(s.Traffic(s.ctx(), "an", since, until))(t), got(model.Traffic(s.ctx(), "an", since, until))(t))
		}
	}},
}
