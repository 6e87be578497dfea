// Package chaos makes trouble for the release program under load: kill -9 at random instants, and now and then a polite end; agents' machines that fall asleep in the
// middle of whatever they do; a clock that is set; a disk that is full; a database that goes away; a network that is slow, cuts connections, passes them on out of order and swallows what is sent; agents who
// never acknowledge; agents who lose their sign-in or their account with an answer on the way. Then it judges from outside: a history holds what senders were told,
// what clients saw and what the program says in the end, and Check names every promise of design §6 that it breaks: a message lost, shown twice, out of order,
// shown to who may not have it, or with nobody and without a reason. How soon a silent connection is noticed, and what clients that have gone leave behind, is
// read from the server's own record. The checker knows nothing of the program's inside and is tested with made-up histories.
//
// BIDA_BIN names the program; -long does more of everything (10,000 kills), -seed repeats a run's choices (not the instants of the kernel), BIDA_TEST_POSTGRES adds
// the runs on PostgreSQL.
package chaos
