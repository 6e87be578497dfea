package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/bidahq/bida/client"
	"github.com/bidahq/bida/internal/problem"
)

// Program is what a run of the program is given.
type Program struct {
	Version string
	Args    []string // without the program's name
	Env     []string // as os.Environ gives it
	In      io.Reader
	Out     io.Writer
	Err     io.Writer
}

// The exit statuses.
const (
	statusOK      = 0
	statusNo      = 1 // another answer, a difference, a refusal, a loss
	statusTrouble = 2 // wrong usage, an unknown name, no server
)

// grammar is the whole command line.
type grammar struct {
	Lang string `help:"Language of the answers: zh or en. Taken from LANG if not given." placeholder:"LANG"`

	Serve   serve   `cmd:"" help:"Run the server."`
	Account account `cmd:"" help:"Make accounts, whether a server runs or not."`
	Token   token   `cmd:"" help:"Make tokens, whether a server runs or not."`
	Listen  listen  `cmd:"" help:"Receive an agent's messages in this terminal: the agent that the token belongs to."`

	Diagnose  diagnose  `cmd:"" help:"Say why an agent does, or does not, receive messages."`
	Explain   explain   `cmd:"" help:"The same from a snapshot, without a server."`
	Checklist checkList `cmd:"" help:"Ask what a support manager asks, for any platform, and say what the answers come to. Needs no server."`
	Snapshot  snapshots `cmd:"" help:"Export what explains a server into one file, without texts and secrets."`
	Trace     trace     `cmd:"" help:"Show the way of one message, stage by stage."`
	Post      post      `cmd:"" help:"Send a message in as a customer would."`
	Policy    policies  `cmd:"" help:"Export, check, compare and apply the reception policy."`
	Bench     benchmark `cmd:"" help:"Measure a server under load, and look for lost messages."`
	Reasons   reasons   `cmd:"" help:"List the reason codes, or explain one."`
	Config    configs   `cmd:"" help:"Check or print the server's configuration."`

	Version version `cmd:"" help:"Print the version."`
}

// session is what a command runs with.
type session struct {
	Program
	ctx  context.Context
	lang string // "zh" or "en"
	zone *time.Location
}

// Run carries out one command line and returns the exit status. An interrupt ends ctx.
func Run(ctx context.Context, p Program) int {
	var g grammar
	s := &session{Program: p, ctx: ctx, lang: "en", zone: time.Local}
	done := false
	parser, err := kong.New(&g,
		kong.Name("bida"),
		kong.Description("Bida 必达: customer-service reception that can say why a message did, or did not, reach an agent."),
		kong.Writers(p.Out, p.Err),
		kong.Exit(func(int) { done = true; panic(finished{}) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}),
	)
	if err != nil {
		fmt.Fprintf(p.Err, "bida: %v\n", err)
		return statusTrouble
	}
	command, err := parse(parser, p.Args)
	if done { // help was asked for
		return statusOK
	}
	if err != nil {
		fmt.Fprintf(p.Err, "bida: %s (bida --help shows how it is used)\n", oneLine(err.Error()))
		return statusTrouble
	}
	if s.lang, err = language(g.Lang, s.variable); err != nil {
		return s.fail(err)
	}
	if name := s.variable("BIDA_ZONE"); name != "" && name != "local" {
		if s.zone, err = time.LoadLocation(name); err != nil {
			return s.fail(usage("BIDA_ZONE: %q is not a time zone", name))
		}
	}
	return s.fail(command.Run(s))
}

// finished unwinds the parser once it has printed the help: it would go on parsing otherwise.
type finished struct{}

func parse(parser *kong.Kong, args []string) (command *kong.Context, err error) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(finished); !ok {
				panic(r)
			}
		}
	}()
	return parser.Parse(args)
}

// language chooses the language of the answers, as the variables of the system's locale do.
func language(given string, variable func(string) string) (string, error) {
	switch given {
	case "zh", "en":
		return given, nil
	case "":
	default:
		return "en", usage("--lang: want zh or en, got %q", given)
	}
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := variable(name); v != "" {
			if strings.HasPrefix(v, "zh") {
				return "zh", nil
			}
			return "en", nil
		}
	}
	return "en", nil
}

// variable is the value of an environment variable, "" if it is not set.
func (p *Program) variable(name string) string {
	value := ""
	for _, entry := range p.Env {
		if rest, ok := strings.CutPrefix(entry, name+"="); ok {
			value = rest
		}
	}
	return value
}

// statusError is an error with the exit status it leads to. Without an error inside, everything was said already.
type statusError struct {
	status int
	err    error
}

func (e *statusError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *statusError) Unwrap() error { return e.err }

// answered ends a command whose answer is on standard output.
func answered(status int) error {
	if status == statusOK {
		return nil
	}
	return &statusError{status: status}
}

// usage is an error of whoever typed the command.
func usage(format string, args ...any) error {
	return &statusError{statusTrouble, fmt.Errorf(format, args...)}
}

// refused is a no of the server.
func refused(err error) error { return &statusError{statusNo, err} }

// fail says an error in one line and returns the exit status.
func (s *session) fail(err error) int {
	if err == nil {
		return statusOK
	}
	status := statusOf(err)
	var e *statusError
	if errors.As(err, &e) && e.err == nil {
		return status
	}
	fmt.Fprintf(s.Err, "bida: %s\n", oneLine(s.words(err)))
	return status
}

// statusOf is the exit status that an error leads to: 1 for a no to something that was asked rightly, 2 for all else.
func statusOf(err error) int {
	var e *statusError
	switch {
	case errors.As(err, &e):
		return e.status
	case client.AsRefused(err) != nil:
		switch client.AsRefused(err).Status {
		case http.StatusConflict, http.StatusPreconditionFailed, http.StatusUnprocessableEntity, http.StatusTooManyRequests:
			return statusNo
		}
	case problem.As(err) != nil:
		switch problem.KindOf(err) {
		case problem.Conflict, problem.Stale, problem.Rejected, problem.Limited:
			return statusNo
		}
	}
	return statusTrouble
}

// pick chooses between the languages.
func (s *session) pick(zh, en string) string {
	if s.lang == "zh" {
		return zh
	}
	return en
}

// print writes to standard output.
func (s *session) print(format string, args ...any) {
	fmt.Fprintf(s.Out, format, args...)
}

// note writes to standard error.
func (s *session) note(format string, args ...any) {
	fmt.Fprintf(s.Err, format+"\n", args...)
}

// document writes one JSON document to standard output.
func (s *session) document(v any) error {
	e := json.NewEncoder(s.Out)
	e.SetEscapeHTML(false) // people read it
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// oneLine makes one line of an error.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
}

// version prints the version.
type version struct {
	JSON bool `help:"As JSON."`
}

// Run implements the command.
func (v *version) Run(s *session) error {
	if v.JSON {
		return s.document(map[string]string{"version": s.Version})
	}
	s.print("bida %s\n", s.Version)
	return nil
}
