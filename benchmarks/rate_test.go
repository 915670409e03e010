package benchmarks_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/benchmarks"
)

// The wanted intervals were computed with forty decimal digits.
func TestRate(t *testing.T) {
	tests := []struct {
		name             string
		rate             benchmarks.Rate
		value, low, high float64
		text             string
	}{
		{"none scored", benchmarks.Rate{}, 0, 0, 1, "0 of 0"},
		{"none resolved", benchmarks.Rate{Scored: 12}, 0, 0, 0.242494, "0 of 12, 0.0 % (0.0 % to 24.2 %)"},
		{"all resolved", benchmarks.Rate{Resolved: 12, Scored: 12}, 1, 0.757506, 1, "12 of 12, 100.0 % (75.8 % to 100.0 %)"},
		{"half", benchmarks.Rate{Resolved: 5, Scored: 10}, 0.5, 0.236593, 0.763407, "5 of 10, 50.0 % (23.7 % to 76.3 %)"},
		{"many", benchmarks.Rate{Resolved: 326, Scored: 500}, 0.652, 0.609233, 0.692450, "326 of 500, 65.2 % (60.9 % to 69.2 %)"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			low, high := test.rate.Interval()
			require.InDelta(t, test.value, test.rate.Value(), 1e-12)
			require.InDelta(t, test.low, low, 1e-5)
			require.InDelta(t, test.high, high, 1e-5)
			require.Equal(t, test.text, test.rate.String())
		})
	}
}
