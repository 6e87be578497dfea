// Package cli tests the command line as scripts over the release program that BIDA_BIN names: what it prints, and the status it ends with.
package cli

import (
	"bytes"
	"database/sql"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite"

	"github.com/bidahq/bida/test/release"
)

func TestTheProgramDoesWhatTheScriptsSay(t *testing.T) {
	program := release.Program(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			bin := filepath.Join(env.WorkDir, ".bin")
			if err := os.Mkdir(bin, 0o700); err != nil {
				return err
			}
			if err := os.Symlink(program, filepath.Join(bin, "bida")); err != nil {
				return err
			}
			company, err := os.ReadFile("../../deploy/examples/company.yaml")
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(env.WorkDir, "company.yaml"), company, 0o600); err != nil {
				return err
			}
			for name, text := range encoded {
				if err := os.WriteFile(filepath.Join(env.WorkDir, name), []byte(text), 0o600); err != nil {
					return err
				}
			}
			env.Setenv("PATH", bin+string(os.PathListSeparator)+env.Getenv("PATH"))
			for _, name := range []string{"ADDR", "OTHER"} {
				address, err := release.FreeAddress()
				if err != nil {
					return err
				}
				env.Setenv(name, address)
			}
			env.Setenv("LANG", "C")
			env.Values[processes] = map[string]*release.Process{}
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"status": status, "start": start, "server": server, "expect": expect, "count": count, "signal": signal, "finish": finish,
			"http": call, "token": token, "revision": revision, "newer": newer, "available": available, "reads": reads,
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// encoded are policy files in encodings that a script cannot have: with a byte order mark, in GBK (the title is 门店), in UTF-16.
var encoded = map[string]string{
	"bom.yaml":   "\ufeffkind: inbox\nname: shop2\nspec: {title: 门店}\n",
	"gbk.yaml":   "kind: inbox\nname: shop2\nspec: {title: \xc3\xc5\xb5\xea}\n",
	"utf16.yaml": "\xff\xfek\x00i\x00n\x00d\x00",
}

type key string

const processes = key("processes")

func all(ts *testscript.TestScript) map[string]*release.Process {
	return ts.Value(processes).(map[string]*release.Process)
}

func process(ts *testscript.TestScript, name string) *release.Process {
	p := all(ts)[name]
	if p == nil {
		ts.Fatalf("no process is called %s", name)
	}
	return p
}

func plain(ts *testscript.TestScript, neg bool, args []string, least int, how string) {
	if neg || len(args) < least {
		ts.Fatalf("usage: %s", how)
	}
}

// status runs a command to its end and wants exactly this status; stdout and stderr can be looked at afterwards.
func status(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg, args, 2, "status N COMMAND…")
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := err.(*exec.ExitError) // os/exec's own
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("status %d, want %d", got, want)
	}
}

// start starts a process that goes on, under a name.
func start(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg, args, 2, "start NAME COMMAND…")
	begin(ts, args[0], args[1:])
}

func begin(ts *testscript.TestScript, name string, args []string) *release.Process {
	path, err := exec.LookPath(args[0])
	if args[0] == "bida" {
		path, err = ts.MkAbs(".bin/bida"), nil
	}
	ts.Check(err)
	cmd := exec.Command(path, args[1:]...)
	cmd.Dir = ts.Getenv("WORK")
	if cd := ts.MkAbs("."); cd != "" {
		cmd.Dir = cd
	}
	for _, name := range []string{"PATH", "HOME", "LANG", "TMPDIR", "BIDA_SERVER", "BIDA_TOKEN", "BIDA_DATA"} {
		if v := ts.Getenv(name); v != "" {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	p, err := release.Start(name, cmd)
	ts.Check(err)
	all(ts)[name] = p
	ts.Defer(p.Kill)
	return p
}

// server starts a server at ADDR and waits until it listens. BIDA_SERVER names it.
func server(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg, args, 1, "server NAME [FLAG…]")
	p := begin(ts, args[0], append([]string{"bida", "serve", "--listen", ts.Getenv("ADDR")}, args[1:]...))
	found, err := p.Expect(release.Err, release.Listening)
	ts.Check(err)
	ts.Setenv("BIDA_SERVER", found[1])
	ready, err := http.Get(found[1] + "/readyz")
	ts.Check(err)
	_ = ready.Body.Close() // nothing was read
	if ready.StatusCode != http.StatusOK {
		ts.Fatalf("a server that listens is not ready: %s", ready.Status)
	}
}

func stream(ts *testscript.TestScript, name string) release.Stream {
	switch name {
	case "out":
		return release.Out
	case "err":
		return release.Err
	}
	ts.Fatalf("a stream is out or err, not %s", name)
	return 0
}

// expect waits for a line.
func expect(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg, args, 3, "expect NAME out|err PATTERN")
	_, err := process(ts, args[0]).Expect(stream(ts, args[1]), args[2])
	ts.Check(err)
}

// count wants a text in exactly so many lines so far.
func count(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg, args, 4, "count NAME out|err N TEXT")
	n := 0
	for _, line := range process(ts, args[0]).Lines(stream(ts, args[1])) {
		if strings.Contains(line, args[3]) {
			n++
		}
	}
	if strconv.Itoa(n) != args[2] {
		ts.Fatalf("%d lines have %q, want %s:\n%s", n, args[3], args[2], process(ts, args[0]).All())
	}
}

func signal(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg, args, 2, "signal NAME INT|TERM|KILL")
	s, ok := map[string]syscall.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "KILL": syscall.SIGKILL}[args[1]]
	if !ok {
		ts.Fatalf("unknown signal %s", args[1])
	}
	ts.Check(process(ts, args[0]).Signal(s))
}

// finish waits for the end of a process and wants this status (-1 for a signal).
func finish(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg, args, 2, "finish NAME STATUS")
	p := process(ts, args[0])
	got, err := p.Wait()
	ts.Check(err)
	if strconv.Itoa(got) != args[1] {
		ts.Fatalf("%s ended with %d, want %s:\n%s", args[0], got, args[1], p.All())
	}
}

// call asks the server directly and wants a status; the answer goes to a file.
func call(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg, args, 3, "http STATUS METHOD PATH [BODY-FILE|-] [ANSWER-FILE] [HEADER:VALUE…]")
	var body io.Reader
	if len(args) > 3 && args[3] != "-" {
		body = bytes.NewReader([]byte(ts.ReadFile(args[3])))
	}
	r, err := http.NewRequest(args[1], ts.Getenv("BIDA_SERVER")+args[2], body)
	ts.Check(err)
	if t := ts.Getenv("BIDA_TOKEN"); t != "" {
		r.Header.Set("Authorization", "Bearer "+t)
	}
	r.Header.Set("Content-Type", "application/json")
	for i := 5; i < len(args); i++ {
		name, value, _ := strings.Cut(args[i], ":")
		r.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(r)
	ts.Check(err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	ts.Check(err)
	ts.Logf("%s\n%s", answer.Status, text)
	if len(args) > 4 {
		ts.Check(os.WriteFile(ts.MkAbs(args[4]), text, 0o600))
	}
	if strconv.Itoa(answer.StatusCode) != args[0] {
		ts.Fatalf("%s, want %s: %s", answer.Status, args[0], text)
	}
}

// token makes a token for an account on a data directory and puts it into a variable.
func token(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg, args, 3, "token VARIABLE DATA ACCOUNT")
	ts.Check(ts.Exec("bida", "token", "create", "--data", args[1], "--account", args[2]))
	lines := strings.Split(strings.TrimSpace(ts.ReadFile("stdout")), "\n")
	last := lines[len(lines)-1]
	if !strings.HasPrefix(last, "bida_") || strings.ContainsAny(last, " \t") {
		ts.Fatalf("the last line is not a token alone: %q", last)
	}
	ts.Setenv(args[0], last)
}

// revision puts the number of the server's policy revision into a variable.
func revision(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg, args, 1, "revision VARIABLE")
	call(ts, false, []string{"200", "GET", "/api/v1/policy", "-", ".policy.json"})
	_, rest, _ := strings.Cut(ts.ReadFile(".policy.json"), `"revision":`)
	n := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	if n < 1 {
		ts.Fatalf("the policy has no revision")
	}
	ts.Setenv(args[0], rest[:n])
}

// newer makes a database look as if a newer program had made it.
func newer(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg, args, 1, "newer DATA")
	db, err := sql.Open("sqlite", ts.MkAbs(filepath.Join(args[0], "bida.db")))
	ts.Check(err)
	_, err = db.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)")
	ts.Check(err)
	ts.Check(db.Close())
}

// available waits until an account's presence is available: a listener says that it is connected before that is recorded.
func available(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg, args, 2, "available TOKEN-VARIABLE ACCOUNT")
	reads(ts, neg, []string{args[0], "accounts/" + args[1] + "/presence", `"value":"available"`})
}

// reads waits until an answer of the server has a text in it: what the script has just seen elsewhere may not be written yet.
func reads(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg, args, 3, "reads TOKEN-VARIABLE PATH TEXT")
	deadline := time.Now().Add(release.Patience)
	for time.Now().Before(deadline) {
		r, err := http.NewRequest(http.MethodGet, ts.Getenv("BIDA_SERVER")+"/api/v1/"+args[1], nil)
		ts.Check(err)
		r.Header.Set("Authorization", "Bearer "+ts.Getenv(args[0]))
		answer, err := http.DefaultClient.Do(r)
		ts.Check(err)
		text, err := io.ReadAll(answer.Body)
		ts.Check(errors.Join(err, answer.Body.Close()))
		if strings.Contains(string(text), args[2]) {
			return
		}
	}
	ts.Fatalf("%s does not come to say %s", args[1], args[2])
}
