package chaos

import "fmt"

// answers: a reply that an agent was told is sent reaches the sender's side exactly once, and a contact's replies are numbered without gaps.
func (k *checker) answers() {
	lines := map[string][]ReplyLine{} // by conversation/id
	for _, inbox := range sorted(k.final.Replies) {
		next := map[string]int64{}
		last := int64(0)
		for _, line := range k.final.Replies[inbox] {
			key := line.Conversation + "/" + line.ID
			lines[key] = append(lines[key], line)
			if r := k.told[key]; r == nil || r.Text != line.Text {
				k.broken("changed", []any{line, r}, "the reply %s in %s is not what an agent wrote", line.Message, inbox)
			}
			if next[line.Contact]++; line.Sequence != next[line.Contact] {
				k.broken("gap", line, "the reply %s to %s in %s has number %d, and %d comes next", line.Message, line.Contact, inbox, line.Sequence, next[line.Contact])
				next[line.Contact] = line.Sequence
			}
			if at := position(line.Message); at <= last {
				k.broken("reordered", line, "the reply %s in %s comes after m%d", line.Message, inbox, last)
			} else {
				last = at
			}
		}
		k.source(inbox)
	}
	for _, r := range k.history.Replies {
		k.answer(r, lines[r.Conversation+"/"+r.ID])
	}
}

func (k *checker) answer(r *Reply, lines []ReplyLine) {
	places := k.replied[r.Conversation+"/"+r.ID]
	evidence := []any{r, lines, places}
	if len(lines) > 1 || len(places) > 1 {
		k.broken("doubled", evidence, "the reply %s of %s in %s is there %d times, and is read %d times", r.ID, r.Account, r.Conversation, len(places), len(lines))
	}
	if r.Refused != 0 && len(lines)+len(places) > 0 {
		k.broken("changed", evidence, "the reply %s of %s in %s was refused with %d and is there", r.ID, r.Account, r.Conversation, r.Refused)
	}
	if len(r.Told) == 0 {
		return
	}
	if len(lines) == 0 || len(places) == 0 {
		k.broken("lost", evidence, "the reply %s of %s in %s was acknowledged and is not there", r.ID, r.Account, r.Conversation)
		return
	}
	made := 0
	for _, t := range r.Told {
		if t.Status == 201 {
			made++
		}
		if t.Message != lines[0].Message || t.ContactSequence != lines[0].Sequence || t.Sequence != places[0].message.Sequence || t.Conversation != r.Conversation {
			k.broken("changed", evidence, "the reply %s of %s in %s was acknowledged as %+v and is something else", r.ID, r.Account, r.Conversation, t)
			return
		}
	}
	if made > 1 {
		k.broken("doubled", evidence, "the writer of reply %s in %s was told %d times that it is new", r.ID, r.Conversation, made)
	}
}

// source: who read the replies while the program was being killed has read the same, each once and in the same order.
func (k *checker) source(inbox string) {
	read, ok := k.history.Sources[inbox]
	if !ok {
		return
	}
	all := k.final.Replies[inbox]
	for i, line := range read {
		if i >= len(all) || fmt.Sprint(line) != fmt.Sprint(all[i]) {
			k.broken("reordered", []any{line, all[min(i, len(all)):min(i+1, len(all))]}, "reply %d that the source of %s read is not reply %d of the inbox", i+1, inbox, i+1)
			return
		}
	}
	if len(read) < len(all) {
		k.broken("lost in view", all[len(read)], "the source of %s has read %d of %d replies", inbox, len(read), len(all))
	}
}
