package reward_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox/sandboxtest"
	"github.com/apprentice-rl/apprentice/srl/format"
	"github.com/apprentice-rl/apprentice/srl/reward"
)

// sample returns the actions that SWE-smith has published, in their order.
func sample(t testing.TB) []string {
	t.Helper()
	data := os.Getenv("APPRENTICE_TESTDATA")
	if data == "" {
		sandboxtest.Missing(t, "testdata", "APPRENTICE_TESTDATA names no folder with SWE-smith's sample")
	}
	raw, err := os.ReadFile(filepath.Join(data, "trajectories", "swe-smith", "ft_xml_example.jsonl"))
	require.NoError(t, err)
	var actions []string
	for line := range strings.Lines(string(raw)) {
		var row struct {
			Messages []struct{ Role, Content string }
		}
		require.NoError(t, json.Unmarshal([]byte(line), &row))
		for _, m := range row.Messages {
			if i := strings.Index(m.Content, "<function="); m.Role == "assistant" && i >= 0 {
				actions = append(actions, m.Content[i:])
			}
		}
	}
	return actions
}

// BenchmarkScore scores the actions of a sample against the one after each, in
// groups of 8 for which the expert's is prepared once.
func BenchmarkScore(b *testing.B) {
	actions := sample(b)
	for _, name := range reward.Names() {
		b.Run(name, func(b *testing.B) {
			r, err := reward.Named(name, format.XML)
			require.NoError(b, err)
			b.ReportAllocs()
			scored := 0
			for b.Loop() {
				for i, expert := range actions {
					target, err := r.Target(expert)
					require.NoError(b, err)
					for k := range 8 {
						_, err := target.Score(b.Context(), format.Write("I look.", actions[(i+k)%len(actions)]), 0)
						require.NoError(b, err)
						scored++
					}
				}
			}
			b.ReportMetric(float64(scored)/b.Elapsed().Seconds(), "actions/s")
		})
	}
}
