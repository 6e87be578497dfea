package disk

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bidahq/bida/internal/app"
	"github.com/bidahq/bida/internal/store/sqlite"
)

// part is one process of a recording: what it did to the disk, and what the script knows of it.
type part struct {
	*trace
	exchanges []*exchange // of a server: in the order of their answers
	ports     []string    // from which the script called
	token     bool        // its end says that the administrator's token was given out
}

// recording is a script as its disk saw it.
type recording struct {
	root    string // the directory that was empty when it began
	parts   []part
	history *history
}

// record plays the script on a fresh directory, and writes down what the program did. The arguments are strace's, to let calls fail.
func record(ctx context.Context, path, root string, args ...string) (*recording, error) {
	p := &program{path: path, data: filepath.Join(root, "data")}
	traces := root + ".traces"
	if err := os.MkdirAll(traces, 0o700); err != nil {
		return nil, err
	}
	defer os.RemoveAll(traces)
	n := 0
	under := func(more ...string) strace {
		n++
		return strace{filepath.Join(traces, strconv.Itoa(n)), append([]string{"-e", "trace=" + recorded}, more...)}
	}
	r := &recording{root: root}
	account, token := under(), under()
	adminToken, err := p.found(account, token)
	if err != nil {
		return nil, err
	}
	for _, u := range []strace{account, token} {
		if err := r.add(u, part{token: u.output == token.output}); err != nil {
			return nil, err
		}
	}
	pl := newPlayer(p, adminToken)
	for life, steps := range script {
		u := under(args...)
		if err := pl.live(ctx, u, steps, life == 1); err != nil {
			return nil, fmt.Errorf("life %d: %w", life, err)
		}
		count := 0
		for _, q := range r.parts {
			count += len(q.exchanges)
		}
		if err := r.add(u, part{exchanges: pl.history.exchanges[count:], ports: pl.caller.ports}); err != nil {
			return nil, fmt.Errorf("life %d: %w", life, err)
		}
	}
	if len(pl.faults) > 0 {
		return nil, errors.New(strings.Join(pl.faults, "\n"))
	}
	r.history = &pl.history
	return r, nil
}

// live plays steps in one life of a server.
func (p *player) live(ctx context.Context, under strace, steps []step, killed bool) error {
	s, err := p.program.serve(under)
	if s != nil {
		defer s.Kill()
	}
	if err != nil {
		return err
	}
	if err := p.join(ctx, s); err != nil {
		return err
	}
	defer p.leave()
	if err := p.play(ctx, steps); err != nil {
		return err
	}
	if killed {
		return s.kill()
	}
	p.leave()
	return s.stop()
}

func (r *recording) add(from strace, p part) error {
	f, err := os.Open(from.output)
	if err != nil {
		return fmt.Errorf("strace recorded nothing (is ptrace allowed here?): %w", err)
	}
	defer f.Close()
	if p.trace, err = readTrace(f); err != nil {
		return err
	}
	r.parts = append(r.parts, p)
	return nil
}

// knowledge is what somebody outside knows at a moment.
type knowledge struct {
	token    bool // the administrator has it
	answered int  // exchanges
	shown    map[int64]string
	received int64
}

// knows is the history as it was at a moment. The request after the last answer may be under way.
func (r *recording) knows(k knowledge) *history {
	h := &history{shown: k.shown, received: k.received}
	if !k.token {
		return h
	}
	h.adminToken = r.history.adminToken
	h.exchanges = slices.Clone(r.history.exchanges[:k.answered])
	if k.answered < len(r.history.exchanges) {
		h.exchanges = append(h.exchanges, &exchange{request: r.history.exchanges[k.answered].request})
	}
	return h
}

var (
	socket    = regexp.MustCompile(`^TCP[^\[]*:\[.*->(.*)\]$`)
	entry     = regexp.MustCompile(`"type":"(\w+)","event":"\w+","agent_sequence":(\d+)(?:,"message":"(m\d+)")?`)
	cursorAck = regexp.MustCompile(`"type":"acked","received":(\d+)`)
)

// walk runs through a recording and calls visit after each moment that changed the disk or told somebody something.
func (r *recording) walk(d *Disk, visit func(knowledge) error) error {
	k := knowledge{shown: map[int64]string{}}
	answered := 0
	for _, p := range r.parts {
		for _, m := range p.moments() {
			to := socket.FindStringSubmatch(m.path)
			if to == nil {
				if err := d.apply(m); err != nil {
					return err
				}
			} else if m.ended {
				continue // what was sent may have arrived before the call was over
			} else if !slices.Contains(p.ports, to[1]) {
				k.shown = k.see(m.data())
			} else if text := m.data(); strings.HasPrefix(text, "HTTP/1.1 ") {
				k.answered++
			}
			if err := visit(k); err != nil {
				return err
			}
		}
		k.token = k.token || p.token
		if answered += len(p.exchanges); k.answered != answered {
			return fmt.Errorf("the recording has %d answers where the script had %d", k.answered, answered)
		}
	}
	return visit(k)
}

// see reads what a client was sent.
func (k *knowledge) see(text string) map[int64]string {
	shown := k.shown
	for _, found := range entry.FindAllStringSubmatch(text, -1) {
		n, err := strconv.ParseInt(found[2], 10, 64)
		if err != nil {
			continue
		}
		shown = maps.Clone(shown)
		if shown[n] = ""; found[1] == "message" {
			shown[n] = found[3]
		}
	}
	for _, found := range cursorAck.FindAllStringSubmatch(text, -1) {
		if n, err := strconv.ParseInt(found[1], 10, 64); err == nil {
			k.received = max(k.received, n)
		}
	}
	return shown
}

// check looks at what a directory became, and returns what is wrong. n numbers the images.
type check func(ctx context.Context, directory string, n int) []string

// view is a recording that can be run through: visit is called after each moment that changed the disk or told somebody something, with words for what was told.
type view func(d *Disk, visit func(told string, check check) error) error

// sample is one image to be looked at.
type sample struct {
	number int
	style  Style
	image  Image
	told   string
	check  check
}

// String says which one it is.
func (s *sample) String() string {
	return fmt.Sprintf("image %d (style %d), %s", s.number, s.style, s.told)
}

// look lays the image out in an empty directory and checks it.
func (s *sample) look(ctx context.Context, directory string) []string {
	if err := s.image.lay(directory); err != nil {
		return []string{err.Error()}
	}
	return s.check(ctx, directory, s.number)
}

// sampler chooses images: at each moment some, of each style in turn, and none twice.
type sampler struct {
	want    int // in all, if there are so many; 0 for one at each moment
	styles  []Style
	seed    uint64
	moments int // of the recording
	met     map[[32]byte]bool
	number  int
}

// draw draws the images of one moment: what is due of all that are wanted by now. Where there are not so many, later moments have more.
func (s *sampler) draw(d *Disk, at int, told string, c check, give func(*sample)) {
	if s.moments == 0 {
		return
	}
	most, due := 2*s.want/s.moments+len(s.styles), s.want*(at+1)/s.moments
	if s.want == 0 {
		most, due = 1, len(s.met)+1
	}
	for try := 0; try < most && len(s.met) < due; try++ {
		s.number++
		style := s.styles[s.number%len(s.styles)]
		image := d.Image(style, rand.New(rand.NewPCG(s.seed, uint64(s.number))))
		if key := image.key(told); !s.met[key] {
			s.met[key] = true
			give(&sample{s.number, style, image, told, c})
		}
	}
}

// key tells images apart, with what is known at their moment.
func (i Image) key(told string) [32]byte {
	sum := sha256.New()
	fmt.Fprintln(sum, told)
	for _, name := range slices.Sorted(maps.Keys(i)) {
		fmt.Fprintln(sum, name, len(i[name]), i[name] == nil)
		sum.Write(i[name])
	}
	return [32]byte(sum.Sum(nil))
}

// lay writes an image into an empty directory.
func (i Image) lay(directory string) error {
	for _, name := range slices.Sorted(maps.Keys(i)) { // a directory comes before what is in it
		path, err := filepath.Join(directory, name), error(nil)
		if i[name] == nil {
			err = os.Mkdir(path, 0o700)
		} else {
			err = os.WriteFile(path, i[name], 0o600)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// view has a server started on each image and asks it: this test's own, and for every so many images the release program. Moments before so many answers are
// passed over.
func (r *recording) view(program string, every, from int) view {
	return func(d *Disk, visit func(string, check) error) error {
		return r.walk(d, func(k knowledge) error {
			if k.answered < from {
				return nil
			}
			h := r.knows(k)
			told := fmt.Sprintf("after %d answers, %d entries shown, %d acknowledged, token %v", k.answered, len(k.shown), k.received, k.token)
			return visit(told, func(ctx context.Context, directory string, n int) []string {
				start := inside
				if n%every == 0 {
					start = outside(program)
				}
				return ask(ctx, filepath.Join(directory, "data"), h, start)
			})
		})
	}
}

// ask has a server started on a directory, and asks it for what the history says.
func ask(ctx context.Context, data string, h *history, start func(data string) (url string, stop func() error, err error)) []string {
	url, stop, err := start(data)
	if err != nil {
		return []string{"the server does not start: " + err.Error()}
	}
	var faults []string
	if h.adminToken != "" {
		faults = Check(ctx, url, h)
	}
	if err := stop(); err != nil {
		faults = append(faults, "the server does not stop: "+err.Error())
	}
	if err := intact(ctx, filepath.Join(data, sqlite.File)); err != nil {
		faults = append(faults, err.Error())
	}
	return faults
}

// inside starts the program's server within this process: ten times as fast.
func inside(data string) (string, func() error, error) {
	c := app.DefaultConfig()
	c.Data, c.Listen = data, "127.0.0.1:0"
	c.ConnectionGrace, c.PresenceGrace = time.Hour, time.Hour
	a, err := app.New(context.Background(), c, app.Options{Version: "test", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return "", nil, err
	}
	if err := a.Start(); err != nil {
		return "", nil, errors.Join(err, a.Stop())
	}
	return "http://" + a.Addr().String(), a.Stop, nil
}

// outside starts the release program.
func outside(path string) func(data string) (string, func() error, error) {
	return func(data string) (string, func() error, error) {
		s, err := (&program{path, data}).serve(strace{})
		if err != nil {
			if s != nil {
				s.Kill()
			}
			return "", nil, err
		}
		return s.url, func() error { defer s.Kill(); return s.stop() }, nil
	}
}

// intact has SQLite look at every page of a database.
func intact(ctx context.Context, path string) error {
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return err
	}
	defer db.Close()
	var verdict string
	if err := db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&verdict); err != nil {
		return fmt.Errorf("integrity of the database: %w", err)
	}
	if verdict != "ok" {
		return fmt.Errorf("integrity of the database: %s", verdict)
	}
	return nil
}
