package cli

import (
	"errors"
	"log/slog"
	"strconv"

	"github.com/bidahq/bida/internal/app"
)

// settings are the flags for every key of the configuration. A flag that is not given leaves the key to the environment and the file.
type settings struct {
	placeSettings

	Listen          *string `help:"Address to serve HTTP on (127.0.0.1:8420)." placeholder:"ADDR"`
	Policy          *string `help:"Policy file to apply while there is no policy yet." placeholder:"FILE"`
	Demo            *bool   `help:"Fill an empty data directory with a demo company, and serve its web shop; only on a loopback address."`
	Zone            *string `help:"Time zone for times in words (local)." placeholder:"ZONE"`
	ConnectionGrace *string `help:"How long an agent whose connection is lost keeps its conversations (20s)." placeholder:"TIME"`
	PresenceGrace   *string `help:"How long an agent who is away or offline keeps its conversations (5m)." placeholder:"TIME"`
	AckTimeout      *string `help:"How long a client may take to acknowledge a message (5s)." placeholder:"TIME"`
	Heartbeat       *string `help:"Silence after which a client is asked for a sign of life (5s)." placeholder:"TIME"`
	Stale           *string `help:"Silence after which a client's connection is closed (15s)." placeholder:"TIME"`
	TrustedProxies  *string `help:"Addresses or networks of proxies in front whose X-Forwarded-For is believed." placeholder:"LIST"`
	SessionIdle     *string `help:"How long a browser may go unused before it is signed out (2h)." placeholder:"TIME"`
	SessionLength   *string `help:"How long a browser stays signed in at most (16h)." placeholder:"TIME"`
	SessionRotation *string `help:"How old the secret in a browser's cookie gets (10m)." placeholder:"TIME"`

	LimitSender           *string `help:"Messages that one account may hand in, such as 50/s or 50/s,300 (off)." placeholder:"RATE"`
	LimitInbox            *string `help:"Messages that one inbox takes (off)." placeholder:"RATE"`
	LimitMessages         *string `help:"Messages that are taken in all (off)." placeholder:"RATE"`
	LimitVisitor          *string `help:"Messages that one visitor may write (1/s,20)." placeholder:"RATE"`
	LimitAddress          *string `help:"Messages that visitors from one address may write (50/s,300)." placeholder:"RATE"`
	LimitSignIn           *string `help:"Sign-ins that may be tried from one address (2/s,300)." placeholder:"RATE"`
	LimitWrongToken       *string `help:"Requests without a valid token from one address that are answered in full (10/s,100)." placeholder:"RATE"`
	Connections           *string `help:"Connections that may be open (20000)." placeholder:"N"`
	ConnectionsPerAddress *string `help:"Connections from one address (4096)." placeholder:"N"`
	MinFree               *string `help:"Room on the disk below which nothing new is taken in, such as 2GiB (auto)." placeholder:"SIZE"`
}

// placeSettings are the flags that say where the data is.
type placeSettings struct {
	Data      *string `help:"Data directory (bida-data)." placeholder:"DIR"`
	Database  *string `help:"postgres://… to use PostgreSQL instead of the embedded database." placeholder:"URL"`
	Config    *string `help:"Configuration file (YAML)." placeholder:"FILE"`
	LogLevel  *string `help:"debug, info, warn or error (info)." placeholder:"LEVEL"`
	LogFormat *string `help:"text or json (text)." placeholder:"FORMAT"`
}

// given collects what was said by flag, by key.
func (p *placeSettings) given() map[string]*string {
	return map[string]*string{"data": p.Data, "database": p.Database, "log_level": p.LogLevel, "log_format": p.LogFormat}
}

func (f *settings) given() map[string]*string {
	all := f.placeSettings.given()
	for key, value := range map[string]*string{
		"listen": f.Listen, "policy": f.Policy, "zone": f.Zone, "connection_grace": f.ConnectionGrace, "presence_grace": f.PresenceGrace,
		"ack_timeout": f.AckTimeout, "heartbeat": f.Heartbeat, "stale": f.Stale, "trusted_proxies": f.TrustedProxies,
		"session_idle": f.SessionIdle, "session_length": f.SessionLength, "session_rotation": f.SessionRotation,
		"limit_sender": f.LimitSender, "limit_inbox": f.LimitInbox, "limit_messages": f.LimitMessages, "limit_visitor": f.LimitVisitor,
		"limit_address": f.LimitAddress, "limit_sign_in": f.LimitSignIn, "limit_wrong_token": f.LimitWrongToken,
		"connections": f.Connections, "connections_per_address": f.ConnectionsPerAddress, "min_free": f.MinFree,
	} {
		all[key] = value
	}
	if f.Demo != nil {
		demo := strconv.FormatBool(*f.Demo)
		all["demo"] = &demo
	}
	return all
}

// load reads the configuration with what the flags say.
func (s *session) load(flags map[string]*string, file *string) (app.Config, error) {
	from := app.Sources{Env: s.Env, Flags: map[string]string{}}
	for key, value := range flags {
		if value != nil {
			from.Flags[key] = *value
		}
	}
	if file != nil {
		if from.File = *file; *file == "" {
			return app.Config{}, usage("--config: name a file")
		}
	}
	return app.LoadConfig(from)
}

// logger writes logs to standard error as the configuration wants them.
func (s *session) logger(c app.Config) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.LogLevel)) // validated
	o := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(s.Err, o))
	}
	return slog.New(slog.NewTextHandler(s.Err, o))
}

// serve runs the server.
type serve struct {
	settings
}

// Run implements the command. Whatever keeps the server from starting has status 2; what ends it later by itself, 1.
func (v *serve) Run(s *session) error {
	c, err := s.load(v.given(), v.Config)
	if err != nil {
		return err
	}
	log := s.logger(c)
	a, err := app.New(s.ctx, c, app.Options{Version: s.Version, Log: log})
	if err != nil {
		return err
	}
	if err := a.Start(); err != nil {
		return errors.Join(err, a.Stop())
	}
	if company := a.Demo(); company != nil {
		s.showDemo("http://"+a.Addr().String(), company)
	}
	select {
	case <-s.ctx.Done():
		log.Info("stopping")
		err = nil
	case <-a.Ended():
		err = &statusError{statusNo, a.Err()}
	}
	if stopped := a.Stop(); err == nil && stopped != nil {
		err = &statusError{statusNo, stopped}
	}
	return err
}
