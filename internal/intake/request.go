package intake

import (
	"crypto/sha256"
	"encoding/binary"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/bidahq/bida/internal/attachment"
	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/problem"
)

// Limits of a message.
const (
	MaxID   = 128   // bytes, of a sender's id and of a contact's
	MaxName = 200   // runes
	MaxText = 16384 // bytes
	maxKind = 64
)

// Request is a message as a sender hands it in (design §10).
type Request struct {
	ID           string   `json:"id"`
	Contact      Contact  `json:"contact"`
	Conversation string   `json:"conversation,omitempty"`
	Kind         string   `json:"kind,omitempty"`
	Text         string   `json:"text"`
	Attachments  []string `json:"attachments,omitempty" doc:"ids of the sender's uploads, at most 10"`
	SentAt       string   `json:"sent_at,omitempty"`
}

// Contact is the customer as the sender knows it; ids are per inbox.
type Contact struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
}

// Codes of this package, from the reason catalogue.
const (
	codeInvalid         = "intake.invalid"
	codeTooLarge        = "intake.too_large"
	codeUnknownInbox    = "intake.unknown_inbox"
	codeForbidden       = "intake.forbidden"
	codeUnauthenticated = "intake.unauthenticated"
	codeOverloaded      = "intake.overloaded"
)

func invalid(field, en, zh string) error {
	return problem.New(problem.Invalid, codeInvalid, en, zh).On(field)
}

var kindPattern = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// post checks a request and makes the command of it.
func (r *Request) post(from Sender, inbox string, receivedAt time.Time) (*conversation.Post, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	p := &conversation.Post{
		Inbox: inbox, SenderID: r.ID, ContactID: r.Contact.ID, ContactName: r.Contact.Name, ContactLang: from.ContactLang, Kind: r.Kind, Text: r.Text,
		Attachments: r.Attachments, Uploader: from.uploader(), Account: from.Account, ReceivedAt: receivedAt, Digest: r.digest(),
	}
	if r.Conversation != "" {
		id, ok := conversation.ParseID('c', r.Conversation)
		if !ok {
			return nil, invalid("/conversation", "A conversation's id looks like c123.", "会话 id 的形式为 c123。")
		}
		p.Conversation = id
	}
	if r.SentAt != "" {
		at, err := time.Parse(time.RFC3339, r.SentAt)
		if err != nil || at.Year() < 1970 {
			return nil, invalid("/sent_at", "A time is written as in RFC 3339, for example 2026-11-23T09:30:00.000+08:00.", "时间须符合 RFC 3339，例如 2026-11-23T09:30:00.000+08:00。")
		}
		p.SentAt = at.UTC().Truncate(time.Microsecond)
	}
	return p, nil
}

func (r *Request) check() error {
	for _, err := range []error{
		checkID("/id", r.ID), checkID("/contact/id", r.Contact.ID), checkName(r.Contact.Name), checkKind(r.Kind), checkText(r.Text, len(r.Attachments) > 0),
		attachment.CheckIDs(r.Attachments),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

func checkID(field, id string) error {
	switch {
	case id == "":
		return invalid(field, "An id is needed.", "缺少 id。")
	case len(id) > MaxID:
		return invalid(field, "An id has at most "+strconv.Itoa(MaxID)+" bytes.", "id 最多 "+strconv.Itoa(MaxID)+" 字节。")
	case !utf8.ValidString(id):
		return notUTF8(field)
	case strings.IndexFunc(id, unicode.IsControl) >= 0:
		return invalid(field, "An id has no control characters.", "id 不能含控制字符。")
	}
	return nil
}

func checkName(name string) error {
	const field = "/contact/name"
	switch {
	case !utf8.ValidString(name):
		return notUTF8(field)
	case utf8.RuneCountInString(name) > MaxName:
		return invalid(field, "A name has at most "+strconv.Itoa(MaxName)+" characters.", "姓名最多 "+strconv.Itoa(MaxName)+" 个字。")
	case strings.IndexFunc(name, unicode.IsControl) >= 0:
		return invalid(field, "A name has no control characters.", "姓名不能含控制字符。")
	}
	return nil
}

func checkKind(kind string) error {
	if kind != "" && (len(kind) > maxKind || !kindPattern.MatchString(kind)) {
		return invalid("/kind", "A kind is a word in lower case such as customer or group.", "消息类型为小写单词，例如 customer、group。")
	}
	return nil
}

func checkText(text string, attached bool) error {
	const field = "/text"
	switch {
	case len(text) > MaxText:
		return problem.New(problem.TooLarge, codeTooLarge, "A text has at most "+strconv.Itoa(MaxText)+" bytes.", "文本最多 "+strconv.Itoa(MaxText)+" 字节。").On(field)
	case text == "" && !attached:
		return invalid(field, "A message has a text, attachments, or both.", "消息须有文本或附件。")
	case !utf8.ValidString(text):
		return notUTF8(field)
	case strings.IndexByte(text, 0) >= 0:
		return invalid(field, "A text has no character U+0000.", "文本不能含 U+0000 字符。")
	}
	return nil
}

func notUTF8(field string) error {
	return problem.New(problem.Malformed, codeInvalid, "This is not valid UTF-8.", "这里不是有效的 UTF-8 文本。").On(field)
}

// digest is what tells the same message handed in again from another one under the same id. The contact's name and the times are not in it: a sender may
// learn a name between two attempts.
func (r *Request) digest() [16]byte {
	h := sha256.New()
	// The attachments come last, so that a message without any has the digest that it always had.
	for _, part := range append([]string{r.Contact.ID, r.Conversation, r.Kind, r.Text}, r.Attachments...) {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		h.Write(size[:])
		h.Write([]byte(part))
	}
	return [16]byte(h.Sum(nil)[:16])
}

// CheckReply checks what an agent writes back, by the same limits; the codes are those of conversations.
func CheckReply(id, text string, attachments []string) error {
	r := Request{ID: id, Contact: Contact{ID: "-"}, Text: text, Attachments: attachments}
	err := r.check()
	if e := problem.As(err); e != nil {
		c := *e
		switch e.Code {
		case codeTooLarge:
			c.Code = "conversation.too_large"
		case codeInvalid:
			c.Code = "conversation.invalid"
		}
		return &c
	}
	return err
}
