package gateway

import (
	"encoding/json"
	"errors"
	"slices"
	"time"
	"unicode"

	"github.com/bidahq/bida/internal/delivery"
	"github.com/bidahq/bida/internal/problem"
)

// Limits of a report: bytes of the browser's name and of the names in a filter, counters, and by how many milliseconds two clocks can differ.
const (
	longestBrowser = 128
	longestFilter  = 64
	largestCount   = 1_000_000_000
	largestOffset  = 100_000_000_000_000 // some three thousand years
)

var errReport = problem.New(problem.Invalid, "realtime.report_invalid", "This member of the report has a value that this server does not know; the report was not taken.",
	"报告中的这一项取值无法识别，本次报告未采纳。")

// reports is what becomes of a connection's reports: at most one each Config.Report is handed on, the newest.
type reports struct {
	waiting *delivery.Report // that will be
	at      time.Time        // when the last one was
}

// decodeReport reads a report. The error is a *problem.Error that names the member: what is wrong with a report is no reason to end a connection.
func decodeReport(data []byte) (delivery.Report, error) {
	var r delivery.Report
	if err := json.Unmarshal(data, &r); err != nil {
		var kind *json.UnmarshalTypeError
		if errors.As(err, &kind) {
			return r, errReport.On(pointer(kind.Field))
		}
		return r, errReport
	}
	for _, w := range []struct {
		name, value string
		of          []string
	}{
		{"notifications", r.Notifications, []string{"granted", "denied", "default", "unsupported"}},
		{"sound", r.Sound, []string{"on", "off", "blocked", "unsupported"}},
		{"mode", r.Mode, []string{"tab", "installed", "embedded", "program"}},
		{"storage", r.Storage, []string{"ok", "full", "denied"}},
	} {
		if w.value != "" && !slices.Contains(w.of, w.value) {
			return r, errReport.On("/" + w.name)
		}
	}
	for _, n := range []struct {
		name       string
		value      *int64
		from, upTo int64
	}{
		{"reconnects", r.Reconnects, 0, largestCount},
		{"gaps", r.Gaps, 0, largestCount},
		{"clock_offset_ms", r.ClockOffset, -largestOffset, largestOffset},
	} {
		if n.value != nil && (*n.value < n.from || *n.value > n.upTo) {
			return r, errReport.On("/" + n.name)
		}
	}
	if !named(r.Browser, longestBrowser, " .+-") {
		return r, errReport.On("/browser")
	}
	if f := r.Filter; f != nil {
		for _, n := range []struct{ name, value string }{{"tab", f.Tab}, {"inbox", f.Inbox}, {"kind", f.Kind}} {
			if !named(n.value, longestFilter, "._-") {
				return r, errReport.On("/filter/" + n.name)
			}
		}
	}
	return r, nil
}

// pointer makes a JSON pointer of the path of a member.
func pointer(path string) string {
	out := []byte{'/'}
	for i := range len(path) {
		if path[i] == '.' {
			out = append(out, '/')
		} else {
			out = append(out, path[i])
		}
	}
	return string(out)
}

// named says whether a text is the name of something: letters, digits and a few marks, and not longer than a name is.
func named(s string, longest int, marks string) bool {
	if len(s) > longest {
		return false
	}
	for _, r := range s {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !slices.Contains([]rune(marks), r) {
			return false
		}
	}
	return true
}

// report takes a report of the client's. One that comes too soon after another waits, and a newer one takes its place.
func (c *Conn) report(data []byte, ref string) {
	r, err := decodeReport(data)
	if err != nil {
		c.send(encode(errorFrame(err, c.lang, ref)))
		return
	}
	c.reports.waiting = &r
	c.handReport(c.now())
}

// handReport hands the report that waits on, if it is time.
func (c *Conn) handReport(now time.Time) {
	if at := c.reportAt(); at.IsZero() || now.Before(at) {
		return
	}
	c.core.backend.Report(c.opened.Connection, *c.reports.waiting)
	c.reports = reports{at: now}
}

// reportAt is when the report that waits is handed on; zero if none waits.
func (c *Conn) reportAt() time.Time {
	if c.reports.waiting == nil {
		return time.Time{}
	}
	return c.reports.at.Add(c.core.config.Report)
}
