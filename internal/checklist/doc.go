// Package checklist is the guided check-list (排查向导): the questions that a support manager asks when somebody receives nothing, for any platform, and what
// their answers come to.
//
// The questions are data (questions.yaml). Answers become settings and facts of one agent in one inbox; package reception decides about them and package
// diagnosis makes the report, as it does of what a ledger recorded. "Don't know" is an unknown outcome, never a pass. Two answers that cannot both be true are
// named, and nothing is concluded from them. All of that is pure: no clock, no store. A Keeper saves sheets through the ledger.
package checklist
