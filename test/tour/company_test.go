package tour

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bidahq/bida/client"
	"github.com/bidahq/bida/internal/diagnosis"
	"github.com/bidahq/bida/test/release"
)

// company is an installation of the release program with the example company.
type company struct {
	t        *testing.T
	program  string
	dir      string // data directory
	database string
	address  string
	server   *release.Process
	as       map[string]*client.Client // by account
	tokens   map[string]string
}

// found sets a company up the way an administrator does: an account, a server, then the policy over the API.
func found(t *testing.T, database string) *company {
	t.Helper()
	address, err := release.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	c := &company{
		t: t, program: release.Program(t), dir: filepath.Join(t.TempDir(), "data"), database: database, address: address,
		as: map[string]*client.Client{}, tokens: map[string]string{},
	}
	create := c.command("", "account", "create", "--name", "admin", "--role", "admin", "--password-stdin")
	create.Stdin = strings.NewReader("correct horse battery\n")
	c.must(release.Run(create))
	c.start()
	company, err := filepath.Abs("../../deploy/examples/company.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c.must(release.Run(c.command("admin", "policy", "apply", "-f", company)))
	return c
}

// command is the program with the installation's settings, with the token of an account unless that is "".
func (c *company) command(account string, args ...string) *exec.Cmd {
	c.t.Helper()
	cmd := exec.Command(c.program, args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + c.dir, "LANG=C", "BIDA_DATA=" + c.dir, "BIDA_DATABASE=" + c.database, "BIDA_SERVER=http://" + c.address}
	if account != "" {
		cmd.Env = append(cmd.Env, "BIDA_TOKEN="+c.token(account))
	}
	return cmd
}

func (c *company) must(r release.Result, err error) release.Result {
	c.t.Helper()
	if err != nil || r.Status != 0 {
		c.t.Fatalf("status %d, %v: %s%s", r.Status, err, r.Out, r.Err)
	}
	return r
}

// start starts the server, at the same address as before.
func (c *company) start() {
	c.t.Helper()
	p, err := release.Start("server", c.command("", "serve", "--listen", c.address))
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(p.Kill)
	line, err := p.Expect(release.Err, release.Listening)
	if err != nil {
		c.t.Fatal(err)
	}
	c.server, c.address = p, strings.TrimPrefix(line[1], "http://")
}

// stop ends the server with a signal and wants the exit status.
func (c *company) stop(s syscall.Signal, want int) {
	c.t.Helper()
	if err := c.server.Signal(s); err != nil {
		c.t.Fatal(err)
	}
	if status, err := c.server.Wait(); err != nil || status != want {
		c.t.Fatalf("the server ended with %d, want %d: %v\n%s", status, want, err, c.server.All())
	}
}

// token makes an account's token, once.
func (c *company) token(account string) string {
	c.t.Helper()
	if c.tokens[account] == "" {
		r := c.must(release.Run(c.command("", "token", "create", "--account", account)))
		lines := strings.Split(strings.TrimSpace(r.Out), "\n")
		c.tokens[account] = lines[len(lines)-1]
	}
	return c.tokens[account]
}

// api is the API as an account.
func (c *company) api(account string) *client.Client {
	c.t.Helper()
	if c.as[account] == nil {
		a, err := client.New("http://"+c.address, c.token(account))
		if err != nil {
			c.t.Fatal(err)
		}
		c.as[account] = a
	}
	return c.as[account]
}

// do makes a call that has to succeed.
func (c *company) do(account string, call client.Call, out any) {
	c.t.Helper()
	if _, err := c.api(account).Do(c.t.Context(), call, out); err != nil {
		c.t.Fatalf("%s %s as %s: %v", call.Method, call.Path, account, err)
	}
}

// terminal is `bida listen` of an account, connected and available.
type terminal struct {
	*release.Process
	c *company
}

func (c *company) listen(account, client string, flags ...string) *terminal {
	c.t.Helper()
	p, err := release.Start(account+"/"+client, c.command(account, append([]string{"listen", "--json", "--client", client}, flags...)...))
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(p.Kill)
	if _, err := p.Expect(release.Err, "^connected as "+account+", "); err != nil {
		c.t.Fatal(err)
	}
	c.eventually(account+" is available", func() bool {
		var presence struct{ Value string }
		c.do(account, get("accounts", account, "presence"), &presence)
		return presence.Value == "available"
	})
	return &terminal{p, c}
}

func get(parts ...string) client.Call {
	return client.Call{Method: http.MethodGet, Path: client.Path(parts...)}
}

// eventually asks until something holds.
func (c *company) eventually(what string, holds func() bool) {
	c.t.Helper()
	deadline := time.Now().Add(release.Patience)
	for !holds() {
		if time.Now().After(deadline) {
			c.t.Fatalf("not so, after %s: %s", release.Patience, what)
		}
	}
}

// expect waits for an event that matches.
func (l *terminal) expect(pattern string) client.Event {
	l.c.t.Helper()
	line, err := l.Expect(release.Out, ".*"+pattern+".*")
	if err != nil {
		l.c.t.Fatal(err)
	}
	var e client.Event
	if err := json.Unmarshal([]byte(line[0]), &e); err != nil {
		l.c.t.Fatalf("%s: %v", line[0], err)
	}
	return e
}

// events are all events of a type so far.
func (l *terminal) events(event string) []client.Event {
	l.c.t.Helper()
	var list []client.Event
	for _, line := range l.Lines(release.Out) {
		var e client.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			l.c.t.Fatalf("%s: %v", line, err)
		}
		if e.Event == event {
			list = append(list, e)
		}
	}
	return list
}

// post hands a message in, which has to be taken.
func (c *company) post(inbox, id, contact, text string, change ...func(*client.Message)) client.Answer {
	c.t.Helper()
	m := client.Message{ID: id, Contact: client.Contact{ID: contact}, Text: text}
	for _, f := range change {
		f(&m)
	}
	a, err := c.api("shop").PostMessage(c.t.Context(), inbox, m)
	if err != nil {
		c.t.Fatalf("post %s: %v", id, err)
	}
	return a
}

// accepted waits until a message was accepted by an agent.
func (c *company) accepted(message string) {
	c.t.Helper()
	c.eventually(message+" is accepted", func() bool {
		way, err := c.api("admin").Trace(c.t.Context(), message)
		if err != nil {
			c.t.Fatal(err)
		}
		return len(way.Deliveries) == 1 && way.Deliveries[0].State == "accepted"
	})
}

func kind(k string) func(*client.Message) { return func(m *client.Message) { m.Kind = k } }

// edit changes one document's spec, as the administrator, and returns the revision that made it so.
func (c *company) edit(kind, name string, change func(spec map[string]any)) int64 {
	c.t.Helper()
	d, err := c.api("admin").Document(c.t.Context(), kind, name)
	spec := map[string]any{}
	switch {
	case err == nil:
		if err := json.Unmarshal(d.Spec, &spec); err != nil {
			c.t.Fatal(err)
		}
	case client.AsRefused(err) == nil || client.AsRefused(err).Status != http.StatusNotFound:
		c.t.Fatal(err)
	}
	change(spec)
	base, err := c.api("admin").Policy(c.t.Context(), 0)
	if err == nil {
		d, err = c.api("admin").PutDocument(c.t.Context(), base.Revision, kind, name, spec)
	}
	if err != nil {
		c.t.Fatalf("%s/%s: %v", kind, name, err)
	}
	return d.Revision
}

// diagnose asks twice, at the terminal and over the API, wants the same answer, and the exit status that goes with it.
func (c *company) diagnose(q client.Question) diagnosis.Report {
	c.t.Helper()
	args := []string{"diagnose", "--json", "--agent", q.Agent}
	for flag, value := range map[string]string{"--inbox": q.Inbox, "--kind": q.Kind, "--message": q.Message} {
		if value != "" {
			args = append(args, flag, value)
		}
	}
	if !q.At.IsZero() {
		args = append(args, "--at", q.At.Format(time.RFC3339Nano))
	}
	r, err := release.Run(c.command("admin", args...))
	if err != nil {
		c.t.Fatal(err)
	}
	var report diagnosis.Report
	if err := json.Unmarshal([]byte(r.Out), &report); err != nil {
		c.t.Fatalf("%s%s: %v", r.Out, r.Err, err)
	}
	want := 1
	if report.Verdict == diagnosis.Receiving || report.Verdict == diagnosis.NoTraffic {
		want = 0
	}
	if r.Status != want {
		c.t.Errorf("diagnose of %+v is %s and ends with %d, want %d", q, report.Verdict, r.Status, want)
	}
	over, err := c.api("admin").Diagnose(c.t.Context(), q)
	if err != nil || over.Verdict != string(report.Verdict) || len(over.Findings) != len(report.Findings) {
		c.t.Errorf("over the API diagnosis of %+v is %s with %d findings, %v; at the terminal %s with %d", q, over.Verdict, len(over.Findings), err, report.Verdict, len(report.Findings))
	}
	return report
}

// primary is the primary finding of a report.
func primary(t *testing.T, r diagnosis.Report) diagnosis.Finding {
	t.Helper()
	for _, f := range r.Findings {
		if f.Primary {
			return f
		}
	}
	t.Fatalf("no finding is primary: %s, %+v", r.Verdict, r.Findings)
	return diagnosis.Finding{}
}

var (
	able    = regexp.MustCompile(`(\d+)/(\d+) agents can receive`)
	counted = regexp.MustCompile(`(?:^|[:,;] )(\d+) `)
)

// addsUp says whether the candidates of a summary are all counted, each once.
func addsUp(summary string) error {
	m := able.FindStringSubmatchIndex(summary)
	if m == nil {
		return fmt.Errorf("no count in %q", summary)
	}
	number := func(from, to int) int {
		n, _ := strconv.Atoi(summary[from:to]) // digits
		return n
	}
	sum, all := number(m[2], m[3]), number(m[4], m[5])
	rest := strings.TrimPrefix(summary[m[1]:], ": ")
	for _, n := range counted.FindAllStringSubmatchIndex(rest, -1) {
		k, _ := strconv.Atoi(rest[n[2]:n[3]]) // digits
		sum += k
	}
	if sum != all {
		return fmt.Errorf("%d of %d candidates are counted in %q", sum, all, summary)
	}
	return nil
}

// databases are those on which the main path has to work: the embedded one, and a database of its own on the PostgreSQL server of the tests.
func databases(t *testing.T) map[string]func(t *testing.T) string {
	t.Helper()
	all := map[string]func(*testing.T) string{"embedded": func(*testing.T) string { return "" }}
	server := os.Getenv("BIDA_TEST_POSTGRES")
	if server == "" {
		if !testing.Short() {
			t.Error("BIDA_TEST_POSTGRES is not set: make test starts a PostgreSQL server; -short leaves it out")
		}
		return all
	}
	all["PostgreSQL"] = func(t *testing.T) string { return ownDatabase(t, server) }
	return all
}

func ownDatabase(t *testing.T, server string) string {
	t.Helper()
	name := fmt.Sprintf("bida_tour_%d_%d", os.Getpid(), rand.Uint32())
	do := func(ctx context.Context, statement string) {
		conn, err := pgx.Connect(ctx, server)
		if err == nil {
			_, err = conn.Exec(ctx, statement)
			_ = conn.Close(ctx) // it has answered
		}
		if err != nil {
			t.Errorf("%s: %v", statement, err)
		}
	}
	do(t.Context(), "CREATE DATABASE "+name)
	t.Cleanup(func() { do(context.Background(), "DROP DATABASE "+name+" WITH (FORCE)") })
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}
