package ledger

import (
	"maps"
	"slices"
)

// Job returns a job; ok is false if there is none.
func (tx *Tx) Job(id string) (row JobRow, ok bool, err error) {
	if row, known := tx.jobs[id]; known {
		return row, row.ID != "", nil
	}
	row, err = tx.l.store.Job(tx.ctx, id)
	if err != nil {
		return JobRow{}, false, notFoundIsNil(err)
	}
	return row, true, nil
}

// PutJob inserts or replaces a job.
func (tx *Tx) PutJob(j JobRow) { tx.setJob(j.ID, j) }

// EndJob deletes a job.
func (tx *Tx) EndJob(id string) { tx.setJob(id, JobRow{}) }

// setJob remembers what a command did, so that it can be undone.
func (tx *Tx) setJob(id string, row JobRow) {
	was, known := tx.jobs[id]
	tx.mark.jobs = append(tx.mark.jobs, jobChange{id, was, known})
	if tx.jobs == nil {
		tx.jobs = map[string]JobRow{}
	}
	tx.jobs[id] = row
}

// jobChange is what was known of a job before a command.
type jobChange struct {
	id    string
	was   JobRow
	known bool
}

func (tx *Tx) undoJobs() {
	for _, c := range slices.Backward(tx.mark.jobs) {
		if c.known {
			tx.jobs[c.id] = c.was
		} else {
			delete(tx.jobs, c.id)
		}
	}
}

// finishJobs turns what became of jobs into rows.
func (tx *Tx) finishJobs() {
	for _, id := range slices.Sorted(maps.Keys(tx.jobs)) {
		if row := tx.jobs[id]; row.ID != "" {
			tx.g.Jobs = append(tx.g.Jobs, row)
		} else {
			tx.g.JobEnds = append(tx.g.JobEnds, id)
		}
	}
}
