package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/bidahq/bida/client"
)

const (
	// patience is how long senders go on asking what became of what they have sent, after nothing new is sent.
	patience = 10 * time.Second
	// quiet is how long nothing may happen before what nobody has seen is looked for.
	quiet    = 3 * time.Second
	settling = 100 * time.Millisecond
	// longestDrain is how long what is under way at the end may take in all; longer where clients or the server were away.
	longestDrain = 10 * time.Second
	longAway     = 60 * time.Second
	// mostTraces is how many messages that nobody has seen are followed one by one; of the rest their conversations tell.
	mostTraces = 1000
)

// run is a run under way.
type run struct {
	o       *Options
	own     *ownServer
	company *company
	office  *office
	history *history
	staff   *staff // nil without agents
	report  *Report

	from, to time.Duration // what is measured
	complete bool          // the report is

	references []Reference
}

// Run measures a server and looks at whether it keeps its promises. An *OptionError says that the options cannot be; any other error that the run could not be
// carried out, and the report is nil then, or that not everything could be removed that the run has made on the server.
func Run(ctx context.Context, o Options) (_ *Report, err error) {
	if o, err = o.complete(); err != nil {
		return nil, err
	}
	r := &run{o: &o, company: newCompany(*o.Agents, o.Customers)}
	r.report = &Report{Run: r.company.run, At: time.Now().Format(instant), Described: []string{}, Stays: []string{}, Load: Load{
		Loop: "closed", Senders: o.Senders, Agents: *o.Agents, Customers: o.Customers, Rate: o.Rate, Batch: o.Batch, WarmUp: o.warmUp().Seconds(),
		Stall: o.Stall.Seconds(), Reconnect: o.Reconnect,
	}}
	if o.Rate > 0 {
		r.report.Load.Loop = "open"
	}
	if o.Serve == nil {
		return r.found(r.visit(ctx))
	}
	o.Say(Starting)
	if r.own, err = begin(ctx, *o.Serve); err != nil {
		return nil, fmt.Errorf("start a server: %w", err)
	}
	defer func() { err = errors.Join(err, r.stop(err)) }()
	o.Server, o.Token = r.own.url(), r.own.token
	return r.found(r.visit(ctx))
}

// found is the report, if there is one, with what went wrong.
func (r *run) found(err error) (*Report, error) {
	if !r.complete {
		return nil, err
	}
	return r.report, err
}

// reference measures this machine. What the disk allows changes with what else is done on it, so this is done before and after the load.
func (r *run) reference(ctx context.Context) error {
	if r.o.Reference == nil {
		return nil
	}
	r.o.Say(Measuring)
	found, err := r.o.Reference(ctx)
	if err != nil {
		return fmt.Errorf("measure this machine: %w", err)
	}
	r.references = append(r.references, found)
	return nil
}

// stop ends the own server. After a fault its data is kept, for whoever looks for the cause.
func (r *run) stop(failed error) error {
	err := r.own.end()
	if failed == nil && err == nil && !r.report.OK() {
		r.report.Kept = r.own.directory
		return nil
	}
	return errors.Join(err, r.own.discard())
}

// visit is the run on a server that is there.
func (r *run) visit(ctx context.Context) (err error) {
	if r.office, err = newOffice(r.company, r.o.Server, r.o.Token); err != nil {
		return err
	}
	defer r.office.close()
	r.report.Server = Server{URL: r.o.Server, Own: r.own != nil, Elsewhere: !loopback(r.o.Server)}
	if err := r.office.reach(ctx); err != nil {
		return err
	}
	if err := r.reference(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.remove(ctx)) }()
	r.o.Say(Preparing)
	if err := r.office.prepare(ctx, r.o.Duration+r.o.Stall); err != nil {
		return err
	}
	if err := r.measure(ctx); err != nil {
		return err
	}
	if err := r.reference(ctx); err != nil {
		return err
	}
	r.report.compare(r.references)
	r.complete = true
	return nil
}

// remove removes what was made, also when the run was interrupted. An own server goes as a whole.
func (r *run) remove(ctx context.Context) error {
	if r.own != nil {
		return nil
	}
	r.o.Say(Removing)
	r.report.Stays = []string{"messages", "conversations", "contacts", "audit", "policy_revisions"}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeTime)
	defer cancel()
	return r.office.remove(ctx, r.company.begin())
}

func loopback(server string) bool {
	u, err := url.Parse(server)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// measure has the load run, waits until what it has begun has arrived, and looks at everything. When ctx ends, nothing new is begun, and what was is ended in
// order.
func (r *run) measure(ctx context.Context) error {
	life, fail := context.WithCancel(context.WithoutCancel(ctx))
	defer fail()
	r.history = newHistory(r.company)
	if err := r.arrive(ctx, life, fail); err != nil {
		return fmt.Errorf("connect the agents: %w", err)
	}
	defer r.leave(life)
	r.o.Say(Loading)
	if err := r.load(ctx, life, fail); err != nil {
		return err
	}
	r.o.Say(Checking)
	k, moving := r.drain(ctx)
	if err := errors.Join(r.trouble(), ctx.Err()); err != nil {
		return err
	}
	if err := r.judge(ctx, k, moving); err != nil {
		return err
	}
	r.report.measure(r.history, r.from, r.to)
	return nil
}

// arrive connects the agents, if there are any.
func (r *run) arrive(ctx, life context.Context, fail context.CancelFunc) (err error) {
	if len(r.company.agents) == 0 {
		return nil
	}
	defer context.AfterFunc(ctx, fail)() // until they have arrived
	r.staff, err = arrive(life, r.office, r.history, fail)
	return err
}

// leave sends the agents home, after their conversations: what they had is not to be given to others.
func (r *run) leave(life context.Context) {
	if r.own == nil {
		_ = r.office.resolve(life, r.company.inboxes) // tried again, and reported, when everything is removed
	}
	if r.staff != nil {
		r.staff.home()
	}
}

// trouble is why the agents' side of the run could not go on.
func (r *run) trouble() error {
	if r.staff == nil {
		return nil
	}
	return r.staff.trouble()
}

// load has the senders post, and whatever is to be endured happen meanwhile.
func (r *run) load(ctx, life context.Context, fail context.CancelFunc) error {
	to, err := newEndpoint(r.o.Server, r.office.source)
	if err != nil {
		return err
	}
	loaded := r.o.warmUp() + r.o.Duration
	abandon, giveUp := context.WithTimeout(life, loaded+r.patience())
	defer giveUp()
	stop, enough := context.WithTimeout(abandon, loaded)
	defer enough()
	defer context.AfterFunc(ctx, enough)()
	l := &load{o: r.o, history: r.history, to: to, stop: stop, abandon: abandon, fail: fail}
	r.from = r.history.now() + r.o.warmUp()
	r.to = r.from + r.o.Duration

	var beside sync.WaitGroup
	beside.Go(func() { r.endure(stop, l) })
	l.run()
	enough()
	beside.Wait()
	r.report.Unsent = l.unsent()
	return errors.Join(l.trouble(), r.trouble(), ctx.Err())
}

func (r *run) patience() time.Duration {
	if r.o.Kills > 0 {
		return patience + readyTime
	}
	return patience
}

// endure stalls a client, cuts connections and kills the server, as the options say, from the end of the warm-up until nothing new is sent.
func (r *run) endure(stop context.Context, l *load) {
	warm := time.NewTimer(r.o.warmUp())
	defer warm.Stop()
	select {
	case <-warm.C:
	case <-stop.Done():
		return
	}
	var all sync.WaitGroup
	if r.o.Stall > 0 {
		r.staff.stall(r.o.Stall)
	}
	if r.o.Reconnect {
		all.Go(func() { r.staff.disturb(stop) })
	}
	if r.o.Kills > 0 {
		all.Go(func() {
			if err := r.own.die(stop, r.o.Kills, r.o.Duration); err != nil {
				l.end(fmt.Errorf("after kill -9: %w", err))
			}
		})
	}
	all.Wait()
}

// drain waits until every message is with somebody, or nothing moves any more, and checks everything. moving says that it has given up waiting while clients
// were still shown more.
func (r *run) drain(ctx context.Context) (k *checker, moving bool) {
	if r.staff == nil {
		return check(r.history, nil), false
	}
	longest := longestDrain
	if r.o.Stall > 0 || r.o.Reconnect || r.o.Kills > 0 {
		longest = longAway + r.o.Stall
	}
	began := r.history.now()
	tick := time.NewTicker(settling)
	defer tick.Stop()
	for {
		now := r.history.now()
		still := now - time.Duration(r.history.progress.Load())
		over := now-began > longest || r.trouble() != nil || ctx.Err() != nil
		all := still > settling && r.history.shown.Load() >= r.history.told.Load()
		if over || r.staff.live() && (all || still > quiet) {
			k := check(r.history, r.staff.views())
			if over || still > quiet || !k.Any() && len(k.unseen()) == 0 {
				return k, still <= quiet
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// judge asks the server what became of the messages that nobody has seen, and completes the report.
func (r *run) judge(ctx context.Context, k *checker, moving bool) error {
	conversations, err := r.office.open(ctx, r.company.inboxes)
	if err != nil {
		return err
	}
	fates, err := r.fates(ctx, k.unseen(), conversations)
	if err != nil {
		return err
	}
	k.surplus(conversations)
	reasons := k.judge(fates, moving)
	p := r.report
	p.Faults, p.Described, p.Withdrawn = k.Faults, append(p.Described, k.described...), k.withdrawn
	p.Waiting.Reasons = reasons
	for _, n := range reasons {
		p.Waiting.Messages += n
	}
	for n := range r.history.made.Load() {
		if r.history.message(n).answered == 0 {
			p.Untold++
		}
	}
	p.Retries = r.history.retries.Load()
	if r.staff != nil {
		p.Reconnects = r.staff.reconnects.Load()
	}
	if r.own != nil {
		p.Kills = r.own.kills
	}
	return nil
}

// fates finds out about messages that nobody has seen: from their conversations and, of as many as can be followed, from their traces.
func (r *run) fates(ctx context.Context, unseen []int64, conversations map[string]conversation) (map[int64]fate, error) {
	fates := make(map[int64]fate, len(unseen))
	for _, n := range unseen {
		fates[n] = fateIn(r.history.message(n).told, conversations)
	}
	followed := unseen
	if len(followed) > mostTraces {
		rand.Shuffle(len(followed), func(i, j int) { followed[i], followed[j] = followed[j], followed[i] })
		followed = followed[:mostTraces]
	}
	found := make([]fate, len(followed))
	err := each(ctx, len(followed), func(ctx context.Context, i int) (err error) {
		found[i], err = r.follow(ctx, r.history.message(followed[i]).told.Message)
		return err
	})
	for i, n := range followed {
		fates[n] = found[i]
	}
	return fates, err
}

// fateIn is what a conversation tells of a message in it.
func fateIn(t told, conversations map[string]conversation) fate {
	c, there := conversations[t.Conversation]
	switch {
	case !there || c.Sequence < t.Sequence:
		return fate{kind: fateMissing}
	case c.Waiting != nil:
		return fate{fateWaiting, c.Waiting.Code}
	}
	return fate{kind: fateDelivered}
}

// follow asks for the trace of a message.
func (r *run) follow(ctx context.Context, message string) (fate, error) {
	t, err := r.office.admin.Trace(ctx, message)
	if no := client.AsRefused(err); no != nil && no.Status == http.StatusNotFound {
		return fate{kind: fateMissing}, nil
	}
	if err != nil {
		return fate{}, fmt.Errorf("trace of %s: %w", message, err)
	}
	for _, d := range t.Deliveries {
		if d.State != "withdrawn" {
			return fate{kind: fateDelivered}, nil
		}
	}
	last := t.Decision
	if n := len(t.Decisions); n > 0 {
		last = &t.Decisions[n-1]
	}
	if last == nil {
		return fate{kind: fateMissing}, nil
	}
	return fate{fateWaiting, last.Code}, nil
}
