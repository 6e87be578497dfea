package gateway

import "testing"

// asked lists the checks that a client was asked for.
func (t *tab) asked() (list []string) {
	for _, f := range t.frames {
		if f["type"] == "self_check" {
			list = append(list, f["check"].(string)+" by "+f["by"].(string))
		}
	}
	return list
}

func TestEveryWindowOfTheAccountIsAskedToCheckItselfAndNobodyElse(t *testing.T) {
	r := newRoom(t, Config{})
	one, two, other := r.join("agent-a", "1"), r.join("agent-a", "2"), r.join("agent-b", "1")
	early := r.connect("agent-a")
	r.hub.SelfCheck("agent-a", "q1", "主管乙")
	for _, c := range []*tab{one, two} {
		if got := c.asked(); len(got) != 1 || got[0] != "q1 by 主管乙" || c.closed != 0 {
			t.Errorf("asked %q", got)
		}
	}
	if len(other.asked()) != 0 || len(early.asked()) != 0 {
		t.Error("somebody else was asked")
	}
	early.conn.Tell([]byte("{}"))
	if len(early.frames) != 0 {
		t.Errorf("before the hello a client is sent %v", early.frames)
	}
	one.conn.Gone(ClosedByClient, 1000)
	r.hub.SelfCheck("agent-a", "q2", "主管乙")
	if len(one.asked()) != 1 || len(two.asked()) != 2 {
		t.Errorf("asked %q and %q", one.asked(), two.asked())
	}
}

func TestInRealTimeASocketIsAskedToo(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *house) {
		c := openPipe(t, h.server, "t-agent-a")
		c.hello("tab")
		c.want("welcome")
		h.hub.SelfCheck("agent-a", "q1", "主管乙")
		c.want("self_check")
	})
}
