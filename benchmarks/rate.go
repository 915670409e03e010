package benchmarks

import (
	"fmt"
	"math"
)

// A Rate is how many of the scored tasks were resolved.
type Rate struct {
	Resolved int
	Scored   int // tasks that are neither skipped nor an infrastructure failure
}

// Value is the share of resolved tasks, from 0 to 1; 0 where none was scored.
func (r Rate) Value() float64 {
	if r.Scored == 0 {
		return 0
	}
	return float64(r.Resolved) / float64(r.Scored)
}

// Interval is the 95 % confidence interval of Value by Wilson's score method
// (E. B. Wilson, Probable inference, the law of succession, and statistical
// inference, JASA 22, 1927), which stays between 0 and 1 and is honest for
// small suites and for rates of 0 and 1. Nothing scored tells nothing: 0 to 1.
func (r Rate) Interval() (low, high float64) {
	if r.Scored == 0 {
		return 0, 1
	}
	const z = 1.959963984540054 // the 97.5 % quantile of the normal distribution
	n, p := float64(r.Scored), r.Value()
	centre := p + z*z/(2*n)
	spread := z * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	scale := 1 + z*z/n
	low, high = max(0, (centre-spread)/scale), min(1, (centre+spread)/scale)
	// At the ends the formula is exact and only the arithmetic is not.
	if r.Resolved == 0 {
		low = 0
	}
	if r.Resolved == r.Scored {
		high = 1
	}
	return low, high
}

// String renders the rate for people.
func (r Rate) String() string {
	if r.Scored == 0 {
		return "0 of 0"
	}
	low, high := r.Interval()
	return fmt.Sprintf("%d of %d, %.1f %% (%.1f %% to %.1f %%)",
		r.Resolved, r.Scored, 100*r.Value(), 100*low, 100*high)
}
