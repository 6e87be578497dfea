package filter

import "strings"

// senders is a list of contacts' ids in plain form: whole ones, and such that begin or end with "*".
type senders struct {
	whole          map[string]struct{}
	begins, ending []string
}

func newSenders(list []string) senders {
	s := senders{whole: map[string]struct{}{}}
	for _, id := range list {
		id = Plain(id)
		switch {
		case id == "" || id == "*":
		case strings.HasSuffix(id, "*"):
			s.begins = append(s.begins, strings.TrimSuffix(id, "*"))
		case strings.HasPrefix(id, "*"):
			s.ending = append(s.ending, strings.TrimPrefix(id, "*"))
		default:
			s.whole[id] = struct{}{}
		}
	}
	return s
}

func (s *senders) empty() bool { return len(s.whole)+len(s.begins)+len(s.ending) == 0 }

// has says whether an id in plain form is on the list.
func (s *senders) has(id string) bool {
	if _, ok := s.whole[id]; ok {
		return true
	}
	for _, p := range s.begins {
		if strings.HasPrefix(id, p) {
			return true
		}
	}
	for _, p := range s.ending {
		if strings.HasSuffix(id, p) {
			return true
		}
	}
	return false
}

// CheckSender says what is wrong with an entry of a list of senders; nil if nothing is.
func CheckSender(id string) error {
	switch p := Plain(id); {
	case p == "":
		return fault("this is empty", "内容为空")
	case strings.Trim(p, "*") == "":
		return fault("this would be everybody", "这会匹配所有发送者")
	case strings.Contains(strings.Trim(p, "*"), "*"), strings.HasPrefix(p, "*") && strings.HasSuffix(p, "*"), strings.HasPrefix(p, "**"), strings.HasSuffix(p, "**"):
		return fault("one * may stand at the beginning or at the end", "只能在开头或结尾写一个 *")
	}
	return nil
}
