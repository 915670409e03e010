package summary_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/minhash"
	"github.com/apprentice-rl/apprentice/trajectories/store"
	"github.com/apprentice-rl/apprentice/trajectories/summary"
)

func bash(id, command string) env.Action {
	raw, err := json.Marshal(map[string]string{"command": command})
	if err != nil {
		panic(err)
	}
	return env.Action{ID: id, Tool: "bash", Arguments: raw}
}

func observed(turn int, action string) trajectories.Observation {
	return trajectories.Observation{Turn: turn, Observation: env.Observation{Action: action, Text: "done"}}
}

// episode has one of each kind of turn.
func episode() *trajectories.Trajectory {
	return &trajectories.Trajectory{
		Header: trajectories.Header{
			ID: "hush-9.2", Run: "first", Attempt: 2, Started: time.Unix(1700000000, 0).UTC(),
			Task:   trajectories.Task{ID: "hush-9", Repo: "starter/hush"},
			Policy: trajectories.Policy{Name: "llm", Model: "a-model"},
			Source: &trajectories.Source{Format: "atif"},
			Parent: &trajectories.Parent{Trajectory: "hush-9.1", Turn: 3, Kind: trajectories.ParentSubagent},
		},
		Turns: []trajectories.Turn{
			{N: 1, Actions: []env.Action{bash("a", "ls")}, Copied: true},
			{N: 2, Actions: []env.Action{bash("b", "cat x"), bash("c", "cat y")}, Usage: trajectories.Usage{Calls: 1, PromptTokens: 10, Cost: 0.5}},
			{N: 3, FormatError: "no call", Usage: trajectories.Usage{Calls: 1, PromptTokens: 20}},
			{N: 4, Message: "I think."},
			{N: 5, Actions: []env.Action{bash("d", "exit_cost")}, Synthetic: true},
		},
		Observations: []trajectories.Observation{observed(1, "a"), observed(2, "b")},
		End: &trajectories.End{
			Status: trajectories.ExitSubmitted, Limit: trajectories.ExitCostLimit, Patch: "a patch",
			Redactions: map[string]int{"api_key": 2, "password": 1},
		},
	}
}

func TestASummaryIsWhatTheTrajectorySays(t *testing.T) {
	var own minhash.Sketcher
	own.Add("bash", `{"command":"cat x"}`)
	own.Add("bash", `{"command":"cat y"}`)
	whole := summary.Summary{
		ID: "hush-9.2", Run: "first", Attempt: 2, Task: "hush-9", Repo: "starter/hush", Policy: "llm", Model: "a-model",
		Format: "atif", Source: &trajectories.Source{Format: "atif"}, Parent: "hush-9.1", ParentKind: trajectories.ParentSubagent, Start: time.Unix(1700000000, 0).UTC(),
		Status: trajectories.ExitSubmitted, Limit: trajectories.ExitCostLimit,
		Turns: 4, Steps: 2, Trainable: 1, Actions: 3, Observations: 1, FormatErrors: 1,
		Usage:      trajectories.Usage{Calls: 2, PromptTokens: 30, Cost: 0.5},
		PatchBytes: 7, PatchDigest: "36d65898ac88d593753dd8daccb2b42e725970f3f2e2259b9e69fdc2898a54b8", Redactions: 3,
		Sketch: own.Sketch(),
	}
	for name, tt := range map[string]struct {
		change func(*trajectories.Trajectory)
		want   func(*summary.Summary)
	}{
		"all of it": {func(*trajectories.Trajectory) {}, func(*summary.Summary) {}},
		"the end counts what no turn does": {
			func(t *trajectories.Trajectory) { t.End.Usage = trajectories.Usage{Calls: 9, Cost: 2} },
			func(s *summary.Summary) { s.Usage = trajectories.Usage{Calls: 9, PromptTokens: 30, Cost: 2} },
		},
		"no end": {
			func(t *trajectories.Trajectory) { t.End = nil },
			func(s *summary.Summary) {
				s.Status, s.Limit, s.PatchBytes, s.PatchDigest, s.Redactions = "", "", 0, "", 0
			},
		},
		"an empty patch": {
			func(t *trajectories.Trajectory) { t.End.Patch = "" },
			func(s *summary.Summary) { s.PatchBytes, s.PatchDigest = 0, "" },
		},
		"a patch that is not known": {
			func(t *trajectories.Trajectory) { t.End.Patch, t.End.PatchUnknown = "", true },
			func(s *summary.Summary) { s.PatchBytes, s.PatchDigest, s.PatchUnknown = 0, "", true },
		},
		"no turn": {
			func(t *trajectories.Trajectory) { t.Turns, t.Observations = nil, nil },
			func(s *summary.Summary) {
				s.Turns, s.Steps, s.Trainable, s.Actions, s.Observations, s.FormatErrors = 0, 0, 0, 0, 0, 0
				s.Usage, s.Sketch = trajectories.Usage{}, minhash.Sketch{}
			},
		},
		"our own": {
			func(t *trajectories.Trajectory) { t.Header.Source, t.Header.Parent = nil, nil },
			func(s *summary.Summary) { s.Format, s.Source, s.Parent, s.ParentKind = "", nil, "", "" },
		},
	} {
		t.Run(name, func(t *testing.T) {
			given, want := episode(), whole
			tt.change(given)
			tt.want(&want)
			got, err := summary.Of(formats.Of(given))
			require.NoError(t, err)
			require.Equal(t, want, got)

			raw, err := json.Marshal(got)
			require.NoError(t, err)
			var again summary.Summary
			require.NoError(t, json.Unmarshal(raw, &again))
			require.Equal(t, got, again)
		})
	}
}

func TestTheTextOfABrokenCallCountsInTheSketch(t *testing.T) {
	broken := func(text string) minhash.Sketch {
		s, err := summary.Of(formats.Of(&trajectories.Trajectory{Turns: []trajectories.Turn{{
			N: 1, Actions: []env.Action{{ID: "a", Tool: "bash", Arguments: json.RawMessage("{}")}},
			Calls: []trajectories.Call{{Text: text, Invalid: true}},
		}}}))
		require.NoError(t, err)
		return s.Sketch
	}
	require.Equal(t, broken("ls"), broken("ls"))
	require.NotEqual(t, broken("ls"), broken("rm"))
}

type failing struct{ formats.Source }

func (f failing) Events() iter.Seq2[trajectories.Event, error] {
	return func(yield func(trajectories.Event, error) bool) {
		for e, err := range f.Source.Events() {
			if !yield(e, err) {
				return
			}
		}
		yield(trajectories.Event{}, io.ErrUnexpectedEOF)
	}
}

func TestWhatCannotBeReadHasNoSummary(t *testing.T) {
	got, err := summary.Of(failing{formats.Of(episode())})
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Zero(t, got)
}

func BenchmarkOf(b *testing.B) {
	var log bytes.Buffer
	e := trajectories.NewEncoder(&log)
	require.NoError(b, e.Header(trajectories.Header{ID: "a.1"}))
	for n := 1; n <= 60; n++ {
		id := fmt.Sprint("c", n)
		require.NoError(b, e.Turn(trajectories.Turn{
			N: n, Reasoning: strings.Repeat("I look. ", 60), Actions: []env.Action{bash(id, fmt.Sprintf("sed -n '%d,40p' file.go", n))},
		}))
		o := observed(n, id)
		o.Text = strings.Repeat("\tif x := y(); x > 1 { return \"z\" }\n", 120)
		require.NoError(b, e.Observation(o))
	}
	require.NoError(b, e.End(trajectories.End{Status: trajectories.ExitSubmitted}))
	path := filepath.Join(b.TempDir(), "a.1.jsonl")
	require.NoError(b, os.WriteFile(path, log.Bytes(), 0o600))
	var from *store.Log
	for l, err := range store.Find(path) {
		require.NoError(b, err)
		from = l
	}
	b.SetBytes(int64(log.Len()))
	b.ReportAllocs()
	for b.Loop() {
		_, err := summary.Of(from)
		require.NoError(b, err)
	}
}
