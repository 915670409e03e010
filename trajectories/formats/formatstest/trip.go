package formatstest

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
)

// RoundTrip checks that what was imported from a format is the same after an
// export to it and another import, for the samples and all real files.
func RoundTrip(t *testing.T, s Suite) {
	for _, name := range s.names() {
		t.Run(name, func(t *testing.T) { s.trip(t, []byte(s.Samples[name])) })
	}
	t.Run("real files", func(t *testing.T) {
		for _, path := range s.files(t) {
			t.Run(label(path), func(t *testing.T) {
				raw, err := os.ReadFile(path)
				require.NoError(t, err)
				s.trip(t, raw)
			})
		}
	})
}

func (s Suite) trip(t *testing.T, raw []byte) {
	t.Helper()
	_, all, err := s.Import(t, write(t, "trip.json", raw), false)
	require.NoError(t, err)
	for _, tr := range all {
		require.Empty(t, s.Format.Lossy(tr), "a format can hold what came from it")
		_, again, err := s.Import(t, write(t, "trip.json", s.export(t, tr)), false)
		require.NoError(t, err)
		require.Len(t, again, 1)
		require.Equal(t, anonymous(t, tr), anonymous(t, again[0]))
	}
}

func (s Suite) export(t *testing.T, tr *trajectories.Trajectory) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, s.Format.Export(formats.Of(tr), &b))
	return b.Bytes()
}
