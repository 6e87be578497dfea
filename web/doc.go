// Package web carries what browsers are served: the console and the widget, as `make build` made them. A program that was built without them, or with the
// tag no_ui, has empty file systems, and says so where a page would be.
package web
