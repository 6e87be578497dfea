// Command bida is the whole of Bida in one program: the server, the tools of those who run it, and a terminal for agents.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // zones are known on machines that have none

	"github.com/bidahq/bida/internal/cli"
)

// version is set when the program is built.
var version = "dev"

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	return cli.Run(ctx, cli.Program{
		Version: version, Args: os.Args[1:], Env: os.Environ(), In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
	})
}
