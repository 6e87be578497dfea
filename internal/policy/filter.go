package policy

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/bidahq/bida/internal/filter"
	"github.com/bidahq/bida/internal/reception"
)

// FilterSpec is a rule about the content and the senders of messages (过滤规则). Rules are applied in ascending Order, those with the same one by name, up to
// the first whose action is not tag.
type FilterSpec struct {
	Title   string      `json:"title,omitempty"`
	Enabled *bool       `json:"enabled,omitempty"` // nil: it is on
	Order   int         `json:"order,omitempty"`   // 1 to 10000; never 0 once decoded
	Inboxes []string    `json:"inboxes,omitempty"` // none: all
	Kinds   []string    `json:"kinds,omitempty"`   // none: all that customers send
	Match   FilterMatch `json:"match"`
	Action  string      `json:"action"`
	Tag     string      `json:"tag,omitempty"` // what the action tag marks with
	Reason  string      `json:"reason,omitempty"`
}

// FilterMatch is the content part of a rule: see package filter.
type FilterMatch struct {
	Keywords   []string      `json:"keywords,omitempty"`
	Patterns   []string      `json:"patterns,omitempty"`
	Senders    FilterSenders `json:"senders,omitzero"`
	Expression string        `json:"expression,omitempty"`
}

// FilterSenders are contacts' ids: those whose messages match, and those whose messages never do.
type FilterSenders struct {
	Block []string `json:"block,omitempty"`
	Allow []string `json:"allow,omitempty"`
}

// DefaultFilterOrder is the order of a rule that names none.
const (
	DefaultFilterOrder = 100
	maxFilterOrder     = 10_000
	// maxFilters bounds what every message costs.
	maxFilters = 500
)

// On says whether the rule is applied.
func (f FilterSpec) On() bool { return f.Enabled == nil || *f.Enabled }

// Hits says why the rule matches a message; none if it does not.
func (f FilterSpec) Hits(in *filter.Input) []filter.Hit {
	return filter.New([]filter.Rule{f.Content("")}).Explain(in)[""]
}

// Content is the rule as package filter matches it.
func (f FilterSpec) Content(name string) filter.Rule {
	return filter.Rule{
		Name: name, Keywords: f.Match.Keywords, Patterns: f.Match.Patterns, Expression: f.Match.Expression,
		Block: f.Match.Senders.Block, Allow: f.Match.Senders.Allow,
	}
}

// canonical leaves the default order out.
func (f FilterSpec) canonical() FilterSpec {
	if f.Order == DefaultFilterOrder {
		f.Order = 0
	}
	return f
}

// Filter finds a filter rule by name.
func (s *Set) Filter(name string) (FilterSpec, bool) { return get[FilterSpec](s, KindFilter, name) }

// FilterNames lists the rules, those that are off too, in the order in which they are applied.
func (s *Set) FilterNames() []string {
	names := s.names(KindFilter)
	slices.SortStableFunc(names, func(a, b string) int {
		fa, _ := s.Filter(a)
		fb, _ := s.Filter(b)
		return cmp.Compare(fa.Order, fb.Order)
	})
	return names
}

// Filters matches messages against the rules that are on. It is made once, and shared by revisions between which no rule changed: the same Matcher means
// the same rules.
func (s *Set) Filters() *filter.Matcher { return s.filters() }

func (s *Set) buildFilters() *filter.Matcher {
	var rules []filter.Rule
	for _, name := range s.FilterNames() {
		if f, _ := s.Filter(name); f.On() {
			rules = append(rules, f.Content(name))
		}
	}
	return filter.New(rules)
}

// compileFilters makes the engine's form of the rules that are on.
func compileFilters(s *Set) []reception.Filter {
	var list []reception.Filter
	for _, name := range s.FilterNames() {
		f, _ := s.Filter(name)
		if !f.On() {
			continue
		}
		action, _ := reception.ParseFilterAction(f.Action) // decoded
		list = append(list, reception.Filter{Name: name, Inboxes: f.Inboxes, Kinds: f.Kinds, Action: action, Tag: f.Tag})
	}
	return list
}

// checkFilters refuses more rules than messages can be matched against.
func (s *Set) checkFilters(problems *problemList) {
	s.checkCount(problems, KindFilter, maxFilters, "there are %d filter rules, at most %d are possible; put keywords together", "过滤规则有 %d 条，最多 %d 条；请合并关键词")
}

// checkCount refuses more documents of a kind than there may be, naming the last; en and zh have places for both numbers.
func (s *Set) checkCount(problems *problemList, kind string, most int, en, zh string) {
	if n := len(s.docs[kind]); n > most {
		last := slices.Max(slices.Collect(maps.Keys(s.docs[kind])))
		problems.add(Problem{Document: label(kind, last), Message: fmt.Sprintf(en, n, most), MessageZH: fmt.Sprintf(zh, n, most)})
	}
}

func (d *decoder) filter(n *node) FilterSpec {
	s := FilterSpec{Order: DefaultFilterOrder}
	if !d.object(n,
		field{"title", d.text(&s.Title)},
		field{"enabled", d.enabled(&s.Enabled)},
		field{"order", d.order(&s.Order)},
		field{"inboxes", d.names(&s.Inboxes)},
		field{"kinds", d.ownedKinds(&s.Kinds, "are written in the house and are not filtered", "由系统或同事产生，不经过过滤")},
		field{"match", d.filterMatch(&s.Match)},
		field{"action", d.oneOf(&s.Action, filterActions()...)},
		field{"tag", d.text(&s.Tag)},
		field{"reason", d.text(&s.Reason)},
	) {
		return s
	}
	at := func(name string, wrong bool, en, zh string) {
		if at := n.get(name); at != nil && wrong {
			d.in(name, at.line, func() { d.problem(at, en, zh) })
		}
	}
	d.needs(n, "action", "a filter needs an action: "+strings.Join(filterActions(), ", "), "过滤规则需要动作(action)："+strings.Join(filterActions(), "、"))
	d.needs(n, "match", "a filter needs a match: without one it would match nothing", "过滤规则需要匹配条件(match)，否则不会匹配任何消息")
	tags := s.Action == reception.FilterTag.String()
	if tags && s.Tag == "" && n.get("tag") == nil {
		d.problem(n, "the action tag needs a tag to mark with", "加标签(tag)的规则需要写明标签(tag)")
	}
	at("tag", !tags && s.Action != "", "only the action tag has a tag", "只有动作为 tag 时才能写标签")
	return s
}

func filterActions() []string {
	var names []string
	for a := reception.FilterAllow; a <= reception.FilterReject; a++ {
		names = append(names, a.String())
	}
	return names
}

// enabled reads a flag that is on when it is missing, and so is canonical when it is missing.
func (d *decoder) enabled(dst **bool) func(*node) {
	return func(n *node) {
		on := true
		if d.flag(&on)(n); n.typ == boolNode && !on {
			*dst = &on
		}
	}
}

func (d *decoder) order(dst *int) func(*node) {
	return func(n *node) {
		value, err := strconv.Atoi(n.text)
		switch {
		case n.describe(shape{Type: "integer", Minimum: 1, Maximum: maxFilterOrder}):
		case n.typ != intNode:
			d.wrongType(n, "a whole number", "整数")
		case err != nil || value < 1 || value > maxFilterOrder || strconv.Itoa(value) != n.text:
			d.problem(n, fmt.Sprintf("this must be a whole number between 1 and %d", maxFilterOrder), fmt.Sprintf("应为 1 到 %d 之间的整数", maxFilterOrder))
		default:
			*dst = value
		}
	}
}

func (d *decoder) filterMatch(dst *FilterMatch) func(*node) {
	return func(n *node) {
		if !d.object(n,
			field{"keywords", d.keywords(&dst.Keywords)},
			field{"patterns", d.parts(&dst.Patterns, filter.MaxPatterns, filter.CheckPattern)},
			field{"senders", func(n *node) {
				d.object(n,
					field{"block", d.parts(&dst.Senders.Block, filter.MaxSenders, filter.CheckSender)},
					field{"allow", d.parts(&dst.Senders.Allow, filter.MaxSenders, filter.CheckSender)},
				)
			}},
			field{"expression", d.expression(&dst.Expression)},
		) {
			return
		}
		n.refine(func(s *shape) {
			for _, f := range []string{"keywords", "patterns", "senders", "expression"} {
				s.AnyOf = append(s.AnyOf, &shape{Required: []string{f}})
			}
		})
		if n.get("keywords") == nil && n.get("patterns") == nil && n.get("expression") == nil && n.get("senders").get("block") == nil {
			d.problem(n, "this needs keywords, patterns, senders to block or an expression: without any it matches nothing",
				"需要关键词(keywords)、正则表达式(patterns)、屏蔽的发送者(senders.block)或表达式(expression)之一，否则不会匹配任何消息")
		}
	}
}

// keywords reads a list, or a text with one keyword a line as keyword files have them.
func (d *decoder) keywords(dst *[]string) func(*node) {
	list := d.parts(dst, filter.MaxKeywords, filter.CheckKeyword)
	return func(n *node) {
		if n.typ != textNode {
			list(n)
			n.refine(func(s *shape) { s.Type = []string{"array", "string"} })
			return
		}
		words, _, err := filter.ReadWords([]byte(n.text))
		var fault *filter.LineFault
		switch {
		case errors.As(err, &fault):
			d.problem(n, fmt.Sprintf("in line %d of this text: %s", fault.Line, fault.EN), fmt.Sprintf("这段文字的第 %d 行：%s", fault.Line, fault.ZH))
		case len(words) == 0:
			d.problem(n, "there is no keyword in this text", "这段文字里没有关键词")
		default:
			*dst = words
		}
	}
}

// parts reads a list of texts, each of which passes a check of package filter. None may be there twice, nor may the list be empty.
func (d *decoder) parts(dst *[]string, most int, check func(string) error) func(*node) {
	read := d.set(dst, func(n *node, dst *string) bool {
		if n.describe(shape{Type: "string"}) {
			return false
		}
		if n.typ != textNode {
			d.wrongType(n, "text", "文字")
			return false
		}
		if fault := (*filter.Fault)(nil); errors.As(check(n.text), &fault) {
			d.problem(n, fault.EN, fault.ZH)
			return false
		}
		*dst = n.text
		return true
	})
	return func(n *node) {
		switch {
		case n.typ == listNode && len(n.items) > most:
			d.problem(n, fmt.Sprintf("this list has at most %d entries", most), fmt.Sprintf("最多 %d 项", most))
		case n.typ == listNode && len(n.items) == 0:
			d.problem(n, "this list is empty; leave the field out", "列表为空；请删去这个字段")
		default:
			read(n)
			n.refine(func(s *shape) { s.MinItems, s.MaxItems = 1, most })
		}
	}
}

func (d *decoder) expression(dst *string) func(*node) {
	return func(n *node) {
		if n.describe(shape{Type: "string"}) {
			return
		}
		if n.typ != textNode {
			d.wrongType(n, "an expression", "表达式")
			return
		}
		if fault := (*filter.Fault)(nil); errors.As(filter.CheckExpression(n.text), &fault) {
			d.problem(n, fault.EN, fault.ZH)
			return
		}
		*dst = n.text
	}
}
