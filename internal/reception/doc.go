// Package reception decides who receives a message and says why nobody else does: the pass that routes is the pass that explains.
// It is pure (standard library only; no clock, no I/O, no randomness, no goroutine): the same policy, world, message and instant always give the
// same Decision, which is what makes replay, what-if and diagnosis exact. Everything here may be called from many goroutines; Policy, World and
// Agent values are never changed after they were handed over.
package reception
