package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/bidahq/bida/client"
	"github.com/bidahq/bida/internal/app"
	"github.com/bidahq/bida/internal/bench"
)

// benchmark measures a server and checks its promises meanwhile.
type benchmark struct {
	serverFlags
	Serve     bool          `help:"Measure a server that this run starts on a directory of its own in --scratch, instead of one that runs."`
	Directory string        `name:"scratch" help:"Directory for the reference measurements and for --serve (the system's one for temporary files). Name one on the disk in question." placeholder:"DIR"`
	Senders   int           `help:"Senders that post at the same time (256; 16 with --batch)." placeholder:"N"`
	Agents    int           `help:"Agents that receive. 0: nobody, and what is accepted counts." default:"200" placeholder:"N"`
	Customers int           `help:"Customers that the senders write for, each with a conversation (256, or one for each sender)." placeholder:"N"`
	Rate      rate          `help:"Open loop: so many messages a second, whatever the answers take. Without it each sender posts again once it is answered." placeholder:"N/s"`
	Batch     int           `help:"Post so many messages in one request." placeholder:"N"`
	Duration  time.Duration `help:"How long to measure, after a warm-up." default:"15s" placeholder:"TIME"`
	Stall     stall         `help:"An agent's client stops reading for 20s, or for --stall=TIME."`
	Reconnect bool          `help:"Agents' connections are cut again and again, and resumed."`
	Kill      int           `help:"With --serve: end the server with kill -9 at so many random moments and start it again." placeholder:"N"`
	Remove    bool          `help:"Measure nothing: remove what runs that were killed have left on the server."`
	JSON      bool          `help:"As JSON."`
}

// rate is messages a second, written 1000 or 1000/s.
type rate float64

// Decode implements kong.MapperValue.
func (r *rate) Decode(ctx *kong.DecodeContext) error {
	var text string
	if err := ctx.Scan.PopValueInto("rate", &text); err != nil {
		return err
	}
	n, err := strconv.ParseFloat(strings.TrimSuffix(text, "/s"), 64)
	if err != nil || !(n > 0) || math.IsInf(n, 0) {
		return fmt.Errorf("want messages a second, such as 1000/s, not %q", text)
	}
	*r = rate(n)
	return nil
}

// stall is a time that may be left out.
type stall time.Duration

// IsBool has the flag taken without a value, too.
func (*stall) IsBool() bool { return true }

// Decode implements kong.MapperValue.
func (d *stall) Decode(ctx *kong.DecodeContext) error {
	*d = stall(bench.DefaultStall)
	if ctx.Scan.Peek().Type != kong.FlagValueToken {
		return nil
	}
	text := fmt.Sprint(ctx.Scan.Pop().Value)
	given, err := time.ParseDuration(text)
	if err != nil || given <= 0 {
		return fmt.Errorf("want a time such as 20s, not %q", text)
	}
	*d = stall(given)
	return nil
}

// Run implements the command: 0 if nothing was lost, duplicated, reordered or misdelivered, 1 otherwise.
func (v *benchmark) Run(s *session) error {
	o, base, err := v.options(s)
	if err != nil {
		return err
	}
	if v.Remove {
		s.benchStep(bench.Removing)
		if err := bench.Remove(s.ctx, o.Server, o.Token); err != nil {
			return s.benchFailed(base, err)
		}
		return nil
	}
	r, err := bench.Run(s.ctx, o)
	if err != nil {
		err = s.benchFailed(base, err)
	}
	if r == nil {
		return err
	}
	if fault := v.tell(s, r); fault != nil {
		s.fail(err) // that not everything could be removed is said, and is not the worse of the two
		return fault
	}
	return err
}

// tell prints a report and says whether it is a good one.
func (v *benchmark) tell(s *session, r *bench.Report) error {
	if v.JSON {
		if err := s.document(r); err != nil {
			return err
		}
	} else {
		s.benchReport(r)
	}
	if !r.OK() {
		return answered(statusNo)
	}
	return nil
}

func (v *benchmark) options(s *session) (o bench.Options, base string, err error) {
	scratch, err := v.scratch(s)
	if err != nil {
		return o, "", err
	}
	o = bench.Options{
		Senders: v.Senders, Agents: &v.Agents, Customers: v.Customers, Rate: float64(v.Rate), Batch: v.Batch, Duration: v.Duration, Stall: time.Duration(v.Stall),
		Reconnect: v.Reconnect, Kills: v.Kill, Say: s.benchStep,
		Reference: func(ctx context.Context) (bench.Reference, error) { return measured(ctx, scratch) },
	}
	if v.Serve {
		if v.Server != "" || v.TokenFile != "" || v.Remove {
			return o, "", usage("--serve: %s", s.pick("会自行启动服务，不能与 --server、--token-file、--remove 同时使用", "starts a server of its own: --server, --token-file and --remove are about another one"))
		}
		program, err := os.Executable()
		if err != nil {
			return o, "", fmt.Errorf("this program cannot be found: %w", err)
		}
		o.Serve = &bench.Serve{Program: program, Directory: scratch, Log: warnings{s.Err}}
		return o, "", nil
	}
	base, _ = v.address(s)
	o.Server = base
	o.Token, err = v.token(s)
	return o, base, err
}

// scratch is the directory in which something may be written.
func (v *benchmark) scratch(s *session) (string, error) {
	directory := v.Directory
	if directory == "" {
		directory = os.TempDir()
	}
	if d, err := os.Stat(directory); err != nil || !d.IsDir() {
		return "", usage("--scratch: %s", fmt.Sprintf(s.pick("%q 不是目录", "%q is no directory"), directory))
	}
	return filepath.Abs(directory)
}

// warnings passes on what an own server says, except what it says when all is well.
type warnings struct{ to io.Writer }

// Write implements io.Writer.
func (w warnings) Write(p []byte) (int, error) {
	for line := range strings.Lines(string(p)) {
		if strings.Contains(line, " level=INFO ") {
			continue
		}
		if _, err := io.WriteString(w.to, line); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

func measured(ctx context.Context, directory string) (bench.Reference, error) {
	f, err := app.MeasureReference(ctx, directory)
	return bench.Reference{
		Directory: directory, GroupSize: f.GroupSize, GroupCommits: f.GroupCommits, Commits: f.Commits, Syncs: f.Syncs, Sync: float64(f.Sync.Microseconds()) / 1000,
	}, err
}

// benchFailed says why a run could not be carried out.
func (s *session) benchFailed(base string, err error) error {
	var option *bench.OptionError
	var nobody *url.Error
	switch {
	case errors.As(err, &option):
		return usage("%s: %s", option.Option, s.pick(option.ZH, option.EN))
	case s.ctx.Err() != nil:
		return &statusError{statusNo, fmt.Errorf("%s (%w)", s.pick("已中断", "interrupted"), err)}
	case client.AsRefused(err) == nil && errors.As(err, &nobody):
		return &noServerError{base, err}
	}
	return err
}

// benchStep says on standard error how the run gets on.
func (s *session) benchStep(p bench.Progress) {
	steps := map[bench.Progress]words{
		bench.Measuring: {"测量本机磁盘与存储…", "measuring this machine's disk and store …"},
		bench.Starting:  {"启动服务…", "starting a server …"},
		bench.Preparing: {"创建 bench-… 的渠道、账号与令牌…", "making inboxes, accounts and tokens called bench-… …"},
		bench.Loading:   {"施加负载…", "under load …"},
		bench.Checking:  {"检查每条消息…", "checking every message …"},
		bench.Removing:  {"清除 bench-…", "removing bench-… …"},
	}
	s.note("%s", steps[p].in(s.lang))
}

// benchReport prints a report for a person.
func (s *session) benchReport(r *bench.Report) {
	loop := s.pick("闭环", "closed loop")
	if r.Load.Loop == "open" {
		loop = fmt.Sprintf(s.pick("开环 %g 条/秒", "open loop of %g/s"), r.Load.Rate)
	}
	if r.Load.Batch > 0 {
		loop += fmt.Sprintf(s.pick("，每批 %d 条", ", %d in a request"), r.Load.Batch)
	}
	s.print(s.pick("%s · %s：%d 个发送方，%d 位客户，%d 位客服，%.0f 秒\n\n", "%s · %s: %d senders, %d customers, %d agents, %.0f s\n\n"),
		r.Server.URL, loop, r.Load.Senders, r.Load.Customers, r.Load.Agents, r.Load.Seconds)
	s.benchRates(r)
	s.benchLatencies(r)
	s.print(s.pick("丢失 %d · 重复 %d · 乱序 %d · 错投 %d\n", "lost %d · duplicated %d · reordered %d · misdelivered %d\n"), r.Lost, r.Duplicated, r.Reordered, r.Misdelivered)
	for _, text := range r.Described {
		s.print("  ✕ %s\n", text)
	}
	s.benchRest(r)
}

func (s *session) benchRates(r *bench.Report) {
	const wide = 18
	row := func(zh, en string, n float64, format string, args ...any) {
		s.print("%s%9.0f%s  %s\n", pad(s.pick(zh, en), wide), n, s.pick(" 条/秒", "/s"), fmt.Sprintf(format, args...))
	}
	beside := s.pick("(已确认接收)", "(acknowledged by the agent)")
	if r.Load.Agents == 0 {
		beside = s.pick("(已受理；没有客服)", "(accepted; there are no agents)")
	}
	if r.Ratio != nil {
		beside += fmt.Sprintf(s.pick("，为成组提交的 %.2f 倍", ", %.2f x the group commits"), *r.Ratio)
	}
	row("端到端", "end to end", r.EndToEnd.PerSecond, "%s", beside)
	row("受理", "accepted", r.Accepted.PerSecond, "")
	ref := &r.Reference
	row("参照：成组提交", "group commits", ref.GroupCommits, s.pick("(同样的行，每组 %d 条)", "(reference: the same rows, %d messages in a group)"), ref.GroupSize)
	row("参照：单条提交", "single commits", ref.Commits, "")
	row("参照：fsync", "fsync", ref.Syncs, s.pick("(中位 %.2f 毫秒，目录 %s)", "(median %.2f ms, in %s)"), ref.Sync, ref.Directory)
	if r.Server.Elsewhere {
		s.print("%s\n", s.pick("服务在另一台机器上：参照的是本机，不是服务所在机器的磁盘。", "The server is elsewhere: the reference is of this machine, not of the server's disk."))
	}
	s.print("\n")
}

func (s *session) benchLatencies(r *bench.Report) {
	const wide = 24
	s.print("%s%22s%22s%22s%22s\n", pad(s.pick("延迟（× fsync 中位数）", "latency (x fsync p50)"), wide), "p50", "p90", "p99", "max")
	row := func(zh, en string, l *bench.Latency) {
		if l == nil {
			return
		}
		s.print("%s", pad(s.pick(zh, en), wide))
		for _, ms := range []float64{l.P50, l.P90, l.P99, l.Max} {
			text := fmt.Sprintf("%.2f ms", ms)
			if r.Reference.Sync > 0 {
				text += fmt.Sprintf(" (%s x)", times(ms/r.Reference.Sync))
			}
			s.print("%22s", text)
		}
		s.print("\n")
	}
	row("发出 → 已受理", "POST → accepted", &r.Latency.Accepted)
	row("发出 → 客服看到", "POST → agent", r.Latency.Agent)
	row("发出 → 已确认", "POST → acknowledged", r.Latency.Acknowledged)
	s.print("\n")
}

// times is a ratio with as many places as say something.
func times(x float64) string {
	if x < 100 {
		return strconv.FormatFloat(x, 'f', 1, 64)
	}
	return strconv.FormatFloat(x, 'f', 0, 64)
}

// benchRest says what else there is to say.
func (s *session) benchRest(r *bench.Report) {
	for _, x := range []struct {
		n      int
		zh, en string
	}{
		{r.Waiting.Messages, "等待中：%d 条", "waiting: %d"},
		{r.Untold, "发送方未得到答复：%d 条", "messages whose senders were never told: %d"},
		{r.Unsent, "到期未发出：%d 条", "messages that were due and not sent: %d"},
		{r.Withdrawn, "撤回：%d 条", "withdrawn from agents: %d"},
		{int(r.Retries), "重发请求：%d 次", "requests made again: %d"},
		{int(r.Reconnects), "客服重连：%d 次", "agents' reconnections: %d"},
		{r.Kills, "kill -9：%d 次", "kill -9: %d"},
	} {
		if x.n > 0 {
			s.print(s.pick(x.zh, x.en)+"\n", x.n)
		}
	}
	for _, code := range slices.Sorted(maps.Keys(r.Waiting.Reasons)) {
		s.print("  %s %d\n", code, r.Waiting.Reasons[code])
	}
	if len(r.Stays) > 0 {
		s.print(s.pick("bench-%s 的渠道、账号、角色与令牌已清除；消息与会话、审计与版本记录按设计保留。\n",
			"The inboxes, accounts, roles and tokens of bench-%s are gone; messages and conversations, the audit log and the revisions stay, as they always do.\n"), r.Run)
	}
	if r.Kept != "" {
		s.print(s.pick("服务的数据保留在 %s\n", "the server's data is kept in %s\n"), r.Kept)
	}
}
