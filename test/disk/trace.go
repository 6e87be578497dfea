package disk

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// recorded are the calls that change a directory of data, or answer somebody.
const recorded = "open,openat,write,writev,pwrite64,lseek,ftruncate,fsync,fdatasync,/^rename,/^unlink,/^mkdir"

// call is one system call as strace saw it. Strace writes a line when a call begins and one when it has ended (one for both if nothing came between), in the
// order in which the kernel let them happen: what a call did, it did between its begin and its end.
type call struct {
	name       string
	fd         string   // the first argument, if that is a descriptor
	path       string   // of what fd is: a path, or how strace names a socket
	strings    []string // the other arguments in quotes
	rest       string   // what follows the last of them
	flags      string   // what is not in quotes
	result     int64
	failed     bool
	injected   bool
	begin, end int // lines; end is math.MaxInt if the call never ended
}

// trace is all calls of one process, in the order in which they began.
type trace struct {
	calls []*call
	lines int // of the whole trace; its exit comes after all of them
}

var (
	lineOf      = regexp.MustCompile(`^(\d+) +(.*)$`)
	resumed     = regexp.MustCompile(`^<\.\.\. (\w+) resumed>`)
	descriptor  = regexp.MustCompile(`^(AT_FDCWD|\d+)<(.*?)>(?:\(deleted\))?(?:,|\)|$)`)
	resultOf    = regexp.MustCompile(`\) += (-?\d+|\?)(.*)$`)
	endOfResult = regexp.MustCompile(`\(INJECTED\)`)
)

const unfinished = "<unfinished ...>"

// readTrace reads what strace wrote with -f -yy -xx.
func readTrace(from io.Reader) (*trace, error) {
	t := &trace{}
	under := map[string]*call{} // by thread
	begun := map[string]string{}
	lines := bufio.NewReaderSize(from, 1<<20)
	for n := 0; ; n++ {
		line, err := lines.ReadString('\n')
		if err == io.EOF && line == "" {
			t.lines = n
			return t, nil
		}
		if err != nil && err != io.EOF {
			return nil, err
		}
		found := lineOf.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if found == nil {
			return nil, fmt.Errorf("line %d of the trace cannot be read: %.200s", n+1, line)
		}
		thread, text := found[1], found[2]
		if strings.HasPrefix(text, "+++") || strings.HasPrefix(text, "---") {
			continue
		}
		c := &call{begin: n, end: math.MaxInt}
		if again := resumed.FindStringSubmatch(text); again != nil {
			if c = under[thread]; c == nil || c.name != again[1] {
				return nil, fmt.Errorf("line %d of the trace ends a call that did not begin: %.200s", n+1, line)
			}
			text = begun[thread] + strings.TrimPrefix(text, again[0])
			delete(under, thread)
			c.end = n
			if err := c.read(text); err != nil {
				return nil, fmt.Errorf("line %d of the trace: %w: %.200s", n+1, err, line)
			}
			continue
		}
		if before, ok := strings.CutSuffix(text, unfinished); ok {
			begun[thread] = strings.TrimRight(before, " ")
			under[thread] = c
			text = begun[thread]
		} else {
			c.end = n
		}
		if err := c.read(text); err != nil {
			return nil, fmt.Errorf("line %d of the trace: %w: %.200s", n+1, err, line)
		}
		t.calls = append(t.calls, c)
	}
}

// read takes a call apart. Of one that has not ended the result stays as it is.
func (c *call) read(text string) error {
	name, args, ok := strings.Cut(text, "(")
	if !ok {
		return fmt.Errorf("no call")
	}
	c.name, c.strings, c.rest = name, nil, ""
	if c.end != math.MaxInt {
		found := resultOf.FindStringSubmatchIndex(args)
		if found == nil {
			return fmt.Errorf("no result")
		}
		value := args[found[2]:found[3]]
		c.injected = endOfResult.MatchString(args[found[4]:])
		args = args[:found[0]]
		if value == "?" { // the process ended in it
			c.end, c.failed = math.MaxInt, true
		} else {
			c.result, _ = strconv.ParseInt(value, 10, 64) // digits
			c.failed = c.result < 0
		}
	}
	if found := descriptor.FindStringSubmatch(args); found != nil {
		c.fd, c.path = found[1], plain(found[2])
		if strings.Contains(found[0], "(deleted)") {
			c.path += "(deleted)"
		}
	}
	c.flags = ""
	for {
		begin := strings.IndexByte(args, '"')
		if begin < 0 {
			c.rest = args
			c.flags += args
			return nil
		}
		c.flags += args[:begin]
		args = args[begin+1:]
		end := 0
		for end < len(args) && args[end] != '"' {
			if args[end] == '\\' {
				end++
			}
			end++
		}
		if end >= len(args) {
			return fmt.Errorf("no end of a string")
		}
		c.strings = append(c.strings, plain(args[:end]))
		args = args[end+1:]
	}
}

// number is the n-th number after the last string.
func (c *call) number(n int) (int64, error) {
	parts := strings.Split(strings.TrimPrefix(c.rest, ","), ",")
	if n >= len(parts) {
		return 0, fmt.Errorf("%s has no argument %d: %s", c.name, n, c.rest)
	}
	return strconv.ParseInt(strings.TrimSpace(parts[n]), 0, 64)
}

// data is what a call wrote.
func (c *call) data() string {
	all := strings.Join(c.strings, "")
	if c.end != math.MaxInt && !c.failed && int64(len(all)) > c.result {
		return all[:c.result]
	}
	return all
}

// plain undoes strace's \xHH.
func plain(s string) string {
	if !strings.Contains(s, `\x`) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) / 4)
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) && s[i+1] == 'x' {
			b.WriteByte(digit(s[i+2])<<4 | digit(s[i+3]))
			i += 3
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func digit(c byte) byte {
	if c >= 'a' {
		return c - 'a' + 10
	}
	return c - '0'
}

// moment is the begin or the end of a call.
type moment struct {
	*call
	line  int
	ended bool
}

// moments are all of a trace in order.
func (t *trace) moments() []moment {
	var all []moment
	for _, c := range t.calls {
		all = append(all, moment{c, c.begin, false})
		if c.end != math.MaxInt {
			all = append(all, moment{c, c.end, true})
		}
	}
	slices.SortStableFunc(all, func(a, b moment) int { return cmp.Compare(a.line, b.line) })
	return all
}
