package policy_test

import (
	"os"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

const companyFile = "../../deploy/examples/company.yaml"

func company(t testing.TB) ([]policy.Document, *policy.Set) {
	t.Helper()
	data, err := os.ReadFile(companyFile)
	if err != nil {
		t.Fatal(err)
	}
	docs, err := policy.ParseYAML(data)
	if err != nil {
		t.Fatal(err)
	}
	s, err := policy.NewSet(docs)
	if err != nil {
		t.Fatal(err)
	}
	return docs, s
}

func TestTheExampleCompanyIsWhatItSays(t *testing.T) {
	_, s := company(t)
	p := s.Compile()
	agents := 0
	for _, a := range p.Accounts {
		if a.Agent {
			agents++
		}
	}
	if agents != 12 || len(p.Inboxes) != 3 {
		t.Errorf("%d agents and %d inboxes, want 12 and 3", agents, len(p.Inboxes))
	}
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for _, want := range []struct {
		account, inbox, kind string
		code                 reception.Code
	}{
		{"agent-a", "web", "group", 0},
		{"agent-b", "web", "customer", 0},
		{"agent-c", "store", "group", 0},
		{"agent-d", "store", "customer", 0},
		{"agent-d", "store", "group", reception.CodePermissionKindAccountDenied},
		{"agent-f", "web", "customer", reception.CodeAccountStateFrozen},
		{"agent-g", "store", "customer", reception.CodeAccountStateExpired},
		{"agent-h", "store", "group", reception.CodePermissionKindRemovedFromRole},
		{"agent-k", "web", "group", 0},
		{"agent-e", "store", "customer", reception.CodeMembershipInboxNotMember},
		{"shop", "web", "customer", reception.CodeRoleReceiveNotAgent},
	} {
		if got := reception.Entitled(p, want.account, want.inbox, want.kind, false, now); got.Code != want.code {
			t.Errorf("%s for %s in %s: %v, want %v", want.account, want.kind, want.inbox, got.Code, want.code)
		}
	}
	if reception.Can(p, "agent-l", policy.MessageReply, now) || !reception.Can(p, "supervisor-b", policy.PolicyEdit, now) {
		t.Error("the trainee may answer, or the supervisor may not edit the policy")
	}
	if missing, extra := policy.RoleTemplateDifference(s, "store-clerk"); len(missing) != 2 || len(extra) != 0 {
		t.Errorf("store-clerk lacks %v and has %v beyond its template", missing, extra)
	}
}

func TestTheExampleCompanyReceivesAtAnyHour(t *testing.T) {
	_, s := company(t)
	p := s.Compile()
	start := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	for at := start; at.Before(start.AddDate(0, 0, 400)); at = at.Add(20 * time.Minute) {
		for _, inbox := range []string{"web", "store", "after-sales"} {
			if !p.Inboxes[inbox].Hours.Open(at) {
				t.Fatalf("%s is closed at %v", inbox, at)
			}
		}
		for _, name := range []string{"agent-a", "agent-b", "agent-c"} {
			for _, w := range p.Accounts[name].Windows {
				if !w.Open(at) {
					t.Fatalf("%s has a window that is closed at %v", name, at)
				}
			}
			if m := p.Inboxes["web"].Member(name); m == nil || !m.Direct {
				t.Fatalf("%s is no direct member of web", name)
			}
		}
	}
}
