// Command gencodes writes the Go constants and docs/reasons.md from the reason catalogue. It runs in internal/reception, by go generate; it overwrites
// the two files and nothing else.
package main

import (
	"fmt"
	"os"
)

const (
	cataloguePath = "catalogue.json"
	constantsPath = "codes_gen.go"
	docsPath      = "../../docs/reasons.md"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "gencodes:", err)
		os.Exit(1)
	}
}

func run() error {
	source, err := os.ReadFile(cataloguePath)
	if err != nil {
		return err
	}
	reasons, err := parse(source)
	if err != nil {
		return err
	}
	code, err := constants(reasons)
	if err != nil {
		return err
	}
	if err := os.WriteFile(constantsPath, code, 0o644); err != nil {
		return err
	}
	return os.WriteFile(docsPath, docs(reasons), 0o644)
}
