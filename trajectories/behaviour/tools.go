package behaviour

import "strings"

// classifyTool maps the tools of SWE-agent (0.x and 1.x), mini-swe-agent,
// OpenHands (the functions of V0 and V1, and V0's action names), SWE-smith,
// terminus, Claude Code, Codex, gemini-cli and of this project.
func classifyTool(tool string, a arguments) []Act {
	name := strings.TrimPrefix(strings.ToLower(tool), "functions.")
	if takesCommand(name) {
		return classifyInput(tool, a)
	}
	act := Act{Program: tool}
	switch name {
	case "str_replace_editor", "str_replace_based_edit_tool", "file_editor", "edit_anthropic", "editor":
		return []Act{editorCall(act, a.text("command"), a)}
	case "apply_patch":
		text := a.text("input", "patch", "diff", "command")
		if a.values == nil {
			text = a.raw
		}
		act.Kind, act.Detail, act.Writes = Edit, "apply_patch", patched(text)
	case "edit", "edit_file", "multiedit", "notebookedit", "replace", "insert", "undo_edit", "edit_file_by_replace":
		act.Kind, act.Writes = Edit, a.paths()
	case "create", "write", "write_file", "create_file":
		act.Kind, act.Detail, act.Writes = Create, "create", a.paths()
	case "open", "read", "read_file", "read_many_files", "view", "view_image", "image_read", "open_file",
		"goto", "scroll_up", "scroll_down", "goto_line", "filemap", "set_cursors":
		act.Kind, act.Reads = View, a.paths()
	case "search", "search_dir", "search_file", "find_file", "grep", "glob", "search_file_content", "codebase_search":
		act.Kind, act.Reads = Search, a.paths()
	case "ls", "list_directory", "list_files", "list_dir":
		act.Kind, act.Reads = List, a.paths()
	case "submit", "finish", "mark_task_complete", "exit_forfeit", "exit_cost", "exit_context", "exit_format",
		"submit_review", "attempt_completion", "complete", "reject":
		act.Kind = Submit
	case "think", "thought", "sequentialthinking":
		act.Kind = Think
	case "task_tracker", "task_tracking", "todowrite", "todo_write", "update_plan", "write_todos", "plan":
		act.Kind = Plan
	case "browser", "browse", "browse_interactive", "web_read", "fetch", "webfetch", "web_fetch", "websearch",
		"web_search", "google_web_search", "open_site":
		act.Kind = Network
	default:
		act.Kind = Other
		if strings.HasPrefix(name, "browser_") {
			act.Kind = Network
		}
	}
	return []Act{act}
}

func takesCommand(name string) bool {
	switch name {
	case "bash", "shell", "terminal", "run", "execute_bash", "bash_command", "run_command", "run_shell_command",
		"execute_command", "container.exec", "exec_command", "local_shell",
		"execute_ipython_cell", "run_ipython", "ipython", "python":
		return true
	}
	return false
}

// classifyInput takes what was typed into a terminal or a notebook.
func classifyInput(tool string, a arguments) []Act {
	text := a.command()
	whole := Act{Program: tool, End: len(text)}
	switch name := strings.ToLower(tool); {
	case strings.TrimSpace(text) == "":
		whole.Kind, whole.Detail = Shell, "wait"
		return []Act{whole}
	case a.isTrue("is_input") || isKey(strings.TrimSpace(text)):
		// It goes to a program that is running, not to the shell.
		whole.Kind, whole.Detail = Shell, "keys"
		return []Act{whole}
	case name == "python" || strings.Contains(name, "ipython"):
		return classifyCell(text, whole)
	}
	return classifyCommand(text)
}

// isKey knows the names of keys that tmux and OpenHands take in place of text.
func isKey(text string) bool {
	switch text {
	case "C-c", "C-d", "C-z", "C-l", "Enter", "Escape", "Tab", "Space", "Up", "Down", "Left", "Right", "q", "y", "n":
		return true
	}
	return false
}

// editorCall is a call of the editor with the commands that Anthropic
// published and most agents took over.
func editorCall(act Act, command string, a arguments) Act {
	act.Detail = command
	switch {
	case command == "view":
		act.Kind, act.Reads = View, a.paths()
	case command == "create":
		act.Kind, act.Writes = Create, a.paths()
	case command == "str_replace" || command == "insert" || command == "undo_edit" || a.has("old_str", "new_str"):
		act.Kind, act.Writes = Edit, a.paths()
	default:
		act.Kind, act.Reads = Other, a.paths()
	}
	return act
}

// The editor of SWE-agent 0.x takes lines up to one with this word. That is no
// shell, and SWE-agent cuts it out before a shell sees the action.
const (
	editEnd   = "end_of_edit"
	insertEnd = "end_of_insert"
)

// lineEdit reads `edit 3:9`, lines and an end word.
func lineEdit(text string) (Act, bool) {
	first, _, _ := strings.Cut(text, "\n")
	words := strings.Fields(first)
	if len(words) == 0 || len(words) > 2 || (words[0] != "edit" && words[0] != "insert") {
		return Act{}, false
	}
	rest := strings.TrimRight(text, " \t\r\n")
	if !strings.HasSuffix(rest, "\n"+editEnd) && !strings.HasSuffix(rest, "\n"+insertEnd) {
		return Act{}, false
	}
	return Act{Kind: Edit, Detail: "lines", Program: words[0], Args: words[1:], End: len(rest)}, true
}
