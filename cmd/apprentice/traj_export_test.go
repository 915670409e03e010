package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
)

func TestFormatsThatAreNoRowsNameTheirFiles(t *testing.T) {
	rows := []string{"openai", "swe-smith", "sft", "sft-xml", predictionsName}
	for _, f := range exportFormats() {
		require.Equal(t, slices.Contains(rows, f.Name), f.Ending == "", f.Name)
	}
}

// A before is a writer that remembers whether a file was there when a text came.
type before struct {
	path, text string
	came, late bool
}

func (b *before) Write(p []byte) (int, error) {
	if strings.Contains(string(p), b.text) {
		_, err := os.Stat(b.path)
		b.came, b.late = true, err == nil
	}
	return len(p), nil
}

func TestLossesAreListedBeforeAnythingIsWritten(t *testing.T) {
	dir := t.TempDir()
	log, out := filepath.Join(dir, "a.1.jsonl"), filepath.Join(dir, "rows.jsonl")
	require.NoError(t, os.WriteFile(log, []byte(`{"type":"header","version":1,"id":"a.1","run":"r","task":{"id":"a"},"policy":{"name":"llm"}}
{"type":"end","status":"submitted","patch":"p"}
`), 0o600))
	stderr := &before{path: out, text: "openai cannot hold:"}
	require.Equal(t, exitDone, run([]string{"traj", "export", log, "--to", "openai", "--out", out, "--lossy"}, nil, io.Discard, stderr))
	require.True(t, stderr.came)
	require.False(t, stderr.late)
	require.FileExists(t, out)
}

func TestLossesAreSummedByField(t *testing.T) {
	fields := map[string][]formats.Loss{
		"a": {{Field: "turn.time", Count: 2, Example: 3, Why: "w"}, {Field: "header.origin", Count: 1}},
		"b": {{Field: "turn.time", Count: 1, Example: 1, Why: "w"}, {Field: "end.time", Count: 1}, {Field: "view", Count: 4, Example: 2}},
	}
	f := formats.Format{Name: "f", Lossy: func(t *trajectories.Trajectory) []formats.Loss { return fields[t.Header.ID] }}
	var l losses
	for _, id := range []string{"a", "b"} {
		l.add(&trajectories.Trajectory{Header: trajectories.Header{ID: id}}, f)
	}
	require.True(t, l.serious)
	require.Equal(t, []loss{
		{Field: "header.origin", Events: 1, Trajectories: 1, Example: lossExample{Trajectory: "a"}},
		{Field: "turn.time", Events: 3, Trajectories: 2, Example: lossExample{Trajectory: "a", Turn: 3}, Why: "w"},
		{Field: "view", Events: 4, Trajectories: 1, Example: lossExample{Trajectory: "b", Turn: 2}},
		{Field: "end.time", Events: 1, Trajectories: 1, Example: lossExample{Trajectory: "b"}},
	}, l.all())
}

func TestOnlyOriginsOfOtherFormatsAreNoReasonToStop(t *testing.T) {
	f := formats.Format{Name: "f", Lossy: func(*trajectories.Trajectory) []formats.Loss {
		return []formats.Loss{{Field: "turn.origin", Count: 1}}
	}}
	for source, serious := range map[string]bool{"other": false, "f": true} {
		var l losses
		l.add(&trajectories.Trajectory{Header: trajectories.Header{Source: &trajectories.Source{Format: source}}}, f)
		require.Equal(t, serious, l.serious, source)
	}
	var none losses
	require.Empty(t, none.all())
	require.NotNil(t, none.all(), "in JSON it is a list")
}

func TestWhatBreaksTheRulesOfItsFormatIsNotWritten(t *testing.T) {
	for name, ending := range map[string]string{"rows.jsonl": "", "files": ".json"} {
		dir := t.TempDir()
		log, out := filepath.Join(dir, "a.1.jsonl"), filepath.Join(dir, "out", name)
		require.NoError(t, os.WriteFile(log, []byte(`{"type":"header","version":1,"id":"a.1","run":"r","task":{"id":"a"},"policy":{"name":"llm"}}
{"type":"end","status":"submitted","patch":"p"}
`), 0o600))
		export := func(rule error) error {
			e := exporting{paths: []string{log}, out: out, format: formats.Format{
				Name: "strict", Ending: ending,
				Export: func(_ formats.Source, w io.Writer) error {
					_, err := io.WriteString(w, "written")
					return err
				},
				Check: func(document []byte) error {
					require.Equal(t, "written", string(document))
					return rule
				},
			}}
			a := app{stdout: io.Discard, stderr: io.Discard}
			return a.trajExport(t.Context(), &e)
		}
		err := export(errors.New("/steps/3: source is missing"))
		require.ErrorContains(t, err, log+": what comes of it breaks a rule of strict, so nothing was written: /steps/3: source is missing")
		require.Equal(t, exitUser, exitCode(err))
		require.NoFileExists(t, out)
		require.NoDirExists(t, out)
		require.NoError(t, export(nil), name)
		if ending != "" {
			out = filepath.Join(out, "a.1", "a.json")
		}
		written, err := os.ReadFile(out)
		require.NoError(t, err)
		require.Equal(t, "written", string(written))
	}
}
