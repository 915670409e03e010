package show_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/show"
	"github.com/apprentice-rl/apprentice/trajectories/show/terminal"
	"github.com/apprentice-rl/apprentice/trajectories/stats"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

const hostile = "\x1b]0;owned\a\x1b[2J\u202e\x9b31m\x00"

func call(id, tool, arguments string) env.Action {
	return env.Action{ID: id, Tool: tool, Arguments: json.RawMessage(arguments)}
}

// episode has one of everything that is shown in a way of its own.
func episode() *trajectories.Trajectory {
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	exit := func(code int) *sandbox.Result { return &sandbox.Result{End: sandbox.EndExit, ExitCode: code} }
	return &trajectories.Trajectory{
		Header: trajectories.Header{
			ID: "pages.1", Started: at,
			Task:   trajectories.Task{ID: "pages", Repo: "acme/pages", BaseCommit: "abc123", ProblemStatement: "Pages are off by one.\n\nThe last page is lost."},
			Policy: trajectories.Policy{Name: "llm", Model: "m"},
			Source: &trajectories.Source{Format: "swe-agent", Version: "1.1", File: "pages.traj"},
			System: "You solve issues.", Prompt: "Solve this.",
		},
		Turns: []trajectories.Turn{
			{N: 1, Time: at.Add(2 * time.Second), Reasoning: strings.Repeat("I think of pages, and of what is on them. ", 12), Message: "I look at 世界 first.",
				Usage:   trajectories.Usage{PromptTokens: 12345, CompletionTokens: 67, Cost: 0.0123},
				Actions: []env.Action{call("a", "bash", `{"command":"cd src &&\n  grep -rn \"pages(\" . | head -n 100 | sort --key=1 --reverse --ignore-case | uniq","timeout":5}`), call("b", "str_replace_editor", `{"command":"view","path":"src/pages.py","view_range":[1,9]}`)}},
			{N: 2, FormatError: "no call", Lost: true},
			{N: 3, FormatError: "no call", Lost: true},
			{N: 4, Message: "An answer " + hostile, FormatError: "two calls"},
			{N: 5, Time: at.Add(3 * time.Minute), Actions: []env.Action{call("c", "str_replace_editor", `{"command":"str_replace","path":"src/pages.py","old_str":"def pages(total, size):\n\treturn total // size\n\n\ndef last():","new_str":"def pages(total, size):\n\treturn -(-total // size)\n\n\ndef last():\n"}`)}},
			{N: 6, Synthetic: true, Actions: []env.Action{call("d", "note", `{"text":"one\ntwo","when":{"a":1}}`), call("e", hostile, `{}`)}, Calls: []trajectories.Call{{}, {Text: `{"cut`, Invalid: true}}},
			{N: 7, Actions: []env.Action{call("f", "bash", `{"command":"pytest -q"}`)}},
		},
		Observations: []trajectories.Observation{
			{Turn: 1, Observation: env.Observation{Action: "a", Text: strings.Repeat("\x1b[32mline\x1b[0m\tof output\r\n", 30), Result: exit(0), Duration: 1500 * time.Millisecond}},
			{Turn: 1, Observation: env.Observation{Action: "b", Text: "1\tdef pages(total, size):\n2\t\treturn total // size" + hostile}},
			{Turn: 5, Observation: env.Observation{Action: "c"}},
			{Turn: 7, Observation: env.Observation{Action: "f", Text: "1 failed", Failed: true, Result: exit(1)}},
		},
		Messages: []trajectories.Message{
			{After: 0, Role: "user", Kind: trajectories.MessageDemonstration, Shown: true, Text: "one\ntwo\nthree\nfour\nfive\nsix"},
			{After: 0, Role: "user", Kind: trajectories.MessageState, Text: "state"},
			{After: 5, Role: "user", Kind: trajectories.MessageNote, Text: "Go on."},
		},
		End: &trajectories.End{Time: at.Add(2 * time.Hour), Status: trajectories.ExitSubmitted, Limit: trajectories.ExitCostLimit, Detail: "it is done",
			Patch:      "diff --git a/src/pages.py b/src/pages.py\nindex 1..2 100644\n--- a/src/pages.py\n+++ b/src/pages.py\n@@ -1,2 +1,2 @@\n def pages(total, size):\n-\treturn total // size\n+\treturn -(-total // size)\n" + hostile + "\n",
			Redactions: map[string]int{"github": 2}},
	}
}

func write(t *testing.T, tr *trajectories.Trajectory, o show.Options) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, show.Write(&out, formats.Of(tr), o))
	return out.String()
}

func contents(t *testing.T, tr *trajectories.Trajectory, o show.Options) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, show.Contents(&out, formats.Of(tr), o))
	return out.String()
}

func TestAnEpisodeIsShown(t *testing.T) {
	golden(t, "folded.txt", write(t, episode(), show.Folded(80)))
	whole := show.Folded(100)
	whole.Unfold()
	golden(t, "whole.txt", write(t, episode(), whole))
	golden(t, "contents.txt", contents(t, episode(), show.Folded(80)))
}

var colours = regexp.MustCompile("\x1b\\[[0-9;]+m")

// Whatever an episode holds, what comes out is lines that are no wider than the
// terminal, and no character in them steers it. Colours change nothing else.
func TestNothingSteersTheTerminal(t *testing.T) {
	for _, width := range []int{0, 40, 80, 131} {
		o := show.Folded(width)
		whole := o
		whole.Unfold()
		for name, f := range map[string]func(*testing.T, *trajectories.Trajectory, show.Options) string{"write": write, "contents": contents} {
			for _, o := range []show.Options{o, whole} {
				plain := f(t, episode(), o)
				for line := range strings.Lines(plain) {
					line = strings.TrimSuffix(line, "\n")
					require.LessOrEqual(t, terminal.Width(line), max(width, 40), "%s: %q", name, line)
					require.Equal(t, -1, strings.IndexFunc(line, unicode.IsControl), "%q", line)
					require.NotContains(t, line, "\u202e")
				}
				o.Colour = true
				coloured := f(t, episode(), o)
				require.NotEqual(t, plain, coloured)
				require.Equal(t, trimmed(plain), trimmed(colours.ReplaceAllString(coloured, "")))
			}
		}
	}
}

func trimmed(text string) string {
	return regexp.MustCompile(` +\n`).ReplaceAllString(text, "\n")
}

func TestSteps(t *testing.T) {
	for list, want := range map[string][]string{
		"1":        {"step 1"},
		"2":        {"turns 2 to 3,", "turn 4,", "step 2 (turn 5)"},
		"1-2,4":    {"step 1", "turns 2 to 3,", "turn 4,", "step 2 (turn 5)", "step 4 (turn 7)"},
		"3-":       {"step 3 (turn 6)", "step 4 (turn 7)"},
		" 4 , 1-1": {"step 1", "step 4 (turn 7)"},
	} {
		o := show.Folded(80)
		var err error
		o.Steps, err = show.ParseSteps(list)
		require.NoError(t, err)
		var got []string
		for _, m := range regexp.MustCompile(`(?m)^── (turns? [\d to]+,|step \d( \(turn \d\))?)`).FindAllStringSubmatch(write(t, episode(), o), -1) {
			got = append(got, m[1])
		}
		require.Equal(t, want, got, list)
		require.NotContains(t, write(t, episode(), o), "patch:")
		require.Contains(t, contents(t, episode(), o), "pages.1\n")
	}
	for _, list := range []string{"", "0", "x", "3-2", "1,,2", "-3", "1-2-3", "1-0"} {
		_, err := show.ParseSteps(list)
		require.ErrorContains(t, err, "3-10,15,90-", "%q", list)
	}
	o := show.Folded(80)
	o.Steps, _ = show.ParseSteps("9-12")
	var none *show.NoStepError
	require.ErrorAs(t, show.Write(&bytes.Buffer{}, formats.Of(episode()), o), &none)
	require.Equal(t, 4, none.Steps)
	require.ErrorAs(t, show.Contents(&bytes.Buffer{}, formats.Of(episode()), o), &none)
}

func TestAnEpisodeWithoutEnd(t *testing.T) {
	tr := episode()
	tr.End = nil
	require.Contains(t, write(t, tr, show.Folded(80)), "no end: the episode is under way, or was interrupted")
	require.Contains(t, write(t, &trajectories.Trajectory{}, show.Folded(80)), "no end")
}

func TestLinesOfAPatchAreToldFromWhatGoesOn(t *testing.T) {
	tr := episode()
	tr.End.Patch = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n+" + strings.Repeat("longer ", 10) + "still\n"
	text := write(t, tr, show.Folded(60))
	require.Contains(t, text, "\n+longer longer ")
	require.Contains(t, text, "\n┊ longer ")
	for _, line := range strings.Split(text, "\n") {
		require.LessOrEqual(t, utf8.RuneCountInString(line), 60, line)
	}
}

type full struct{}

var errFull = errors.New("full")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestAnErrorOfTheWriterIsReturned(t *testing.T) {
	require.ErrorIs(t, show.Write(full{}, formats.Of(episode()), show.Folded(80)), errFull)
	require.ErrorIs(t, show.Contents(full{}, formats.Of(episode()), show.Folded(80)), errFull)
}

func report(t *testing.T) stats.Report {
	t.Helper()
	e, err := stats.Of(formats.Of(episode()), nil)
	require.NoError(t, err)
	var s stats.Stats
	s.Add(e)
	return s.Report()
}

func TestStatisticsAreShown(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, show.Report(&out, report(t), show.Options{Width: 80}))
	golden(t, "report.txt", out.String())
	out.Reset()
	require.NoError(t, show.Compare(&out, []show.Group{{Name: "a model with a long name-1.0", Report: report(t)}, {Name: "none"}}, show.Options{Width: 80}))
	golden(t, "compare.txt", out.String())
	for line := range strings.Lines(out.String()) {
		require.LessOrEqual(t, terminal.Width(line), 81)
	}
	out.Reset()
	require.NoError(t, show.Report(&out, stats.Report{}, show.Options{Width: 80}))
	require.Contains(t, out.String(), "0 trajectories")
}

func FuzzWrite(f *testing.F) {
	f.Add([]byte(`{"command":"ls\n\u001b[2J"}`), "text\x1b", 80, 3)
	f.Add([]byte(`{"old_str":"世界","b":[1,{}]}`), "\u202e\t\t\r", 41, -1)
	f.Fuzz(func(t *testing.T, arguments []byte, text string, width, fold int) {
		width = 40 + width&127
		tr := &trajectories.Trajectory{
			Header: trajectories.Header{ID: text, Task: trajectories.Task{ProblemStatement: text}},
			Turns: []trajectories.Turn{{N: 1, Message: text, Reasoning: text, FormatError: text,
				Actions: []env.Action{{ID: "a", Tool: text, Arguments: arguments}}}},
			Observations: []trajectories.Observation{{Turn: 1, Observation: env.Observation{Action: "a", Text: text}}},
			End:          &trajectories.End{Patch: text},
		}
		o := show.Folded(width)
		o.Observation, o.Text = show.Fold(max(-1, fold&63)), show.Fold(max(-1, fold&31))
		for line := range strings.SplitSeq(write(t, tr, o)+contents(t, tr, o), "\n") {
			require.LessOrEqual(t, terminal.Width(line), width)
			require.Equal(t, -1, strings.IndexFunc(line, unicode.IsControl))
		}
	})
}
