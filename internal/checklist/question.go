package checklist

import (
	"bytes"
	_ "embed"
	"slices"
	"sync"

	"go.yaml.in/yaml/v3"

	"github.com/bidahq/bida/internal/diagnosis"
	"github.com/bidahq/bida/internal/reception"
)

//go:embed questions.yaml
var questionsYAML []byte

// Words is a text in both languages, as questions.yaml has it.
type Words struct {
	ZH string `yaml:"zh" json:"zh"`
	EN string `yaml:"en" json:"en"`
}

func (w Words) text() diagnosis.Text { return diagnosis.Text{ZH: w.ZH, EN: w.EN} }

// In returns the text in "zh" or, for any other language, English.
func (w Words) In(lang string) string { return w.text().In(lang) }

// Named is a platform or a stage, with what people call it.
type Named struct {
	ID   string `yaml:"id" json:"id"`
	Name Words  `yaml:"name" json:"name"`
}

// Question is one line of the check-list. "Yes" always means that the check passes.
type Question struct {
	ID    string `yaml:"id" json:"id"`
	Stage string `yaml:"stage" json:"stage"`
	// Gate is the gate, or the stage of part 5 of a report, that the answer bears on. Several questions may bear on one.
	Gate string `yaml:"gate" json:"gate"`
	// Code is what a "no" is called where neither a setting nor a fact can say it; 0 where the engine names it.
	Code reception.Code `yaml:"code" json:"-"`
	// Tells is what an answer finds or rules out, in per cent of causes; Effort is 1 for a look, 2 for a search, 3 where somebody else must be asked.
	Tells  int   `yaml:"tells" json:"-"`
	Effort int   `yaml:"effort" json:"-"`
	Ask    Words `yaml:"ask" json:"ask"`
	Why    Words `yaml:"why" json:"why"`
	Yes    Words `yaml:"yes" json:"yes"`
	No     Words `yaml:"no" json:"no"`
	Fix    Words `yaml:"fix" json:"fix"`
	// Support is what to ask technical support where the answer is not known.
	Support Words `yaml:"support" json:"support"`
	// Where says where to look, by platform.
	Where map[string]Words `yaml:"where" json:"where"`
}

// given is an answer to a question.
type given struct {
	Question string `yaml:"question"`
	Answer   Value  `yaml:"answer"`
}

// conflict is two answers that cannot both be true.
type conflict struct {
	First  given `yaml:"first"`
	Second given `yaml:"second"`
	Text   Words `yaml:"text"`
}

// data is what questions.yaml has.
type data struct {
	Version        int        `yaml:"version"`
	Platforms      []Named    `yaml:"platforms"`
	Stages         []Named    `yaml:"stages"`
	Contradictions []conflict `yaml:"contradictions"`
	Questions      []Question `yaml:"questions"`
}

var list = sync.OnceValue(func() *data {
	d := &data{}
	decoder := yaml.NewDecoder(bytes.NewReader(questionsYAML))
	decoder.KnownFields(true)
	if err := decoder.Decode(d); err != nil {
		// The questions are part of the program and a test reads them: this cannot happen in a program that was built from a green tree.
		panic("checklist: the embedded questions do not parse: " + err.Error())
	}
	return d
})

// Version is the version of the questions: it grows when one is added, taken away, or comes to mean something else.
func Version() int { return list().Version }

// Questions returns all questions in the order in which they are asked. They must not be changed.
func Questions() []Question { return list().Questions }

// Platforms returns the platforms for which the questions say where to look.
func Platforms() []Named { return list().Platforms }

// Stages returns the stages of the check-list, in order.
func Stages() []Named { return list().Stages }

// find finds a question by its id; nil if there is none.
func find(id string) *Question {
	all := list().Questions
	if i := slices.IndexFunc(all, func(q Question) bool { return q.ID == id }); i >= 0 {
		return &all[i]
	}
	return nil
}
