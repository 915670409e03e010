package replay_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/agent"
	"github.com/apprentice-rl/apprentice/agent/replay"
	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/trajectories"
)

// A world answers actions by their id.
type world map[string]env.Observation

func (world) Task() env.Task                        { return env.Task{} }
func (world) Tools() []env.Tool                     { return nil }
func (world) Patch(context.Context) (string, error) { return "a patch", nil }
func (w world) Do(_ context.Context, a env.Action) (env.Observation, error) {
	return w[a.ID], nil
}

type nowhere struct{}

func (nowhere) Turn(trajectories.Turn) error               { return nil }
func (nowhere) Observation(trajectories.Observation) error { return nil }
func (nowhere) End(trajectories.End) error                 { return nil }

func exit(code int) *sandbox.Result {
	return &sandbox.Result{End: sandbox.EndExit, ExitCode: code}
}

func action(id, tool string) env.Action {
	return env.Action{ID: id, Tool: tool, Arguments: json.RawMessage(`{}`)}
}

func recording() *trajectories.Trajectory {
	return &trajectories.Trajectory{
		Header: trajectories.Header{Policy: trajectories.Policy{Name: "llm", Model: "m"}},
		Turns: []trajectories.Turn{
			{N: 1, Reasoning: "hm", Usage: trajectories.Usage{Calls: 1, Cost: 1}, Response: json.RawMessage(`{}`), Actions: []env.Action{action("a", "bash"), action("b", "bash")}},
			{N: 2, FormatError: "no call"},
			{N: 3, Actions: []env.Action{action("c", "submit")}},
		},
		Observations: []trajectories.Observation{
			{Turn: 1, Observation: env.Observation{Action: "a", Text: "ok  x  0.012s", Result: exit(0)}},
			{Turn: 1, Observation: env.Observation{Action: "b", Text: "FAIL", Failed: true, Result: exit(1)}},
			{Turn: 3, Observation: env.Observation{Action: "c", Submitted: true}},
		},
		End: &trajectories.End{Status: trajectories.ExitSubmitted, Patch: "a patch"},
	}
}

func same() world {
	return world{
		"a": {Text: "ok  x  0.5s", Result: exit(0)},
		"b": {Text: "FAIL", Failed: true, Result: exit(1)},
		"c": {Submitted: true},
	}
}

func play(t *testing.T, p agent.Policy, w world) *trajectories.Trajectory {
	t.Helper()
	got, err := (&agent.Episode{Policy: p, Environment: w, Log: nowhere{}}).Run(t.Context())
	require.NoError(t, err)
	return got
}

func TestARecordingIsActedAgain(t *testing.T) {
	recorded := recording()
	p := replay.New(recorded)
	got := play(t, p, same())
	require.Equal(t, trajectories.ExitSubmitted, got.End.Status)
	require.Len(t, got.Turns, 3)
	for i := range got.Turns {
		require.Equal(t, recorded.Turns[i].Actions, got.Turns[i].Actions)
		require.Equal(t, recorded.Turns[i].Reasoning, got.Turns[i].Reasoning)
		require.Equal(t, recorded.Turns[i].FormatError, got.Turns[i].FormatError)
	}
	require.Zero(t, got.Usage())
	require.Nil(t, got.Turns[0].Response)
	require.Empty(t, p.Divergences())
	require.Empty(t, replay.Compare(recorded, got))
	require.Equal(t, trajectories.Policy{Name: "replay", Model: "m"}, p.Describe())
	require.Equal(t, recording(), recorded)
}

func TestDifferencesAreNoted(t *testing.T) {
	tests := []struct {
		name   string
		change func(w world)
		want   []replay.Divergence
	}{
		{"exit code", func(w world) { w["a"] = env.Observation{Text: w["a"].Text, Result: exit(2)} }, []replay.Divergence{
			{Turn: 1, Action: "a", What: replay.Ending, Recorded: "exit 0", Replayed: "exit 2"},
		}},
		{"text", func(w world) { w["b"] = env.Observation{Text: "FAIL 2", Failed: true, Result: exit(1)} }, []replay.Divergence{
			{Turn: 1, Action: "b", What: replay.Text, Recorded: "FAIL", Replayed: "FAIL 2"},
		}},
		{"signal", func(w world) {
			w["b"] = env.Observation{Text: "FAIL", Failed: true, Result: &sandbox.Result{End: sandbox.EndSignal, Signal: "SIGKILL"}}
		}, []replay.Divergence{
			{Turn: 1, Action: "b", What: replay.Ending, Recorded: "exit 1", Replayed: "signal SIGKILL"},
		}},
		{"refused", func(w world) { w["a"] = env.Observation{Text: "ok  x  0s", Failed: true} }, []replay.Divergence{
			{Turn: 1, Action: "a", What: replay.Ending, Recorded: "exit 0", Replayed: "refused"},
		}},
		{"submitted early", func(w world) { w["a"] = env.Observation{Text: "ok  x  0s", Submitted: true} }, []replay.Divergence{
			{Turn: 1, Action: "a", What: replay.Ending, Recorded: "exit 0", Replayed: "submitted"},
			{Turn: 1, Action: "b", What: replay.Missing, Recorded: "an observation", Replayed: "none"},
			{Turn: 3, Action: "c", What: replay.Missing, Recorded: "an observation", Replayed: "none"},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := same()
			tt.change(w)
			p := replay.New(recording())
			got := play(t, p, w)
			require.Equal(t, tt.want, replay.Compare(recording(), got))
			if got.End.Status == trajectories.ExitSubmitted && len(got.Turns) == 3 {
				require.Equal(t, tt.want, p.Divergences())
			}
			require.Contains(t, tt.want[0].String(), "turn 1, action "+tt.want[0].Action)
		})
	}
}

func TestTheFinalPatchIsCompared(t *testing.T) {
	other := recording()
	other.End.Patch = "another"
	got := replay.Compare(recording(), other)
	require.Equal(t, []replay.Divergence{{What: replay.Patch, Recorded: "a patch", Replayed: "another"}}, got)
	require.Contains(t, got[0].String(), "patch")
}

func TestAnUnfinishedRecordingGivesUpAtItsEnd(t *testing.T) {
	recorded := recording()
	recorded.Turns, recorded.End = recorded.Turns[:1], nil
	recorded.Observations = recorded.Observations[:1]
	p := replay.New(recorded)
	got := play(t, p, same())
	require.Equal(t, trajectories.ExitGaveUp, got.End.Status)
	require.Contains(t, got.End.Detail, "ends after 1 turns")
	require.Equal(t, []replay.Divergence{{Turn: 1, Action: "b", What: replay.Missing, Recorded: "none", Replayed: "an observation"}}, p.Divergences())
}

var _ agent.Policy = (*replay.Policy)(nil)
