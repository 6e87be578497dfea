package cli

import (
	"fmt"

	"github.com/bidahq/bida/internal/app"
)

// configs is about the server's configuration.
type configs struct {
	Check configCheck `cmd:"" help:"Say whether the server could use its configuration."`
	Print configPrint `cmd:"" help:"Print the configuration in force, with where each value comes from. Passwords are left out."`
}

type configCheck struct{ settings }

// Run implements the command.
func (v *configCheck) Run(s *session) error {
	if _, err := s.load(v.given(), v.Config); err != nil {
		return &statusError{statusNo, err}
	}
	s.print("%s\n", s.pick("配置可用。", "The configuration can be used."))
	return nil
}

type configPrint struct {
	settings
	JSON bool `help:"As JSON."`
}

// Run implements the command.
func (v *configPrint) Run(s *session) error {
	c, err := s.load(v.given(), v.Config)
	if err != nil {
		return &statusError{statusNo, err}
	}
	if v.JSON {
		values := map[string]string{}
		for _, setting := range app.Settings() {
			values[setting.Key] = c.Value(setting.Key)
		}
		return s.document(map[string]any{"configuration": values, "from": c.From})
	}
	for _, setting := range app.Settings() {
		line := fmt.Sprintf("%s: %s", setting.Key, quoted(c.Value(setting.Key)))
		s.print("%-44s # %s; %s\n", line, c.From[setting.Key], setting.Help)
	}
	return nil
}

// quoted writes a value so that YAML reads it back as text.
func quoted(v string) string { return fmt.Sprintf("%q", v) }
