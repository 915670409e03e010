package sweagent

import (
	"encoding/json"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/members"
)

// commandLine is action k of a turn, from 0, as a command for a shell, which is
// how a step has it: of a shell its command; of another tool its name, and then
// its arguments as options. The editor's command and path need no names
// (sweagent/tools/commands.py). The call itself is in the history.
func commandLine(t trajectories.Turn, k int) string {
	a := t.Actions[k]
	if typed := typedInto(t, k); strings.TrimSpace(typed) != "" {
		return typed
	}
	words := []string{quote(a.Tool)}
	for name, value := range members.All(a.Arguments) {
		if !isEditor(a.Tool) || name != "command" && name != "path" {
			words = append(words, quote("--"+name))
		}
		for _, word := range argument(value) {
			words = append(words, quote(word))
		}
	}
	return strings.Join(words, " ")
}

// typedInto is what action k of a turn types into a shell, by the names that
// its tool has in the programs whose trajectories are imported; "" for tools
// that are none.
func typedInto(t trajectories.Turn, k int) string {
	switch t.Actions[k].Tool {
	case "bash", "execute_bash", "terminal", "shell", "run", "run_shell_command":
		return formats.CommandOf(t.Actions[k].Arguments)
	case "bash_command": // of Terminus
		return textOf(members.Get(t.Actions[k].Arguments, "keystrokes")) // what is not there is not typed
	}
	return ""
}

// isEditor says whether a tool is the editor that SWE-agent and OpenHands share.
func isEditor(tool string) bool { return tool == "str_replace_editor" || tool == "file_editor" }

// argument is a value as words of a command: a text as it is, a list of numbers
// as many words, anything else as JSON.
func argument(value jsontext.Value) []string {
	var numbers []json.Number
	switch {
	case value.Kind() == '"':
		return []string{textOf(value)}
	case value.Kind() != '[' || json.Unmarshal(value, &numbers) != nil || len(numbers) == 0:
		return []string{string(value)}
	}
	words := make([]string, len(numbers))
	for i, n := range numbers {
		words[i] = n.String()
	}
	return words
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// quote writes a word so that a shell reads it as it is, by the rule of
// Python's shlex.quote.
func quote(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'"'"'`) + "'"
}
