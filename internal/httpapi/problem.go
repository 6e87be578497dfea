package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/limit"
	"github.com/bidahq/bida/internal/problem"
)

// answer is how a kind of refusal leaves.
type answer struct {
	status     int
	en, zh     string // title
	retryAfter int    // seconds; 0 for none
}

// table is the one table from kinds of refusal to statuses.
var table = map[problem.Kind]answer{
	problem.Internal:        {status: http.StatusInternalServerError, en: "A fault in Bida", zh: "系统内部错误"},
	problem.Malformed:       {status: http.StatusBadRequest, en: "Not readable", zh: "请求无法读取"},
	problem.Invalid:         {status: http.StatusBadRequest, en: "Invalid value", zh: "内容不符合要求"},
	problem.Unauthenticated: {status: http.StatusUnauthorized, en: "Not signed in", zh: "未登录或令牌无效"},
	problem.Forbidden:       {status: http.StatusForbidden, en: "Not allowed", zh: "没有权限"},
	problem.NotFound:        {status: http.StatusNotFound, en: "Not found", zh: "不存在"},
	problem.Conflict:        {status: http.StatusConflict, en: "Conflict with the present state", zh: "与当前状态冲突"},
	problem.Stale:           {status: http.StatusPreconditionFailed, en: "Changed meanwhile", zh: "内容已被更新"},
	problem.Required:        {status: http.StatusPreconditionRequired, en: "A condition is missing", zh: "缺少前提条件"},
	problem.TooLarge:        {status: http.StatusRequestEntityTooLarge, en: "Too large", zh: "内容过大"},
	problem.Rejected:        {status: http.StatusUnprocessableEntity, en: "Rejected by a rule", zh: "被规则拒收"},
	problem.Limited:         {status: http.StatusTooManyRequests, en: "Too much at the moment", zh: "请求过多", retryAfter: 1},
	problem.Unavailable:     {status: http.StatusServiceUnavailable, en: "Not available at the moment", zh: "暂时不可用", retryAfter: 2},
	problem.Unsupported:     {status: http.StatusUnsupportedMediaType, en: "Not in this form", zh: "不支持的格式"},
}

// Problem is a refusal as RFC 9457 writes it. Title and detail are in the caller's language; type and code are stable.
type Problem struct {
	Type    string       `json:"type" doc:"a URI that names the code" example:"urn:bida:problem:intake.invalid"`
	Title   string       `json:"title" doc:"the kind of refusal in words"`
	Status  int          `json:"status" doc:"the HTTP status"`
	Detail  string       `json:"detail" doc:"what happened, what it means and what to do"`
	Code    string       `json:"code" doc:"stable; reasons of the catalogue are listed at GET /reasons"`
	Field   string       `json:"field,omitempty" doc:"JSON pointer of what is wrong: a member of the body, or /name of a parameter"`
	Errors  []FieldError `json:"errors,omitempty" doc:"everything that is wrong, if it is more than one thing or in a document"`
	Request string       `json:"request,omitempty" doc:"the request's id, under which the log has the cause"`
	// RetryAfter repeats the header, for the rows of a batch.
	RetryAfter int `json:"retry_after,omitempty" doc:"seconds after which to try again"`

	more    map[string]any
	headers http.Header
}

// FieldError is one of several things that are wrong.
type FieldError struct {
	Field    string `json:"field" doc:"JSON pointer"`
	Document string `json:"document,omitempty" doc:"the policy document the pointer is in, as kind/name"`
	Line     int    `json:"line,omitempty"`
	Message  string `json:"message"`
}

// MarshalJSON adds the members that belong to a code only.
func (p *Problem) MarshalJSON() ([]byte, error) {
	type plain Problem
	raw, err := json.Marshal((*plain)(p))
	if err != nil || len(p.more) == 0 {
		return raw, err
	}
	members := map[string]any{}
	maps.Copy(members, p.more)
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, err
	}
	return json.Marshal(members)
}

// Error implements error.
func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders implements huma.HeadersError.
func (p *Problem) GetHeaders() http.Header { return p.headers }

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// problemOf makes the answer to an error. One that is not a *problem.Error is a fault: it says nothing of itself outside.
func problemOf(err error, lang, request string) *Problem {
	e := problem.As(err)
	switch {
	case e != nil:
	case errors.Is(err, ledger.ErrUnavailable):
		e = errStore
	default:
		e = errInternal
	}
	kind := e.Kind
	a, ok := table[kind]
	if !ok {
		a = table[problem.Internal]
	}
	p := &Problem{
		Type: "urn:bida:problem:" + e.Code, Title: pick(lang, a.en, a.zh), Status: a.status, Detail: e.Words(lang), Code: e.Code, Field: e.Field,
		Request: request, more: e.Details, headers: http.Header{},
	}
	for _, f := range e.Fields {
		p.Errors = append(p.Errors, FieldError{Field: f.Field, Document: f.Document, Line: f.Line, Message: f.Words(lang)})
	}
	if a.retryAfter > 0 {
		p.RetryAfter = max(a.retryAfter, int((e.RetryAfter+time.Second-1)/time.Second)) // never too early
		p.headers.Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	if kind == problem.Unauthenticated {
		p.headers.Set("WWW-Authenticate", `Bearer realm="bida"`)
	}
	return p
}

var (
	errInternal = problem.New(problem.Internal, "system.internal", "Something in Bida failed; the log has the cause under this request's id.", "系统内部出错，原因已按本次请求编号记入日志。")
	errStore    = problem.New(problem.Unavailable, "system.health.store", "The store cannot be read now. Try again shortly.", "存储暂时无法读取，请稍后重试。")
)

// codeCancelled says that nobody waits for the answer any more.
const codeCancelled = "system.cancelled"

func pick(lang, en, zh string) string {
	if lang == "zh" {
		return zh
	}
	return en
}

// toldOften is how often the log tells of one code that Bida cannot do something now: while it cannot, every request is refused, and a log that fills the
// disk with that is no help. How many there were is in the metrics.
var toldOften = limit.Rate{N: 1, Per: time.Second, Burst: 5}

// refusal turns a handler's error into the answer, and logs the cause where there is one that the caller is not told.
func (s *Server) refusal(ctx context.Context, err error) *Problem {
	info := requestOf(ctx)
	p := problemOf(err, info.lang, info.id)
	if p.RetryAfter > 0 {
		s.metrics.refused.WithLabelValues(p.Code).Inc()
	}
	if p.Code == codeCancelled || ctx.Err() != nil && errors.Is(err, context.Canceled) {
		s.o.Log.Debug("a caller went away", "request", info.id, "route", info.route) // its own affair, and no fault of Bida's
	} else if p.Status >= http.StatusInternalServerError && (p.RetryAfter == 0 || s.told.Take(p.Code, s.o.Now()) == 0) {
		s.o.Log.Error("a request failed", "request", info.id, "route", info.route, "status", p.Status, "error", err)
	}
	return p
}

// refuse writes the answer to an error where huma does not. The server reads what is left of a body before it sends an answer: whoever sends that slowly
// is not waited for, and cannot hold the connection open with it.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(s.paces.parting)) // until the next request; where there is no socket, nobody is slow
	writeProblem(w, s.refusal(r.Context(), err))
}

func writeProblem(w http.ResponseWriter, p *Problem) {
	maps.Copy(w.Header(), p.headers)
	writeJSON(w, p.Status, "application/problem+json", p)
}

func writeJSON(w http.ResponseWriter, status int, contentType string, body any) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(body); err != nil {
		status = http.StatusInternalServerError // our own types; a test encodes each
		b.Reset()
		b.WriteString("{}\n")
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(status)
	_, _ = w.Write([]byte(b.String())) // a caller that is gone has no use for it
}

// huma knows its own refusals only through two package variables. They are set once, before any API is made, and give the same answers as everything else.
func init() {
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError {
		return validation(context.Background(), status, msg, errs)
	}
	huma.NewErrorWithContext = func(ctx huma.Context, status int, msg string, errs ...error) huma.StatusError {
		return validation(ctx.Context(), status, msg, errs)
	}
	huma.DefaultArrayNullable = false
}

// validation makes our answer of huma's findings: 400, and for each the place as a JSON pointer. The offending value is not repeated: it may be a secret.
func validation(ctx context.Context, status int, msg string, errs []error) *Problem {
	info := requestOf(ctx)
	e := problem.New(problem.Invalid, "request.invalid", "The request does not have the form that the API describes.", "请求的格式不符合接口说明。")
	if status >= http.StatusInternalServerError {
		e = errInternal
	}
	if len(errs) == 0 && status < http.StatusInternalServerError {
		e = problem.New(problem.Invalid, "request.invalid", "The request is not valid: "+msg+".", "请求无效。")
	}
	for _, err := range errs {
		d, ok := err.(huma.ErrorDetailer) // huma's own values, never wrapped
		if !ok {
			continue
		}
		detail := d.ErrorDetail()
		field, message := place(detail.Location, detail.Message)
		e.Fields = append(e.Fields, problem.Field{Field: field, Message: translate(info.lang, message)})
	}
	if len(e.Fields) > 0 {
		e.Field = e.Fields[0].Field
		e.En += " " + e.Field + ": " + e.Fields[0].Message + "."
		e.Zh += e.Field + "：" + e.Fields[0].Message + "。"
	}
	return problemOf(e, info.lang, info.id)
}

const missingPrefix, missingSuffix = "expected required property ", " to be present"

// place turns huma's "body.contact.id" or "body.list[3]" into a JSON pointer, "query.limit" into /limit. What is missing is named itself, not its parent.
func place(location, message string) (field, words string) {
	_, rest, _ := strings.Cut(location, ".")
	if strings.HasPrefix(location, "body[") {
		rest = strings.TrimPrefix(location, "body")
	}
	for step := range strings.FieldsFuncSeq(rest, func(r rune) bool { return r == '.' || r == '[' || r == ']' }) {
		field += "/" + pointerEscape.Replace(step)
	}
	if name, ok := strings.CutPrefix(message, missingPrefix); ok {
		return field + "/" + pointerEscape.Replace(strings.TrimSuffix(name, missingSuffix)), "this is missing"
	}
	return field, message
}

// words are Chinese for the beginnings of huma's messages.
var words = []struct{ en, zh string }{
	{"this is missing", "缺少该字段"},
	{"required", "缺少该参数"},
	{"unexpected property", "未知字段"},
	{"unknown query parameter", "未知参数"},
	{"expected string to be RFC 3339 date-time", "应为 RFC 3339 时间"},
	{"expected string to match", "格式不正确"},
	{"expected string", "应为文本"},
	{"expected integer", "应为整数"},
	{"expected number", "数值超出范围或不是数字"},
	{"expected boolean", "应为 true 或 false"},
	{"expected array length", "条数超出范围"},
	{"expected array", "应为列表"},
	{"expected object", "应为对象"},
	{"expected length", "长度超出范围"},
	{"expected value to be one of", "不在允许的取值之内"},
	{"invalid integer", "应为整数"},
	{"invalid", "格式不正确"},
}

func translate(lang, message string) string {
	if lang != "zh" {
		return message
	}
	for _, w := range words {
		if strings.HasPrefix(message, w.en) {
			return w.zh
		}
	}
	return message
}
