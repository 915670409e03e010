package episode_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/episode"
)

// begin starts a trajectory with turns whose calls have these ids.
func begin(t *testing.T, turns ...[]string) (*episode.Writer, *formats.Collector) {
	t.Helper()
	var into formats.Collector
	w, err := episode.Begin(&into, trajectories.Header{ID: "x.1"})
	require.NoError(t, err)
	for _, ids := range turns {
		turn(t, w, ids...)
	}
	return w, &into
}

func turn(t *testing.T, w *episode.Writer, ids ...string) {
	t.Helper()
	var actions []env.Action
	for _, id := range ids {
		actions = append(actions, env.Action{ID: id, Tool: "f", Arguments: []byte("{}")})
	}
	require.NoError(t, w.Turn(trajectories.Turn{Actions: actions, Usage: trajectories.Usage{Calls: 1}}))
}

func claim(w *episode.Writer, id string) string {
	c, ok := w.Claim(id)
	if !ok {
		return ""
	}
	return c.Action
}

func TestIdsThatAreUsedAgain(t *testing.T) {
	w, into := begin(t, []string{"0", "1"}, []string{"0", ""})
	require.NoError(t, w.End(trajectories.End{Status: trajectories.ExitUnknown}))
	turns := into.Whole[0].Turns
	require.Equal(t, []string{"0", "1"}, []string{turns[0].Actions[0].ID, turns[0].Actions[1].ID})
	require.Nil(t, turns[0].Calls)
	require.Equal(t, []string{"turn-2.1", "turn-2.2"}, []string{turns[1].Actions[0].ID, turns[1].Actions[1].ID})
	require.Equal(t, []trajectories.Call{{ID: "0"}, {}}, turns[1].Calls)
	require.Equal(t, 2, w.Usage().Calls)
}

func TestAnAnswerBelongsToTheLatestTurnThatUsedItsId(t *testing.T) {
	w, _ := begin(t, []string{"a", "b"}, []string{"a"})
	require.Equal(t, "turn-2.1", claim(w, "a"))
	require.Equal(t, "", claim(w, "a"), "one answer a call")
	require.Equal(t, "b", claim(w, "b"), "of an earlier turn")
	require.Equal(t, "", claim(w, "c"))
	require.Equal(t, "", claim(w, ""))
}

func TestOneIdForSeveralCallsOfATurn(t *testing.T) {
	w, _ := begin(t, []string{"a", "a"})
	require.Equal(t, "a", claim(w, "a"))
	require.Equal(t, "turn-1.2", claim(w, "a"))
	require.Equal(t, "", claim(w, "a"))
}

func TestOpenAreTheCallsOfTheLastTurnWithoutAnAnswer(t *testing.T) {
	w, _ := begin(t, []string{"a"}, []string{"b", "c", "d"})
	require.Equal(t, "c", claim(w, "c"))
	require.NoError(t, w.Answer(w.Open()[0], trajectories.Observation{}))
	require.Equal(t, []episode.Call{{Action: "d", Turn: 2}}, w.Open())
}

func TestAnswersAndMessagesKnowTheirTurn(t *testing.T) {
	w, into := begin(t, []string{"a"}, []string{"b"})
	c, _ := w.Claim("a")
	require.NoError(t, w.Answer(c, trajectories.Observation{Observation: env.Observation{Text: "x"}}))
	require.NoError(t, w.Message(trajectories.Message{Role: "user", Kind: trajectories.MessageNote}))
	require.NoError(t, w.End(trajectories.End{Status: trajectories.ExitUnknown}))
	got := into.Whole[0]
	require.Equal(t, 1, got.Observations[0].Turn)
	require.Equal(t, 2, got.Messages[0].After)
}

func TestFinishedIsSaidByTheLastTurn(t *testing.T) {
	for tool, want := range map[string]bool{"submit": true, "finish": true, "mark_task_complete": true, "bash": false} {
		w, _ := begin(t)
		require.NoError(t, w.Turn(trajectories.Turn{Actions: []env.Action{{Tool: tool}}}))
		require.Equal(t, want, w.Finished(), tool)
		turn(t, w, "more")
		require.False(t, w.Finished())
	}
}

func TestTheFirstOpenCall(t *testing.T) {
	w, _ := begin(t, []string{"a", "b", "c"})
	first := func() string {
		c, _ := w.FirstOpen()
		return c.Action
	}
	require.Equal(t, "a", first())
	require.Equal(t, "b", claim(w, "b"))
	require.Equal(t, "a", first())
	require.Equal(t, "a", claim(w, "a"))
	require.Equal(t, "c", first())
	require.Equal(t, "c", claim(w, "c"))
	_, ok := w.FirstOpen()
	require.False(t, ok)
	require.Empty(t, w.Open())
	turn(t, w, "d")
	require.Equal(t, "d", first())
}

// A list of all open calls for each answer would take the square of their number.
func TestToAskForTheFirstOpenCallMakesNoList(t *testing.T) {
	w, _ := begin(t, make([]string, 1000))
	require.Zero(t, testing.AllocsPerRun(10, func() { w.FirstOpen() }))
}
