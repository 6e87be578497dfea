package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/bidahq/bida/internal/attachment"
	"github.com/bidahq/bida/internal/conversation"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
)

// Attachments keeps files. Package attachment has it.
type Attachments interface {
	Upload(ctx context.Context, owner, name, contentType string, size int64, body io.Reader) (attachment.Upload, error)
	Open(ctx context.Context, digest string) (io.ReadSeekCloser, error)
}

// UploadBody is a file that messages may name.
type UploadBody struct {
	ID string `json:"id" doc:"names the file in messages of the same account; the same file again has the same id"`
	attachment.File
	ExpiresAt Time `json:"expires_at" doc:"until when messages may name it"`
}

func (s *Server) uploadBody(u *attachment.Upload) UploadBody {
	return UploadBody{ID: u.ID, File: u.File(), ExpiresAt: s.time(u.ExpiresAt)}
}

var (
	errNoAttachment = problem.New(problem.NotFound, "attachment.not_found", "This message has no such attachment.", "这条消息没有该附件。").On("/n")
	errInboxNeeded  = problem.New(problem.Invalid, "request.invalid", "A source says for which inbox the file is.", "接入程序须注明文件所属的接待渠道。").On("/inbox")
)

// binary is the schema of a file.
var binary = map[string]*huma.MediaType{"application/octet-stream": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}

func queryParameter(name, words, kind string) *huma.Param {
	return &huma.Param{Name: name, In: "query", Description: words, Schema: &huma.Schema{Type: kind}}
}

// describeUpload describes in the document what takes a file in.
func describeUpload(t *routes, op *huma.Operation) {
	op.Parameters = append(op.Parameters, queryParameter("name", "the file's name; what is unsafe in it is taken out", huma.TypeString),
		queryParameter("inbox", "for which inbox it is; a source has to say", huma.TypeString))
	op.RequestBody = &huma.RequestBody{Required: true, Content: binary, Description: "the file itself, at most 20 MiB"}
	op.Responses["201"] = &huma.Response{Description: "Created", Content: t.content(UploadBody{}, op)}
}

// describeDownload describes in the document what gives a file out.
func describeDownload(_ *routes, op *huma.Operation) {
	op.Parameters = append(op.Parameters, queryParameter("download", "to have a picture saved and not shown", huma.TypeBoolean))
	op.Responses["200"] = &huma.Response{Description: "The file. Ranges and ETags are understood.", Content: binary}
}

// parameters reads the parameters of a route that huma does not, and refuses unknown ones.
func parameters(r *http.Request, known ...string) (url.Values, error) {
	values := r.URL.Query()
	for name := range values {
		found := false
		for _, k := range known {
			found = found || k == name
		}
		if !found {
			return nil, problem.New(problem.Invalid, "request.invalid", "This parameter is unknown.", "未知参数。").On("/" + pointerEscape.Replace(cut(name)))
		}
	}
	return values, nil
}

// upload takes a file in that the caller's messages may name.
func (s *Server) upload(w http.ResponseWriter, r *http.Request, by caller) {
	inbox := r.URL.Query().Get("inbox")
	u, err := s.receiveUpload(w, r, by, inbox)
	if err != nil {
		if inbox != "" {
			s.o.Intake.Refused(r.Context(), refusalOf(inbox, by), err)
		}
		s.refuse(w, r, err)
		return
	}
	writeJSON(w, http.StatusCreated, "application/json", s.uploadBody(&u))
}

func (s *Server) receiveUpload(w http.ResponseWriter, r *http.Request, by caller, inbox string) (none attachment.Upload, err error) {
	values, err := parameters(r, "name", "inbox")
	if err != nil {
		return none, err
	}
	if inbox == "" && !s.can(by, policy.MessageReply) {
		return none, errInboxNeeded
	}
	if _, ok := s.o.Ledger.Policy().Inbox(inbox); inbox != "" && !ok {
		return none, errNoInbox
	}
	return s.takeFile(w, r, attachment.AccountOwner(by.account), values.Get("name"))
}

// takeFile takes the body of a request in as a file of an owner.
func (s *Server) takeFile(w http.ResponseWriter, r *http.Request, owner, name string) (attachment.Upload, error) {
	if compressed(r) {
		return attachment.Upload{}, errEncoding
	}
	body := &pacedReader{body: r.Body, control: http.NewResponseController(w), paces: s.paces, until: time.Now().Add(s.paces.upload)}
	defer body.end()
	return s.o.Attachments.Upload(r.Context(), owner, name, r.Header.Get("Content-Type"), r.ContentLength, body)
}

// paces are how long the other side of a file may take.
type paces struct {
	silence time.Duration // for the next piece of a file that comes in
	drain   time.Duration // for the next piece of one that goes out: a slow reader takes what lies in buffers, megabytes of it, before it takes more
	upload  time.Duration // for a whole file to come in: twenty mebibytes on a bad mobile line take minutes
	parting time.Duration // for what is still on its way when a file was refused
}

var usualPaces = paces{silence: 30 * time.Second, drain: 3 * time.Minute, upload: 15 * time.Minute, parting: 2 * time.Second}

// pacedReader reads a body as long as it comes: each piece in a time of its own, all of it in a longer one. Where the connection has no deadlines, as in
// tests, there is no socket to be slow.
type pacedReader struct {
	body    io.Reader
	control *http.ResponseController
	paces   paces
	until   time.Time
	whole   bool
}

// Read implements io.Reader.
func (p *pacedReader) Read(b []byte) (int, error) {
	deadline := time.Now().Add(p.paces.silence)
	if deadline.After(p.until) {
		deadline = p.until
	}
	_ = p.control.SetReadDeadline(deadline)
	n, err := p.body.Read(b)
	p.whole = errors.Is(err, io.EOF)
	return n, err
}

// end gives the connection back: with time for the answer, and, if the body was not read to its end, with little for the rest of it.
func (p *pacedReader) end() {
	_ = p.control.SetWriteDeadline(time.Now().Add(p.paces.drain))
	deadline := time.Time{}
	if !p.whole {
		deadline = time.Now().Add(p.paces.parting)
	}
	_ = p.control.SetReadDeadline(deadline)
}

// pacedWriter gives the other side a time of its own for each piece.
type pacedWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	drain   time.Duration
}

// Write implements http.ResponseWriter.
func (p *pacedWriter) Write(b []byte) (int, error) {
	_ = p.control.SetWriteDeadline(time.Now().Add(p.drain))
	return p.ResponseWriter.Write(b)
}

// download gives out a file of a message that the caller may see. For every other message it says that there is none.
func (s *Server) download(w http.ResponseWriter, r *http.Request, by caller) {
	values, err := parameters(r, "download")
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	m, err := s.messageWithFiles(r.Context(), by, r.PathValue("id"))
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	s.giveFile(w, r, m, r.PathValue("n"), values.Has("download"))
}

func (s *Server) messageWithFiles(ctx context.Context, by caller, id string) (*ledger.MessageRow, error) {
	position, ok := conversation.ParseID('m', id)
	if !ok {
		return nil, errNoMessage
	}
	m, err := s.o.Store.Message(ctx, position)
	if errors.Is(err, ledger.ErrNotFound) {
		return nil, errNoMessage
	}
	if err != nil {
		return nil, fmt.Errorf("message %d: %w", position, err)
	}
	if ok, err := s.mayReadFiles(ctx, by, &m); err != nil || !ok {
		return nil, errors.Join(err, errNoMessage)
	}
	return &m, nil
}

// giveFile answers with an attachment of a message, whose number in the list is n. Who asks has been found to be allowed.
func (s *Server) giveFile(w http.ResponseWriter, r *http.Request, m *ledger.MessageRow, n string, save bool) {
	list, err := attachment.Of(m)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	i, err := strconv.Atoi(n)
	if err != nil || i < 0 || i >= len(list) || n != strconv.Itoa(i) {
		s.refuse(w, r, errNoAttachment)
		return
	}
	content, err := s.o.Attachments.Open(r.Context(), list[i].Digest)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	defer content.Close()
	fileHeaders(w.Header(), &list[i], save)
	w.Header().Set("ETag", `"`+conversation.MessageID(m.Position)+"-"+n+`"`) // a message never changes
	http.ServeContent(&pacedWriter{w, http.NewResponseController(w), s.paces.drain}, r, "", m.At, content)
}

// fileHeaders make sure that what strangers sent is never run here: only pictures are shown in place, everything else is saved; no browser guesses another
// type; and if one shows a file nevertheless, it does so in a sandbox that may load and run nothing. A browser may keep a file, but asks each time whether
// it may still show it.
func fileHeaders(h http.Header, a *attachment.Attachment, save bool) {
	contentType, disposition := a.Type, "inline"
	if save || !a.Image() {
		disposition = "attachment"
	}
	if active(a.Type) {
		contentType = "application/octet-stream"
	}
	h.Set("Content-Type", contentType)
	h.Set("Content-Disposition", contentDisposition(disposition, a.Name))
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "private, no-cache")
}

// active says whether files of a type can run something when they are shown.
func active(kind string) bool {
	_, name, _ := strings.Cut(kind, "/")
	return strings.Contains(name, "html") || strings.HasSuffix(name, "xml") || strings.Contains(name, "script") || name == "wasm"
}

// contentDisposition names a file as RFC 6266 and RFC 5987 want it: for those that understand it in UTF-8, and for all others in ASCII.
func contentDisposition(disposition, name string) string {
	var plain, encoded strings.Builder
	for _, r := range name {
		if r < ' ' || r > '~' || strings.ContainsRune(`"\%`, r) {
			r = '_'
		}
		plain.WriteRune(r)
	}
	for _, b := range []byte(name) {
		if b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || strings.IndexByte("!#$&+-.^_`|~", b) >= 0 {
			encoded.WriteByte(b)
			continue
		}
		fmt.Fprintf(&encoded, "%%%02X", b)
	}
	return disposition + `; filename="` + plain.String() + `"; filename*=UTF-8''` + encoded.String()
}
