package httpapi

import (
	"time"

	"github.com/bidahq/bida/internal/limit"
	"github.com/bidahq/bida/internal/problem"
)

// Limits bound what an address may ask for without showing who it is. Visitors have limits of their own, in package web.
type Limits struct {
	SignIn     limit.Rate // attempts to sign in, whatever the account
	WrongToken limit.Rate // requests that show no valid token and no session, or none at all
}

// DefaultLimits are what holds where nobody says otherwise: an office may sign in at nine o'clock, and a program whose token was revoked go on for a while.
func DefaultLimits() Limits {
	return Limits{
		SignIn:     limit.Rate{N: 2, Per: time.Second, Burst: 300},
		WrongToken: limit.Rate{N: 10, Per: time.Second, Burst: 100},
	}
}

var (
	errSignIns    = problem.New(problem.Limited, "identity.sign_in_limited", "Too many sign-ins come from your network at the moment; nothing was checked. Try again shortly.", "您所在网络的登录请求过多，本次未验证，请稍后再试。")
	errWrongToken = problem.New(problem.Limited, "identity.token_limited", "Too many requests without a valid token come from your network; this one had none either.", "您所在网络的无效令牌请求过多，本次请求同样没有有效令牌。")
)

// guard counts what addresses ask for without showing who they are.
type guard struct{ signIns, wrongTokens *limit.Limiter }

func newGuard(l Limits) guard {
	return guard{limit.NewLimiter(l.SignIn), limit.NewLimiter(l.WrongToken)}
}

// signIn counts an attempt to sign in.
func (g *guard) signIn(address string, now time.Time) error {
	if wait := g.signIns.Take(limit.Network(address), now); wait > 0 {
		return errSignIns.After(wait)
	}
	return nil
}

// wrongToken counts a request of somebody who is not known, and says what it is refused with. Who is known is never kept out: a token cannot be guessed, and
// others may share the address. What is saved is the work of telling a million times that a token is none.
func (g *guard) wrongToken(address string, now time.Time, err error) error {
	if problem.KindOf(err) != problem.Unauthenticated || err == nil {
		return err
	}
	if wait := g.wrongTokens.Take(limit.Network(address), now); wait > 0 {
		return errWrongToken.After(wait)
	}
	return err
}
