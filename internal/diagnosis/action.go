package diagnosis

import (
	"slices"

	"github.com/bidahq/bida/internal/reception"
)

// patch is what people do that is no change of settings, and what it does to the facts.
type patch struct {
	actions []Action
	changes []func(a *reception.Agent)
	mended  bool // Bida's own failures are over
}

// patched is a World in which somebody did something.
type patched struct {
	reception.World
	agent  *reception.Agent
	mended bool
}

// Agent implements reception.World.
func (p patched) Agent(account string) *reception.Agent {
	if account == p.agent.Account {
		return p.agent
	}
	return p.World.Agent(account)
}

// Failures implements reception.World.
func (p patched) Failures() []reception.Failure {
	if p.mended {
		return nil
	}
	return p.World.Failures()
}

// on makes the World as it would be after the actions.
func (p patch) on(w reception.World, account string) reception.World {
	if len(p.changes) == 0 && !p.mended {
		return w
	}
	a := *w.Agent(account)
	a.Account = account
	for _, change := range p.changes {
		change(&a)
	}
	return patched{w, &a, p.mended}
}

// actions lists what people have to do for a root and for what follows from it.
func (r *run) actions(f *finding) patch {
	var p patch
	r.act(&p, f)
	for _, o := range r.findings {
		if o.root == f && o.gate != f.gate {
			r.act(&p, o)
		}
	}
	return p
}

func (p *patch) do(a Action, change func(a *reception.Agent)) {
	if slices.ContainsFunc(p.actions, func(o Action) bool { return o.Action == a.Action }) {
		return
	}
	p.actions = append(p.actions, a)
	if change != nil {
		p.changes = append(p.changes, change)
	}
}

func (r *run) act(p *patch, f *finding) {
	switch f.gate {
	case reception.AccountLogin:
		if r.noToken || f.code == reception.CodeAccountLoginTokenRevoked && !r.password {
			p.do(actionCreateToken, nil)
		}
		p.do(actionSignIn, func(a *reception.Agent) { a.Session = reception.Session{State: reception.SessionActive} })
	case reception.PresenceGate:
		p.do(actionGoAvailable, func(a *reception.Agent) { a.Presence = reception.Presence{Value: reception.Available} })
	case reception.ConnectionGate:
		p.do(actionReconnect, func(a *reception.Agent) { a.Connection = reception.Connection{State: reception.ConnectionOpen} })
	case reception.ClientVersion:
		p.do(actionReload, func(a *reception.Agent) { a.Clients = nil }) // what comes back meets the requirements
	case reception.SystemHealth:
		p.do(actionMend, nil)
		p.mended = true
	case reception.Capacity:
		r.actCapacity(p, f)
	}
}

// actCapacity finishes conversations until there is room again. Where the limit was lowered, raising it again is the fix instead.
func (r *run) actCapacity(p *patch, f *finding) {
	if f.cause.row.Revision != 0 {
		return
	}
	a := r.m.policy.Accounts[r.q.Agent]
	p.do(actionFinish, func(x *reception.Agent) {
		for _, inbox := range r.inboxesAbout(f) {
			in := r.m.policy.Inboxes[inbox]
			limit := in.Capacity
			if own, ok := a.Limits[inbox]; ok {
				limit = own
			}
			share := x.Share(inbox)
			if limit > 0 && share.Load >= limit {
				if in.Mode != reception.Async {
					x.Live -= share.Load - limit + 1
				}
				share.Load = limit - 1
				x.Shares = reception.WithShare(x.Shares, share)
			}
		}
		if a.Total > 0 && x.Live >= a.Total {
			x.Live = a.Total - 1
		}
	})
}
