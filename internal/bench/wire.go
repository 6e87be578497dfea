package bench

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const (
	dialTime      = 5 * time.Second
	answerTime    = 30 * time.Second
	longestAnswer = 8 << 20
)

// endpoint is where requests go.
type endpoint struct {
	address string
	tls     *tls.Config
	head    string // of every request, up to its path
	rest    string // of its headers, up to the length of the body
}

func newEndpoint(server, token string) (*endpoint, error) {
	u, err := url.Parse(server)
	if err != nil {
		return nil, err
	}
	e := &endpoint{
		address: u.Host, head: "POST " + u.EscapedPath() + "/api/v1",
		rest: " HTTP/1.1\r\nHost: " + u.Host + "\r\nAuthorization: Bearer " + token + "\r\nContent-Type: application/json\r\nContent-Length: ",
	}
	port := "80"
	if u.Scheme == "https" {
		port, e.tls = "443", &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12}
	}
	if u.Port() == "" {
		e.address = net.JoinHostPort(u.Hostname(), port)
	}
	return e, nil
}

// wire is a connection over which one request after the other is made. It is written here because the generator shares the processors with the server: it
// costs a fraction of what http.Client does, which hands each request to two goroutines. One goroutine may use it.
type wire struct {
	to   *endpoint
	conn net.Conn
	stop func() bool
	in   *bufio.Reader
	out  []byte
	body bytes.Buffer
}

var postRequest = &http.Request{Method: http.MethodPost}

// answer is what came back; its body is valid until the next request.
type answer struct {
	status int
	retry  time.Duration // as Retry-After says
	body   []byte
}

// post makes a request. After an error nothing is known about whether the server took it.
func (w *wire) post(ctx context.Context, path string, body []byte) (answer, error) {
	if err := w.open(ctx); err != nil {
		return answer{}, err
	}
	a, keep, err := w.exchange(path, body)
	if err != nil || !keep {
		w.close()
	}
	return a, err
}

func (w *wire) open(ctx context.Context) error {
	if w.conn != nil {
		return nil
	}
	d := net.Dialer{Timeout: dialTime}
	conn, err := d.DialContext(ctx, "tcp", w.to.address)
	if err != nil {
		return err
	}
	w.stop = context.AfterFunc(ctx, func() { _ = conn.Close() }) // ends what is being written or read
	if w.to.tls != nil {
		conn = tls.Client(conn, w.to.tls)
	}
	w.conn, w.in = conn, bufio.NewReaderSize(conn, 16<<10)
	return nil
}

func (w *wire) close() {
	if w.conn != nil {
		w.stop()
		_ = w.conn.Close() // nothing is to be written any more
		w.conn = nil
	}
}

func (w *wire) exchange(path string, body []byte) (a answer, keep bool, err error) {
	if err := w.conn.SetDeadline(time.Now().Add(answerTime)); err != nil {
		return a, false, err
	}
	w.out = append(append(append(w.out[:0], w.to.head...), path...), w.to.rest...)
	w.out = append(strconv.AppendInt(w.out, int64(len(body)), 10), "\r\n\r\n"...)
	w.out = append(w.out, body...)
	if _, err := w.conn.Write(w.out); err != nil {
		return a, false, err
	}
	r, err := http.ReadResponse(w.in, postRequest)
	if err != nil {
		return a, false, err
	}
	w.body.Reset()
	n, err := w.body.ReadFrom(io.LimitReader(r.Body, longestAnswer+1))
	switch {
	case err != nil:
		return a, false, fmt.Errorf("the answer broke off: %w", err)
	case n > longestAnswer:
		return a, false, errors.New("the answer is too long")
	}
	seconds, err := strconv.Atoi(r.Header.Get("Retry-After"))
	if err != nil { // there is none
		seconds = 0
	}
	return answer{r.StatusCode, time.Duration(seconds) * time.Second, w.body.Bytes()}, !r.Close, nil
}
