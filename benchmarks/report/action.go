package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/sandbox"
)

// An action is a tool call made readable: one line, and below it a change or
// other text.
type action struct {
	Tool    string
	Verb    string // what the tool does
	Object  string // what it does it to: a path or a pattern
	Then    string // the rest of the line
	Command string // a shell command, in place of all these
	Diff    []diffLine
	Text    string // arguments that nothing is known about
	Missing int    // characters that are not shown

	Observed *observation
}

// arguments are those of all tools.
type arguments struct {
	Command    string `json:"command"`
	Path       string `json:"path"`
	FileText   string `json:"file_text"`
	OldStr     string `json:"old_str"`
	NewStr     string `json:"new_str"`
	InsertLine *int   `json:"insert_line"`
	ViewRange  []int  `json:"view_range"`
	Pattern    string `json:"pattern"`
	Glob       string `json:"glob"`
}

// newAction renders a call. Arguments that cannot be read are shown as they
// are.
func newAction(a env.Action) action {
	v := action{Tool: clean(a.Tool)}
	var args arguments
	if len(a.Arguments) > 0 && json.Unmarshal(a.Arguments, &args) != nil {
		return v.raw(a.Arguments)
	}
	switch {
	case a.Tool == "bash" && args.Command != "":
		v.Command, v.Missing = cut(clean(args.Command), longest)
	case a.Tool == "search":
		v.Verb, v.Object = "search for", clean(args.Pattern)
		if args.Path != "" {
			v.Then = "in " + clean(args.Path)
		}
		if args.Glob != "" {
			v.Then = strings.TrimSpace(v.Then + " in files " + clean(args.Glob))
		}
	case a.Tool == "submit":
		v.Verb, v.Then = "submit", "the working tree as it is"
	case a.Tool == "str_replace_editor":
		return v.edit(a.Arguments, args)
	default:
		return v.raw(a.Arguments)
	}
	return v
}

// edit renders a call of the editor.
func (v action) edit(raw json.RawMessage, args arguments) action {
	v.Verb, v.Object = args.Command, clean(args.Path)
	switch args.Command {
	case "view":
		if len(args.ViewRange) == 2 {
			v.Then = fmt.Sprintf("lines %d to %d", args.ViewRange[0], args.ViewRange[1])
			if args.ViewRange[1] == -1 {
				v.Then = fmt.Sprintf("from line %d", args.ViewRange[0])
			}
		}
	case "create":
		text, missing := cut(clean(args.FileText), longest)
		v.Diff, v.Missing = added(text), missing
	case "str_replace":
		before, missing1 := cut(clean(args.OldStr), longest)
		after, missing2 := cut(clean(args.NewStr), longest)
		v.Verb, v.Diff, v.Missing = "edit", diff(before, after), missing1+missing2
	case "insert":
		text, missing := cut(clean(args.NewStr), longest)
		v.Verb, v.Diff, v.Missing = "insert into", added(text), missing
		if args.InsertLine != nil {
			v.Then = fmt.Sprintf("after line %d", *args.InsertLine)
		}
	case "undo_edit":
		v.Verb = "undo the last edit of"
	default:
		return v.raw(raw)
	}
	return v
}

// raw shows the arguments as they are.
func (v action) raw(arguments json.RawMessage) action {
	text := string(arguments)
	var b bytes.Buffer
	if json.Indent(&b, arguments, "", "  ") == nil {
		text = b.String()
	}
	v = action{Tool: v.Tool, Verb: "call"}
	v.Text, v.Missing = cut(clean(text), longest)
	return v
}

// An observation is what came back, made readable: its first line, and the
// rest folded away.
type observation struct {
	First   string
	Rest    string
	Lines   int
	Missing int    // characters that are not shown
	Failed  string // how it failed, or ""
	Took    string
}

// longestFirst is the number of characters that are shown of the first line.
const longestFirst = 160

func newObservation(o env.Observation) *observation {
	text := strings.Trim(clean(o.Text), "\n")
	v := &observation{Failed: failure(o), Took: duration(o.Duration), Lines: strings.Count(text, "\n") + 1}
	shown, missing := cut(text, longest)
	v.Missing = missing
	v.First, v.Rest, _ = strings.Cut(shown, "\n")
	if first, more := cut(v.First, longestFirst); more > 0 {
		v.First, v.Rest = first+"\u2026", shown
	}
	if text == "" {
		v.First, v.Lines = "(no output)", 0
	}
	return v
}

// failure says in a word or two how an action failed, or "".
func failure(o env.Observation) string {
	switch {
	case !o.Failed:
		return ""
	case o.Result == nil:
		return "failed"
	case o.Result.End == sandbox.EndExit:
		return fmt.Sprintf("exit %d", o.Result.ExitCode)
	case o.Result.End == sandbox.EndSignal && o.Result.Signal != "":
		return clean(o.Result.Signal)
	}
	return clean(string(o.Result.End))
}
