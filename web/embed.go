//go:build !no_ui

package web

import (
	"embed"
	"io/fs"
)

// Each directory is kept in the repository by an empty .gitkeep, so that Go builds where Node has never run.
//
//go:embed all:console/dist all:widget/dist
var dist embed.FS

func part(name string) fs.FS {
	files, err := fs.Sub(dist, name+"/dist")
	if err != nil {
		panic(err) // the directory is compiled in
	}
	return files
}

// Console is the built console: index.html, what it loads, and the Vite manifest.
func Console() fs.FS { return part("console") }

// Widget is the built widget: widget.js.
func Widget() fs.FS { return part("widget") }
