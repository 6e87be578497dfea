// Package coverage says who can receive when, by the policy alone (值守覆盖): for people, with names, titles and what is not certain. It promises that
// what it says of an instant is what package reception decides then if everybody is there and free. It does not look at sessions, presence,
// connections, load or Bida's own health, keeps nothing, and never reads the clock.
//
// Its functions may be called by many goroutines at once. There is nothing to start or stop.
package coverage
