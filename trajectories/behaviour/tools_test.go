package behaviour

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/env"
)

func TestToolsOfAllAgentsMeanTheSame(t *testing.T) {
	type args = map[string]any
	for _, r := range []struct {
		tool string
		args args
		want string
	}{
		// SWE-agent 1.x, SWE-smith, OpenHands and this project.
		{"str_replace_editor", args{"command": "view", "path": "/r/a.py", "view_range": "[1, 9]"}, "view(view) str_replace_editor < /r/a.py"},
		{"str_replace_editor", args{"command": "create", "path": "/r/a.py", "file_text": "x"}, "create(create) str_replace_editor > /r/a.py"},
		{"file_editor", args{"command": "str_replace", "path": "/r/a.py", "old_str": "x", "new_str": "y"}, "edit(str_replace) file_editor > /r/a.py"},
		{"str_replace_editor", args{"path": "/r/a.py", "new_str": "y"}, "edit str_replace_editor > /r/a.py"},
		{"str_replace_editor", args{"command": "undo_edit", "path": "/r/a.py"}, "edit(undo_edit) str_replace_editor > /r/a.py"},
		{"open", args{"path": "a.py", "line_number": 3}, "view open < a.py"},
		{"goto", args{"line_number": 3}, "view goto"},
		{"find_file", args{"file_name": "a.py", "dir": "src"}, "search find_file < a.py"},
		{"create", args{"filename": "a.py"}, "create(create) create > a.py"},
		{"edit", args{"search": "x", "replace": "y", "replace-all": false}, "edit edit"},
		{"insert", args{"text": "x", "line": 3}, "edit insert"},
		{"submit", args{}, "submit submit"},
		{"search", args{"pattern": "x", "path": "/r"}, "search search < /r"},
		{"execute_bash", args{"command": "rm x"}, "delete rm > x"},
		{"terminal", args{"command": "pytest", "is_input": "False"}, "test pytest"},
		{"execute_ipython_cell", args{"code": "open('a.txt', 'w').write('')"}, "edit(python) execute_ipython_cell > a.txt"},
		{"execute_ipython_cell", args{"code": "!rm x"}, "delete rm > x"},
		{"execute_ipython_cell", args{"code": "%%bash\nrm x\nls"}, "delete rm > x; list ls"},
		{"execute_ipython_cell", args{"code": "edit_file_by_replace('a.py', to_replace='x', new_content='y')"}, "edit(edit_file_by_replace) execute_ipython_cell > a.py"},
		{"think", args{"thought": "rm x"}, "think think"},
		{"finish", args{"message": "done"}, "submit finish"},
		{"task_tracker", args{"command": "plan"}, "plan task_tracker"},
		{"browser_navigate", args{"url": "https://example.com"}, "network browser_navigate"},
		{"run", args{"command": "ls"}, "list ls"},
		{"read", args{"path": "/r/a"}, "view read < /r/a"},
		{"write", args{"path": "/r/a"}, "create(create) write > /r/a"},
		// terminus
		{"bash_command", args{"keystrokes": "cat a.txt\n", "duration": 0.1}, "view cat < a.txt"},
		{"mark_task_complete", args{}, "submit mark_task_complete"},
		// Codex, Claude Code, gemini-cli
		{"shell", args{"command": []string{"bash", "-lc", "rm x"}}, "delete rm > x"},
		{"shell", args{"command": []string{"rm", "a b"}}, "delete rm > a b"},
		{"apply_patch", args{"input": "*** Begin Patch\n*** Update File: a.py\n*** End Patch"}, "edit(apply_patch) apply_patch > a.py"},
		{"Bash", args{"command": "go test ./..."}, "test go"},
		{"Read", args{"file_path": "/r/a"}, "view Read < /r/a"},
		{"TodoWrite", args{"todos": []any{}}, "plan TodoWrite"},
		{"run_shell_command", args{"command": "ls"}, "list ls"},
		{"unheard_of", args{"x": 1}, "other unheard_of"},
	} {
		require.Equal(t, r.want, brief(classify(t, r.tool, r.args)), "%s %v", r.tool, r.args)
	}
}

func TestEveryToolOfAnEnvironmentIsKnown(t *testing.T) {
	for _, tool := range env.DefaultTools() {
		act := Main(classify(t, tool.Name, map[string]any{"command": "view", "path": "/r"}))
		require.NotEqual(t, Unparsed, act.Kind, tool.Name)
		require.True(t, act.Kind != Other || tool.Name == "bash", "%s is %s", tool.Name, act.Kind)
	}
}

func TestKeysAndWaitingAreTheShells(t *testing.T) {
	for _, args := range []map[string]any{
		{"command": ""}, {"command": "C-c"}, {"command": "rm x", "is_input": "true"}, {"command": "rm x", "is_input": true}, {"keystrokes": "\n"},
	} {
		acts := classify(t, "terminal", args)
		require.Len(t, acts, 1)
		require.Equal(t, Shell, acts[0].Kind, "%v", args)
	}
}

func TestArgumentsInOtherForms(t *testing.T) {
	for _, data := range []string{
		`{"command":"rm x"}`, `"{\"command\":\"rm x\"}"`, `"rm x"`, `rm x`, `{"cmd":"rm x"}`,
	} {
		require.Equal(t, "delete rm > x", brief(Classify("bash", json.RawMessage(data))), data)
	}
	require.Len(t, Classify("bash", nil), 1)
	require.Len(t, Classify("", json.RawMessage(`[]`)), 1)
}
