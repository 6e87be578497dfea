package diagnosis

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/reception"
)

// What the agent's clients told: whether their person notices what comes (gate client.notify), and what else bears on a connection.

const (
	// manyReconnects is how many connections, lost and made again by one page, are worth being mentioned.
	manyReconnects = 5
	// farOff is by how much a client's clock may differ before it is mentioned.
	farOff = 2 * time.Minute
)

// Client is one client on an open connection, with what it told last of how it reaches its person.
type Client struct {
	Connection string   `json:"connection"`
	Client     string   `json:"client"` // its name and version
	Since      *Instant `json:"since"`
	// Visible says whether a person can see its window, as it said at VisibleAt; null if it never did.
	Visible   *bool    `json:"visible"`
	VisibleAt *Instant `json:"visible_at"`
	// Report is what it reported at ReportedAt; null if it never did.
	Report     *ledger.Report `json:"report"`
	ReportedAt *Instant       `json:"reported_at"`
	// Code is the warning that this client gives by itself; "" for none.
	Code string `json:"code"`
}

// clients lists the agent's clients at the moment.
func (r *run) clients() []Client {
	list := []Client{}
	sockets := r.m.world.Sockets(r.q.Agent)
	facts := r.m.world.Agent(r.q.Agent).Clients
	for i := range sockets {
		s, told := &sockets[i], sockets[i].Told()
		c := Client{Connection: s.ID, Client: s.About, Since: r.instant(s.At), Report: told.Report, ReportedAt: r.instant(told.ReportOrigin.At)}
		if told.VisibleOrigin.Position != 0 {
			visible := told.Visible
			c.Visible, c.VisibleAt = &visible, r.instant(told.VisibleOrigin.At)
		}
		if i < len(facts) && facts[i].Notice != reception.NoticeProgram {
			c.Code = facts[i].Notice.Code().String()
		}
		list = append(list, c)
	}
	return list
}

// findNotice makes a finding of a warning: the agent receives, and may not notice. That a client never reported is said by the check alone.
func (r *run) findNotice() {
	var f *finding
	for i := range r.cells {
		at := r.cells[i].vector[reception.ClientNotify]
		if at.Outcome != reception.Pass || at.Code == 0 {
			continue
		}
		if f == nil {
			f = r.newFinding(reception.ClientNotify, at, &cause{since: r.noticedAt(at.Code)})
			f.expected = false
			r.proveTold(f, r.m.world.Sockets(r.q.Agent))
			r.findings = append(r.findings, f)
		}
		f.cells = append(f.cells, i)
	}
	if f != nil {
		f.fix = r.fixNotice(f)
	}
}

// noticedAt is since when the client that gives a warning has told what leads to it.
func (r *run) noticedAt(code reception.Code) time.Time {
	sockets := r.m.world.Sockets(r.q.Agent)
	for i, c := range r.m.world.Agent(r.q.Agent).Clients {
		if c.Notice.Code() != code || i >= len(sockets) {
			continue
		}
		told := sockets[i].Told()
		if code == reception.CodeClientNotifyHidden {
			return told.VisibleOrigin.At
		}
		return told.ReportOrigin.At
	}
	return time.Time{}
}

// What people are asked to do so that they notice.
var noticeActions = map[reception.Code]Action{
	reception.CodeClientNotifyDenied: {Action: "allow_notifications", By: "self", Text: Text{
		"在浏览器的网站设置里允许通知，然后刷新页面。", "Allow notifications in the browser's settings for this site, and reload the page."}},
	reception.CodeClientNotifyNotAsked: {Action: "allow_notifications", By: "self", Text: Text{
		"在工作台允许通知。", "Allow notifications in the workspace."}},
	reception.CodeClientNotifyInsecure: {Action: "open_securely", By: "self", Text: Text{
		"用 https 地址重新打开工作台。", "Open the workspace by its https address."}},
	reception.CodeClientNotifyMuted: {Action: "unmute", By: "self", Text: Text{
		"在客户端里关闭静音。", "Turn silence off in the client."}},
	reception.CodeClientNotifyHidden: {Action: "show_window", By: "self", Text: Text{
		"把工作台窗口切到前面。", "Bring the workspace to the front."}},
	reception.CodeClientNotifySoundOff: {Action: "turn_sound_on", By: "self", Text: Text{
		"在会话列表上方打开提示音。", "Turn the sound on above the list of conversations."}},
	reception.CodeClientNotifySoundBlocked: {Action: "touch_page", By: "self", Text: Text{
		"在页面任意处点一下，浏览器才会播放提示音。", "Click anywhere on the page, so that the browser plays the sound."}},
}

// fixNotice is what the person does about a warning, tried on a World in which a client reports that all is well.
func (r *run) fixNotice(f *finding) *Fix {
	action, ok := noticeActions[f.code]
	if !ok {
		return nil
	}
	done := patch{changes: []func(*reception.Agent){func(a *reception.Agent) {
		a.Clients = []reception.Client{{Notice: reception.NoticeFull}}
	}}}
	v := r.explainCell(r.m.policy, done.on(r.m.world, r.q.Agent), f.cells[0], r.m.now)
	return &Fix{By: reception.Lookup(f.code).By, Edits: []Edit{}, Actions: []Action{action}, Verified: v[reception.ClientNotify].Code == 0}
}

// proveTold shows what the clients on connections told, and what of it stands out.
func (r *run) proveTold(f *finding, sockets []ledger.Socket) {
	for i := range sockets {
		if i == maxListed {
			return
		}
		s := &sockets[i]
		told, fact := s.Told(), "client/"+s.ID
		if told.Report == nil {
			f.add(Evidence{Fact: fact, Value: strings.TrimSpace(s.About + " did not report"), Source: "realtime", At: r.instant(s.At)})
		} else {
			f.add(r.fromFact(fact, strings.TrimSpace(s.About+": "+reported(told.Report)), &told.ReportOrigin))
			r.proveOdd(f, fact, told.Report, &told.ReportOrigin)
		}
		if told.VisibleOrigin.Position != 0 {
			value := "the window can be seen"
			if !told.Visible {
				value = "the window cannot be seen"
			}
			f.add(r.fromFact(fact+"/visible", value, &told.VisibleOrigin))
		}
	}
}

// proveOdd shows what of a report hints at a connection or a clock that is not as it should be.
func (r *run) proveOdd(f *finding, fact string, report *ledger.Report, o *reception.Origin) {
	if n := report.Gaps; n != nil && *n > 0 {
		f.add(r.fromFact(fact+"/gaps", fmt.Sprintf("%d holes in the sequence of entries since the page was loaded", *n), o))
	}
	if n := report.Reconnects; n != nil && *n >= manyReconnects {
		f.add(r.fromFact(fact+"/reconnects", fmt.Sprintf("%d connections were lost and made again since the page was loaded", *n), o))
	}
	if n := report.ClockOffset; n != nil {
		if by := time.Duration(*n) * time.Millisecond; by > farOff || by < -farOff {
			how := "ahead of"
			if by < 0 {
				how, by = "behind", -by
			}
			f.add(r.fromFact(fact+"/clock_offset", fmt.Sprintf("the client's clock is %v %s the server's", by.Round(time.Second), how), o))
		}
	}
}

// proveLastTold adds to a finding about the connection what its client told: of those that are open, else of the one that ended last.
func (r *run) proveLastTold(f *finding) error {
	if sockets := r.m.world.Sockets(r.q.Agent); len(sockets) > 0 {
		for i := range sockets {
			if told := sockets[i].Told(); told.Report != nil {
				r.proveOdd(f, "client/"+sockets[i].ID, told.Report, &told.ReportOrigin)
			}
		}
		return nil
	}
	c := &r.m.world.Agent(r.q.Agent).Connection
	if c.ID == "" || c.Origin.At.IsZero() {
		return nil
	}
	rows, err := r.s.Facts.FactsBetween(r.ctx, ledger.AccountSubject(r.q.Agent), c.Origin.At, c.Origin.At, maxTold)
	if err != nil {
		return err
	}
	for i := range rows {
		x := &rows[i]
		if x.Name != ledger.FactReport || x.Key != c.ID {
			continue
		}
		report, err := ledger.ReadReport(x)
		if err != nil {
			return err
		}
		r.proveOdd(f, "client/"+c.ID, report, &reception.Origin{Position: x.FromPosition, At: x.FromAt, By: x.By, Source: x.Source, Cause: x.Cause})
	}
	return nil
}

// reported says a report in words of its members.
func reported(p *ledger.Report) string {
	var parts []string
	say := func(name, value string) {
		if value != "" {
			parts = append(parts, strings.TrimSpace(name+" "+value))
		}
	}
	yes := map[bool]string{true: "yes", false: "no"}
	say("", p.Browser)
	say("mode", p.Mode)
	say("notifications", p.Notifications)
	if p.Secure != nil {
		say("secure", yes[*p.Secure])
	}
	say("sound", p.Sound)
	if p.Muted != nil {
		say("muted", yes[*p.Muted])
	}
	say("storage", p.Storage)
	say("list", filtered(p.Filter))
	return cmp.Or(strings.Join(parts, ", "), "nothing said")
}

// filtered says what a list is restricted to; "" if it is not.
func filtered(f *ledger.ListFilter) string {
	if f == nil {
		return ""
	}
	var parts []string
	for _, p := range []struct{ name, value string }{{"tab", f.Tab}, {"inbox", f.Inbox}, {"kind", f.Kind}} {
		if p.value != "" {
			parts = append(parts, p.name+" "+p.value)
		}
	}
	if f.Unread {
		parts = append(parts, "unread")
	}
	if f.Search {
		parts = append(parts, "a search")
	}
	return strings.Join(parts, " and ")
}
