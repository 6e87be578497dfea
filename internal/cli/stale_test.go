package cli

import (
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
		if status != 1 || out != "" || strings.Count(err, "\n") != 1 || !strings.Contains(err, want) {
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
