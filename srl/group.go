package srl

import (
	"math"

	"github.com/apprentice-rl/apprentice/srl/reward"
)

// Keep reports whether there is something to learn from a group, the rollouts
// of one prompt: whether the population standard deviation of their rewards,
//
//	sqrt(1/G * Σ (r - mean)²)
//
// exceeds eps. This is the dynamic sampling of the SRL paper (section 4), which
// gives no value for eps > 0; a public re-implementation takes 1e-4, another
// one 0.1, and docs/rewards.md says what a choice does. Trainers that measure
// the spread otherwise need another eps, see [SampleEpsilon].
//
// One format error among eight rewards of 0.5 is a deviation of 0.496, so
// early in training it is mostly format errors that keep groups.
//
// An empty group is not kept, and one with equal rewards is not for any eps
// of zero or more.
func Keep(rewards []float64, eps float64) bool {
	return len(rewards) > 0 && Spread(rewards) > eps
}

// Spread is the population standard deviation of a group's rewards. It is 0 for
// none, and exactly 0 for equal ones.
func Spread(rewards []float64) float64 {
	if len(rewards) == 0 {
		return 0
	}
	// Shifted by the first reward, equal rewards deviate by exactly zero.
	n, mean := float64(len(rewards)), 0.0
	for _, r := range rewards {
		mean += (r - rewards[0]) / n
	}
	variance := 0.0
	for _, r := range rewards {
		d := r - rewards[0] - mean
		variance += d * d / n
	}
	return math.Sqrt(variance)
}

// SampleEpsilon converts a threshold for the population standard deviation of n
// rewards into the one that a trainer needs which computes the sample standard
// deviation, with n-1 under the sum (torch.std, and so slime and TRL): it is
// larger by sqrt(n/(n-1)), 6.9 % for 8 rollouts. A threshold for a variance is the
// square of either. There is no spread of fewer than two rewards, for which it
// returns eps.
func SampleEpsilon(eps float64, n int) float64 {
	if n < 2 {
		return eps
	}
	return eps * math.Sqrt(float64(n)/float64(n-1))
}

// A Group is the rollouts of one prompt, scored.
type Group struct {
	ID string `json:"id"` // of the example
	// Rewards are those of the outputs that were scored.
	Rewards []float64 `json:"rewards"`
	// Unscored is how many outputs have no reward, for reasons that are not the
	// model's, such as a limit on time. They are in no mean and no deviation.
	Unscored int `json:"unscored,omitempty"`
}

// A Verdict is what the filter says of a group.
type Verdict string

// The verdicts. A group gets the first one that holds.
const (
	// Unscored: too few outputs have a reward. It says nothing about the model,
	// so the prompt may be tried again.
	Unscored Verdict = "unscored"
	// Kept: the spread exceeds the threshold.
	Kept Verdict = "kept"
	// AllFormatErrors: every output that was scored breaks the format.
	AllFormatErrors Verdict = "all format errors"
	// AllRight: every output that was scored has the reward 1.
	AllRight Verdict = "all right"
	// NoSpread: the rewards are too close to each other.
	NoSpread Verdict = "no spread"
)

// A Filter decides which groups to learn from.
type Filter struct {
	// Epsilon is what the population standard deviation has to exceed.
	Epsilon float64 `json:"epsilon"`
	// Scored is how many outputs of a group must have a reward at least; less
	// than 2 means 2, since one reward has no spread.
	Scored int `json:"scored,omitempty"`
}

// Judge says whether to learn from a group, or else why not.
func (f Filter) Judge(g Group) Verdict {
	switch {
	case len(g.Rewards) < max(2, f.Scored):
		return Unscored
	case Keep(g.Rewards, f.Epsilon):
		return Kept
	case all(g.Rewards, reward.FormatError):
		return AllFormatErrors
	case all(g.Rewards, 1):
		return AllRight
	}
	return NoSpread
}

func all(rewards []float64, value float64) bool {
	for _, r := range rewards {
		if r != value {
			return false
		}
	}
	return true
}
