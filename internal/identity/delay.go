package identity

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/limit"
	"github.com/bidahq/bida/internal/problem"
)

// Wrong passwords for an account from an address: the first ones cost nothing, each further one doubles the time in which nothing more is checked. Other
// addresses do not notice, so that nobody can keep somebody else out.
const (
	freeAttempts = 3
	firstDelay   = time.Second
	maxDelay     = 15 * time.Minute
	forgetAfter  = time.Hour // after the end of the delay
	maxAttempts  = 10_000    // pairs of account and address that are remembered
	// maxChecking bounds the passwords from one address that are checked or wait at the same time, so that no address takes all the places.
	maxChecking = 8
)

var errDelayed = problem.New(problem.Limited, "identity.sign_in_delayed",
	"Too many wrong passwords for this account from here. Nothing is checked until the time is over; then the right password works.",
	"此处对该账号输错密码的次数过多，暂停验证；等待结束后输入正确的密码即可登录。")

// attemptKey is the hash of account and address: names that somebody makes up take no more room than others.
type attemptKey [16]byte

type attempt struct {
	wrong int
	until time.Time // nothing is checked before
}

// keyOf joins an account and an address. Of IPv6 the network counts: one machine has as many addresses in it as it likes.
func keyOf(account, remote string) attemptKey {
	sum := sha256.Sum256([]byte(account + "\x00" + limit.Network(remote)))
	return attemptKey(sum[:16])
}

// check verifies a password unless that has to wait, and returns its hash and how many wrong ones there were before.
func (s *Service) check(ctx context.Context, account, password, remote string) (hash string, wrong int, err error) {
	key, from := keyOf(account, remote), limit.Network(remote)
	if wrong, err = s.attempt(key, from); err != nil {
		s.trace(account, remote, problem.As(err).Code)
		return "", 0, err
	}
	hash, err = s.verify(ctx, account, password)
	failed := errors.Is(err, errWrongPassword)
	s.attempted(key, from, err == nil, failed)
	if failed {
		s.trace(account, remote, errWrongPassword.Code)
	}
	return hash, wrong, err
}

// attempt counts an attempt as wrong until it is known better, so that those at the same time count too. It says how many there were before.
func (s *Service) attempt(key attemptKey, from string) (wrong int, err error) {
	now := s.o.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.attempts[key]
	if a != nil && now.After(a.until.Add(forgetAfter)) {
		a = nil
	}
	if a != nil && now.Before(a.until) {
		return 0, errDelayed.After(a.until.Sub(now))
	}
	if s.checking[from] >= maxChecking {
		return 0, errTooManyHashes
	}
	s.checking[from]++
	if a == nil {
		s.forget(now)
		a = &attempt{}
		s.attempts[key] = a
	}
	wrong = a.wrong
	a.wrong++
	a.until = now.Add(delayAfter(a.wrong))
	return wrong, nil
}

// attempted says what became of an attempt; one that was neither right nor wrong was none.
func (s *Service) attempted(key attemptKey, from string, right, wrong bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.checking[from]--; s.checking[from] <= 0 {
		delete(s.checking, from)
	}
	a := s.attempts[key]
	switch {
	case a == nil || wrong:
	case right || a.wrong <= 1:
		delete(s.attempts, key)
	default:
		a.wrong--
		a.until = time.Time{}
	}
}

// delayAfter is how long nothing is checked after so many wrong passwords.
func delayAfter(wrong int) time.Duration {
	if wrong < freeAttempts {
		return 0
	}
	return min(maxDelay, firstDelay<<min(wrong-freeAttempts, 20))
}

// forget makes room for one more: what is over goes first, then those whose delay ends first, which are those with few attempts.
func (s *Service) forget(now time.Time) {
	if len(s.attempts) < maxAttempts {
		return
	}
	type old struct {
		key   attemptKey
		until time.Time
	}
	var list []old
	for k, a := range s.attempts {
		if now.After(a.until.Add(forgetAfter)) {
			delete(s.attempts, k)
			continue
		}
		list = append(list, old{k, a.until})
	}
	if len(list) < maxAttempts {
		return
	}
	slices.SortFunc(list, func(a, b old) int { return cmp.Or(a.until.Compare(b.until), slices.Compare(a.key[:], b.key[:])) })
	for _, o := range list[:maxAttempts/4] {
		delete(s.attempts, o.key)
	}
}

// failure counts the failed sign-ins to an account within an hour.
type failure struct {
	since time.Time
	count int
}

const failureWindow = time.Hour

// trace has the audit log tell of failed sign-ins: the first of an hour, then at every doubling. So an attack is seen when it begins and how large it gets,
// and writes some twenty entries an hour for an account, not a million. Names that there are not are told of together, and not by what was typed: people
// type passwords where names belong.
func (s *Service) trace(account, remote, code string) {
	if _, ok := s.o.Ledger.Policy().Account(account); !ok {
		account = ""
	}
	now := s.o.Now()
	s.mu.Lock()
	f := s.failures[account]
	if f == nil || now.Sub(f.since) >= failureWindow {
		f = &failure{since: now}
		s.failures[account] = f
	}
	f.count++
	count := f.count
	s.mu.Unlock()
	if count&(count-1) != 0 {
		return
	}
	by := Asked{By: "system", Source: "sign_in"}
	object := account
	if object == "" {
		object = "?" // no account is called that
	}
	row := by.audit(ledger.ActionSignInFailed, object, map[string]string{"code": code, "remote": remote, "within_an_hour": strconv.Itoa(count)})
	s.o.Ledger.Submit(ledger.CommandFunc(func(tx *ledger.Tx) error { tx.Audit(row); return nil }), func(err error) {
		if err != nil {
			s.o.Log.Warn("a failed sign-in could not be recorded", "error", err)
		}
	})
}
