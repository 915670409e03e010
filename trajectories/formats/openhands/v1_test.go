package openhands_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/openhands"
)

func TestActionsOfOneResponseAreOneTurn(t *testing.T) {
	_, got := load(t, sampleEventsV1)
	turn := got.Turns[0]
	require.Equal(t, []string{"c1", "c2"}, []string{turn.Actions[0].ID, turn.Actions[1].ID})
	require.Equal(t, trajectories.Usage{Calls: 1, PromptTokens: 10, CachedTokens: 1, CompletionTokens: 2, Cost: 0.5}, turn.Usage)
	require.Equal(t, `{"command": "a", "security_risk": "LOW"}`, turn.ArgumentText(0))
	require.True(t, turn.Calls[1].Invalid)
	require.JSONEq(t, `{"action": null}`, string(turn.Calls[1].Extra))
}

func TestReasoningThatIsThereTwiceIsKeptOnce(t *testing.T) {
	_, got := load(t, sampleEventsV1)
	require.Equal(t, "Hm.", got.Turns[0].Reasoning)
	require.Equal(t, "Both.", got.Turns[0].Message)
	require.Equal(t, "<think>Hm.</think>\n\nBoth.", *got.Turns[0].Origin.Text)
}

func TestAnswersOfThreeKinds(t *testing.T) {
	report, got := load(t, sampleEventsV1)
	require.Equal(t, 3, report.Actions)
	require.Equal(t, 4, report.Observations)
	require.Equal(t, 1, report.Orphans)
	require.Equal(t, []string{"xy.", "There is no such tool.", "Not yet."}, []string{got.Observations[0].Text, got.Observations[1].Text, got.Observations[2].Text})
	require.Equal(t, []bool{false, true, true}, []bool{got.Observations[0].Failed, got.Observations[1].Failed, got.Observations[2].Failed})
	require.Equal(t, &sandbox.Result{End: sandbox.EndExit}, got.Observations[0].Result)
	require.NotNil(t, got.Observations[0].Origin.Parts)
}

func TestACondensationKeepsWhatItForgets(t *testing.T) {
	_, got := load(t, sampleEventsV1)
	for _, m := range got.Messages {
		if m.Kind == trajectories.MessageCondensation {
			require.Equal(t, "Before.", m.Text)
			require.Contains(t, string(m.Origin.Extra), `"forgotten_event_ids":["e4"]`)
			return
		}
	}
	t.Fatal("there is no condensation")
}

func TestAnErrorOfTheConversationEndsIt(t *testing.T) {
	_, got := load(t, sampleEventsV1)
	require.Equal(t, trajectories.ExitStepLimit, got.End.Status)
	require.Equal(t, "MaxIterationsReached: No more.", got.End.SourceStatus)
}

func TestTheBranchToTheLeafHappened(t *testing.T) {
	report, got := load(t, sampleTree)
	require.Equal(t, 1, report.Actions)
	require.Equal(t, "Second.", got.Turns[0].Message)
	require.Len(t, got.Messages, 2)
	require.Equal(t, trajectories.MessageAbandoned, got.Messages[0].Kind)
	require.Contains(t, string(got.Messages[0].Origin.Extra), `"command":"a"`)
	require.Len(t, report.Warnings, 1)
	require.Contains(t, report.Warnings[0].Text, "2 events are of branches that were given up; they are kept as messages, and 1 calls")
}

func TestParentsThatLeadBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.json")
	require.NoError(t, os.WriteFile(path, []byte(strings.ReplaceAll(sampleTree, `"parent_id": null`, `"parent_id": "o2"`)), 0o600))
	_, _, err := suiteV1().Import(t, path, false)
	require.ErrorContains(t, err, `the parents of event "o2" lead back to it`)
	report, all, err := suiteV1().Import(t, path, true)
	require.NoError(t, err)
	require.Equal(t, 2, report.Actions, "all events are taken as they come")
	require.Len(t, all, 1)
}

func TestAFolderIsOneConversation(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "e18b827d")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "events"), 0o700))
	write := func(name, content string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	// The order is that of the numbers, not of the names.
	for i, event := range map[int]string{
		7:      `{"kind": "MessageEvent", "id": "m", "source": "user", "llm_message": {"role": "user", "content": "P"}}`,
		8:      `{"kind": "ActionEvent", "id": "a", "parent_id": "m", "source": "agent", "thought": "T", "tool_name": "terminal", "tool_call_id": "c1", "action": {"command": "x"}}`,
		9:      `{"kind": "ObservationEvent", "id": "o", "parent_id": "a", "source": "environment", "tool_call_id": "c1", "action_id": "a", ` + observedV1 + `}`,
		100000: `{"kind": "ActionEvent", "id": "b", "parent_id": "o", "source": "agent", "thought": "U", "tool_name": "finish", "tool_call_id": "c2", "action": {}}`,
		100001: `{"kind": "ActionEvent", "id": "given-up", "parent_id": "a", "source": "agent", "thought": "V", "tool_name": "finish", "tool_call_id": "c3", "action": {}}`,
	} {
		write(fmt.Sprintf("events/event-%05d-0000abcd-%d.json", i, i), event)
	}
	write("base_state.json", `{"id": "conversation", "agent": {"llm": {"model": "m", "api_key": "x"}}, "execution_status": "finished", "leaf_event_id": "b",
		"stats": {"usage_to_metrics": {"default": {"accumulated_cost": 2}}}}`)

	t.Run("the folder", func(t *testing.T) { isTheConversation(t, dir) })
	t.Run("its events", func(t *testing.T) { isTheConversation(t, filepath.Join(dir, "events")) })
	t.Run("its events, from within", func(t *testing.T) {
		t.Chdir(filepath.Join(dir, "events"))
		isTheConversation(t, ".")
	})
	t.Run("its events, and a file among them", func(t *testing.T) {
		write("events/other.jsonl", sampleEventsV1)
		var into formats.Collector
		var files []string
		for r, err := range formats.Import(t.Context(), []string{filepath.Join(dir, "events")}, formats.Options{Formats: both(), To: &into}) {
			require.NoError(t, err)
			files = append(files, filepath.Base(r.File))
		}
		require.Equal(t, []string{"e18b827d", "other.jsonl"}, files)
	})
}

// isTheConversation checks what is imported from the folder above.
func isTheConversation(t *testing.T, path string) {
	t.Helper()
	report, all, err := suiteV1().Import(t, path, false)
	require.NoError(t, err)
	require.Equal(t, 2, report.Actions)
	require.Equal(t, 1, report.Observations)
	require.Len(t, all, 1)
	h := all[0].Header
	require.Equal(t, "e18b827d", h.Source.File)
	require.Equal(t, "conversation", h.Session)
	require.Equal(t, "m", h.Policy.Model)
	require.Equal(t, "e18b827d", h.Task.ID)
	require.Equal(t, trajectories.ExitSubmitted, all[0].End.Status)
	require.Equal(t, 2.0, all[0].End.Usage.Cost)
	require.Equal(t, []string{"T", "U"}, []string{all[0].Turns[0].Message, all[0].Turns[1].Message})
}

func TestAFileNamedEventsIsNoConversation(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "events"), nil, 0o600))
	files, err := openhands.V1().Folder(dir)
	require.NoError(t, err)
	require.Empty(t, files)
}
