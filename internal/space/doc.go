// Package space watches how much room is left where Bida keeps its data. It promises that below a low mark Err refuses what could do without being taken
// in now, new messages and files, so that what follows from those that are here, acknowledgements, answers, facts, changes of policy, can still be written; and
// that this ends by itself above a higher mark, so that it does not come and go with every message.
//
// It looks once before Start returns and then twice a second; a look that fails changes nothing and is logged once. Stop waits for the goroutine, and may be
// called twice or before Start. Err may be called from many goroutines and never blocks.
package space
