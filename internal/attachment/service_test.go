package attachment

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/test/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestAnUploadIsDurableAndReadsBackAsItWas(t *testing.T) {
	b := newBench(t)
	content := picture(t, 320, 200)
	u := b.must(an, "C:\\照片\\订单.png", content)
	if u.Name != "订单.png" || u.Type != "image/png" || u.Size != int64(len(content)) || u.Width != 320 || u.Height != 200 || !u.Image() || u.Digest != digestOf(content) {
		t.Fatalf("got %+v", u)
	}
	b.again()
	if got := b.content(u.Digest); !bytes.Equal(got, content) {
		t.Fatal("another content came back")
	}
	info, err := os.Stat(b.blobs.path(u.Digest))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the file is %v, %v", info, err)
	}
	if m, err := b.take(an, u.ID); err != nil || string(m.Data) != `[{"digest":"`+u.Digest+`","name":"订单.png","type":"image/png","size":`+
		jsonNumber(u.Size)+`,"width":320,"height":200}]` {
		t.Fatalf("the message holds %s, %v", m.Data, err)
	}
}

func TestTheSizeIsLimitedExactlyAndNothingIsLeft(t *testing.T) {
	b := newBench(t)
	whole := make([]byte, MaxSize+1)
	for _, told := range []bool{true, false} {
		size := func(n int64) int64 {
			if told {
				return n
			}
			return -1
		}
		u, err := b.Upload(t.Context(), an, "big.bin", "", size(MaxSize), bytes.NewReader(whole[:MaxSize]))
		if err != nil || u.Size != MaxSize {
			t.Fatalf("exactly the limit: %+v, %v", u, err)
		}
		b.wantFiles(1)
		_, err = b.Upload(t.Context(), an, "big.bin", "", size(MaxSize+1), bytes.NewReader(whole))
		b.refused(err, problem.TooLarge, "attachment.too_large")
		_, err = b.Upload(t.Context(), an, "empty.txt", "", size(0), strings.NewReader(""))
		b.refused(err, problem.Invalid, "attachment.empty")
	}
	// Who says too much is refused before a byte is read.
	_, err := b.Upload(t.Context(), an, "x", "", MaxSize+1, iotest.ErrReader(errors.New("was read")))
	b.refused(err, problem.TooLarge, "attachment.too_large")
	// Who says too little is found out.
	_, err = b.Upload(t.Context(), an, "x", "", MaxSize, bytes.NewReader(whole))
	b.refused(err, problem.TooLarge, "attachment.too_large")
	b.wantFiles(1)
}

func TestABodyThatIsNotWholeLeavesNothing(t *testing.T) {
	b := newBench(t)
	half := func(err error) io.Reader { return io.MultiReader(strings.NewReader("half"), iotest.ErrReader(err)) }
	_, err := b.Upload(t.Context(), an, "x.txt", "", -1, half(io.ErrUnexpectedEOF))
	b.refused(err, problem.Malformed, "attachment.incomplete")
	_, err = b.Upload(t.Context(), an, "x.txt", "", 9, strings.NewReader("half"))
	b.refused(err, problem.Malformed, "attachment.incomplete")
	_, err = b.Upload(t.Context(), an, "x.txt", "", -1, half(problem.New(problem.Limited, "x.y", "words", "文字")))
	b.refused(err, problem.Limited, "x.y")
	_, err = b.Upload(t.Context(), an, "x.txt", "", -1, stuck{})
	b.refused(err, problem.Malformed, "attachment.incomplete")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = b.Upload(ctx, an, "x.txt", "", -1, io.LimitReader(zeros{}, MaxSize))
	b.refused(err, problem.Malformed, "attachment.incomplete")
	b.wantFiles(0)
	if count, _, err := b.store.UploadsOf(t.Context(), an); count != 0 || err != nil {
		t.Fatalf("%d uploads, %v", count, err)
	}
}

// stuck is a body of which nothing ever comes.
type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

// zeros is a body without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestEqualContentsLieOnceAndEqualUploadsHaveOneID(t *testing.T) {
	b := newBench(t)
	content := bytes.Repeat([]byte("同样的内容"), 10_000)
	ids := make([]string, 8)
	var all sync.WaitGroup
	for i := range ids {
		all.Go(func() {
			u, err := b.upload(an, "a.txt", content)
			if err != nil {
				t.Error(err)
			}
			ids[i] = u.ID
		})
	}
	all.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Errorf("ids %q", ids)
		}
	}
	other := b.must(guest, "a.txt", content)
	renamed := b.must(an, "b.txt", content)
	if other.ID == ids[0] || renamed.ID == ids[0] || other.Digest != renamed.Digest {
		t.Errorf("another owner's upload, or one of another name, has the same id")
	}
	b.wantFiles(1)
	if got := b.content(other.Digest); !bytes.Equal(got, content) {
		t.Error("another content came back")
	}
}

func TestOnlyItsOwnerMayNameAnUploadWithinADay(t *testing.T) {
	b := newBench(t)
	mine, theirs := b.must(an, "mine.txt", []byte("mine")), b.must(guest, "theirs.txt", []byte("theirs"))
	second := b.must(an, "second.txt", []byte("second"))
	for _, ids := range [][]string{{mine.ID, theirs.ID}, {mine.ID, "f" + strings.Repeat("a", 32)}, {mine.ID, "../../etc/passwd"}, {mine.ID, ""}} {
		_, err := b.take(an, ids...)
		b.refused(err, problem.Invalid, "attachment.unknown")
		if field := problem.As(err).Field; field != "/attachments/1" {
			t.Errorf("%q: field %s", ids, field)
		}
	}
	_, err := b.take(an, mine.ID, mine.ID)
	b.refused(err, problem.Invalid, "intake.invalid")
	_, err = b.take(an, make([]string, MaxCount+1)...)
	b.refused(err, problem.Invalid, "intake.invalid")
	if used, err := b.store.FilesInUse(t.Context(), []string{digestOf([]byte("mine"))}); err != nil || len(used) != 1 {
		t.Fatalf("in use %q, %v", used, err)
	}
	for range 2 { // used, and not used up
		m, err := b.take(an, second.ID, mine.ID)
		if err != nil {
			t.Fatal(err)
		}
		list, err := Of(&m)
		if err != nil || len(list) != 2 || list[0].Name != "second.txt" || list[1].Digest != mine.Digest || list[1].Image() {
			t.Fatalf("%+v, %v", list, err)
		}
	}
	b.wait(Lifetime)
	_, err = b.take(an, mine.ID)
	b.refused(err, problem.Invalid, "attachment.unknown")
	b.must(an, "mine.txt", []byte("mine"))
	if _, err := b.take(an, mine.ID); err != nil {
		t.Fatalf("after it was uploaded again: %v", err)
	}
}

func TestASweepRemovesWhatNothingRefersToAndNothingElse(t *testing.T) {
	b := newBench(t)
	kept, unused := b.must(an, "kept.txt", []byte("kept")), b.must(an, "unused.txt", []byte("unused"))
	if _, err := b.take(an, kept.ID); err != nil {
		t.Fatal(err)
	}
	stranger := filepath.Join(b.o.Dir, unused.Digest[:2], "notes of the administrator")
	if err := os.WriteFile(stranger, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	sweep := func(want int) {
		t.Helper()
		if err := b.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.wantFiles(want)
	}
	sweep(3)
	b.wait(Lifetime - time.Minute)
	sweep(3)
	b.wait(2 * time.Minute)
	fresh := b.must(an, "unused.txt", []byte("unused")) // uploaded again on the last day
	sweep(3)
	if fresh.ID != unused.ID {
		t.Error("the id changed")
	}
	b.wait(Lifetime + time.Minute)
	sweep(2)
	if got := b.content(kept.Digest); string(got) != "kept" {
		t.Errorf("what a message refers to is now %q", got)
	}
	_, err := b.Open(t.Context(), unused.Digest)
	b.refused(err, problem.Unavailable, "attachment.missing")
	if _, err := b.store.Upload(t.Context(), kept.ID); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("an upload that expired: %v", err)
	}
	again := b.must(an, "unused.txt", []byte("unused"))
	if got := b.content(again.Digest); string(got) != "unused" {
		t.Errorf("uploaded after it was removed: %q", got)
	}
}

func TestAFailedReadIsNotTakenForNobodyRefersToIt(t *testing.T) {
	b := newBench(t)
	b.must(an, "a.txt", []byte("a"))
	b.wait(48 * time.Hour)
	b.store.Crash() // every read fails now
	if err := b.drop(t.Context(), digestOf([]byte("a"))); err == nil {
		t.Error("no error")
	}
	if err := b.Sweep(t.Context()); err == nil {
		t.Error("no error")
	}
	b.wantFiles(1)
}

// The sweep and uploads of the same content, again and again: whoever got an id finds the content.
func TestASweepNeverTakesAContentThatIsBeingUploaded(t *testing.T) {
	b := newBench(t)
	content := []byte("the same again")
	digest := digestOf(content)
	stop := make(chan struct{})
	var sweeping sync.WaitGroup
	sweeping.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if err := b.drop(context.Background(), digest); err != nil {
				t.Error(err)
				return
			}
			runtime.Gosched()
		}
	})
	for i := range 60 {
		u, err := b.upload(an, "a.txt", content)
		if err != nil {
			t.Fatal(err)
		}
		if i%3 > 0 { // what was uploaded is there as long as its row is
			b.content(u.Digest)
		}
		b.wait(Lifetime)
		if err := b.ledger.Do(t.Context(), ledger.CommandFunc(func(tx *ledger.Tx) error { tx.EndUploads(); return nil })); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	sweeping.Wait()
}

func TestAStartRemovesWhatAnEarlierProcessDidNotFinish(t *testing.T) {
	b := newBench(t)
	u := b.must(an, "whole.txt", []byte("whole"))
	if err := os.WriteFile(filepath.Join(b.o.Dir, incoming, "HALF"), []byte("ha"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.again()
	b.wantFiles(1)
	b.content(u.Digest)
}

func TestWhatTheLedgerDoesNotTakeIsNotKept(t *testing.T) {
	b := newBench(t)
	b.store.FailCommit(ledger.ErrUnavailable, false)
	_, err := b.upload(an, "a.txt", []byte("a"))
	b.refused(err, problem.Unavailable, "system.health.store")
	b.wantFiles(0)
	if len(b.held) != 0 || len(b.removing) != 0 || b.total != 0 {
		t.Errorf("still held %v, being removed %v, under way %d", b.held, b.removing, b.total)
	}
}

func TestADiskThatIsFullIsSaidSo(t *testing.T) {
	for err, code := range map[error]string{
		syscall.ENOSPC: "attachment.no_space", syscall.EDQUOT: "attachment.no_space", syscall.EIO: "attachment.storage", os.ErrPermission: "attachment.storage",
	} {
		if p := problem.As(storage(&os.PathError{Op: "write", Err: err})); p.Code != code || p.Kind != problem.Unavailable {
			t.Errorf("%v: %v", err, p)
		}
	}
	if storage(nil) != nil {
		t.Error("no error is an error")
	}
	if err := room(t.TempDir(), 1<<60); problem.As(err) == nil || problem.As(err).Code != "attachment.no_space" {
		t.Errorf("an exbibyte: %v", err)
	}
}

func TestStrangersAreBounded(t *testing.T) {
	b := newBench(t)
	for i := range maxVisitorFiles {
		b.must(guest, "a.txt", []byte{'a', byte(i)})
	}
	_, err := b.upload(guest, "a.txt", []byte("one more"))
	b.refused(err, problem.Limited, "attachment.quota")
	b.must(VisitorOwner("web", "v2"), "a.txt", []byte("another visitor's"))
	b.wait(Lifetime)
	if err := b.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.must(guest, "a.txt", []byte("the next day"))
}

func TestUploadsAtATimeAreBounded(t *testing.T) {
	b := newBench(t)
	var all sync.WaitGroup
	var writers []*io.PipeWriter
	for range maxUnderWayOwner {
		r, w := io.Pipe()
		writers = append(writers, w)
		all.Go(func() {
			if _, err := b.Upload(t.Context(), an, "slow.txt", "", -1, r); err != nil {
				t.Error(err)
			}
		})
		if _, err := w.Write([]byte("slow")); err != nil { // once it is read, the upload is under way
			t.Fatal(err)
		}
	}
	_, err := b.upload(an, "a.txt", []byte("a"))
	b.refused(err, problem.Limited, "attachment.busy")
	b.must(AccountOwner("bo"), "a.txt", []byte("a"))
	for _, w := range writers {
		_ = w.Close() // never fails
	}
	all.Wait()
	b.must(an, "a.txt", []byte("a"))
}

func TestMemoryDoesNotGrowWithFiles(t *testing.T) {
	b := newBench(t)
	const uploads = 10
	pass := func() uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for i := range uploads {
			body := io.MultiReader(bytes.NewReader([]byte{byte(i)}), io.LimitReader(zeros{}, MaxSize-1))
			u, err := b.Upload(t.Context(), an, "big.bin", "", MaxSize, body)
			if err != nil {
				t.Fatal(err)
			}
			f, err := b.Open(t.Context(), u.Digest)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{f}, make([]byte, 32<<10)); n != MaxSize || err != nil {
				t.Fatal(n, err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	if got := pass(); got > uploads*MaxSize/20 {
		t.Errorf("%d MiB went in and out, and %d KiB were allocated", uploads*MaxSize>>20, got>>10)
	}
}

func TestTheSweepIsAJobThatComesEveryDay(t *testing.T) {
	b := newBench(t)
	b.must(an, "unused.txt", []byte("unused"))
	b.wait(Lifetime + time.Minute)
	jobs := b.Jobs()
	if len(jobs) != 1 || jobs[0].Every != 24*time.Hour {
		t.Fatalf("the jobs are %+v", jobs)
	}
	if err := jobs[0].Do(t.Context(), nil); err != nil || len(b.files()) != 0 {
		t.Errorf("swept with %v, left %q", err, b.files())
	}
}
