package reception

// Notice is whether a person notices what comes to a client: the worst that the client reports of itself. The better of two has the larger number, but for
// those that say nothing about it.
type Notice uint8

// The notices. The zero value is that the client never reported.
const (
	NoticeUnknown  Notice = iota
	NoticeProgram         // no person looks at it: a robot, a terminal
	NoticeInsecure        // the page came over a connection that the browser does not trust: it gets no notifications
	NoticeDenied          // notifications are denied
	NoticeNotAsked        // notifications were never allowed nor denied
	NoticeMuted           // silenced as a whole
	NoticeHidden          // nobody can see its window
	NoticeSoundOff        // the person turned the sound off
	NoticeSoundBlocked
	NoticeFull // all is well
)

// Attention is what a client reports of how it reaches its person. What it left out is as if all were well there: a warning needs a reason.
type Attention struct {
	Program       bool   // no person looks at it
	Insecure      bool   // the page came over a connection that the browser does not trust
	Notifications string // granted, denied, default (nobody was asked) or unsupported
	Muted         bool
	Hidden        bool   // nobody can see its window
	Sound         string // on, off, blocked (until the page is touched) or unsupported
}

// Notice is the worst of it.
func (a *Attention) Notice() Notice {
	switch {
	case a.Program:
		return NoticeProgram
	case a.Insecure:
		return NoticeInsecure
	case a.Notifications == "denied":
		return NoticeDenied
	case a.Notifications == "default":
		return NoticeNotAsked
	case a.Muted:
		return NoticeMuted
	case a.Hidden:
		return NoticeHidden
	case a.Sound == "off":
		return NoticeSoundOff
	case a.Sound == "blocked":
		return NoticeSoundBlocked
	}
	return NoticeFull
}

var noticeCodes = [...]Code{
	NoticeUnknown: CodeClientNotifyUnreported, NoticeInsecure: CodeClientNotifyInsecure, NoticeDenied: CodeClientNotifyDenied,
	NoticeNotAsked: CodeClientNotifyNotAsked, NoticeMuted: CodeClientNotifyMuted, NoticeHidden: CodeClientNotifyHidden,
	NoticeSoundOff: CodeClientNotifySoundOff, NoticeSoundBlocked: CodeClientNotifySoundBlocked, NoticeFull: 0,
}

// Code is the warning, zero for none.
func (n Notice) Code() Code {
	if int(n) < len(noticeCodes) {
		return noticeCodes[n]
	}
	return CodeClientNotifyUnreported
}

// notifyCell is gate client.notify. One client at which everything is noticed is enough; of one that never reported it is not known. Nobody is kept from
// anything by it. A program notices by itself, and without any connection there is nothing to see; that is for the gate connection to say.
func notifyCell(k *known, facts *Agent) Cell {
	if len(facts.Clients) == 0 {
		return notApplicable
	}
	best, silent := NoticeProgram, false
	for i := range facts.Clients {
		switch n := facts.Clients[i].Notice; {
		case n == NoticeUnknown:
			silent = true
		case n > best:
			best = n
		}
	}
	switch {
	case k.account.Robot:
		return notApplicable
	case best == NoticeFull:
		return passed
	case silent:
		return unknown(CodeClientNotifyUnreported)
	case best == NoticeProgram:
		return notApplicable
	}
	return passedWith(best.Code())
}
