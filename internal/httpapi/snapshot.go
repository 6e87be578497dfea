package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/store/snapshot"
)

const (
	// snapshotTime is how long an export may take: as long as it reads, the database keeps what it reads.
	snapshotTime = 5 * time.Minute
	// snapshotDrain is how long the other side may take for a piece of it.
	snapshotDrain = 30 * time.Second
)

var errSnapshotSince = problem.New(problem.Invalid, "request.invalid", "This must be a time such as 2026-11-20T14:02:00+08:00.", "应为 2026-11-20T14:02:00+08:00 这样的时间。").On("/since")

// describeSnapshot describes in the document what an export gives out.
func describeSnapshot(_ *routes, op *huma.Operation) {
	since := queryParameter("since", "the earliest instant that can be asked about; a day ago if left out", huma.TypeString)
	since.Schema.Format = "date-time"
	op.Parameters = append(op.Parameters, since, queryParameter("agent", "only what explains this agent; everything if left out", huma.TypeString))
	op.Responses["200"] = &huma.Response{Description: "The file; one that breaks off has no valid end.", Content: binary}
}

// exportSnapshot gives a snapshot out while it is made.
func (s *Server) exportSnapshot(w http.ResponseWriter, r *http.Request, by caller) {
	o, err := s.snapshotOptions(r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), snapshotTime)
	defer cancel()
	out := &begun{ResponseWriter: &pacedWriter{w, http.NewResponseController(w), snapshotDrain}}
	out.Header().Set("Content-Type", "application/octet-stream")
	out.Header().Set("Content-Disposition", contentDisposition("attachment", "bida-"+o.At.In(o.Zone).Format("20060102-150405")+".snapshot"))
	err = s.snapshots.Export(ctx, out, o)
	switch {
	case err == nil:
		s.o.Log.Info("a snapshot was exported", "by", by.account, "since", o.Since, "agent", o.Agent)
	case out.written:
		s.o.Log.Warn("the export of a snapshot broke off", "by", by.account, "error", err)
		panic(http.ErrAbortHandler) // the one way to tell the other side that the file is not whole
	default:
		out.Header().Del("Content-Disposition")
		s.refuse(w, r, err)
	}
}

func (s *Server) snapshotOptions(r *http.Request) (o snapshot.Options, err error) {
	values, err := parameters(r, "since", "agent")
	if err != nil {
		return o, err
	}
	o = snapshot.Options{At: s.o.Now(), Zone: s.o.Zone, Program: s.o.Version, Engine: conversation.Engine, Failures: s.o.Ledger.Failures()}
	o.Since, o.Agent = o.At.Add(-snapshot.Usual), values.Get("agent")
	if values.Has("since") {
		if o.Since, err = time.Parse(time.RFC3339, values.Get("since")); err != nil {
			return o, errSnapshotSince
		}
	}
	return o, nil
}

// begun remembers whether something of the answer is on its way.
type begun struct {
	http.ResponseWriter
	written bool
}

// Write implements http.ResponseWriter.
func (b *begun) Write(p []byte) (int, error) {
	b.written = true
	return b.ResponseWriter.Write(p)
}
