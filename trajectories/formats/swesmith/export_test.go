package swesmith

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/formatstest"
)

func TestRoundTrip(t *testing.T) { formatstest.RoundTrip(t, suite()) }

// rowOf is the row of a trajectory.
func rowOf(t *testing.T, tr *trajectories.Trajectory) string {
	t.Helper()
	var row bytes.Buffer
	require.NoError(t, Format().Export(formats.Of(tr), &row))
	require.Equal(t, 1, bytes.Count(row.Bytes(), []byte{'\n'}), "a row is a line")
	return row.String()
}

func TestWhatIsStrangeInARowStays(t *testing.T) {
	for name, row := range map[string]string{
		"calls beside the text": `{"messages": [{"role": "user", "content": "P"}, {"role": "assistant", "content": "<function=f>\n</function>"}, {"role": "tool", "tool_call_id": "zz", "content": "x"},
			{"role": "assistant", "content": "<think>so</think>M", "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{}"}}]}, {"role": "user", "content": [{"type": "text", "text": "y"}]}]}`,
		"an old call beside the text": `{"messages": [{"role": "user", "content": "P"}, {"role": "assistant", "content": "<function=f>\n</function>"}, {"role": "assistant", "content": null, "function_call": {"name": "f", "arguments": "{}"}}]}`,
		"reasoning beside the text":   `{"messages": [{"role": "user", "content": "P"}, {"role": "assistant", "content": "<function=f>\n</function>", "reasoning": "R"}]}`,
		"parts, and no text at all":   `{"messages": [{"role": "user", "content": "P"}, {"role": "assistant", "content": [{"type": "text", "text": "M\n\n<function=f>\n</function>"}]}, {"role": "assistant"}, {"role": "assistant", "content": ""}]}`,
		"members beside the messages": `{"id": 3, "model": "m", "tools": [{"type": "function", "function": {"name": "f", "strict": true}}], "exit_status": "submitted", "patch": null, "n": 1.50, "messages": [{"role": "system", "content": "S", "name": "x"}, {"role": "user", "content": "P"}, {"role": "assistant", "content": "<function=f>\n</function>"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, first := imported(t, row)
			_, second := imported(t, rowOf(t, first[0]))
			require.Equal(t, log(t, first[0]), log(t, second[0]))
			require.Empty(t, Format().Lossy(first[0]))
		})
	}
}

func action(id, tool, arguments string) env.Action {
	return env.Action{ID: id, Tool: tool, Arguments: []byte(arguments)}
}

func answered(turn int, action, text string) trajectories.Observation {
	return trajectories.Observation{Turn: turn, Observation: env.Observation{Action: action, Text: text}}
}

// foreign is a trajectory of our own with more than a row can hold.
func foreign() *trajectories.Trajectory {
	text := "of its source"
	return &trajectories.Trajectory{
		Header: trajectories.Header{
			ID: "t.1", Task: trajectories.Task{ID: "t", Repo: "a/b", ProblemStatement: "P"}, Policy: trajectories.Policy{Name: "llm", Model: "m"},
			System: "S", Prompt: "P", Origin: &trajectories.Origin{Extra: []byte(`{"secret":1}`)},
		},
		Turns: []trajectories.Turn{
			{N: 1, Message: "M", Reasoning: "R", Usage: trajectories.Usage{Calls: 1}, Origin: &trajectories.Origin{Text: &text}, Actions: []env.Action{
				action("a", "edit", `{"command":"create","file_text":"x\ny","n":[1,true,null,"it's"],"o":{"k":"v"}}`),
				action("b", "bash", `{"command":"ls"}`),
			}},
			{N: 2, Message: "?", FormatError: "No call.", Usage: trajectories.Usage{Calls: 1}},
			{N: 3, Message: "Say <function=f>\n</function>.", Copied: true, Usage: trajectories.Usage{Calls: 1}},
			{N: 4, Lost: true, FormatError: "Lost.", Usage: trajectories.Usage{Calls: 1}},
			{N: 5, Actions: []env.Action{action("c", "bash", `{"command":"echo </parameter> "}`)}, Usage: trajectories.Usage{Calls: 1}},
			{N: 6, Actions: []env.Action{action("d", "finish", `{"message":"Done."}`)}, Usage: trajectories.Usage{Calls: 1}},
		},
		Observations: []trajectories.Observation{answered(1, "b", "2"), answered(1, "a", "1"), answered(5, "c", "")},
		Messages: []trajectories.Message{
			{After: 4, Role: "environment", Kind: trajectories.MessageState},
			{After: 4, Role: "tool", Kind: trajectories.MessageFeedback, Shown: true, Text: "Lost, says the program."},
		},
		End: &trajectories.End{Status: trajectories.ExitSubmitted, Patch: "diff\n"},
	}
}

func TestATrajectoryOfAnotherFormatBecomesARow(t *testing.T) {
	require.JSONEq(t, `{"instance_id": "t", "model": "m", "messages": [
		{"role": "system", "content": "S"}, {"role": "user", "content": "P"},
		{"role": "assistant", "content": "M\n\n<function=edit>\n<parameter=command>create</parameter>\n<parameter=file_text>\nx\ny\n</parameter>\n<parameter=n>[1, True, None, \"it's\"]</parameter>\n<parameter=o>{'k': 'v'}</parameter>\n</function>"},
		{"role": "user", "content": "1"},
		{"role": "assistant", "content": "\n\n<function=bash>\n<parameter=command>ls</parameter>\n</function>"},
		{"role": "user", "content": "2"},
		{"role": "assistant", "content": "?"}, {"role": "user", "content": "No call."},
		{"role": "assistant", "content": "Say <function=f>\n</function>."},
		{"role": "user", "content": "Lost, says the program."},
		{"role": "assistant", "content": "\n\n<function=bash>\n<parameter=command>echo </parameter> </parameter>\n</function>"},
		{"role": "user", "content": ""},
		{"role": "assistant", "content": "\n\n<function=submit>\n</function>"}],
		"patch": "diff\n"}`, rowOf(t, foreign()))
}

func TestWhatARowCannotHoldIsListed(t *testing.T) {
	got := map[string]int{}
	for _, l := range Format().Lossy(foreign()) {
		require.NotEmpty(t, l.Why)
		got[l.Field] = l.Example
	}
	require.Equal(t, map[string]int{
		"header.task": 0, "header.origin": 0, "header.policy": 0,
		"turn.reasoning": 1, "turn.origin": 1, "turn.actions": 1, "turn.actions.arguments": 1, "turn.actions.tool": 6,
		"turn.format_error": 2, "turn.lost": 4, "turn.message": 3, "turn.copied": 3,
		"message.state": 4, "message.kind": 4, "message.role": 4,
	}, got)
}

func TestToolsAreDescribedInTheSystemMessage(t *testing.T) {
	system := instruct(&trajectories.Header{System: "S", Tools: []trajectories.Tool{
		{Name: "edit", Description: "Edits.", Parameters: []byte(`{"properties":{"command":{"type":"string","enum":["view","create"],"description":"What to do."},"n":{}},"required":["command"]}`)},
		{Name: "finish", Parameters: []byte(`{"properties":{"message":{}}}`)},
	}})
	require.Equal(t, `S

You can call these functions:

---- BEGIN FUNCTION #1: edit ----
Description: Edits.

Parameters:
  (1) command (string, required): What to do. Allowed values: ['view', 'create']
  (2) n (any, optional):
---- END FUNCTION #1 ----

---- BEGIN FUNCTION #2: submit ----
Description: 

No parameters are required for this function.
---- END FUNCTION #2 ----

A call stands at the end of an answer, one call in each, and is written so:

<function=NAME>
<parameter=NAME>VALUE</parameter>
</function>
`, system)
	require.Equal(t, "S", instruct(&trajectories.Header{System: "S"}))
}

func TestValuesAreWrittenAsPythonDoes(t *testing.T) {
	for value, want := range map[string]string{
		`"a\nb"`: "a\nb", `1.50`: "1.50", `true`: "True", `null`: "None",
		`["a\n","it's","\"'","\\","\u0001"]`: `['a\n', "it's", '"\'', '\\', '\x01']`,
		`{"a":{"b":[false]},"c'":[]}`:        `{'a': {'b': [False]}, "c'": []}`,
	} {
		require.Equal(t, want, str([]byte(value)))
	}
}

func TestAnAnswerThatComesLateIsSaidByTheUser(t *testing.T) {
	tr := foreign()
	tr.Turns, tr.Messages = tr.Turns[4:5], nil
	tr.Turns[0].N = 1
	tr.Observations = []trajectories.Observation{answered(1, "c", "late")}
	tr.Messages = []trajectories.Message{{After: 1, Role: "user", Kind: trajectories.MessageNote, Shown: true, Text: "Wait."}}
	tr.Order = []trajectories.Ref{{Type: trajectories.EventTurn}, {Type: trajectories.EventMessage}, {Type: trajectories.EventObservation}}
	require.Contains(t, rowOf(t, tr), `{"role":"user","content":"Wait."},{"role":"user","content":"late"}`)
}

func TestAnExportThatCannotBeWrittenSaysSo(t *testing.T) {
	formatstest.Full(t, Format(), foreign(), 1)
}

// A message that cannot be read is left out of the export, so the style must not
// hang on it.
func TestABrokenMessageDoesNotDecideTheStyle(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rows.jsonl")
	read := func(row string) *trajectories.Trajectory {
		require.NoError(t, os.WriteFile(path, []byte(row), 0o600))
		_, all, err := suite().Import(t, path, true)
		require.NoError(t, err)
		require.Len(t, all, 1)
		return all[0]
	}
	const broken, look = `{"role": "user", "content": {"a": 1}, "tool_calls": 3}`, `{"role": "assistant", "content": "I look.\n\n%s"}`
	for style, call := range map[string]string{"ticks": "```\\nls\\n```", "xml": `<function=bash>\n<parameter=command>ls</parameter>\n</function>`} {
		// Broken ones stand before the call, and more of them than are looked at.
		first := read(`{"messages": [{"role": "user", "content": "P"}` + strings.Repeat(","+broken, 10) + "," + fmt.Sprintf(look, call) + `, {"role": "user", "content": "OBSERVATION:\nx"}]}`)
		require.Equal(t, style, first.Header.Source.Version)
		require.Len(t, first.Turns[0].Actions, 1)
		require.Equal(t, log(t, first), log(t, read(rowOf(t, first))))
	}
}

func TestALaterAttemptIsListed(t *testing.T) {
	tr := foreign()
	fields := func() (all []string) {
		for _, l := range Format().Lossy(tr) {
			all = append(all, l.Field)
		}
		return all
	}
	tr.Header.Attempt = 1
	require.NotContains(t, fields(), "header.attempt")
	tr.Header.Attempt = 2
	require.Contains(t, fields(), "header.attempt")
	tr.Header.Source = &trajectories.Source{Format: Name}
	require.NotContains(t, fields(), "header.attempt", "the import has numbered the rows of a task, and does so again")
}

func FuzzRoundTrip(f *testing.F) {
	for _, sample := range suite().Samples {
		f.Add([]byte(sample))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "rows.jsonl")
		require.NoError(t, os.WriteFile(path, content, 0o600))
		_, first, err := suite().Import(t, path, true)
		require.NoError(t, err)
		for _, tr := range first {
			row := rowOf(t, tr)
			require.NoError(t, os.WriteFile(path, []byte(row), 0o600))
			var again formats.Collector
			for r, err := range formats.Import(t.Context(), []string{path}, formats.Options{Formats: []formats.Format{Format()}, From: Name, To: &again, KeepGoing: true}) {
				require.NoError(t, err)
				require.Empty(t, r.Refused, row)
			}
			require.Len(t, again.Whole, 1, row)
			require.Equal(t, log(t, tr), log(t, again.Whole[0]), row)
		}
	})
}

func FuzzCall(f *testing.F) {
	f.Add("bash", "I look.", `{"command":"ls"}`)
	f.Add("edit", "", `{"new_str":"a\nb","view_range":[1,2],"insert_line":3}`)
	f.Add("f>", "<function=f>", `{"a":" </parameter>\n</function> ","b":"\n"}`)
	f.Fuzz(func(t *testing.T, tool, message, arguments string) {
		object, call := trajectories.ParseArguments(arguments)
		if call.Invalid || !utf8.ValidString(tool+message+arguments) {
			return // a log is UTF-8
		}
		tr := &trajectories.Trajectory{Turns: []trajectories.Turn{{N: 1, Message: message, Actions: []env.Action{{ID: "a", Tool: tool, Arguments: object}}}}}
		for _, l := range Format().Lossy(tr) {
			if l.Field == "turn.message" || l.Field == "turn.actions.tool" || l.Field == "turn.actions.arguments" {
				return
			}
		}
		path := filepath.Join(t.TempDir(), "rows.jsonl")
		row := rowOf(t, tr)
		require.NoError(t, os.WriteFile(path, []byte(row), 0o600))
		var again formats.Collector
		for _, err := range formats.Import(t.Context(), []string{path}, formats.Options{Formats: []formats.Format{Format()}, From: Name, To: &again}) {
			require.NoError(t, err)
		}
		turn := again.Whole[0].Turns[0]
		require.Equal(t, message, turn.Message, row)
		require.Len(t, turn.Actions, 1, row)
		require.Equal(t, tool, turn.Actions[0].Tool, row)
		require.True(t, same(object, turn.Actions[0].Arguments), row)
	})
}

// log is a trajectory as a log, without what its file and its name have to do
// with.
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
