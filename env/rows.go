package env

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"unicode/utf8"
)

// A RowError says what is wrong with one row of a file of tasks, where, and
// what to do.
type RowError struct {
	File   string
	Line   int // from 1
	Column int // in bytes, from 1
	// Field is the name of the row's field, or empty when the row as a whole
	// is broken.
	Field string
	Err   error
}

func (e *RowError) Error() string {
	if e.Field == "" {
		return fmt.Sprintf("%s:%d:%d: %v", e.File, e.Line, e.Column, e.Err)
	}
	return fmt.Sprintf("%s:%d:%d: field %s: %v", e.File, e.Line, e.Column, e.Field, e.Err)
}

func (e *RowError) Unwrap() error { return e.Err }

// ReadTasks reads SWE-bench rows in JSONL form, classic or v5: one JSON object
// per line, with at least instance_id, repo, base_commit and
// problem_statement. FAIL_TO_PASS and PASS_TO_PASS may be lists or the JSON
// text of lists. Fields that a Task does not have are ignored, blank lines
// too. The name of the file is for error messages; a broken row is a
// *RowError.
func ReadTasks(name string, r io.Reader) ([]Task, error) {
	var tasks []Task
	lines := map[string]int{} // of the instance ids
	in := bufio.NewReaderSize(r, 1<<16)
	for n := 1; ; n++ {
		line, readErr := in.ReadBytes('\n')
		if readErr != nil && readErr != io.EOF {
			return nil, fmt.Errorf("reading %s, line %d: %w", name, n, readErr)
		}
		if n == 1 {
			line = bytes.TrimPrefix(line, []byte("\ufeff"))
		}
		if len(bytes.TrimSpace(line)) > 0 {
			task, err := readRow(line)
			if first, ok := lines[task.ID]; ok && err == nil {
				err = &RowError{Column: 1, Field: "instance_id", Err: fmt.Errorf("%q is already on line %d; remove one of the two rows", task.ID, first)}
			}
			if err != nil {
				err.File, err.Line = name, n
				return nil, err
			}
			lines[task.ID] = n
			tasks = append(tasks, task)
		}
		if readErr == io.EOF {
			return tasks, nil
		}
	}
}

// readRow reads one line. The error has no file and no line yet.
func readRow(line []byte) (Task, *RowError) {
	broken := func(column int, format string, args ...any) (Task, *RowError) {
		return Task{}, &RowError{Column: column, Err: fmt.Errorf(format, args...)}
	}
	switch {
	case bytes.HasPrefix(line, []byte{0x1f, 0x8b}):
		return broken(1, "the file is compressed with gzip; unpack it first, or give it a name that ends in .gz")
	case !utf8.Valid(line):
		return broken(len(validPrefix(line))+1, "not UTF-8 text; convert the file to UTF-8")
	}
	var whole json.RawMessage
	var syntax *json.SyntaxError
	if err := json.Unmarshal(line, &whole); errors.As(err, &syntax) {
		return broken(min(int(syntax.Offset), len(line)), "not JSON (%v); a row is one JSON object on one line", err)
	} else if err != nil {
		return broken(1, "not JSON (%v); a row is one JSON object on one line", err)
	}
	start := len(line) - len(bytes.TrimLeft(line, " \t\r\n"))
	if line[start] != '{' {
		return broken(start+1, "not a JSON object; a row is one JSON object on one line (a JSON list must be split into lines)")
	}

	var row row
	fields := row.fields()
	at := map[string]int{} // columns of the values
	dec := json.NewDecoder(bytes.NewReader(line))
	_, _ = dec.Token() // the brace: the line is known to be a valid object
	for dec.More() {
		key, _ := dec.Token()
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return broken(int(dec.InputOffset()), "not JSON (%v)", err)
		}
		name := key.(string)
		at[name] = int(dec.InputOffset()) - len(value) + 1
		set, known := fields[name]
		if !known || string(value) == "null" {
			continue
		}
		if err := set(value); err != nil {
			return Task{}, &RowError{Column: at[name], Field: name, Err: err}
		}
	}
	for _, check := range row.checks() {
		if check.err == nil {
			continue
		}
		column, ok := at[check.field]
		if !ok {
			column = start + 1
		}
		return Task{}, &RowError{Column: column, Field: check.field, Err: check.err}
	}
	return row.Task, nil
}

func validPrefix(b []byte) []byte {
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size == 1 {
			return b[:i]
		}
		i += size
	}
	return b
}

type row struct{ Task }

func (r *row) fields() map[string]func(json.RawMessage) error {
	return map[string]func(json.RawMessage) error{
		"instance_id":       text(&r.ID),
		"repo":              text(&r.Repo),
		"base_commit":       text(&r.BaseCommit),
		"problem_statement": text(&r.ProblemStatement),
		"hints_text":        text(&r.Hints),
		"created_at":        textOrNumber(&r.CreatedAt),
		"version":           textOrNumber(&r.Version),
		"patch":             text(&r.Patch),
		"test_patch":        text(&r.TestPatch),
		"FAIL_TO_PASS":      list(&r.FailToPass),
		"PASS_TO_PASS":      list(&r.PassToPass),
		"image":             text(&r.Image),
		"eval_script":       text(&r.EvalScript),
		"log_parser":        text(&r.LogParser),
		"eval_type":         text(&r.EvalType),
		"test_command":      text(&r.TestCommand),
		"needs":             list(&r.Needs),
		"setup":             text(&r.Setup),
	}
}

func text(to *string) func(json.RawMessage) error {
	return func(value json.RawMessage) error {
		if value[0] != '"' {
			return fmt.Errorf("found a JSON %s; write a string", kind(value))
		}
		return json.Unmarshal(value, to)
	}
}

func textOrNumber(to *string) func(json.RawMessage) error {
	return func(value json.RawMessage) error {
		if kind(value) == "number" {
			*to = string(value)
			return nil
		}
		return text(to)(value)
	}
}

// list accepts a list of strings, or a string that holds the JSON text of one.
func list(to *[]string) func(json.RawMessage) error {
	return func(value json.RawMessage) error {
		inner := []byte(value)
		if value[0] == '"' {
			var s string
			if err := json.Unmarshal(value, &s); err != nil {
				return err
			}
			inner = []byte(s)
		}
		if err := json.Unmarshal(inner, to); err != nil {
			return fmt.Errorf("%w; write a list of strings, or the JSON text of one", err)
		}
		return nil
	}
}

func kind(value json.RawMessage) string {
	switch value[0] {
	case '{':
		return "object"
	case '[':
		return "list"
	case '"':
		return "string"
	case 't', 'f':
		return "boolean"
	}
	return "number"
}

type check struct {
	field string
	err   error
}

var (
	safeID   = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.+-]{0,199}$`)
	fullHash = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)
)

func (r *row) checks() []check {
	var errID, errCommit, errType error
	if !safeID.MatchString(r.ID) && r.ID != "" {
		errID = fmt.Errorf("%.80q cannot be the name of a file; use letters, digits and _ . + - only, 200 at most", r.ID)
	}
	if !fullHash.MatchString(r.BaseCommit) && r.BaseCommit != "" {
		errCommit = fmt.Errorf("%.80q is not a full commit hash; write its 40 hexadecimal digits", r.BaseCommit)
	}
	if r.EvalType != "" && r.EvalType != EvalPassAndFail && r.EvalType != EvalFailOnly {
		errType = fmt.Errorf("%.80q is not known; write %q or %q", r.EvalType, EvalPassAndFail, EvalFailOnly)
	}
	return []check{
		{"instance_id", required(r.ID)},
		{"repo", required(r.Repo)},
		{"base_commit", required(r.BaseCommit)},
		{"problem_statement", required(r.ProblemStatement)},
		{"instance_id", errID},
		{"base_commit", errCommit},
		{"eval_type", errType},
	}
}

func required(value string) error {
	if value == "" {
		return errors.New("missing or empty; every row needs one")
	}
	return nil
}
