package selfcheck

import (
	"slices"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/problem"
)

// What clients try out, with what each can find. "ok" is for all; "untried" where it could not be tried, "timed_out" where it took too long to be known.
var results = map[string][]string{
	"socket":        {"not_connected"},
	"message":       {"not_connected", "elsewhere", "not_pushed", "not_received", "limited", "refused"},
	"reconnect":     {"not_connected", "gap"},
	"version":       {"outdated", "required"},
	"notifications": {"denied", "not_asked", "unsupported"},
	"secure":        {"insecure"},
	"sound":         {"off", "blocked", "unsupported"},
	"clock":         {"ahead", "behind"},
	"storage":       {"full", "denied"},
}

const (
	resultOK       = "ok"
	resultUntried  = "untried"
	resultTimedOut = "timed_out"
)

var outcomes = []string{"pass", "block", "wait", "unknown", "not_applicable"}

// longestMillis is more than any test may take, and than any clock may be off that somebody would still look at.
const longestMillis = 400 * 24 * 3600 * 1000

// checkTests refuses what is not in the words of this package, and names it.
func checkTests(list []ledger.ClientTest) error {
	if len(list) == 0 || len(list) > len(results) {
		return errTests.On("/tests")
	}
	seen := map[string]bool{}
	for i := range list {
		t := &list[i]
		known, ok := results[t.Test]
		switch {
		case !ok || seen[t.Test]:
			return errTest.On(at(i, "test"))
		case !slices.Contains(outcomes, t.Outcome):
			return errOutcome.On(at(i, "outcome"))
		case !slices.Contains([]string{resultOK, resultUntried, resultTimedOut}, t.Result) && !slices.Contains(known, t.Result):
			return errResult.On(at(i, "result"))
		case (t.Result == resultOK) != (t.Outcome == "pass"):
			return errOutcome.On(at(i, "outcome"))
		case t.Millis != nil && (*t.Millis < -longestMillis || *t.Millis > longestMillis):
			return errMillis.On(at(i, "ms"))
		}
		seen[t.Test] = true
	}
	return nil
}

// Refusals.
var (
	errTests     = problem.New(problem.Invalid, "self_check.tests", "A result has each test once, and at least one.", "自检结果至少包含一项，每项只能出现一次。")
	errTest      = problem.New(problem.Invalid, "self_check.test", "This test is not known, or is there twice.", "没有这项测试，或重复出现。")
	errOutcome   = problem.New(problem.Invalid, "self_check.outcome", "The outcome is one of pass, block, wait, unknown, not_applicable; pass goes with the result ok, and with no other.", "结论只能是 pass、block、wait、unknown、not_applicable；只有结果为 ok 时才是 pass。")
	errResult    = problem.New(problem.Invalid, "self_check.result", "This test cannot have this result.", "这项测试不会有这样的结果。")
	errMillis    = problem.New(problem.Invalid, "self_check.ms", "The number of milliseconds is beyond all reason.", "毫秒数超出合理范围。")
	errAccount   = problem.New(problem.NotFound, "account.not_found", "There is no such account.", "没有这个账号。").On("/name")
	errNoCheck   = problem.New(problem.NotFound, "self_check.over", "No such check is under way: it took too long, or was another account's. Nothing was recorded.", "没有进行中的这次检查：可能已超时，或不属于您的账号。本次未记录。").On("/check")
	errNotAsked  = problem.New(problem.Invalid, "self_check.not_asked", "This client was not connected when the check began, and was not asked.", "检查开始时这个窗口没有连接，未被询问。").On("/client")
	errTooOften  = problem.New(problem.Limited, "self_check.limited", "This account checks itself too often; wait a moment.", "自检过于频繁，请稍候。")
	errAskedJust = problem.New(problem.Limited, "self_check.asked_limited", "This agent has been checked just now; look at the result, and wait a moment.", "刚刚检查过这位客服，请先查看结果，稍候再试。")
)

// ErrNoTest refuses to tell of a message that is no test, or another account's.
var ErrNoTest = problem.New(problem.NotFound, "self_check.no_test", "There is no such test message of yours.", "没有您的这条自检消息。").On("/id")
