package web

import "testing"

func TestOnlyWhatNewTokenMakesIsLookedUp(t *testing.T) {
	token := newToken()
	if hash, ok := hashOf(token); !ok || hash == [32]byte{} {
		t.Errorf("%s is no token", token)
	}
	for _, bad := range []string{"", TokenPrefix, token[1:], token + "A", "bida_" + token[len(TokenPrefix):]} {
		if _, ok := hashOf(bad); ok {
			t.Errorf("%q may be a token", bad)
		}
	}
	if a, b := newID(), newID(); a == b || len(a) != 17 || a[0] != 'v' {
		t.Errorf("ids are %s and %s", a, b)
	}
}
