package policy

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/bidahq/bida/internal/filter"
	"github.com/bidahq/bida/internal/reception"
)

// AutoReplySpec is an automatic reply (自动回复): what Bida itself writes to a customer when something occurs. Those on the same occasion are gone through in
// ascending Order, those with the same one by occasion and name, and the first that concerns the conversation takes it.
type AutoReplySpec struct {
	Title    string   `json:"title,omitempty"`
	Enabled  *bool    `json:"enabled,omitempty"` // nil: it is on
	On       string   `json:"on"`                // an Occasion
	Order    int      `json:"order,omitempty"`   // 1 to 10000; never 0 once decoded
	Inboxes  []string `json:"inboxes,omitempty"` // none: all
	Kinds    []string `json:"kinds,omitempty"`   // none: all that customers send
	Keywords []string `json:"keywords,omitempty"`
	// AgainAfter is how long after a reply on keywords the same one may be written again in the conversation; never 0 for these once decoded.
	AgainAfter Duration       `json:"again_after,omitempty"`
	Text       AutoReplyWords `json:"text"`
}

// AutoReplyWords are an automatic reply in one language or in both.
type AutoReplyWords struct {
	ZH string `json:"zh,omitempty"`
	EN string `json:"en,omitempty"`
}

// Occasion is when an automatic reply is due.
type Occasion string

// The occasions of automatic replies.
const (
	OnWelcome  Occasion = "welcome"   // a conversation opens
	OnOffHours Occasion = "off_hours" // a customer writes while the inbox's hours are closed, and nobody has the conversation
	OnQueue    Occasion = "queue"     // a conversation begins to wait for somebody
	OnKeyword  Occasion = "keyword"   // a customer's text has one of the keywords in it
)

// occasions are in the order in which a customer is answered where several come at once.
var occasions = []string{string(OnWelcome), string(OnOffHours), string(OnKeyword), string(OnQueue)}

// What a text may have in it, to be filled in when it is written.
const (
	PositionMark = "{position}" // the conversation's place among those that wait, from 1; on queue
	OpensMark    = "{opens}"    // when the inbox opens next; on off_hours
)

const (
	// DefaultAgainAfter is how long a reply on keywords is not repeated where nothing is said.
	DefaultAgainAfter = Duration(10 * time.Minute)
	minAgainAfter     = time.Minute
	maxAutoReply      = 1000 // characters of a text in one language
	// maxAutoReplies bounds what every message costs.
	maxAutoReplies = 200
)

// In is the text in a language, or in the other where it is written in one only.
func (w AutoReplyWords) In(lang string) string {
	if lang == "en" && w.EN != "" || w.ZH == "" {
		return w.EN
	}
	return w.ZH
}

// Active says whether the reply is written at all.
func (s AutoReplySpec) Active() bool { return s.Enabled == nil || *s.Enabled }

// canonical leaves default values out.
func (s AutoReplySpec) canonical() AutoReplySpec {
	if s.Order == DefaultFilterOrder {
		s.Order = 0
	}
	if s.AgainAfter == DefaultAgainAfter {
		s.AgainAfter = 0
	}
	return s
}

// AutoReply finds an automatic reply by name.
func (s *Set) AutoReply(name string) (AutoReplySpec, bool) {
	return get[AutoReplySpec](s, KindAutoReply, name)
}

// AutoReplyNames lists the automatic replies, those that are off too, in the order in which they are gone through.
func (s *Set) AutoReplyNames() []string {
	names := s.names(KindAutoReply)
	slices.SortStableFunc(names, func(a, b string) int {
		x, _ := s.AutoReply(a)
		y, _ := s.AutoReply(b)
		return cmp.Or(cmp.Compare(x.Order, y.Order), cmp.Compare(slices.Index(occasions, x.On), slices.Index(occasions, y.On)))
	})
	return names
}

// AutoReplies are the automatic replies that are on, ready to be asked. A nil one has none. It does not change, and is safe for many goroutines.
type AutoReplies struct {
	rules []AutoReplyRule
	words *filter.Matcher // of the keywords
}

// AutoReplyRule is one automatic reply that is on.
type AutoReplyRule struct {
	Name       string
	On         Occasion
	AgainAfter time.Duration
	Text       AutoReplyWords
	scope      reception.Filter
}

// Concerns says whether the reply is for conversations of an inbox and a kind.
func (r *AutoReplyRule) Concerns(inbox, kind string) bool { return r.scope.Concerns(inbox, kind) }

// AutoReplies returns those that are on. Revisions between which no automatic reply changed share it: the same pointer means the same replies.
func (s *Set) AutoReplies() *AutoReplies { return s.autoReplies() }

func (s *Set) buildAutoReplies() *AutoReplies {
	a := &AutoReplies{}
	var words []filter.Rule
	for _, name := range s.AutoReplyNames() {
		spec, _ := s.AutoReply(name)
		if !spec.Active() {
			continue
		}
		a.rules = append(a.rules, AutoReplyRule{
			Name: name, On: Occasion(spec.On), AgainAfter: spec.AgainAfter.duration(), Text: spec.Text, scope: reception.Filter{Inboxes: spec.Inboxes, Kinds: spec.Kinds},
		})
		if len(spec.Keywords) > 0 {
			words = append(words, filter.Rule{Name: name, Keywords: spec.Keywords})
		}
	}
	a.words = filter.New(words)
	return a
}

// Rules are the replies in the order in which they are gone through. The caller must not change them.
func (a *AutoReplies) Rules() []AutoReplyRule { return a.rules }

// Keywords names the replies a keyword of which is in a text, whatever inboxes and kinds they are for. As for filter rules, width, case and characters that
// cannot be seen do not count.
func (a *AutoReplies) Keywords(text string) []string {
	if a.words.Empty() {
		return nil
	}
	return a.words.Match(&filter.Input{Text: text}, nil)
}

// checkAutoReplies refuses more replies than messages can be compared with.
func (s *Set) checkAutoReplies(problems *problemList) {
	s.checkCount(problems, KindAutoReply, maxAutoReplies, "there are %d automatic replies, at most %d are possible", "自动回复有 %d 条，最多 %d 条")
}

func (d *decoder) autoReply(n *node) AutoReplySpec {
	s := AutoReplySpec{Order: DefaultFilterOrder}
	if !d.object(n,
		field{"title", d.text(&s.Title)},
		field{"enabled", d.enabled(&s.Enabled)},
		field{"on", d.oneOf(&s.On, occasions...)},
		field{"order", d.order(&s.Order)},
		field{"inboxes", d.names(&s.Inboxes)},
		field{"kinds", d.ownedKinds(&s.Kinds, "are written in the house and are not answered automatically", "由系统或同事产生，不会自动回复")},
		field{"keywords", d.keywords(&s.Keywords)},
		field{"again_after", d.between(&s.AgainAfter, minAgainAfter, maxTimeout)},
		field{"text", d.autoReplyWords(&s.Text)},
	) {
		return s
	}
	d.needs(n, "on", "an automatic reply needs an occasion (on): "+strings.Join(occasions, ", "), "自动回复需要写明时机(on)："+strings.Join(occasions, "、"))
	d.needs(n, "text", "an automatic reply needs a text: zh, en or both", "自动回复需要文字(text)：zh、en 或两者")
	keyword := s.On == string(OnKeyword)
	if keyword && n.get("keywords") == nil {
		d.problem(n, "a reply on keyword needs keywords: without any it would never be written", "关键词回复(keyword)需要关键词(keywords)，否则永远不会发出")
	}
	for _, name := range []string{"keywords", "again_after"} {
		if at := n.get(name); at != nil && s.On != "" && !keyword {
			d.in(name, at.line, func() {
				d.problem(at, "only a reply on keyword has this", "只有关键词回复(keyword)才有这一项")
			})
		}
	}
	if keyword && n.get("again_after") == nil {
		s.AgainAfter = DefaultAgainAfter
	}
	d.checkMarks(n.get("text"), s.On)
	return s
}

func (d *decoder) autoReplyWords(dst *AutoReplyWords) func(*node) {
	return func(n *node) {
		if d.object(n, field{"zh", d.letter(&dst.ZH)}, field{"en", d.letter(&dst.EN)}) {
			d.needsOne(n, []string{"zh", "en"}, "an automatic reply needs a text: zh, en or both", "自动回复需要文字：zh、en 或两者")
		}
	}
}

// letter reads a text for customers, which may have several lines.
func (d *decoder) letter(dst *string) func(*node) {
	return func(n *node) {
		if n.describe(shape{Type: "string"}) { // its length counts without the space around it
			return
		}
		if n.typ != textNode {
			d.wrongType(n, "text", "文字")
			return
		}
		text := strings.TrimSpace(strings.ReplaceAll(n.text, "\r\n", "\n"))
		switch {
		case !utf8.ValidString(text):
			d.problem(n, "this is not valid UTF-8", "不是有效的 UTF-8")
		case text == "":
			d.problem(n, "this text is empty; leave the field out", "文字为空；请删去这个字段")
		case utf8.RuneCountInString(text) > maxAutoReply:
			d.problem(n, fmt.Sprintf("this is longer than %d characters", maxAutoReply), fmt.Sprintf("超过 %d 个字", maxAutoReply))
		case strings.ContainsFunc(strings.ReplaceAll(text, "\n", ""), forbidden):
			d.problem(n, "this contains a control character", "含有控制字符")
		default:
			*dst = text
		}
	}
}

var markPattern = regexp.MustCompile(`\{[A-Za-z_]+\}`)

// checkMarks refuses what would stand in a text as it is written here.
func (d *decoder) checkMarks(text *node, on string) {
	allowed := map[string]string{string(OnQueue): PositionMark, string(OnOffHours): OpensMark}[on]
	for _, lang := range []string{"zh", "en"} {
		n := text.get(lang)
		if n == nil || n.typ != textNode || on == "" {
			continue
		}
		for _, mark := range markPattern.FindAllString(n.text, -1) {
			if mark == allowed {
				continue
			}
			en, zh := fmt.Sprintf("%s is nothing that can be filled in on %s", mark, on), fmt.Sprintf("%s 在 %s 时无法填入内容", mark, on)
			if allowed != "" {
				en, zh = en+"; "+allowed+" is", zh+"；可以用 "+allowed
			}
			d.path = append(d.path, "text", lang)
			d.problem(n, en, zh)
			d.path = d.path[:len(d.path)-2]
			break
		}
	}
}

// autoReply names an automatic reply that is never written: no inbox that it is for produces its kinds or, on off_hours, ever closes; or another one before it
// takes whatever it could take.
func (f *dead) autoReply(name, own string, s AutoReplySpec) {
	if !s.Active() {
		return
	}
	produced, closes := false, false
	for _, inbox := range f.set.names(KindInbox) {
		in, _ := f.set.Inbox(inbox)
		about := reception.Filter{Inboxes: s.Inboxes, Kinds: s.Kinds}
		if slices.ContainsFunc(in.Kinds, func(kind string) bool { return reception.OwnsConversations(kind) && about.Concerns(inbox, kind) }) {
			produced, closes = true, closes || in.Hours != ""
			continue
		}
		if i := slices.Index(s.Inboxes, inbox); i >= 0 {
			f.add(WhyUnused, own, pointer("spec", "inboxes", fmt.Sprint(i)), fmt.Sprintf("inbox %q produces none of the kinds of this reply", inbox), fmt.Sprintf("渠道“%s”不产生这条回复所针对的消息类型", inbox))
		}
	}
	switch {
	case !produced:
		f.add(WhyUnused, own, "/spec/kinds", "this is never written: no inbox that it is for produces these kinds", "不会发出：所针对的渠道都不产生这些消息类型")
	case Occasion(s.On) == OnOffHours && !closes:
		f.add(WhyUnused, own, "/spec/on", "this is never written: no inbox that it is for has hours", "不会发出：所针对的渠道都没有设置营业时间")
	default:
		if by := f.shadows(name, s); by != "" {
			f.add(WhyShadowed, own, "", fmt.Sprintf("this is never written: autoreply %q comes before it and takes whatever it could take", by), fmt.Sprintf("不会发出：自动回复“%s”在它之前，凡是它能回复的都由那一条回复", by))
		}
	}
}

// shadows finds the first automatic reply before another that takes all that the other could.
func (f *dead) shadows(name string, s AutoReplySpec) string {
	for _, before := range f.set.AutoReplyNames() {
		if before == name {
			break
		}
		b, _ := f.set.AutoReply(before)
		if b.Active() && b.On == s.On && wider(b.Inboxes, s.Inboxes) && wider(b.Kinds, s.Kinds) && coversWords(b.Keywords, s.Keywords) {
			return before
		}
	}
	return ""
}

// coversWords says whether every text with one of the words of b has one of a in it.
func coversWords(a, b []string) bool {
	if len(b) == 0 {
		return true
	}
	m := filter.New([]filter.Rule{{Name: "a", Keywords: a}})
	return !slices.ContainsFunc(b, func(word string) bool { return len(m.Match(&filter.Input{Text: word}, nil)) == 0 })
}
