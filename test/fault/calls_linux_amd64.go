package fault

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_X86_64

// calls are those that can be met. The embedded database calls some by their old names.
var calls = map[string][]about{
	"read":      {{unix.SYS_READ, 0, false}},
	"pread64":   {{unix.SYS_PREAD64, 0, false}},
	"write":     {{unix.SYS_WRITE, 0, false}},
	"pwrite64":  {{unix.SYS_PWRITE64, 0, false}},
	"fsync":     {{unix.SYS_FSYNC, 0, false}, {unix.SYS_FDATASYNC, 0, false}},
	"ftruncate": {{unix.SYS_FTRUNCATE, 0, false}},
	"open":      {{unix.SYS_OPEN, 0, true}, {unix.SYS_OPENAT, 1, true}},
	"rename":    {{unix.SYS_RENAME, 0, true}, {unix.SYS_RENAMEAT, 1, true}, {unix.SYS_RENAMEAT2, 1, true}},
	"mkdir":     {{unix.SYS_MKDIR, 0, true}, {unix.SYS_MKDIRAT, 1, true}},
	"unlink":    {{unix.SYS_UNLINK, 0, true}, {unix.SYS_UNLINKAT, 1, true}},
}
