package reward_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/srl/format"
	"github.com/apprentice-rl/apprentice/srl/reward"
	"github.com/apprentice-rl/apprentice/srl/srltest"
)

// BenchmarkScore scores the actions of a sample against the one after each, in
// groups of 8 for which the expert's is prepared once.
func BenchmarkScore(b *testing.B) {
	actions := srltest.Calls(b)
	for _, name := range reward.Names() {
		b.Run(name, func(b *testing.B) {
			r, err := reward.Named(name, format.XML)
			require.NoError(b, err)
			b.ReportAllocs()
			scored := 0
			for b.Loop() {
				for i, expert := range actions {
					target, err := r.Target(expert.Text)
					require.NoError(b, err)
					for k := range 8 {
						_, err := target.Score(b.Context(), format.Write("I look.", actions[(i+k)%len(actions)].Text), 0)
						require.NoError(b, err)
						scored++
					}
				}
			}
			b.ReportMetric(float64(scored)/b.Elapsed().Seconds(), "actions/s")
		})
	}
}
