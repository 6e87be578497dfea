package httpapi

import (
	"strings"
	"testing"
	"testing/fstest"
)

func TestVisitorsLoadTheWidgetAndTheChatLinkWithoutSigningIn(t *testing.T) {
	b := newChatBench(t)
	options := b.server.o
	options.Widget = fstest.MapFS{"widget.js": {Data: []byte("widget()")}}
	server, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	b.server = server
	if w := b.page("GET", "/widget.js"); w.Code != 200 || w.Body.String() != "widget()" {
		t.Errorf("the widget: %d %s", w.Code, w.Body)
	}
	if w := b.page("GET", "/c/site", "Accept-Language", "zh-CN"); w.Code != 200 || !strings.Contains(w.Body.String(), "<title>官网客服</title>") {
		t.Errorf("the chat link: %d %s", w.Code, w.Body)
	}
	if w := b.page("GET", "/c/site/qr.svg"); w.Code != 200 || w.Header().Get("Content-Type") != "image/svg+xml" {
		t.Errorf("its code: %d %v", w.Code, w.Header())
	}
	for _, inbox := range []string{"web", "nothing"} { // one for programs only, and none
		if w := b.page("GET", "/c/"+inbox); w.Code != 404 || strings.Contains(w.Body.String(), "widget.js") {
			t.Errorf("the chat link of %s: %d %s", inbox, w.Code, w.Body)
		}
	}
}

func TestAProgramWithoutTheWidgetIsWholeAllTheSame(t *testing.T) {
	b := newBench(t)
	if w := b.page("GET", "/widget.js"); w.Code != 503 {
		t.Errorf("the widget: %d %s", w.Code, w.Body)
	}
	b.ask("agent-a", "GET", "/me", nil).want(200)
}
