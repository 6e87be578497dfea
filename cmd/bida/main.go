// Command bida is the whole of Bida in one program: the server, the tools of those who run it, and a terminal for agents.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
	_ "time/tzdata" // zones are known on machines that have none

	"github.com/bidahq/bida/internal/cli"
)

// together is the time within which signals count as one: timeout(1), for one, sends its signal to the program and then to the program's group.
const together = 500 * time.Millisecond

// version is set when the program is built.
var version = "dev"

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, func() { time.AfterFunc(together, stop) }) // a second signal ends the program at once
	return cli.Run(ctx, cli.Program{
		Version: version, Args: os.Args[1:], Env: os.Environ(), In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
	})
}
