package cli

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/bidahq/bida/internal/app"
)

// account makes accounts.
type account struct {
	Create accountCreate `cmd:"" help:"Make an account. It is also how the first administrator is made."`
}

type accountCreate struct {
	placeSettings
	Name          string   `required:"" help:"Name to sign in with." placeholder:"NAME"`
	Title         string   `help:"What people see." placeholder:"TEXT"`
	Role          []string `help:"Role it has, for example admin; may be repeated." placeholder:"ROLE"`
	Agent         bool     `help:"It may receive customers' messages."`
	PasswordStdin bool     `help:"Read the password from the first line of standard input."`
}

// Run implements the command.
func (v *accountCreate) Run(s *session) error {
	a := app.NewAccount{Name: v.Name, Title: v.Title, Roles: v.Role, Agent: v.Agent}
	if v.PasswordStdin {
		password, err := firstLine(s.In)
		if err != nil {
			return err
		}
		a.Password = password
	}
	return s.asAdmin(&v.placeSettings, func(admin app.Admin) error {
		if err := admin.CreateAccount(s.ctx, a); err != nil {
			return err
		}
		s.print(s.pick("账号 %s 已创建。\n", "Account %s is made.\n"), v.Name)
		return nil
	})
}

// longestPassword is more than any password may have.
const longestPassword = 4096

// firstLine reads a password: what stands before the first line break.
func firstLine(in io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(in, longestPassword)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", usage("the password cannot be read from standard input: %v", err)
	}
	line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
	if line == "" {
		return "", usage("standard input has no password: its first line is empty")
	}
	return line, nil
}

// token makes tokens.
type token struct {
	Create tokenCreate `cmd:"" help:"Make a token for an account and print it; it is not shown again."`
}

type tokenCreate struct {
	placeSettings
	Account string        `required:"" help:"Account that the token stands for." placeholder:"NAME"`
	Label   string        `help:"What the token is for." placeholder:"TEXT"`
	Expires time.Duration `help:"How long it is valid, for example 720h; without it, until it is revoked." placeholder:"TIME"`
}

// Run implements the command.
func (v *tokenCreate) Run(s *session) error {
	t := app.NewToken{Account: v.Account, Label: v.Label}
	if v.Expires != 0 {
		t.Expires = time.Now().Add(v.Expires)
	}
	return s.asAdmin(&v.placeSettings, func(admin app.Admin) error {
		text, err := admin.CreateToken(s.ctx, t)
		if err != nil {
			return err
		}
		s.print("%s\n", text)
		return nil
	})
}

// asAdmin runs f with who can make accounts and tokens on the data directory.
func (s *session) asAdmin(place *placeSettings, f func(app.Admin) error) error {
	c, err := s.load(place.given(), place.Config)
	if err != nil {
		return err
	}
	log := s.logger(c)
	if c.From["log_level"] == "default" { // what a server would log is of no interest here
		log = slog.New(slog.NewTextHandler(s.Err, &slog.HandlerOptions{Level: slog.LevelError}))
	}
	admin, err := app.OpenAdmin(s.ctx, c, log)
	if err != nil {
		return err
	}
	if err := f(admin); err != nil {
		return errors.Join(err, admin.Close())
	}
	return admin.Close()
}
