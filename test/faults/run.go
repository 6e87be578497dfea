package faults

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/bidahq/bida/client"
)

// play plays a case and gives what came of it. An error is one of the bench's, or of the program: the case says nothing about the diagnosis then.
func (c *Case) play(ctx context.Context) (r Run, err error) {
	begun := time.Now()
	defer func() { r.took = time.Since(begun) }()
	c.ctx = ctx
	r = Run{Class: c.class.Name, Kind: c.class.kind(), Seed: c.seed}
	defer c.close()
	defer func() {
		for _, u := range c.undo {
			if e := u(); e != nil && err == nil {
				err = e
			}
		}
	}()
	if !c.class.Offline {
		if err := c.connect(); err != nil {
			return r, err
		}
		if c.coin() && !c.class.Quiet { // it worked
			if ok, err := c.reaches(); err != nil || !ok {
				return r, errors.Join(errors.New("a message does not arrive before anything was done"), err)
			}
		}
	}
	if err := c.noise(); err != nil {
		return r, err
	}
	if err := c.class.Apply(c); err != nil {
		return r, fmt.Errorf("inject: %w", err)
	}
	injected := time.Now()
	r.Truth = c.truth
	if c.class.Asks == AboutAgent && len(c.truth) > 0 {
		r.ToCause = c.timeToCause(&r, injected)
	}
	if err := c.noise(); err != nil {
		return r, err
	}
	q := c.question()
	var report *Report
	if c.class.Early {
		if report, err = c.ask(q); err != nil {
			return r, err
		}
	}
	arrived, err := c.measure()
	if err != nil {
		return r, fmt.Errorf("the symptom: %w", err)
	}
	if r.Measured = arrived == (r.Kind == Healthy && !c.class.Nothing); !r.Measured {
		r.Note = fmt.Sprintf("the message arrived: %t; %s", arrived, c.summary)
		return r, nil
	}
	if report == nil {
		q = c.question()
		if report, err = c.ask(q); err != nil {
			return r, err
		}
	}
	r.Answer, r.proposed = report.answer(), report.fixes()
	r.Truth = c.truth
	if c.class.Asks == AboutMessage && r.hit(1) {
		r.ToCause = time.Since(injected)
	}
	r.Answer.LastRevision, r.Answer.LastDocument = c.lastRevision, c.lastDocument
	if r.Facts, r.Wrong, err = c.ground(report); err != nil {
		return r, fmt.Errorf("check the facts: %w", err)
	}
	if r.Kind == Healthy || r.Kind == Blind {
		return r, nil
	}
	if r.Fixes, err = c.mend(report, q); err != nil {
		r.Note = "the fix: " + err.Error()
		return r, nil
	}
	if r.Fixes {
		if r.Restored, err = c.restored(); err != nil {
			r.Note = "after the fix: " + err.Error()
		}
	}
	return r, nil
}

// reaches says whether a message of a new contact arrives.
func (c *Case) reaches() (bool, error) {
	m, err := c.post("", "hello")
	if err != nil {
		return false, err
	}
	return c.arrived(m.Message)
}

// restored says whether messages arrive again: the one that was released, or a new one.
func (c *Case) restored() (bool, error) {
	if c.class.Asks == AboutMessage && strings.HasPrefix(c.class.Name, "filter.quarantine") {
		return c.arrived(c.message)
	}
	m, err := c.class.after(c)
	if err != nil {
		return false, err
	}
	return c.arrived(m.Message)
}

// after posts the message that should arrive after the fix: the same again, where the message is what it is about.
func (k *Class) after(c *Case) (client.Answer, error) {
	if k.Asks == AboutMessage && k.Symptom != nil {
		return k.Symptom(c)
	}
	return c.post("", "hello again")
}

// measure says whether what should arrive arrived, in the way of the class.
func (c *Case) measure() (bool, error) {
	if c.class.Measure != nil {
		return c.class.Measure(c)
	}
	return c.symptom()
}

// symptom posts the message that should arrive and says whether it did.
func (c *Case) symptom() (bool, error) {
	post := c.class.Symptom
	if post == nil {
		post = func(c *Case) (client.Answer, error) { return c.post("", "hello") }
	}
	m, err := post(c)
	if err != nil || m.Message == "" {
		return false, err
	}
	c.message, c.summary = m.Message, m.Summary
	return c.arrived(m.Message)
}

// question is what the case is asked: in one of the forms that the class has.
func (c *Case) question() url.Values {
	q := url.Values{"agent": {c.agent}}
	if !c.at.IsZero() {
		q.Set("at", c.at.Format(time.RFC3339Nano))
	}
	if c.class.Asks == AboutMessage {
		q.Set("message", c.message)
		return q
	}
	switch c.rng.IntN(3) {
	case 0:
		q.Set("inbox", c.inbox)
	case 1:
		q.Set("inbox", c.inbox)
		q.Set("kind", c.kind)
	}
	return q
}

func (c *Case) ask(q url.Values) (*Report, error) {
	var r Report
	_, err := c.admin().Do(c.ctx, client.Call{Method: "GET", Path: "/diagnosis", Query: q, Lang: "en"}, &r)
	return &r, err
}

// timeToCause asks until the report names a cause first that is true, and says how long that took.
func (c *Case) timeToCause(r *Run, injected time.Time) time.Duration {
	q := url.Values{"agent": {c.agent}, "inbox": {c.inbox}}
	for time.Since(injected) < 5*time.Second {
		report, err := c.ask(q)
		if err != nil {
			return 0
		}
		now := Run{Truth: r.Truth, Answer: report.answer()}
		if now.hit(1) {
			return time.Since(injected)
		}
		time.Sleep(50 * time.Millisecond)
	}
	return 0
}

// noise makes up to two changes that do no harm, of the case's own documents: so the last change is not always the cause.
func (c *Case) noise() error {
	if c.class.Quiet {
		return nil
	}
	for range c.rng.IntN(3) {
		kind, name := pick(c, "account", "inbox", "team"), ""
		switch kind {
		case "account":
			name = c.agent
		case "inbox":
			name = c.inbox
		default:
			name = c.team
		}
		revision, _, err := c.edit(kind, name, func(s spec) { s["title"] = fmt.Sprintf("改名%d", c.rng.IntN(1000)) })
		if err != nil {
			return err
		}
		c.lastRevision, c.lastDocument = revision, kind+"/"+name
	}
	return nil
}
