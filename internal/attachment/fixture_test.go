package attachment

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"image"
	"image/png"
	"io"
	"io/fs"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/store/memory"
)

const (
	an    = "account/an"
	guest = "visitor/web/v1"
)

// bench is a service on a ledger that runs, with a clock that only the test moves.
type bench struct {
	*Service
	t      testing.TB
	store  *memory.Store
	ledger *ledger.Ledger

	mu  sync.Mutex
	now time.Time
}

func newBench(t testing.TB) *bench {
	b := &bench{t: t, store: memory.New(), now: time.Now().UTC()}
	b.start(t.TempDir())
	t.Cleanup(func() { b.ledger.Stop() })
	return b
}

// start runs a process on what was committed and on the directory.
func (b *bench) start(dir string) {
	l, err := ledger.New(context.Background(), b.store, ledger.Options{Now: b.clock, Node: "run-1", Settle: func(*ledger.Tx) error { return nil }})
	if err != nil {
		b.t.Fatal(err)
	}
	b.ledger = l
	l.Start()
	if b.Service, err = New(Options{Dir: filepath.Join(dir, "files"), Ledger: l, Reader: b.store, Now: b.clock}); err != nil {
		b.t.Fatal(err)
	}
}

// again ends the process and runs the next one.
func (b *bench) again() {
	b.ledger.Stop()
	b.store = b.store.Crash()
	b.start(filepath.Dir(b.o.Dir))
}

func (b *bench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *bench) wait(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

func (b *bench) upload(owner, name string, content []byte) (Upload, error) {
	return b.Upload(b.t.Context(), owner, name, "", int64(len(content)), bytes.NewReader(content))
}

func (b *bench) must(owner, name string, content []byte) Upload {
	b.t.Helper()
	u, err := b.upload(owner, name, content)
	if err != nil {
		b.t.Fatal(err)
	}
	return u
}

// take has a message keep uploads.
func (b *bench) take(owner string, ids ...string) (ledger.MessageRow, error) {
	b.t.Helper()
	var m ledger.MessageRow
	err := b.ledger.Do(b.t.Context(), ledger.CommandFunc(func(tx *ledger.Tx) error {
		position := tx.Next()
		data, err := Take(tx, owner, ids, position)
		if err != nil {
			return err
		}
		m = ledger.MessageRow{Position: position, Direction: ledger.Inbound, Inbox: "web", Data: data, At: tx.Now()}
		tx.AppendMessage(m)
		return nil
	}))
	return m, err
}

func (b *bench) refused(err error, kind problem.Kind, code string) {
	b.t.Helper()
	p := problem.As(err)
	if p == nil || p.Kind != kind || p.Code != code || p.Zh == "" {
		b.t.Fatalf("got %v, want %s", err, code)
	}
}

// content reads a content back.
func (b *bench) content(digest string) []byte {
	b.t.Helper()
	f, err := b.Open(b.t.Context(), digest)
	if err != nil {
		b.t.Fatal(err)
	}
	defer f.Close()
	raw, err := io.ReadAll(f)
	if err != nil {
		b.t.Fatal(err)
	}
	return raw
}

// files lists what lies in the directory, finished or not.
func (b *bench) files() (list []string) {
	b.t.Helper()
	err := filepath.WalkDir(b.o.Dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			list = append(list, path)
		}
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return list
}

func (b *bench) wantFiles(n int) {
	b.t.Helper()
	if list := b.files(); len(list) != n {
		b.t.Fatalf("%d files lie there, want %d: %q", len(list), n, list)
	}
}

func digestOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// picture makes a PNG.
func picture(t testing.TB, width, height int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, width, height))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
