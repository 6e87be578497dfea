package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
)

// DeadRuleBody is something in the policy that has no effect, or that was probably forgotten.
type DeadRuleBody struct {
	Kind    string     `json:"kind"`
	Name    string     `json:"name"`
	Path    string     `json:"path" doc:"in the document; empty for the document as a whole"`
	Why     policy.Why `json:"why" enum:"unused,ended,nothing,covered,shadowed,forgotten"`
	Message string     `json:"message"`
	Since   *Time      `json:"since,omitempty" doc:"of a forgotten switch: since when it stops"`
	By      *NamedBody `json:"by,omitempty" doc:"of a forgotten switch: who set it so"`
	Reason  string     `json:"reason,omitempty" doc:"of a forgotten switch: why, as it says itself, or as who set it said"`
}

type deadRulesOutput struct {
	Body struct {
		Revision int64          `json:"revision"`
		Rules    []DeadRuleBody `json:"rules" doc:"in order of document, at most 1,000"`
	}
}

// deadRules lists what the policy in force says without effect, and the switches that were probably forgotten.
func (s *Server) deadRules(ctx context.Context, by caller, _ *struct{}) (*deadRulesOutput, error) {
	set := s.o.Ledger.Policy()
	stopped, err := s.stopped(ctx, set)
	if err != nil {
		return nil, err
	}
	out := &deadRulesOutput{}
	out.Body.Revision, out.Body.Rules = set.Revision(), []DeadRuleBody{}
	for _, r := range policy.DeadRules(set, policy.DeadQuestion{Now: s.o.Now(), Since: func(name string) (time.Time, bool) {
		row, known := stopped[name]
		return row.At, known
	}}) {
		kind, name, _ := strings.Cut(r.Document, "/")
		b := DeadRuleBody{Kind: kind, Name: name, Path: r.Path, Why: r.Why, Message: r.Message}
		if by.lang == "zh" {
			b.Message = r.MessageZH
		}
		if r.Why == policy.WhyForgotten {
			s.author(&b, set, stopped[name])
		}
		out.Body.Rules = append(out.Body.Rules, b)
	}
	return out, nil
}

// author says who set a switch, when, and why.
func (s *Server) author(b *DeadRuleBody, set *policy.Set, row ledger.RevisionRow) {
	since, who := s.time(row.At), titled(set, row.By)
	b.Since, b.By, b.Reason = &since, &who, row.Reason
	if spec, _ := set.Switch(b.Name); spec.Reason != "" {
		b.Reason = spec.Reason
	}
}

// stopped finds the revisions since which switches stop without an end: a change of a reason alone does not make a switch younger.
func (s *Server) stopped(ctx context.Context, set *policy.Set) (map[string]ledger.RevisionRow, error) {
	found := map[string]ledger.RevisionRow{}
	for _, d := range set.All() {
		if d.Kind != policy.KindSwitch {
			continue
		}
		if spec, _ := set.Switch(d.Name); !spec.StopsForGood() {
			continue
		}
		versions, err := s.o.Store.DocumentVersions(ctx, d.Kind, d.Name)
		if err != nil {
			return nil, fmt.Errorf("versions of switch/%s: %w", d.Name, err)
		}
		row, err := s.o.Store.Revision(ctx, stoppedSince(versions, set.Revision()))
		if err != nil {
			return nil, fmt.Errorf("the revision that set switch/%s: %w", d.Name, err)
		}
		found[d.Name] = row
	}
	return found, nil
}

// stoppedSince is the revision from which on every version of a switch, up to the one in force at a revision, stops without an end. Versions are in order.
func stoppedSince(versions []ledger.DocumentRow, at int64) int64 {
	since, next := at, int64(0)
	for i := len(versions) - 1; i >= 0; i-- {
		v := versions[i]
		if v.From > at {
			continue // applied meanwhile
		}
		var spec policy.SwitchSpec
		if err := json.Unmarshal(v.Spec, &spec); err != nil || !spec.StopsForGood() || next != 0 && v.To != next {
			break
		}
		since, next = v.From, v.From
	}
	return since
}
