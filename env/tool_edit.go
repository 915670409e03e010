package env

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/apprentice-rl/apprentice/sandbox"
)

// The editor has the commands, the argument names and the rules of the text
// editor tool that Anthropic published for its models and that SWE-agent and
// SWE-bench agents took over. It differs in three things, all of them repairs:
// it never converts tabs, line ends or anything else in a file, it takes
// overlapping occurrences of old_str for ambiguous, and undo_edit removes a
// file that create made.
func editorTool() Tool {
	return Tool{
		Name: "str_replace_editor",
		Description: `View, create and edit text files. Edits persist between calls.
* view shows a file with line numbers as cat -n does, or the files of a folder two levels deep without hidden ones. With view_range only some lines of the file are shown.
* create makes a new file with file_text as its contents. It does not overwrite a file.
* str_replace replaces old_str, which must occur exactly once in the file, with new_str. old_str must match the file exactly, white space included; give it enough lines around the change to be unique.
* insert puts new_str as lines of its own after line insert_line; 0 is the beginning of the file. new_str needs no line break at its end.
* undo_edit takes back the last edit that was made to the file with this tool.
* Nothing but what is given is changed: line ends, tabs and the presence of a line break at the end of the file stay as they are.`,
		Parameters: json.RawMessage(`{"type":"object","properties":{` +
			`"command":{"type":"string","enum":["view","create","str_replace","insert","undo_edit"],"description":"The command to run."},` +
			`"path":{"type":"string","description":"Absolute path of the file or folder, for example ` + Workdir + `/file.py."},` +
			`"file_text":{"type":"string","description":"Needed by create: the contents of the new file."},` +
			`"old_str":{"type":"string","description":"Needed by str_replace: the text to replace."},` +
			`"new_str":{"type":"string","description":"Needed by insert, and by str_replace unless old_str is to be removed: the new text."},` +
			`"insert_line":{"type":"integer","description":"Needed by insert: the line after which new_str is put."},` +
			`"view_range":{"type":"array","items":{"type":"integer"},"description":"For view of a file: the first and the last line to show, for example [11, 20]. Lines count from 1; -1 as the last line is the end of the file."}` +
			`},"required":["command","path"],"additionalProperties":false}`),
		Run: tool(runEditor),
	}
}

type editArguments struct {
	Command    string  `json:"command"`
	Path       string  `json:"path"`
	FileText   *string `json:"file_text"`
	OldStr     *string `json:"old_str"`
	NewStr     *string `json:"new_str"`
	InsertLine *int    `json:"insert_line"`
	ViewRange  []int   `json:"view_range"`
}

func runEditor(ctx context.Context, e *Environment, args editArguments) (Observation, error) {
	if !path.IsAbs(args.Path) {
		return Observation{}, refuse("%s", notAbsolute(args.Path))
	}
	if strings.ContainsRune(args.Path, 0) {
		return Observation{}, refuse("A path cannot hold a NUL character.")
	}
	missing := func(name string) (Observation, error) {
		return Observation{}, refuse("The command %s needs the argument `%s`.", args.Command, name)
	}
	p := path.Clean(args.Path)
	switch args.Command {
	case "view":
		return e.view(ctx, p, args.ViewRange)
	case "create":
		if args.FileText == nil {
			return missing("file_text")
		}
		return e.create(ctx, p, *args.FileText)
	case "str_replace":
		if args.OldStr == nil {
			return missing("old_str")
		}
		var with string
		if args.NewStr != nil {
			with = *args.NewStr
		}
		return e.replace(ctx, p, *args.OldStr, with)
	case "insert":
		if args.InsertLine == nil {
			return missing("insert_line")
		}
		if args.NewStr == nil {
			return missing("new_str")
		}
		return e.insert(ctx, p, *args.InsertLine, *args.NewStr)
	case "undo_edit":
		return e.undo(ctx, p)
	}
	return Observation{}, refuse("There is no command `%s`. The commands are: view, create, str_replace, insert, undo_edit.", args.Command)
}

func notAbsolute(p string) string {
	return fmt.Sprintf("The path %s is not an absolute path, it should start with `/`. Maybe you meant %s?", p, path.Join(Workdir, p))
}

// An edit is what it takes to undo one.
type edit struct {
	created bool
	before  string
}

// editCap bounds the bytes of a file that the editor takes on: the file passes
// through this process.
const editCap = 16 << 20

// load reads a file that is to be viewed or edited. A file that is not there,
// is not text or is too large is a refusal.
func (e *Environment) load(ctx context.Context, p string) (string, error) {
	kind, size, err := e.look(ctx, p)
	if err != nil {
		return "", err
	}
	return e.read(ctx, p, kind, size)
}

// read does load's work once look has found what there is.
func (e *Environment) read(ctx context.Context, p, kind string, size int64) (string, error) {
	switch {
	case kind == isNothing:
		return "", refuse("The path %s does not exist. Please provide a valid path.", p)
	case kind == isFolder:
		return "", refuse("The path %s is a directory; this command needs a file.", p)
	case kind == isOther:
		return "", refuse("The path %s is neither a regular file nor a directory (it is a FIFO, a socket or a device), so this tool does not touch it. Use bash.", p)
	case size > editCap:
		return "", refuse("The file %s has %d bytes, more than this tool takes on (%d). Use bash.", p, size, editCap)
	}
	data, err := e.sandbox.ReadFile(ctx, p)
	switch {
	case broken(ctx, err):
		return "", err
	case err != nil:
		return "", refuse("The path %s cannot be read as a file: %v.", p, err)
	case !utf8.Valid(data):
		return "", refuse("The file %s is not UTF-8 text, so this tool does not touch it. Use bash.", p)
	}
	return string(data), nil
}

// broken tells the errors that end an episode from those that a policy should
// see: a folder where it expected a file, a file that it may not read.
func broken(ctx context.Context, err error) bool {
	return err != nil && (ctx.Err() != nil || errors.Is(err, sandbox.ErrBroken) || errors.Is(err, sandbox.ErrUnavailable))
}

// store writes a file. A file that cannot be written is a refusal.
func (e *Environment) store(ctx context.Context, p, content string) error {
	err := e.sandbox.WriteFile(ctx, p, []byte(content))
	if err != nil && !broken(ctx, err) {
		return refuse("The file %s cannot be written: %v.", p, err)
	}
	return err
}

func (e *Environment) create(ctx context.Context, p, content string) (Observation, error) {
	switch kind, _, err := e.look(ctx, p); {
	case err != nil:
		return Observation{}, err
	case kind == isFile, kind == isOther:
		return Observation{}, refuse("File already exists at: %s. Cannot overwrite files using command `create`.", p)
	case kind == isFolder:
		return Observation{}, refuse("The path %s is a directory; a file cannot be created there.", p)
	}
	if err := e.store(ctx, p, content); err != nil {
		return Observation{}, err
	}
	e.edits[p] = append(e.edits[p], edit{created: true})
	return Observation{Text: fmt.Sprintf("File created successfully at: %s", p)}, nil
}

func (e *Environment) replace(ctx context.Context, p, old, with string) (Observation, error) {
	text, err := e.load(ctx, p)
	if err != nil {
		return Observation{}, err
	}
	if old == "" {
		return Observation{}, refuse("No replacement was performed: old_str is empty. Use insert to add text.")
	}
	if old == with {
		return Observation{}, refuse("No replacement was performed: old_str is the same as new_str.")
	}
	lines, at := occurrences(text, old)
	switch {
	case len(lines) == 0:
		return Observation{}, refuse("No replacement was performed, old_str `%s` did not appear verbatim in %s.", old, p)
	case len(lines) > 1:
		return Observation{}, refuse("No replacement was performed. Multiple occurrences of old_str `%s` in lines %s. Please ensure it is unique.", old, numbers(lines))
	}
	after := text[:at] + with + text[at+len(old):]
	if err := e.store(ctx, p, after); err != nil {
		return Observation{}, err
	}
	e.edits[p] = append(e.edits[p], edit{before: text})
	return edited(p, after, lines[0], lines[0]+strings.Count(strings.TrimSuffix(with, "\n"), "\n")), nil
}

// occurrences returns the lines in which part begins in text, and the offset
// of the first. Overlapping occurrences count.
func occurrences(text, part string) (lines []int, first int) {
	line, from := 1, 0
	for {
		i := strings.Index(text[from:], part)
		if i < 0 {
			return lines, first
		}
		if lines == nil {
			first = from + i
		}
		line += strings.Count(text[from:from+i], "\n")
		lines = append(lines, line)
		if text[from+i] == '\n' {
			line++
		}
		from += i + 1
	}
}

func numbers(lines []int) string {
	const most = 20
	s := strings.ReplaceAll(fmt.Sprint(lines[:min(len(lines), most)]), " ", ", ")
	if len(lines) > most {
		s += fmt.Sprintf(" and %d more", len(lines)-most)
	}
	return s
}

func (e *Environment) insert(ctx context.Context, p string, line int, with string) (Observation, error) {
	text, err := e.load(ctx, p)
	if err != nil {
		return Observation{}, err
	}
	last := len(split(text))
	if line < 0 || line > last {
		return Observation{}, refuse("Invalid `insert_line` parameter: %d. It should be within the range of lines of the file: [0, %d].", line, last)
	}
	after := with
	if text != "" {
		lines := strings.Split(text, "\n")
		after = strings.Join(slices.Insert(lines, line, with), "\n")
	}
	if err := e.store(ctx, p, after); err != nil {
		return Observation{}, err
	}
	e.edits[p] = append(e.edits[p], edit{before: text})
	return edited(p, after, line+1, line+1+strings.Count(with, "\n")), nil
}

func (e *Environment) undo(ctx context.Context, p string) (Observation, error) {
	history := e.edits[p]
	if len(history) == 0 {
		return Observation{}, refuse("No edit history found for %s.", p)
	}
	last := history[len(history)-1]
	if last.created {
		if _, err := e.run(ctx, "rm", "-f", "--", p); err != nil {
			return Observation{}, err
		}
	} else if err := e.store(ctx, p, last.before); err != nil {
		return Observation{}, err
	}
	e.edits[p] = history[:len(history)-1]
	if last.created {
		return Observation{Text: fmt.Sprintf("Last edit to %s undone successfully: the file is gone again.", p)}, nil
	}
	return Observation{Text: fmt.Sprintf("Last edit to %s undone successfully. %s", p, numbered(p, split(last.before), 1))}, nil
}
