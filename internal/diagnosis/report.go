package diagnosis

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/bidahq/bida/internal/policy"
)

// Verdict is the conclusion over all cells of the scope.
type Verdict string

// The verdicts of design §7.
const (
	Receiving Verdict = "receiving"
	Partial   Verdict = "partial"
	Blocked   Verdict = "blocked"
	Waiting   Verdict = "waiting"
	NoTraffic Verdict = "no_traffic"
	Unknown   Verdict = "unknown"
)

// Report is the answer to a Query; it marshals to the JSON of design §7.
type Report struct {
	Subject  Subject   `json:"subject"`
	At       Instant   `json:"at"`
	Position int64     `json:"position"`
	Revision int64     `json:"revision"`
	Verdict  Verdict   `json:"verdict"`
	Headline Text      `json:"headline"`
	Findings []Finding `json:"findings"`
	Checks   []Check   `json:"checks"`
	Traffic  Traffic   `json:"traffic"`
	// Clients are the agent's clients on connections that were open at the instant, with what each told of itself.
	Clients []Client `json:"clients"`
	// Next is what to record, ask or look at where something is unknown; "" otherwise. It is in the language of the Query.
	Next string `json:"next"`
	// Titles are what people call the inboxes that are named in the report, by inbox/NAME.
	Titles map[string]string `json:"titles"`

	// Hypothetical is there where settings were only thought of: verdict, findings, checks and fixes are those that would be. Traffic is not counted then.
	Hypothetical *Hypothetical `json:"hypothetical,omitempty"`
	// Place is where the message is, Best what would let the most agents receive it: for a question about a message and no agent in particular.
	Place *Place  `json:"place,omitempty"`
	Best  *Remedy `json:"best,omitempty"`
	// Patterns are what separates the agent's deliveries that did not arrive as they should from the others: coincidences, where there are enough to tell.
	Patterns []Separation `json:"patterns,omitempty"`
	// DeadRules are the agent's own grants and denials that have no effect, at the instant asked about.
	DeadRules []DeadRule `json:"dead_rules"`

	// Mended says that, with the fixes of all roots carried out together, every cell of the scope was decided again and passes. It is no part of the JSON.
	Mended bool `json:"-"`
}

// newReport makes a report that names no client.
func newReport() *Report { return &Report{Clients: []Client{}} }

// Subject is what was asked about.
type Subject struct {
	Agent   string `json:"agent"` // "" for a question about a message and whoever could have it
	Title   string `json:"title,omitempty"`
	Inbox   string `json:"inbox,omitempty"`
	Kind    string `json:"kind,omitempty"`
	Message string `json:"message,omitempty"`
	Sender  string `json:"sender_id,omitempty"`
	Excess  bool   `json:"excess,omitempty"` // asked why the agent gets what it should not
}

// Text is a sentence in both languages.
type Text struct {
	ZH string `json:"zh"`
	EN string `json:"en"`
}

// In returns the text in "zh" or, for any other language, English.
func (t Text) In(lang string) string {
	if lang == "zh" {
		return t.ZH
	}
	return t.EN
}

func (t Text) empty() bool { return t.ZH == "" && t.EN == "" }

// CellRef is one cell of the scope.
type CellRef struct {
	Inbox string `json:"inbox"`
	Kind  string `json:"kind"`
}

// Finding is one cause, with the cells it stops, its proof and its fix.
type Finding struct {
	Code    string `json:"code"`
	Gate    string `json:"gate"`
	Outcome string `json:"outcome"`
	// Primary marks the one finding that answers the question.
	Primary  bool `json:"primary"`
	Expected bool `json:"expected"`
	// Because says why it is to be expected, where it is.
	Because *Text `json:"because,omitempty"`
	// ConsequenceOf is the code of the root that this follows from; nil for a root.
	ConsequenceOf *string   `json:"consequence_of"`
	Scope         []CellRef `json:"scope"`
	// Agents are those whom it stops, at most 100 of AgentCount: for a question about a message and no agent in particular.
	Agents     []string   `json:"agents,omitempty"`
	AgentCount int        `json:"agent_count,omitempty"`
	Since      *Instant   `json:"since"`
	ChangedBy  *ChangedBy `json:"changed_by"`
	Evidence   []Evidence `json:"evidence"`
	Fix        *Fix       `json:"fix"`
	Playbook   string     `json:"playbook"`
}

// ChangedBy is who or what made it so. Revision is there when it was a change of settings.
type ChangedBy struct {
	Account  string   `json:"account,omitempty"` // left out where the asker may know the title only
	Title    string   `json:"title,omitempty"`
	Revision int64    `json:"revision,omitempty"`
	At       *Instant `json:"at,omitempty"`
	Source   string   `json:"source,omitempty"`
	Cause    string   `json:"cause,omitempty"`
	Reason   string   `json:"reason,omitempty"`
}

// Evidence is one fact that bears on a finding.
type Evidence struct {
	Fact   string   `json:"fact"`
	Value  string   `json:"value"`
	Source string   `json:"source"`
	At     *Instant `json:"at"`

	// who is the account that {who} stands for in Value and Source; others says that the entry is about somebody else's load or work. See redact.go.
	who    string
	others bool
}

// Fix is the smallest change that removes a finding.
type Fix struct {
	By      string   `json:"by"` // self, supervisor, admin, security, on-call
	Edits   []Edit   `json:"edits"`
	Actions []Action `json:"actions"`
	// Verified says that exactly these edits and actions were carried out on a copy and decided again, and that the finding was gone.
	Verified bool `json:"verified"`
	// Others is what else it changes; nil where that was not counted.
	Others *Others `json:"others,omitempty"`
}

// Edit is one document with its whole new spec, as PUT /policy takes it; a nil spec deletes it. Fields are what differs.
type Edit struct {
	Kind   string               `json:"kind"`
	Name   string               `json:"name"`
	Spec   json.RawMessage      `json:"spec,omitempty"`
	Fields []policy.FieldChange `json:"fields,omitempty"`
}

// Action is something a person does that is no change of settings.
type Action struct {
	Action string   `json:"action"` // go_available, reconnect, sign_in, create_token, finish_conversation, release_message, wait_until, mend_component
	By     string   `json:"by"`
	Until  *Instant `json:"until,omitempty"`
	Text   Text     `json:"text"`
}

// Check is one gate's outcome for some cells.
type Check struct {
	Part    int       `json:"part"`
	Gate    string    `json:"gate"`
	Outcome string    `json:"outcome"`
	Code    string    `json:"code"`
	Until   *Instant  `json:"until"`
	Scope   []CellRef `json:"scope"`
	// Agents is how many candidates have this outcome, for a question about a message and no agent in particular.
	Agents int `json:"agents,omitempty"`
}

// Traffic counts the messages of the scope in the 24 hours before the instant. docs/diagnosis.md says how each number is counted.
type Traffic struct {
	Offered           int `json:"offered"`
	Eligible          int `json:"eligible"`
	AssignedElsewhere int `json:"assigned_elsewhere"`
	Pushed            int `json:"pushed"`
	Received          int `json:"received"`
}

// Instant is a time that is written with offset and milliseconds.
type Instant time.Time

const instantLayout = "2006-01-02T15:04:05.000-07:00"

// String writes the instant as RFC 3339 with milliseconds.
func (i Instant) String() string { return time.Time(i).Format(instantLayout) }

// Time is the instant.
func (i Instant) Time() time.Time { return time.Time(i) }

// MarshalText writes the instant as RFC 3339 with milliseconds.
func (i Instant) MarshalText() ([]byte, error) { return []byte(i.String()), nil }

// UnmarshalText reads an RFC 3339 instant.
func (i *Instant) UnmarshalText(text []byte) error {
	t, err := time.Parse(time.RFC3339Nano, string(text))
	if err != nil {
		return fmt.Errorf("an instant is written as RFC 3339: %w", err)
	}
	*i = Instant(t)
	return nil
}

// instant is a time in the installation's zone; nil for the zero time.
func (r *run) instant(t time.Time) *Instant {
	if t.IsZero() {
		return nil
	}
	i := Instant(t.In(r.s.zone))
	return &i
}
