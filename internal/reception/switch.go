package reception

// switchCodes are the codes of one switch by its state.
type switchCodes struct{ off, paused, limited Code }

var (
	platformCodes      = switchCodes{CodeSwitchPlatformOff, CodeSwitchPlatformPaused, CodeSwitchPlatformLimited}
	inboxSwitchCodes   = switchCodes{CodeSwitchInboxOff, CodeSwitchInboxPaused, CodeSwitchInboxLimited}
	accountSwitchCodes = switchCodes{CodeSwitchAccountOff, CodeSwitchAccountPaused, CodeSwitchAccountLimited}
)

func (e *evaluator) platformCell() Cell {
	s := &e.policy.Platform
	if s.State == Limited {
		return e.limitedCell(s, PlatformSwitch, platformCodes.limited, e.owner != "")
	}
	return e.switchCell(s, &platformCodes)
}

func (e *evaluator) inboxSwitchCell() Cell {
	s := &e.inbox.Switch
	if s.State == Limited {
		return e.limitedCell(s, InboxSwitch(e.name), inboxSwitchCodes.limited, e.owner != "")
	}
	return e.switchCell(s, &inboxSwitchCodes)
}

func (e *evaluator) accountSwitchCell(c *Candidate, k *known) Cell {
	if k.steady {
		return passed
	}
	s := &k.account.Switch
	if s.State == Limited {
		return e.limitedCell(s, AccountSwitch(c.Account), accountSwitchCodes.limited, c.Owner)
	}
	return e.switchCell(s, &accountSwitchCodes)
}

func (e *evaluator) switchCell(s *Switch, codes *switchCodes) Cell {
	switch {
	case s.State == On, s.State == Paused && reached(e.now, s.Until):
		return passed
	case s.State == Paused:
		return waitOrBlock(codes.paused, s.Until)
	}
	return block(codes.off)
}

// limitedCell is a switch that lets so many conversations a minute through. What was let through goes on: the messages of a conversation that is owned
// already do not count, and neither does what names its receivers.
func (e *evaluator) limitedCell(s *Switch, name string, code Code, owned bool) Cell {
	if owned || e.directed || !s.Limits(e.now) {
		return passed
	}
	r := e.world.Rate(name)
	if r.Used < s.PerMinute || reached(e.now, r.Until) {
		return passed
	}
	if !s.Until.IsZero() && s.Until.Before(r.Until) {
		return waitOrBlock(code, s.Until)
	}
	return waitOrBlock(code, r.Until)
}
