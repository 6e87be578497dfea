package cli

import (
	"bytes"
	"context"
	"maps"
	"strings"
	"testing"

	"github.com/bidahq/bida/internal/checklist"
)

func TestTheChecklistIsAskedQuestionByQuestion(t *testing.T) {
	var said bytes.Buffer
	s := &session{Program: Program{In: strings.NewReader("y\nperhaps\nn\n\n?\nq\n"), Err: &said}, ctx: context.Background(), lang: "en"}
	sheet := &checklist.Sheet{Platform: "qianniu", Answers: map[string]checklist.Value{}}
	s.ask(sheet)
	q := checklist.Questions()
	want := map[string]checklist.Value{q[0].ID: checklist.Yes, q[1].ID: checklist.No, q[3].ID: checklist.DontKnow}
	if !maps.Equal(sheet.Answers, want) {
		t.Errorf("answers are %v, want %v", sheet.Answers, want)
	}
	for _, text := range []string{q[4].Ask.EN, q[0].Where["qianniu"].EN, "Answer y, n or ?."} {
		if !strings.Contains(said.String(), text) {
			t.Errorf("%q was not said", text)
		}
	}
	if strings.Contains(said.String(), q[5].Ask.EN) {
		t.Error("more is asked after the end")
	}
}
