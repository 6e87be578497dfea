package faults

import (
	"time"

	"github.com/bidahq/bida/client"
)

// Class is a kind of fault, as data: how a case is set up, how the fault is injected from outside, and what its truth is.
type Class struct {
	Name string
	Kind Kind // Fault if left out
	On   Place
	// Shape changes what the case begins with, before anything runs; Mate the colleague's account, Client the agent's client.
	Shape  func(*Case)
	Mate   func(*Case, spec)
	Client func(*Case, *client.ListenOptions)
	// Expires is how long the agent's token is good; 0 without end.
	Expires time.Duration
	// Offline says that nobody of the agent's ever connects.
	Offline bool
	// Apply injects the fault and says by c.cause what is true.
	Apply func(*Case) error
	// Symptom posts the message that should arrive, where that is not just a new contact's.
	Symptom func(*Case) (client.Answer, error)
	// Measure does more than that: it says itself whether what should arrive has arrived.
	Measure func(*Case) (bool, error)
	// Nothing says of a healthy run that no message is to arrive: none was taken in, or it is offered to whoever takes it.
	Nothing bool
	// Early asks for the diagnosis before the symptom is measured.
	Early bool
	// Asks is the form of the question: about the agent, or about the message whose fate is the symptom.
	Asks Form
	// Mixes says that the fault can be injected beside another one.
	Mixes bool
	// Quiet says that harmless changes beside it would disturb it.
	Quiet bool
	// Team says that the agent must be a member by its team (1) or directly (-1), for the fault to be possible.
	Team int
	// Rough says that what is true depends on a moment that a busy machine may miss: it is in the full run only.
	Rough bool
	// Few says that it is not cheap: a full run has fewer cases.
	Few bool
}

// Form is what a question names.
type Form int

// The forms.
const (
	AboutAgent Form = iota
	AboutMessage
)

// Place is the kind of server that a class needs.
type Place string

// The places.
const (
	Calm  Place = ""      // a server with many cases beside each other
	Quick Place = "quick" // one that gives connections up soon
	// Ruined is a server for one case, which does not survive it.
	Ruined Place = "ruined"
	// Small is a server for one case whose data lies on a small file system.
	Small Place = "small"
	Alone Place = "alone" // one on which everybody is concerned: one case at a time
)

func (c *Class) expires() time.Time {
	if c.Expires == 0 {
		return time.Time{}
	}
	return time.Now().Add(c.Expires)
}

func (c *Class) kind() Kind {
	if c.Kind == "" {
		return Fault
	}
	return c.Kind
}

// classes are all of them.
func classes() []*Class {
	var list []*Class
	for _, of := range [][]*Class{accountClasses(), rightClasses(), placeClasses(), windowClasses(), switchClasses(), clientClasses(), flowClasses(), conversationClasses(), processClasses(), healthyClasses(), blindClasses()} {
		list = append(list, of...)
	}
	return list
}
