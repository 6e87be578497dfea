package disk

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// lines makes a recording of one thread from calls as strace writes them, without the escapes.
func lines(calls ...string) string {
	var b strings.Builder
	for _, c := range calls {
		fmt.Fprintf(&b, "7 %s\n", c)
	}
	return b.String()
}

// disk is the model after calls on the directory /r.
func disk(t *testing.T, text string) *Disk {
	t.Helper()
	tr, err := readTrace(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	d := NewDisk("/r")
	for _, m := range tr.moments() {
		if err := d.apply(m); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// possible are all contents of a file that a thousand images have, "-" where it is not there.
func possible(d *Disk, name string) []string {
	met := map[string]bool{}
	rng := rand.New(rand.NewPCG(1, 1))
	for n := range 1000 {
		content, ok := d.Image(allStyles[n%len(allStyles)], rng)[name]
		if text := strings.TrimRight(string(content), "\x00"); ok {
			met[text] = true
		} else {
			met["-"] = true
		}
	}
	var all []string
	for text := range met {
		all = append(all, text)
	}
	slices.Sort(all)
	return all
}

const (
	made        = `openat(AT_FDCWD</>, "/r/a", O_RDWR|O_CREAT, 0600) = 3</r/a>`
	old         = `pwrite64(3</r/a>, "old", 3, 0) = 3`
	fresh       = `pwrite64(3</r/a>, "new", 3, 0) = 3`
	synced      = `fsync(3</r/a>) = 0`
	failed      = `fsync(3</r/a>) = -1 EIO (Input/output error) (INJECTED)`
	named       = `fsync(4</r>) = 0`
	syncedAgain = `fsync(5</r/a>) = 0`
	renamed     = `renameat(AT_FDCWD</>, "/r/a", AT_FDCWD</>, "/r/b") = 0`
	emptied     = `ftruncate(3</r/a>, 0) = 0`
	unlinked    = `unlink("/r/a") = 0`
	reopened    = `openat(AT_FDCWD</>, "/r/a", O_RDWR) = 5</r/a>`
	later       = `pwrite64(3</r/a>, "more", 4, 4096) = 4`
)

func TestTheModelKeepsWhatWasSyncedAndNothingElse(t *testing.T) {
	for _, test := range []struct {
		name  string
		calls []string
		a, b  []string
	}{
		{"nothing was synced", []string{made, old}, []string{"", "-", "old"}, []string{"-"}},
		{"its name was not", []string{made, old, synced}, []string{"-", "old"}, []string{"-"}},
		{"its content was not", []string{made, old, named}, []string{"", "old"}, []string{"-"}},
		{"all was", []string{made, old, synced, named}, []string{"old"}, []string{"-"}},
		{"written again", []string{made, old, synced, named, fresh}, []string{"new", "old"}, []string{"-"}},
		{"made shorter", []string{made, old, synced, named, emptied}, []string{"", "old"}, []string{"-"}},
		{"taken away", []string{made, old, synced, named, unlinked}, []string{"-", "old"}, []string{"-"}},
		{"renamed", []string{made, old, synced, named, renamed}, []string{"-", "old"}, []string{"-", "old"}},
		{"renamed for good", []string{made, old, synced, named, renamed, named}, []string{"-"}, []string{"old"}},
		{"a sync failed", []string{made, named, old, failed, synced}, []string{"", "old"}, []string{"-"}},
		{"a sync failed, and one of a file opened since did not", []string{made, named, old, failed, reopened, syncedAgain}, []string{"", "old"}, []string{"-"}},
		{"a sync failed, and one of a file open then did not", []string{made, reopened, named, old, failed, syncedAgain}, []string{"old"}, []string{"-"}},
		{"a sync failed and the page was written again", []string{made, named, old, failed, fresh, synced}, []string{"new"}, []string{"-"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := disk(t, lines(test.calls...))
			if got := possible(d, "a"); !slices.Equal(got, test.a) {
				t.Errorf("a may be %q, want %q", got, test.a)
			}
			if got := possible(d, "b"); !slices.Equal(got, test.b) {
				t.Errorf("b may be %q, want %q", got, test.b)
			}
		})
	}
}

func TestARenamedFileIsAlwaysUnderOneOfItsNames(t *testing.T) {
	d := disk(t, lines(made, old, synced, named, renamed))
	rng := rand.New(rand.NewPCG(1, 1))
	for n := range 200 {
		image := d.Image(allStyles[n%len(allStyles)], rng)
		if string(image["a"]) != "old" && string(image["b"]) != "old" {
			t.Fatalf("it is gone: %q", image)
		}
	}
}

func TestAFailedSyncLeavesOtherPagesInDoubt(t *testing.T) {
	d := disk(t, lines(made, named, old, failed, later, synced))
	lost := false
	rng := rand.New(rand.NewPCG(1, 1))
	for n := range 100 {
		content := string(d.Image(allStyles[n%len(allStyles)], rng)["a"])
		if !strings.HasSuffix(content, "more") {
			t.Fatalf("what was synced is lost: %q", content)
		}
		lost = lost || !strings.HasPrefix(content, "old")
	}
	if !lost {
		t.Error("the page whose sync failed is always there")
	}
}

func TestAWriteIsTornAtSectors(t *testing.T) {
	long := strings.Repeat("x", 4*sector)
	d := disk(t, lines(made, named, `pwrite64(3</r/a>, "`+long+`", 2048, 0) = 2048`))
	torn := false
	for _, text := range possible(d, "a") {
		for piece := range slices.Chunk([]byte(text), sector) {
			if s := string(piece); strings.Trim(s, "x") != "" && strings.Trim(s, "\x00") != "" {
				t.Fatalf("a sector is torn: %q", s)
			}
		}
		torn = torn || text != "" && text != long
	}
	if !torn {
		t.Error("it is never torn")
	}
}

func TestASyncCoversOnlyWhatWasOverBeforeItBegan(t *testing.T) {
	d := disk(t, lines(made, named)+`8 fsync(3</r/a> <unfinished ...>
7 `+old+`
8 <... fsync resumed>)                    = 0
`)
	if got, want := possible(d, "a"), []string{"", "old"}; !slices.Equal(got, want) {
		t.Errorf("a may be %q, want %q", got, want)
	}
}

func TestTracesAreRead(t *testing.T) {
	text := `7 pwrite64(3<\x2f\x72\x2f\x61>, "\x6f\x6c\x64\x0a", 4, 4096 <unfinished ...>
8 write(9<TCP:[127.0.0.1:80->127.0.0.1:4000]>, "\x48\x54\x54\x50", 4) = 4
7 <... pwrite64 resumed>) = 3
7 --- SIGURG {si_signo=SIGURG} ---
7 fsync(3<\x2f\x72\x2f\x61>) = -1 EIO (Input/output error) (INJECTED)
7 write(3<\x2f\x72\x2f\x61>, "\x6f", 1) = ?
7 +++ killed by SIGKILL +++
`
	tr, err := readTrace(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range tr.moments() {
		got = append(got, fmt.Sprintf("%d %s %s %q ended=%v failed=%v injected=%v", m.line, m.name, m.path, m.data(), m.ended, m.failed, m.injected))
	}
	want := []string{
		`0 pwrite64 /r/a "old" ended=false failed=false injected=false`,
		`1 write TCP:[127.0.0.1:80->127.0.0.1:4000] "HTTP" ended=false failed=false injected=false`,
		`1 write TCP:[127.0.0.1:80->127.0.0.1:4000] "HTTP" ended=true failed=false injected=false`,
		`2 pwrite64 /r/a "old" ended=true failed=false injected=false`,
		`4 fsync /r/a "" ended=false failed=true injected=true`,
		`4 fsync /r/a "" ended=true failed=true injected=true`,
		`5 write /r/a "o" ended=false failed=true injected=false`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
