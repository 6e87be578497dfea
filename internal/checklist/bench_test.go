package checklist

import "testing"

func BenchmarkEvaluate(b *testing.B) {
	answers := everything(No)
	for b.Loop() {
		evaluate(b, settle(answers))
	}
}
