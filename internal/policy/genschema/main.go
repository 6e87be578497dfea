// Command genschema writes the JSON Schema of policy documents. It is run by go generate.
package main

import (
	"log"
	"os"

	"github.com/bidahq/bida/internal/policy"
)

func main() {
	schema, err := policy.Schema()
	if err == nil {
		err = os.WriteFile(os.Args[1], schema, 0o644)
	}
	if err != nil {
		log.Fatal(err)
	}
}
