package redact_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox/sandboxtest"
	"github.com/apprentice-rl/apprentice/trajectories/redact"
)

// The published trajectories hold no secret; everything that was ever found in
// them was looked at. A flag stands beside the name of a cached wheel, in
// hexadecimal digits of an unusual number.
func TestPublishedTrajectoriesHaveNoSecrets(t *testing.T) {
	data := os.Getenv("APPRENTICE_TESTDATA")
	if data == "" {
		sandboxtest.Missing(t, "testdata", "APPRENTICE_TESTDATA names no folder with trajectories")
	}
	r := redactor(t, nil)
	found := map[redact.Kind]int{}
	flagged := map[string]bool{}
	size := 0
	check := func(file, s string) {
		size += len(s)
		hits := r.Check(s)
		for _, h := range hits {
			found[h.Kind]++
			flagged[s[h.Start:h.End]] = true
			t.Logf("%s: %s in %q", filepath.Base(file), h.Kind, s[max(0, h.Start-40):min(len(s), h.End+20)])
		}
	}
	err := filepath.WalkDir(filepath.Join(data, "trajectories"), func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(file) == ".gz" {
			return err
		}
		raw, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		for values := json.NewDecoder(bytes.NewReader(raw)); ; {
			var v any
			if err := values.Decode(&v); err != nil {
				break // the end, or no JSON at all: the whole file is checked below
			}
			eachText(v, func(s string) { check(file, s) })
		}
		check(file, string(raw))
		out, _ := r.JSON(raw)
		require.Equal(t, string(raw), string(out), file)
		return nil
	})
	require.NoError(t, err)
	require.Greater(t, size, 20<<20)
	t.Logf("%d bytes: %v, %d different", size, found, len(flagged))
	delete(found, redact.Entropy)
	require.Empty(t, found)
	require.LessOrEqual(t, len(flagged), 3)
}

func eachText(v any, each func(string)) {
	switch v := v.(type) {
	case string:
		each(v)
	case []any:
		for _, x := range v {
			eachText(x, each)
		}
	case map[string]any:
		for name, x := range v {
			each(name)
			eachText(x, each)
		}
	}
}
