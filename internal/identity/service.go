package identity

import (
	"cmp"
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
	// Idle is how long a session at a browser may go unused, Length how long it lasts at most, Rotation how old its secret gets; 0 means the defaults.
	Idle, Length, Rotation time.Duration
	// Hashes bounds how many passwords are hashed at the same time; 0 means one for every two processors.
	Hashes int
}

// Service authenticates and changes tokens, passwords and sessions. See the package comment.
type Service struct {
	o       Options
	hashing chan struct{} // a place for each hash that runs
	waiting chan struct{} // a place for each that runs or waits

	mu      sync.Mutex
	touched map[string]time.Time // when the use of a token or session was last recorded, or tried to be
	revoked recent               // hashes of tokens revoked by this process: their bearers are told so

	attempts map[attemptKey]*attempt // wrong passwords
	checking map[string]int          // passwords being checked, by address
	failures map[string]*failure     // failed sign-ins that the audit log is to tell of, by account; "" for names that there are not
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
	o.Idle, o.Length, o.Rotation = cmp.Or(o.Idle, DefaultIdle), cmp.Or(o.Length, DefaultLength), cmp.Or(o.Rotation, DefaultRotation)
	return &Service{
		attempts: map[attemptKey]*attempt{}, checking: map[string]int{}, failures: map[string]*failure{},
		o: o, hashing: make(chan struct{}, o.Hashes), waiting: make(chan struct{}, o.Hashes+maxWaitingHashes), touched: map[string]time.Time{},
	}
}

// Asked says on whose behalf a change is made, for the audit log.
type Asked struct {
	By      string // account, or "system"
	Source  string // "api", "cli", "start"
	Request string // request id, or none
}

// tried says that something was done within the last minute; if not, it is now.
func (s *Service) tried(key string) bool {
	now := s.o.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, ok := s.touched[key]; ok && now.Sub(last) < useEvery {
		return true
	}
	if len(s.touched) >= maxRecent {
		clear(s.touched)
	}
	s.touched[key] = now
	return false
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
