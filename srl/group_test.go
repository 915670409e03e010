package srl_test

import (
	"math"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/apprentice-rl/apprentice/srl"
)

func TestFilterSaysWhyAGroupIsDropped(t *testing.T) {
	tests := []struct {
		name   string
		filter srl.Filter
		group  srl.Group
		want   srl.Verdict
	}{
		{"nothing at all", srl.Filter{}, srl.Group{}, srl.Unscored},
		{"one reward has no spread", srl.Filter{}, srl.Group{Rewards: []float64{0.5}}, srl.Unscored},
		{"what is not scored is not counted", srl.Filter{}, srl.Group{Rewards: []float64{0, 1}, Unscored: 6}, srl.Kept},
		{"unless more is asked for", srl.Filter{Scored: 3}, srl.Group{Rewards: []float64{0, 1}, Unscored: 6}, srl.Unscored},
		{"format errors only", srl.Filter{}, srl.Group{Rewards: []float64{-1, -1, -1}}, srl.AllFormatErrors},
		{"all right", srl.Filter{}, srl.Group{Rewards: []float64{1, 1}}, srl.AllRight},
		{"equal otherwise", srl.Filter{}, srl.Group{Rewards: []float64{0.25, 0.25}}, srl.NoSpread},
		{"nearly equal", srl.Filter{Epsilon: 0.05}, srl.Group{Rewards: []float64{1, 0.95}}, srl.NoSpread},
		{"a spread of epsilon", srl.Filter{Epsilon: 0.5}, srl.Group{Rewards: []float64{0, 1}}, srl.NoSpread},
		{"more than epsilon", srl.Filter{Epsilon: 0.49}, srl.Group{Rewards: []float64{0, 1}}, srl.Kept},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, tt.filter.Judge(tt.group))
		})
	}
}

// sampleDeviation is that of torch.std.
func sampleDeviation(rewards []float64) float64 {
	mean, squares := 0.0, 0.0
	for _, r := range rewards {
		mean += r / float64(len(rewards))
	}
	for _, r := range rewards {
		squares += (r - mean) * (r - mean)
	}
	return math.Sqrt(squares / float64(len(rewards)-1))
}

func TestSampleEpsilonKeepsTheSameGroups(t *testing.T) {
	require.InDelta(t, 1.069, srl.SampleEpsilon(1, 8), 0.0001)
	require.Equal(t, 0.1, srl.SampleEpsilon(0.1, 1))
	rapid.Check(t, func(t *rapid.T) {
		rewards := rapid.SliceOfN(rapid.Float64Range(-1, 1), 2, 16).Draw(t, "rewards")
		eps := rapid.Float64Range(0, 1).Draw(t, "eps")
		sample, converted := sampleDeviation(rewards), srl.SampleEpsilon(eps, len(rewards))
		if math.Abs(sample-converted) < 1e-9 {
			return // too close for floating point
		}
		require.Equal(t, srl.Keep(rewards, eps), sample > converted)
	})
}

func TestRefillRefusesWhatCannotBe(t *testing.T) {
	_, err := srl.NewRefill(srl.Filter{}, 0, 0)
	require.EqualError(t, err, "a batch of 0 groups: want 1 or more")
	_, err = srl.NewRefill(srl.Filter{}, 4, 3)
	require.EqualError(t, err, "at most 3 groups for a batch of 4: want at least as many, or 0 for no bound")
}

var (
	good = []float64{0, 1}
	flat = []float64{0.5, 0.5}
)

func TestRefillCarriesOverWhatIsTooMuch(t *testing.T) {
	r, err := srl.NewRefill(srl.Filter{}, 2, 0)
	require.NoError(t, err)
	_, ok := r.Take()
	require.False(t, ok)
	for i, rewards := range [][]float64{good, flat, good, good, good, good} {
		r.Add(srl.Group{ID: strconv.Itoa(i), Rewards: rewards})
	}
	require.Zero(t, r.Missing())
	batch, ok := r.Take()
	require.True(t, ok)
	require.Equal(t, []string{"0", "2"}, ids(batch))
	batch, ok = r.Take()
	require.True(t, ok)
	require.Equal(t, []string{"3", "4"}, ids(batch))
	_, ok = r.Take()
	require.False(t, ok)
	require.Equal(t, 1, r.Missing())
	require.Equal(t, srl.Drops{Groups: 6, Verdicts: map[srl.Verdict]int{srl.Kept: 5, srl.NoSpread: 1}, Batches: 2, Waiting: 1}, r.Drops())
}

func TestRefillEndsAtItsBound(t *testing.T) {
	r, err := srl.NewRefill(srl.Filter{}, 2, 3)
	require.NoError(t, err)
	for range 3 {
		require.Positive(t, r.Missing())
		r.Add(srl.Group{Rewards: flat})
	}
	require.Zero(t, r.Missing(), "nothing more may be generated")
	batch, ok := r.Take()
	require.True(t, ok)
	require.Empty(t, batch)
	require.Equal(t, 2, r.Missing(), "the next batch begins anew")
	require.Equal(t, 1, r.Drops().Short)
}

func ids(groups []srl.Group) []string {
	var list []string
	for _, g := range groups {
		list = append(list, g.ID)
	}
	return list
}

// Whatever comes in, each kept group is in one batch, in its order; batches are
// full unless the bound was reached; and the counts add up.
func TestRefillLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 5).Draw(t, "batch")
		most := rapid.SampledFrom([]int{0, size, 3 * size}).Draw(t, "most")
		filter := srl.Filter{Epsilon: 0.1}
		r, err := srl.NewRefill(filter, size, most)
		require.NoError(t, err)
		kept, taken := []string{}, []string{}
		sinceTaken, batches, short := 0, 0, 0
		groups := rapid.SliceOf(rapid.SliceOfN(rapid.SampledFrom([]float64{-1, 0, 0.5, 1}), 0, 4)).Draw(t, "groups")
		for i, rewards := range groups {
			g := srl.Group{ID: strconv.Itoa(i), Rewards: rewards}
			if r.Add(g) == srl.Kept {
				kept = append(kept, g.ID)
			}
			sinceTaken++
			if rapid.Bool().Draw(t, "the trainer is slow") {
				continue
			}
			for batch, ok := r.Take(); ok; batch, ok = r.Take() {
				if len(batch) < size {
					require.Positive(t, most)
					require.GreaterOrEqual(t, sinceTaken, most)
					short++
				}
				taken, batches, sinceTaken = append(taken, ids(batch)...), batches+1, 0
			}
		}
		d := r.Drops()
		require.Equal(t, kept[:len(taken)], taken)
		require.Equal(t, len(kept)-len(taken), d.Waiting)
		sum := 0
		for _, n := range d.Verdicts {
			sum += n
		}
		require.Equal(t, []int{len(groups), len(groups), len(kept), batches, short},
			[]int{d.Groups, sum, d.Verdicts[srl.Kept], d.Batches, d.Short})
	})
}
