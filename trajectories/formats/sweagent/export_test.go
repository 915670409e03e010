package sweagent_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/formatstest"
	"github.com/apprentice-rl/apprentice/trajectories/formats/sweagent"
)

func export(t testing.TB, tr *trajectories.Trajectory) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, sweagent.Format().Export(formats.Of(tr), &b))
	return b.Bytes()
}

func TestWhatWasImportedComesBackAsItWas(t *testing.T) { formatstest.RoundTrip(t, suite()) }

// The files themselves come back, too, but for the order of members and what
// is smaller than a nanosecond.
func TestRealFilesAreWrittenAsTheyWere(t *testing.T) {
	n := 0
	require.NoError(t, filepath.WalkDir(formatstest.Root(t), func(path string, d os.DirEntry, err error) error {
		if err != nil || !suite().Files(path) {
			return err
		}
		n++
		t.Run(filepath.Base(filepath.Dir(path)), func(t *testing.T) {
			_, all, err := suite().Import(t, path, false)
			require.NoError(t, err)
			raw, err := os.ReadFile(path)
			require.NoError(t, err)
			want, got := formatstest.Decode(t, raw), formatstest.Decode(t, export(t, all[0]))
			require.Equal(t, rounded(want[0]), rounded(got[0]))
		})
		return nil
	}))
	require.GreaterOrEqual(t, n, suite().Want)
}

// rounded rounds the times of a document to nanoseconds.
func rounded(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			if seconds, ok := v[k].(float64); ok && k == "execution_time" {
				v[k] = math.Round(seconds * 1e9)
				continue
			}
			v[k] = rounded(v[k])
		}
	case []any:
		for i := range v {
			v[i] = rounded(v[i])
		}
	}
	return v
}

func TestAnExportThatCannotBeWrittenSaysSo(t *testing.T) {
	formatstest.Full(t, sweagent.Format(), foreign(), 100)
}

// broken is a source that cannot be read to its end.
type broken struct{ formats.Source }

func (b broken) Events() iter.Seq2[trajectories.Event, error] {
	return func(yield func(trajectories.Event, error) bool) {
		for e, err := range b.Source.Events() {
			if !yield(e, err) {
				return
			}
			yield(trajectories.Event{}, os.ErrDeadlineExceeded)
			return
		}
	}
}

func TestASourceThatBreaksIsAnError(t *testing.T) {
	for _, source := range []*trajectories.Source{nil, {Format: sweagent.Name}} {
		tr := foreign()
		tr.Header.Source = source
		require.ErrorIs(t, sweagent.Format().Export(broken{formats.Of(tr)}, &bytes.Buffer{}), os.ErrDeadlineExceeded)
	}
}

func TestLogsThatSomebodyHasChangedAreWrittenOrRefused(t *testing.T) {
	tr := foreign() // says that it is of SWE-agent, and has nothing of its origins
	tr.Header.Source = &trajectories.Source{Format: sweagent.Name}
	require.NotEmpty(t, export(t, tr))
	tr.Turns[0].Origin = &trajectories.Origin{Extra: json.RawMessage(`{"query":true}`)}
	tr.Views = []trajectories.View{{Turn: 1, Form: trajectories.ViewQuery, Shows: []trajectories.Run{{From: 3, Count: 1}}}}
	require.ErrorContains(t, sweagent.Format().Export(formats.Of(tr), &bytes.Buffer{}), "no view has added")
	tr.Turns[0].Origin = &trajectories.Origin{Extra: json.RawMessage(`{"query":"x"}`)}
	require.ErrorContains(t, sweagent.Format().Export(formats.Of(tr), &bytes.Buffer{}), "what was kept of the source")
}

// A step may have no observation where the history has one, which may have been
// handed in or not.
func TestAnObservationOfTheHistoryAloneStaysThere(t *testing.T) {
	const file = `{"trajectory": [{"action": "", "observation": "", "response": "Hm.", "thought": "Hm."}, {"action": "submit", "response": "Done.", "thought": "Done."%s, "execution_time": 1}],
		"history": [{"role": "user", "content": "P"}, {"role": "assistant", "content": "Done.", "thought": "Done.", "action": "submit",
			"tool_calls": [{"id": "c", "type": "function", "function": {"name": "submit", "arguments": "{}"}}]},
			{"role": "tool", "content": "diff\n", "tool_call_ids": ["c"]}],
		"info": {"exit_status": "submitted", "submission": "diff\n"}, "environment": "a__b-1"}`
	for _, observation := range []string{"", `, "observation": null`, `, "observation": "diff\n"`} {
		path := filepath.Join(t.TempDir(), "x.traj")
		text := fmt.Sprintf(file, observation)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, all, err := suite().Import(t, path, false)
		require.NoError(t, err)
		require.JSONEq(t, text, string(export(t, all[0])))
	}
}

// long is a source of many turns, of which none is held.
type long struct {
	formats.Source
	turns int
	each  func()
}

func (l long) Events() iter.Seq2[trajectories.Event, error] {
	return func(yield func(trajectories.Event, error) bool) {
		for n := range l.turns {
			id := strconv.Itoa(n)
			t := trajectories.Turn{N: n + 1, Actions: []env.Action{{ID: id, Tool: "bash", Arguments: json.RawMessage(`{"command":"ls"}`)}}}
			o := trajectories.Observation{Turn: n + 1, Observation: env.Observation{Action: id, Text: strings.Repeat("line\n", 20_000)}}
			if !yield(trajectories.Event{Turn: &t}, nil) || !yield(trajectories.Event{Observation: &o}, nil) {
				return
			}
		}
		l.each()
	}
}

func TestAnExportHoldsOneStepAtATime(t *testing.T) {
	for _, source := range []*trajectories.Source{nil, {Format: sweagent.Name}} {
		tr := foreign()
		tr.Header.Source = source
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		end := func() {
			runtime.GC()
			runtime.ReadMemStats(&after)
		}
		require.NoError(t, sweagent.Format().Export(long{formats.Of(tr), 300, end}, io.Discard))
		require.Less(t, int64(after.HeapAlloc)-int64(before.HeapAlloc), int64(8<<20), "of 30 MB")
	}
}

// FuzzExport checks that whatever was imported is the same after an export and
// another import. Of files that are not clean it is the second import which is
// the same as the third: what was left out leaves gaps.
func FuzzExport(f *testing.F) {
	for _, sample := range suite().Samples {
		f.Add([]byte(sample))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "x.traj")
		load := func(text []byte, keepGoing bool) []*trajectories.Trajectory {
			require.NoError(t, os.WriteFile(path, text, 0o600))
			_, all, err := suite().Import(t, path, keepGoing)
			if !keepGoing && err != nil {
				return nil
			}
			require.NoError(t, err, "%s", text)
			return all
		}
		firsts := load(content, false)
		if len(firsts) == 0 {
			for _, first := range load(content, true) {
				firsts = append(firsts, load(export(t, first), true)...)
			}
		}
		for _, first := range firsts {
			text := export(t, first)
			again := load(text, true)
			if len(again) == 0 {
				continue // it has neither steps nor messages to be told by
			}
			require.Equal(t, log(t, first), log(t, again[0]), "%s", text)
		}
	})
}

// log is a trajectory as a log, without what its file has to do with.
func log(t *testing.T, tr *trajectories.Trajectory) string {
	t.Helper()
	c := *tr
	c.Header.ID, c.Header.Attempt, c.Header.Source = "", 0, nil
	var b bytes.Buffer
	e := trajectories.NewEncoder(&b)
	for event := range c.Events() {
		require.NoError(t, e.Event(event))
	}
	return b.String()
}
