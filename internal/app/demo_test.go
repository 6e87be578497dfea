package app

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bidahq/bida/internal/demo"
	"github.com/bidahq/bida/internal/ledger"
)

func demoConfig(t *testing.T) Config {
	c := config(t)
	c.Demo = true
	return c
}

// settled waits until the demo's history has been made.
func settled(t *testing.T, a *App) {
	t.Helper()
	if a.history == nil {
		t.Fatal("there is no history under way")
	}
	<-a.history
}

func TestTheDemoCompanyIsThereOnceWithItsHistoryAndItsPasswords(t *testing.T) {
	c := demoConfig(t)
	a := serve(t, c)
	settled(t, a)
	ctx := t.Context()
	for _, account := range []string{demo.Admin, "agent-a", "supervisor-b", "agent-f"} {
		if err := a.base.identity.VerifyPassword(ctx, account, a.Demo().Password); err != nil {
			t.Errorf("password of %s: %v", account, err)
		}
	}
	if err := a.base.identity.VerifyPassword(ctx, "shop", a.Demo().Password); err == nil {
		t.Error("the robot has a password")
	}
	replies, err := a.base.store.Replies(ctx, "web", 0, 100)
	if err != nil || len(replies) < 4 {
		t.Errorf("%d answers, %v", len(replies), err)
	}
	waiting := a.base.ledger.OpenConversations(func(*ledger.ConversationRow) bool { return true })
	if len(waiting) != 3 {
		t.Errorf("%d conversations are open", len(waiting))
	}
	for _, c := range waiting {
		if c.Owner != "" {
			t.Errorf("%s has conversation %d though everybody has signed out", c.Owner, c.ID)
		}
	}
	rev, err := a.base.store.Revision(ctx, 2)
	if err != nil || rev.By != "supervisor-b" || rev.Reason == "" {
		t.Errorf("the supervisor's change is %+v, %v", rev, err)
	}
	refusals, err := a.base.store.Refusals(ctx, "after-sales", "", 0, 10)
	if err != nil || len(refusals) != 1 {
		t.Errorf("the intake log has %+v, %v", refusals, err)
	}
	for _, account := range []string{"agent-a", "agent-c", "shop", "supervisor-b"} {
		tokens, err := a.base.store.TokensOf(ctx, account)
		for _, token := range tokens {
			if token.RevokedAt.IsZero() {
				t.Errorf("%s still has token %s", account, token.ID)
			}
		}
		if err != nil || len(tokens) == 0 {
			t.Errorf("tokens of %s: %d, %v", account, len(tokens), err)
		}
	}
	if got := status(t, a, demo.ShopPath); got != http.StatusOK {
		t.Errorf("the shop answers %d", got)
	}

	password, position := a.Demo().Password, a.base.ledger.Position()
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
	again := serve(t, c)
	if again.history != nil || again.Demo() == nil || again.Demo().Password != password {
		t.Errorf("the second start made another company: %+v", again.Demo())
	}
	if got := again.base.ledger.Policy().Revision(); got != 2 {
		t.Errorf("revision %d after the second start", got)
	}
	if again.base.ledger.Position() < position {
		t.Error("the second start lost something")
	}
}

func TestAStopInTheMiddleOfTheHistoryLeavesNoKeyBehind(t *testing.T) {
	c := demoConfig(t)
	a := serve(t, c)
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
	a = serve(t, c)
	for _, account := range []string{"agent-a", "agent-c", "shop", "supervisor-b"} {
		tokens, err := a.base.store.TokensOf(t.Context(), account)
		if err != nil {
			t.Fatal(err)
		}
		for _, token := range tokens {
			if token.RevokedAt.IsZero() {
				t.Errorf("%s still has token %s", account, token.ID)
			}
		}
	}
}

func TestADirectoryWithDataIsServedWithoutTheDemo(t *testing.T) {
	c := config(t)
	first := serve(t, c)
	if err := first.Stop(); err != nil {
		t.Fatal(err)
	}
	c.Demo = true
	a := serve(t, c)
	if a.Demo() != nil || len(a.base.ledger.Policy().All()) != 0 {
		t.Error("a directory that was somebody's became the demo's")
	}
	if _, err := os.Stat(filepath.Join(c.Data, "demo.json")); err == nil {
		t.Error("it was marked")
	}
	if got := status(t, a, demo.ShopPath); got != http.StatusNotFound {
		t.Errorf("the shop answers %d", got)
	}
}

func TestTheDemoIsForThisMachineOnly(t *testing.T) {
	for listen, ok := range map[string]bool{
		"127.0.0.1:0": true, "localhost:0": true, "[::1]:0": true, "127.9.9.9:80": true,
		":8420": false, "0.0.0.0:8420": false, "[::]:8420": false, "192.168.1.2:8420": false, "example.org:80": false,
	} {
		_, err := LoadConfig(Sources{Flags: map[string]string{"listen": listen, "demo": "true"}})
		if (err == nil) != ok {
			t.Errorf("%s: %v", listen, err)
		}
		if err != nil && !strings.Contains(err.Error(), "demo (--demo)") {
			t.Errorf("%q does not name the key", err)
		}
	}
	_, err := LoadConfig(Sources{Flags: map[string]string{"policy": "company.yaml", "demo": "true"}})
	if err == nil || !strings.Contains(err.Error(), "company.yaml") {
		t.Errorf("with a policy file: %v", err)
	}
	if _, err := LoadConfig(Sources{Env: []string{"BIDA_DEMO=perhaps"}}); err == nil || !strings.Contains(err.Error(), "true or false") {
		t.Errorf("perhaps: %v", err)
	}
}
