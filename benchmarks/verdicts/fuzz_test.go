package verdicts_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/benchmarks/verdicts"
	"github.com/apprentice-rl/apprentice/trajectories/filter"
	"github.com/apprentice-rl/apprentice/trajectories/summary"
)

func FuzzRead(f *testing.F) {
	for _, text := range []string{
		resolved, unresolved, notScored, testsFail, infra, `{}`, `[]`, `{"t-1": true}`, `{"sets": null}`,
		`{"resolved_ids": ["t-1"], "unresolved_ids": null}`, `{"resolved": ["t-1", "t-1"], "unresolved_ids": ["t-1"]}`,
		`{"schema_version": 1, "sets": {"llm": {"tasks": {"t-1": {"verdict": "unresolved"}}}}}`,
	} {
		f.Add([]byte(text), []byte("right"))
	}
	f.Fuzz(func(t *testing.T, text, patch []byte) {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "report.json"), text, 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "patch.diff"), patch, 0o600))
		v, err := verdicts.Read(dir)
		var none *verdicts.NoneError
		if err != nil {
			require.ErrorAs(t, err, &none)
			return
		}
		of := tried("t-1.1", "t-1", string(patch))
		if got, why := v.Of([]summary.Summary{of})(of); got != filter.Resolved {
			require.NotEmpty(t, why)
		}
	})
}
