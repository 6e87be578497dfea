package sim

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/ledger"
)

// checkAnnouncements: whatever fails and starts again in between, nobody is told the same twice.
func (s *Sim) checkAnnouncements() {
	for _, account := range agents {
		entries, err := s.store.Entries(background, account, 0, 1<<20)
		if err != nil {
			s.violated("entries of %s: %v", account, err)
		}
		told := map[string]bool{}
		for _, e := range entries {
			var data ledger.AnnouncementData
			if e.Delivery.Type != ledger.EntryNotice || json.Unmarshal(e.Message.Data, &data) != nil || data.Announcement == "" {
				continue
			}
			if told[data.EN] {
				s.violated("%s was told %q twice", account, data.EN)
			}
			told[data.EN] = true
		}
	}
}

// checkLimits: what a limited switch let through is counted one by one, in minutes that begin with the first and are as long as a minute. (That nothing went
// while the count was used up is in the journal: checkReplay decides all of it again.)
func (s *Sim) checkLimits() {
	facts, err := s.store.FactsBetween(background, ledger.SubjectSwitches, time.Time{}, s.now.AddDate(1, 0, 0), 1<<20)
	if err != nil {
		s.violated("facts of switches: %v", err)
	}
	type count struct {
		used            int
		until, position int64
	}
	steps := s.steps()
	set := func(after, before int64) bool { // whether the clock was, in between
		return slices.ContainsFunc(steps, func(step stepOfClock) bool { return step.position > after && step.position < before })
	}
	last := map[string]count{}
	for _, f := range facts { // in the order of their positions
		var v struct {
			Used  int   `json:"used"`
			Until int64 `json:"until"`
		}
		if err := json.Unmarshal(f.Value, &v); err != nil || f.Name != ledger.FactRate {
			s.violated("fact %s %s: %v", f.Name, f.Value, err)
			continue
		}
		before, until := last[f.Key], time.UnixMicro(v.Until)
		switch {
		case f.Cause == ledger.CauseClock:
			if v.Used != before.used {
				s.violated("switch %s counts %d instead of %d since the clock was set", f.Key, v.Used, before.used)
			}
		case v.Used == 1 && !until.Equal(f.FromAt.Add(time.Minute)) || v.Used == 1 && f.FromAt.Before(time.UnixMicro(before.until)) && !set(before.position, f.FromPosition):
			s.violated("switch %s began a minute at %v until %v, the last one until %v", f.Key, f.FromAt, until, time.UnixMicro(before.until))
		case v.Used != 1 && (v.Used != before.used+1 || v.Until != before.until || !f.FromAt.Before(until)):
			s.violated("switch %s counts %d until %v at %v, after %d until %v", f.Key, v.Used, until, f.FromAt, before.used, time.UnixMicro(before.until))
		}
		last[f.Key] = count{v.Used, v.Until, f.FromPosition}
	}
}

// wakes are the ends of a conversation's times aside, in order.
func (s *Sim) wakes(id int64) (list []ledger.FactRow) {
	facts, err := s.store.FactsBetween(background, fmt.Sprintf("conversation/%d", id), time.Time{}, s.now.AddDate(1, 0, 0), 1<<20)
	if err != nil {
		s.violated("facts of c%d: %v", id, err)
	}
	for _, f := range facts {
		if f.Name == ledger.FactSnoozed && f.ToPosition != 0 {
			list = append(list, f)
		}
	}
	return list
}

// wokenAt is when a conversation was last taken up again, as time passes; zero if it never was.
func (s *Sim) wokenAt(id int64) time.Time {
	if list := s.wakes(id); len(list) > 0 {
		last := list[len(list)-1]
		return s.passed(s.steps(), last.ToAt, last.ToPosition)
	}
	return time.Time{}
}

// wokenBetween says whether a conversation was taken up again after one position and not after another.
func (s *Sim) wokenBetween(id, after, until int64) bool {
	return slices.ContainsFunc(s.wakes(id), func(f ledger.FactRow) bool { return f.ToPosition >= after && f.ToPosition <= until })
}
