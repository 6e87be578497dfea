// Package conversation holds what happens to customers' conversations: a message comes in, an owner is chosen, released, claims, answers, hands over,
// resolves; what waits is decided again when something changed, and turns to write that last too long come to an end. Its commands run on the ledger; Settle
// is the one place where a change of facts turns into releases and routes, and it leaves every conversation either with an owner who may own it or waiting with
// a reason. All choices are made by package reception; all deliveries are entries of agents' streams that package delivery brings to clients.
package conversation
