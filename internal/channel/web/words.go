package web

import (
	"strconv"
	"time"

	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

// reason is why nobody has a message, as far as it concerns who wrote it.
type reason uint8

const (
	somebodyCan reason = iota
	closedNow          // outside the hours of the inbox
	pausedNow          // switched off or paused
	ownerAway          // who has the conversation is away for a moment
	busyNow            // whoever could is at a limit
	notKnown           // whether somebody can is not known
	nobodyNow
)

// speaker puts a decision into words for a visitor. It names nobody, and no time that is not in the decision.
type speaker struct {
	reason reason
	zh     bool
	now    time.Time
	zone   *time.Location
	hours  *reception.Schedule
	back   time.Time // when somebody can receive again, or the inbox opens; zero where that is not known
	async  bool
}

// speak finds the reason in a decision.
func (s *Service) speak(p *reception.Policy, w reception.World, m reception.Message, d *reception.Decision, lang string) *speaker {
	in := p.Inboxes[m.Inbox]
	said := &speaker{zh: lang == "zh", now: d.At, zone: s.o.Zone}
	if in != nil {
		said.async = in.Mode == reception.Async
		if said.hours = in.Hours; in.Hours != nil && in.Hours.Location != nil {
			said.zone = in.Hours.Location
		}
	}
	said.reason = reasonOf(d)
	switch said.reason {
	case closedNow, pausedNow:
		gate := d.Message.First()
		if cell := d.Message[gate]; cell.Outcome == reception.Wait {
			said.back = time.UnixMicro(cell.Until)
		}
	case nobodyNow:
		said.back = somebodyAgain(p, w, m, d)
	}
	return said
}

func reasonOf(d *reception.Decision) reason {
	if d.Deliverable() {
		return somebodyCan
	}
	if d.Message[reception.WindowInbox].Outcome.Stops() {
		return closedNow
	}
	if d.Message.First() != reception.GateCount {
		return pausedNow
	}
	if d.Held != "" {
		return ownerAway
	}
	why := nobodyNow
	for i := range d.Candidates {
		cells := &d.Candidates[i].Cells
		switch gate := cells.First(); {
		case gate == reception.Capacity:
			return busyNow
		case gate != reception.GateCount && onlyUnknown(cells):
			why = notKnown
		}
	}
	return why
}

// onlyUnknown says that nothing stops a candidate but what is not known.
func onlyUnknown(cells *reception.Vector) bool {
	for _, cell := range cells {
		if cell.Outcome.Stops() && cell.Outcome != reception.Unknown {
			return false
		}
	}
	return true
}

// looksAhead bounds how many instants are decided at to find when somebody can receive again.
const looksAhead = 8

// somebodyAgain finds, by deciding at the instants at which what waits ends, when somebody can receive, if nothing else changes; zero if that is not known.
func somebodyAgain(p *reception.Policy, w reception.World, m reception.Message, d *reception.Decision) time.Time {
	until := d.Until
	for range looksAhead {
		if until == 0 {
			break
		}
		at := time.UnixMicro(until)
		later := reception.Decide(p, w, m, at)
		if later.Deliverable() {
			return at
		}
		if later.Until <= until {
			break
		}
		until = later.Until
	}
	return time.Time{}
}

func (s *speaker) pick(zh, en string) string {
	if s.zh {
		return zh
	}
	return en
}

// opening is what somebody is told who has not written yet.
func (s *speaker) opening() string {
	back := s.when(s.back)
	switch s.reason {
	case closedNow:
		if back == "" {
			return s.pick("现在是非工作时间"+s.week()+"。您可以先留言，我们上班后回复您。", "We are closed now"+s.week()+". You can leave a message; we will answer when we are back.")
		}
		return s.pick("现在是非工作时间"+s.week()+"。您可以先留言，我们"+back+"回来后回复您。", "We are closed now"+s.week()+". You can leave a message; we will answer after we are back "+back+".")
	case pausedNow:
		if back == "" {
			return s.pick("现在暂停接待，您可以先留言。", "We are not answering at the moment. You can leave a message.")
		}
		return s.pick("现在暂停接待，"+s.spaced(back)+"恢复。您可以先留言。", "We are not answering at the moment and will be back "+back+". You can leave a message.")
	case busyNow:
		return s.pick("客服都在忙，您可以先留言，我们会按顺序接待。", "Everybody is busy at the moment. You can leave a message; we answer in order.")
	case notKnown:
		return s.pick("暂时无法确认是否有客服在线，您可以先留言。", "Whether somebody is here at the moment is not known. You can leave a message.")
	case nobodyNow, ownerAway:
		if back == "" {
			return s.pick("现在没有客服在线，您可以先留言，客服上线后会看到。", "Nobody is here at the moment. You can leave a message; it will be seen when somebody is.")
		}
		return s.pick("现在没有客服在线，您可以先留言，我们"+back+"回来。", "Nobody is here at the moment. You can leave a message; we are back "+back+".")
	}
	return ""
}

// waiting is what somebody is told whose message waits.
func (s *speaker) waiting(since time.Time) string {
	back := s.when(s.back)
	switch s.reason {
	case closedNow:
		if back == "" {
			return s.pick("您的消息已收到。现在是非工作时间"+s.week()+"，我们上班后回复您。", "Your message is here. We are closed now"+s.week()+" and will answer when we are back.")
		}
		return s.pick("您的消息已收到。现在是非工作时间"+s.week()+"，我们"+back+"回来后回复您。", "Your message is here. We are closed now"+s.week()+" and will answer after we are back "+back+".")
	case pausedNow:
		if back == "" {
			return s.pick("您的消息已收到。现在暂停接待，恢复后客服会看到。", "Your message is here. We are not answering at the moment; it will be seen when we do.")
		}
		return s.pick("您的消息已收到。现在暂停接待，"+s.spaced(back)+"恢复后客服会看到。", "Your message is here. We are not answering at the moment and will be back "+back+".")
	case ownerAway:
		return s.pick("您的消息已收到。为您服务的客服暂时离开了，回来后会继续，或由同事接着为您服务。", "Your message is here. Who is helping you has stepped away and will go on, or a colleague will take over.") + s.long(since)
	case notKnown:
		return s.pick("您的消息已收到，暂时无法确认是否有客服在线。", "Your message is here. Whether somebody is here at the moment is not known.") + s.long(since)
	case busyNow:
		return s.pick("您的消息已收到。客服都在忙，请稍候，我们会按顺序接待。", "Your message is here. Everybody is busy; we answer in order.") + s.long(since)
	case nobodyNow:
		if back == "" {
			return s.pick("您的消息已收到。现在没有客服在线，客服上线后会看到。", "Your message is here. Nobody is here at the moment; it will be seen when somebody is.") + s.long(since)
		}
		return s.pick("您的消息已收到。现在没有客服在线，我们"+back+"回来。", "Your message is here. Nobody is here at the moment; we are back "+back+".")
	}
	if s.async {
		return s.pick("您的留言已收到。", "Your message is here.")
	}
	return s.pick("您的消息已收到，正在等待客服接待。", "Your message is here and waits for somebody to take it.") + s.long(since)
}

// longWait is after how long it is said how long somebody has been waiting.
const longWait = 3 * time.Minute

func (s *speaker) long(since time.Time) string {
	waited := s.now.Sub(since)
	if waited < longWait || s.async {
		return ""
	}
	if waited >= 2*time.Hour {
		n := strconv.Itoa(int(waited.Hours()))
		return s.pick("您已等待 "+n+" 小时，很抱歉；消息已保存，不会丢失。", " You have been waiting for "+n+" hours; we are sorry. Your message is kept.")
	}
	n := strconv.Itoa(int(waited.Minutes()))
	return s.pick("您已等待 "+n+" 分钟，让您久等了；消息已保存，不会丢失。", " You have been waiting for "+n+" minutes; thank you for your patience. Your message is kept.")
}

// week names the hours of the inbox in brackets, if they are short enough to help.
func (s *speaker) week() string {
	text := policy.Week(s.hours, s.zh)
	if text == "" || len([]rune(text)) > 60 {
		return ""
	}
	return s.pick("（"+text+"）", " (open "+text+")")
}

// when says an instant as people do; "" for one that is not known.
func (s *speaker) when(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return policy.When(s.now.In(s.zone), at.In(s.zone), s.zh)
}

// spaced puts a Chinese time after a comma, where the space before it does not belong.
func (s *speaker) spaced(when string) string {
	if s.zh && when != "" && when[0] == ' ' {
		return when[1:]
	}
	return when
}
