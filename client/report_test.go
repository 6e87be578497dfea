package client

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"
)

// frame decodes the only frame of a flush.
func onlyReport(t *testing.T, frames [][]byte) map[string]any {
	t.Helper()
	var found map[string]any
	for _, f := range frames {
		var m map[string]any
		if err := json.Unmarshal(f, &m); err != nil {
			t.Fatal(err)
		}
		if m["type"] != "report" {
			continue
		}
		if found != nil {
			t.Fatalf("two reports at once: %v and %v", found, m)
		}
		found = m
	}
	return found
}

func mustReceive(t *testing.T, s *Session, now time.Time, frame string) {
	t.Helper()
	if _, err := s.Receive(now, []byte(frame)); err != nil {
		t.Fatal(err)
	}
}

func TestASessionReportsAfterEveryWelcomeAndWhenSomethingChanged(t *testing.T) {
	no := false
	s := NewSession(SessionOptions{Client: "tab", Report: &SelfReport{Notifications: "denied", Secure: &no, Filter: &ListFilter{Tab: "mine", Search: true}}})
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	s.Connect(now)
	if r := onlyReport(t, s.Flush(now)); r != nil {
		t.Fatalf("before the welcome: %v", r)
	}
	mustReceive(t, s, now, `{"type":"welcome","cursor":0,"connection":"k1"}`)
	want := map[string]any{"type": "report", "notifications": "denied", "secure": false, "ref": "report", "reconnects": 0.0, "gaps": 0.0, "filter": map[string]any{"tab": "mine", "search": true}}
	if r := onlyReport(t, s.Flush(now)); !reflect.DeepEqual(r, want) {
		t.Errorf("after the welcome: %v", r)
	}
	if r := onlyReport(t, s.Flush(now)); r != nil {
		t.Errorf("again, though nothing changed: %v", r)
	}
	if _, err := s.Receive(now, []byte(`{"type":"message","agent_sequence":5}`)); err == nil {
		t.Fatal("a gap was taken")
	}
	if _, err := s.Lost(CloseAbnormal, ""); err != nil {
		t.Fatal(err)
	}
	s.Connect(now)
	mustReceive(t, s, now, `{"type":"welcome","cursor":0,"connection":"k2"}`)
	if r := onlyReport(t, s.Flush(now)); r["reconnects"] != 1.0 || r["gaps"] != 1.0 {
		t.Errorf("after another connection: %v", r)
	}
	if r, err := s.Receive(now, []byte(`{"type":"error","code":"realtime.unknown_type","ref":"report"}`)); err != nil || r.Problem != nil {
		t.Errorf("an older server's answer: %+v, %v", r, err)
	}
	if r, err := s.Receive(now, []byte(`{"type":"error","code":"realtime.report_invalid","detail":"/mode","ref":"report"}`)); err != nil || r.Problem == nil {
		t.Errorf("a refusal: %+v, %v", r, err)
	}
	s.Report(SelfReport{Sound: "off"})
	if r := onlyReport(t, s.Flush(now)); r["sound"] != "off" || r["notifications"] != nil {
		t.Errorf("after another report: %v", r)
	}
}

func TestASessionComparesTheClocksByPongs(t *testing.T) {
	s := NewSession(SessionOptions{Client: "tab", Report: &SelfReport{Mode: "program"}})
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	s.Connect(now)
	mustReceive(t, s, now, `{"type":"welcome","cursor":0,"heartbeat_ms":1000}`)
	s.Flush(now)
	ask := func(pong string) map[string]any {
		now = now.Add(time.Second)
		if err := s.Tick(now); err != nil {
			t.Fatal(err)
		}
		s.Flush(now)
		now = now.Add(200 * time.Millisecond)
		mustReceive(t, s, now, pong)
		return onlyReport(t, s.Flush(now))
	}
	if r := ask(`{"type":"pong","at":"2026-11-23T08:57:01.1Z"}`); r["clock_offset_ms"] != 180000.0 {
		t.Errorf("three minutes ahead: %v", r)
	}
	if r := ask(`{"type":"pong","at":"2026-11-23T08:57:02.5Z"}`); r != nil {
		t.Errorf("a change below a second: %v", r)
	}
	if r := ask(`{"type":"pong"}`); r != nil {
		t.Errorf("an older server: %v", r)
	}
	if r := ask(`{"type":"pong","at":"2026-11-23T09:01:04.7Z"}`); r["clock_offset_ms"] != -60000.0 {
		t.Errorf("a minute behind: %v", r)
	}
}
