// Package limit bounds what a source may ask for: a Limiter how much in a time, a Budget how much at the same time. Sources are whatever the caller names
// them, accounts, inboxes or addresses; Network says which addresses are one source.
//
// It promises that being refused uses nothing up; that the memory it takes is bounded however many sources there are, at the price that a source that was
// forgotten may use its whole burst again; and that it never blocks. Time is an argument, so that nothing in it ticks and nothing has to be stopped. Limiters
// and Budgets may be used from many goroutines.
package limit
