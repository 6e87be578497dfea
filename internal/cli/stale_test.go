package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// changing is a server whose policy is changed by somebody else whenever it has been read.
func changing(t *testing.T, puts *[]string) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/policy", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"revision": 3, "documents": []}`)
	})
	mux.HandleFunc("PUT /api/v1/policy", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		*puts = append(*puts, r.Header.Get("If-Match")+" "+string(body))
		w.WriteHeader(http.StatusPreconditionFailed)
		fmt.Fprint(w, `{"status": 412, "code": "policy.stale", "detail": "The settings were changed since you read them.", "revision": 4}`)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// answering is a server that applies whatever it is given, and answers the questions about it as it is told; what it is not told is of a later version.
func answering(t *testing.T, answers map[string]string) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch route := r.Method + " " + strings.TrimPrefix(r.URL.Path, "/api/v1"); {
		case answers[route] != "":
			if strings.Contains(answers[route], `"status"`) {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			fmt.Fprint(w, answers[route])
		case route == "GET /policy":
			fmt.Fprint(w, `{"revision": 3, "documents": [{"kind": "role", "name": "agent", "spec": {"template": "agent"}, "revision": 1},
				{"kind": "account", "name": "admin", "spec": {"roles": ["admin", "agent"]}, "revision": 1}, {"kind": "switch", "name": "platform", "spec": {"state": "off"}, "revision": 2}]}`)
		case route == "PUT /policy":
			fmt.Fprint(w, `{"revision": 4, "changes": []}`)
		default:
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"status": 404, "code": "route.unknown", "detail": "There is nothing here."}`)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func policyFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestApplyGoesOnWhereTheImpactCannotBeForeseen(t *testing.T) {
	file := policyFile(t, "kind: switch\nname: platform\nspec: {state: paused, reason: why}\n")
	const slow = `{"status": 503, "code": "impact.takes_too_long", "detail": "This much recorded traffic cannot be looked at in time."}`
	for _, c := range []struct{ answer, want string }{
		{"", "the impact on messages cannot be foreseen: the server is of a version without it"},
		{slow, "the impact on messages cannot be foreseen: This much recorded traffic cannot be looked at in time."},
	} {
		env := []string{"BIDA_SERVER=" + answering(t, map[string]string{"POST /impact": c.answer}).URL, "BIDA_TOKEN=bida_x"}
		status, out, err := run(env, "", "--lang", "en", "policy", "apply", "-f", file)
		if status != 0 || !strings.HasSuffix(out, "applied as revision 4\n") || strings.TrimSpace(err) != c.want {
			t.Errorf("status %d, %q, %q", status, out, err)
		}
		status, out, err = run(env, "", "--lang", "en", "policy", "apply", "-f", file, "--json")
		var one applied
		if json.Unmarshal([]byte(out), &one) != nil || status != 0 || !one.Applied || one.Revision != 4 || string(one.Impact) != "null" || !strings.HasSuffix(c.want, one.ImpactUnknown) || one.ImpactUnknown == "" || err != "" {
			t.Errorf("status %d, %q, %q", status, out, err)
		}
		if status, _, err := run(env, "", "policy", "apply", "-f", file, "--no-impact"); status != 0 || err != "" {
			t.Errorf("without asking for it: status %d, %q", status, err)
		}
	}
}

func TestCheckNamesAForgottenSwitchUnlessTheFileChangesIt(t *testing.T) {
	const dead = `{"revision": 3, "rules": [{"kind": "switch", "name": "platform", "path": "/spec/state", "why": "forgotten", "message": "off without an end for 40 days: was it forgotten?",
		"since": "2026-10-01T08:00:00.000Z", "by": {"name": "sup", "title": "主管"}, "reason": "搬家"}, {"kind": "switch", "name": "platform", "path": "/spec/x", "why": "ended", "message": "said by the program itself"}]}`
	named := policyFile(t, "kind: switch\nname: platform\nspec: {state: 'off'}\n")
	changed := policyFile(t, "kind: switch\nname: platform\nspec: {state: 'off', reason: new}\n")
	other := policyFile(t, "kind: role\nname: other\nspec: {template: agent}\n")
	env := []string{"BIDA_SERVER=" + answering(t, map[string]string{"GET /policy/dead-rules": dead}).URL, "BIDA_TOKEN=bida_x", "BIDA_ZONE=UTC"}
	for file, want := range map[string]string{
		named:   "line 3: switch/platform /spec/state: off without an end for 40 days: was it forgotten? (since 2026-10-01 08:00, by 主管 (sup): 搬家)\n",
		changed: "",
		other:   "line 1: role/other: no account has this role\n",
	} {
		status, out, err := run(env, "", "--lang", "en", "policy", "check", "-f", file)
		warned, _, _ := strings.Cut(out, file+": 1 documents")
		if want != "" {
			want = file + ": warning: " + want
		}
		if status != 0 || err != "" || warned != want {
			t.Errorf("status %d, %q, %q, want %q", status, out, err, want)
		}
	}
	// An older server does not know since when: nothing is said of it.
	env[0] = "BIDA_SERVER=" + answering(t, nil).URL
	if status, out, err := run(env, "", "policy", "check", "-f", named); status != 0 || err != "" || strings.Contains(out, "warning") {
		t.Errorf("status %d, %q, %q", status, out, err)
	}
}

func TestApplyDoesNotOverwriteWhatSomebodyElseChangedMeanwhile(t *testing.T) {
	var puts []string
	s := changing(t, &puts)
	file := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(file, []byte("kind: switch\nname: platform\nspec: {state: paused, reason: why}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{"BIDA_SERVER=" + s.URL, "BIDA_TOKEN=bida_x"}
	for lang, want := range map[string]string{"en": "it was revision 3 when it was read", "zh": "读取时为版本 3"} {
		puts = nil
		status, out, err := run(env, "", "--lang", lang, "policy", "apply", "-f", file, "--reason", "because")
		said := strings.Split(strings.TrimSpace(err), "\n")
		if status != 1 || !strings.HasPrefix(out, "+ switch/platform\n") || strings.Contains(out, "4") || !strings.Contains(said[len(said)-1], want) {
			t.Errorf("status %d, %q, %q", status, out, err)
		}
		if len(puts) != 1 || !strings.HasPrefix(puts[0], `"3" `) || !strings.Contains(puts[0], `"reason":"because"`) {
			t.Errorf("sent: %q", puts)
		}
	}
}

func TestAServerThatIsNoneIsSaidInOneLineWithStatusTwo(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>hello</html>") }))
	defer s.Close()
	for _, args := range [][]string{{"policy", "export"}, {"diagnose", "--agent", "agent-a"}, {"trace", "m1"}, {"post", "--inbox", "web", "x"}, {"listen"}} {
		status, out, err := run([]string{"BIDA_SERVER=" + s.URL, "BIDA_TOKEN=bida_x"}, "", args...)
		if status != 2 || out != "" || !strings.HasPrefix(err[strings.LastIndex(strings.TrimSpace(err), "\n")+1:], "bida: no Bida server answers at "+s.URL) {
			t.Errorf("%v: status %d, %q, %q", args, status, out, err)
		}
	}
}
