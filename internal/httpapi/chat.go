package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/bidahq/bida/internal/attachment"
	"github.com/bidahq/bida/internal/channel/web"
	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/intake"
)

// ChatAt is the inbox in the path, and the language of the answer.
type ChatAt struct {
	Inbox string `path:"inbox"`
	Lang  string `query:"lang" doc:"zh or en, where Accept-Language is not what the page speaks"`
}

// ChatOpeningBody is what a page shows before anybody has written.
type ChatOpeningBody struct {
	Inbox      string     `json:"inbox"`
	Title      string     `json:"title"`
	Open       bool       `json:"open" doc:"within the inbox's hours"`
	OpensAt    *Time      `json:"opens_at,omitempty" doc:"when the hours begin again"`
	CanReceive string     `json:"can_receive" enum:"now,later,unknown" doc:"whether somebody could have a message now; later: nobody can, but it is kept until somebody can; unknown: Bida cannot tell"`
	Notice     string     `json:"notice,omitempty" doc:"the same as a sentence, where somebody cannot"`
	Limits     ChatLimits `json:"limits"`
	ServerTime Time       `json:"server_time"`
}

// ChatLimits are what a message may have.
type ChatLimits struct {
	TextBytes int `json:"text_bytes"`
	FileBytes int `json:"file_bytes" doc:"of one file"`
	Files     int `json:"files" doc:"of one message"`
}

type chatOpeningOutput struct{ Body ChatOpeningBody }

func (s *Server) chatOpening(_ context.Context, g guest, in *ChatAt) (*chatOpeningOutput, error) {
	o, err := s.o.Chat.Opening(in.Inbox, g.lang)
	if err != nil {
		return nil, err
	}
	return &chatOpeningOutput{Body: ChatOpeningBody{
		Inbox: in.Inbox, Title: o.Title, Open: o.Open, OpensAt: s.maybe(o.OpensAt), CanReceive: o.Receive, Notice: o.Notice,
		Limits: ChatLimits{TextBytes: intake.MaxText, FileBytes: attachment.MaxSize, Files: attachment.MaxCount}, ServerTime: s.time(s.o.Now()),
	}}, nil
}

type chatVisitorOutput struct {
	Body struct {
		Visitor string `json:"visitor" doc:"also the contact's id in the inbox"`
		Token   string `json:"token" doc:"bidav_…; it is told here and never again"`
	}
}

func (s *Server) createVisitor(ctx context.Context, g guest, in *struct {
	ChatAt
	Body *struct {
		Name string `json:"name,omitempty" doc:"what agents call the visitor"`
	} `nameHint:"VisitorInput"`
}) (*chatVisitorOutput, error) {
	name := ""
	if in.Body != nil {
		name = in.Body.Name
	}
	v, token, err := s.o.Chat.Create(ctx, g.address, in.Inbox, name)
	if err != nil {
		return nil, err
	}
	out := &chatVisitorOutput{}
	out.Body.Visitor, out.Body.Token = v.ID, token
	return out, nil
}

// ChatMessageBody is a message as its visitor sees it.
type ChatMessageBody struct {
	Cursor    string     `json:"cursor" doc:"names the message's place"`
	ID        string     `json:"id,omitempty" doc:"the visitor's own id of what it wrote"`
	Message   string     `json:"message" doc:"Bida's id"`
	Direction string     `json:"direction" enum:"in,out" doc:"in: from the visitor"`
	Kind      string     `json:"kind,omitempty" enum:"auto_reply" doc:"auto_reply: no agent wrote it, but Bida itself"`
	Text      string     `json:"text" doc:"plain text, as it was written: to be shown as text and never as markup"`
	At        Time       `json:"at"`
	Agent     *AgentBody `json:"agent,omitempty" doc:"who replied, if it has an outward name"`

	Attachments []attachment.File `json:"attachments" doc:"the first one is number 0"`
}

func (s *Server) chatMessageBody(m *web.Message) ChatMessageBody {
	b := ChatMessageBody{
		Cursor: cursorOf(m.Cursor), ID: m.ID, Message: conversation.MessageID(m.Cursor), Direction: "out", Text: m.Text, At: s.time(m.At), Agent: agentBody(m.Alias),
		Attachments: append([]attachment.File{}, m.Files...),
	}
	if m.In {
		b.Direction = "in"
	}
	if m.Automatic {
		b.Kind = conversation.KindAutoReply
	}
	return b
}

func cursorOf(position int64) string { return strconv.FormatInt(position, 10) }

func agentBody(alias string) *AgentBody {
	if alias == "" {
		return nil
	}
	return &AgentBody{Alias: alias}
}

// ChatStateBody is a visitor's conversation as the visitor sees it.
type ChatStateBody struct {
	Status  string     `json:"status" enum:"none,waiting,served,resolved"`
	Agent   *AgentBody `json:"agent,omitempty" doc:"who has it, if it has an outward name"`
	CanRate bool       `json:"can_rate" doc:"the last resolved conversation may be rated, or its rating changed"`
	Rated   int        `json:"rated,omitempty" doc:"the score that the last resolved conversation has"`
	Notice  string     `json:"notice,omitempty" doc:"while it waits: what is known about it, as a sentence"`
}

func chatStateBody(state web.State) ChatStateBody {
	return ChatStateBody{Status: state.Status, Agent: agentBody(state.Alias), CanRate: state.CanRate, Rated: state.Rated, Notice: state.Notice}
}

type chatMessagesOutput struct {
	Body struct {
		Messages     []ChatMessageBody `json:"messages" doc:"oldest first"`
		Conversation ChatStateBody     `json:"conversation"`
		Cursor       string            `json:"cursor" doc:"of the last message: what comes after it is new"`
	}
}

func (s *Server) chatMessages(ctx context.Context, g guest, in *struct {
	ChatAt
	After  string `query:"after" maxLength:"64" doc:"a cursor: what comes after it; left out, the newest messages"`
	Before string `query:"before" maxLength:"64" doc:"a cursor: the last messages before it"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}) (*chatMessagesOutput, error) {
	after, err := Page{Cursor: in.After}.position()
	if err != nil {
		return nil, err
	}
	before, err := Page{Cursor: in.Before}.position()
	if err != nil {
		return nil, err
	}
	var rows []web.Message
	if in.After != "" {
		rows, err = s.o.Chat.After(ctx, g.visitor, after, in.Limit)
	} else {
		rows, err = s.o.Chat.Before(ctx, g.visitor, before, in.Limit)
	}
	if err != nil {
		return nil, err
	}
	state, err := s.o.Chat.State(ctx, g.visitor, g.lang)
	if err != nil {
		return nil, err
	}
	out := &chatMessagesOutput{}
	out.Body.Messages, out.Body.Conversation = []ChatMessageBody{}, chatStateBody(state)
	for i := range rows {
		out.Body.Messages = append(out.Body.Messages, s.chatMessageBody(&rows[i]))
		after = rows[i].Cursor
	}
	out.Body.Cursor = cursorOf(after)
	return out, nil
}

// ChatTakenBody says what became of a visitor's message.
type ChatTakenBody struct {
	ID       string `json:"id"`
	Message  string `json:"message" doc:"Bida's id"`
	Cursor   string `json:"cursor"`
	Sequence int64  `json:"sequence" doc:"in the conversation"`
	At       Time   `json:"at"`
	Waiting  bool   `json:"waiting" doc:"nobody has it yet"`
	Notice   string `json:"notice,omitempty"`
}

func describeLetter(t *routes, op *huma.Operation) {
	op.RequestBody = &huma.RequestBody{Required: true, Content: t.content(web.Letter{}, op)}
	op.Responses["200"] = &huma.Response{Description: "The id was used before for the same message", Content: t.content(ChatTakenBody{}, op)}
	op.Responses["201"] = &huma.Response{Description: "Created", Content: t.content(ChatTakenBody{}, op)}
}

// knownOfLetter says which members a visitor's message may have.
func knownOfLetter(object, member string) bool {
	return object == "" && (member == "id" || member == "text" || member == "kind" || member == "attachments")
}

// decodeLetter reads a visitor's message strictly. What could be read of it is returned with the refusal, for the intake log.
func decodeLetter(body []byte) (web.Letter, error) {
	var l web.Letter
	if err := checkJSON(body, codeIntakeInvalid, knownOfLetter); err != nil {
		var part struct {
			ID string `json:"id"`
		}
		_ = json.Unmarshal(body, &part) // what cannot be read stays empty
		return web.Letter{ID: part.ID}, err
	}
	if err := json.Unmarshal(body, &l); err != nil {
		return l, typeProblem(err)
	}
	return l, nil
}

// postLetter takes a visitor's message in, by the way that all messages go.
func (s *Server) postLetter(w http.ResponseWriter, r *http.Request, g guest) {
	err := s.o.Intake.Ready(intake.Sender{}, g.inbox, false)
	var l web.Letter
	if err == nil {
		body, release, bad := s.body(w, r, s.holder(r, byVisitor(), ""), messageBody)
		defer release()
		if err = bad; err == nil {
			l, err = decodeLetter(body)
		}
	}
	if err != nil {
		s.refusedGuest(r, g, l.ID, err)
		s.refuse(w, r, err)
		return
	}
	taken, err := s.o.Chat.Post(r.Context(), g.visitor, g.address, g.lang, l)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	status := http.StatusCreated
	if taken.Duplicate {
		status = http.StatusOK
	}
	writeJSON(w, status, "application/json", ChatTakenBody{
		ID: taken.ID, Message: conversation.MessageID(taken.Cursor), Cursor: cursorOf(taken.Cursor), Sequence: taken.Sequence, At: s.time(taken.At),
		Waiting: taken.Waiting, Notice: taken.Notice,
	})
}

func (s *Server) chatSeen(ctx context.Context, g guest, in *struct {
	ChatAt
	Body struct {
		Cursor string `json:"cursor" minLength:"1" maxLength:"64" doc:"of the last message that was shown"`
	} `nameHint:"SeenInput"`
}) (*none, error) {
	cursor, err := Page{Cursor: in.Body.Cursor}.position()
	if err != nil {
		return nil, err
	}
	return nil, s.o.Chat.Seen(ctx, g.visitor, cursor)
}

func (s *Server) rateChat(ctx context.Context, g guest, in *struct {
	ChatAt
	Body struct {
		Score   int    `json:"score" minimum:"1" maximum:"5"`
		Comment string `json:"comment,omitempty" doc:"plain text, at most 500 characters"`
	} `nameHint:"RatingInput"`
}) (*none, error) {
	return nil, s.o.Chat.Rate(ctx, g.visitor, in.Body.Score, in.Body.Comment)
}

func describeChatUpload(t *routes, op *huma.Operation) {
	op.Parameters = append(op.Parameters, queryParameter("name", "the file's name; what is unsafe in it is taken out", huma.TypeString))
	op.RequestBody = &huma.RequestBody{Required: true, Content: binary, Description: "the file itself, at most 20 MiB"}
	op.Responses["201"] = &huma.Response{Description: "Created", Content: t.content(UploadBody{}, op)}
}

// uploadForChat takes a file in that the visitor's messages may name.
func (s *Server) uploadForChat(w http.ResponseWriter, r *http.Request, g guest) {
	values, err := parameters(r, "name", "lang")
	if err == nil {
		err = s.o.Chat.AdmitFile(g.address)
	}
	var u attachment.Upload
	if err == nil {
		u, err = s.takeFile(w, r, g.visitor.Owner(), values.Get("name"))
	}
	if err != nil {
		s.refusedGuest(r, g, "", err)
		s.refuse(w, r, err)
		return
	}
	writeJSON(w, http.StatusCreated, "application/json", s.uploadBody(&u))
}

// downloadForChat gives out a file of a message that is the visitor's to see.
func (s *Server) downloadForChat(w http.ResponseWriter, r *http.Request, g guest) {
	values, err := parameters(r, "download", "lang")
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	m, err := s.o.Chat.WithFiles(r.Context(), g.visitor, r.PathValue("message"))
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	s.giveFile(w, r, m, r.PathValue("n"), values.Has("download"))
}
