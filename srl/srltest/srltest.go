// Package srltest reads published data that the tests and benchmarks of several
// packages measure rewards with. It lies in the folder that APPRENTICE_TESTDATA
// names; without that, a test is skipped or, where the data are required, fails.
package srltest

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox/sandboxtest"
)

// A Call is one tool call as SWE-smith has written it.
type Call struct {
	Task string // its instance_id
	Turn int    // the index of its message
	Text string // from "<function=" on
}

// Calls returns the 103 calls of SWE-smith's published sample, in their order.
func Calls(t testing.TB) []Call {
	t.Helper()
	raw, err := io.ReadAll(open(t, "trajectories", "swe-smith", "ft_xml_example.jsonl"))
	require.NoError(t, err)
	var calls []Call
	for line := range strings.Lines(string(raw)) {
		var row struct {
			Task     string `json:"instance_id"`
			Messages []struct{ Role, Content string }
		}
		require.NoError(t, json.Unmarshal([]byte(line), &row))
		for i, m := range row.Messages {
			if at := strings.Index(m.Content, "<function="); m.Role == "assistant" && at >= 0 {
				calls = append(calls, Call{row.Task, i, m.Content[at:]})
			}
		}
	}
	require.Len(t, calls, 103)
	return calls
}

// Vectors returns what CPython's difflib said of 4,000 pairs, as JSONL.
func Vectors(t testing.TB) []byte {
	t.Helper()
	z, err := gzip.NewReader(open(t, "rewards", "difflib_vectors.jsonl.gz"))
	require.NoError(t, err)
	raw, err := io.ReadAll(z)
	require.NoError(t, err)
	return raw
}

func open(t testing.TB, path ...string) io.Reader {
	t.Helper()
	data := os.Getenv("APPRENTICE_TESTDATA")
	if data == "" {
		sandboxtest.Missing(t, "testdata", "APPRENTICE_TESTDATA names no folder with the published data that rewards are measured with")
	}
	f, err := os.Open(filepath.Join(append([]string{data}, path...)...))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	return f
}
