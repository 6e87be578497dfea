package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bidahq/bida/client"
)

// Plan is one run: a fresh company, a number of lives of the server, and a look at everything.
type Plan struct {
	Program  string
	Data     string // an empty directory
	Database string // "" for the embedded database
	Superior string // the address of Database's server, for Outage
	Trouble  Trouble
	Disk     *disk // on which Data lies, for Full
	// Unhurried runs with the times that users have, and sleeps that are longer than those.
	Unhurried bool
	Seed      uint64
	Cycles    int
	Senders   int
	Think     time.Duration     // of a sender, on average, between two posts
	Hurry     bool              // as many lives in a minute as the machine allows: short ones, and less said in each
	Kept      string            // directory for what was seen, "" for none
	Log       func(text string) // progress
}

// Graces short enough to run out between two ends of the server now and then.
var graces = []string{
	"BIDA_CONNECTION_GRACE=700ms", "BIDA_PRESENCE_GRACE=900ms", "BIDA_ACK_TIMEOUT=600ms", "BIDA_HEARTBEAT=500ms", "BIDA_STALE=1500ms", "BIDA_ZONE=Asia/Shanghai",
}

// Result is what a run was like.
type Result struct {
	Trouble                 Trouble
	Cycles, Early, Politely int
	Cuts, Silences          int
	Passed, Refused         int // messages that went on from who is deaf; answers
	Posts, Told, Retries    int
	Events                  int
	Withdrawn               map[string]int // by reason
	Replies, Waiting        int
	Denials                 int
	Conversations           int
	Starts, Stops           []time.Duration
	Faults                  []Fault
}

// String is the result in a few lines.
func (r *Result) String() string {
	slices.Sort(r.Starts)
	slices.Sort(r.Stops)
	q := func(list []time.Duration, part float64) time.Duration {
		if len(list) == 0 {
			return 0
		}
		return list[int(part*float64(len(list)-1))].Round(time.Millisecond)
	}
	trouble := fmt.Sprintf("%d lives ended by kill -9 (%d of them while starting) and %d by SIGTERM", r.Cycles-r.Politely, r.Early, r.Politely)
	switch r.Trouble {
	case Sleep:
		trouble = fmt.Sprintf("machines fell asleep %d times", r.Cycles)
	case Outage:
		trouble = fmt.Sprintf("the database went away %d times", r.Cycles)
	case Network:
		trouble = fmt.Sprintf("the network was bad %d times, cut %d connections and made %d silent", r.Cycles, r.Cuts, r.Silences)
	case Lost:
		trouble = fmt.Sprintf("agents were lost %d times, and %d answers refused", r.Cycles, r.Refused)
	case Deaf:
		trouble += fmt.Sprintf("; %d messages went on from agents who never acknowledge to colleagues", r.Passed)
	case Full:
		trouble = fmt.Sprintf("the disk was full %d times, %d of them until the server was killed", r.Cycles, r.Early)
	case Clock:
		trouble = fmt.Sprintf("the clock was set %d times, %d of them while the server was down", r.Cycles, r.Early)
	case Kill:
	}
	return fmt.Sprintf("%s; %d messages (%d answers to their senders, %d tries without one) in %d conversations, "+
		"%d of which wait; %d events on screens, of them withdrawals %v; %d replies; %d times a kind was denied; exec to ready %s at the median, %s at most; SIGTERM to the end %s at most; %d faults",
		trouble, r.Posts, r.Told, r.Retries, r.Conversations, r.Waiting, r.Events, r.Withdrawn, r.Replies, r.Denials,
		q(r.Starts, 0.5), q(r.Starts, 1), q(r.Stops, 1), len(r.Faults))
}

// run is a Plan under way.
type run struct {
	Plan
	rng     *rand.Rand
	company *Company
	history *History
	server  *server
	tokens  map[string]string
	load    *load
	agents  *agents
	http    *http.Client // of whoever looks
	told    int          // faults that the progress has told of
	before  usage        // of the server, where one process goes through the whole run
	proxy   *proxy       // of Network, nil otherwise
	result  Result
}

// Run carries out a plan. An error says that the run itself could not be done; broken promises are Faults of the result.
func Run(ctx context.Context, p Plan) (*Result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r, err := newRun(p)
	if err != nil {
		return nil, err
	}
	defer r.kill()
	if err := r.found(ctx); err != nil {
		return nil, err
	}
	if err := r.trouble(ctx); err != nil {
		return nil, err
	}
	return &r.result, nil
}

func newRun(p Plan) (*run, error) {
	r := &run{Plan: p, rng: rand.New(rand.NewPCG(p.Seed, 1)), company: company(), history: &History{}, tokens: map[string]string{}, http: newHTTP()}
	env := environment()
	if !p.Unhurried {
		env = append(env, graces...)
	}
	if p.Trouble == Full {
		env = append(env, fmt.Sprintf("BIDA_MIN_FREE=%dMiB", lowMark>>20))
	}
	if p.Database != "" {
		env = append(env, "BIDA_DATABASE="+p.Database)
	}
	var err error
	if r.server, err = newServer(p.Program, p.Data, env, r.history); err != nil {
		return nil, err
	}
	r.server.storeless, r.server.ownClock = p.Trouble == Outage || p.Trouble == Full, p.Trouble == Clock
	return r, nil
}

// kill ends every process that still runs.
func (r *run) kill() {
	if r.server.now != nil {
		r.server.now.kill()
	}
	if r.agents != nil {
		for _, l := range r.agents.lines {
			l.process.kill()
		}
	}
	if r.proxy != nil {
		r.proxy.Close()
	}
	r.http.CloseIdleConnections()
}

// environment is the tests' own without what would tell the program something.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "BIDA_") })
}

// found makes the company, as a person would, and starts the first life.
func (r *run) found(ctx context.Context) error {
	if _, err := r.server.command("a password of some length\n", "account", "create", "--data", r.Data, "--name", "admin", "--role", "admin", "--password-stdin"); err != nil {
		return err
	}
	begun := time.Now()
	if err := r.server.begin(); err != nil {
		return err
	}
	if err := r.server.ready(ctx, begun); err != nil {
		return err
	}
	if err := r.token("admin"); err != nil {
		return err
	}
	file := filepath.Join(r.Data, "company.yaml")
	if err := os.WriteFile(file, []byte(r.company.YAML()), 0o600); err != nil {
		return err
	}
	r.server.env = append(r.server.env, "BIDA_SERVER="+r.server.url(), "BIDA_TOKEN="+r.tokens["admin"])
	if _, err := r.server.command("", "policy", "apply", "-f", file); err != nil {
		return err
	}
	for _, account := range append([]string{Robot}, r.company.Agents...) {
		if err := r.token(account); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) token(account string) error {
	out, err := r.server.command("", "token", "create", "--data", r.Data, "--account", account)
	if err != nil {
		return err
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	r.tokens[account] = lines[len(lines)-1]
	return nil
}

func (r *run) api(account string) *api {
	return &api{base: r.server.url(), token: r.tokens[account], http: r.http}
}

// trouble runs the load and the lives, calms everything down, and looks.
func (r *run) trouble(ctx context.Context) error {
	more, enough := context.WithCancel(ctx)
	defer enough()
	viewing, stop := context.WithCancel(ctx)
	defer stop()
	if err := r.between(); err != nil {
		return err
	}
	if err := r.warm(ctx); err != nil {
		return err
	}
	r.agents = &agents{
		url: r.outside(), tokens: r.tokens, company: r.company, history: r.history, ctx: viewing, more: more, http: newHTTP(),
		conns: map[*tracked]bool{}, first: map[string]string{}, jobs: map[string]chan job{}, recent: map[string][]string{}, stop: stop, losing: r.Trouble == Lost,
	}
	defer r.agents.http.CloseIdleConnections()
	if err := r.clients(); err != nil {
		return err
	}
	r.load = &load{api: r.api(Robot), company: r.company, history: r.history, ctx: ctx, more: more, think: r.Think, pause: 25 * time.Millisecond, fewer: 1}
	if r.Hurry {
		// Senders that find no server must not take the processor from the one that starts, and what they send has to be looked at in the end.
		r.load.pause, r.load.fewer = 3*r.load.pause, 4
	}
	r.load.api.http, r.load.api.base = newHTTP(), r.outside()
	if r.proxy != nil {
		for _, c := range []*http.Client{r.agents.http, r.load.api.http} { // or all of them wait for answers that are lost, on connections that are silent
			c.Timeout = 2 * time.Second
			c.Transport.(*http.Transport).IdleConnTimeout = 300 * time.Millisecond
		}
	}
	defer r.load.api.http.CloseIdleConnections()
	sources, read := context.WithCancel(ctx)
	defer read()
	for _, in := range r.company.Inboxes {
		r.agents.sources.Go(func() { r.agents.read(sources, r.api(Robot), in.Name) })
	}
	r.load.start(r.Senders, r.Seed)
	if err := r.agents.begun(); err != nil {
		return err
	}
	cause := map[Trouble]func(context.Context, int) error{
		Kill: r.life, Sleep: r.sleep, Outage: r.outage, Network: r.network, Deaf: r.deafLife, Lost: r.lose, Clock: r.steps, Full: r.fill,
	}[r.Trouble]
	for n := 0; r.result.Cycles < r.Cycles; n++ {
		if err := cause(ctx, n); err != nil {
			return err
		}
	}
	r.Log("calming down")
	if r.proxy != nil {
		r.proxy.set(Weather{})
	}
	enough()
	begun := time.Now()
	if err := r.calm(ctx); err != nil {
		return err
	}
	r.Log("calm after " + time.Since(begun).Round(100*time.Millisecond).String())
	read()
	r.agents.sources.Wait()
	return r.judge(ctx)
}

// clients starts what agents look at: one client or two each, some of which behave badly.
func (r *run) clients() error {
	a := r.agents
	seed := r.Seed
	add := func(account, id string, change func(*viewer)) func() error {
		seed++
		own := seed
		return func() error { return a.add(account, id, own, nil, change) }
	}
	listen := func(account, id string) func() error {
		return func() error { return a.listen(r.Program, account, id, r.server.env) }
	}
	a.work()
	clients := []func() error{
		add("agent-a", "a-1", nil),
		add("agent-a", "a-2", func(v *viewer) { v.restive = true }),
		add("agent-b", "b-1", func(v *viewer) { v.restive = true }),
		add("agent-c", "c-1", nil),
		listen("agent-c", "c-2"),
		add("agent-d", "d-1", func(v *viewer) { v.slow = true }),
		add("agent-e", "e-1", nil),
		add("agent-e", "e-2", func(v *viewer) { v.slow = true }),
		listen("agent-f", "f-1"),
	}
	switch r.Trouble {
	case Deaf:
		clients = []func() error{
			add("agent-a", "a-1", nil),
			add("agent-a", "a-2", func(v *viewer) { v.deaf = true }),
			add(deafAgents[0], "b-1", func(v *viewer) { v.deaf = true }),
			add("agent-c", "c-1", nil),
			add("agent-d", "d-1", nil),
			add(deafAgents[1], "e-1", func(v *viewer) { v.deaf = true; v.restive = true }),
			add("agent-f", "f-1", nil),
		}
	case Lost: // only such clients as sign in again
		clients = []func() error{
			add("agent-a", "a-1", nil),
			add("agent-a", "a-2", func(v *viewer) { v.restive = true }),
			add("agent-b", "b-1", nil),
			add("agent-c", "c-1", nil),
			add("agent-d", "d-1", func(v *viewer) { v.slow = true }),
			add("agent-e", "e-1", nil),
			add("agent-f", "f-1", nil),
		}
	default:
	}
	if r.Trouble == Network { // over events and posts too
		clients = append(clients,
			add("agent-b", "b-2", func(v *viewer) { v.transport = client.SSE }),
			add("agent-d", "d-2", func(v *viewer) { v.transport = client.SSE; v.slow = true }),
			add("agent-f", "f-2", func(v *viewer) { v.transport = client.SSE; v.restive = true }),
		)
	}
	if r.Trouble == Sleep { // what falls asleep is a process; some agents have only such clients
		clients = nil
		for _, id := range []string{"a-1", "a-2", "b-1", "c-1", "c-2", "d-1", "e-1", "e-2", "f-1"} {
			clients = append(clients, listen("agent-"+id[:1], id))
		}
	}
	var failed error
	for _, f := range clients {
		failed = errors.Join(failed, f())
	}
	if r.Trouble != Deaf { // whose conversations move for one reason only
		a.viewing.Go(func() { a.moods("agent-b", r.Seed+100) })
		a.viewing.Go(func() { a.moods("agent-e", r.Seed+101) })
	}
	if r.Trouble != Clock { // the checker compares the server's times with the machine's
		a.viewing.Go(func() { a.deny(a.ctx, r.api("admin"), "agent-c", "group", r.Seed+103) })
	}
	a.viewing.Go(func() {
		rng := rand.New(rand.NewPCG(r.Seed, 102))
		for wait(a.more, between(rng, 100*time.Millisecond, time.Second)) {
			a.cut(rng)
		}
	})
	return failed
}

// life lets the server run for a while, ends it, and starts it again.
func (r *run) life(ctx context.Context, n int) error {
	politely := n%7 == 6
	lives := []struct{ percent, least, most int }{{20, 0, 60}, {50, 100, 900}, {30, 600, 2200}}
	if r.Hurry {
		lives = []struct{ percent, least, most int }{{45, 0, 50}, {47, 20, 220}, {8, 200, 900}}
	}
	dice, long := r.rng.IntN(100), 0
	for _, l := range lives {
		if dice -= l.percent; dice < 0 {
			long = l.least + r.rng.IntN(l.most-l.least+1)
			break
		}
	}
	if !wait(ctx, time.Duration(long)*time.Millisecond) {
		return ctx.Err()
	}
	over := r.load.surge()
	wait(ctx, between(r.rng, 0, 40*time.Millisecond))
	r.server.end(politely)
	r.result.Cycles++
	if politely {
		r.result.Politely++
	}
	begun := time.Now()
	if err := r.server.begin(); err != nil {
		return err
	}
	for r.result.Cycles < r.Cycles && chance(r.rng, 20) { // it is killed while it starts
		wait(ctx, between(r.rng, 0, 120*time.Millisecond))
		r.server.end(false)
		r.result.Cycles++
		r.result.Early++
		begun = time.Now()
		if err := r.server.begin(); err != nil {
			return err
		}
	}
	over()
	if err := r.server.ready(ctx, begun); err != nil {
		return err
	}
	if n%10 == 9 {
		r.tell()
	}
	return nil
}

// calm waits until everybody has been told what they wait for, everybody is connected, and nothing moves any more.
func (r *run) calm(ctx context.Context) error {
	deadline, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	done := make(chan struct{})
	go func() { r.load.working.Wait(); r.agents.rest(); close(done) }()
	select {
	case <-done:
	case <-deadline.Done():
		return errors.New("senders or agents still wait for an answer")
	}
	if r.Hurry {
		if err := r.leisure(ctx); err != nil {
			return err
		}
	}
	zero := int64(0)
	for _, account := range r.company.Agents {
		r.agents.presence(r.api("admin"), account, "available")
		if err := r.agents.add(account, "last-"+account, r.Seed, &zero, nil); err != nil {
			return err
		}
	}
	return r.still(deadline)
}

// judge looks at everything while the clients are still there, and ends the run.
func (r *run) judge(ctx context.Context) error {
	o, err := r.look(ctx)
	if err != nil {
		return err
	}
	r.agents.end()
	if err := r.alone(ctx); err != nil {
		return err
	}
	faults := Check(r.company, r.history, o)
	evidence(ctx, r.api("admin"), faults)
	known := len(r.history.Faults)
	r.server.end(true)
	r.server.now = nil
	r.count(o, append(faults, r.history.Faults[known:]...))
	return r.keep(o)
}

func (r *run) count(o *Observed, faults []Fault) {
	x := &r.result
	x.Trouble = r.Trouble
	if r.proxy != nil {
		x.Cuts, x.Silences = r.proxy.count()
	}
	x.Withdrawn, x.Denials = map[string]int{}, len(r.history.Denials)
	x.Faults, x.Starts, x.Stops = faults, r.server.starts, r.server.stops
	x.Posts, x.Replies, x.Conversations, x.Retries = len(r.history.Posts), len(r.history.Replies), len(o.Conversations), int(r.load.retries.Load())
	for _, p := range r.history.Posts {
		x.Told += len(p.Told)
	}
	for _, v := range r.history.Views {
		x.Events += len(v.Events)
		for _, e := range v.Events {
			if e.Withdraws != 0 {
				x.Withdrawn[e.Code]++
			}
		}
	}
	for _, y := range r.history.Replies {
		if y.Refused != 0 {
			x.Refused++
		}
	}
	for _, t := range o.Traces {
		if t.passed() {
			x.Passed++
		}
	}
	for _, c := range o.Conversations {
		if c.Waiting != nil {
			x.Waiting++
		}
	}
}

// databaseOf is the name of the database in an address.
func databaseOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "" // it was made by forDatabase
	}
	return strings.TrimPrefix(u.Path, "/")
}

// forDatabase puts another database's name into the address of a PostgreSQL server.
func forDatabase(server, name string) (string, error) {
	u, err := url.Parse(server)
	if err != nil {
		return "", errors.New("BIDA_TEST_POSTGRES is not an address")
	}
	u.Path = "/" + name
	return u.String(), nil
}
