package web

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/bidahq/bida/internal/attachment"
	"github.com/bidahq/bida/internal/intake"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/limit"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
)

// TokenPrefix makes a visitor's token recognisable, and different from those of accounts.
const TokenPrefix = "bidav_"

const (
	tokenBytes = 32
	idBytes    = 10
)

// Visitor is somebody who writes from a web page; the id is that of the contact in the inbox.
type Visitor struct{ ID, Inbox, Name string }

// Owner is the visitor as package attachment names who uploaded a file.
func (v Visitor) Owner() string { return attachment.VisitorOwner(v.Inbox, v.ID) }

// Refusals about visitors and their inbox.
var (
	errNoInbox = problem.New(problem.NotFound, "chat.unknown_inbox", "There is nobody to write to at this address.", "该地址没有可联系的客服。").On("/inbox")
	errNoToken = problem.New(problem.Unauthenticated, "chat.token_missing", "A visitor's token is needed: send it as \"Authorization: Bearer bidav_…\".", "需要访客令牌，请以“Authorization: Bearer bidav_…”的形式提供。")
	errToken   = problem.New(problem.Unauthenticated, "chat.token_unknown", "This visitor is not known here. Begin a new conversation.", "无法识别该访客，请重新开始对话。")
	errName    = problem.New(problem.Invalid, "chat.invalid_name", "A name has at most "+strconv.Itoa(intake.MaxName)+" characters and no control characters.", "姓名最多 "+strconv.Itoa(intake.MaxName)+" 个字，不能含控制字符。").On("/name")
)

// newID makes an id that nobody can guess and that no other system gives its contacts: whoever had it would see that contact's messages.
func newID() string {
	var b [idBytes]byte
	rand.Read(b[:]) // never fails: the runtime ends the process if the system has no randomness
	return "v" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:]))
}

func newToken() string {
	var b [tokenBytes]byte
	rand.Read(b[:]) // never fails
	return TokenPrefix + base64.RawURLEncoding.EncodeToString(b[:])
}

// hashOf is what is kept of a token; ok is false for a text that newToken cannot have made. A token has 256 bits of randomness, so that a plain hash is enough.
func hashOf(token string) (hash [32]byte, ok bool) {
	rest, ok := strings.CutPrefix(token, TokenPrefix)
	if !ok || len(rest) != base64.RawURLEncoding.EncodedLen(tokenBytes) {
		return hash, false
	}
	return sha256.Sum256([]byte(token)), true
}

// inbox finds an inbox that visitors may write to. One with another channel is, for them, not there.
func (s *Service) inbox(name string) (policy.InboxSpec, error) {
	spec, ok := s.o.Ledger.Policy().Inbox(name)
	if !ok || spec.Channel != policy.ChannelWeb {
		return spec, errNoInbox
	}
	return spec, nil
}

// createVisitor is the command that adds a visitor. It leaves no entry in the audit log, as customers' messages leave none.
type createVisitor struct{ row ledger.VisitorRow }

// Apply implements ledger.Command.
func (c *createVisitor) Apply(tx *ledger.Tx) error {
	if spec, ok := tx.Documents().Inbox(c.row.Inbox); !ok || spec.Channel != policy.ChannelWeb {
		return errNoInbox
	}
	tx.AddVisitor(c.row)
	return nil
}

// Create makes a visitor of an inbox. The token is returned here and never again.
func (s *Service) Create(ctx context.Context, address, inbox, name string) (Visitor, string, error) {
	if _, err := s.inbox(inbox); err != nil {
		return Visitor{}, "", err
	}
	name = strings.TrimSpace(name)
	if !utf8.ValidString(name) || utf8.RuneCountInString(name) > intake.MaxName || strings.IndexFunc(name, unicode.IsControl) >= 0 {
		return Visitor{}, "", errName
	}
	if wait := s.visitors.Take(limit.Network(address), s.o.Now()); wait > 0 {
		return Visitor{}, "", errTooManyVisitors.After(wait)
	}
	token := newToken()
	hash, _ := hashOf(token)
	row := ledger.VisitorRow{ID: newID(), Inbox: inbox, Hash: hash, Name: name, CreatedAt: s.o.Now().UTC().Truncate(time.Microsecond)}
	if err := s.o.Ledger.Do(ctx, &createVisitor{row}); err != nil {
		return Visitor{}, "", err
	}
	v := Visitor{row.ID, row.Inbox, row.Name}
	s.remember(hash, v)
	return v, token, nil
}

// Authenticate says which visitor of an inbox this is. A token of another inbox is as unknown as one that nobody has.
func (s *Service) Authenticate(ctx context.Context, inbox, token string) (Visitor, error) {
	if _, err := s.inbox(inbox); err != nil {
		return Visitor{}, err
	}
	if token == "" {
		return Visitor{}, errNoToken
	}
	hash, ok := hashOf(token)
	if !ok {
		return Visitor{}, errToken
	}
	v, known := s.recall(hash)
	if !known {
		row, err := s.o.Reader.Visitor(ctx, hash)
		if errors.Is(err, ledger.ErrNotFound) {
			return Visitor{}, errToken
		}
		if err != nil {
			return Visitor{}, fmt.Errorf("a visitor: %w", err)
		}
		v = Visitor{row.ID, row.Inbox, row.Name}
		s.remember(hash, v)
	}
	if v.Inbox != inbox {
		return Visitor{}, errToken
	}
	return v, nil
}

// maxKnown bounds how many visitors are remembered, so that a conversation does not read its visitor again and again.
const maxKnown = 20_000

func (s *Service) recall(hash [32]byte) (Visitor, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.known[hash]
	return v, ok
}

func (s *Service) remember(hash [32]byte, v Visitor) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.known) >= maxKnown {
		clear(s.known)
	}
	s.known[hash] = v
}
