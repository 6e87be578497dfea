package app

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
)

// Sources are what a configuration is read from, the strongest first.
type Sources struct {
	Flags map[string]string // by key; only those that were given
	Env   []string          // as os.Environ gives it
	File  string            // "" for none; BIDA_CONFIG is looked at too
}

// LoadConfig reads and validates a configuration. Unknown keys of the file are refused; the error names the key and where it stands.
func LoadConfig(from Sources) (Config, error) {
	c := DefaultConfig()
	path := from.File
	for _, entry := range from.Env {
		if name, value, _ := strings.Cut(entry, "="); name == envPrefix+"CONFIG" && path == "" {
			path = value
		}
	}
	for _, l := range []layer{
		{name: func(Setting) string { return path }, load: func(k *koanf.Koanf) error { return loadFile(k, path) }},
		{name: Setting.Variable, load: func(k *koanf.Koanf) error { return k.Load(environment(from.Env), nil) }},
		{name: func(s Setting) string { return "--" + s.Flag() }, load: func(k *koanf.Koanf) error { return k.Load(confmap.Provider(given(from.Flags), ""), nil) }},
	} {
		if err := l.into(&c); err != nil {
			return Config{}, err
		}
	}
	return c, c.Validate()
}

// layer is one source, and what it calls a setting.
type layer struct {
	name func(Setting) string
	load func(*koanf.Koanf) error
}

func (l layer) into(c *Config) error {
	k := koanf.New(".")
	if err := l.load(k); err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	values := k.Raw()
	for _, s := range settings {
		value, ok := values[s.Key]
		if !ok {
			continue
		}
		c.From[s.Key] = l.name(s)
		if err := s.read(c, value); err != nil {
			return c.fault(s.Key, "%v", err)
		}
	}
	for _, key := range k.Keys() { // in order
		first, _, _ := strings.Cut(key, ".")
		if !slices.ContainsFunc(settings, func(s Setting) bool { return s.Key == first }) {
			return fmt.Errorf("configuration: %s: there is no key %s; the keys are %s", l.name(Setting{}), key, keys())
		}
	}
	return nil
}

func keys() string {
	var list []string
	for _, s := range settings {
		list = append(list, s.Key)
	}
	return strings.Join(list, ", ")
}

func given(flags map[string]string) map[string]any {
	values := map[string]any{}
	for key, value := range flags {
		values[key] = value
	}
	return values
}

func loadFile(k *koanf.Koanf, path string) error {
	if path == "" {
		return nil
	}
	err := k.Load(file.Provider(path), yaml.Parser())
	var cannot *fs.PathError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &cannot):
		return fmt.Errorf("%s: %w", path, cannot.Err)
	default:
		return fmt.Errorf("%s: %s", path, strings.Join(strings.Fields(err.Error()), " "))
	}
}

// environment takes the variables that are settings; an empty one counts as not given. Other BIDA_ variables belong to other commands.
func environment(all []string) koanf.Provider {
	return env.Provider(".", env.Opt{
		Prefix:      envPrefix,
		EnvironFunc: func() []string { return all },
		TransformFunc: func(name, value string) (string, any) {
			for _, s := range settings {
				if s.Variable() == name && value != "" {
					return s.Key, value
				}
			}
			return "", nil
		},
	})
}
