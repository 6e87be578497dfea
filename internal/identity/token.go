package identity

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

// tokenPrefix makes a token recognisable where it should not be: in a file, a log, a search.
const tokenPrefix = "bida_"

const (
	tokenBytes = 32
	maxTokens  = 100 // of one account that are not revoked
	maxLabel   = 100 // runes
	useEvery   = time.Minute
)

// Refusals of tokens.
var (
	errNoToken      = problem.New(problem.Unauthenticated, "identity.token_missing", "You are not signed in. Programs send a token as \"Authorization: Bearer bida_…\".", "您尚未登录。程序请以“Authorization: Bearer bida_…”的形式提供令牌。")
	errUnknownToken = problem.New(problem.Unauthenticated, "identity.token_unknown", "This token is not known. It was mistyped, or revoked some time ago.", "令牌无效：可能输入有误，或早已被吊销。")
	errTokenRevoked = problem.New(problem.Unauthenticated, "identity.token_revoked", "This token was revoked.", "该令牌已被吊销。")
	errTokenExpired = problem.New(problem.Unauthenticated, "identity.token_expired", "This token has run out; a new one is needed.", "该令牌已过期，需要新的令牌。")
	errTokenID      = problem.New(problem.NotFound, "identity.token_not_found", "This account has no such token.", "该账号没有这个令牌。").On("/id")
	errTooMany      = problem.New(problem.Conflict, "identity.too_many_tokens", "This account has "+strconv.Itoa(maxTokens)+" tokens; revoke one that is no longer used.", "该账号已有 "+strconv.Itoa(maxTokens)+" 个令牌，请先吊销不用的。")
	errLabel        = problem.New(problem.Invalid, "identity.invalid_label", "A label has at most "+strconv.Itoa(maxLabel)+" characters and no control characters.", "备注最多 "+strconv.Itoa(maxLabel)+" 个字，不能含控制字符。").On("/label")
	errExpires      = problem.New(problem.Invalid, "identity.invalid_expiry", "The end of a token lies in the future.", "令牌的到期时间应在将来。").On("/expires")
)

// NewToken makes the text of a token.
func NewToken() string {
	var b [tokenBytes]byte
	rand.Read(b[:]) // never fails: the runtime ends the process if the system has no randomness
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(b[:])
}

// hashOf is what is kept of a token. A token has 256 bits of randomness, so that a plain hash is enough; and comparing hashes by map tells nothing of
// the token by its timing. ok is false for a text that NewToken cannot have made.
func hashOf(token string) (hash [32]byte, ok bool) {
	rest, ok := strings.CutPrefix(token, tokenPrefix)
	if !ok || len(rest) != base64.RawURLEncoding.EncodedLen(tokenBytes) {
		return hash, false
	}
	return sha256.Sum256([]byte(token)), true
}

// Authenticate says whose token this is. It reads memory only. An account that may not sign in is refused with the reason of the gate that stops it.
func (s *Service) Authenticate(token string) (account, tokenID string, err error) {
	if token == "" {
		return "", "", errNoToken
	}
	hash, ok := hashOf(token)
	if !ok {
		return "", "", errUnknownToken
	}
	row, ok := s.o.Ledger.Token(hash)
	if !ok {
		s.mu.Lock()
		revoked := s.revoked.set[hash]
		s.mu.Unlock()
		if revoked {
			return "", "", errTokenRevoked
		}
		return "", "", errUnknownToken
	}
	now := s.o.Now()
	if !row.ExpiresAt.IsZero() && !now.Before(row.ExpiresAt) {
		return "", "", errTokenExpired
	}
	if cell := reception.MaySignIn(s.o.Ledger.Policy().Compile(), row.Account, now); cell.Outcome != reception.Pass {
		return "", "", mayNotSignIn(cell)
	}
	s.used(&row, now)
	return row.Account, row.ID, nil
}

// mayNotSignIn is the refusal of an account by gate account.state.
func mayNotSignIn(cell reception.Cell) error {
	r := reception.Lookup(cell.Code)
	return problem.New(problem.Forbidden, r.Code.String(), "This account may not sign in: "+r.Title.In("en")+".", "该账号不能登录："+r.Title.In("zh")+"。")
}

// used records the use of a token, at most once a minute, without waiting: a use that is not recorded must keep nobody out.
func (s *Service) used(row *ledger.TokenRow, now time.Time) {
	if now.Sub(row.LastUsed) < useEvery {
		return
	}
	if s.tried(row.ID) {
		return
	}
	id := row.ID
	s.o.Ledger.Submit(ledger.CommandFunc(func(tx *ledger.Tx) error {
		t := tx.Token(id)
		if t == nil || tx.Now().Sub(t.LastUsed) < useEvery {
			return nil
		}
		next := *t
		next.LastUsed = tx.Now()
		tx.PutToken(next)
		return nil
	}), func(err error) {
		if err != nil {
			s.o.Log.Warn("the use of a token could not be recorded", "token", id, "error", err)
		}
	})
}

// CreateToken is the command that adds a token to an account. The token's text is not in it, only its hash.
type CreateToken struct {
	Account, Label string
	Expires        time.Time // or none
	Hash           [32]byte
	Asked

	ID string // result
}

// Apply implements ledger.Command.
func (c *CreateToken) Apply(tx *ledger.Tx) error {
	if err := mustExist(tx, c.Account); err != nil {
		return err
	}
	if !validLabel(c.Label) {
		return errLabel
	}
	if !c.Expires.IsZero() && !tx.Now().Before(c.Expires) {
		return errExpires
	}
	if len(tx.TokensOf(c.Account)) >= maxTokens {
		return errTooMany
	}
	c.ID = "t" + strconv.FormatInt(tx.Next(), 10)
	tx.PutToken(ledger.TokenRow{
		ID: c.ID, Account: c.Account, Hash: c.Hash, Label: c.Label, CreatedAt: tx.Now(), CreatedBy: c.By, ExpiresAt: c.Expires,
	})
	if !c.Expires.IsZero() {
		tx.At(c.Expires, deadlineToken, c.ID)
	}
	tx.Audit(c.audit("token.create", c.Account, map[string]string{"token": c.ID}))
	return nil
}

func validLabel(label string) bool {
	return utf8.ValidString(label) && utf8.RuneCountInString(label) <= maxLabel && strings.IndexFunc(label, unicode.IsControl) < 0
}

// audit makes an entry of the audit log.
func (a Asked) audit(action, account string, details map[string]string) ledger.AuditRow {
	r := ledger.AuditRow{By: a.By, Action: action, Object: "account/" + account, Source: a.Source, Request: a.Request}
	if len(details) > 0 {
		r.Details, _ = json.Marshal(details) // a map of strings always encodes
	}
	return r
}

// CreateToken makes a token. It is returned here and never again.
func (s *Service) CreateToken(ctx context.Context, account, label string, expires time.Time, by Asked) (id, token string, err error) {
	token = NewToken()
	hash, _ := hashOf(token)
	cmd := &CreateToken{Account: account, Label: label, Expires: expires.UTC().Truncate(time.Microsecond), Hash: hash, Asked: by}
	if err := s.do(ctx, cmd); err != nil {
		return "", "", err
	}
	return cmd.ID, token, nil
}

// RevokeTokens is the command that revokes a token of an account, or all of them, and ends the sessions that rest on them.
type RevokeTokens struct {
	Account string
	ID      string // "" for all
	Asked

	Revoked []string   // result: ids
	Hashes  [][32]byte // result
}

// Apply implements ledger.Command.
func (c *RevokeTokens) Apply(tx *ledger.Tx) error {
	c.Revoked, c.Hashes = nil, nil
	for _, id := range tx.TokensOf(c.Account) {
		if c.ID != "" && c.ID != id {
			continue
		}
		t := *tx.Token(id)
		t.RevokedAt, t.RevokedBy = tx.Now(), c.By
		tx.PutToken(t)
		c.Revoked, c.Hashes = append(c.Revoked, id), append(c.Hashes, t.Hash)
		tx.Audit(c.audit("token.revoke", c.Account, map[string]string{"token": id}))
		end(tx, c.Account, reception.Origin{By: c.By, Source: c.Source, Cause: reception.SessionEndRevoked},
			func(s ledger.Session) bool { return s.Token == id })
	}
	if c.ID != "" && len(c.Revoked) == 0 {
		return errTokenID
	}
	return nil
}

// RevokeTokens revokes the token with an id, or all of the account's if it is "", and says which were.
func (s *Service) RevokeTokens(ctx context.Context, account, id string, by Asked) ([]string, error) {
	cmd := &RevokeTokens{Account: account, ID: id, Asked: by}
	if err := s.do(ctx, cmd); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range cmd.Hashes {
		s.revoked.add(h)
	}
	return cmd.Revoked, nil
}
