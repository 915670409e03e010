package behaviour

import (
	"encoding/json"
	"strings"
)

// Command returns the command line of a tool call, which the places of its acts
// count bytes of; ok is false for tools that take none.
func Command(tool string, arguments json.RawMessage) (text string, ok bool) {
	if !takesCommand(strings.TrimPrefix(strings.ToLower(tool), "functions.")) {
		return "", false
	}
	return readArguments(arguments).command(), true
}
