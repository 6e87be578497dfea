package diagnosis

import (
	"fmt"
	"time"

	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

// DeadRule is one of the agent's own grants or denials that has no effect.
type DeadRule struct {
	Document string `json:"document"`
	Path     string `json:"path"`
	Text     Text   `json:"text"`
}

// deadGrants lists the agent's own grants without effect: whoever wonders why it receives nothing may believe that they give something.
func (r *run) deadGrants() []DeadRule {
	list := []DeadRule{}
	for _, d := range policy.DeadGrants(r.m.set, r.q.Agent, r.m.now) {
		list = append(list, DeadRule{d.Document, d.Path, Text{ZH: d.MessageZH, EN: d.Message}})
	}
	return list
}

// forgotten says for how many days a switch has stopped the finding's cells, if it looks forgotten; 0 if it does not.
func (r *run) forgotten(f *finding) int {
	var names []string
	switch f.gate {
	case reception.SwitchPlatform:
		names = []string{"platform"}
	case reception.SwitchAccount:
		names = []string{policy.KindAccount + "." + r.q.Agent}
	case reception.SwitchInbox:
		for _, inbox := range r.inboxesAbout(f) {
			names = append(names, policy.KindInbox+"."+inbox)
		}
	}
	for _, name := range names {
		if spec, ok := r.m.set.Switch(name); ok && spec.Forgotten(f.cause.since, r.m.now) {
			return int(r.m.now.Sub(f.cause.since) / (24 * time.Hour))
		}
	}
	return 0
}

// proveForgotten says that a switch looks forgotten.
func (r *run) proveForgotten(f *finding, name string, spec *policy.SwitchSpec) {
	if spec.Forgotten(f.cause.since, r.m.now) {
		f.add(r.fromDocument(policy.KindSwitch, name, "/spec/until", fmt.Sprintf("none, for %d days: it looks forgotten", int(r.m.now.Sub(f.cause.since)/(24*time.Hour)))))
	}
}

// withAge adds to a clause that what it names looks forgotten.
func (r *run) withAge(text Text, f *finding) Text {
	days := r.forgotten(f)
	if days == 0 {
		return text
	}
	return Text{ZH: fmt.Sprintf("%s（已 %d 天，可能忘了恢复）", text.ZH, days), EN: fmt.Sprintf("%s (%d days ago: it looks forgotten)", text.EN, days)}
}
