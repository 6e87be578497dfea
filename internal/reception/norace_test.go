//go:build !race

package reception

// instantsEach is for how many instants every random company is decided, ordinaryCases how many cases there are in all, at least.
const (
	instantsEach  = 9
	ordinaryCases = 1_000_000
)
