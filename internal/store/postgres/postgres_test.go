package postgres_test

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
	"github.com/bidahq/bida/internal/store/postgres"
	"github.com/bidahq/bida/internal/store/storetest"
	"github.com/bidahq/bida/test/leak"
)

func TestPostgreSQL(t *testing.T) {
	needServer(t)
	made := migrated(t)
	storetest.Run(t, func(t *testing.T) func() store.Store {
		target := databaseLike(t, made)
		return func() store.Store { return open(t, target, postgres.Options{KeptRefusals: storetest.KeptRefusals}) }
	})
}

func open(t testing.TB, target string, options postgres.Options) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), target, options)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const variable = "BIDA_TEST_POSTGRES"

// needServer leaves PostgreSQL out of a short run, and else demands it: a suite that silently does not run proves nothing.
func needServer(t testing.TB) {
	t.Helper()
	if os.Getenv(variable) != "" {
		return
	}
	if testing.Short() {
		t.Skipf("PostgreSQL is left out of a short run without %s", variable)
	}
	t.Fatalf("%s is not set: give the URL of a PostgreSQL server on which databases may be created (make test starts one), or leave PostgreSQL out with -short", variable)
}

// run tells the databases of this process from those that an earlier one with its number left behind.
var (
	run       = rand.Uint32()
	databases atomic.Int64
)

// migrated makes a database with empty tables, of which the suite uses a copy each time: it begins with many. That the tables are made where
// there is nothing, other tests show.
func migrated(t *testing.T) (name string) {
	t.Helper()
	target := database(t)
	if err := open(t, target, postgres.Options{}).Close(); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(u.Path, "/")
}

// database makes an empty database for one test, and returns its URL.
func database(t testing.TB) string {
	t.Helper()
	return databaseLike(t, "template1")
}

// databaseLike makes a copy of a database for one test, and returns its URL.
func databaseLike(t testing.TB, template string) string {
	t.Helper()
	name := fmt.Sprintf("bida_test_%d_%d_%d", os.Getpid(), run, databases.Add(1))
	execute(t, "CREATE DATABASE "+name+" TEMPLATE "+template)
	t.Cleanup(func() { execute(t, "DROP DATABASE "+name+" WITH (FORCE)") })
	return target(t, name)
}

func target(t testing.TB, name string) string {
	u, err := url.Parse(os.Getenv(variable))
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	u.Path = "/" + name
	return u.String()
}

func execute(t testing.TB, statements ...string) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, os.Getenv(variable))
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, strings.Join(statements, ";")); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkCommit(b *testing.B) {
	needServer(b)
	storetest.Bench(b, b.TempDir(), func(b *testing.B) store.Store { return open(b, database(b), postgres.Options{}) })
}

func TestMain(m *testing.M) { leak.Main(m) }
