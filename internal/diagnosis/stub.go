package diagnosis

import (
	"time"

	"github.com/bidahq/bida/internal/ledger"
)

type (
	moment  struct{}
	history struct{}
	cell    struct{}
	finding struct{}
	entry   struct{}
	day     struct{}
	sets    struct{}
)

func newSets() *sets { return &sets{} }

func (r *run) resolve(*ledger.View) error                   { return nil }
func (r *run) subject() error                               { return nil }
func (r *run) scope() error                                 { return nil }
func (r *run) aboutReception() (*Report, error)             { return r.report, nil }
func (r *run) aboutMessage(v *ledger.View) (*Report, error) { return r.report, nil }

var _ time.Time
