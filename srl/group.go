package srl

import "math"

// Keep reports whether there is something to learn from a group, the rollouts
// of one prompt: whether the population standard deviation of their rewards,
//
//	sqrt(1/G * Σ (r - mean)²)
//
// exceeds eps. This is the dynamic sampling of the SRL paper (section 4), which
// gives no value for eps > 0; a public re-implementation takes 1e-4, another
// one 0.1. Other tools compute the sample standard deviation, which is larger
// by sqrt(G/(G-1)): 7 % for 8 rollouts.
//
// One format error among eight rewards of 0.5 is a deviation of 0.496, so
// early in training it is mostly format errors that keep groups.
//
// An empty group is not kept, and one with equal rewards is not for any eps
// of zero or more.
func Keep(rewards []float64, eps float64) bool {
	if len(rewards) == 0 {
		return false
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
	return math.Sqrt(variance) > eps
}
