package app

import "github.com/bidahq/bida/internal/space"

// watchSpace begins to watch the disk of the data directory.
func (a *App) watchSpace(o Options) *space.Watch {
	if o.Space == nil {
		o.Space = space.Of
	}
	w := space.New(space.Options{Dir: a.config.Data, Of: o.Space, MinFree: a.config.MinFree, Changed: a.spaceChanged, Log: o.Log})
	w.Start()
	a.undo.add("space", func() error { w.Stop(); return nil })
	return w
}

// spaceChanged makes a full disk a failure of the system, for everybody who asks why nothing comes in. With PostgreSQL only files lie here, and messages
// go on.
func (a *App) spaceChanged(low bool) {
	if a.config.Database != "" {
		return
	}
	if s, ok := a.base.store.(interface{ Spare(on bool) }); ok {
		s.Spare(low) // what still goes on is not to take the rest for its log
	}
	switch {
	case low:
		a.base.ledger.Fail("disk", "less room on the disk of the data directory than its low mark")
	default:
		a.base.ledger.Mend("disk")
	}
}

// intakeOpen says why no message may come in now.
func (a *App) intakeOpen(w *space.Watch) func() error {
	if a.config.Database != "" {
		return nil
	}
	return w.Err
}
