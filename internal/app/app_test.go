package app

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/limit"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/store"
	"github.com/bidahq/bida/test/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

var options = Options{Version: "test", Log: slog.New(slog.DiscardHandler)}

func config(t *testing.T) Config {
	t.Helper()
	c := DefaultConfig()
	c.Data, c.Listen = filepath.Join(t.TempDir(), "data"), "127.0.0.1:0"
	return c
}

func serve(t *testing.T, c Config) *App {
	t.Helper()
	return serveWith(t, c, options)
}

// tokenOf makes a token for an account of a running server.
func tokenOf(t *testing.T, c Config, account string) string {
	t.Helper()
	admin, err := OpenAdmin(t.Context(), c, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = admin.Close() }() // nothing to lose
	token, err := admin.CreateToken(t.Context(), NewToken{Account: account})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func serveWith(t *testing.T, c Config, o Options) *App {
	t.Helper()
	a, err := New(t.Context(), c, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	return a
}

func status(t *testing.T, a *App, path string) int {
	t.Helper()
	r, err := http.Get("http://" + a.Addr().String() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	return r.StatusCode
}

func TestAServerAnswersUntilItIsStoppedAndLeavesNothingRunning(t *testing.T) {
	c := config(t)
	o := options
	o.Version = "of this test alone"
	a := serveWith(t, c, o)
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/api/openapi.yaml"} {
		if got := status(t, a, path); got != http.StatusOK {
			t.Errorf("%s answers %d", path, got)
		}
	}
	if got := status(t, a, "/api/v1/policy"); got != http.StatusUnauthorized {
		t.Errorf("the policy without a token: %d", got)
	}
	for range 2 { // twice is once
		if err := a.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := http.Get("http://" + a.Addr().String() + "/readyz"); err == nil { // whoever has the port by now
		said, _ := io.ReadAll(r.Body)
		_ = r.Body.Close() // it was read
		http.DefaultClient.CloseIdleConnections()
		if strings.Contains(string(said), o.Version) {
			t.Error("a stopped server answers")
		}
	}
	if a.Err() != nil {
		t.Errorf("a server that was stopped has ended by itself: %v", a.Err())
	}
	if _, err := os.Lstat(filepath.Join(c.Data, SocketName)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the admin socket is still there: %v", err)
	}
	serve(t, c) // the directory is free again
}

func TestStopBeforeStartGivesTheDirectoryFree(t *testing.T) {
	c := config(t)
	a, err := New(t.Context(), c, options)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(t.Context(), c, options); !errors.Is(err, store.ErrInUse) {
		t.Errorf("a second one on the same directory: %v", err)
	}
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
	serve(t, c)
}

func TestAServerThatCannotListenLeavesNothingOpen(t *testing.T) {
	first := serve(t, config(t))
	c := config(t)
	c.Listen = first.Addr().String()
	a, err := New(t.Context(), c, options)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("got %v", err)
	}
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
	c.Listen = "127.0.0.1:0"
	serve(t, c)
}

func TestAFileThatCannotBeAppliedLeavesNothingOpen(t *testing.T) {
	c := config(t)
	c.Policy = write(t, "kind: team\nname: t\nspec:\n  title: T\n  members: [nobody]\n")
	if _, err := New(t.Context(), c, options); err == nil || !strings.Contains(err.Error(), c.Policy) {
		t.Errorf("got %v", err)
	}
	c.Policy = ""
	serve(t, c)
}

// quiet is the log of commands.
var quiet = slog.New(slog.DiscardHandler)

func TestAccountsAreMadeTheSameWayWithAServerAndWithout(t *testing.T) {
	c := config(t)
	var running *App
	for _, with := range []string{"without a server", "with a server"} {
		if with == "with a server" {
			running = serve(t, c)
		}
		admin, err := OpenAdmin(t.Context(), c, quiet)
		if err != nil {
			t.Fatal(err)
		}
		if _, overSocket := admin.(*remote); overSocket != (running != nil) {
			t.Errorf("%s it is a %T", with, admin)
		}
		name := strings.ReplaceAll(with, " ", "-")
		if err := admin.CreateAccount(t.Context(), NewAccount{Name: name, Roles: []string{"admin"}, Password: "correct horse"}); err != nil {
			t.Fatalf("%s: %v", with, err)
		}
		token, err := admin.CreateToken(t.Context(), NewToken{Account: name})
		if err != nil || !strings.HasPrefix(token, "bida_") {
			t.Errorf("%s the token is %q, %v", with, token, err)
		}
		for _, refused := range []struct {
			a    NewAccount
			kind problem.Kind
		}{
			{NewAccount{Name: name}, problem.Conflict},
			{NewAccount{Name: "x", Roles: []string{"nothing"}}, problem.Invalid},
			{NewAccount{Name: "No Name"}, problem.Invalid},
			{NewAccount{Name: "y", Password: "short"}, problem.Invalid},
		} {
			if err := admin.CreateAccount(t.Context(), refused.a); err == nil || problem.KindOf(err) != refused.kind {
				t.Errorf("%s %+v: %v", with, refused.a, err)
			}
		}
		if _, err := admin.CreateToken(t.Context(), NewToken{Account: "nobody"}); problem.KindOf(err) != problem.NotFound {
			t.Errorf("%s a token for nobody: %v", with, err)
		}
		if err := admin.Close(); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Lstat(filepath.Join(c.Data, SocketName))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket's mode is %v, %v", info.Mode(), err)
	}
}

func TestTheSocketOfADeepDirectoryIsReached(t *testing.T) {
	c := config(t)
	c.Data = filepath.Join(t.TempDir(), strings.Repeat("deep/", 40), "data")
	serve(t, c)
	admin, err := OpenAdmin(t.Context(), c, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close() // nothing to lose
	if err := admin.CreateAccount(t.Context(), NewAccount{Name: "admin", Roles: []string{"admin"}}); err != nil {
		t.Fatal(err)
	}
}

func TestTheFirstPolicyIsAppliedWhereOnlyAccountsWereMade(t *testing.T) {
	c := config(t)
	admin, err := OpenAdmin(t.Context(), c, quiet)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"admin", "second"} {
		if err := admin.CreateAccount(t.Context(), NewAccount{Name: name, Roles: []string{"admin"}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := admin.Close(); err != nil {
		t.Fatal(err)
	}
	c.Policy = write(t, "kind: switch\nname: platform\nspec: {state: on}\n")
	applied := func() int64 {
		a := serve(t, c)
		revision := a.base.ledger.Policy().Revision()
		if err := a.Stop(); err != nil {
			t.Fatal(err)
		}
		return revision
	}
	if got := applied(); got != 3 {
		t.Errorf("the first start has revision %d, want 3", got)
	}
	c.Policy = write(t, "kind: switch\nname: platform\nspec: {state: off}\n")
	if got := applied(); got != 3 {
		t.Errorf("the second start has revision %d, want 3: there was a policy", got)
	}
}

func TestTeardownGoesBackwardsOnceAndDoesNotStopAtAFailure(t *testing.T) {
	var order []string
	undo := &teardown{log: quiet}
	failure := errors.New("no")
	for _, name := range []string{"store", "ledger", "http"} {
		undo.add(name, func() error {
			order = append(order, name)
			if name == "ledger" {
				return failure
			}
			return nil
		})
	}
	if err := undo.run(); !errors.Is(err, failure) {
		t.Errorf("got %v", err)
	}
	if err := undo.run(); err != nil {
		t.Errorf("the second time: %v", err)
	}
	if got := strings.Join(order, " "); got != "http ledger store" {
		t.Errorf("undone in the order %s", got)
	}
}

func TestWhoCannotWaitAnyLongerIsTold(t *testing.T) {
	c := config(t)
	a, err := New(t.Context(), c, options) // holds the directory, and answers nobody
	if err != nil {
		t.Fatal(err)
	}
	defer a.Stop() // nothing to lose
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := OpenAdmin(ctx, c, quiet); !errors.Is(err, store.ErrInUse) {
		t.Errorf("got %v", err)
	}
}

func TestLimitsOfStrangersMayBeSwitchedOff(t *testing.T) {
	for off, want := range map[bool]int{true: http.StatusUnauthorized, false: http.StatusTooManyRequests} {
		c := config(t)
		c.LimitSignIn, c.LimitWrongToken = limit.Rate{}, limit.Rate{}
		if !off {
			c.LimitWrongToken = limit.Rate{N: 1, Per: time.Hour, Burst: 150}
		}
		a := serve(t, c)
		got := 0
		for range 151 { // beyond what is allowed by default, too
			got = status(t, a, "/api/v1/me")
		}
		if got != want {
			t.Errorf("off: %v, the last of many requests without a token is answered with %d, want %d", off, got, want)
		}
	}
}
