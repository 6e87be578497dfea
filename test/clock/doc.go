// Package clock gives one process a wall clock of its own, which a test sets while the process runs; its monotonic clock and every other process keep theirs.
// A program reads its clocks through code that the kernel maps into it (the vDSO), which nothing can be linked before and which never enters the kernel. So when
// the process has been executed and before it does anything, that code is replaced, in its own copy, by some that asks the kernel and adds what the test says.
// From then on nobody traces the process. On linux/amd64 only; a test fails elsewhere.
package clock
