package identity

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

// Times of sessions at browsers, where nobody says otherwise. A session lasts longer than any shift, so that nobody is signed out in the middle of one, and
// shorter than a day, so that nobody is the next morning.
const (
	DefaultIdle     = 2 * time.Hour
	DefaultLength   = 16 * time.Hour
	DefaultRotation = 10 * time.Minute
)

const (
	secretBytes = 32
	// secretGrace is how long the secret before goes on to be good once the browser has shown the present one: other tabs' requests are under way with it.
	secretGrace = 2 * time.Minute
	maxBrowsers = 20 // sessions of one account at browsers
	maxAgent    = 300
)

// ErrSessionOver refuses whoever shows a session that is over, or none.
var ErrSessionOver = problem.New(problem.Unauthenticated, "identity.session_over",
	"You are not signed in here any more: the sign-in was ended, or has run out. Sign in again.", "您已不在登录状态：登录已被结束或已到期，请重新登录。")

// newSecret makes the secret of a session.
func newSecret() string {
	var b [secretBytes]byte
	rand.Read(b[:]) // never fails: the runtime ends the process if the system has no randomness
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// hashSecret is what is kept of a secret; ok is false for a text that newSecret cannot have made.
func hashSecret(secret string) (hash [32]byte, ok bool) {
	if len(secret) != base64.RawURLEncoding.EncodedLen(secretBytes) {
		return hash, false
	}
	return sha256.Sum256([]byte(secret)), true
}

// SignedIn is a session at a browser that holds.
type SignedIn struct {
	Account string
	Session string // id
	Secret  string // new, for the browser's cookie; "" if it keeps the one that it has
	Left    time.Duration
}

// AuthenticateSession says whose the session is that a cookie's secret opens, and its id. It reads memory only, and refuses as Authenticate does.
func (s *Service) AuthenticateSession(secret string) (account, session string, err error) {
	row, _, err := s.browser(secret)
	if err != nil {
		return "", "", err
	}
	return row.Account, row.ID, nil
}

// AuthenticateRequest does that for the cookie of a request whatever its method, and refuses it on a request that another site's page has made; account is
// "" if the request shows no cookie.
func (s *Service) AuthenticateRequest(r *http.Request) (account, session string, err error) {
	if !HasSession(r) {
		return "", "", nil
	}
	if !SameOrigin(r) {
		return "", "", ErrCrossOrigin
	}
	return s.AuthenticateSession(secretOf(r))
}

// Continue authenticates a request by its cookie and, where that is due, gives the browser a new secret. A change that another site's page asks for is refused.
func (s *Service) Continue(ctx context.Context, r *http.Request) (SignedIn, error) {
	if safe := r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions; !safe && !SameOrigin(r) {
		return SignedIn{}, ErrCrossOrigin
	}
	secret := secretOf(r)
	row, due, err := s.browser(secret)
	if err != nil {
		return SignedIn{}, err
	}
	in := SignedIn{Account: row.Account, Session: row.ID, Left: row.EndsAt.Sub(s.o.Now())}
	if !due {
		return in, nil
	}
	shown, _ := hashSecret(secret)
	fresh := newSecret()
	hash, _ := hashSecret(fresh)
	cmd := &rotate{session: row.ID, shown: shown, next: hash, every: s.o.Rotation}
	if err := s.do(ctx, cmd); err != nil {
		s.o.Log.Warn("the secret of a session could not be changed", "session", row.ID, "error", err) // the one it has goes on to be good
		return in, nil
	}
	if cmd.done {
		in.Secret = fresh
	}
	return in, nil
}

// browser finds the session that a secret opens. due says that the secret is to be changed.
func (s *Service) browser(secret string) (row ledger.BrowserSessionRow, due bool, err error) {
	hash, ok := hashSecret(secret)
	if !ok {
		return row, false, ErrSessionOver
	}
	if row, ok = s.o.Ledger.BrowserSessionBySecret(hash); !ok {
		return row, false, ErrSessionOver
	}
	now := s.o.Now()
	if !now.Before(row.EndsAt) || !now.Before(row.IdleEnds()) && !connected(s.o.Ledger.Agent(row.Account), row.ID) {
		return row, false, ErrSessionOver
	}
	if hash != row.Hash && !row.ConfirmedAt.IsZero() && !now.Before(row.ConfirmedAt.Add(secretGrace)) {
		s.stolen(row.ID, hash)
		return row, false, ErrSessionOver
	}
	if cell := reception.MaySignIn(s.o.Ledger.Policy().Compile(), row.Account, now); cell.Outcome != reception.Pass {
		return row, false, mayNotSignIn(cell)
	}
	s.usedBrowser(&row, hash, now)
	return row, rotation(&row, hash, now, s.o.Rotation), nil
}

// rotation says whether the secret that was shown is to be changed: after its time, and where the browser may never have got its successor.
func rotation(row *ledger.BrowserSessionRow, shown [32]byte, now time.Time, every time.Duration) bool {
	if shown == row.Hash {
		return !now.Before(row.RotatedAt.Add(every))
	}
	return shown == row.Previous && row.ConfirmedAt.IsZero() && !now.Before(row.RotatedAt.Add(secretGrace))
}

// rotate is the command that puts a new secret in the place of the one that was shown, unless another request has had that done already.
type rotate struct {
	session     string
	shown, next [32]byte
	every       time.Duration

	done bool // result
}

// Apply implements ledger.Command.
func (c *rotate) Apply(tx *ledger.Tx) error {
	c.done = false
	row := tx.BrowserSession(c.session)
	if row == nil || !rotation(row, c.shown, tx.Now(), c.every) {
		return nil
	}
	next := *row
	// A successor that never arrived is forgotten; what was shown stays the one before.
	next.Previous, next.Hash, next.RotatedAt, next.ConfirmedAt, next.LastUsed = c.shown, c.next, tx.Now(), time.Time{}, tx.Now()
	tx.PutBrowserSession(next)
	c.done = true
	return nil
}

// stolen ends a session whose secret before the present one is shown long after the browser had the present one: two have the cookie, and which of them is
// the person is not known.
func (s *Service) stolen(session string, shown [32]byte) {
	if s.tried("reuse " + session) {
		return
	}
	s.o.Ledger.Submit(ledger.CommandFunc(func(tx *ledger.Tx) error {
		row := tx.BrowserSession(session)
		if row == nil || row.Previous != shown {
			return nil
		}
		by := Asked{By: "system", Source: "sign_in"}
		tx.Audit(by.audit("session.end", row.Account, map[string]string{"session": session, "why": "secret_reused"}))
		tx.EndSession(row.Account, session, reception.Origin{By: by.By, Source: by.Source, Cause: reception.SessionEndByOther})
		return nil
	}), func(err error) {
		if err != nil {
			s.o.Log.Error("a session whose secret was copied could not be ended", "session", session, "error", err)
		}
	})
}

// usedBrowser records the use of a session at most once a minute, and that its new secret arrived, without waiting.
func (s *Service) usedBrowser(row *ledger.BrowserSessionRow, shown [32]byte, now time.Time) {
	arrived := shown == row.Hash && row.ConfirmedAt.IsZero()
	if now.Sub(row.LastUsed) < useEvery && !arrived {
		return
	}
	key := row.ID
	if arrived {
		key += " " + string(shown[:8])
	}
	if s.tried(key) {
		return
	}
	id := row.ID
	s.o.Ledger.Submit(ledger.CommandFunc(func(tx *ledger.Tx) error {
		r := tx.BrowserSession(id)
		if r == nil {
			return nil
		}
		next := *r
		next.LastUsed = tx.Now()
		if shown == r.Hash && r.ConfirmedAt.IsZero() {
			next.ConfirmedAt = tx.Now()
		}
		tx.PutBrowserSession(next)
		return nil
	}), func(err error) {
		if err != nil {
			s.o.Log.Warn("the use of a session could not be recorded", "session", id, "error", err)
		}
	})
}

// connected says whether a session has a realtime connection.
func connected(a *ledger.Agent, session string) bool {
	return a != nil && slices.ContainsFunc(a.Sockets, func(k ledger.Socket) bool { return k.Session == session })
}

// SignIn is the command that begins a session at a browser, after the password was found right.
type SignIn struct {
	Account           string
	PasswordHash      string // that was right: another one by now refuses
	Secret            [32]byte
	Remote, UserAgent string
	Idle, Length      time.Duration
	Replaces          string // session that this browser had, or none
	Failed            int    // wrong passwords before
	Asked

	Session ledger.BrowserSessionRow // result
}

// Apply implements ledger.Command.
func (c *SignIn) Apply(tx *ledger.Tx) error {
	if row, ok := tx.Login(c.Account); !ok || row.PasswordHash != c.PasswordHash {
		return errWrongPassword
	}
	if cell := reception.MaySignIn(tx.Policy(), c.Account, tx.Now()); cell.Outcome != reception.Pass {
		return mayNotSignIn(cell)
	}
	id := "s" + strconv.FormatInt(tx.Next(), 10)
	now := tx.Now()
	c.Session = ledger.BrowserSessionRow{
		ID: id, Account: c.Account, Hash: c.Secret, Since: now, RotatedAt: now, LastUsed: now, Idle: int64(c.Idle / time.Second), EndsAt: now.Add(c.Length),
		Remote: c.Remote, UserAgent: c.UserAgent,
	}
	tx.BeginSession(c.Account, ledger.Session{ID: id}, c.Account, "sign_in")
	tx.PutBrowserSession(c.Session)
	tx.At(c.Session.Runs(), deadlineBrowser, id)
	details := map[string]string{"session": id, "remote": c.Remote}
	if c.Failed > 0 {
		details["wrong_passwords_before"] = strconv.Itoa(c.Failed)
	}
	tx.Audit(c.audit("session.begin", c.Account, details))
	if old := tx.BrowserSession(c.Replaces); old != nil {
		tx.EndSession(old.Account, old.ID, reception.Origin{By: c.Account, Source: "sign_in", Cause: reception.SessionEndSignOut})
	}
	c.makeRoom(tx)
	return nil
}

// makeRoom ends those sessions at browsers that were not used for longest, where the account has too many.
func (c *SignIn) makeRoom(tx *ledger.Tx) {
	mine := slices.DeleteFunc(tx.BrowserSessions(), func(r ledger.BrowserSessionRow) bool { return r.Account != c.Account || r.ID == c.Session.ID })
	slices.SortFunc(mine, func(a, b ledger.BrowserSessionRow) int {
		return cmp.Or(a.LastUsed.Compare(b.LastUsed), a.Since.Compare(b.Since), cmp.Compare(a.ID, b.ID))
	})
	for len(mine) >= maxBrowsers {
		tx.EndSession(c.Account, mine[0].ID, reception.Origin{By: c.Account, Source: "sign_in", Cause: reception.SessionEndSignOut})
		mine = mine[1:]
	}
}

// Credentials are what somebody signs in with, and from where.
type Credentials struct {
	Account, Password string
	Remote, UserAgent string
	Request           string // id
}

// SignIn begins a session at a browser. Whatever is wrong with name or password, the answer and its time are the same; an account that may not sign in is
// told so only when the password is right. r is the browser's request: a session that it shows ends.
func (s *Service) SignIn(ctx context.Context, r *http.Request, c Credentials) (SignedIn, ledger.BrowserSessionRow, error) {
	if !SameOrigin(r) { // else a page could sign its visitor in as somebody else
		return SignedIn{}, ledger.BrowserSessionRow{}, ErrCrossOrigin
	}
	account := strings.ToLower(strings.TrimSpace(c.Account))
	hash, failed, err := s.check(ctx, account, c.Password, c.Remote)
	if err != nil {
		return SignedIn{}, ledger.BrowserSessionRow{}, err
	}
	secret := newSecret()
	kept, _ := hashSecret(secret)
	cmd := &SignIn{
		Account: account, PasswordHash: hash, Secret: kept, Remote: c.Remote, UserAgent: agent(c.UserAgent), Idle: s.o.Idle, Length: s.o.Length, Failed: failed,
		Asked: Asked{By: account, Source: "api", Request: c.Request},
	}
	if _, id, err := s.AuthenticateSession(secretOf(r)); err == nil {
		cmd.Replaces = id
	}
	if err := s.do(ctx, cmd); err != nil {
		if problem.KindOf(err) == problem.Forbidden {
			s.trace(account, c.Remote, problem.As(err).Code)
		}
		return SignedIn{}, ledger.BrowserSessionRow{}, err
	}
	return SignedIn{Account: account, Session: cmd.Session.ID, Secret: secret, Left: cmd.Session.EndsAt.Sub(s.o.Now())}, cmd.Session, nil
}

// agent cuts what a browser says of itself to what is kept.
func agent(said string) string {
	var b strings.Builder
	for _, c := range strings.ToValidUTF8(said, "") {
		if unicode.IsControl(c) || b.Len()+utf8.RuneLen(c) > maxAgent {
			continue
		}
		b.WriteRune(c)
	}
	return b.String()
}

// SignOut ends the session at a browser.
func (s *Service) SignOut(ctx context.Context, account, session string, by Asked) error {
	_, err := s.EndSessions(ctx, account, session, by)
	return err
}

// deadlineBrowser is the kind of the deadline at which a session at a browser (key: its id) may end for want of use, or of time.
const deadlineBrowser = "browser_session"

// browserDeadline ends a session that was not used for too long, or has lasted as long as it may; an open connection is use.
func browserDeadline(tx *ledger.Tx, id string) error {
	row := tx.BrowserSession(id)
	if row == nil {
		return nil
	}
	if tx.Now().Before(row.EndsAt) && connected(tx.AgentState(row.Account), id) {
		tx.UseBrowserSession(id)
		row = tx.BrowserSession(id)
	}
	if runs := row.Runs(); tx.Now().Before(runs) {
		tx.At(runs, deadlineBrowser, id)
		return nil
	}
	tx.EndSession(row.Account, id, reception.Origin{By: "system", Source: "timer", Cause: reception.SessionEndExpired})
	return nil
}
