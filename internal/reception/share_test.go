package reception

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestSharesAreKeptInOrderAndAListThatIsReadStaysAsItIs(t *testing.T) {
	var list []Share
	for n := range 2*fewShares + 1 {
		before := slices.Clone(list)
		inbox := fmt.Sprintf("inbox-%02d", n*5%17)
		longer := WithShare(list, Share{Inbox: inbox, Load: n + 1})
		if again := WithShare(longer, Share{Inbox: inbox, LastAssigned: 9}); len(again) != n+1 || ShareOf(again, inbox) != (Share{inbox, 0, 9}) {
			t.Fatalf("%d: %v", n, again)
		}
		if !slices.Equal(list, before) {
			t.Fatalf("%d: the list was %v and is %v", n, before, list)
		}
		list = longer
		if !slices.IsSortedFunc(list, func(a, b Share) int { return strings.Compare(a.Inbox, b.Inbox) }) || len(list) != n+1 {
			t.Fatal(list)
		}
		for k := range 17 {
			inbox := fmt.Sprintf("inbox-%02d", k*5%17)
			want := Share{Inbox: inbox}
			if k <= n {
				want.Load = k + 1
			}
			if got := ShareOf(list, inbox); got != want {
				t.Fatalf("of %d: %v, want %v", n, got, want)
			}
		}
	}
	if a := (&Agent{Shares: list}); a.Share("none") != (Share{Inbox: "none"}) {
		t.Error(a.Share("none"))
	}
}
