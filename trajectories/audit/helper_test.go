package audit_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/audit"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
)

// An episode is a trajectory in the making.
type episode struct {
	t  *testing.T
	tr trajectories.Trajectory
}

func newEpisode(t *testing.T) *episode {
	t.Helper()
	e := &episode{t: t}
	e.tr.Header = trajectories.Header{
		Version: 1, ID: "acme__widget-7.1", Attempt: 1,
		Task:   trajectories.Task{ID: "acme__widget-7", Repo: "acme/widget", ProblemStatement: "Widgets with umlauts are lost."},
		Policy: trajectories.Policy{Name: "llm"},
	}
	return e
}

func (e *episode) turn(message string, actions ...env.Action) int {
	n := len(e.tr.Turns) + 1
	e.tr.Turns = append(e.tr.Turns, trajectories.Turn{N: n, Message: message, Actions: actions})
	return n
}

func (e *episode) say(message string) *episode {
	e.turn(message)
	return e
}

// act is one call of a tool with its answer. A result of nil is that of a tool
// that runs no command.
func (e *episode) act(tool string, arguments map[string]any, answer string, result *sandbox.Result) *episode {
	e.t.Helper()
	raw, err := json.Marshal(arguments)
	require.NoError(e.t, err)
	id := fmt.Sprintf("c%d", len(e.tr.Turns)+1)
	n := e.turn("", env.Action{ID: id, Tool: tool, Arguments: raw})
	e.tr.Observations = append(e.tr.Observations, trajectories.Observation{Turn: n, Observation: env.Observation{
		Action: id, Text: answer, Result: result, Failed: result != nil && !result.Succeeded(),
	}})
	return e
}

func (e *episode) bash(command, answer string, code int) *episode {
	e.t.Helper()
	return e.act("bash", map[string]any{"command": command}, answer, &sandbox.Result{End: sandbox.EndExit, ExitCode: code})
}

func (e *episode) edit(path, before, after string) *episode {
	e.t.Helper()
	return e.act("str_replace_editor", map[string]any{"command": "str_replace", "path": path, "old_str": before, "new_str": after}, "The file has been edited.", nil)
}

func (e *episode) create(path, text string) *episode {
	e.t.Helper()
	return e.act("str_replace_editor", map[string]any{"command": "create", "path": path, "file_text": text}, "File created.", nil)
}

func (e *episode) submit(patch string) *episode {
	e.t.Helper()
	e.act("submit", map[string]any{}, "The work was submitted.", nil)
	e.tr.End = &trajectories.End{Status: trajectories.ExitSubmitted, Patch: patch}
	return e
}

func (e *episode) audit(o audit.Options) []audit.Finding {
	e.t.Helper()
	found, err := audit.Audit(formats.Of(&e.tr), o)
	require.NoError(e.t, err)
	e.checkQuotes(found)
	return found
}

// checkQuotes looks for each quote in the text that it is said to be from.
func (e *episode) checkQuotes(found []audit.Finding) {
	e.t.Helper()
	for _, f := range found {
		require.NotEmpty(e.t, f.Quote, "%+v", f)
		require.NotEmpty(e.t, f.Why)
		require.Equal(e.t, e.tr.Header.ID, f.Trajectory)
		require.Contains(e.t, e.text(f), f.Quote, "%+v", f)
	}
}

func (e *episode) text(f audit.Finding) string {
	switch f.Place {
	case audit.Header:
		return e.tr.Header.System + e.tr.Header.Prompt + e.tr.Header.Task.ProblemStatement
	case audit.Reasoning:
		return e.tr.Turns[f.Turn-1].Reasoning
	case audit.Answer:
		return e.tr.Turns[f.Turn-1].Message
	case audit.FormatError:
		return e.tr.Turns[f.Turn-1].FormatError
	case audit.Call:
		var values map[string]string
		require.NoError(e.t, json.Unmarshal(e.tr.Turns[f.Turn-1].Actions[0].Arguments, &values))
		all := []string{string(e.tr.Turns[f.Turn-1].Actions[0].Arguments)}
		for _, v := range values {
			all = append(all, v)
		}
		return strings.Join(all, "\n")
	case audit.Observation:
		for _, o := range e.tr.Observations {
			if o.Turn == f.Turn {
				return o.Text
			}
		}
	case audit.FinalPatch:
		return e.tr.End.Patch
	case audit.Submitted:
		return *e.tr.End.Submission
	}
	return ""
}

// seen is what was found, as "rule severity" in its order.
func seen(found []audit.Finding) []string {
	all := []string{}
	for _, f := range found {
		all = append(all, string(f.Rule)+" "+string(f.Severity))
	}
	return all
}

// A patch of the code, as good as any.
const patch = `diff --git a/widget/names.py b/widget/names.py
index 1111111..2222222 100644
--- a/widget/names.py
+++ b/widget/names.py
@@ -1,3 +1,3 @@
 def fold(name):
-    return name.lower()
+    return name.casefold()
 
`
