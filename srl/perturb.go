package srl

import (
	"bytes"
	"encoding/json"
	"path"
	"regexp"
	"slices"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/srl/format"
)

// A Perturbation is what a model might have answered to a prompt: a named
// variation of the expert's action.
type Perturbation struct {
	Name string `json:"name"`
	// Output is the whole output, with a thought.
	Output string `json:"output"`
}

// The names of the perturbations, from near to far.
const (
	SameAction       = "the same action"
	OneWordChanged   = "one word changed"
	OtherFile        = "right tool, other file"
	OtherExpertStep  = "another expert step"
	WrongTool        = "a wrong tool call"
	ProseWithoutCall = "prose without a call"
)

// Perturb returns variations of an example's action, to be scored with the
// example's reward: they show what a dense reward sees between right and
// wrong. other is the expert's action at another step, the next one for
// instance, or empty. Variations that an action has no room for (a submission
// names no file, and another step of more calls would break the format) are
// left out. The same example always gives the same ones.
func Perturb(e Example, other string) []Perturbation {
	language := e.Reward.Format.Language
	var list []Perturbation
	add := func(name, action string) {
		list = append(list, Perturbation{Name: name, Output: format.Write("Let me see what the next step should be.", action)})
	}
	render := func(name string, actions []env.Action) {
		if len(actions) == 0 {
			return
		}
		if action, err := language.Render(actions...); err == nil && action != e.Action {
			add(name, action)
		}
	}

	add(SameAction, e.Action)
	render(OneWordChanged, renameWord(e.Calls))
	render(OtherFile, otherFile(e.Calls))
	if calls, err := language.Calls(other, nil); err == nil && len(calls) <= len(e.Calls) && other != e.Action {
		add(OtherExpertStep, other)
	}
	render(WrongTool, []env.Action{{Tool: "bash", Arguments: json.RawMessage(`{"command":"ls"}`)}})
	add(ProseWithoutCall, "Next I would open the file that the issue is about and mend the function there.")
	return list
}

// A text is an argument of a call that is a string.
type text struct {
	call      int
	tool      string
	parameter string
	value     string
	from, to  int // where its JSON stands in the arguments
}

// texts returns the arguments of calls that are strings, in their order.
func texts(calls []Call) []text {
	var list []text
	for i, c := range calls {
		d := json.NewDecoder(bytes.NewReader(c.Arguments))
		if t, err := d.Token(); err != nil || t != json.Delim('{') {
			continue
		}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				break
			}
			var raw json.RawMessage
			if d.Decode(&raw) != nil {
				break
			}
			to := int(d.InputOffset())
			t := text{call: i, tool: c.Tool, from: to - len(raw), to: to}
			t.parameter, _ = name.(string)
			if raw[0] == '"' && json.Unmarshal(raw, &t.value) == nil {
				list = append(list, t)
			}
		}
	}
	return list
}

// replace returns the calls as actions, with another value for one text.
func replace(calls []Call, t text, value string) []env.Action {
	actions := make([]env.Action, len(calls))
	for i, c := range calls {
		actions[i] = env.Action{Tool: c.Tool, Arguments: c.Arguments}
	}
	quoted, err := json.Marshal(value)
	if err != nil {
		return nil
	}
	raw := calls[t.call].Arguments
	actions[t.call].Arguments = slices.Concat(raw[:t.from], quoted, raw[t.to:])
	return actions
}

var word = regexp.MustCompile(`\b[A-Za-z_][A-Za-z0-9_]{2,}\b`)

// reserved reports whether a word is none that anyone could have chosen.
func reserved(w string) bool {
	switch w {
	case "assert", "break", "class", "continue", "default", "defer", "elif", "else", "except", "finally", "for", "func",
		"function", "import", "interface", "lambda", "package", "print", "raise", "range", "return", "self", "struct",
		"switch", "type", "while", "with", "yield":
		return true
	}
	return false
}

// inPath reports whether s[from:to] is part of the name of a file.
func inPath(s string, from, to int) bool {
	return from > 0 && s[from-1] == '/' || to < len(s) && s[to] == '/'
}

// renameWord renames the longest word, outside of paths, in the longest text
// that is code, and returns nil if there is none.
func renameWord(calls []Call) []env.Action {
	var code text
	for _, t := range texts(calls) {
		isCode := t.parameter != "path" && (t.parameter != "command" || t.tool == "bash")
		if isCode && len(t.value) > len(code.value) {
			code = t
		}
	}
	longest := ""
	for _, at := range word.FindAllStringIndex(code.value, -1) {
		w := code.value[at[0]:at[1]]
		if len(w) > len(longest) && !reserved(w) && !inPath(code.value, at[0], at[1]) {
			longest = w
		}
	}
	if longest == "" {
		return nil
	}
	value := word.ReplaceAllStringFunc(code.value, func(w string) string {
		if w == longest {
			return "renamed"
		}
		return w
	})
	return replace(calls, code, value)
}

// file matches what looks like the name of a file in a command.
var file = regexp.MustCompile(`[\w.-]*/[\w./-]*\w|\b\w+\.(?:c|cc|cpp|go|h|java|js|json|md|py|rb|rs|toml|ts|txt|yaml|yml)\b`)

// otherFile puts another file in the place of the first one that is named, and
// returns nil if there is none.
func otherFile(calls []Call) []env.Action {
	another := func(name string) string {
		return path.Join(path.Dir(name), "another"+path.Ext(name))
	}
	for _, t := range texts(calls) {
		if t.parameter == "path" && t.value != "" {
			return replace(calls, t, another(t.value))
		}
		if at := file.FindStringIndex(t.value); at != nil && t.tool == "bash" {
			value := t.value[:at[0]] + another(t.value[at[0]:at[1]]) + t.value[at[1]:]
			return replace(calls, t, value)
		}
	}
	return nil
}
