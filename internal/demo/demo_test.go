package demo

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bidahq/bida/internal/policy"
)

func TestTheCompanyIsValidAndHasWhatTheTourSpeaksOf(t *testing.T) {
	docs, err := Documents()
	if err != nil {
		t.Fatal(err)
	}
	edits, err := policy.EditsFor(policy.Empty(), docs, false)
	if err != nil {
		t.Fatal(err)
	}
	set, _, err := policy.Empty().Apply(1, edits)
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, d := range set.All() {
		count[d.Kind]++
		if spec, ok := set.Account(d.Name); d.Kind == policy.KindAccount && ok && spec.Agent {
			count["agent"]++
		}
	}
	if count[policy.KindInbox] != 3 || count[policy.KindTeam] != 2 || count["agent"] != 12 {
		t.Errorf("the company has %v", count)
	}
	if spec, _ := set.Account(groupsOffFor); len(spec.Deny) != 0 || spec.Title == "" {
		t.Errorf("%s begins with %+v; the history denies it", groupsOffFor, spec)
	}
	people := People(docs)
	if !slices.Contains(people, Admin) || slices.Contains(people, "shop") || len(people) != 15 {
		t.Errorf("with a password: %v", people)
	}
}

func TestOnlyAnEmptyDirectoryBecomesTheDemos(t *testing.T) {
	dir := t.TempDir()
	first, ok, err := Open(dir)
	if err != nil || !ok || !regexp.MustCompile(`^qinghe-[a-z2-9]{5}-[a-z2-9]{5}$`).MatchString(first.Password) {
		t.Fatalf("an empty directory: %+v, %v, %v", first, ok, err)
	}
	if info, err := os.Stat(filepath.Join(dir, fileName)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the password's file has mode %v, %v", info.Mode(), err)
	}
	if again, ok, err := Open(dir); err != nil || !ok || again != first {
		t.Errorf("the second start: %+v, %v, %v", again, ok, err)
	}

	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "bida.db"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := Open(other); err != nil || ok {
		t.Errorf("a directory with data: %v, %v", ok, err)
	}
	if entries, _ := os.ReadDir(other); len(entries) != 1 {
		t.Errorf("something was written to it: %v", entries)
	}

	if err := os.WriteFile(filepath.Join(dir, fileName), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(dir); err == nil || !strings.Contains(err.Error(), fileName) {
		t.Errorf("a damaged file: %v", err)
	}
	if _, _, err := Open(filepath.Join(dir, "none")); err == nil {
		t.Error("a directory that is not there was taken")
	}
}

func TestPasswordsAreRandom(t *testing.T) {
	if a, b := newPassword(), newPassword(); a == b {
		t.Errorf("twice %s", a)
	}
}

func TestTheShopLoadsNothingFromElsewhere(t *testing.T) {
	shop := Shop()
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		shop.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w
	}
	page := get(ShopPath)
	if page.Code != http.StatusOK || !strings.Contains(page.Header().Get("Content-Security-Policy"), "default-src 'none'") {
		t.Fatalf("the page answers %d with %v", page.Code, page.Header())
	}
	used := regexp.MustCompile(`(?:href|src)="([^"#]+)"`).FindAllStringSubmatch(page.Body.String(), -1)
	if len(used) < 4 {
		t.Fatalf("the page uses %v", used)
	}
	for _, u := range used {
		switch path := u[1]; {
		case path == "./", strings.HasPrefix(path, "data:"):
		case strings.Contains(path, "//"):
			t.Errorf("%s is elsewhere", path)
		default:
			if got := get(ShopPath + path); got.Code != http.StatusOK || got.Body.Len() == 0 {
				t.Errorf("%s answers %d", path, got.Code)
			}
		}
	}
	if w := get(ShopPath + "../demo.go"); w.Code == http.StatusOK {
		t.Error("files beside the shop are served")
	}
}
