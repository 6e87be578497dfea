package attachment

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bidahq/bida/internal/problem"
)

// receive takes a content in, up to before it gets its name.
func receive(t *testing.T, b *blobs, content string) *part {
	t.Helper()
	p, err := b.receive(t.Context(), strings.NewReader(content), MaxSize)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.discard)
	return p
}

func TestADirectoryWhoseNameIsNotOnTheDiskIsSyncedByTheNextUpload(t *testing.T) {
	b, err := openBlobs(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var synced []string
	fails := true
	b.sync = func(dir string) error {
		if fails {
			return errors.New("input/output error")
		}
		synced = append(synced, dir)
		return nil
	}
	if err := b.keep(receive(t, b, "a content")); problem.KindOf(err) != problem.Unavailable {
		t.Fatalf("kept though nothing can be synced: %v", err)
	}
	fails = false
	p := receive(t, b, "a content")
	for range 2 { // and once is enough
		if err := b.keep(p); err != nil {
			t.Fatal(err)
		}
	}
	shelf := filepath.Dir(b.path(p.digest))
	if want := []string{b.dir, shelf, shelf}; !slices.Equal(synced, want) {
		t.Errorf("synced %q, want %q", synced, want)
	}
}
