package diagnosis

import (
	"slices"
	"strings"
)

// What an asker may see is decided here and nowhere else.
//
// With diagnosis.view: everything but the specs of a fix; with policy.view as well: everything.
// With diagnosis.self, about oneself:
//   - one's own facts, loads and account settings are shown as they are;
//   - whoever changed something is shown by title, not by account name, and somebody without a title as "a colleague";
//   - loads, turns and conversations of others are left out;
//   - the specs of a fix are left out: which fields of which documents are to be changed remains, what stands in them (and who else is in a list) does not.
//
// From a snapshot: everything but the specs of a fix, which are not whole there.
//
// No report, for whoever asks, holds the text of a message or the name of a contact: nothing of them is read into it.

// redact fits a report to the rights of its asker.
func (r *run) redact(report *Report) {
	for i := range report.Findings {
		f := &report.Findings[i]
		r.redactAuthor(f.ChangedBy)
		kept := make([]Evidence, 0, len(f.Evidence))
		for _, e := range f.Evidence {
			if e.others && !r.whole {
				continue
			}
			who := r.nameOf(e.who)
			e.Value = strings.ReplaceAll(e.Value, "{who}", who)
			e.Source = strings.ReplaceAll(e.Source, "{who}", who)
			kept = append(kept, e)
		}
		f.Evidence = kept
		if f.Fix != nil {
			r.redactFix(f.Fix)
		}
	}
	if !r.settings {
		report.withoutSpecs()
	}
}

func (r *run) redactFix(fix *Fix) {
	if fix.Others != nil && !r.whole { // whom else a change concerns is nothing for colleagues
		fix.Others = &Others{Count: fix.Others.Count, Cells: slices.DeleteFunc(slices.Clone(fix.Others.Cells), func(c AgentCell) bool { return c.Agent != r.asker })}
	}
	if r.s.Offline {
		for j := range fix.Edits {
			fix.Edits[j].Spec = nil
		}
	}
}

// withoutSpecs leaves out of fixes what stands in documents.
func (r *Report) withoutSpecs() {
	for i := range r.Findings {
		if fix := r.Findings[i].Fix; fix != nil {
			fix.withoutSpecs()
		}
	}
	if r.Best != nil {
		r.Best.Fix.withoutSpecs()
	}
}

func (f *Fix) withoutSpecs() {
	for i := range f.Edits {
		e := &f.Edits[i]
		e.Spec = nil
		for k := range e.Fields {
			e.Fields[k].Before, e.Fields[k].After = nil, nil
		}
	}
}

func (r *run) redactAuthor(c *ChangedBy) {
	if c == nil || r.whole || c.Source == whatIf || c.Account == r.asker || c.Account == system {
		return
	}
	if c.Title == "" {
		c.Title = colleague.In(r.q.Lang)
	}
	c.Account = ""
}

// nameOf is how evidence names an account.
func (r *run) nameOf(account string) string {
	if account == "" || r.whole || account == r.asker || account == system {
		return account
	}
	if title := r.title(account); title != "" {
		return title
	}
	return colleague.In(r.q.Lang)
}

var colleague = Text{ZH: "同事", EN: "a colleague"}

// system is who acts when a rule does.
const system = "system"
