package identity

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

// The cost of a hash (argon2id). One that was made with another cost still verifies: its parameters are in it.
const (
	hashMemory  = 19 * 1024 // KiB
	hashTime    = 2
	hashThreads = 1
	hashSalt    = 16
	hashKey     = 32
)

const (
	minPassword = 8   // runes
	maxPassword = 256 // bytes
)

// Refusals of passwords.
var (
	errPasswordShort   = problem.New(problem.Invalid, "identity.password_too_short", "A password has at least 8 characters.", "密码至少 8 个字符。").On("/password")
	errPasswordLong    = problem.New(problem.Invalid, "identity.password_too_long", "A password has at most 256 bytes.", "密码最多 256 字节。").On("/password")
	errPasswordText    = problem.New(problem.Invalid, "identity.password_malformed", "A password is UTF-8 text without control characters; was a line break pasted with it?", "密码须为 UTF-8 文本，不能含控制字符（是否多粘贴了换行？）。").On("/password")
	errPasswordCommon  = problem.New(problem.Invalid, "identity.password_too_common", "This password is among the first that an attacker tries; choose another.", "这个密码太常见，攻击者会最先尝试，请换一个。").On("/password")
	errPasswordName    = problem.New(problem.Invalid, "identity.password_is_name", "A password must not be the account's name.", "密码不能与账号名相同。").On("/password")
	errWrongPassword   = problem.New(problem.Unauthenticated, "identity.wrong_password", "The account or the password is wrong.", "账号或密码不正确。")
	errCurrentPassword = problem.New(problem.Invalid, "identity.current_password_wrong", "The present password is not this one; nothing was changed.", "当前密码不正确，没有任何改动。").On("/current")
	errTooManyHashes   = problem.New(problem.Limited, "identity.too_many_sign_ins", "Too many passwords are being checked; try again shortly.", "同时验证密码的人太多，请稍后重试。")
	errHashUnreadable  = errors.New("the stored password hash cannot be read")
	errHashParameters  = errors.New("the stored password hash has parameters out of bounds")
	errVerifyCancelled = problem.New(problem.Unavailable, "system.cancelled", "The caller went away before the answer was known.", "请求方在得到答复前已断开。")
)

//go:embed blocklist.txt
var blocklistText string

var blocklist = sync.OnceValue(func() map[string]bool {
	m := map[string]bool{}
	for line := range strings.Lines(blocklistText) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			m[line] = true
		}
	}
	return m
})

// CheckPassword says what is wrong with a password that an account wants to use, nil if nothing is.
func CheckPassword(account, password string) error {
	switch {
	case !utf8.ValidString(password), strings.IndexFunc(password, unicode.IsControl) >= 0:
		return errPasswordText
	case len(password) > maxPassword:
		return errPasswordLong
	case utf8.RuneCountInString(password) < minPassword:
		return errPasswordShort
	}
	lower := strings.ToLower(norm.NFKC.String(password))
	switch {
	case lower == strings.ToLower(account):
		return errPasswordName
	case blocklist()[lower] || monotonous(lower):
		return errPasswordCommon
	}
	return nil
}

// monotonous says that a text is one or two characters repeated, or a run of neighbours such as 23456789 or hgfedcba.
func monotonous(s string) bool {
	r := []rune(s)
	repeated, up, down := true, true, true
	for i := range r {
		if i >= 2 && r[i] != r[i-2] {
			repeated = false
		}
		if i >= 1 {
			up = up && r[i] == r[i-1]+1
			down = down && r[i] == r[i-1]-1
		}
	}
	return repeated || up || down
}

// Hash makes the PHC string of a password that CheckPassword accepts. It waits for its turn; ctx may end the waiting.
func (s *Service) Hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, hashSalt)
	rand.Read(salt) // never fails: the runtime ends the process if the system has no randomness
	var key []byte
	err := s.turn(ctx, func() { key = derive(password, salt, hashTime, hashMemory, hashThreads, hashKey) })
	if err != nil {
		return "", err
	}
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, hashMemory, hashTime, hashThreads, b64.EncodeToString(salt), b64.EncodeToString(key)), nil
}

// derive normalises first: the same password gives other bytes on other keyboards.
func derive(password string, salt []byte, rounds, memory uint32, threads uint8, size uint32) []byte {
	return argon2.IDKey([]byte(norm.NFKC.String(password)), salt, rounds, memory, threads, size)
}

// turn runs f when one of the few places is free; with too many waiting it refuses at once.
func (s *Service) turn(ctx context.Context, f func()) error {
	select {
	case s.waiting <- struct{}{}:
		defer func() { <-s.waiting }()
	default:
		return errTooManyHashes
	}
	select {
	case s.hashing <- struct{}{}:
		defer func() { <-s.hashing }()
	case <-ctx.Done():
		return errVerifyCancelled.Because(ctx.Err())
	}
	f()
	return nil
}

// parsed is a PHC string taken apart.
type parsed struct {
	time, memory uint32
	threads      uint8
	salt, key    []byte
}

func parseHash(phc string) (parsed, error) {
	var p parsed
	var version int
	parts := strings.Split(phc, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return p, errHashUnreadable
	}
	if _, err := fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return p, errHashUnreadable
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.memory, &p.time, &p.threads); err != nil {
		return p, errHashUnreadable
	}
	var errSalt, errKey error
	p.salt, errSalt = base64.RawStdEncoding.DecodeString(parts[4])
	p.key, errKey = base64.RawStdEncoding.DecodeString(parts[5])
	if errSalt != nil || errKey != nil {
		return p, errHashUnreadable
	}
	// A damaged or planted row must not make the server reserve gigabytes.
	if p.memory < 8 || p.memory > 1<<18 || p.time < 1 || p.time > 16 || p.threads < 1 || p.threads > 16 || len(p.salt) < 8 || len(p.key) < 16 || len(p.key) > 64 {
		return p, errHashParameters
	}
	return p, nil
}

// nobody stands for accounts without a password: checking takes the same time, so that the answer does not tell whether the account exists.
var nobody = parsed{time: hashTime, memory: hashMemory, threads: hashThreads, salt: make([]byte, hashSalt), key: make([]byte, hashKey)}

// VerifyPassword says whether this is the account's password; the refusal does not say which of the two is wrong.
func (s *Service) VerifyPassword(ctx context.Context, account, password string) error {
	_, err := s.verify(ctx, account, password)
	return err
}

// verify does that and returns the hash that was found right.
func (s *Service) verify(ctx context.Context, account, password string) (hash string, err error) {
	p, known := nobody, false
	if row, ok := s.o.Ledger.Login(account); ok && row.PasswordHash != "" {
		stored, err := parseHash(row.PasswordHash)
		if err != nil {
			return "", fmt.Errorf("login of %s: %w", account, err)
		}
		hash, p, known = row.PasswordHash, stored, true
	}
	if len(password) > maxPassword || !utf8.ValidString(password) {
		password, known = "", false
	}
	var key []byte
	if err := s.turn(ctx, func() { key = derive(password, p.salt, p.time, p.memory, p.threads, uint32(len(p.key))) }); err != nil {
		return "", err
	}
	if subtle.ConstantTimeCompare(key, p.key) != 1 || !known {
		return "", errWrongPassword
	}
	return hash, nil
}

// SetPassword is the command that stores an account's password hash and ends its sessions at browsers.
type SetPassword struct {
	Account, Hash string
	Keep          string // session that goes on, or none
	Asked
}

// Apply implements ledger.Command.
func (c *SetPassword) Apply(tx *ledger.Tx) error {
	if err := mustExist(tx, c.Account); err != nil {
		return err
	}
	tx.PutLogin(ledger.LoginRow{Account: c.Account, PasswordHash: c.Hash, UpdatedAt: tx.Now(), UpdatedBy: c.By})
	tx.Audit(c.audit("password.set", c.Account, nil))
	for _, r := range tx.BrowserSessions() {
		if r.Account != c.Account {
			continue
		}
		if r.ID == c.Keep {
			r.RotatedAt = time.Time{} // whoever had a copy of the secret shall not have the next one
			tx.PutBrowserSession(r)
			continue
		}
		cause := reception.SessionEndByOther
		if c.By == c.Account {
			cause = reception.SessionEndSignOut
		}
		tx.EndSession(c.Account, r.ID, reception.Origin{By: c.By, Source: c.Source, Cause: cause})
		tx.Audit(c.audit("session.end", c.Account, map[string]string{"session": r.ID, "why": "password_set"}))
	}
	return nil
}

// SetPassword checks, hashes and stores a password.
func (s *Service) SetPassword(ctx context.Context, account, password string, by Asked) error {
	if err := CheckPassword(account, password); err != nil {
		return err
	}
	hash, err := s.Hash(ctx, password)
	if err != nil {
		return err
	}
	return s.do(ctx, &SetPassword{Account: account, Hash: hash, Asked: by})
}

// PasswordChange is what ChangePassword does.
type PasswordChange struct {
	Account, Password string
	Current           string // the password so far; needed for one's own
	Session           string // session at a browser that asks, or none: it goes on
	Remote            string
	Asked
}

// ChangePassword sets a password. Who changes its own has to know the one so far, for which the delay of sign-ins holds too: a browser that was left open
// must not be enough. All other sessions of the account at browsers end.
func (s *Service) ChangePassword(ctx context.Context, c PasswordChange) error {
	if err := CheckPassword(c.Account, c.Password); err != nil {
		return err
	}
	if c.By == c.Account {
		_, _, err := s.check(ctx, c.Account, c.Current, c.Remote)
		if errors.Is(err, errWrongPassword) {
			return errCurrentPassword
		}
		if err != nil {
			return err
		}
	}
	hash, err := s.Hash(ctx, c.Password)
	if err != nil {
		return err
	}
	return s.do(ctx, &SetPassword{Account: c.Account, Hash: hash, Keep: c.Session, Asked: c.Asked})
}
