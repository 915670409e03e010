package formatstest

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
)

// BenchmarkExport measures the export of the real trajectories of some formats,
// beside what encoding/json takes to decode what was written into maps. The
// trajectories are in memory: reading logs has a benchmark of its own.
func BenchmarkExport(b *testing.B, from []formats.Format, to formats.Format) {
	s := Suite{Format: to, Detected: from, Files: func(string) bool { return true }}
	var all []*trajectories.Trajectory
	for _, path := range s.files(b) {
		_, some, err := s.Import(b, path, true)
		require.NoError(b, err)
		all = append(all, some...)
	}
	var texts [][]byte
	var size int64
	for _, t := range all {
		var text bytes.Buffer
		require.NoError(b, to.Export(formats.Of(t), &text))
		texts = append(texts, text.Bytes())
		size += int64(text.Len())
	}
	b.Run("export", func(b *testing.B) {
		b.SetBytes(size)
		b.ReportAllocs()
		for b.Loop() {
			for _, t := range all {
				require.NoError(b, to.Export(formats.Of(t), nowhere{}))
			}
		}
	})
	b.Run("encoding/json", func(b *testing.B) {
		b.SetBytes(size)
		b.ReportAllocs()
		for b.Loop() {
			for _, text := range texts {
				Decode(b, text)
			}
		}
	})
}
