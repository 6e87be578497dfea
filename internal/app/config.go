package app

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/bidahq/bida/internal/channel/web"
	"github.com/bidahq/bida/internal/httpapi"
	"github.com/bidahq/bida/internal/identity"
	"github.com/bidahq/bida/internal/limit"
)

// Config is all that a server can be told. Every member has a key, which is a key of the file, a variable and a flag at once (see settings).
type Config struct {
	Data     string
	Database string
	Listen   string
	Policy   string
	Zone     string
	// TrustedProxies are addresses and networks, with commas between them.
	TrustedProxies string
	Demo           bool

	LogLevel  string
	LogFormat string

	ConnectionGrace time.Duration
	PresenceGrace   time.Duration
	AckTimeout      time.Duration
	Heartbeat       time.Duration
	Stale           time.Duration

	SessionIdle     time.Duration
	SessionLength   time.Duration
	SessionRotation time.Duration

	LimitSender     limit.Rate
	LimitInbox      limit.Rate
	LimitMessages   limit.Rate
	LimitVisitor    limit.Rate
	LimitAddress    limit.Rate
	LimitSignIn     limit.Rate
	LimitWrongToken limit.Rate

	// Connections of HTTP at the same time, of all and from one address.
	Connections           int
	ConnectionsPerAddress int
	// MinFree is the room in bytes below which nothing new is taken in; 0 for what fits the disk.
	MinFree uint64

	// From says where each key's value was taken from, by key; "default" where nobody said anything.
	From map[string]string
}

// DefaultConfig is what holds where nobody says otherwise: the one place for defaults.
func DefaultConfig() Config {
	c := Config{
		Data:            "bida-data",
		Listen:          "127.0.0.1:8420",
		Zone:            "local",
		LogLevel:        "info",
		LogFormat:       "text",
		ConnectionGrace: 20 * time.Second,
		PresenceGrace:   5 * time.Minute,
		AckTimeout:      5 * time.Second,
		Heartbeat:       5 * time.Second,
		Stale:           15 * time.Second,
		SessionIdle:     identity.DefaultIdle,
		SessionLength:   identity.DefaultLength,
		SessionRotation: identity.DefaultRotation,
		LimitVisitor:    web.DefaultLimits().Messages,
		LimitAddress:    web.DefaultLimits().AddressMessages,
		LimitSignIn:     httpapi.DefaultLimits().SignIn,
		LimitWrongToken: httpapi.DefaultLimits().WrongToken,
		From:            map[string]string{},

		Connections: 20_000, ConnectionsPerAddress: 4_096,
	}
	for _, s := range settings {
		c.From[s.Key] = "default"
	}
	return c
}

// Setting describes one key of the configuration for the people who set it.
type Setting struct {
	Key  string // in the file; as a flag --KEY with dashes, as a variable BIDA_KEY in capitals
	Help string

	read func(c *Config, value any) error
	show func(c *Config) string
}

// Flag is the name of the setting's flag, without dashes before it.
func (s Setting) Flag() string { return strings.ReplaceAll(s.Key, "_", "-") }

// Variable is the name of the setting's environment variable.
func (s Setting) Variable() string { return envPrefix + strings.ToUpper(s.Key) }

const envPrefix = "BIDA_"

// settings lists every key once, in the order in which they are printed.
var settings = []Setting{
	text("data", "directory for the embedded database, the lock and the admin socket", func(c *Config) *string { return &c.Data }),
	text("database", "postgres://… to use PostgreSQL instead of the embedded database", func(c *Config) *string { return &c.Database }),
	text("listen", "address to serve HTTP on", func(c *Config) *string { return &c.Listen }),
	text("policy", "policy file that is applied at start while there is no policy yet", func(c *Config) *string { return &c.Policy }),
	yesNo("demo", "fill an empty data directory with a demo company, and serve its web shop; only on a loopback address", func(c *Config) *bool { return &c.Demo }),
	text("zone", "time zone in which times are put into words: local, or a name such as Asia/Shanghai", func(c *Config) *string { return &c.Zone }),
	text("trusted_proxies", "addresses or networks of proxies in front, with commas between them, whose X-Forwarded-For is believed", func(c *Config) *string { return &c.TrustedProxies }),
	text("log_level", "debug, info, warn or error", func(c *Config) *string { return &c.LogLevel }),
	text("log_format", "text or json", func(c *Config) *string { return &c.LogFormat }),
	length("connection_grace", "how long an agent whose connection is lost keeps its conversations", func(c *Config) *time.Duration { return &c.ConnectionGrace }),
	length("presence_grace", "how long an agent who is away or offline keeps its conversations", func(c *Config) *time.Duration { return &c.PresenceGrace }),
	length("ack_timeout", "how long a client may take to acknowledge a message", func(c *Config) *time.Duration { return &c.AckTimeout }),
	length("heartbeat", "after how much silence a client is asked for a sign of life", func(c *Config) *time.Duration { return &c.Heartbeat }),
	length("stale", "after how much silence a client's connection is closed", func(c *Config) *time.Duration { return &c.Stale }),
	length("session_idle", "after how long without use a browser is signed out; an open connection is use", func(c *Config) *time.Duration { return &c.SessionIdle }),
	length("session_length", "after how long a browser is signed out however much it is used", func(c *Config) *time.Duration { return &c.SessionLength }),
	length("session_rotation", "after how long the secret in a browser's cookie is changed for another", func(c *Config) *time.Duration { return &c.SessionRotation }),
	rate("limit_sender", "how many messages one account may hand in: off, or a rate such as 50/s,300 (the last: at once)", func(c *Config) *limit.Rate { return &c.LimitSender }),
	rate("limit_inbox", "how many messages one inbox takes, visitors' too", func(c *Config) *limit.Rate { return &c.LimitInbox }),
	rate("limit_messages", "how many messages are taken in all", func(c *Config) *limit.Rate { return &c.LimitMessages }),
	rate("limit_visitor", "how many messages one visitor may write", func(c *Config) *limit.Rate { return &c.LimitVisitor }),
	rate("limit_address", "how many messages visitors from one address may write", func(c *Config) *limit.Rate { return &c.LimitAddress }),
	rate("limit_sign_in", "how many sign-ins may be tried from one address", func(c *Config) *limit.Rate { return &c.LimitSignIn }),
	rate("limit_wrong_token", "how many requests without a valid token from one address are answered in full", func(c *Config) *limit.Rate { return &c.LimitWrongToken }),
	count("connections", "how many connections may be open; fewer if the system gives this process fewer files", func(c *Config) *int { return &c.Connections }),
	count("connections_per_address", "how many of them may come from one address", func(c *Config) *int { return &c.ConnectionsPerAddress }),
	room("min_free", "room on the disk of the data directory below which nothing new is taken in: auto, or an amount such as 2GiB", func(c *Config) *uint64 { return &c.MinFree }),
}

// Settings lists all keys in their order.
func Settings() []Setting { return slices.Clone(settings) }

func text(key, help string, at func(*Config) *string) Setting {
	return Setting{
		Key: key, Help: help,
		read: func(c *Config, value any) error {
			s, ok := value.(string)
			if !ok {
				return fmt.Errorf("want text, got %s", describe(value))
			}
			*at(c) = s
			return nil
		},
		show: func(c *Config) string { return *at(c) },
	}
}

func yesNo(key, help string, at func(*Config) *bool) Setting {
	return Setting{
		Key: key, Help: help,
		read: func(c *Config, value any) error {
			b, ok := value.(bool)
			if s, isText := value.(string); isText {
				b, ok = s == "true", s == "true" || s == "false"
			}
			if !ok {
				return fmt.Errorf("want true or false, got %s", describe(value))
			}
			*at(c) = b
			return nil
		},
		show: func(c *Config) string { return strconv.FormatBool(*at(c)) },
	}
}

func length(key, help string, at func(*Config) *time.Duration) Setting {
	return Setting{
		Key: key, Help: help,
		read: func(c *Config, value any) error {
			s, ok := value.(string)
			d, err := time.ParseDuration(s)
			if !ok || err != nil {
				return fmt.Errorf("want a length of time such as 20s or 5m, got %s", describe(value))
			}
			*at(c) = d
			return nil
		},
		show: func(c *Config) string { return at(c).String() },
	}
}

func rate(key, help string, at func(*Config) *limit.Rate) Setting {
	return Setting{
		Key: key, Help: help,
		read: func(c *Config, value any) error {
			s, ok := value.(string)
			r, err := limit.Parse(s)
			if !ok || err != nil {
				return fmt.Errorf("want off, or a rate such as 50/s or 50/s,300, got %s", describe(value))
			}
			*at(c) = r
			return nil
		},
		show: func(c *Config) string { return at(c).String() },
	}
}

func count(key, help string, at func(*Config) *int) Setting {
	return Setting{
		Key: key, Help: help,
		read: func(c *Config, value any) error {
			n, err := strconv.Atoi(fmt.Sprint(value))
			if err != nil {
				return fmt.Errorf("want a number, got %s", describe(value))
			}
			*at(c) = n
			return nil
		},
		show: func(c *Config) string { return strconv.Itoa(*at(c)) },
	}
}

type roomUnit struct {
	name  string
	bytes uint64
}

// roomUnits are the units of an amount of room, the largest first.
var roomUnits = []roomUnit{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}

func room(key, help string, at func(*Config) *uint64) Setting {
	return Setting{
		Key: key, Help: help,
		read: func(c *Config, value any) error {
			n, ok := parseRoom(fmt.Sprint(value))
			if !ok {
				return fmt.Errorf("want auto, or an amount such as 512MiB or 2GiB, got %s", describe(value))
			}
			*at(c) = n
			return nil
		},
		show: func(c *Config) string { return formatRoom(*at(c)) },
	}
}

// parseRoom reads an amount of room; auto is 0.
func parseRoom(text string) (uint64, bool) {
	if text == "auto" {
		return 0, true
	}
	for _, u := range roomUnits {
		if digits, ok := strings.CutSuffix(text, u.name); ok {
			n, err := strconv.ParseUint(digits, 10, 32)
			return n * u.bytes, err == nil && n > 0
		}
	}
	return 0, false
}

func formatRoom(n uint64) string {
	if n == 0 {
		return "auto"
	}
	i := slices.IndexFunc(roomUnits, func(u roomUnit) bool { return n%u.bytes == 0 })
	return strconv.FormatUint(n/roomUnits[i].bytes, 10) + roomUnits[i].name // what was read is so many KiB
}

// describe names a value in an error.
func describe(value any) string {
	switch v := value.(type) {
	case nil:
		return "nothing"
	case string:
		return strconv.Quote(v)
	case []any:
		return "a list"
	case map[string]any:
		return "a group of keys"
	default:
		return fmt.Sprint(v)
	}
}

// Value is a key's value as the file would have it; passwords are left out.
func (c *Config) Value(key string) string {
	for _, s := range settings {
		if s.Key == key {
			v := s.show(c)
			if u, err := url.Parse(v); key == "database" && err == nil {
				return u.Redacted()
			}
			return v
		}
	}
	return ""
}

// fault names a value that cannot be used, and where it was said.
func (c *Config) fault(key, format string, args ...any) error {
	return fmt.Errorf("configuration: %s (%s): %s", key, c.From[key], fmt.Sprintf(format, args...))
}

// Validate names the first value that cannot be used.
func (c *Config) Validate() error {
	if c.Data == "" {
		return c.fault("data", "name a directory")
	}
	if err := c.validateDatabase(); err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(c.Listen)
	if _, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || strings.ContainsAny(host, " /") {
		return c.fault("listen", "want HOST:PORT such as 127.0.0.1:8420, got %q", c.Listen)
	}
	if c.Demo && !loopback(host) {
		return c.fault("demo", "the demo company is for this machine only; %s can be reached from others. Listen on 127.0.0.1, or leave the demo out", c.Listen)
	}
	if c.Demo && c.Policy != "" {
		return c.fault("demo", "the demo company has settings of its own; leave out either the demo or the policy file (%s)", c.Policy)
	}
	if _, err := c.Location(); err != nil {
		return c.fault("zone", "%q is not a time zone; write local, or a name such as Asia/Shanghai", c.Zone)
	}
	if _, err := c.Proxies(); err != nil {
		return c.fault("trusted_proxies", "%v", err)
	}
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.LogLevel) {
		return c.fault("log_level", "want debug, info, warn or error, got %q", c.LogLevel)
	}
	if !slices.Contains([]string{"text", "json"}, c.LogFormat) {
		return c.fault("log_format", "want text or json, got %q", c.LogFormat)
	}
	for _, n := range []struct {
		key   string
		value int
	}{{"connections", c.Connections}, {"connections_per_address", c.ConnectionsPerAddress}} {
		if n.value < 16 || n.value > 1_000_000 {
			return c.fault(n.key, "want a number from 16 to 1000000, got %d", n.value)
		}
	}
	return c.validateTimes()
}

// loopback says that a host to listen on cannot be reached from other machines.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (c *Config) validateDatabase() error {
	if c.Database == "" {
		return nil
	}
	u, err := url.Parse(c.Database)
	if err != nil { // the error would repeat the address with its password
		return c.fault("database", "this is not an address of a database; want postgres://USER@HOST/NAME")
	}
	if u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return c.fault("database", "want postgres://USER@HOST/NAME, or nothing for the embedded database, got %q", u.Redacted())
	}
	return nil
}

func (c *Config) validateTimes() error {
	for _, t := range []struct {
		key          string
		value        time.Duration
		atLeast, max time.Duration
	}{
		{"connection_grace", c.ConnectionGrace, 0, time.Hour},
		{"presence_grace", c.PresenceGrace, 0, 24 * time.Hour},
		{"ack_timeout", c.AckTimeout, 100 * time.Millisecond, time.Minute},
		{"heartbeat", c.Heartbeat, 100 * time.Millisecond, time.Minute},
		{"stale", c.Stale, 200 * time.Millisecond, 5 * time.Minute},
		{"session_idle", c.SessionIdle, 5 * time.Minute, 30 * 24 * time.Hour},
		{"session_length", c.SessionLength, 5 * time.Minute, 30 * 24 * time.Hour},
		{"session_rotation", c.SessionRotation, time.Minute, 24 * time.Hour},
	} {
		if t.value < t.atLeast || t.value > t.max {
			return c.fault(t.key, "want something between %s and %s, got %s", t.atLeast, t.max, t.value)
		}
	}
	if c.Stale < 2*c.Heartbeat {
		return c.fault("stale", "%s is less than twice the heartbeat (%s): every quiet client would be taken for dead", c.Stale, c.Heartbeat)
	}
	return nil
}

// Location is the zone in which times are put into words.
func (c *Config) Location() (*time.Location, error) {
	if c.Zone == "local" || c.Zone == "" {
		return time.Local, nil
	}
	if c.Zone == "Local" {
		return nil, errors.New("write local")
	}
	return time.LoadLocation(c.Zone)
}

// Proxies are the networks of the proxies that are trusted.
func (c *Config) Proxies() ([]netip.Prefix, error) {
	var list []netip.Prefix
	for part := range strings.FieldsFuncSeq(c.TrustedProxies, func(r rune) bool { return r == ',' || r == ' ' }) {
		if a, err := netip.ParseAddr(part); err == nil {
			list = append(list, netip.PrefixFrom(a, a.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(part)
		if err != nil {
			return nil, fmt.Errorf("%q is no address or network such as 10.0.0.1 or 10.0.0.0/8", part)
		}
		list = append(list, p)
	}
	return list, nil
}

// Target is what store.Open is given.
func (c *Config) Target() string {
	if c.Database != "" {
		return c.Database
	}
	return c.Data
}

// ensureData makes the data directory, for the lock and the admin socket, whatever the database is.
func (c *Config) ensureData() error {
	var err error
	if c.Data, err = filepath.Abs(c.Data); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	return syncNames(c.Data)
}

// syncNames makes a directory's name durable, and those of the directories that it lies in: everything below is synced by whoever writes it, but would go with a
// name that a cut of the power takes away. Who made them, and when, is not known here, so all are synced at each start. A directory that may not be read or
// written was made by somebody else; not every file system can sync one.
func syncNames(directory string) error {
	for parent := filepath.Dir(directory); ; parent = filepath.Dir(parent) {
		d, err := os.Open(parent)
		if err == nil {
			err = errors.Join(d.Sync(), d.Close())
		}
		if err != nil && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.EROFS) {
			return fmt.Errorf("data directory: %w", err)
		}
		if parent == filepath.Dir(parent) {
			return nil
		}
	}
}
