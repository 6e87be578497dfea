package cli

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/bidahq/bida/client"
	"github.com/bidahq/bida/internal/app"
	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/diagnosis"
	"github.com/bidahq/bida/internal/store/snapshot"
)

// exportTime is how long an export may take.
const exportTime = 6 * time.Minute

// mostHours is more than anybody has records of.
const mostHours = 1e6

// snapshots makes snapshots.
type snapshots struct {
	Export snapshotExport `cmd:"" help:"Export a snapshot: settings, facts and recent records, with pseudonyms for customers."`
}

type snapshotExport struct {
	serverFlags
	Output string  `short:"o" required:"" help:"File to write." placeholder:"FILE"`
	Since  string  `help:"Earliest instant that can be asked about (24 hours ago)." placeholder:"TIME"`
	Agent  string  `help:"Only what explains this agent: a much smaller file, which explains nobody else." placeholder:"NAME"`
	Hours  float64 `help:"How many hours back can be asked about, instead of --since." placeholder:"N"`
	Data   *string `help:"Read this data directory instead of asking a server: for when it does not run." placeholder:"DIR"`
}

// Run implements the command.
func (v *snapshotExport) Run(s *session) error {
	var since time.Time
	if v.Since != "" {
		var err error
		if since, err = instant("--since", v.Since, time.Now().In(s.zone)); err != nil {
			return err
		}
	}
	if v.Hours != 0 {
		if v.Since != "" || !(v.Hours > 0) || v.Hours > mostHours {
			return usage("--hours: %s", s.pick("应为大于 0 的小时数，且不能与 --since 同时使用", "want a number of hours above 0, and not with --since"))
		}
		since = time.Now().Add(-time.Duration(v.Hours * float64(time.Hour)))
	}
	write := func(w io.Writer) error { return v.download(s, since, w) }
	if v.Data != nil {
		write = func(w io.Writer) error { return v.read(s, since, w) }
	}
	size, err := writeWhole(v.Output, write)
	if err != nil {
		return err
	}
	s.print(s.pick("快照已写入 %s（%d KiB）。其中没有消息内容和机密，客户以代号表示；可用 bida explain --snapshot %s 诊断。\n",
		"The snapshot is in %s (%d KiB). It has no texts and no secrets, and pseudonyms for customers; bida explain --snapshot %s diagnoses from it.\n"),
		v.Output, (size+1023)/1024, v.Output)
	return nil
}

// download has a server make it.
func (v *snapshotExport) download(s *session, since time.Time, w io.Writer) error {
	from, err := v.openFor(s, exportTime)
	if err != nil {
		return err
	}
	call := client.Call{Method: http.MethodGet, Path: "/snapshot", Lang: s.lang}
	call.Query = url.Values{}
	if !since.IsZero() {
		call.Query.Set("since", since.Format(time.RFC3339Nano))
	}
	if v.Agent != "" {
		call.Query.Set("agent", v.Agent)
	}
	if err := from.client.Download(s.ctx, call, w); err != nil && client.AsRefused(err) == nil {
		return &noServerError{from.base, err}
	} else if err != nil {
		return err
	}
	return nil
}

// read makes it from a data directory that no server uses.
func (v *snapshotExport) read(s *session, since time.Time, w io.Writer) error {
	c, err := s.load(map[string]*string{"data": v.Data}, nil)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(s.Err, &slog.HandlerOptions{Level: slog.LevelError}))
	return app.ExportSnapshot(s.ctx, c, w, app.SnapshotOptions{Since: since, Agent: v.Agent, Program: s.Version}, log)
}

// writeWhole writes a snapshot beside its place, looks whether it is whole, and only then puts it there.
func writeWhole(path string, write func(io.Writer) error) (size int64, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".bida-snapshot-*") // for its owner only
	if err != nil {
		return 0, usage("-o: %v", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name()) // what is not whole is of no use
		}
	}()
	err = write(f)
	if err == nil {
		err = snapshot.Check(f)
	}
	if err == nil {
		size, err = f.Seek(0, io.SeekEnd)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return 0, err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return 0, usage("-o: %v", err)
	}
	return size, nil
}

// explain asks a snapshot what diagnose asks a server.
type explain struct {
	Snapshot string `required:"" help:"The snapshot." placeholder:"FILE"`
	question
	patternFlags
}

// Run implements the command.
func (v *explain) Run(s *session) error {
	if !v.Patterns {
		if err := v.check(); err != nil {
			return err
		}
	}
	shot, err := s.openSnapshot(v.Snapshot)
	if err != nil {
		return err
	}
	if err := shot.Covers(v.Agent, v.Inbox); err != nil {
		return err
	}
	service := diagnosis.New(diagnosis.Deps{
		Ledger: shot, Messages: shot.Records, Flow: shot.Records, Facts: shot.Records, Policies: shot.Records, Offline: true,
		Zone: shot.Head.Location(), Now: func() time.Time { return shot.Head.At },
	})
	if v.Patterns {
		return v.patternsOf(s, service, shot.Head.At)
	}
	q := diagnosis.Query{Agent: v.Agent, Inbox: v.Inbox, Kind: v.Kind, Message: v.Message, Sender: v.SenderID, Excess: v.Excess, Lang: s.lang}
	if v.At != "" {
		if q.At, err = instant("--at", v.At, shot.Head.At.In(s.zone)); err != nil {
			return err
		}
	}
	report, err := service.Diagnose(s.ctx, "", q)
	if err != nil {
		return err
	}
	if v.JSON {
		err = s.document(report)
	} else {
		s.note(s.pick("快照：必达 %s，%s 时的状态", "Snapshot of Bida %s, as of %s"), shot.Head.Program, shot.Head.At.In(s.zone).Format("2006-01-02 15:04:05"))
		s.report(report)
	}
	if err != nil {
		return err
	}
	return verdict(report)
}

func (s *session) openSnapshot(path string) (*snapshot.Snapshot, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, usage("--snapshot: %v", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	if about, err := f.Stat(); err == nil && !about.Mode().IsRegular() {
		return nil, usage("--snapshot: %s", fmt.Sprintf(s.pick("%s 不是文件", "%s is no file"), path))
	}
	shot, err := snapshot.Open(s.ctx, f, conversation.Engine)
	if err != nil {
		return nil, &statusError{statusTrouble, fmt.Errorf("%s: %w", path, err)}
	}
	return shot, nil
}
