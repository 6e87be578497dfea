package attachment

import (
	"bytes"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/problem"
)

// Limits of files.
const (
	// MaxSize is how many bytes a file has at most.
	MaxSize = 20 << 20
	// MaxCount is how many files a message has at most.
	MaxCount = 10
	// Lifetime is how long an upload may be named by messages, and how long a content stays that nothing refers to.
	Lifetime = 24 * time.Hour
)

// Attachment is a file of a message, as it lies in the message's row. The digest never leaves the program.
type Attachment struct {
	Digest string `json:"digest"` // SHA-256 of the content in hexadecimal digits
	Name   string `json:"name"`
	Type   string `json:"type"`
	Size   int64  `json:"size"`
	Width  int    `json:"width,omitempty"` // in pixels, of a picture that may be shown
	Height int    `json:"height,omitempty"`
}

// Image says whether it is a picture that browsers may show: of a format that cannot run anything, with a header that was read.
func (a *Attachment) Image() bool { return a.Width > 0 }

// File is an attachment as it is told outside, wherever messages are shown. Its place in the list is its number.
type File struct {
	Name   string `json:"name" doc:"safe to be shown and to be saved under"`
	Type   string `json:"type" doc:"media type, by what the file holds"`
	Size   int64  `json:"size" doc:"in bytes"`
	Image  bool   `json:"image" doc:"a picture that may be shown in place"`
	Width  int    `json:"width,omitempty" doc:"of a picture, in pixels"`
	Height int    `json:"height,omitempty"`
}

// File is the attachment as it is told outside.
func (a *Attachment) File() File {
	return File{Name: a.Name, Type: a.Type, Size: a.Size, Image: a.Image(), Width: a.Width, Height: a.Height}
}

// Upload is a file that is ready to be named by a message of its owner.
type Upload struct {
	ID string
	Attachment
	ExpiresAt time.Time
}

// Refusals.
var (
	errEmpty      = problem.New(problem.Invalid, "attachment.empty", "The file is empty (0 bytes).", "文件为空（0 字节）。")
	errTooLarge   = problem.New(problem.TooLarge, "attachment.too_large", "A file has at most 20 MiB.", "单个文件最大 20 MiB。").With("limit", MaxSize)
	errIncomplete = problem.New(problem.Malformed, "attachment.incomplete", "The file ended before it was complete, or came too slowly; nothing was kept.", "文件不完整或发送过慢，未保存。")
	errProgram    = problem.New(problem.Invalid, "attachment.program", "Programs and scripts that start when they are opened are not taken. Pack it into an archive if it has to be sent.", "不接受打开即运行的程序或脚本。确需发送时，请先压缩打包。")
	errBusy       = problem.New(problem.Limited, "attachment.busy", "Too many files are being sent at the moment; try again shortly.", "正在上传的文件过多，请稍后重试。")
	errQuota      = problem.New(problem.Limited, "attachment.quota", "Too many files were sent within a day; more can be sent later.", "一天内发送的文件过多，请稍后再发。")
	errNoSpace    = problem.New(problem.Unavailable, "attachment.no_space", "There is no room for files on the server's disk; nothing was kept. An administrator has to make room.", "服务器磁盘空间不足，文件未保存，请联系管理员清理磁盘。")
	errStorage    = problem.New(problem.Unavailable, "attachment.storage", "Files cannot be written now; nothing was kept. Try again shortly.", "文件暂时无法写入，未保存，请稍后重试。")
	errMissing    = problem.New(problem.Unavailable, "attachment.missing", "This file is on record but not on the server's disk; an administrator can bring it back from the backup.", "该文件有记录，但服务器磁盘上没有，请联系管理员从备份恢复。")
	errUnknown    = problem.New(problem.Invalid, "attachment.unknown", "There is no such upload of yours, or it is older than a day. Upload the file again.", "没有您上传的这个文件，或上传已超过一天，请重新上传。")
	errTooMany    = problem.New(problem.Invalid, "intake.invalid", "A message has at most "+strconv.Itoa(MaxCount)+" files.", "一条消息最多 "+strconv.Itoa(MaxCount)+" 个文件。").On("/attachments")
	errTwice      = problem.New(problem.Invalid, "intake.invalid", "This file is named twice.", "同一文件重复出现。")
)

// ErrMissing says that a content that is on record is not on the disk. It is wrapped by what Open returns then.
var ErrMissing = errors.New("the file is not on the disk")

// on names the place of an attachment in a request.
func on(e *problem.Error, i int) error { return e.On("/attachments/" + strconv.Itoa(i)) }

var idPattern = regexp.MustCompile(`^f[a-z2-7]{32}$`)

var idAlphabet = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// idOf names an upload. Equal uploads of one owner have one name, so that whoever uploads a file again, not knowing what became of the first try, names the
// same file by it and its message stays the same. Nobody can guess it who does not have the file; and it is of no use to anybody but its owner.
func idOf(owner string, a *Attachment) string {
	h := sha256.New()
	for _, part := range []string{owner, a.Digest, a.Name, a.Type} {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		h.Write(size[:])
		h.Write([]byte(part))
	}
	return "f" + idAlphabet.EncodeToString(h.Sum(nil)[:20])
}

// CheckIDs refuses, without looking anything up, a list that no message may have. It names the place as /attachments/N.
func CheckIDs(ids []string) error {
	if len(ids) > MaxCount {
		return errTooMany
	}
	for i, id := range ids {
		switch {
		case !idPattern.MatchString(id):
			return on(errUnknown, i)
		case slices.Contains(ids[:i], id):
			return on(errTwice, i)
		}
	}
	return nil
}

// Take has a message keep the files that its sender uploaded, and returns what goes into the message's row: nil for none. It is called by the command that
// stores the message, after it knows that the message is a new one: the ledger decides in one order what a message refers to and what is swept away.
func Take(tx *ledger.Tx, owner string, ids []string, message int64) (json.RawMessage, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	if err := CheckIDs(ids); err != nil {
		return nil, err
	}
	list := make([]Attachment, len(ids))
	for i, id := range ids {
		u, ok, err := tx.Upload(id)
		if err != nil {
			return nil, err
		}
		if !ok || u.Owner != owner || !u.ExpiresAt.After(tx.Now()) {
			return nil, on(errUnknown, i)
		}
		list[i] = Attachment{Digest: u.Digest, Name: u.Name, Type: u.Type, Size: u.Size, Width: u.Width, Height: u.Height}
		tx.KeepFile(ledger.FileRow{Digest: u.Digest, Size: u.Size, Position: message, At: tx.Now()})
	}
	return json.Marshal(list)
}

// Of reads the attachments of a message's row; none for a notice, whose data are something else.
func Of(m *ledger.MessageRow) ([]Attachment, error) {
	data := m.Data
	if m.Direction == ledger.Note {
		var note ledger.NoteData
		if err := json.Unmarshal(data, &note); err != nil {
			return nil, fmt.Errorf("note %d: %w", m.Position, err)
		}
		data = note.Attachments
	}
	if data = bytes.TrimLeft(data, " \t\r\n"); len(data) == 0 || data[0] != '[' {
		return nil, nil
	}
	var list []Attachment
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, fmt.Errorf("attachments of message %d: %w", m.Position, err)
	}
	return list, nil
}

// FilesOf is Of for those outside; never nil without an error, so that a list is written as one.
func FilesOf(m *ledger.MessageRow) ([]File, error) {
	list, err := Of(m)
	if err != nil {
		return nil, err
	}
	files := make([]File, len(list))
	for i := range list {
		files[i] = list[i].File()
	}
	return files, nil
}

// AccountOwner and VisitorOwner name who uploads.
func AccountOwner(account string) string { return "account/" + account }

// VisitorOwner names a visitor of an inbox.
func VisitorOwner(inbox, visitor string) string { return visitorPrefix + inbox + "/" + visitor }

const visitorPrefix = "visitor/"

func isVisitor(owner string) bool { return strings.HasPrefix(owner, visitorPrefix) }
