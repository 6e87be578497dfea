// Package client talks to a Bida server: Listen receives an agent's messages over the session protocol of docs/realtime-protocol.md, the other methods
// are the HTTP API.
//
// Listen promises that its OnEvent sees every entry of the agent's stream after the cursor once and in order, across lost connections and restarts of the
// server, and that an entry is acknowledged only after OnEvent has returned nil for it. Session is the same protocol as a state machine without sockets,
// goroutines or a clock, for programs that bring their own. A Client may be used from many goroutines; Listen returns when its context ends and leaves
// nothing running.
package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Client is a server and the token to use there.
type Client struct {
	base  *url.URL
	token string
	http  *http.Client
	dial  Dialer
}

// Dialer makes the connections of Listen.
type Dialer func(ctx context.Context, network, address string) (net.Conn, error)

// Option changes a Client that New makes.
type Option func(*Client)

// WithHTTPClient sets what calls the HTTP API.
func WithHTTPClient(c *http.Client) Option { return func(to *Client) { to.http = c } }

// WithDialer sets what connects to the server for Listen, for example through a proxy.
func WithDialer(d Dialer) Option { return func(to *Client) { to.dial = d } }

// New makes a Client of the server at an http or https URL, for example http://127.0.0.1:8420.
func New(server, token string, options ...Option) (*Client, error) {
	base, err := url.Parse(strings.TrimSuffix(server, "/"))
	switch {
	case err != nil:
		return nil, fmt.Errorf("the server's address: %w", err)
	case base.Scheme != "http" && base.Scheme != "https" || base.Host == "":
		return nil, errors.New("the server's address begins with http:// or https:// and names a host")
	}
	c := &Client{base: base, token: token, http: &http.Client{Timeout: 30 * time.Second}, dial: (&net.Dialer{Timeout: dialTime}).DialContext}
	for _, option := range options {
		option(c)
	}
	return c, nil
}
