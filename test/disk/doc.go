// Package disk tries the release program on disks that fail: calls that return an error at the N-th time (test/fault), a file system that is full, one that is
// slow, and one whose power is cut. A script of some thirty requests is sent one after the other; a checker that knows only what was answered and shown asks
// afterwards whether all of it is there, once and in order. For power cuts a recorder (strace) writes down every change of the data directory and every answer,
// and a model of the disk rebuilds from it what may be left at each moment: synced data, and of the rest any part, torn at sectors. BIDA_BIN names the program;
// -long tries every call and at least 10,000 images, -seed repeats a run's choices.
package disk
