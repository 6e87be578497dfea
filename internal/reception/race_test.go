//go:build race

package reception

// The race detector makes random cases ten times as dear and finds nothing in them: the engine has no goroutines.
const (
	instantsEach  = 3
	ordinaryCases = 50_000
)
