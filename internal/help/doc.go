// Package help passes reports on to who can mend what they name (请主管处理), and follows fixes that were carried out until messages arrive.
//
// A request for help keeps the report that the server made at that moment; nobody's report is believed. It promises that whoever could act is told in the commit
// that makes the request, that a second request for the same cause joins the first, that nothing is closed by itself, and that whoever asked learns what became
// of it. A repair is the record of a fix; what came of it is worked out from deliveries when it is asked for, and never guessed: no traffic proves nothing.
package help
