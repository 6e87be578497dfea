package faults

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// mask makes a case of several faults at once out of those that mix: two or three, at different gates, of which one hides the others from whoever looks at
// the first thing that is wrong.
func mask(seed uint64) *Class {
	rng := rand.New(rand.NewPCG(seed, 23))
	var mixes []*Class
	for _, class := range classes() {
		if class.Mixes {
			mixes = append(mixes, class)
		}
	}
	var chosen []*Class
	for want := 2 + rng.IntN(2); len(chosen) < want; {
		next := mixes[rng.IntN(len(mixes))]
		if !slices.ContainsFunc(chosen, func(o *Class) bool { return !compatible(o, next) }) {
			chosen = append(chosen, next)
		}
	}
	// What takes the means away to inject the others comes last.
	slices.SortStableFunc(chosen, func(a, b *Class) int { return turn(a) - turn(b) })
	out := &Class{Name: fmt.Sprintf("masked.%d", len(chosen)), Kind: Masked}
	for _, class := range chosen {
		out.Team += class.Team
	}
	out.Shape = func(c *Case) {
		for _, class := range chosen {
			if class.Shape != nil {
				class.Shape(c)
			}
		}
	}
	out.Apply = func(c *Case) error {
		for _, class := range chosen {
			if err := class.Apply(c); err != nil {
				return fmt.Errorf("%s: %w", class.Name, err)
			}
		}
		return nil
	}
	return out
}

// gateOf is the gate of a class, by its name.
func gateOf(class *Class) string {
	parts := strings.SplitN(class.Name, ".", 3)
	return strings.Join(parts[:2], ".")
}

// compatible says whether two faults can be true at once. Two at one gate need not both be seen by anybody. Somebody who belongs to an inbox no more has no team's
// window there; and it is a member directly or by its team.
func compatible(a, b *Class) bool {
	if gateOf(a) == gateOf(b) || a.Team*b.Team < 0 {
		return false
	}
	of := func(gate, name string) bool {
		return strings.HasPrefix(a.Name, gate) && strings.HasPrefix(b.Name, name) || strings.HasPrefix(b.Name, gate) && strings.HasPrefix(a.Name, name)
	}
	presences := strings.HasPrefix(a.Name, "presence.") && strings.HasPrefix(b.Name, "presence.")
	return !presences && !of("membership.inbox", "window.agent.team")
}

// turn is when a fault is injected among others.
func turn(class *Class) int {
	switch {
	case strings.HasPrefix(class.Name, "presence."):
		return 0
	case strings.HasPrefix(class.Name, "account.login."):
		return 2
	case strings.HasPrefix(class.Name, "account.state."):
		return 3
	}
	return 1
}
