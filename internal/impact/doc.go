// Package impact foresees what a change of the policy does: to the messages that came, decided again on their recorded facts, and to everything that could
// come in the next week. It changes nothing. The engine decides (package reception); what is said here follows from its decisions alone.
package impact
