package srl_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/srl"
)

// doing makes a trajectory of one call after another.
// doing makes turns of a tool and its arguments each. The calls of a tool whose name
// begins with an exclamation mark fail.
func doing(calls ...[2]string) []turn {
	var turns []turn
	for i, c := range calls {
		tool, failed := strings.CutPrefix(c[0], "!")
		turns = append(turns, turn{actions: []env.Action{call(fmt.Sprint("a", i), tool, c[1])}, observations: []string{"."}, failed: failed})
	}
	return turns
}

func TestExcludedStepsAreNoTargets(t *testing.T) {
	const (
		edit   = `{"command":"str_replace","path":"/testbed/a.py","old_str":"x","new_str":"y"}`
		other  = `{"command":"str_replace","path":"/testbed/b.py","old_str":"x","new_str":"y"}`
		undo   = `{"command":"undo_edit","path":"/testbed/a.py"}`
		look   = `{"command":"grep -rn x /testbed | head"}`
		script = `{"command":"cd /testbed && python a.py"}`
	)
	all := srl.Exclusions()
	tests := []struct {
		name     string
		exclude  []srl.Exclusion
		calls    [][2]string
		excluded map[int]srl.Exclusion
	}{
		{"nothing is asked for", nil, [][2]string{{"bash", look}, {"bash", look}, {"submit", `{}`}}, map[int]srl.Exclusion{}},
		{"submit", all[:1], [][2]string{{"bash", look}, {"submit", `{}`}}, map[int]srl.Exclusion{2: srl.ExcludeSubmit}},
		{"views", []srl.Exclusion{srl.ExcludeViews}, [][2]string{
			{"bash", look},
			{"str_replace_editor", `{"command":"view","path":"/testbed/a.py"}`},
			{"bash", `{"command":"cd /testbed && ls"}`},
			{"bash", `{"command":"cat a.py && python a.py"}`},
			{"bash", `{"command":"cd /testbed"}`},
			{"str_replace_editor", edit},
		}, map[int]srl.Exclusion{1: srl.ExcludeViews, 2: srl.ExcludeViews, 3: srl.ExcludeViews}},
		{"duplicates", []srl.Exclusion{srl.ExcludeDuplicates}, [][2]string{
			{"bash", script}, {"str_replace_editor", edit}, {"bash", script}, {"bash", look},
		}, map[int]srl.Exclusion{3: srl.ExcludeDuplicates}},
		{"undone by the editor", []srl.Exclusion{srl.ExcludeUndone}, [][2]string{
			{"str_replace_editor", edit}, {"bash", script}, {"str_replace_editor", undo}, {"str_replace_editor", edit},
		}, map[int]srl.Exclusion{1: srl.ExcludeUndone, 3: srl.ExcludeUndone}},
		{"one of two files undone by git", []srl.Exclusion{srl.ExcludeUndone}, [][2]string{
			{"str_replace_editor", edit}, {"str_replace_editor", other}, {"bash", `{"command":"cd /testbed && git checkout -- a.py"}`},
		}, map[int]srl.Exclusion{1: srl.ExcludeUndone, 3: srl.ExcludeUndone}},
		{"all undone by git", []srl.Exclusion{srl.ExcludeUndone}, [][2]string{
			{"str_replace_editor", edit}, {"str_replace_editor", other}, {"bash", `{"command":"git -C /testbed reset --hard"}`},
		}, map[int]srl.Exclusion{1: srl.ExcludeUndone, 2: srl.ExcludeUndone, 3: srl.ExcludeUndone}},
		{"only the last change is undone", []srl.Exclusion{srl.ExcludeUndone}, [][2]string{
			{"str_replace_editor", edit}, {"str_replace_editor", edit}, {"str_replace_editor", undo},
		}, map[int]srl.Exclusion{2: srl.ExcludeUndone, 3: srl.ExcludeUndone}},
		{"what failed changes and undoes nothing", []srl.Exclusion{srl.ExcludeUndone}, [][2]string{
			{"str_replace_editor", edit}, {"!str_replace_editor", undo}, {"!bash", `{"command":"git checkout a.py"}`},
			{"!str_replace_editor", other}, {"bash", `{"command":"git checkout b.py"}`},
		}, map[int]srl.Exclusion{}},
		{"the first of two commands may have worked", []srl.Exclusion{srl.ExcludeUndone}, [][2]string{
			{"!bash", `{"command":"sed -i s/x/y/ a.py && python a.py"}`}, {"bash", `{"command":"git checkout a.py"}`},
		}, map[int]srl.Exclusion{1: srl.ExcludeUndone, 2: srl.ExcludeUndone}},
		{"what undoes nothing stays", []srl.Exclusion{srl.ExcludeUndone}, [][2]string{
			{"str_replace_editor", edit}, {"bash", `{"command":"git stash list"}`}, {"bash", `{"command":"git checkout -b fix"}`}, {"bash", `{"command":"git diff a.py"}`},
		}, map[int]srl.Exclusion{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := map[int]srl.Exclusion{}
			opts := srl.Options{Exclude: tt.exclude, Excluded: func(step int, why srl.Exclusion) { got[step] = why }}
			tr := trajectory(doing(tt.calls...)...)
			var steps []int
			for _, e := range collect(t, srl.Examples(tr, opts)) {
				steps = append(steps, e.Step)
			}
			require.Equal(t, tt.excluded, got)
			require.Len(t, steps, len(tt.calls)-len(got))
			// What is left has the prompts that it would have had.
			whole := collect(t, srl.Examples(tr, srl.Options{}))
			for _, e := range collect(t, srl.Examples(tr, srl.Options{Exclude: tt.exclude})) {
				require.Equal(t, whole[e.Step-1], e)
			}
		})
	}
}
