package fault

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_AARCH64

// calls are those that can be met.
var calls = map[string][]about{
	"read":      {{unix.SYS_READ, 0, false}},
	"pread64":   {{unix.SYS_PREAD64, 0, false}},
	"write":     {{unix.SYS_WRITE, 0, false}},
	"pwrite64":  {{unix.SYS_PWRITE64, 0, false}},
	"fsync":     {{unix.SYS_FSYNC, 0, false}, {unix.SYS_FDATASYNC, 0, false}},
	"ftruncate": {{unix.SYS_FTRUNCATE, 0, false}},
	"open":      {{unix.SYS_OPENAT, 1, true}},
	"rename":    {{unix.SYS_RENAMEAT, 1, true}, {unix.SYS_RENAMEAT2, 1, true}},
	"mkdir":     {{unix.SYS_MKDIRAT, 1, true}},
	"unlink":    {{unix.SYS_UNLINKAT, 1, true}},
}
