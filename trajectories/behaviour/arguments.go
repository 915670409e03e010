package behaviour

import (
	"encoding/json"
	"strings"
)

// Arguments as the formats hold them: an object, an object inside a string, a
// bare command. Values may be strings where the schema wants something else.
type arguments struct {
	values map[string]json.RawMessage
	raw    string // the whole, if it was no object
}

func readArguments(data json.RawMessage) arguments {
	var a arguments
	if json.Unmarshal(data, &a.values) == nil {
		return a
	}
	var text string
	if json.Unmarshal(data, &text) != nil {
		return arguments{raw: string(data)}
	}
	if json.Unmarshal([]byte(text), &a.values) == nil {
		return a
	}
	return arguments{raw: text}
}

// text returns the first of the named values that is a string and not empty.
func (a arguments) text(names ...string) string {
	for _, name := range names {
		var s string
		if v, ok := a.values[name]; ok && json.Unmarshal(v, &s) == nil && s != "" {
			return s
		}
	}
	return ""
}

// has says that one of the named values is there.
func (a arguments) has(names ...string) bool {
	for _, name := range names {
		if v, ok := a.values[name]; ok && string(v) != "null" {
			return true
		}
	}
	return false
}

// isTrue reads a boolean, which some formats write as Python's or as a string.
func (a arguments) isTrue(name string) bool {
	return strings.EqualFold(strings.Trim(string(a.values[name]), `"`), "true")
}

// command returns the command line of a tool that takes one. A list of words
// that only starts a shell stands for what that shell is to read.
func (a arguments) command() string {
	if a.values == nil {
		return a.raw
	}
	names := []string{"command", "cmd", "keystrokes", "script", "input", "code"}
	if s := a.text(names...); s != "" {
		return s
	}
	for _, name := range names {
		var words []string
		if v, ok := a.values[name]; !ok || json.Unmarshal(v, &words) != nil || len(words) == 0 {
			continue
		}
		if len(words) == 3 && (words[1] == "-c" || words[1] == "-lc") {
			return words[2]
		}
		for i, w := range words {
			words[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
		return strings.Join(words, " ")
	}
	return ""
}

// paths returns what the usual names for a file or folder hold.
func (a arguments) paths() []string {
	p := a.text("path", "file_path", "absolute_path", "filename", "file_name", "file", "notebook_path", "dir_path", "dir", "directory")
	if p != "" {
		return []string{p}
	}
	var many []string
	for _, name := range []string{"paths", "file_paths"} {
		if json.Unmarshal(a.values[name], &many) == nil && len(many) > 0 {
			return many[:min(len(many), maxPaths)]
		}
	}
	return nil
}
