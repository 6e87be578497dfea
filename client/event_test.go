package client

import (
	"testing"
	"time"
)

func TestALineHasAlwaysTheSameTenMembers(t *testing.T) {
	at := time.Date(2026, 11, 23, 9, 0, 0, 120_000_000, time.FixedZone("", 8*3600))
	for _, test := range []struct {
		event Event
		line  string
	}{
		{
			Event{Event: EventMessage, AgentSequence: 7, Message: "m12", Conversation: "c3", Sequence: 2, Inbox: "web", Kind: "customer", Text: "<你好> 😀\n", Attempt: 1, At: at, Contact: "x"},
			`{"event":"message","message":"m12","conversation":"c3","sequence":2,"agent_sequence":7,"inbox":"web","kind":"customer","text":"<你好> 😀\n","attempt":1,"at":"2026-11-23T09:00:00.120+08:00"}`,
		},
		{
			Event{Event: EventNotice, AgentSequence: 8, Message: "m13", Kind: "system", Text: "群消息已关闭", Attempt: 2, At: at.UTC()},
			`{"event":"notice","message":"m13","conversation":null,"sequence":null,"agent_sequence":8,"inbox":null,"kind":"system","text":"群消息已关闭","attempt":2,"at":"2026-11-23T01:00:00.120+00:00"}`,
		},
		{
			Event{Event: EventGap, AgentSequence: 1, To: 6},
			`{"event":"gap","message":null,"conversation":null,"sequence":null,"agent_sequence":1,"inbox":null,"kind":null,"text":"","attempt":null,"at":null}`,
		},
	} {
		if got := string(test.event.Line()); got != test.line {
			t.Errorf("got  %s\nwant %s", got, test.line)
		}
	}
}

func TestAServersAddressIsChecked(t *testing.T) {
	for _, address := range []string{"", "127.0.0.1:8420", "ftp://x", "http://", "http://[", "localhost:8420"} {
		if _, err := New(address, "t"); err == nil {
			t.Errorf("%q was accepted", address)
		}
	}
	if _, err := New("https://bida.example.org/", "t"); err != nil {
		t.Error(err)
	}
}
