package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/bidahq/bida/internal/intake"
	"github.com/bidahq/bida/internal/limit"
	"github.com/bidahq/bida/internal/problem"
)

const (
	messageBody = 64 << 10
	batchBody   = 16 << 20
)

const codeIntakeInvalid = "intake.invalid"

// AnswerBody says what became of a message.
type AnswerBody struct {
	Message      string   `json:"message" doc:"Bida's id"`
	Conversation string   `json:"conversation"`
	Sequence     int64    `json:"sequence" doc:"in the conversation, from 1 without gaps"`
	Status       string   `json:"status" enum:"routed,offered,waiting,quarantined"`
	Agent        string   `json:"agent,omitempty" doc:"who has it, if routed"`
	Agents       []string `json:"agents,omitempty" doc:"who may take it, if offered"`
	Summary      string   `json:"summary" doc:"one line that says why"`
}

// BatchInput is the body of a batch.
type BatchInput struct {
	Messages []intake.Request `json:"messages" maxItems:"512"`
}

// BatchBody answers a batch, row by row.
type BatchBody struct {
	Results []BatchResult `json:"results" doc:"in the order of the messages: an answer, or a problem whose field is a pointer into that message"`
}

// BatchResult is an answer or a problem.
type BatchResult struct {
	answer  *AnswerBody
	problem *Problem
}

// MarshalJSON implements json.Marshaler.
func (r BatchResult) MarshalJSON() ([]byte, error) {
	if r.problem != nil {
		return json.Marshal(r.problem)
	}
	return json.Marshal(r.answer)
}

// Schema implements huma.SchemaProvider.
func (BatchResult) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{schemaOf[AnswerBody](r), schemaOf[Problem](r)}}
}

func answerBody(a intake.Answer) *AnswerBody {
	return &AnswerBody{
		Message: a.Message, Conversation: a.Conversation, Sequence: a.Sequence, Status: a.Status, Agent: a.Agent, Agents: a.Agents, Summary: a.Summary,
	}
}

// knownMember says which members a message may have.
func knownMember(object, member string) bool {
	switch object {
	case "":
		switch member {
		case "id", "contact", "conversation", "kind", "text", "attachments", "sent_at":
			return true
		}
		return false
	case "/contact":
		return member == "id" || member == "name"
	}
	return strings.HasPrefix(object, "/attachments/") // it is the object that is wrong there, and its type is
}

// decodeMessage reads a message strictly. What could be read of it is returned with the refusal, for the intake log.
func decodeMessage(body []byte) (intake.Request, error) {
	var r intake.Request
	if err := checkJSON(body, codeIntakeInvalid, knownMember); err != nil {
		var part struct {
			ID string `json:"id"`
		}
		_ = json.Unmarshal(body, &part) // what cannot be read stays empty
		return intake.Request{ID: part.ID}, err
	}
	if err := json.Unmarshal(body, &r); err != nil {
		return r, typeProblem(err)
	}
	return r, nil
}

// typeProblem names the field that is of another type than it should be.
func typeProblem(err error) error {
	var t *json.UnmarshalTypeError
	if !errors.As(err, &t) {
		return problem.New(problem.Malformed, codeIntakeInvalid, "The body is not a message.", "请求体不是一条消息。").Because(err)
	}
	if t.Field == "" {
		return problem.New(problem.Invalid, codeIntakeInvalid, "A message is a JSON object.", "消息应为 JSON 对象。")
	}
	en, zh := "This must be a text.", "这里应为文本。"
	switch t.Field {
	case "contact":
		en, zh = "This must be an object with id and name.", "这里应为含 id 与 name 的对象。"
	case "attachments":
		en, zh = "This must be a list of the ids of uploads.", "这里应为上传文件 id 的列表。"
	}
	return problem.New(problem.Invalid, codeIntakeInvalid, en, zh).On("/" + strings.ReplaceAll(t.Field, ".", "/"))
}

// refusedIntake leaves a line in the intake log about a request that was refused before package intake saw it.
func (s *Server) refusedIntake(r *http.Request, by caller, senderID string, err error) {
	refusal := refusalOf(r.PathValue("inbox"), by)
	refusal.SenderID = senderID
	if by.account == "" {
		refusal.Address = limit.Network(s.address(r))
	}
	s.o.Intake.Refused(r.Context(), refusal, err)
}

func refusalOf(inbox string, by caller) intake.Refusal {
	return intake.Refusal{Inbox: inbox, Account: by.account}
}

// readyForMessage and readyForBatch refuse what there is no room for.
func (s *Server) readyForMessage(r *http.Request, by caller) error {
	return s.o.Intake.Ready(intake.Sender{Account: by.account}, r.PathValue("inbox"), false)
}

func (s *Server) readyForBatch(r *http.Request, by caller) error {
	return s.o.Intake.Ready(intake.Sender{Account: by.account}, r.PathValue("inbox"), true)
}

// postMessage takes one message in. It is written by hand because it is the busiest route by far.
func (s *Server) postMessage(w http.ResponseWriter, r *http.Request, by caller, body []byte) {
	request, err := decodeMessage(body)
	if err != nil {
		s.refusedIntake(r, by, request.ID, err)
		s.refuse(w, r, err)
		return
	}
	a, err := s.o.Intake.Receive(r.Context(), intake.Sender{Account: by.account, Lang: by.lang}, r.PathValue("inbox"), request)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	status := http.StatusCreated
	if a.Duplicate {
		status = http.StatusOK
	}
	writeJSON(w, status, "application/json", answerBody(a))
}

// splitBatch takes a batch apart without looking into its messages: {"messages": […]}, or the list alone. It stops at one more than a batch may have: a body of
// sixteen megabytes holds millions of rows that say nothing, each of which would cost more than it weighs.
func splitBatch(body []byte) ([]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	first, err := d.Token()
	switch {
	case err != nil:
		return nil, notBatch(err)
	case first == json.Delim('['):
		rows, err := readRows(d)
		if err != nil {
			return nil, notBatch(err)
		}
		return rows, atEnd(d, rows)
	case first != json.Delim('{'):
		return nil, notBatch(nil)
	}
	var rows []json.RawMessage
	for there := false; d.More(); there = true {
		name, err := d.Token()
		if err != nil {
			return nil, notBatch(err)
		}
		if name != "messages" || there {
			return nil, unknownMember(name, there)
		}
		if list, err := d.Token(); err != nil {
			return nil, notBatch(err)
		} else if list != json.Delim('[') {
			return nil, errNoRows
		}
		if rows, err = readRows(d); err != nil {
			return nil, notBatch(err)
		}
		if len(rows) > intake.MaxBatch {
			return rows, nil
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, notBatch(err)
	}
	if rows == nil {
		return nil, errNoRows
	}
	return rows, atEnd(d, rows)
}

var errNoRows = problem.New(problem.Invalid, codeIntakeInvalid, "This must be a list of messages.", "这里应为消息列表。").On("/messages")

func notBatch(cause error) error {
	return problem.New(problem.Malformed, codeIntakeInvalid, "The body is not a JSON object with messages, or a list of them.", "请求体应为含 messages 的 JSON 对象，或消息列表。").Because(cause)
}

func unknownMember(name json.Token, twice bool) error {
	field, _ := name.(string) // where a name belongs the decoder takes nothing else
	if twice && field == "messages" {
		return problem.New(problem.Malformed, codeIntakeInvalid, "This member is there twice.", "该字段出现了两次。").On("/messages")
	}
	return problem.New(problem.Invalid, codeIntakeInvalid, "This member is unknown.", "未知字段。").On("/" + pointerEscape.Replace(cut(field)))
}

// readRows reads a list whose bracket was read, to its end or to one row too many. It is never nil without an error.
func readRows(d *json.Decoder) ([]json.RawMessage, error) {
	rows := []json.RawMessage{}
	for d.More() {
		var row json.RawMessage
		if err := d.Decode(&row); err != nil {
			return nil, err
		}
		if rows = append(rows, row); len(rows) > intake.MaxBatch {
			return rows, nil
		}
	}
	_, err := d.Token()
	return rows, err
}

// atEnd refuses what follows a batch, unless that was not read to its end because it is too long.
func atEnd(d *json.Decoder, rows []json.RawMessage) error {
	if len(rows) > intake.MaxBatch {
		return nil
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return notBatch(err)
	}
	return nil
}

// cut bounds what is repeated of a name from outside.
func cut(name string) string {
	if len(name) > longestStep {
		name = name[:longestStep]
	}
	return strings.ToValidUTF8(name, "?")
}

var errRowLarge = problem.New(problem.TooLarge, "intake.too_large", "A message has at most 64 KiB.", "单条消息最多 64 KiB。")

func (s *Server) postBatch(w http.ResponseWriter, r *http.Request, by caller, body []byte) {
	raw, err := splitBatch(body)
	if err != nil {
		s.refusedIntake(r, by, "", err)
		s.refuse(w, r, err)
		return
	}
	rows := make([]intake.Row, min(len(raw), intake.MaxBatch+1)) // one too many is refused as one too many
	for i := range rows {
		if len(raw[i]) > messageBody {
			rows[i].Err = errRowLarge
			continue
		}
		rows[i].Request, rows[i].Err = decodeMessage(raw[i])
	}
	results, err := s.o.Intake.ReceiveBatch(r.Context(), intake.Sender{Account: by.account, Lang: by.lang}, r.PathValue("inbox"), rows)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	out := BatchBody{Results: make([]BatchResult, len(results))}
	for i, x := range results {
		if x.Err != nil {
			out.Results[i].problem = s.refusal(r.Context(), x.Err)
			continue
		}
		out.Results[i].answer = answerBody(x.Answer)
	}
	writeJSON(w, http.StatusOK, "application/json", out)
}
