//go:build no_ui

package web

import (
	"embed"
	"io/fs"
)

var none embed.FS

// Console is empty in a program without pages.
func Console() fs.FS { return none }

// Widget is empty in a program without pages.
func Widget() fs.FS { return none }
