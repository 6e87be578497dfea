package diagnosis

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
)

// What makes losses look random is that nobody grouped them. A pattern groups deliveries by what is recorded of each, and says that a value separates the bad ones
// from the others only where chance would hardly do so: by Fisher's exact test, with every comparison that was made counted (Bonferroni). That bad deliveries
// coincide with a value is told as that; it is no cause.

// The outcomes of deliveries that are looked at, in order of how bad they are.
var outcomesOfDeliveries = [...]string{"lost", "unacknowledged", "withdrawn", "late"}

const (
	lostOutcome = iota
	unacknowledgedOutcome
	withdrawnOutcome
	lateOutcome
	outcomeCount
)

// The dimensions by which deliveries are grouped.
var dimensions = [...]string{"agent", "inbox", "kind", "conversation", "node", "connection", "version", "session_age", "connection_age", "hour"}

const (
	byAgent = iota
	byInbox
	byKind
	byConversation
	byNode
	byConnection
	byVersion
	bySessionAge
	byConnectionAge
	byHour
	dimensionCount
)

const (
	// leastBad is from how many bad deliveries on something is said about them.
	leastBad = 5
	// leastCompared is how many others there must be to compare with.
	leastCompared = 5
	// mostOf is the share of all bad deliveries that must have the value.
	mostOf = 0.8
	// familyError is how often, at most, chance alone may make a set of deliveries with nothing behind it look as if something separated it.
	familyError      = 0.001
	mostSeparations  = 8
	mostGroups       = 12
	notRecordedValue = ""
)

// sample is one delivery: its values, "" where one is not recorded, and what was bad about it.
type sample struct {
	of  [dimensionCount]string
	bad [outcomeCount]bool
}

// Tally counts deliveries. One may be bad in several ways.
type Tally struct {
	Deliveries     int `json:"deliveries"`
	Lost           int `json:"lost"`           // no client acknowledged it although it should have arrived
	Unacknowledged int `json:"unacknowledged"` // the first push was not acknowledged
	Withdrawn      int `json:"withdrawn"`      // taken back before a client had it
	Late           int `json:"late"`           // acknowledged later than 5 s after it was put into the list
}

func (t *Tally) add(s *sample) {
	t.Deliveries++
	for i, n := range []*int{&t.Lost, &t.Unacknowledged, &t.Withdrawn, &t.Late} {
		if s.bad[i] {
			*n++
		}
	}
}

func (t *Tally) worst() int { return t.Lost + t.Unacknowledged + t.Withdrawn + t.Late }

// Dimension is how deliveries are spread over the values of something.
type Dimension struct {
	Name   string  `json:"name"`
	Groups []Group `json:"groups"` // those with the most bad ones first, at most 12
	More   int     `json:"more"`   // how many groups are left out
}

// Group is the deliveries that have a value.
type Group struct {
	Value string `json:"value"` // "": not recorded
	Tally
}

// Ratio is how many of some deliveries were bad.
type Ratio struct {
	Bad   int `json:"bad"`
	Total int `json:"total"`
}

// Separation is a value that bad deliveries have and others have not, more than chance would have it. It is a coincidence, and no proof of a cause.
type Separation struct {
	Outcome   string `json:"outcome"`
	Dimension string `json:"dimension"`
	Value     string `json:"value"`
	With      Ratio  `json:"with"`    // of the deliveries with this value
	Without   Ratio  `json:"without"` // of the others of which the value is recorded
	// P bounds how likely chance alone would separate them so, with all comparisons that were made.
	P float64 `json:"p"`
	// Same are other values that exactly these deliveries have: which of them matters cannot be told from these records.
	Same []Shared `json:"same"`
	Text Text     `json:"text"`
}

// Shared is another value that the same deliveries have.
type Shared struct {
	Dimension string `json:"dimension"`
	Value     string `json:"value"`
}

// grouped spreads samples over the values of every dimension.
func grouped(samples []sample) []Dimension {
	list := make([]Dimension, 0, dimensionCount)
	for d := range dimensionCount {
		by := map[string]*Group{}
		for i := range samples {
			v := samples[i].of[d]
			if by[v] == nil {
				by[v] = &Group{Value: v}
			}
			by[v].add(&samples[i])
		}
		x := Dimension{Name: dimensions[d], Groups: []Group{}}
		for _, g := range by {
			x.Groups = append(x.Groups, *g)
		}
		slices.SortFunc(x.Groups, func(a, b Group) int {
			if d == byHour {
				return cmp.Compare(a.Value, b.Value)
			}
			return cmp.Or(cmp.Compare(b.worst(), a.worst()), cmp.Compare(b.Deliveries, a.Deliveries), cmp.Compare(a.Value, b.Value))
		})
		if d != byHour && len(x.Groups) > mostGroups {
			x.Groups, x.More = x.Groups[:mostGroups], len(x.Groups)-mostGroups
		}
		list = append(list, x)
	}
	return list
}

// comparison is one value against the others.
type comparison struct {
	outcome, dimension int
	value              string
	with, without      Ratio
	p                  float64
}

// members says which deliveries have the value.
func (c *comparison) members(samples []sample) string {
	var b strings.Builder
	for i := range samples {
		if samples[i].of[c.dimension] == c.value {
			b.WriteString(strconv.Itoa(i))
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// separations finds the values that separate bad deliveries from the others.
func separations(samples []sample) []Separation {
	var made []comparison
	for outcome := range outcomeCount {
		bad := 0
		for i := range samples {
			if samples[i].bad[outcome] {
				bad++
			}
		}
		if bad < leastBad {
			continue
		}
		for dimension := range dimensionCount {
			made = append(made, compared(samples, outcome, dimension)...)
		}
	}
	found := slices.DeleteFunc(slices.Clone(made), func(c comparison) bool {
		return c.with.Bad < leastBad || float64(c.with.Bad) < mostOf*float64(c.with.Bad+c.without.Bad) || c.p*float64(len(made)) > familyError
	})
	slices.SortStableFunc(found, func(a, b comparison) int {
		return cmp.Or(cmp.Compare(a.outcome, b.outcome), cmp.Compare(a.p, b.p), cmp.Compare(a.dimension, b.dimension))
	})
	list := []Separation{}
	seen := map[string]int{}
	for _, c := range found {
		key := strconv.Itoa(c.outcome) + " " + c.members(samples)
		if at, ok := seen[key]; ok {
			list[at].Same = append(list[at].Same, Shared{dimensions[c.dimension], c.value})
			continue
		}
		if len(list) == mostSeparations {
			break
		}
		seen[key] = len(list)
		list = append(list, Separation{
			Outcome: outcomesOfDeliveries[c.outcome], Dimension: dimensions[c.dimension], Value: c.value, With: c.with, Without: c.without,
			P: c.p * float64(len(made)), Same: []Shared{},
		})
	}
	for i := range list {
		list[i].Text = list[i].text()
	}
	return list
}

// compared compares every value of a dimension with all others. What is not recorded is not compared: it says nothing.
func compared(samples []sample, outcome, dimension int) []comparison {
	by := map[string]*comparison{}
	all := Ratio{}
	for i := range samples {
		v := samples[i].of[dimension]
		if v == notRecordedValue {
			continue
		}
		c := by[v]
		if c == nil {
			c = &comparison{outcome: outcome, dimension: dimension, value: v}
			by[v] = c
		}
		c.with.Total++
		all.Total++
		if samples[i].bad[outcome] {
			c.with.Bad++
			all.Bad++
		}
	}
	var list []comparison
	for _, c := range by {
		c.without = Ratio{all.Bad - c.with.Bad, all.Total - c.with.Total}
		if c.with.Total < leastCompared || c.without.Total < leastCompared {
			continue
		}
		c.p = fisher(c.with, c.without)
		list = append(list, *c)
	}
	slices.SortFunc(list, func(a, b comparison) int { return cmp.Compare(a.value, b.value) })
	return list
}

// fisher is the probability that at least so many of the bad ones are among those with the value, if the value had nothing to do with it (Fisher's exact test,
// one-sided).
func fisher(with, without Ratio) float64 {
	bad, total := with.Bad+without.Bad, with.Total+without.Total
	p := 0.0
	for k := with.Bad; k <= min(bad, with.Total); k++ {
		if bad-k > without.Total {
			continue
		}
		p += math.Exp(choose(with.Total, k) + choose(without.Total, bad-k) - choose(total, bad))
	}
	return min(p, 1)
}

// choose is the logarithm of the number of ways to take k of n.
func choose(n, k int) float64 {
	a, _ := math.Lgamma(float64(n + 1))
	b, _ := math.Lgamma(float64(k + 1))
	c, _ := math.Lgamma(float64(n - k + 1))
	return a - b - c
}
