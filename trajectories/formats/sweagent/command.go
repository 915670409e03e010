package sweagent

import (
	"encoding/json"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats/chat"
)

// commandLine is action k of a turn, from 0, as a command for a shell, which is
// how a step has it: of bash its command; of another tool its name, and then
// its arguments as options. The editor's command and path need no names
// (sweagent/tools/commands.py). The call itself is in the history.
func commandLine(t trajectories.Turn, k int) string {
	tool := t.Actions[k].Tool
	if command := commandOf(t, k); tool == "bash" && strings.TrimSpace(command) != "" {
		return command
	}
	words := []string{quote(tool)}
	for name, value := range chat.Members(t.Actions[k].Arguments) {
		if tool != "str_replace_editor" || name != "command" && name != "path" {
			words = append(words, quote("--"+name))
		}
		for _, word := range argument(value) {
			words = append(words, quote(word))
		}
	}
	return strings.Join(words, " ")
}

// argument is a value as words of a command: a text as it is, a list of numbers
// as many words, anything else as JSON.
func argument(value jsontext.Value) []string {
	var numbers []json.Number
	switch {
	case value.Kind() == '"':
		return []string{textOf(json.RawMessage(value))}
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
