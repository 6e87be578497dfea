package identity

import (
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/bidahq/bida/internal/problem"
)

// Cookie is the name of the cookie that carries the secret of a session at a browser.
const Cookie = "bida_session"

// ErrCrossOrigin refuses what another site's page made a browser ask for, with the browser's cookie.
var ErrCrossOrigin = problem.New(problem.Forbidden, "request.cross_origin",
	"This request was made by a page of another site, so that the browser's sign-in does not count for it. If it came from Bida's own page, the proxy in front must pass the Host header on unchanged.",
	"该请求来自其他网站的页面，浏览器里的登录对它无效。如果它确实来自 Bida 自己的页面，请让前面的代理原样转发 Host 请求头。")

// SameOrigin says whether a request was made by a page of this server, or by no page at all. A browser says so itself (Sec-Fetch-Site), but only where
// it trusts the connection: over plain HTTP to an address it sends just Origin, which is compared with Host. Whoever sends neither is no browser of
// today, and has no cookie that another site could abuse. The same holds for WebSocket upgrades, on which browsers always send Origin.
func SameOrigin(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "same-origin", "none":
		return true
	case "":
	default:
		return false
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	o, err := url.Parse(origin)
	if err != nil || o.Host == "" || o.Scheme != "https" && o.Scheme != "http" { // "null" among them
		return false
	}
	if overTLS(r) && o.Scheme != "https" { // the same name over plain HTTP is whoever sits on the line
		return false
	}
	return strings.EqualFold(withPort(o.Host, o.Scheme), withPort(r.Host, o.Scheme))
}

// withPort adds the scheme's port where a host has none: some proxies write it out, browsers leave it away.
func withPort(host, scheme string) string {
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	port := map[string]string{"https": "443", "http": "80"}[scheme]
	return net.JoinHostPort(strings.Trim(host, "[]"), port)
}

// overTLS says whether the browser reached the server, or the proxy in front of it, over TLS. Whoever invents the header makes only its own cookie stricter.
func overTLS(r *http.Request) bool {
	return r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

// secretOf is the secret in a request's cookie; "" if it shows none.
func secretOf(r *http.Request) string {
	c, err := r.Cookie(Cookie)
	if err != nil {
		return ""
	}
	return c.Value
}

// HasSession says whether a request shows a session's cookie, whatever it is worth.
func HasSession(r *http.Request) bool { return secretOf(r) != "" }

// SetCookie gives the browser the secret of a session.
func SetCookie(r *http.Request, s SignedIn) *http.Cookie {
	return &http.Cookie{
		Name: Cookie, Value: s.Secret, Path: "/", MaxAge: max(1, int(s.Left.Seconds())),
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: overTLS(r),
	}
}

// ClearCookie takes it away from the browser.
func ClearCookie(r *http.Request) *http.Cookie {
	return &http.Cookie{Name: Cookie, Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: overTLS(r)}
}
