package policy

import "bytes"

// Diff says what applying a file would change: the documents in it, and with prune also the deletion of those that are missing from it. It compares
// canonical specs, like Apply. References are checked when the edits are applied. The error is Problems.
func Diff(s *Set, docs []Document, prune bool) ([]Change, error) {
	edits, err := EditsFor(s, docs, prune)
	if err != nil {
		return nil, err
	}
	problems := &problemList{}
	var changes []Change
	for _, e := range edits {
		if c, _, ok := s.edit(0, e, problems); ok {
			changes = append(changes, c)
		}
	}
	sortChanges(changes)
	return changes, problems.err()
}

// EditsFor lists the edits that make the set agree with a file; those that would change nothing are left out. The error is Problems.
func EditsFor(s *Set, docs []Document, prune bool) ([]Edit, error) {
	problems := &problemList{}
	var edits []Edit
	inFile := map[string]bool{}
	for _, d := range docs {
		e, ok := read(d, problems)
		if !ok {
			continue
		}
		if inFile[label(d.Kind, d.Name)] {
			problems.add(twiceProblem(d))
			continue
		}
		inFile[label(d.Kind, d.Name)] = true
		if before, exists := s.docs[d.Kind][d.Name]; !exists || !bytes.Equal(before.Spec, e.Spec) {
			edits = append(edits, Edit{Kind: d.Kind, Name: d.Name, Spec: e.Spec, lines: d.lines})
		}
	}
	if err := problems.err(); err != nil {
		return nil, locate(err, docs)
	}
	if prune {
		for _, d := range s.All() {
			if !inFile[label(d.Kind, d.Name)] {
				edits = append(edits, Edit{Kind: d.Kind, Name: d.Name})
			}
		}
	}
	return edits, nil
}
