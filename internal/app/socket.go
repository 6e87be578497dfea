package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/bidahq/bida/internal/problem"
)

// SocketName is the file in the data directory through which the commands of its owner reach the running server. Who can open it may make accounts,
// so only its owner can.
const SocketName = "admin.sock"

const (
	longestSocketPath = 100 // what every system takes; Linux takes 107
	longestRequest    = 64 << 10
)

// refusal is how a *problem.Error travels over the socket.
type refusal struct {
	Kind  problem.Kind    `json:"kind"`
	Code  string          `json:"code"`
	En    string          `json:"en"`
	Zh    string          `json:"zh"`
	Field string          `json:"field,omitempty"`
	More  []problem.Field `json:"fields,omitempty"`
}

type created struct {
	Token string `json:"token,omitempty"`
}

// listenAdmin makes the socket: in a directory of its own that nobody else may enter, until its mode is right, and then in place of what a server that
// was killed has left.
func listenAdmin(directory string) (*net.UnixListener, error) {
	private, err := os.MkdirTemp(directory, ".admin-")
	if err != nil {
		return nil, fmt.Errorf("admin socket: %w", err)
	}
	defer os.RemoveAll(private)
	path := filepath.Join(private, SocketName)
	reach, release, err := reachable(path)
	if err != nil {
		return nil, err
	}
	defer release()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: reach, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("admin socket: %w", err)
	}
	l.SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(path, 0o600), os.Rename(path, filepath.Join(directory, SocketName))); err != nil {
		return nil, errors.Join(fmt.Errorf("admin socket: %w", err), l.Close())
	}
	return l, nil
}

// reachable gives a path that is short enough to be the address of a socket. release ends its validity.
func reachable(path string) (short string, release func(), err error) {
	if len(path) <= longestSocketPath {
		return path, func() {}, nil
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return "", nil, fmt.Errorf("admin socket: %w", err)
	}
	short = "/proc/self/fd/" + strconv.Itoa(int(d.Fd()))
	if _, err := os.Stat(short); err != nil {
		_ = d.Close() // nothing was read
		return "", nil, fmt.Errorf("admin socket: the path of the data directory is too long: %s", path)
	}
	return filepath.Join(short, filepath.Base(path)), func() { _ = d.Close() }, nil
}

// adminHandler serves the socket.
func adminHandler(b *base, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /accounts", adminRoute(log, func(ctx context.Context, a NewAccount) (created, error) {
		return created{}, b.createAccount(ctx, a)
	}))
	mux.HandleFunc("POST /tokens", adminRoute(log, func(ctx context.Context, t NewToken) (created, error) {
		token, err := b.createToken(ctx, t)
		return created{Token: token}, err
	}))
	return mux
}

func adminRoute[In, Out any](log *slog.Logger, f func(context.Context, In) (Out, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in In
		d := json.NewDecoder(http.MaxBytesReader(w, r.Body, longestRequest))
		d.DisallowUnknownFields()
		if err := d.Decode(&in); err != nil {
			refuseAdmin(w, log, problem.New(problem.Malformed, "admin.malformed", "The request cannot be read; is this program as old as the server?", "无法读取请求：命令与服务的版本可能不同。"))
			return
		}
		out, err := f(r.Context(), in)
		if err != nil {
			refuseAdmin(w, log, err)
			return
		}
		w.WriteHeader(http.StatusOK)
		_ = json.NewEncoder(w).Encode(out) // who asked is gone
	}
}

func refuseAdmin(w http.ResponseWriter, log *slog.Logger, err error) {
	p := problem.As(err)
	if p == nil || p.Kind == problem.Internal {
		log.Error("a request over the admin socket failed", "error", err)
		p = problem.New(problem.Internal, "system.internal", "This could not be carried out; the server's log says why.", "未能执行，原因见服务日志。")
	}
	w.WriteHeader(http.StatusUnprocessableEntity)
	_ = json.NewEncoder(w).Encode(refusal{p.Kind, p.Code, p.En, p.Zh, p.Field, p.Fields}) // who asked is gone
}

// remote is an Admin that asks the running server.
type remote struct{ http *http.Client }

// dialAdmin reaches the server that runs on a data directory; fs.ErrNotExist and ECONNREFUSED say that there is none.
func dialAdmin(ctx context.Context, directory string) (Admin, error) {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		path, release, err := reachable(filepath.Join(directory, SocketName))
		if err != nil {
			return nil, err
		}
		defer release()
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}
	probe, err := dial(context.WithoutCancel(ctx), "", "") // it does not wait for anything
	if err != nil {
		return nil, fmt.Errorf("admin socket: %w", err)
	}
	_ = probe.Close() // nothing was said
	return &remote{&http.Client{Transport: &http.Transport{DialContext: dial}, Timeout: 30 * time.Second}}, nil
}

// CreateAccount implements Admin.
func (r *remote) CreateAccount(ctx context.Context, a NewAccount) error {
	_, err := r.ask(ctx, "/accounts", a)
	return err
}

// CreateToken implements Admin.
func (r *remote) CreateToken(ctx context.Context, t NewToken) (string, error) {
	c, err := r.ask(ctx, "/tokens", t)
	return c.Token, err
}

// Close implements Admin.
func (r *remote) Close() error {
	r.http.CloseIdleConnections()
	return nil
}

func (r *remote) ask(ctx context.Context, path string, in any) (out created, err error) {
	body, err := json.Marshal(in)
	if err != nil {
		return out, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://admin"+path, bytes.NewReader(body))
	if err != nil {
		return out, err
	}
	response, err := r.http.Do(request)
	if err != nil {
		return out, fmt.Errorf("the running server: %w", err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, longestRequest))
	if err != nil {
		return out, fmt.Errorf("the running server: %w", err)
	}
	if response.StatusCode == http.StatusOK {
		return out, json.Unmarshal(answer, &out)
	}
	var no refusal
	if err := json.Unmarshal(answer, &no); err != nil {
		return out, fmt.Errorf("the running server answers %s", response.Status)
	}
	p := problem.New(no.Kind, no.Code, no.En, no.Zh)
	p.Field, p.Fields = no.Field, no.More
	return out, p
}

// removeSocket takes the socket's file away; that it is gone already is no fault.
func removeSocket(directory string) error {
	if err := os.Remove(filepath.Join(directory, SocketName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
