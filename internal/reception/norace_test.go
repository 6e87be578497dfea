//go:build !race

package reception

// instantsEach is for how many instants every random company is decided.
const instantsEach = 9
