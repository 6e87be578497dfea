//go:build amd64 || arm64

package fault

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// about says where a call names the file that it is about.
type about struct {
	number uint32
	at     int  // which argument
	path   bool // it is a path, of a directory in the argument before it if at is not 0
}

// numbersOf finds the calls that names mean.
func numbersOf(names []string) ([]about, error) {
	var list []about
	for _, name := range names {
		found, ok := calls[name]
		if !ok {
			return nil, fmt.Errorf("no call %q is known", name)
		}
		list = append(list, found...)
	}
	return list, nil
}

// The kernel's structures, which golang.org/x/sys does not have: linux/seccomp.h.
type notification struct {
	id         uint64
	pid, flags uint32
	number     int32
	arch       uint32
	_          uint64 // instruction pointer
	args       [6]uint64
}

type response struct {
	id    uint64
	_     int64 // value
	error int32
	flags uint32
}

func socketpair() (ends [2]*os.File, err error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return ends, err
	}
	for n, fd := range pair {
		ends[n] = os.NewFile(uintptr(fd), "listener")
	}
	return ends, nil
}

// Become makes this process the program that Wrap named, if it was started for that; else it does nothing. It belongs first into TestMain.
func Become() {
	calls := os.Getenv(variable)
	if calls == "" {
		return
	}
	panic(fmt.Errorf("this process could not become another: %w", become(strings.Split(calls, ","))))
}

// become asks the kernel to be told of calls, sends who listens to them over descriptor 3, and executes.
func become(names []string) error {
	const socket = 3
	runtime.LockOSThread() // the filter is this thread's, and what it executes has it
	list, err := numbersOf(names)
	if err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	filter := program(list)
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	// A thread that waits for an answer is not interrupted by the signals of the Go runtime: the call would begin, and be counted, again.
	listener, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		unix.SECCOMP_FILTER_FLAG_NEW_LISTENER|unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return fmt.Errorf("seccomp: %w", errno)
	}
	if err := unix.Sendmsg(socket, []byte{0}, unix.UnixRights(int(listener)), nil, 0); err != nil {
		return fmt.Errorf("send the listener: %w", err)
	}
	unix.CloseOnExec(socket)
	env := os.Environ()
	for n, v := range env {
		if strings.HasPrefix(v, variable+"=") {
			env = append(env[:n], env[n+1:]...)
			break
		}
	}
	return syscall.Exec(os.Args[1], os.Args[1:], env)
}

// program is the filter: it tells of the calls of a list, and lets all others pass.
func program(list []about) []unix.SockFilter {
	const number, arch = 0, 4 // offsets in struct seccomp_data
	f := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: arch},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: auditArch, Jt: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: number},
	}
	for _, a := range list {
		f = append(f, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: a.number, Jf: 1},
			unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_USER_NOTIF})
	}
	return append(f, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
}

// serve answers the process's calls.
func (i *Injector) serve() error {
	listener, err := receive(i.ends[0])
	_ = i.ends[0].Close() // all that comes over it has come
	if err != nil {
		return err
	}
	defer unix.Close(listener)
	list, err := numbersOf(i.rule.Calls)
	if err != nil {
		return err
	}
	places := map[int32]about{}
	for _, a := range list {
		places[int32(a.number)] = a
	}
	for {
		ready := []unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}}
		switch _, err := unix.Poll(ready, -1); {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return fmt.Errorf("wait for a call: %w", err)
		case ready[0].Revents&unix.POLLIN == 0:
			return nil // the process is gone
		}
		var n notification
		if err := ioctl(listener, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&n)); errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EINTR) {
			continue // who called was killed
		} else if err != nil {
			return fmt.Errorf("receive a call: %w", err)
		}
		if err := i.answer(listener, &n, places[n.number]); err != nil {
			return err
		}
	}
}

// receive takes a descriptor out of a socket.
func receive(from *os.File) (int, error) {
	space := make([]byte, unix.CmsgSpace(4))
	_, length, _, _, err := unix.Recvmsg(int(from.Fd()), make([]byte, 1), space, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return 0, fmt.Errorf("receive the listener: %w", err)
	}
	messages, err := unix.ParseSocketControlMessage(space[:length])
	if err == nil && len(messages) == 1 {
		var fds []int
		if fds, err = unix.ParseUnixRights(&messages[0]); err == nil && len(fds) == 1 {
			return fds[0], nil
		}
	}
	return 0, fmt.Errorf("the process sent no listener, its standard error says why (seccomp must be permitted, on Linux 5.19 or later): %w", errors.Join(err, io.ErrUnexpectedEOF))
}

func ioctl(fd int, request uint, argument unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(request), uintptr(argument)); errno != 0 {
		return errno
	}
	return nil
}

// answer lets a call go on, now or later, or has it fail.
func (i *Injector) answer(listener int, n *notification, a about) error {
	r := response{id: n.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
	send := func() error {
		if err := ioctl(listener, unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&r)); err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("answer a call: %w", err)
		}
		return nil // or who called was killed
	}
	if !below(n.file(a), i.rule.Under) || !i.count() {
		return send()
	}
	if i.rule.Errno != 0 {
		r.error, r.flags = -int32(i.rule.Errno), 0
		return send()
	}
	time.AfterFunc(i.rule.Delay, func() { _ = send() }) // if it fails the process has ended, or hangs, which its test sees
	return nil
}

// file is the path of the file that a call is about, "" if that cannot be said.
func (n *notification) file(a about) string {
	proc := "/proc/" + strconv.Itoa(int(n.pid))
	named := func(argument int) string {
		link := "/cwd"
		if fd := int32(n.args[argument]); fd != unix.AT_FDCWD {
			link = "/fd/" + strconv.Itoa(int(fd))
		}
		path, err := os.Readlink(proc + link)
		if err != nil {
			return ""
		}
		return strings.TrimSuffix(path, " (deleted)")
	}
	if !a.path {
		return named(a.at)
	}
	path, err := stringAt(proc+"/mem", int64(n.args[a.at]))
	switch {
	case err != nil:
		return ""
	case filepath.IsAbs(path):
		return filepath.Clean(path)
	case a.at == 0:
		cwd, _ := os.Readlink(proc + "/cwd") // "" is no absolute path, and below nothing
		return filepath.Join(cwd, path)
	}
	return filepath.Join(named(a.at-1), path)
}

// stringAt reads a string of C.
func stringAt(memory string, at int64) (string, error) {
	f, err := os.Open(memory)
	if err != nil {
		return "", err
	}
	defer f.Close()
	page := make([]byte, unix.PathMax)
	n, err := f.ReadAt(page, at) // it may reach beyond what is mapped
	end := bytes.IndexByte(page[:n], 0)
	if end < 0 {
		return "", errors.Join(err, errors.New("no end of a string"))
	}
	return string(page[:end]), nil
}

func below(path, directory string) bool {
	return path == directory || strings.HasPrefix(path, directory+"/")
}
