package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// One log that is broken, from its beginning or later, must not make the others
// useless.
func TestABrokenLogIsLeftOut(t *testing.T) {
	const whole = `{"type":"header","version":1,"id":"%s","run":"r","attempt":1,"task":{"id":"t"},"policy":{"name":"p"}}
{"type":"turn","n":1,"actions":[{"id":"a","tool":"bash","arguments":{"command":"ls"}}]}
{"type":"observation","turn":1,"action":"a","text":"x"}
`
	log := func(id string) string { return strings.ReplaceAll(whole, "%s", id) }
	for name, broken := range map[string]string{
		"no log":   "hello\n",
		"later on": log("broken") + "{]\n" + `{"type":"end","status":"submitted","patch":""}` + "\n",
	} {
		dir := t.TempDir()
		for file, text := range map[string]string{"a": broken, "b": log("b") + `{"type":"end","status":"submitted","patch":""}` + "\n"} {
			require.NoError(t, os.WriteFile(filepath.Join(dir, file+".jsonl"), []byte(text), 0o600))
		}
		out := t.TempDir()
		for _, args := range [][]string{
			{"stats", dir},
			{"audit", dir},
			{"filter", dir, "--list"},
			{"redact", dir, "--check"},
			{"redact", dir, "--out", filepath.Join(out, "clean")},
			{"export", dir, "--to", "sft", "--out", filepath.Join(out, "rows.jsonl"), "--lossy"},
		} {
			args = append([]string{"traj"}, args...)
			var errs, stdout bytes.Buffer
			require.Equal(t, exitUser, run(args, nil, io.Discard, &errs), "%s %v", name, args)
			require.Contains(t, errs.String(), "--keep-going leaves such logs out", "%s %v", name, args)
			errs.Reset()
			require.Equal(t, exitDone, run(append(args, "--keep-going"), nil, &stdout, &errs), "%s %v: %s", name, args, errs.String())
			require.Contains(t, errs.String(), "left out: "+filepath.Join(dir, "a.jsonl"), "%s %v", name, args)
			require.NotEmpty(t, stdout.String())
		}
		rows, err := os.ReadFile(filepath.Join(out, "rows.jsonl"))
		require.NoError(t, err)
		require.Equal(t, 1, bytes.Count(rows, []byte("\n")))
	}
}

func TestAnExportOfNothingThatCanBeReadWritesNothing(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.jsonl"), []byte("hello\n"), 0o600))
	out := filepath.Join(t.TempDir(), "rows.jsonl")
	require.Equal(t, exitUser, run([]string{"traj", "export", dir, "--to", "sft", "--out", out, "--keep-going"}, nil, io.Discard, io.Discard))
	require.NoFileExists(t, out)
}
