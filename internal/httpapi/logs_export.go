package httpapi

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

const (
	// mostExported is how many rows one export has at most.
	mostExported = 50_000
	exportPage   = 500
)

// Export says in which form a log is saved.
type Export struct {
	Format string `query:"format" enum:"csv,json" default:"csv"`
}

// column is one column of a table for people.
type column[R any] struct {
	zh, en string
	value  func(*R) string
}

// pages reads a log from a cursor on, "" for the beginning; a nil cursor is the end.
type pages[R any] func(cursor string) (rows []R, next *string, err error)

// export writes a log as it is read: what is in memory is one page. The first page is read before anything is written, so that a refusal is one.
func export[R any](s *Server, by caller, name, format string, columns []column[R], read pages[R]) (*huma.StreamResponse, error) {
	rows, next, err := read("")
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		_, w := humago.Unwrap(ctx)
		h := w.Header()
		h.Set("Content-Disposition", `attachment; filename="bida-`+name+`-`+s.o.Now().In(s.o.Zone).Format("20060102-150405")+`.`+format+`"`)
		h.Set("Content-Type", map[string]string{"csv": "text/csv; charset=utf-8", "json": "application/json"}[format])
		w.WriteHeader(http.StatusOK)
		out := &pacedWriter{w, http.NewResponseController(w), s.paces.drain}
		var form exporter[R] = &jsonExport[R]{w: out, name: name}
		if format == "csv" {
			form = &csvExport[R]{w: out, columns: columns, lang: by.lang}
		}
		s.copyLog(ctx.Context(), form.begin, func() (more bool, why string, err error) {
			if err := form.rows(rows); err != nil {
				return false, "", err
			}
			more, why, err = nextPage(read, &rows, &next, form.count())
			if err != nil {
				s.o.Log.Error("a log could not be exported to its end", "log", name, "request", by.request, "error", err)
			}
			return more, why, nil
		}, form.end)
	}}, nil
}

// copyLog drives an export to its end. Who is gone gets no more.
func (s *Server) copyLog(ctx context.Context, begin func() error, step func() (more bool, why string, err error), end func(why string) error) {
	if begin() != nil {
		return
	}
	for ctx.Err() == nil {
		more, why, err := step()
		if err != nil {
			return // the other side does not take more
		}
		if !more {
			_ = end(why) // nobody is left to be told
			return
		}
	}
}

// Why an export ends before the log does.
const (
	cutRows   = "more than 50000 rows: narrow the period"
	cutFailed = "the log could not be read to its end: try again"
)

// nextPage reads on; where that fails the export ends, and says so.
func nextPage[R any](read pages[R], rows *[]R, next **string, written int) (more bool, why string, err error) {
	switch {
	case *next == nil:
		return false, "", nil
	case written >= mostExported:
		return false, cutRows, nil
	}
	if *rows, *next, err = read(**next); err != nil {
		return false, cutFailed, err
	}
	return true, "", nil
}

// exporter writes rows in one form. Its end says whether they are all there are.
type exporter[R any] interface {
	begin() error
	rows(list []R) error
	count() int
	end(why string) error
}

type jsonExport[R any] struct {
	w    *pacedWriter
	name string
	n    int
}

func (x *jsonExport[R]) begin() error {
	_, err := x.w.Write([]byte(`{"log":"` + x.name + `","rows":[`))
	return err
}

func (x *jsonExport[R]) rows(list []R) error {
	var b bytes.Buffer
	for i := range list {
		if x.n++; x.n > 1 {
			b.WriteByte(',')
		}
		line, err := json.Marshal(&list[i])
		if err != nil {
			return err
		}
		b.WriteByte('\n')
		b.Write(line)
	}
	_, err := x.w.Write(b.Bytes())
	return err
}

func (x *jsonExport[R]) count() int { return x.n }

func (x *jsonExport[R]) end(why string) error {
	note, err := json.Marshal(why)
	if err == nil {
		_, err = x.w.Write([]byte("\n],\"complete\":" + strconv.FormatBool(why == "") + ",\"note\":" + string(note) + "}\n"))
	}
	return err
}

type csvExport[R any] struct {
	w       *pacedWriter
	columns []column[R]
	lang    string
	n       int
}

// begin writes the mark by which Excel knows UTF-8, and the titles.
func (x *csvExport[R]) begin() error {
	if _, err := x.w.Write([]byte("\ufeff")); err != nil {
		return err
	}
	titles := make([]string, len(x.columns))
	for i, c := range x.columns {
		titles[i] = pick(x.lang, c.en, c.zh)
	}
	return x.lines([][]string{titles})
}

func (x *csvExport[R]) lines(lines [][]string) error {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	if err := w.WriteAll(lines); err != nil {
		return err
	}
	_, err := x.w.Write(b.Bytes())
	return err
}

func (x *csvExport[R]) rows(list []R) error {
	lines := make([][]string, len(list))
	for i := range list {
		x.n++
		for _, c := range x.columns {
			lines[i] = append(lines[i], cellText(c.value(&list[i])))
		}
	}
	return x.lines(lines)
}

func (x *csvExport[R]) count() int { return x.n }

func (x *csvExport[R]) end(why string) error {
	if why == "" {
		return nil
	}
	zh := map[string]string{cutRows: "超过 50000 行，其余未导出：请缩小时间范围", cutFailed: "未能读完日志：请重新导出"}
	return x.lines([][]string{{"# " + pick(x.lang, why, zh[why])}})
}

// cellText makes a text from outside one that no spreadsheet takes for a formula: what begins like one gets an apostrophe before it.
func cellText(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", []rune(text)[0]) {
		return "'" + text
	}
	return text
}

func stamp(t *Time) string {
	if t == nil {
		return ""
	}
	return when(*t)
}

func when(t Time) string { return t.t.Format(timeLayout) }

func (s *Server) exportIntake(ctx context.Context, by caller, in *struct {
	IntakeFilter
	Export
}) (*huma.StreamResponse, error) {
	return export(s, by, "intake", in.Format, intakeColumns, func(cursor string) ([]IntakeRow, *string, error) {
		rows, end, err := s.readIntake(ctx, by, &in.IntakeFilter, LogPage{cursor, exportPage})
		return rows, end.Cursor, err
	})
}

func (s *Server) exportPushes(ctx context.Context, by caller, in *struct {
	PushFilter
	Export
}) (*huma.StreamResponse, error) {
	return export(s, by, "push", in.Format, pushColumns, func(cursor string) ([]PushRow, *string, error) {
		rows, end, err := s.readPushes(ctx, by, &in.PushFilter, LogPage{cursor, exportPage})
		return rows, end.Cursor, err
	})
}

func (s *Server) exportSignIns(ctx context.Context, by caller, in *struct {
	SignInFilter
	Export
}) (*huma.StreamResponse, error) {
	return export(s, by, "sign-in", in.Format, signInColumns, func(cursor string) ([]SignInRow, *string, error) {
		rows, end, err := s.readSignIns(ctx, by, &in.SignInFilter, LogPage{cursor, exportPage})
		return rows, end.Cursor, err
	})
}

func (s *Server) exportOperations(ctx context.Context, by caller, in *struct {
	OperationFilter
	Export
}) (*huma.StreamResponse, error) {
	return export(s, by, "operations", in.Format, operationColumns, func(cursor string) ([]OperationRow, *string, error) {
		rows, end, err := s.readOperations(ctx, by, &in.OperationFilter, LogPage{cursor, exportPage})
		return rows, end.Cursor, err
	})
}

func (s *Server) exportErrors(ctx context.Context, by caller, in *struct {
	ErrorFilter
	Export
}) (*huma.StreamResponse, error) {
	return export(s, by, "errors", in.Format, errorColumns, func(string) ([]ErrorRow, *string, error) {
		rows, _, err := s.readErrors(ctx, by, &in.ErrorFilter)
		return rows, nil, err
	})
}
