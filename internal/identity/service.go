package identity

import (
	"context"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
)

// Applier makes the command that applies edits to the policy, whatever its revision is. Package governance has it.
type Applier func(edits []policy.Edit, by, source, request, reason string) ledger.Command

// Options configure a Service. Ledger is required; without Apply accounts cannot be made.
type Options struct {
	Ledger *ledger.Ledger
	Apply  Applier
	Now    func() time.Time
	Log    *slog.Logger
	// Hashes bounds how many passwords are hashed at the same time; 0 means one for every two processors.
	Hashes int
}

// Service authenticates and changes tokens, passwords and sessions. See the package comment.
type Service struct {
	o       Options
	hashing chan struct{} // a place for each hash that runs
	waiting chan struct{} // a place for each that runs or waits

	mu      sync.Mutex
	touched map[string]time.Time // when the use of a token was last recorded, or tried to be
	revoked recent               // hashes of tokens revoked by this process: their bearers are told so
}

// maxWaitingHashes bounds how many callers wait for a hash.
const maxWaitingHashes = 64

// New makes a Service.
func New(o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Hashes <= 0 {
		o.Hashes = max(1, runtime.GOMAXPROCS(0)/2)
	}
	return &Service{
		o: o, hashing: make(chan struct{}, o.Hashes), waiting: make(chan struct{}, o.Hashes+maxWaitingHashes), touched: map[string]time.Time{},
	}
}

// Asked says on whose behalf a change is made, for the audit log.
type Asked struct {
	By      string // account, or "system"
	Source  string // "api", "cli", "start"
	Request string // request id, or none
}

var errNoAccount = problem.New(problem.NotFound, "identity.unknown_account", "There is no such account.", "没有这个账号。")

// mustExist refuses what is about an account that the policy does not have.
func mustExist(tx *ledger.Tx, account string) error {
	if _, ok := tx.Documents().Account(account); !ok {
		return errNoAccount
	}
	return nil
}

func (s *Service) do(ctx context.Context, cmd ledger.Command) error { return s.o.Ledger.Do(ctx, cmd) }

// recent remembers the newest of many keys, bounded.
type recent struct {
	set   map[[32]byte]bool
	order [][32]byte
}

const maxRecent = 4096

func (r *recent) add(k [32]byte) {
	if r.set == nil {
		r.set = map[[32]byte]bool{}
	}
	if r.set[k] {
		return
	}
	if len(r.order) >= maxRecent {
		delete(r.set, r.order[0])
		r.order = r.order[1:]
	}
	r.set[k] = true
	r.order = append(r.order, k)
}
