package openhands_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/formatstest"
)

// BenchmarkImport imports rows into a log that goes nowhere, beside a bare
// decoding of the same bytes.
func BenchmarkImport(b *testing.B) {
	row, err := os.ReadFile(filepath.Join(formatstest.Root(b), "openhands", "output.jsonl"))
	require.NoError(b, err)
	rows := bytes.Repeat(append(bytes.TrimSpace(row), '\n'), 20)
	path := filepath.Join(b.TempDir(), "output.jsonl")
	require.NoError(b, os.WriteFile(path, rows, 0o600))
	b.Run("import", func(b *testing.B) {
		b.SetBytes(int64(len(rows)))
		for b.Loop() {
			for _, err := range formats.Import(b.Context(), []string{path}, formats.Options{Formats: both(), To: &discard{}}) {
				require.NoError(b, err)
			}
		}
	})
	b.Run("encoding json", func(b *testing.B) {
		b.SetBytes(int64(len(rows)))
		for b.Loop() {
			for d := json.NewDecoder(bytes.NewReader(rows)); d.More(); {
				var v any
				require.NoError(b, d.Decode(&v))
			}
		}
	})
}

// discard writes logs to nowhere.
type discard struct{ *trajectories.Encoder }

type nowhere struct{}

func (nowhere) Write(p []byte) (int, error) { return len(p), nil }

func (d *discard) Begin(h trajectories.Header) error {
	d.Encoder = trajectories.NewEncoder(nowhere{})
	return d.Header(h)
}

func (d *discard) Discard() {}
