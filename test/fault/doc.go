// Package fault makes chosen system calls of a program fail, or lets them take longer: the N-th to the M-th of those about a directory, counted over all threads
// of the process, so that "every N" is every call that it makes. The program is started through the test's own binary, which asks the kernel to be told of those
// calls (seccomp's user notification) and then becomes the program; whoever started it answers each with an error or lets it go on. Linux 5.19 or later, no
// privileges. An Injector serves one process; its goroutine ends with that.
package fault
