package formats_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/episode"
)

func TestUsageBelowZeroIsZeroWithAWarning(t *testing.T) {
	f := toy()
	f.Import = func(_ context.Context, _ *formats.Input, to formats.Sink) error {
		w, err := episode.Begin(to, trajectories.Header{})
		if err != nil {
			return err
		}
		for _, u := range []trajectories.Usage{{Calls: 1, PromptTokens: -5, CompletionTokens: 3}, {Calls: 1, PromptTokens: 7}} {
			if err := w.Turn(trajectories.Turn{Usage: u}); err != nil {
				return err
			}
		}
		usage := w.Usage()
		usage.Cost = -0.5
		return w.End(trajectories.End{Status: trajectories.ExitSubmitted, Usage: usage})
	}
	var into formats.Collector
	o := options(&into)
	o.Formats = []formats.Format{f}
	reports, err := importAll(t, o, tree(t, map[string]string{"a.json": `{"toy": "a"}`}))
	require.NoError(t, err)
	require.Equal(t, []formats.Warning{
		{Text: "prompt tokens of turn 1: -5 is below zero, and taken as 0"},
		{Text: "cost of the whole: -0.5 is below zero, and taken as 0"},
	}, reports[0].Warnings)
	got := into.Whole[0]
	require.Equal(t, trajectories.Usage{Calls: 1, CompletionTokens: 3}, got.Turns[0].Usage)
	require.Equal(t, trajectories.Usage{Calls: 2, PromptTokens: 7, CompletionTokens: 3}, got.End.Usage)
}
