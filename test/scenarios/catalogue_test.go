package scenarios

import (
	"os"
	"strings"
	"testing"

	"github.com/bidahq/bida/internal/reception"
)

// elsewhere are the codes that neither the engine nor delivery nor diagnosis produces, by code: refusals of the HTTP API and events of
// conversations. Each names the file and the test that produces it.
var elsewhere = map[string][2]string{
	"intake.invalid":              {"internal/intake/intake_test.go", "TestEverythingThatIsWrongIsNamedLoggedAndChangesNothing"},
	"intake.too_large":            {"internal/intake/intake_test.go", "TestEverythingThatIsWrongIsNamedLoggedAndChangesNothing"},
	"intake.forbidden":            {"internal/httpapi/intake_test.go", "TestRefusalsOfTheWholeRequestAreLoggedToo"},
	"intake.unauthenticated":      {"internal/httpapi/intake_test.go", "TestRefusalsOfTheWholeRequestAreLoggedToo"},
	"intake.overloaded":           {"internal/intake/flow_test.go", "TestRowsOfABatchBeyondALimitAreTurnedAwayInOrder"},
	"intake.no_record":            {"internal/diagnosis/nobody_test.go", "TestAMessageThatWasRefusedOrNeverCameIn"},
	"attachment.empty":            {"internal/attachment/service_test.go", "TestTheSizeIsLimitedExactlyAndNothingIsLeft"},
	"attachment.too_large":        {"internal/attachment/service_test.go", "TestTheSizeIsLimitedExactlyAndNothingIsLeft"},
	"attachment.incomplete":       {"internal/attachment/service_test.go", "TestABodyThatIsNotWholeLeavesNothing"},
	"attachment.program":          {"internal/attachment/name_test.go", "TestProgramsAreNotTaken"},
	"attachment.unknown":          {"internal/attachment/service_test.go", "TestOnlyItsOwnerMayNameAnUploadWithinADay"},
	"attachment.no_space":         {"internal/attachment/service_test.go", "TestADiskThatIsFullIsSaidSo"},
	"attachment.storage":          {"internal/attachment/service_test.go", "TestADiskThatIsFullIsSaidSo"},
	"conversation.resolved.idle":  {"internal/conversation/turn_test.go", "TestWhatTheIdleTimersDidIsRecordedWithItsReason"},
	"checklist.unanswered":        {"internal/checklist/checklist_test.go", "TestWhatNobodyKnowsIsUnknownAndTheMostUsefulQuestionComesFirst"},
	"checklist.contradicts":       {"internal/checklist/checklist_test.go", "TestContradictionsAreNamedAndNothingIsConcludedFromThem"},
	"account.state.not_active":    {"internal/checklist/checklist_test.go", "TestASingleNoIsThePrimaryFindingOfItsGate"},
	"account.login.not_signed_in": {"internal/checklist/checklist_test.go", "TestASingleNoIsThePrimaryFindingOfItsGate"},
	"push.test_over":              {"internal/conversation/selfcheck_test.go", "TestATestThatNobodyAcknowledgesIsTakenBackAfterAWhileEvenAfterARestart"},
	"push.not_recorded":           {"internal/checklist/checklist_test.go", "TestASingleNoIsThePrimaryFindingOfItsGate"},
	"conversation.answer_overdue": {"internal/conversation/turn_test.go", "TestWithNobodyElseALateOwnerKeepsTheConversationAndThatIsRecordedOnce"},
}

func TestEveryCodeHasAScenario(t *testing.T) {
	shown := map[string]bool{}
	for _, s := range all(t) {
		for _, code := range s.Then.codes() {
			shown[code] = true
		}
	}
	for _, r := range reception.Reasons() {
		code := r.Code.String()
		at, excused := elsewhere[code]
		switch {
		case shown[code] && excused:
			t.Errorf("%s has a scenario and is excused: take it out of the list", code)
		case !shown[code] && !excused:
			t.Errorf("%s has no scenario that shows it", code)
		case excused:
			content, err := os.ReadFile("../../" + at[0])
			if err != nil {
				t.Error(err)
			} else if !strings.Contains(string(content), "func "+at[1]+"(") || !strings.Contains(string(content), code) {
				t.Errorf("%s: %s has no test %s that names it", code, at[0], at[1])
			}
		}
	}
}
