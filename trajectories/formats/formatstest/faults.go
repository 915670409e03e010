package formatstest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories/document"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
)

// cut cuts files off. Whoever is strict gets an error that says where; whoever
// keeps going gets a reason or a warning.
func (s Suite) cut(t *testing.T) {
	check := func(t *testing.T, whole []byte, at int) {
		path := write(t, "cut.json", whole[:at])
		if len(Trim(whole[:at])) == 0 || len(Trim(whole[at:])) == 0 {
			return
		}
		_, _, err := s.Import(t, path, false)
		aboutFile(t, path, err, "cut at %d of %d", at, len(whole))
		report, all, err := s.Import(t, path, true)
		require.NoError(t, err, "cut at %d", at)
		require.True(t, report.Refused != "" || len(report.Warnings) > 0, "cut at %d: nothing is said of it", at)
		require.Len(t, all, report.Trajectories)
	}
	for _, name := range s.names() {
		t.Run(name, func(t *testing.T) {
			whole := Trim([]byte(s.Samples[name]))
			rows := bytes.Contains(whole, []byte("\n{"))
			for at := 1; at < len(whole); at += stride(len(whole)) {
				if rows && (whole[at] == '\n' || whole[at-1] == '\n') {
					continue // cut off between two rows, the file is whole
				}
				check(t, whole, at)
			}
		})
	}
	t.Run("real", func(t *testing.T) {
		for _, path := range s.files(t) {
			whole, err := os.ReadFile(path)
			require.NoError(t, err)
			whole = Trim(whole)
			if len(whole) > 64<<10 || strings.HasSuffix(path, ".jsonl") {
				continue // time is short: the small ones have all there is
			}
			for at := 1 << 10; at < len(whole); at += 1 << 10 {
				check(t, whole, at)
			}
		}
	})
}

// stride is how far apart to try n places, so that a test takes seconds. It has
// no common factor with what a sample repeats.
func stride(n int) int {
	const most = 300
	return n/most | 1
}

// Trim takes the white space off both ends.
func Trim(p []byte) []byte { return bytes.TrimSpace(p) }

// aboutFile checks that an error is about what the file holds, and names it.
func aboutFile(t testing.TB, path string, err error, format string, args ...any) {
	t.Helper()
	what := fmt.Sprintf(format, args...)
	require.Error(t, err, what)
	_, broken := errors.AsType[*document.Error](err)
	_, refused := errors.AsType[*formats.RefusedError](err)
	require.True(t, broken || refused, "%s: %v", what, err)
	require.Contains(t, err.Error(), path, what)
}

// damaged writes bytes over the samples.
func (s Suite) damaged(t *testing.T) {
	for _, name := range s.names() {
		plain := []byte(s.Samples[name])
		// The last letter of a text: in the middle of what matters, and not of a
		// name.
		at := bytes.LastIndex(plain, []byte(`."`))
		require.Positive(t, at, "sample %s needs a text that ends in a full stop", name)
		t.Run(name+"/not UTF-8", func(t *testing.T) {
			bad := bytes.Clone(plain)
			bad[at] = 0xff
			path := write(t, "bad.json", bad)
			_, _, err := s.Import(t, path, false)
			aboutFile(t, path, err, "not UTF-8")
			report, all, err := s.Import(t, path, true)
			require.NoError(t, err)
			require.NotEmpty(t, all, report.Refused)
			require.NotEmpty(t, report.Warnings)
		})
		t.Run(name+"/a stray byte", func(t *testing.T) {
			path := write(t, "any.json", nil)
			for at := 0; at < len(plain); at += stride(len(plain)) {
				bad := bytes.Clone(plain)
				bad[at] = "\x00\x01{}[]\",:\\ "[at%11]
				s.survives(t, path, bad)
			}
		})
	}
}

// survives imports what may be anything. Errors are about the file, and what
// comes out is a log.
func (s Suite) survives(t testing.TB, path string, content []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, content, 0o600))
	if _, _, err := s.Import(t, path, false); err != nil {
		aboutFile(t, path, err, "%.200q", content)
	}
	_, all, err := s.Import(t, path, true)
	require.NoError(t, err, "%.2000q", content)
	for _, tr := range all {
		readable(t, tr)
	}
}

// mutated puts other values into the samples, one at a time.
func (s Suite) mutated(t *testing.T) {
	for _, name := range s.names() {
		t.Run(name, func(t *testing.T) {
			path := write(t, "any.json", nil)
			for _, row := range Decode(t, []byte(s.Samples[name])) {
				all := 0
				for range mutations(row) {
					all++
				}
				i := 0
				for range mutations(row) {
					if i++; i%stride(all) != 0 {
						continue
					}
					content, err := json.Marshal(row)
					require.NoError(t, err)
					s.survives(t, path, content)
				}
			}
		})
		t.Run(name+"/numbers as texts", func(t *testing.T) {
			rows := Decode(t, []byte(s.Samples[name]))
			var content []byte
			for _, row := range rows {
				b, err := json.Marshal(textual(row))
				require.NoError(t, err)
				content = append(append(content, b...), '\n')
			}
			_, want, err := s.Import(t, write(t, "sample.json", []byte(s.Samples[name])), true)
			require.NoError(t, err)
			report, got, err := s.Import(t, write(t, "sample.json", content), true)
			require.NoError(t, err)
			require.Len(t, got, len(want), report.Refused)
			require.Equal(t, s.tally(want), s.tally(got), "nothing is lost")
		})
	}
}

// mutations changes the document in place, yields, and changes it back.
func mutations(v any) func(yield func() bool) {
	return func(yield func() bool) { mutate(v, yield) }
}

// others are values that are not expected anywhere.
func others() []any {
	return []any{nil, "x", -1.5, []any{nil, 1.0}, map[string]any{"role": 3.0}}
}

func mutate(v any, yield func() bool) bool {
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			old := v[k]
			delete(v, k)
			if !yield() || !replace(func(o any) { v[k] = o }, old, yield) {
				return false
			}
		}
	case []any:
		for i, old := range v {
			if !replace(func(o any) { v[i] = o }, old, yield) {
				return false
			}
		}
	}
	return true
}

// replace puts others in the place of a value, and then mutates the value
// itself.
func replace(set func(any), old any, yield func() bool) bool {
	for _, o := range others() {
		set(o)
		if !yield() {
			return false
		}
	}
	set(old)
	return mutate(old, yield)
}

// textual turns all numbers into texts.
func textual(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = textual(v[k])
		}
	case []any:
		for i := range v {
			v[i] = textual(v[i])
		}
	case float64:
		return fmt.Sprint(v)
	}
	return v
}
