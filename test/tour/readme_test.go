// Package tour walks through what a newcomer does, with the release program that BIDA_BIN names: the tours of both READMEs exactly as they stand there,
// and the same way in small steps that are each looked at.
package tour

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/bidahq/bida/test/release"
)

var shellBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")

// slower gives a busy machine more time where the tour tells people to wait a moment.
const slower = "sleep() { case $1 in 0.*) command sleep $1 ;; *) command sleep $(($1 * 3)) ;; esac; }\n"

// script is all that a README tells to paste, for another address than the usual one, which may be in use.
func script(t *testing.T, readme, address string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", readme))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString(slower)
	for _, block := range shellBlock.FindAllStringSubmatch(string(text), -1) {
		b.WriteString(block[1])
	}
	s := strings.Replace(b.String(), "make build\n", "", 1)
	return strings.ReplaceAll(s, "127.0.0.1:8420", address)
}

// place is a directory that looks like the top of the repository to somebody who pastes.
func place(t *testing.T, program string) string {
	t.Helper()
	top, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, err := range []error{
		os.Mkdir(filepath.Join(dir, "bin"), 0o700),
		os.Symlink(program, filepath.Join(dir, "bin", "bida")),
		os.Symlink(filepath.Join(top, "deploy"), filepath.Join(dir, "deploy")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestTheToursOfBothReadmesWorkAsTheyArePasted(t *testing.T) {
	program := release.Program(t)
	for _, readme := range []string{"README.md", "README.zh-CN.md"} {
		t.Run(readme, func(t *testing.T) {
			t.Parallel()
			address, err := release.FreeAddress()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("bash", "-c", script(t, readme, address))
			cmd.Dir = place(t, program)
			cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + cmd.Dir, "TMPDIR=" + cmd.Dir, "LANG=C", "BIDA_LISTEN=" + address}
			p, err := release.Start(readme, cmd)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(p.Kill)
			if status, err := p.WaitFor(3 * release.Patience); err != nil || status != 0 {
				t.Fatalf("status %d, %v:\n%s", status, err, p.All())
			}
			out := strings.Join(p.Lines(release.Out), "\n")
			for _, want := range []struct {
				text  string
				times int // 0 for any number but none
			}{
				{`"status":"routed"`, 0},
				{"你好，我的包裹还没到 📦", 0},
				{`"code":"intake.duplicate_conflict"`, 1},
				{`已经在派送了，今天下午到 🚚`, 1},
				{"permission.kind.account_denied", 0},
				{"account.state.frozen", 0},
				{"断电之前的最后一句", 1},
				{"恢复之后的第一句", 1},
			} {
				if n := strings.Count(out, want.text); n == 0 || want.times > 0 && n != want.times {
					t.Errorf("%q is there %d times", want.text, n)
				}
			}
			if t.Failed() || testing.Verbose() {
				t.Log(p.All())
			}
		})
	}
}
