package httpapi

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// request is what the server knows of a request before it looks at it; it lies in the context for those parts of huma that are given nothing else.
type request struct {
	id    string
	lang  string // "zh" or "en"
	route string
}

type requestKey struct{}

func requestOf(ctx context.Context) *request {
	if r, ok := ctx.Value(requestKey{}).(*request); ok {
		return r
	}
	return &request{lang: "en"}
}

// requestIDHeader carries the request's id, both ways.
const requestIDHeader = "X-Request-Id"

// requestID takes the caller's own id if it is one that can be logged, or makes one.
func requestID(r *http.Request) string {
	id := r.Header.Get(requestIDHeader)
	sane := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("._-", c)
	}
	if id != "" && len(id) <= 64 && strings.IndexFunc(id, func(c rune) bool { return !sane(c) }) < 0 {
		return id
	}
	var b [8]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// language chooses between Chinese and English by Accept-Language; English where neither is asked for.
func language(header string) string {
	type choice struct {
		lang   string
		weight float64
	}
	var choices []choice
	for part := range strings.SplitSeq(header, ",") {
		tag, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		weight := 1.0
		if q, ok := strings.CutPrefix(strings.TrimSpace(params), "q="); ok {
			if f, err := strconv.ParseFloat(q, 64); err == nil {
				weight = f
			}
		}
		primary, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
		if (primary == "zh" || primary == "en") && weight > 0 && len(choices) < 16 {
			choices = append(choices, choice{primary, weight})
		}
	}
	if len(choices) == 0 {
		return "en"
	}
	slices.SortStableFunc(choices, func(a, b choice) int { return cmp.Compare(b.weight, a.weight) })
	return choices[0].lang
}

// caller is who asks: an argument of every handler.
type caller struct {
	account string
	token   string // id, "" if it shows a session's cookie
	session string // id, of the cookie; or none
	lang    string
	request string // id, for the audit log
	http    *http.Request
}

// bearer takes the token out of a request.
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
