package openhands_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
)

func load(t *testing.T, content string) (formats.Report, *trajectories.Trajectory) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.jsonl")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	report, all, err := suiteV0().Import(t, path, false)
	require.NoError(t, err)
	require.Len(t, all, 1)
	return report, all[0]
}

func TestCallsOfOneAnswerAreOneTurn(t *testing.T) {
	_, got := load(t, sampleEventsV0)
	turn := got.Turns[1]
	require.Equal(t, "I do r2.", turn.Message)
	require.Equal(t, []string{"c2", "c3"}, []string{turn.Actions[0].ID, turn.Actions[1].ID})
	require.Equal(t, `{"thought":"x"}`, string(turn.Actions[1].Arguments))
	require.Equal(t, trajectories.Usage{Calls: 1, PromptTokens: 10, CachedTokens: 4, CompletionTokens: 2, Cost: 0.5}, turn.Usage)
	require.Equal(t, []string{"c1", "c2", "c3"}, []string{got.Observations[0].Action, got.Observations[1].Action, got.Observations[2].Action})
}

func TestACallIsWhatTheModelMade(t *testing.T) {
	_, got := load(t, sampleEventsV0)
	turn := got.Turns[0]
	require.Equal(t, "execute_bash", turn.Actions[0].Tool)
	require.Equal(t, `{"command": "ls"}`, turn.ArgumentText(0))
	require.Equal(t, "Hm.", turn.Reasoning)
	require.Contains(t, string(turn.Response), `"id":`)
	require.Equal(t, "m", turn.Model, "a list of events has no other place for it")
}

func TestTheEndOfACommandIsKnown(t *testing.T) {
	_, got := load(t, sampleEventsV0)
	require.Equal(t, &sandbox.Result{End: sandbox.EndExit, ExitCode: 2}, got.Observations[0].Result)
	require.True(t, got.Observations[0].Failed)
	require.Equal(t, 0, got.Observations[1].Result.ExitCode, "where older versions note it")
	require.Nil(t, got.Observations[2].Result)
}

func TestAMalformedCallIsALostTurn(t *testing.T) {
	report, got := load(t, sampleEventsV0)
	require.True(t, got.Turns[2].Lost)
	require.Equal(t, "No such tool.", got.Turns[2].FormatError)
	require.Equal(t, 1, report.Unaddressed)
	require.Equal(t, 1, report.Orphans)
	require.Equal(t, 4, report.Actions)
	require.Equal(t, 4, report.Observations)
}

func TestWhatIsNoCallIsAMessage(t *testing.T) {
	_, got := load(t, sampleEventsV0)
	kinds := map[trajectories.MessageKind]int{}
	for _, m := range got.Messages {
		kinds[m.Kind]++
	}
	require.Equal(t, map[trajectories.MessageKind]int{
		trajectories.MessageState:        2, // recall, agent_state_changed
		trajectories.MessageNote:         2, // what was recalled, the user
		trajectories.MessageFeedback:     1,
		trajectories.MessageCondensation: 1,
		trajectories.MessageOrphan:       1,
	}, kinds)
	require.Equal(t, "May I?", got.Turns[3].Message)
	require.Empty(t, got.Turns[3].Actions)
}

func TestTheRowIsInHeaderAndEnd(t *testing.T) {
	_, got := load(t, sampleRowV0)
	require.Equal(t, trajectories.Task{ID: "a__b-1", Repo: "a/b", BaseCommit: "abc", ProblemStatement: "Mend it."}, got.Header.Task)
	require.Equal(t, "openai/m", got.Header.Policy.Model)
	require.Equal(t, "Mend this.", got.Header.Prompt)
	extra := string(got.Header.Origin.Extra)
	require.Contains(t, extra, `"instruction":"Other words."`)
	for _, hidden := range []string{"top-secret", "test_hidden", "gold"} {
		require.NotContains(t, extra, hidden)
	}
	require.Equal(t, "diff --git a/x b/x\n", got.End.Patch)
	require.False(t, got.End.PatchUnknown)
	require.Equal(t, trajectories.ExitSubmitted, got.End.Status)
	require.Equal(t, trajectories.Usage{Calls: 1, PromptTokens: 100, CachedTokens: 30, CompletionTokens: 20, Cost: 1.5}, got.End.Usage)
}

func TestPairsWithoutIds(t *testing.T) {
	report, got := load(t, samplePairs)
	require.Equal(t, 2, report.Actions)
	require.Equal(t, 1, report.Observations)
	require.Equal(t, "I look.", got.Turns[0].Message)
	require.Equal(t, `{"command":"ls"}`, string(got.Turns[0].Actions[0].Arguments))
	require.Equal(t, "x.", got.Observations[0].Text)
	require.Equal(t, trajectories.ExitStepLimit, got.End.Status)
	require.Equal(t, "RuntimeError: Agent reached maximum iteration", got.End.SourceStatus)
	require.True(t, got.End.PatchUnknown)
}

func TestErrorsTellHowAnEpisodeEnded(t *testing.T) {
	for failure, want := range map[string]trajectories.ExitStatus{
		"RuntimeError: Agent reached maximum iteration in headless mode": trajectories.ExitStepLimit,
		"RuntimeError: Agent reached maximum budget":                     trajectories.ExitCostLimit,
		"AgentStuckInLoopError: Agent got stuck in a loop":               trajectories.ExitGaveUp,
		"litellm.ContextWindowExceededError: x":                          trajectories.ExitTokenLimit,
		"litellm.RateLimitError: x":                                      trajectories.ExitInfrastructure,
		"TimeoutError: Function timed out after 5400 seconds":            trajectories.ExitTimeLimit,
		"KeyError: 'x'": trajectories.ExitCrashed,
	} {
		_, got := load(t, `{"instance_id": "x", "test_result": {}, "error": "`+failure+`", "history": [{"id": 0, "source": "user", "action": "message", "args": {"content": "P"}}]}`)
		require.Equal(t, want, got.End.Status, failure)
		require.Equal(t, failure, got.End.SourceStatus)
	}
}

func TestEventsOnLinesAreOneTrajectory(t *testing.T) {
	report, got := load(t, `{"id": 0, "source": "user", "action": "message", "args": {"content": "P"}}
{"id": 1, "source": "agent", "action": "run", "args": {"command": "ls"}}
{"id": 2, "source": "agent", "observation": "run", "content": "x", "cause": 1}
`)
	require.Equal(t, 1, report.Trajectories)
	require.Equal(t, "run", got.Turns[0].Actions[0].Tool)
	require.Equal(t, "x", got.Observations[0].Text)
}
