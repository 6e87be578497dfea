package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// eventWriteTime is how long a client may take to take what is written; one that takes longer is gone.
const eventWriteTime = 10 * time.Second

// eventWriter writes server-sent events to one client.
type eventWriter struct {
	w       http.ResponseWriter
	out     *http.ResponseController
	pending bytes.Buffer // what is not written yet
}

func newEventWriter(w http.ResponseWriter) eventWriter {
	return eventWriter{w: w, out: http.NewResponseController(w)}
}

// begin begins the answer; retry is after how long a client comes back that lost it.
func (e *eventWriter) begin(retry time.Duration) {
	h := e.w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("X-Accel-Buffering", "no")       // or some proxies would keep everything back
	_ = e.out.SetReadDeadline(time.Time{}) // the time in which a request has to be read does not end this one
	e.w.WriteHeader(http.StatusOK)
	fmt.Fprintf(&e.pending, "retry: %d\n\n", retry.Milliseconds())
}

// event appends an event to what is pending; no id is "".
func (e *eventWriter) event(name, id string, data any) error {
	raw, err := json.Marshal(data) // on one line: a text's line ends are escaped
	if err != nil {
		return err
	}
	fmt.Fprintf(&e.pending, "event: %s\n", name)
	if id != "" {
		fmt.Fprintf(&e.pending, "id: %s\n", id)
	}
	fmt.Fprintf(&e.pending, "data: %s\n\n", raw)
	return nil
}

// write sends what is pending.
func (e *eventWriter) write() error {
	_ = e.out.SetWriteDeadline(time.Now().Add(eventWriteTime)) // where the writer cannot, as in tests, there is no socket to be slow
	if _, err := e.w.Write(e.pending.Bytes()); err != nil {
		return err
	}
	e.pending.Reset()
	return e.out.Flush()
}
