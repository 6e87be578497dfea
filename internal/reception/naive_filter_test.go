package reception

import "slices"

// about lists the rules that are about the message and match it, in order.
func (n *naive) about() (list []Filter) {
	for _, f := range n.p.Filters {
		here := len(f.Inboxes) == 0 || slices.Contains(f.Inboxes, n.m.Inbox)
		kind := len(f.Kinds) == 0 || slices.Contains(f.Kinds, n.m.Kind)
		if here && kind && slices.Contains(n.m.Matched, f.Name) {
			list = append(list, f)
		}
	}
	return list
}

// rule is the first rule that does more than tagging, and the tags of those before it.
func (n *naive) rule() (name string, tags []string) {
	if n.isDirected() || n.m.Released {
		return "", nil
	}
	for _, f := range n.about() {
		if f.Action != FilterTag {
			return f.Name, tags
		}
		if !slices.Contains(tags, f.Tag) {
			tags = append(tags, f.Tag)
		}
	}
	return "", tags
}

func (n *naive) filter() said {
	if n.isDirected() {
		return mute
	}
	if n.m.Released {
		return noted("filter.released")
	}
	list := n.about()
	name, _ := n.rule()
	for _, f := range list {
		if f.Name != name {
			continue
		}
		switch f.Action {
		case FilterAllow:
			return noted("filter.allowed")
		case FilterQuarantine:
			return no("filter.quarantined")
		}
		return no("filter.rejected")
	}
	if len(list) > 0 {
		return noted("filter.tagged")
	}
	return yes
}
