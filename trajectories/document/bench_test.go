package document_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories/document"
)

// BenchmarkDocument reads one line of 32 MB, made like a trajectory: the lists
// alone, each step of it, and the same with encoding/json as the measure.
func BenchmarkDocument(b *testing.B) {
	var text strings.Builder
	text.WriteString(`{"trajectory":[`)
	for i := range 8000 {
		fmt.Fprintf(&text, `{"action":"sed -n '%d,%dp' src/pages.py","observation":%s,"state":{"open_file":"n/a"},"execution_time":0.25},`,
			i, i+40, quoted(strings.Repeat("def pages(total, size):\n\treturn -(-total // size)  # \"rounded up\", which is why it is right\n", 40)))
	}
	text.WriteString(`null],"info":{"exit_status":"submitted"}}`)
	path := filepath.Join(b.TempDir(), "x.json")
	require.NoError(b, os.WriteFile(path, []byte(text.String()), 0o600))

	walk := func(b *testing.B, each func(*document.Node)) {
		b.SetBytes(int64(text.Len()))
		b.ReportAllocs()
		for b.Loop() {
			d, err := document.Open(path, document.Options{})
			require.NoError(b, err)
			for n, err := range d.Documents() {
				require.NoError(b, err)
				list, ok := n.Get("trajectory")
				require.True(b, ok)
				for e, err := range list.Elements() {
					if err != nil {
						b.Fatal(err)
					}
					each(e)
				}
			}
			require.NoError(b, d.Close())
		}
	}
	b.Run("skipped", func(b *testing.B) { walk(b, func(*document.Node) {}) })
	b.Run("decoded", func(b *testing.B) {
		walk(b, func(e *document.Node) {
			var step struct {
				Action      string          `json:"action"`
				Observation string          `json:"observation"`
				State       json.RawMessage `json:"state"`
			}
			if err := e.Decode(&step); err != nil {
				b.Fatal(err)
			}
		})
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.SetBytes(int64(text.Len()))
		b.ReportAllocs()
		raw := []byte(text.String())
		for b.Loop() {
			var v any
			if err := json.Unmarshal(raw, &v); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func quoted(s string) []byte {
	b, _ := json.Marshal(s)
	return b
}
