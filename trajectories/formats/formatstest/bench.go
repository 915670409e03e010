package formatstest

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
)

// Benchmark measures the import of the real files, and their export, beside what
// encoding/json takes to decode them into maps.
func Benchmark(b *testing.B, s Suite) {
	paths := s.files(b)
	var size int64
	var texts [][]byte
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		require.NoError(b, err)
		size += int64(len(raw))
		texts = append(texts, raw)
	}
	b.Run("import", func(b *testing.B) {
		b.SetBytes(size)
		b.ReportAllocs()
		for b.Loop() {
			for _, err := range formats.Import(b.Context(), paths, formats.Options{Formats: s.all(), To: discard{}}) {
				require.NoError(b, err)
			}
		}
	})
	b.Run("import and write", func(b *testing.B) {
		b.SetBytes(size)
		for b.Loop() {
			for _, err := range formats.Import(b.Context(), paths, formats.Options{Formats: s.all(), To: &lines{}}) {
				require.NoError(b, err)
			}
		}
	})
	if s.Format.Export != nil {
		var all formats.Collector
		for _, err := range formats.Import(b.Context(), paths, formats.Options{Formats: s.all(), To: &all}) {
			require.NoError(b, err)
		}
		b.Run("export", func(b *testing.B) {
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				for _, t := range all.Whole {
					require.NoError(b, s.Format.Export(formats.Of(t), nowhere{}))
				}
			}
		})
	}
	b.Run("encoding/json", func(b *testing.B) {
		b.SetBytes(size)
		b.ReportAllocs()
		for b.Loop() {
			for _, raw := range texts {
				Decode(b, raw)
			}
		}
	})
}

// discard is a sink that does nothing.
type discard struct{}

func (discard) Begin(trajectories.Header) error            { return nil }
func (discard) Turn(trajectories.Turn) error               { return nil }
func (discard) Observation(trajectories.Observation) error { return nil }
func (discard) Message(trajectories.Message) error         { return nil }
func (discard) View(trajectories.View) error               { return nil }
func (discard) End(trajectories.End) error                 { return nil }
func (discard) Discard()                                   {}

// lines is a sink that writes logs which nobody keeps.
type lines struct{ e *trajectories.Encoder }

type nowhere struct{}

func (nowhere) Write(p []byte) (int, error) { return len(p), nil }

func (l *lines) Begin(h trajectories.Header) error {
	l.e = trajectories.NewEncoder(nowhere{})
	return l.e.Header(h)
}

func (l *lines) Turn(t trajectories.Turn) error               { return l.e.Turn(t) }
func (l *lines) Observation(o trajectories.Observation) error { return l.e.Observation(o) }
func (l *lines) Message(m trajectories.Message) error         { return l.e.Message(m) }
func (l *lines) View(v trajectories.View) error               { return l.e.View(v) }
func (l *lines) End(e trajectories.End) error                 { return l.e.End(e) }
func (l *lines) Discard()                                     {}
