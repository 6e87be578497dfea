package policy

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// The kinds of documents, in the order in which documents are listed and exported: what is referred to comes before what refers to it.
const (
	KindCalendar    = "calendar"
	KindSchedule    = "schedule"
	KindTemplate    = "template"
	KindRole        = "role"
	KindAccount     = "account"
	KindTeam        = "team"
	KindInbox       = "inbox"
	KindSwitch      = "switch"
	KindMaintenance = "maintenance"
	KindClient      = "client"
	KindFilter      = "filter"
	KindAutoReply   = "autoreply"
)

var kindOrder = []string{KindCalendar, KindSchedule, KindTemplate, KindRole, KindAccount, KindTeam, KindInbox, KindSwitch, KindMaintenance, KindClient, KindFilter, KindAutoReply}

// Kinds lists the kinds of documents in their order.
func Kinds() []string { return slices.Clone(kindOrder) }

func kindRank(kind string) int { return slices.Index(kindOrder, kind) }

// Document is one piece of the policy. Spec is canonical JSON (fields in their fixed order, defaults left out); Revision is the one that last changed it.
type Document struct {
	Kind     string          `json:"kind"`
	Name     string          `json:"name"`
	Spec     json.RawMessage `json:"spec"`
	Revision int64           `json:"revision,omitempty"`

	lines lineIndex // where its parts stand in the file it was read from; nil otherwise
}

// Edit is one wanted change: the document's whole new spec, or nil to delete it.
type Edit struct {
	Kind string          `json:"kind"`
	Name string          `json:"name"`
	Spec json.RawMessage `json:"spec,omitempty"`

	lines lineIndex
}

// The actions of a Change.
const (
	Create = "create"
	Update = "update"
	Delete = "delete"
)

// Change is what an edit does to one document: both canonical specs, and for an update the fields that differ.
type Change struct {
	Kind   string          `json:"kind"`
	Name   string          `json:"name"`
	Action string          `json:"action"`
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
	Fields []FieldChange   `json:"fields,omitempty"`
}

// FieldChange is one field that differs. Path is a JSON pointer such as "/spec/routing/sticky"; a list is compared as a whole. A missing side is nil.
type FieldChange struct {
	Path   string          `json:"path"`
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

// Problem is one thing that is wrong, in words for the person who wrote it.
type Problem struct {
	Document  string `json:"document"`       // "account/agent-a"; in a file a document without a usable name is counted: "document 3"
	Path      string `json:"path"`           // JSON pointer into the document, "/spec/roles/0"; "" for the document as a whole
	Line      int    `json:"line,omitempty"` // in the file, 0 if the document did not come from one
	Message   string `json:"message"`
	MessageZH string `json:"message_zh"`
}

// String is the problem as one English line.
func (p Problem) String() string {
	var b strings.Builder
	if p.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", p.Line)
	}
	if where := strings.TrimSpace(p.Document + " " + p.Path); where != "" {
		b.WriteString(where)
		b.WriteString(": ")
	}
	b.WriteString(p.Message)
	return b.String()
}

// Problems is the error that functions of this package return when a policy is at fault: everything that is wrong, not only the first.
type Problems []Problem

// Error lists all problems, one a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Locate fills in the lines of problems in documents that were read from a file, where they are missing: for problems that came back from a server.
func (ps Problems) Locate(docs []Document) Problems {
	located := slices.Clone(ps)
	lines := map[string]lineIndex{}
	for _, d := range docs {
		if d.lines != nil {
			lines[label(d.Kind, d.Name)] = d.lines
		}
	}
	for i, p := range located {
		if p.Line == 0 {
			located[i].Line = lines[p.Document].of(p.Path)
		}
	}
	return located
}

// maxProblems bounds an answer; a file with more faults than this is not mended by reading on.
const maxProblems = 1000

// problemList collects problems up to the bound and counts the rest.
type problemList struct {
	list Problems
	more int
}

func (l *problemList) add(p Problem) {
	if len(l.list) >= maxProblems {
		l.more++
		return
	}
	l.list = append(l.list, p)
}

// err returns the problems as an error, nil if there are none.
func (l *problemList) err() error {
	if len(l.list) == 0 {
		return nil
	}
	if l.more > 0 {
		return append(l.list, Problem{
			Message:   fmt.Sprintf("and %d more problems", l.more),
			MessageZH: fmt.Sprintf("另有 %d 个问题未列出", l.more),
		})
	}
	return l.list
}

// label is how problems name a document.
func label(kind, name string) string { return short(kind) + "/" + short(name) }

// short keeps what somebody wrote from being longer, or looking other, than a name may.
func short(s string) string {
	if len(s) > 2*maxName || !utf8.ValidString(s) || strings.ContainsFunc(s, forbidden) {
		return quoted(s)
	}
	return s
}

// lineIndex says on which line of a file each path of a document stands.
type lineIndex map[string]int

// of finds the line of a path, or of the nearest part above it that has one.
func (x lineIndex) of(path string) int {
	for {
		if line, ok := x[path]; ok {
			return line
		}
		cut := strings.LastIndexByte(path, '/')
		if cut < 0 {
			return 0
		}
		path = path[:cut]
	}
}

var pointerEscape = strings.NewReplacer("~", "~0", "/", "~1")

// pointer makes a JSON pointer of its parts.
func pointer(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteByte('/')
		pointerEscape.WriteString(&b, p) // a strings.Builder does not fail
	}
	return b.String()
}
