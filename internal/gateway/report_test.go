package gateway

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/delivery"
	"github.com/bidahq/bida/internal/problem"
)

// fullReport has every member there is.
const fullReport = `{"type":"report","notifications":"denied","secure":true,"sound":"blocked","muted":false,"browser":"Chrome 156","mode":"tab","storage":"ok",` +
	`"reconnects":2,"gaps":1,"clock_offset_ms":-1500,"filter":{"tab":"mine","inbox":"web","kind":"group","unread":true,"search":true}}`

func TestAReportIsPassedOnWithAllItSays(t *testing.T) {
	r := newRoom(t, Config{})
	a := r.join("agent-a", "tab-1")
	a.say(fullReport)
	if len(r.reported["n1"]) != 1 {
		t.Fatalf("%+v", r.reported)
	}
	var got, want map[string]any
	raw, err := json.Marshal(r.reported["n1"][0])
	if err != nil || json.Unmarshal(raw, &got) != nil || json.Unmarshal([]byte(fullReport), &want) != nil {
		t.Fatal(err)
	}
	delete(want, "type")
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v\nwant %v", got, want)
	}
}

func TestOfReportsThatComeTogetherTheFirstAndTheLastCount(t *testing.T) {
	r := newRoom(t, Config{})
	a := r.join("agent-a", "tab-1")
	for _, browser := range []string{"one", "two", "three", "four"} {
		a.say(`{"type":"report","browser":%q}`, browser)
	}
	r.pass(time.Second-1, a)
	if got := browsers(r.reported["n1"]); got != "one" {
		t.Errorf("within a second: %s", got)
	}
	r.pass(1, a)
	if got := browsers(r.reported["n1"]); got != "one four" {
		t.Errorf("after a second: %s", got)
	}
	r.pass(time.Second, a)
	a.say(`{"type":"report","browser":"five"}`)
	if got := browsers(r.reported["n1"]); got != "one four five" {
		t.Errorf("later: %s", got)
	}
	a.say(`{"type":"report","browser":"six"}`)
	a.conn.End(SessionEnded, CloseSessionEnded, "")
	r.pass(5*time.Second, a)
	if got := browsers(r.reported["n1"]); got != "one four five" {
		t.Errorf("after the end: %s", got)
	}
}

func browsers(list []delivery.Report) string {
	var all []string
	for _, r := range list {
		all = append(all, r.Browser)
	}
	return strings.Join(all, " ")
}

func TestAWrongReportIsRefusedByItsMemberAndTheConnectionGoesOn(t *testing.T) {
	for member, reports := range map[string][]string{
		"/notifications":   {`"notifications":"maybe"`, `"notifications":true`, `"notifications":"granted "`},
		"/secure":          {`"secure":"yes"`},
		"/sound":           {`"sound":"loud"`},
		"/muted":           {`"muted":0`},
		"/mode":            {`"mode":"kiosk"`},
		"/storage":         {`"storage":"half"`},
		"/browser":         {`"browser":"<script>"`, `"browser":"a\nb"`, `"browser":"` + strings.Repeat("x", 129) + `"`, `"browser":{}`},
		"/reconnects":      {`"reconnects":-1`, `"reconnects":1.5`, `"reconnects":1000000001`, `"reconnects":"many"`},
		"/gaps":            {`"gaps":-1`},
		"/clock_offset_ms": {`"clock_offset_ms":100000000000001`, `"clock_offset_ms":1e300`},
		"/filter":          {`"filter":"mine"`, `"filter":[]`},
		"/filter/tab":      {`"filter":{"tab":"a b"}`, `"filter":{"tab":"` + strings.Repeat("x", 65) + `"}`},
		"/filter/inbox":    {`"filter":{"inbox":"what the customer said"}`},
		"/filter/kind":     {`"filter":{"kind":7}`},
		"/filter/unread":   {`"filter":{"unread":"yes"}`},
		"/filter/search":   {`"filter":{"search":"order 1001"}`},
	} {
		for _, report := range reports {
			r := newRoom(t, Config{})
			a := r.join("agent-a", "tab-1")
			a.say(`{"type":"report","secure":true}`)
			r.pass(time.Second, a)
			a.say("%s", `{"type":"report","ref":"r7",`+report+`}`)
			f := a.lastFrame("error")
			if f["code"] != "realtime.report_invalid" || f["detail"] != member || f["ref"] != "r7" || f["title"] == "" {
				t.Errorf("%s: %v", report, f)
			}
			r.pass(2*time.Second, a)
			if len(r.reported["n1"]) != 1 || a.closed != 0 {
				t.Errorf("%s: reported %v, closed %d", report, r.reported, a.closed)
			}
		}
	}
}

func TestAPongHasTheTimeOfTheServer(t *testing.T) {
	r := newRoom(t, Config{})
	a := r.join("agent-a", "tab-1")
	r.pass(1234*time.Millisecond, a)
	a.say(`{"type":"ping","ref":"p1"}`)
	if f := a.lastFrame("pong"); f["at"] != "2026-11-23T09:00:01.234Z" || f["ref"] != "p1" {
		t.Errorf("%v", f)
	}
}

// FuzzReport: whatever is reported is refused by a member, or says the same when it is written down and read again, without what has no place in a name.
func FuzzReport(f *testing.F) {
	f.Add([]byte(fullReport))
	f.Add([]byte(`{"type":"report"}`))
	f.Add([]byte(`{"type":"report","filter":{"tab":"\u0000"},"gaps":null}`))
	f.Add([]byte(`{"filter":null,"browser":"客服 9"}`))
	f.Fuzz(func(t *testing.T, frame []byte) {
		r, err := decodeReport(frame)
		if err != nil {
			if p := problem.As(err); p == nil || p.Code != errReport.Code || p.Kind != problem.Invalid {
				t.Errorf("%s: %v", frame, err)
			}
			return
		}
		written, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		again, err := decodeReport(written)
		if err != nil || !reflect.DeepEqual(again, r) {
			t.Errorf("%s became %s, %v", frame, written, err)
		}
		if len(written) > 1024 || strings.ContainsAny(r.Browser, "<>\"\n\x00") {
			t.Errorf("%d bytes: %s", len(written), written)
		}
	})
}
