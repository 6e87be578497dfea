package reception

import (
	"encoding/json"
	"testing"
)

func TestEveryGateBelongsToThePartOfTheCheckList(t *testing.T) {
	want := map[int][]Gate{
		1: {AccountState, AccountLogin, RoleReceive, PermissionKind, PermissionReply, MembershipInbox, WindowAgent},
		2: {SwitchPlatform, SwitchInbox, SwitchAccount, WindowInbox, SystemHealth},
		3: {PresenceGate, ConnectionGate}, 4: {Capacity, ConversationGate, Routing},
	}
	for part, gates := range want {
		for _, g := range gates {
			if g.Part() != part {
				t.Errorf("%s is in part %d, want %d", g, g.Part(), part)
			}
		}
	}
}

func TestNamesAreReadBackAndNothingElseIs(t *testing.T) {
	for p := Available; p <= Offline; p++ {
		if got, ok := ParsePresence(p.String()); !ok || got != p {
			t.Errorf("%s is read as %s, %v", p, got, ok)
		}
	}
	for _, name := range []string{"unknown", "", "Available", "invalid"} { // unknown cannot be set
		if got, ok := ParsePresence(name); ok || got != PresenceUnknown {
			t.Errorf("%q is read as %s, %v", name, got, ok)
		}
	}
	for v := Routed; v <= Rejected; v++ {
		if got, ok := ParseVerdict(v.String()); !ok || got != v {
			t.Errorf("%s is read as %s, %v", v, got, ok)
		}
	}
	for _, name := range []string{(Offline + 1).String(), (Rejected + 1).String(), (Expired + 1).String(), (Manual + 1).String(), (AllowedByAccount + 1).String()} {
		if name != "invalid" {
			t.Errorf("a value beyond the last is called %q", name)
		}
	}
}

func TestAStringIsWrittenAsJSONHasIt(t *testing.T) {
	for _, s := range []string{"", "agent-a", `a"b`, `"`, `\`, "\x1f", " ", "\x7f", "\u0080", "小何", "a\x80", "\n"} {
		want, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(appendString(nil, s)); got != string(want) {
			t.Errorf("%q is written %s, want %s", s, got, want)
		}
	}
}
