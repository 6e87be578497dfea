package cli

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

func run(env []string, in string, args ...string) (status int, out, err string) {
	var o, e bytes.Buffer
	status = Run(context.Background(), Program{Version: "1.2.3", Args: args, Env: env, In: strings.NewReader(in), Out: &o, Err: &e})
	return status, o.String(), e.String()
}

func TestHelpAndVersionSucceedAndAWrongCommandIsOneLine(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"serve", "--help"}, {"policy", "apply", "--help"}, {"version"}} {
		if status, out, err := run(nil, "", args...); status != 0 || out == "" || err != "" {
			t.Errorf("%v: status %d, %q, %q", args, status, out, err)
		}
	}
	if _, out, _ := run(nil, "", "version"); out != "bida 1.2.3\n" {
		t.Errorf("version is %q", out)
	}
	for _, args := range [][]string{{}, {"nothing"}, {"policy"}, {"serve", "--nothing"}, {"account", "create"}, {"post", "--inbox", "web"}} {
		if status, out, err := run(nil, "", args...); status != 2 || out != "" || strings.Count(err, "\n") != 1 || !strings.HasPrefix(err, "bida: ") {
			t.Errorf("%v: status %d, %q, %q", args, status, out, err)
		}
	}
}

func TestTheLanguageIsThatOfTheSystemUnlessItIsGiven(t *testing.T) {
	for _, test := range []struct {
		env  []string
		args []string
		want string
	}{
		{nil, nil, "Likely causes"},
		{[]string{"LANG=zh_CN.UTF-8"}, nil, "可能的原因"},
		{[]string{"LANG=zh_CN.UTF-8", "LC_ALL=en_GB.UTF-8"}, nil, "Likely causes"},
		{[]string{"LANG=C", "LC_MESSAGES=zh_TW"}, nil, "可能的原因"},
		{[]string{"LANG=C"}, []string{"--lang", "zh"}, "可能的原因"},
		{[]string{"LANG=zh_CN"}, []string{"--lang", "en"}, "Likely causes"},
	} {
		_, out, _ := run(test.env, "", append(test.args, "reasons", "permission.kind.account_denied")...)
		if !strings.Contains(out, test.want) {
			t.Errorf("%v %v: %q", test.env, test.args, out)
		}
	}
}

func TestInstantsAreReadAsPeopleWriteThem(t *testing.T) {
	zone := time.FixedZone("", 8*3600)
	now := time.Date(2026, 11, 23, 15, 0, 0, 0, zone)
	for text, want := range map[string]time.Time{
		"2026-11-20T14:02:00+08:00": time.Date(2026, 11, 20, 14, 2, 0, 0, zone),
		"2026-11-20T06:02:00.5Z":    time.Date(2026, 11, 20, 14, 2, 0, 500_000_000, zone),
		"2026-11-20 14:02":          time.Date(2026, 11, 20, 14, 2, 0, 0, zone),
		"2026-11-20 14:02:03":       time.Date(2026, 11, 20, 14, 2, 3, 0, zone),
		"14:02":                     time.Date(2026, 11, 23, 14, 2, 0, 0, zone),
	} {
		if got, err := instant("--at", text, now); err != nil || !got.Equal(want) {
			t.Errorf("%s is %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"yesterday", "2026-11-20", "25:00", ""} {
		if _, err := instant("--at", text, now); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

func TestErrorsLeadToTheStatusOfTheManual(t *testing.T) {
	for _, test := range []struct {
		err  error
		want int
	}{
		{errors.New("anything else"), 2},
		{usage("wrong"), 2},
		{refused(errors.New("no")), 1},
		{problem.New(problem.Conflict, "x", "x", ""), 1},
		{problem.New(problem.NotFound, "x", "x", ""), 2},
		{problem.New(problem.Unavailable, "x", "x", ""), 2},
		{&noServerError{"http://x", errors.New("refused")}, 2},
	} {
		if got := statusOf(test.err); got != test.want {
			t.Errorf("%v has status %d, want %d", test.err, got, test.want)
		}
	}
}

func TestChineseTakesTwoColumns(t *testing.T) {
	if got := pad("一 账号", 10); got != "一 账号   " {
		t.Errorf("%q", got)
	}
	if got := pad("longer than that", 4); got != "longer than that" {
		t.Errorf("%q", got)
	}
}

func TestEveryGateHasWordsWhereItPasses(t *testing.T) {
	for g := range reception.GateCount {
		if w := passing[g.String()]; w.zh == "" || w.en == "" {
			t.Errorf("%s has no words", g)
		}
	}
}
