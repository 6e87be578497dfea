// Package chaos ends the release program at random instants under load, with kill -9 and now and then politely, starts it again, and then judges from
// outside: a history holds what senders were told, what clients saw and what the program says in the end, and Check names every promise of design §6 that it
// breaks: a message lost, shown twice, out of order, shown to who may not have it, or with nobody and without a reason. The checker knows nothing of the
// program's inside and is tested with made-up histories. BIDA_BIN names the program; -long runs 10,000 cycles, -seed repeats a run's choices (not the instants of the
// kernel), BIDA_TEST_POSTGRES adds a run on PostgreSQL.
package chaos
