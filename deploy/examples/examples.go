// Package examples holds the example company, for programs that bring it with them: the demo, and tests.
package examples

import _ "embed"

// Company is company.yaml: the policy documents of an online shop with twelve agents.
//
//go:embed company.yaml
var Company []byte
