// Command genopenapi writes the OpenAPI document that the route table describes. It is run by go generate.
package main

import (
	"log"
	"os"

	"github.com/bidahq/bida/internal/httpapi"
)

func main() {
	doc, err := httpapi.OpenAPI()
	if err == nil {
		err = os.WriteFile(os.Args[1], doc, 0o644)
	}
	if err != nil {
		log.Fatal(err)
	}
}
