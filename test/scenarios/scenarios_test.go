package scenarios

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/bidahq/bida/internal/store"
	"github.com/bidahq/bida/internal/store/memory"
)

func TestInProcess(t *testing.T) {
	each(t, "", func(t *testing.T, s *scenario) {
		g := newStage(t, memory.New(), s.begin())
		g.found(s.Documents)
		judge(t, s, perform(t, s, g, inProcess{g}))
	})
}

func TestThroughTheAPIOnSQLite(t *testing.T) {
	each(t, "api", func(t *testing.T, s *scenario) { throughTheAPI(t, s, t.TempDir()) })
}

func TestThroughTheAPIOnPostgreSQL(t *testing.T) {
	server := os.Getenv("BIDA_TEST_POSTGRES")
	if server == "" {
		if !testing.Short() {
			t.Error("BIDA_TEST_POSTGRES is not set: make test starts a PostgreSQL server; -short leaves it out")
		}
		return
	}
	d := openDatabases(t, server)
	each(t, "api", func(t *testing.T, s *scenario) { throughTheAPI(t, s, d.fresh(t)) })
}

func throughTheAPI(t *testing.T, s *scenario, target string) {
	st, err := store.Open(t.Context(), target, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	g := newStage(t, st, s.begin())
	g.found(s.Documents)
	judge(t, s, perform(t, s, g, openAPI(g)))
}

func each(t *testing.T, way string, play func(*testing.T, *scenario)) {
	for _, s := range all(t) {
		if way == "api" && s.InProcess != "" {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			if way == "api" {
				t.Parallel()
			}
			play(t, &s)
		})
	}
}

// judge tells what was wrong with the name of the scenario, which may be all that a person sees.
func judge(t *testing.T, s *scenario, wrong []string) {
	t.Helper()
	if len(wrong) > 0 {
		t.Errorf("%s: %s (%s)\n  %s", s.file, s.Name, s.English, strings.Join(wrong, "\n  "))
	}
}

// databases are those of one run: each is a copy of one that was migrated once.
type databases struct {
	t      *testing.T
	server string
	name   string
	made   atomic.Int64
}

func openDatabases(t *testing.T, server string) *databases {
	d := &databases{t: t, server: server, name: fmt.Sprintf("bida_scenarios_%d_%d", os.Getpid(), rand.Uint32())}
	d.do("CREATE DATABASE " + d.name)
	t.Cleanup(func() { d.do("DROP DATABASE " + d.name + " WITH (FORCE)") })
	st, err := store.Open(t.Context(), d.address(d.name), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	return d
}

// fresh makes a database of its own for a scenario and returns its address.
func (d *databases) fresh(t *testing.T) string {
	name := fmt.Sprintf("%s_%d", d.name, d.made.Add(1))
	d.do("CREATE DATABASE " + name + " TEMPLATE " + d.name)
	t.Cleanup(func() { d.do("DROP DATABASE " + name + " WITH (FORCE)") })
	return d.address(name)
}

func (d *databases) do(statement string) {
	ctx := context.WithoutCancel(d.t.Context()) // a cleanup comes when the test's context has ended
	conn, err := pgx.Connect(ctx, d.server)
	if err != nil {
		d.t.Errorf("PostgreSQL: %v", err)
		return
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, statement); err != nil {
		d.t.Errorf("PostgreSQL: %v", err)
	}
}

func (d *databases) address(name string) string {
	u, err := url.Parse(d.server)
	if err != nil {
		d.t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

func TestAnUnknownFieldIsAnErrorWithItsLine(t *testing.T) {
	good := "name: x\nenglish: x\ngiven:\n  - online: [a]\nwhen:\n  ask: {agent: a}\nthen: {verdict: receiving}\n"
	if _, err := read("f.yaml", []byte(good)); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		strings.Replace(good, "online", "onlin", 1):                              "line 4: field onlin not found",
		strings.Replace(good, "verdict: receiving", "verdikt: receiving", 1):     "line 7: field verdikt not found",
		good + "---\n" + strings.Replace(good, "when:", "wenn:", 1):              "line 13: field wenn not found",
		strings.Replace(good, "[a]", "[a]\n    received: a", 1):                  "given 1: a step is one thing",
		strings.Replace(good, "verdict: receiving", "verdict: blocked", 1):       "a verdict and its primary cause",
		strings.Replace(good, "ask: {agent: a}", "message: {id: m, from: b}", 1): "a message has a status",
		strings.Replace(good, "  ask: {agent: a}\n", "", 1):                      "nothing is asked",
		strings.Replace(good, "english: x\n", "", 1):                             "an english line",
	} {
		_, err := read("f.yaml", []byte(text))
		if err == nil || !strings.HasPrefix(err.Error(), "f.yaml: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
