package gateway

import (
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/bidahq/bida/internal/problem"
)

// Close codes of the session protocol. A client does not come back by itself after 4401, 4403, 4409 and 4410.
const (
	CloseGoingAway       = 1001 // the server stops
	CloseMalformed       = 4400 // a frame that the protocol does not know
	CloseUnauthenticated = 4401 // no token, or one that is not valid
	CloseForbidden       = 4403 // the account may not connect
	CloseTimeout         = 4408 // no hello in time, nothing heard, nothing read
	CloseSessionEnded    = 4409 // signed out, or ended by somebody
	CloseTokenRevoked    = 4410
	CloseTooLarge        = 4413
	CloseTooMany         = 4429
	CloseInternal        = 4500 // Bida's fault, or Bida cannot at the moment
)

// codeTokenRevoked ends the problem code of a token that was valid once; the client is told so.
const codeTokenRevoked = "token_revoked"

// longestReason is what fits into a close frame beside the code.
const longestReason = 123

// Refuse says how a refusal reaches a client: the close code for an opening session, the HTTP status for the upgrade, and the words.
func Refuse(err error, lang string) (code, status int, words string) {
	p := problem.As(err)
	if p == nil {
		return CloseInternal, http.StatusInternalServerError, "internal error"
	}
	words = p.Words(lang)
	switch p.Kind {
	case problem.Unauthenticated:
		if strings.HasSuffix(p.Code, codeTokenRevoked) {
			return CloseTokenRevoked, http.StatusUnauthorized, words
		}
		return CloseUnauthenticated, http.StatusUnauthorized, words
	case problem.Forbidden, problem.NotFound:
		return CloseForbidden, http.StatusForbidden, words
	case problem.Limited:
		return CloseTooMany, http.StatusTooManyRequests, words
	case problem.Malformed, problem.Invalid, problem.Required, problem.Conflict, problem.Stale, problem.Rejected, problem.Unsupported:
		return CloseMalformed, http.StatusBadRequest, words
	case problem.TooLarge:
		return CloseTooLarge, http.StatusRequestEntityTooLarge, words
	case problem.Unavailable:
		return CloseInternal, http.StatusServiceUnavailable, words
	default:
		return CloseInternal, http.StatusInternalServerError, "internal error"
	}
}

// errorFrame is the answer to a frame whose wish was refused; the connection stays.
func errorFrame(err error, lang, ref string) serverFrame {
	f := serverFrame{Type: typeError, Code: "internal", Title: "internal error", Ref: ref}
	if p := problem.As(err); p != nil && p.Kind != problem.Internal {
		f.Code, f.Title, f.Detail = p.Code, p.Words(lang), p.Field
	}
	return f
}

// clip shortens a reason to what a close frame can carry, at a character's boundary.
func clip(reason string) string {
	if len(reason) <= longestReason {
		return reason
	}
	cut := longestReason
	for cut > 0 && !utf8.RuneStart(reason[cut]) {
		cut--
	}
	return reason[:cut]
}
