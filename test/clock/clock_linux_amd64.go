package clock

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// Clock is the wall clock of a process. Its methods may be called from many goroutines, also when the process has ended.
type Clock struct {
	mu     sync.Mutex
	memory *os.File
	at     int64 // of the places, in the process's memory
	active byte  // the place that holds
}

// The function clock_gettime(edi: clock, rsi: *struct timespec). What it adds lies in one of two places behind it; which one is a byte behind those, so that a
// new value is there whole or not at all.
var code = []byte{
	0xb8, 0xe4, 0x00, 0x00, 0x00, // mov eax, 228: the system call
	0x0f, 0x05, // syscall
	0x85, 0xff, // test edi, edi: CLOCK_REALTIME
	0x74, 0x05, // je adjust
	0x83, 0xff, 0x05, // cmp edi, 5: CLOCK_REALTIME_COARSE
	0x75, 0x37, // jne done
	// adjust:
	0x85, 0xc0, // test eax, eax
	0x75, 0x33, // jne done
	0x0f, 0xb6, 0x0d, 0x3d, 0x00, 0x00, 0x00, // movzx ecx, byte [active]
	0x4c, 0x8d, 0x05, 0x26, 0x00, 0x00, 0x00, // lea r8, [places]
	0x4d, 0x8b, 0x04, 0xc8, // mov r8, [r8+rcx*8]
	0x48, 0x69, 0x06, 0x00, 0xca, 0x9a, 0x3b, // imul rax, [rsi], 1000000000
	0x48, 0x03, 0x46, 0x08, // add rax, [rsi+8]
	0x4c, 0x01, 0xc0, // add rax, r8
	0x31, 0xd2, // xor edx, edx
	0xb9, 0x00, 0xca, 0x9a, 0x3b, // mov ecx, 1000000000
	0x48, 0xf7, 0xf1, // div rcx
	0x48, 0x89, 0x06, // mov [rsi], rax
	0x48, 0x89, 0x56, 0x08, // mov [rsi+8], rdx
	0x31, 0xc0, // xor eax, eax
	// done:
	0xc3, // ret
}

// trap ends a process: who asked for the time in another way than the one that is replaced would get another time.
var trap = []byte{0x0f, 0x0b}

const (
	places   = 72 // behind the code's begin
	active   = places + 2*8
	together = active + 1
)

// Start starts a command as its Start does, with a clock that is that much ahead of the machine's, or behind it.
func Start(cmd *exec.Cmd, ahead time.Duration) (*Clock, error) {
	runtime.LockOSThread() // who traces is a thread
	defer runtime.UnlockOSThread()
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Ptrace = true // it stops when it has been executed
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	pid := cmd.Process.Pid
	c, err := replace(pid, ahead)
	if err == nil {
		err = syscall.PtraceDetach(pid)
	}
	if err != nil {
		_ = cmd.Process.Kill() // why it could not be done is what matters
		_ = cmd.Wait()
		return nil, fmt.Errorf("give the process a clock of its own (ptrace, and writing to its memory, must be permitted): %w", err)
	}
	return c, nil
}

// replace waits until the process has stopped, and replaces the code.
func replace(pid int, ahead time.Duration) (*Clock, error) {
	var status syscall.WaitStatus
	for {
		_, err := syscall.Wait4(pid, &status, 0, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil || !status.Stopped() || status.StopSignal() != syscall.SIGTRAP {
			return nil, fmt.Errorf("it did not stop when it was executed: %#x, %w", status, err)
		}
		break
	}
	memory, err := os.OpenFile("/proc/"+strconv.Itoa(pid)+"/mem", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	c := &Clock{memory: memory}
	runtime.AddCleanup(c, func(f *os.File) { _ = f.Close() }, memory)
	image, base, err := vdso(pid, memory)
	if err != nil {
		return nil, err
	}
	own := make([]byte, together)
	copy(own, code)
	binary.LittleEndian.PutUint64(own[places:], uint64(ahead))
	for name, text := range map[string][]byte{"__vdso_clock_gettime": own, "__vdso_gettimeofday": trap, "__vdso_time": trap} {
		at, size, err := function(image, name)
		switch {
		case err != nil:
			return nil, err
		case size < uint64(len(text)):
			return nil, fmt.Errorf("the vDSO's %s has only %d bytes", name, size)
		case name == "__vdso_clock_gettime":
			c.at = base + int64(at) + places
		}
		if _, err := memory.WriteAt(text, base+int64(at)); err != nil {
			return nil, fmt.Errorf("write to the vDSO: %w", err)
		}
	}
	return c, nil
}

var mapping = regexp.MustCompile(`(?m)^([0-9a-f]+)-([0-9a-f]+) .*\[vdso\]$`)

// vdso reads what the kernel has mapped into a process.
func vdso(pid int, memory *os.File) (image []byte, base int64, err error) {
	maps, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/maps")
	if err != nil {
		return nil, 0, err
	}
	found := mapping.FindSubmatch(maps)
	if found == nil {
		return nil, 0, errors.New("the kernel has mapped no vDSO")
	}
	base, err = strconv.ParseInt(string(found[1]), 16, 64)
	if err != nil {
		return nil, 0, err
	}
	end, err := strconv.ParseInt(string(found[2]), 16, 64)
	if err != nil {
		return nil, 0, err
	}
	image = make([]byte, end-base)
	_, err = memory.ReadAt(image, base)
	return image, base, err
}

// function finds a function of the vDSO.
func function(image []byte, name string) (at, size uint64, err error) {
	f, err := elf.NewFile(bytes.NewReader(image))
	if err != nil {
		return 0, 0, fmt.Errorf("read the vDSO: %w", err)
	}
	symbols, err := f.DynamicSymbols()
	if err != nil {
		return 0, 0, fmt.Errorf("read the vDSO: %w", err)
	}
	for _, s := range symbols {
		if s.Name == name {
			return s.Value, s.Size, nil
		}
	}
	return 0, 0, fmt.Errorf("the vDSO has no %s", name)
}

// Set has the process's clock be that much ahead of the machine's, or behind it, at once.
func (c *Clock) Set(ahead time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := 1 - c.active
	if _, err := c.memory.WriteAt(binary.LittleEndian.AppendUint64(nil, uint64(ahead)), c.at+8*int64(next)); err != nil {
		return fmt.Errorf("set the process's clock: %w", err)
	}
	if _, err := c.memory.WriteAt([]byte{next}, c.at+active-places); err != nil {
		return fmt.Errorf("set the process's clock: %w", err)
	}
	c.active = next
	return nil
}
