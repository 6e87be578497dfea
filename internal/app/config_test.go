package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bida.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFlagsWinOverTheEnvironmentAndTheEnvironmentOverTheFile(t *testing.T) {
	path := write(t, "listen: 127.0.0.1:1\ndata: from-file\nzone: Asia/Shanghai\nheartbeat: 2s\n")
	c, err := LoadConfig(Sources{
		File: path, Env: []string{"BIDA_LISTEN=127.0.0.1:2", "BIDA_DATA=from-environment", "BIDA_TOKEN=x", "BIDA_LOG_LEVEL="},
		Flags: map[string]string{"listen": "127.0.0.1:3"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:3" || c.Data != "from-environment" || c.Zone != "Asia/Shanghai" || c.Heartbeat != 2*time.Second || c.LogLevel != "info" {
		t.Fatalf("got %+v", c)
	}
	for key, want := range map[string]string{
		"listen": "--listen", "data": "BIDA_DATA", "zone": path, "log_level": "default", "connection_grace": "default",
	} {
		if c.From[key] != want {
			t.Errorf("%s is said to be from %q, want %q", key, c.From[key], want)
		}
	}
	if at, err := c.Location(); err != nil || at.String() != "Asia/Shanghai" {
		t.Errorf("zone is %v, %v", at, err)
	}
}

func TestTheFileMayBeNamedByTheEnvironmentAndMayBeEmpty(t *testing.T) {
	path := write(t, "data: there\n")
	c, err := LoadConfig(Sources{Env: []string{"BIDA_CONFIG=" + path}})
	if err != nil || c.Data != "there" {
		t.Fatalf("got %q, %v", c.Data, err)
	}
	if c, err = LoadConfig(Sources{File: write(t, "# nothing yet\n")}); err != nil || c.Data != "bida-data" {
		t.Fatalf("got %q, %v", c.Data, err)
	}
}

func TestWhatCannotBeUsedIsNamedWithItsPlace(t *testing.T) {
	tests := []struct {
		name, file string
		env        []string
		flags      map[string]string
		want       []string
	}{
		{"an unknown key", "lisen: 127.0.0.1:1\n", nil, nil, []string{"bida.yaml", "no key lisen", "connection_grace"}},
		{"an unknown key inside", "store:\n  path: x\n", nil, nil, []string{"no key store.path"}},
		{"a value of another type", "data: [a]\n", nil, nil, []string{"data (", "want text, got a list"}},
		{"a group where a value belongs", "data: {a: b}\n", nil, nil, []string{"data (", "want text, got a group of keys"}},
		{"a number without a unit", "heartbeat: 5\n", nil, nil, []string{"heartbeat (", "such as 20s", "got 5"}},
		{"a length of time in a variable", "", []string{"BIDA_STALE=soon"}, nil, []string{"stale (BIDA_STALE)", `"soon"`}},
		{"a key twice", "data: a\ndata: b\n", nil, nil, []string{"bida.yaml", "already defined"}},
		{"text that is not YAML", "data: [\n", nil, nil, []string{"bida.yaml"}},
		{"an address without a port", "", nil, map[string]string{"listen": "localhost"}, []string{"listen (--listen)", "HOST:PORT"}},
		{"a port out of range", "", nil, map[string]string{"listen": ":70000"}, []string{"listen (--listen)"}},
		{"an unknown zone", "", nil, map[string]string{"zone": "Mars/Olympus"}, []string{"zone (--zone)", "Mars/Olympus"}},
		{"an unknown level", "", nil, map[string]string{"log_level": "loud"}, []string{"log_level (--log-level)"}},
		{"another database", "", nil, map[string]string{"database": "mysql://bida:secret@db/bida"}, []string{"database (--database)", "postgres://"}},
		{"a stale time that quiet clients cannot meet", "stale: 5s\n", nil, nil, []string{"stale (", "heartbeat"}},
		{"a length of time that makes no sense", "ack_timeout: 0s\n", nil, nil, []string{"ack_timeout", "between"}},
		{"a rate of nothing", "limit_sender: 0/s\n", nil, nil, []string{"limit_sender (", `"0/s"`, "50/s"}},
		{"a rate that is a list", "limit_inbox: [1]\n", nil, nil, []string{"limit_inbox (", "got a list"}},
		{"a number where words are", "", []string{"BIDA_CONNECTIONS=many"}, nil, []string{"connections (BIDA_CONNECTIONS)", `"many"`}},
		{"connections for nobody", "connections: 3\n", nil, nil, []string{"connections (", "16"}},
		{"room without a unit", "min_free: 5\n", nil, nil, []string{"min_free (", "2GiB", "got 5"}},
		{"no room", "", nil, map[string]string{"min_free": "0MiB"}, []string{"min_free (--min-free)"}},
		{"no directory", "", nil, map[string]string{"data": ""}, []string{"data (--data)"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := LoadConfig(Sources{File: write(t, test.file), Env: test.env, Flags: test.flags})
			if err == nil {
				t.Fatal("it was taken")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "secret") {
				t.Errorf("%q is not one line, or tells a password", err)
			}
		})
	}
}

func TestAMissingFileIsNamed(t *testing.T) {
	_, err := LoadConfig(Sources{File: filepath.Join(t.TempDir(), "none.yaml")})
	if err == nil || !strings.Contains(err.Error(), "none.yaml") {
		t.Fatalf("got %v", err)
	}
}

func TestPasswordsAreNotShown(t *testing.T) {
	c, err := LoadConfig(Sources{Flags: map[string]string{"database": "postgres://bida:secret@db/bida"}})
	if err != nil {
		t.Fatal(err)
	}
	if v := c.Value("database"); strings.Contains(v, "secret") || !strings.Contains(v, "db/bida") {
		t.Errorf("database is shown as %q", v)
	}
	if c.Target() != "postgres://bida:secret@db/bida" {
		t.Errorf("target is %q", c.Target())
	}
}

func TestLimitsAreReadFromEverySourceAndShownAsTheyAreWritten(t *testing.T) {
	c, err := LoadConfig(Sources{
		File: write(t, "limit_sender: 50/s,300\nlimit_address: off\nconnections: 100\nmin_free: 2GiB\n"), Env: []string{"BIDA_CONNECTIONS_PER_ADDRESS=20"},
		Flags: map[string]string{"limit_visitor": "30/m"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"limit_sender": "50/s,300", "limit_address": "off", "limit_inbox": "off", "limit_visitor": "30/m,60", "limit_sign_in": "2/s,300",
		"connections": "100", "connections_per_address": "20", "min_free": "2GiB",
	} {
		if got := c.Value(key); got != want {
			t.Errorf("%s is shown as %s, want %s", key, got, want)
		}
	}
	if c.MinFree != 2<<30 {
		t.Errorf("the room is %d bytes", c.MinFree)
	}
	if d := DefaultConfig(); d.Value("min_free") != "auto" || !d.LimitSender.Off() || !d.LimitInbox.Off() || !d.LimitMessages.Off() {
		t.Error("by default messages are limited")
	}
}
