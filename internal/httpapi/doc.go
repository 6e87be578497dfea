// Package httpapi is Bida over HTTP: the routes of design §10 with the permission of each in one table (routes.go), one table from kinds of refusal to
// statuses (problem.go), one place that decides who may do and see what (rule.go, visibility.go), and the OpenAPI document that is made of the same
// types (api/openapi.yaml). A handler decodes, asks one domain package and encodes; the caller is an argument.
//
// It promises strict JSON (nothing unknown, nothing twice, nothing after the end, valid UTF-8), bounded bodies, an answer in the caller's language that
// names the field, and that nothing internal leaves: causes go to the log under the request's id. New gives an http.Handler; timeouts and sockets are the
// caller's business. It holds no goroutines.
package httpapi

//go:generate go run ./genopenapi ../../api/openapi.yaml
