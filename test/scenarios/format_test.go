// Package scenarios plays the situations of a support team that are written in the YAML files beside it: in process on the store in memory, and through
// the API on SQLite and on PostgreSQL. README.md says how a scenario is written.
package scenarios

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// scenario is one document of a file.
type scenario struct {
	Name    string `yaml:"name"`
	English string `yaml:"english"`
	// At is when it begins, in Shanghai; Friday, 20 November 2026, 14:00 if it does not say.
	At string `yaml:"at"`
	// Documents come into the company before the beginning: they replace the fields that they name.
	Documents []document `yaml:"documents"`
	Given     []step     `yaml:"given"`
	When      question   `yaml:"when"`
	Then      answer     `yaml:"then"`
	// InProcess says why it cannot be played through the API; "" if it can.
	InProcess string `yaml:"in_process"`

	file string
}

// document is a document of the policy, of which only what changes need be said. A field that is null is taken away.
type document struct {
	Kind string         `yaml:"kind"`
	Name string         `yaml:"name"`
	Spec map[string]any `yaml:"spec"`
	By   string         `yaml:"by"` // admin if it does not say
}

// step is one thing that happens; exactly one field is set.
type step struct {
	Online         []string    `yaml:"online"`         // sign in, connect, available
	SignIn         []string    `yaml:"sign_in"`        // sign in and connect, without a presence
	Connect        string      `yaml:"connect"`        // connect again
	Client         *client     `yaml:"client"`         // connect again with another program, or another version of it
	Browser        string      `yaml:"browser"`        // sign in at a browser, connect, available
	Report         *selfReport `yaml:"report"`         // what the agent's client tells of itself
	ShortToken     *tokenStep  `yaml:"short_token"`    // online with a token that runs out
	Presence       *presence   `yaml:"presence"`       // set by oneself or a supervisor
	Lose           *lost       `yaml:"lose"`           // a connection ends
	EndSession     *doneTo     `yaml:"end_session"`    // by the person itself: sign out
	RevokeToken    *doneTo     `yaml:"revoke_token"`   //
	Change         *document   `yaml:"change"`         // of settings
	Delete         []document  `yaml:"delete"`         // of documents
	Message        *message    `yaml:"message"`        // of a customer
	Received       string      `yaml:"received"`       // the agent's client acknowledges all
	Unacknowledged string      `yaml:"unacknowledged"` // what was pushed to the agent is not acknowledged
	Accept         *act        `yaml:"accept"`         // an agent takes a conversation
	Reply          *act        `yaml:"reply"`          //
	Resolve        *act        `yaml:"resolve"`        //
	Transfer       *act        `yaml:"transfer"`       //
	GiveBack       *act        `yaml:"give_back"`      //
	SetAside       *act        `yaml:"set_aside"`      // for an hour
	Release        *act        `yaml:"release"`        // what a filter rule keeps back
	Note           *act        `yaml:"note"`           // a note in a conversation, which mentions somebody
	Wait           string      `yaml:"wait"`           // a length of time
	Restart        bool        `yaml:"restart"`        // the server process dies and another begins
	Fails          string      `yaml:"fails"`          // a part of Bida: store, disk, clock, worker
	NoRecord       *lackOfFact `yaml:"no_record"`      // a fact is not known
}

type client struct {
	Agent   string `yaml:"agent"`
	Name    string `yaml:"name"` // workspace if it does not say
	Version string `yaml:"version"`
}

// selfReport is what a client tells: that its window is hidden, or shown again, goes by itself.
type selfReport struct {
	Agent         string `yaml:"agent"`
	Hidden        *bool  `yaml:"hidden"`
	Notifications string `yaml:"notifications"` // granted if it does not say
	Insecure      bool   `yaml:"insecure"`
	Sound         string `yaml:"sound"`
	Muted         bool   `yaml:"muted"`
	Mode          string `yaml:"mode"`
	Tab           string `yaml:"tab"`
	Inbox         string `yaml:"inbox"`
}

type tokenStep struct {
	Agent string `yaml:"agent"`
	For   string `yaml:"for"`
}

type presence struct {
	Agent  string `yaml:"agent"`
	Value  string `yaml:"value"`
	Reason string `yaml:"reason"`
	For    string `yaml:"for"`
	By     string `yaml:"by"` // the agent itself if it does not say
}

type lost struct {
	Agent string `yaml:"agent"`
	Cause string `yaml:"cause"`
}

type doneTo struct {
	Agent string `yaml:"agent"`
	By    string `yaml:"by"` // admin if it does not say
}

type message struct {
	ID    string `yaml:"id"`
	Inbox string `yaml:"inbox"`
	Kind  string `yaml:"kind"` // customer if it does not say
	From  string `yaml:"from"`
	// Conversation names an earlier message whose conversation the sender wants it in.
	Conversation string `yaml:"conversation"`
}

type act struct {
	Agent   string `yaml:"agent"`
	Message string `yaml:"message"`
	To      string `yaml:"to"`
	ID      string `yaml:"id"` // of a note
}

type lackOfFact struct {
	Agent string `yaml:"agent"`
	Of    string `yaml:"of"` // session, presence
}

// question is what is asked in the end: what becomes of a message, why an agent receives nothing, or what became of what came before.
type question struct {
	Message *message `yaml:"message"`
	Ask     *ask     `yaml:"ask"`
	Look    string   `yaml:"look"` // what became of a message or note that came before
}

type ask struct {
	Agent   string `yaml:"agent"` // left out, with a message: whoever could have it
	Inbox   string `yaml:"inbox"`
	Kind    string `yaml:"kind"`
	Message string `yaml:"message"`
	Excess  bool   `yaml:"excess"` // why does it get what it should not?
	Ago     string `yaml:"ago"`
	By      string `yaml:"by"` // lead if it does not say
}

// answer is what must come. What it does not name is not looked at.
type answer struct {
	// About the message.
	Status    string              `yaml:"status"`
	Refused   string              `yaml:"refused"`
	Receivers []string            `yaml:"receivers"`
	Code      string              `yaml:"code"`
	Summary   string              `yaml:"summary"`
	Gates     []string            `yaml:"gates"`  // about the message itself: "block switch.platform.off"
	Agents    map[string][]string `yaml:"agents"` // every outcome with a code, in the order of the gates
	// Deliveries say what lies with whom in the end: "queued", "withdrawn delivery.withdrawn.resolved"; the attempts follow: "pushed unacknowledged".
	Deliveries  map[string]string   `yaml:"deliveries"`
	Later       string              `yaml:"later"`        // code of the last decision on the conversation
	LaterAgents map[string][]string `yaml:"later_agents"` // as agents, of that decision
	// Automatic are the automatic replies that the message was an occasion for, in their order, and what became of each: "hello sent". Says is what automatic
	// replies have said in the conversation, in sequence.
	Automatic []string `yaml:"automatic"`
	Says      []string `yaml:"says"`

	// About the question.
	Verdict  string   `yaml:"verdict"`
	Primary  string   `yaml:"primary"`
	Expected *bool    `yaml:"expected"`
	Causes   []string `yaml:"causes"`   // all roots, the primary first
	Follows  []string `yaml:"follows"`  // what follows from them
	Checks   []string `yaml:"checks"`   // some outcomes of the check list
	Fix      []string `yaml:"fix"`      // of the primary: the documents to change, the things to do
	Restores *bool    `yaml:"restores"` // that, verified, the fixes remove their causes
	Headline string   `yaml:"headline"` // words that the Chinese headline has
	Dead     []string `yaml:"dead"`     // the agent's own grants without effect: "allow/0"
}

const layout = "2006-01-02 15:04"

var shanghai = func() *time.Location {
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		panic(err)
	}
	return zone
}()

// read decodes a file strictly: an unknown field is an error with its line.
func read(file string, content []byte) ([]scenario, error) {
	dec := yaml.NewDecoder(bytes.NewReader(content))
	dec.KnownFields(true)
	var list []scenario
	for {
		s := scenario{file: file}
		err := dec.Decode(&s)
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if err := s.check(); err != nil {
			return nil, fmt.Errorf("%s: %q: %w", file, s.Name, err)
		}
		list = append(list, s)
	}
}

// check refuses what would silently prove nothing.
func (s *scenario) check() error {
	if s.Name == "" || s.English == "" {
		return errors.New("a scenario has a name and an english line")
	}
	for i := range s.Given {
		if n := set(&s.Given[i]); n != 1 {
			return fmt.Errorf("given %d: a step is one thing that happens, this is %d", i+1, n)
		}
	}
	t := &s.Then
	aboutMessage := t.Status != "" || t.Refused != ""
	aboutAgent := t.Verdict != "" && t.Primary != "" || t.Verdict == "receiving"
	switch {
	case s.When.Message == nil && s.When.Ask == nil && s.When.Look == "":
		return errors.New("when: nothing is asked")
	case s.When.Look != "" && t.Code == "" && t.Deliveries == nil && t.Automatic == nil:
		return errors.New("then: what is looked at has a code or deliveries")
	case s.When.Message != nil && !aboutMessage:
		return errors.New("then: a message has a status, or is refused")
	case s.When.Ask != nil && !aboutAgent:
		return errors.New("then: a question has a verdict and its primary cause")
	case s.When.Ask == nil && (t.Verdict != "" || t.Primary != "" || t.Causes != nil || t.Fix != nil || t.Restores != nil || t.Headline != "" || t.Dead != nil):
		return errors.New("then: a verdict, and no question")
	}
	return nil
}

// set counts the fields that say something.
func set(s *step) (n int) {
	v := reflect.ValueOf(*s)
	for i := range v.NumField() {
		if !v.Field(i).IsZero() {
			n++
		}
	}
	return n
}

// all reads every file beside this one.
func all(t *testing.T) []scenario {
	t.Helper()
	files, err := filepath.Glob("*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var list []scenario
	seen := map[string]string{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		more, err := read(file, content)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range more {
			if before, twice := seen[s.Name]; twice {
				t.Errorf("%s: %q is in %s already", file, s.Name, before)
			}
			seen[s.Name] = file
		}
		list = append(list, more...)
	}
	return list
}
