package formatstest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories"
)

// shapes dresses the samples up as files come, and expects the same to come
// out.
func (s Suite) shapes(t *testing.T) {
	for _, name := range s.names() {
		plain := []byte(s.Samples[name])
		undressed, want, err := s.Import(t, write(t, "sample.json", plain), false)
		require.NoError(t, err, name)
		require.NotEmpty(t, want, name)
		for _, tr := range want {
			readable(t, tr)
		}
		for _, shape := range []struct {
			name  string
			dress func(t *testing.T, plain []byte) []byte
			times int // that the document comes
			warns int // of the shape
		}{
			{"byte order mark", func(_ *testing.T, p []byte) []byte { return append([]byte("\xef\xbb\xbf"), p...) }, 1, 0},
			{"gzip", gzipped, 1, 0},
			{"zstd", zstded, 1, 0},
			{"encoded twice", twice, 1, 1},
			{"concatenated", func(_ *testing.T, p []byte) []byte { return append(append(bytes.TrimSpace(p), '\n'), p...) }, 2, 0},
		} {
			t.Run(name+"/"+shape.name, func(t *testing.T) {
				report, got, err := s.Import(t, write(t, "sample.json", shape.dress(t, plain)), false)
				require.NoError(t, err)
				require.Len(t, got, shape.times*len(want))
				require.Len(t, report.Warnings, shape.times*len(undressed.Warnings)+shape.warns)
				for i, tr := range got {
					require.Equal(t, anonymous(t, want[i%len(want)]), anonymous(t, tr))
				}
			})
		}
	}
}

// anonymous is the log of a trajectory, without what the file has to do with.
func anonymous(t testing.TB, tr *trajectories.Trajectory) string {
	t.Helper()
	c := *tr
	c.Header.ID, c.Header.Attempt, c.Header.Source, c.Header.Parent = "", 0, nil, nil
	return string(logOf(t, &c))
}

func gzipped(t *testing.T, p []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(p)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

func zstded(t *testing.T, p []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	require.NoError(t, err)
	return w.EncodeAll(p, nil)
}

func twice(t *testing.T, p []byte) []byte {
	t.Helper()
	b, err := json.Marshal(string(p))
	require.NoError(t, err)
	return b
}
