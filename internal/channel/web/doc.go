// Package web is the channel of people who write from a web page: visitors 访客. It makes and recognises them, takes their messages in through package
// intake like any other sender's, shows them what is theirs, tells them honestly whether somebody can receive, and takes their rating at the end.
//
// It promises that a visitor sees the messages of its own contact in its own inbox and nothing else: no notes, notices, names of accounts, reasons or
// summaries; that a token is kept as a hash only; that whether somebody can receive is what package reception decides, and that no time is promised that
// it did not find; and that what strangers can make it hold is bounded: visitors and messages by rate, listeners by number, limits by size.
//
// A Service may be used from many goroutines and has nothing to start. Listeners are woken after a commit (Heard, which never blocks); Stop ends them all
// and waits until whoever listened is gone.
package web
