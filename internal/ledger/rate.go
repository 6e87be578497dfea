package ledger

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/reception"
)

// FactRate is what a limited switch has let through in the minute that runs. Its subject is SubjectSwitches, its key the switch's name.
const FactRate = "rate"

// CauseClock is the cause of facts that say what they said before, by a clock that was set.
const CauseClock = "clock"

// SubjectSwitches is the subject of facts about switches.
const SubjectSwitches = "switches"

// DeadlineRate: the minute of a switch (key) is over.
const DeadlineRate = "rate"

// rateMinute is for how long what was let through counts.
const rateMinute = time.Minute

type rateValue struct {
	Used  int   `json:"used"`
	Until int64 `json:"until"`
}

// Rate implements reception.World.
func (tx *Tx) Rate(name string) reception.Rate {
	if r := tx.w.rates.get(name); r != nil {
		return *r
	}
	return reception.Rate{}
}

// CountRate counts one more conversation that a switch let through. The minute begins with the first.
func (tx *Tx) CountRate(name string) {
	r := tx.Rate(name)
	from := r.Origin.Position
	if r.Used == 0 || !tx.now.Before(r.Until) {
		r.Used, r.Until = 0, stored(tx.now.Add(rateMinute))
		tx.At(r.Until, DeadlineRate, name)
	}
	r.Used++
	r.Origin = tx.setFact(SubjectSwitches, FactRate, name, from, rateValue{r.Used, micros(r.Until)},
		reception.Origin{By: "system", Source: "routing", Cause: "let_through"})
	tx.w.rates.put(name, &r)
}

// RefillRates ends the minutes that are over and returns the names of their switches, in order.
func (tx *Tx) RefillRates() []string {
	over := map[string]bool{}
	for _, layer := range tx.w.rates.layers() {
		for name := range layer {
			if r := tx.w.rates.get(name); r != nil && !tx.now.Before(r.Until) {
				over[name] = true
			}
		}
	}
	names := slices.Sorted(maps.Keys(over))
	for _, name := range names {
		r := tx.Rate(name)
		tx.endFact(FactRow{Subject: SubjectSwitches, Name: FactRate, Key: name, FromPosition: r.Origin.Position, EndBy: "system", EndCause: "refill"}, tx.Next())
		tx.w.rates.remove(name)
	}
	return names
}

// watchRates sets the deadlines of the minutes that run.
func (tx *Tx) watchRates() {
	for name, r := range tx.w.rates.base {
		tx.At(r.Until, DeadlineRate, name)
	}
}

// moveRates has the minutes that run end when they would have if the clock had not been set.
func (tx *Tx) moveRates(by time.Duration) {
	for _, name := range slices.Sorted(maps.Keys(tx.w.rates.base)) {
		r := tx.Rate(name)
		r.Until = r.Until.Add(by)
		r.Origin = tx.setFact(SubjectSwitches, FactRate, name, r.Origin.Position, rateValue{r.Used, micros(r.Until)},
			reception.Origin{By: "system", Source: "ledger", Cause: CauseClock})
		tx.w.rates.put(name, &r)
		tx.At(r.Until, DeadlineRate, name)
	}
}

// readRate reads what CountRate wrote.
func readRate(f FactRow) (reception.Rate, error) {
	var v rateValue
	if err := json.Unmarshal(f.Value, &v); err != nil {
		return reception.Rate{}, fmt.Errorf("fact %s of %s %s at position %d cannot be read: %w", f.Name, f.Subject, f.Key, f.FromPosition, err)
	}
	o := reception.Origin{Position: f.FromPosition, At: f.FromAt, By: f.By, Source: f.Source, Cause: f.Cause}
	return reception.Rate{Used: v.Used, Until: instant(v.Until), Origin: o}, nil
}

// Rate implements reception.World.
func (v *View) Rate(name string) reception.Rate {
	if r := v.rates[name]; r != nil {
		return *r
	}
	return reception.Rate{}
}
