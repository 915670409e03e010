package sweagent_test

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/formatstest"
	"github.com/apprentice-rl/apprentice/trajectories/formats/sweagent"
)

func export(t testing.TB, tr *trajectories.Trajectory) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, sweagent.Format().Export(formats.Of(tr), &b))
	return b.Bytes()
}

func TestWhatWasImportedComesBackAsItWas(t *testing.T) { formatstest.RoundTrip(t, suite()) }

// The files themselves come back, too, but for the order of members and what
// is smaller than a nanosecond.
func TestRealFilesAreWrittenAsTheyWere(t *testing.T) {
	n := 0
	require.NoError(t, filepath.WalkDir(formatstest.Root(t), func(path string, d os.DirEntry, err error) error {
		if err != nil || !suite().Files(path) {
			return err
		}
		n++
		t.Run(filepath.Base(filepath.Dir(path)), func(t *testing.T) {
			_, all, err := suite().Import(t, path, false)
			require.NoError(t, err)
			raw, err := os.ReadFile(path)
			require.NoError(t, err)
			want, got := formatstest.Decode(t, raw), formatstest.Decode(t, export(t, all[0]))
			require.Equal(t, rounded(want[0]), rounded(got[0]))
		})
		return nil
	}))
	require.GreaterOrEqual(t, n, suite().Want)
}

// rounded rounds the times of a document to nanoseconds.
func rounded(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			if seconds, ok := v[k].(float64); ok && k == "execution_time" {
				v[k] = math.Round(seconds * 1e9)
				continue
			}
			v[k] = rounded(v[k])
		}
	case []any:
		for i := range v {
			v[i] = rounded(v[i])
		}
	}
	return v
}
