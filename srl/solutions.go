package srl

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/srl/format"
	"github.com/apprentice-rl/apprentice/trajectories"
)

// SolutionFields are the names of the members of a row that holds a problem and
// its solution. The zero value has those of s1K-1.1.
type SolutionFields struct {
	ID       string // of the row; empty: "id", and "NAME-LINE" where there is none, with the file's name
	Problem  string // empty: "question"
	Solution string // empty: "deepseek_attempt", and "solution" where there is none
}

// ErrUnstructured is what Solutions yields for a row whose solution has not the
// form. The SRL paper (section 5) leaves such rows out.
var ErrUnstructured = errors.New("the solution has no steps \"1. **Title** …\", numbered from 1")

// heading is the line that begins a step: "1. **Title**", with more after it or not.
// One that is indented belongs to a list inside of a step.
var heading = regexp.MustCompile(`(?m)^(?:#{1,6}[ \t]*)?(\d{1,4})\.[ \t]*\*\*(.+?)\*\*`)

// Solutions reads rows of JSON, a problem and its solution each, and yields each
// as the trajectory of an expert who wrote one step after another, for profiles
// whose action language is text. The name is that of the file, for errors.
//
// A solution is cut where its steps begin (two at least, numbered from 1 without a
// gap); what stands before the first is left out, and the last one goes to the end.
// A row whose solution is not like that yields an error that matches
// ErrUnstructured, and the next row follows; a broken row yields an *env.RowError,
// and is the last.
func Solutions(name string, from io.Reader, fields SolutionFields) iter.Seq2[*trajectories.Trajectory, error] {
	return func(yield func(*trajectories.Trajectory, error) bool) {
		r := bufio.NewReaderSize(from, 256<<10)
		for line := 1; ; line++ {
			text, err := r.ReadBytes('\n')
			if err != nil && err != io.EOF {
				yield(nil, fmt.Errorf("reading %s: %w", name, err))
				return
			}
			if len(bytes.TrimSpace(text)) > 0 {
				t, wrong := solution(text, rowID(name, line), fields)
				if row, ok := errors.AsType[*env.RowError](wrong); ok {
					row.File, row.Line = name, line
					yield(nil, row)
					return
				}
				if wrong != nil {
					wrong = fmt.Errorf("%s:%d: %w", name, line, wrong)
				}
				if !yield(t, wrong) {
					return
				}
			}
			if err == io.EOF {
				return
			}
		}
	}
}

// rowID is the id of a row that has none of its own: s1k-12 for line 12 of
// folder/s1k.jsonl.gz.
func rowID(name string, line int) string {
	name, _, _ = strings.Cut(filepath.Base(name), ".")
	return name + "-" + strconv.Itoa(line)
}

// solution reads one row. Its id is otherwise if it has none.
func solution(text []byte, otherwise string, fields SolutionFields) (*trajectories.Trajectory, error) {
	var row map[string]json.RawMessage
	if err := json.Unmarshal(text, &row); err != nil {
		wrong := &env.RowError{Column: 1, Err: err}
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			wrong.Column = int(syntax.Offset)
		}
		return nil, wrong
	}
	member := func(names ...string) (string, bool) {
		for _, n := range names {
			var s string
			if raw, ok := row[n]; ok && json.Unmarshal(raw, &s) == nil && strings.TrimSpace(s) != "" {
				return s, true
			}
		}
		return "", false
	}
	named := func(name string, otherwise ...string) []string {
		if name != "" {
			return []string{name}
		}
		return otherwise
	}
	problem, ok := member(named(fields.Problem, "question")...)
	if !ok {
		return nil, &env.RowError{Column: 1, Field: named(fields.Problem, "question")[0], Err: errors.New("there is no text of the problem")}
	}
	wanted := named(fields.Solution, "deepseek_attempt", "solution")
	worked, ok := member(wanted...)
	if !ok {
		return nil, &env.RowError{Column: 1, Field: wanted[0], Err: errors.New("there is no text of the solution")}
	}
	id, ok := member(named(fields.ID, "id")...)
	if !ok {
		id = otherwise
	}
	steps := cutSteps(worked)
	if steps == nil {
		return nil, ErrUnstructured
	}
	t := &trajectories.Trajectory{
		Header: trajectories.Header{
			Version: trajectories.Version, ID: id,
			Task:   trajectories.Task{ID: id, ProblemStatement: problem},
			Policy: trajectories.Policy{Name: "solution"},
		},
		End: &trajectories.End{Status: trajectories.ExitSubmitted},
	}
	for i, s := range steps {
		a := format.TextAction(s)
		a.ID = strconv.Itoa(i + 1)
		t.Turns = append(t.Turns, trajectories.Turn{N: i + 1, Actions: []env.Action{a}})
	}
	return t, nil
}

// cutSteps cuts a solution into its steps, nil if it has not the form.
func cutSteps(text string) []string {
	// A list inside of a step may have titles, too: only what continues the count is a step.
	var starts []int
	for _, at := range heading.FindAllStringSubmatchIndex(text, -1) {
		n, err := strconv.Atoi(text[at[2]:at[3]])
		switch {
		case err != nil:
			return nil
		case n == len(starts)+1:
			starts = append(starts, at[0])
		case n > len(starts)+1:
			return nil // one is missing
		}
	}
	if len(starts) < 2 {
		return nil
	}
	var steps []string
	for i, from := range starts {
		to := len(text)
		if i+1 < len(starts) {
			to = starts[i+1]
		}
		steps = append(steps, strings.TrimSpace(text[from:to]))
	}
	return steps
}

// titleOf is the title of a step that is text, empty where it has none.
func titleOf(l format.Language, step trajectories.Step) string {
	if l != format.Text {
		return ""
	}
	text, err := l.Render(step.Turn.Actions...)
	if err != nil {
		return ""
	}
	if m := heading.FindStringSubmatch(text); m != nil {
		return strings.Trim(strings.TrimSpace(m[2]), ":")
	}
	return ""
}
