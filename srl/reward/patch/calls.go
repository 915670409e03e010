package patch

import (
	"context"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/trajectories/behaviour"
)

// Calls returns what tool calls do to files, as far as the calls themselves
// tell it: the lines that they change, as Lines writes them. It is empty for
// calls that edit nothing, or that do so in a way that only shows when they
// run, as a script does. Known are
//
//   - the editors' calls that replace, insert and create, by the names that
//     their arguments have with most agents;
//   - patches that are handed to apply_patch, patch or git apply;
//   - of shell commands, here-documents and what echo and printf write to a
//     file, and the replacements of sed -i and
//     perl -i.
//
// The file is not at hand, so what stands where is known of two kinds only: text
// that is inserted after a line by its number has a head like "@12", and text that
// is appended to a file has the head "@end".
//
// Paths are relative to the folder of the task. The error is that of ctx.
func Calls(ctx context.Context, calls []env.Action) (Change, error) {
	c := Change{}
	for _, call := range calls {
		var err error
		if line, ok := behaviour.Command(call.Tool, call.Arguments); ok {
			err = c.command(ctx, call, line)
		} else {
			err = c.tool(ctx, call)
		}
		if err != nil {
			return nil, err
		}
	}
	for p, text := range c {
		if text == "" { // an edit that changes nothing
			delete(c, p)
		}
	}
	return c, nil
}

// change notes that a part of a file is replaced. The head says where, if that is
// known.
func (c Change) change(ctx context.Context, file, head, before, after string) error {
	changed, err := Lines(ctx, before, after)
	if err != nil {
		return err
	}
	if changed != "" && head != "" {
		changed = head + "\n" + changed
	}
	c.Add(place(file), changed)
	return nil
}

// place is a path as seen from the folder of the task.
func place(p string) string {
	return strings.TrimPrefix(path.Clean(p), env.Workdir+"/")
}

// tolerant reads arguments as models write them. Of members with one name the last
// one counts.
var tolerant = json.JoinOptions(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))

// tool reads a call of an editor.
func (c Change) tool(ctx context.Context, call env.Action) error {
	var values map[string]jsontext.Value
	if json.Unmarshal(call.Arguments, &values, tolerant) != nil {
		return nil
	}
	text := func(names ...string) (string, bool) {
		for _, name := range names {
			var s string
			if v, ok := values[name]; ok && json.Unmarshal(v, &s, tolerant) == nil {
				return s, true
			}
		}
		return "", false
	}
	if p, ok := text("patch", "diff", "input"); ok {
		c.patch(p)
		return nil
	}
	file, ok := text("path", "file_path", "absolute_path", "filename", "file_name", "file")
	if !ok {
		return nil
	}
	switch command, _ := text("command"); command {
	case "view", "undo_edit":
		return nil
	}
	before, _ := text("old_str", "old_string")
	after, ok := text("new_str", "new_string", "file_text", "content", "contents")
	if before == "" && !ok {
		return nil
	}
	head := ""
	if line := strings.Trim(string(values["insert_line"]), `"`); line != "" && line != "null" && before == "" {
		head = "@" + line
	}
	return c.change(ctx, file, head, before, after)
}

// command reads the edits of a command line.
func (c Change) command(ctx context.Context, call env.Action, line string) error {
	for _, act := range behaviour.Classify(call.Tool, call.Arguments) {
		if act.Kind != behaviour.Edit || act.Pos >= act.End || act.End > len(line) {
			continue
		}
		switch act.Detail {
		case "patch", "apply_patch", "git apply":
			commands, _ := behaviour.SimpleCommands(line[act.Pos:act.End])
			c.patch(input(commands))
			continue
		}
		head, before, after, ok := written(act, line[act.Pos:act.End])
		if !ok {
			continue
		}
		for _, file := range act.Writes {
			if err := c.change(ctx, file, head, before, after); err != nil {
				return err
			}
		}
	}
	return nil
}

// written says what an act puts into a file, and in place of what.
func written(act behaviour.Act, line string) (head, before, after string, ok bool) {
	switch act.Detail {
	case "here-document":
		commands, _ := behaviour.SimpleCommands(line)
		return end(slices.ContainsFunc(commands, appends)), "", input(commands), true
	case "redirect", "append", "tee":
		switch act.Program {
		case "echo", "printf":
			words := slices.DeleteFunc(slices.Clone(act.Args), func(w string) bool { return w == "-e" || w == "-n" })
			return end(act.Detail == "append"), "", strings.Join(words, " "), true
		}
	case "sed -i", "perl -i":
		before, after, ok = replaced(act.Args)
		return "", before, after, ok
	}
	return "", "", "", false
}

// end is the head of text that is appended.
func end(appended bool) string {
	if appended {
		return "@end"
	}
	return ""
}

// appends reports whether a command leaves what is in a file, and writes behind it.
func appends(c behaviour.Simple) bool {
	if slices.ContainsFunc(c.Redirections, func(r behaviour.Redirection) bool { return r.Operator == ">>" || r.Operator == "&>>" }) {
		return true
	}
	return len(c.Words) > 0 && c.Words[0].Text == "tee" &&
		slices.ContainsFunc(c.Words, func(w behaviour.Word) bool { return w.Text == "-a" || w.Text == "--append" })
}

// input is the text of the here-documents of commands.
func input(commands []behaviour.Simple) string {
	var b strings.Builder
	for _, c := range commands {
		for _, r := range c.Redirections {
			b.WriteString(r.Document)
		}
	}
	return b.String()
}

var substitution = regexp.MustCompile(`^[0-9,$]*s([/|#,!:@%])`)

// replaced reads the replacements of sed and perl: what they look for, a line each, and
// what they put there.
func replaced(args []string) (before, after string, ok bool) {
	var was, is []string
	for _, word := range args {
		for script := range strings.SplitSeq(word, ";") {
			m := substitution.FindStringSubmatch(strings.TrimSpace(script))
			if m == nil {
				continue
			}
			parts := strings.Split(script[strings.Index(script, "s"+m[1])+1:], m[1])
			if len(parts) == 4 { // before the first sign, between them, and the flags
				was, is = append(was, parts[1]), append(is, parts[2])
			}
		}
	}
	return strings.Join(was, "\n"), strings.Join(is, "\n"), len(was) > 0
}

var updated = regexp.MustCompile(`^\*\*\* (?:Update|Add|Delete) File: (.+)$`)

// patch reads a unified diff, or the form that OpenAI's models are taught. Only
// the lines that it changes count, as with other calls.
func (c Change) patch(text string) {
	if files, err := Unified(text); err == nil && len(files) > 0 {
		for _, file := range slices.Sorted(maps.Keys(files)) {
			c.Add(place(file), changedLines(files[file]))
		}
		return
	}
	file, changed := "", map[string][]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if m := updated.FindStringSubmatch(line); m != nil {
			file = m[1]
		} else if file != "" && line != "" && (line[0] == '+' || line[0] == '-') {
			changed[file] = append(changed[file], line)
		}
	}
	for _, file := range slices.Sorted(maps.Keys(changed)) {
		c.Add(place(file), strings.Join(changed[file], "\n"))
	}
}

// changedLines are the lines of hunks that are neither heads nor context.
func changedLines(hunks string) string {
	var changed []string
	for line := range strings.SplitSeq(hunks, "\n") {
		if strings.HasPrefix(line, "+") || strings.HasPrefix(line, "-") {
			changed = append(changed, line)
		}
	}
	return strings.Join(changed, "\n")
}
