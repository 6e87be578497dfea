package httpapi

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
)

// BenchmarkDecodeMessage is the price of strictness on the busiest route.
func BenchmarkDecodeMessage(b *testing.B) {
	body := []byte(`{"id":"order-20261123-000001","contact":{"id":"customer-42","name":"王小明"},"kind":"customer","text":"您好,我的订单到哪了?😀","sent_at":"2026-11-23T10:00:00.000+08:00"}`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decodeMessage(body); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPostMessage is one message after the other through handler, intake, ledger and a store in memory: nothing is grouped.
func BenchmarkPostMessage(b *testing.B) {
	s := newBench(b)
	s.online("agent-a")
	var n int
	b.ReportAllocs()
	for b.Loop() {
		n++
		r := httptest.NewRequest("POST", Prefix+"/inboxes/web/messages", strings.NewReader(
			fmt.Sprintf(`{"id":"%d","contact":{"id":"customer-%d","name":"王小明"},"text":"您好,我的订单到哪了?😀"}`, n, n%50)))
		r.Header.Set("Authorization", "Bearer "+s.tokens["robot"])
		w := httptest.NewRecorder()
		s.server.ServeHTTP(w, r)
		if w.Code != 201 {
			b.Fatal(w.Body)
		}
	}
}
