package reception

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Count is how many agents one reason stops. Reasons that a summary says in the same words are one Count, under the first of their codes.
type Count struct {
	Gate   Gate
	Code   Code
	Agents int
}

// Tally counts every candidate once, under the first gate that stops it, wait and unknown included: can + the sum of counts = all. The gates about
// the message are left out, they are said before the count; so is an agent that was only asked about. Who could have been chosen can receive.
// The counts are in descending order, equal ones in the order of gates.
func (d *Decision) Tally() (can, all int, counts []Count) {
	var stopped [len(codeNames)]Count
	for i := range d.Candidates {
		c := &d.Candidates[i]
		if c.Asked {
			continue
		}
		all++
		g := c.Cells.firstOfAgent()
		if g == GateCount {
			can++
			continue
		}
		// Code 0, which no gate gives, keeps its place too: numbers that do not add up would hide the fault.
		at := &stopped[int(c.Cells[g].Code)%len(stopped)]
		at.Gate, at.Code = g, c.Cells[g].Code
		at.Agents++
	}
	return can, all, merge(stopped[:])
}

// firstOfAgent is the first gate that stops the agent itself. That a colleague was chosen does not keep it from receiving.
func (v *Vector) firstOfAgent() Gate {
	if r := &v[Routing]; r.Outcome == Pass || r.Code == CodeRoutingNotChosen { // whoever the choice was about has passed every other gate
		return GateCount
	}
	for g := range GateCount {
		if v.Stopped(g) && !g.AboutMessage() {
			return g
		}
	}
	return GateCount
}

// merge joins the counts whose words are the same and puts them in order.
func merge(stopped []Count) []Count {
	var counts []Count
	all := byNumber()
next:
	for _, s := range stopped {
		if s.Agents == 0 {
			continue
		}
		for i := range counts {
			if all[counts[i].Code].Count == all[s.Code].Count {
				counts[i].Agents += s.Agents
				continue next
			}
		}
		counts = append(counts, s)
	}
	slices.SortStableFunc(counts, func(a, b Count) int {
		if a.Agents != b.Agents {
			return b.Agents - a.Agents
		}
		return int(a.Gate) - int(b.Gate)
	})
	return counts
}

// Summary says the decision in one line, in Chinese for "zh" (and "zh-CN" …), else in English:
//
//	0/12 agents can receive: 5 outside their reception window, 4 have kind "group" off, 2 offline, 1 at capacity
//
// What stops the message itself is said before the count. Times are written as the clock shows them in loc, without the date where it is the
// decision's own; with a nil loc in UTC, which is then said.
func (d *Decision) Summary(lang string, loc *time.Location) string {
	s := summary{d: d, zh: chinese(lang), loc: loc}
	if d.Verdict == NotDecided {
		return s.pick("尚未判定", "not decided")
	}
	if d.Released != "" {
		s.clause(s.pick("已从 "+d.Released+" 收回（", "released from "+d.Released+" (") + s.title(d.ReleasedFor) + s.pick("）", ")"))
	}
	if d.Verdict == Directed {
		s.directed()
	} else {
		s.routed()
	}
	return strings.Join(s.clauses, s.pick("；", "; "))
}

// summary collects the clauses of one line.
type summary struct {
	d       *Decision
	zh      bool
	loc     *time.Location
	clauses []string
}

func (s *summary) pick(zh, en string) string {
	if s.zh {
		return zh
	}
	return en
}

func (s *summary) clause(text string) { s.clauses = append(s.clauses, text) }

// title is a code's title as part of a sentence.
func (s *summary) title(c Code) string {
	title := byNumberOrNone(c).Title
	if s.zh {
		return title.ZH
	}
	return lowerFirst(title.EN)
}

func byNumberOrNone(c Code) *Reason {
	if all := byNumber(); int(c) < len(all) {
		return &all[c]
	}
	return &Reason{}
}

// lowerFirst makes a title part of a sentence, unless it begins with a name in capitals.
func lowerFirst(s string) string {
	if len(s) > 1 && s[0] >= 'A' && s[0] <= 'Z' && !(s[1] >= 'A' && s[1] <= 'Z') {
		return string(s[0]+'a'-'A') + s[1:]
	}
	return s
}

func (s *summary) routed() {
	stopped := s.message()
	can, all, counts := s.d.Tally()
	if all == 0 {
		s.clause(s.phrase(CodeRoutingNoMembers, 0, 0))
		return
	}
	if s.d.Held != "" && !stopped {
		s.held()
	}
	verb := s.pick(" 名客服可接收", " agents can receive")
	if stopped {
		verb = s.pick(" 名客服本可接收", " agents could receive")
	}
	line := strconv.Itoa(can) + "/" + strconv.Itoa(all) + verb
	if s.d.Verdict == Waiting {
		line += s.counts(counts)
	}
	s.clause(line)
	switch s.d.Verdict {
	case Routed:
		s.chosen()
	case Offered:
		s.clause(s.number(len(s.d.Chosen), s.d.Code))
		if n := can; n > len(s.d.Chosen) {
			// Nobody but the passed-over is left out of an offer, and they are counted; this is for decisions put together by hand.
			s.clause(strconv.Itoa(n-len(s.d.Chosen)) + s.pick(" 人未推送", " not offered"))
		}
	}
}

// message says what stops the message itself.
func (s *summary) message() (stopped bool) {
	for g := range GateCount {
		if cell := s.d.Message[g]; cell.Outcome.Stops() && g.AboutMessage() {
			s.clause(s.phrase(cell.Code, 0, cell.Until) + s.rule(g))
			stopped = true
		}
	}
	return stopped
}

// rule names the filter rule that stops the message.
func (s *summary) rule(g Gate) string {
	if g != FilterGate || s.d.Rule == "" {
		return ""
	}
	return s.pick("（"+s.d.Rule+"）", " ("+s.d.Rule+")")
}

// held says for whom the conversation waits, and for what.
func (s *summary) held() {
	i := s.d.find(s.d.Held)
	if i < 0 {
		return
	}
	cells := &s.d.Candidates[i].Cells
	g := cells.First()
	if g == GateCount {
		return
	}
	why := s.title(cells[g].Code)
	if s.zh {
		s.clause("等待原接待客服 " + s.d.Held + s.until(cells[g].Until) + "：" + why)
		return
	}
	s.clause("waits for its owner " + s.d.Held + s.until(cells[g].Until) + ": " + why)
}

// chosen says who has it and how the choice was made.
func (s *summary) chosen() {
	if len(s.d.Chosen) == 0 {
		return
	}
	name := s.d.Chosen[0]
	how := s.phrase(s.d.Code, 0, 0)
	if i := s.d.find(name); i >= 0 && s.d.Scored && s.d.Code == CodeRoutingChosenLeastLoaded {
		how += s.load(s.d.Candidates[i].Score.Load)
	}
	s.clause(s.pick("由 "+name+" 接待：", name+" chosen: ") + how)
}

func (s *summary) load(n int) string {
	if s.zh {
		return "（进行中会话 " + strconv.Itoa(n) + " 个）"
	}
	if n == 1 {
		return " (1 open conversation)"
	}
	return " (" + strconv.Itoa(n) + " open conversations)"
}

func (s *summary) directed() {
	if s.d.Code == CodeRoutingStaysInThread {
		s.clause(s.phrase(s.d.Code, 0, 0))
		return
	}
	// Presence, connection and the like do not keep a directed message from its receivers: count by what does.
	can, named := 0, 0
	only := Decision{}
	for i := range s.d.Candidates {
		c := &s.d.Candidates[i]
		if c.Asked {
			continue
		}
		named++
		if slices.Contains(s.d.Chosen, c.Account) {
			can++
			continue
		}
		only.Candidates = append(only.Candidates, c.entitlement())
	}
	_, _, counts := only.Tally()
	s.clause(strconv.Itoa(can) + "/" + strconv.Itoa(named) + s.pick(" 名指定接收人可接收", " named receivers can have it") + s.counts(counts))
}

// entitlement is the candidate with nothing but the gates that decide about a directed message.
func (c *Candidate) entitlement() Candidate {
	only := Candidate{Account: c.Account}
	for g := range only.Cells {
		only.Cells[g] = notApplicable
	}
	for _, g := range entitlementGates {
		only.Cells[g] = c.Cells[g]
	}
	return only
}

// counts lists the counts after a colon.
func (s *summary) counts(counts []Count) string {
	if len(counts) == 0 {
		return ""
	}
	parts := make([]string, len(counts))
	for i, c := range counts {
		parts[i] = s.number(c.Agents, c.Code)
	}
	return s.pick("：", ": ") + strings.Join(parts, s.pick("，", ", "))
}

// number says how many agents a reason concerns.
func (s *summary) number(n int, c Code) string {
	return strconv.Itoa(n) + s.pick(" 人", " ") + s.phrase(c, n, 0)
}

// phrase is the catalogue's phrase for a code, its places filled in.
func (s *summary) phrase(c Code, n int, until int64) string {
	count := &byNumberOrNone(c).Count
	text := count.EN
	switch {
	case s.zh:
		text = count.ZH
	case n == 1 && count.ENOne != "":
		text = count.ENOne
	}
	if !strings.Contains(text, "{") {
		return text
	}
	text = strings.ReplaceAll(text, "{kind}", s.kind())
	return strings.ReplaceAll(text, "{until}", s.until(until))
}

// kindTitles are the Chinese titles of the built-in kinds.
var kindTitles = map[string]string{"customer": "客户消息", "group": "群消息", "system": "系统推送", "auto_reply": "自动回复", "internal": "内部消息"}

// KindTitle is the title of a kind in a language: policy's own kinds, and English, keep the name.
func KindTitle(kind, lang string) string {
	if title, ok := kindTitles[kind]; ok && chinese(lang) {
		return title
	}
	return kind
}

func (s *summary) kind() string {
	if s.d.Kind == "" {
		return s.pick("此类消息", "this kind")
	}
	if s.zh {
		return "“" + KindTitle(s.d.Kind, "zh") + "”"
	}
	return `kind "` + s.d.Kind + `"`
}

// until says an end, "" if none is known.
func (s *summary) until(micros int64) string {
	if micros == 0 {
		return ""
	}
	loc, suffix := s.loc, ""
	if loc == nil {
		loc, suffix = time.UTC, " UTC"
	}
	t, at := time.UnixMicro(micros).In(loc), s.d.At.In(loc)
	layout := "15:04"
	if t.Second() != 0 {
		layout = "15:04:05"
	}
	switch {
	case t.Year() != at.Year():
		layout = "2006-01-02 " + layout
	case t.YearDay() != at.YearDay():
		layout = "01-02 " + layout
	}
	return s.pick("（至 ", " until ") + t.Format(layout) + suffix + s.pick("）", "")
}
