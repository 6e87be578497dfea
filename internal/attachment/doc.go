// Package attachment keeps the files that come with messages. It promises that a file is taken in and given out in small pieces, never whole in memory;
// that it is on the disk (fsync) before its id is given out, and that a crash leaves no half file under a content's name; that equal contents lie once;
// that only who uploaded a file can put it into a message, within a day and as often as it likes; and that what a message refers to is never removed,
// while what nobody refers to goes after a day. It says what a file is by looking at it, makes names safe, and takes no programs; how files are shown
// safely is for who serves them.
//
// A command that stores a message calls Take: there, in the ledger, it is decided that the files are kept. The contents lie under one directory of one
// process. A Service may be used from many goroutines; whoever runs it runs its Jobs, too.
package attachment
