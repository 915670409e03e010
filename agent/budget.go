package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/apprentice-rl/apprentice/trajectories"
)

// A Budget is a purse that calls are paid from. Money is reserved before a
// call, at the most that the call can cost, and settled after it at what it
// did cost, so that calls side by side cannot overdraw it together. A nil
// *Budget has no bottom. It is safe for concurrent use.
type Budget struct {
	scope  string
	limit  float64 // US dollars; zero means none
	parent *Budget

	mu       sync.Mutex
	spent    float64
	reserved float64
}

// NewBudget returns the budget of a run, in US dollars; zero means no limit.
func NewBudget(limit float64) *Budget {
	return &Budget{scope: scopeRun, limit: limit}
}

// Charge takes what was spent before, without asking: a run that goes on has
// the same purse.
func (b *Budget) Charge(amount float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spent += amount
}

// Spent sums up what the logs of the run in dir have cost so far, in US
// dollars. Logs that were set aside count: they were paid for as well.
func Spent(dir string) (float64, error) {
	logs := filepath.Join(dir, "trajectories")
	entries, err := os.ReadDir(logs)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("adding up what the run has cost: %w", err)
	}
	sum := 0.0
	for _, e := range entries {
		if !strings.Contains(e.Name(), ".jsonl") {
			continue
		}
		t, err := trajectories.Read(filepath.Join(logs, e.Name()))
		if errors.Is(err, trajectories.ErrNoHeader) {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("adding up what the run has cost: %w", err)
		}
		sum += t.Usage().Cost
	}
	return sum, nil
}

// Episode returns the budget of one episode within b: what it spends is spent
// from both.
func (b *Budget) Episode(limit float64) *Budget {
	return &Budget{scope: scopeEpisode, limit: limit, parent: b}
}

const (
	scopeRun     = "run"
	scopeEpisode = "episode"
)

// A BudgetError refuses a reservation.
type BudgetError struct {
	Scope    string  // "run" or "episode"
	Limit    float64 // US dollars, as the other fields
	Spent    float64
	Reserved float64 // by calls under way
	Asked    float64
}

func (e *BudgetError) Error() string {
	return fmt.Sprintf("the %s's budget of $%.4f cannot pay another $%.4f: $%.4f is spent and $%.4f is reserved",
		e.Scope, e.Limit, e.Asked, e.Spent, e.Reserved)
}

// A Reservation is money set aside for one call.
type Reservation struct {
	budget *Budget
	amount float64
	once   sync.Once
}

// Reserve sets amount aside. The error is a *BudgetError.
func (b *Budget) Reserve(amount float64) (*Reservation, error) {
	if err := b.reserve(amount); err != nil {
		return nil, err
	}
	return &Reservation{budget: b, amount: amount}, nil
}

// Settle replaces the reservation by what the call did cost, which may be more
// or less; zero gives all of it back. Only the first Settle counts.
func (r *Reservation) Settle(cost float64) {
	r.once.Do(func() {
		for b := r.budget; b != nil; b = b.parent {
			b.mu.Lock()
			b.reserved -= r.amount
			b.spent += cost
			b.mu.Unlock()
		}
	})
}

// Spent is what has been settled, in US dollars.
func (b *Budget) Spent() float64 {
	if b == nil {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.spent
}

func (b *Budget) reserve(amount float64) error {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.limit > 0 && b.spent+b.reserved+amount > b.limit {
		return &BudgetError{Scope: b.scope, Limit: b.limit, Spent: b.spent, Reserved: b.reserved, Asked: amount}
	}
	if err := b.parent.reserve(amount); err != nil {
		return err
	}
	b.reserved += amount
	return nil
}
