package formats_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
)

func sample() *trajectories.Trajectory {
	turn := func(n int, copied bool, ids ...string) trajectories.Turn {
		t := trajectories.Turn{N: n, Copied: copied}
		for _, id := range ids {
			t.Actions = append(t.Actions, env.Action{ID: id, Tool: "bash", Arguments: []byte("{}")})
		}
		return t
	}
	observation := func(n int, id string) trajectories.Observation {
		return trajectories.Observation{Turn: n, Observation: env.Observation{Action: id}}
	}
	return &trajectories.Trajectory{
		Header:       trajectories.Header{Version: trajectories.Version, ID: "x.1"},
		Turns:        []trajectories.Turn{turn(1, true, "a", "b"), turn(2, false, "c"), turn(3, false)},
		Observations: []trajectories.Observation{observation(1, "a"), observation(2, "c")},
		Messages: []trajectories.Message{
			{After: 1, Role: "tool", Kind: trajectories.MessageOrphan},
			{After: 2, Role: "tool", Kind: trajectories.MessageFeedback},
			{After: 2, Role: "user", Kind: trajectories.MessageFeedback},
			{After: 2, Role: "tool", Kind: trajectories.MessageSubagent},
			{After: 2, Role: "user", Kind: trajectories.MessageNote},
		},
		End: &trajectories.End{Status: trajectories.ExitSubmitted},
	}
}

func TestCountsFollowOnePrinciple(t *testing.T) {
	var into formats.Collector
	c := formats.NewCounter(&into)
	require.NoError(t, formats.Copy(c, formats.Of(sample())))
	require.Equal(t, formats.Count{
		Trajectories: 1, Actions: 3, Observations: 3, CopiedActions: 2, CopiedObservations: 1, Orphans: 1, Unaddressed: 2,
	}, c.Count)

	require.NoError(t, c.Begin(trajectories.Header{}))
	require.NoError(t, c.Turn(sample().Turns[0]))
	c.Discard()
	require.Equal(t, 3, c.Actions, "what is discarded does not count")
	require.Equal(t, c.Count.Add(c.Count).Actions, 6)
}

func TestACollectorKeepsTheOrder(t *testing.T) {
	var into formats.Collector
	require.NoError(t, formats.Copy(&into, formats.Of(sample())))
	require.Len(t, into.Whole, 1)
	got := into.Whole[0]
	got.Order = nil
	require.Equal(t, sample(), got)
	require.Error(t, into.Turn(trajectories.Turn{N: 1}), "nothing has begun")
	require.NoError(t, into.Begin(trajectories.Header{}))
	require.Error(t, into.Begin(trajectories.Header{}), "the first has not ended")
	require.Error(t, into.Turn(trajectories.Turn{N: 2}), "turn 1 is missing")
}

func TestCopyDiscardsWhatItCannotFinish(t *testing.T) {
	bad := sample()
	bad.Turns[1].N = 9
	var into formats.Collector
	require.Error(t, formats.Copy(&into, formats.Of(bad)))
	require.Empty(t, into.Whole)
	require.NoError(t, into.Begin(trajectories.Header{}), "the next may begin")
}

func TestActionsGetIDsOfTheirOwn(t *testing.T) {
	var ids formats.IDs
	one := trajectories.Turn{N: 1}
	require.Equal(t, "0", ids.Act(&one, formats.Call{ID: "0", Tool: "bash", Arguments: `{}`}))
	require.Nil(t, one.Calls, "there is nothing to say of it")
	require.Equal(t, "turn-1.2", ids.Act(&one, formats.Call{ID: "0", Tool: "bash", Arguments: `{ }`}))
	require.Equal(t, "turn-1.3", ids.Act(&one, formats.Call{Tool: "bash", Arguments: `nothing`}))
	require.Equal(t, []trajectories.Call{{}, {ID: "0", Text: "{ }"}, {Text: "nothing", Invalid: true}}, one.Calls)
	two := trajectories.Turn{N: 2}
	require.Equal(t, "turn-2.1", ids.Act(&two, formats.Call{ID: "turn-1.2"}))
	require.Equal(t, "turn-2.2-1", func() string {
		var taken formats.IDs
		taken.New("turn-2.2", 1, 1)
		return taken.New("", 2, 2)
	}())
}

func TestLossesAreGatheredByField(t *testing.T) {
	var l formats.Losses
	l.Add("turn.reasoning", 3, "there is no member for it")
	l.Add("header.notes", 0, "nor for that")
	l.Add("turn.reasoning", 4, "there is no member for it")
	require.Equal(t, []formats.Loss{
		{Field: "turn.reasoning", Count: 2, Example: 3, Why: "there is no member for it"},
		{Field: "header.notes", Count: 1, Why: "nor for that"},
	}, l.All())
}
