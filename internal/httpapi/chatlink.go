package httpapi

import (
	"errors"
	"io/fs"
	"net/http"

	"github.com/bidahq/bida/internal/httpapi/chatpage"
	"github.com/bidahq/bida/internal/policy"
)

// newPages makes what visitors load in a browser; what they say there goes over the routes of chat.go.
func (s *Server) newPages() (*chatpage.Pages, error) {
	var script []byte
	if s.o.Widget != nil {
		var err error
		if script, err = fs.ReadFile(s.o.Widget, "widget.js"); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return chatpage.New(chatpage.Options{
		Inbox: func(name string) (string, bool) {
			spec, ok := s.o.Ledger.Policy().Inbox(name)
			return spec.Title, ok && spec.Channel == policy.ChannelWeb
		},
		Language: func(r *http.Request) string { return requestOf(r.Context()).lang },
		Script:   script,
	})
}

// registerPages adds the widget and the chat link. They are no part of the API's document, and need no sign-in.
func (s *Server) registerPages() {
	if s.pages == nil {
		return // only the document is made
	}
	s.mux.HandleFunc("GET /widget.js", s.pages.Script)
	s.mux.HandleFunc("GET /c/{inbox}", s.pages.Page)
	s.mux.HandleFunc("GET /c/{inbox}/qr.svg", s.pages.QR)
}
