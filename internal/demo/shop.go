package demo

import (
	"embed"
	"io/fs"
	"net/http"
)

//go:embed shop
var shopFiles embed.FS

// ShopPath is where the web shop lies on the server.
const ShopPath = "/demo/"

// Shop serves the demo company's web shop: a page such as a customer of Bida would have, with the chat widget in it, and beside it sample customers who
// write through the visitors' API, from the browser, as real ones do.
func Shop() http.Handler {
	files, err := fs.Sub(shopFiles, "shop")
	if err != nil {
		panic(err) // the directory is compiled in
	}
	static := http.FileServerFS(files)
	return http.StripPrefix(ShopPath[:len(ShopPath)-1], http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "+
			"base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("Cache-Control", "no-cache")
		h.Set("Referrer-Policy", "same-origin")
		static.ServeHTTP(w, r)
	}))
}
