package oracle

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/trajectories"
)

// A worker does the task: it yields turns and reads what came back.
type worker struct {
	issue       string
	testCommand string
	changes     []change

	yield func(trajectories.Turn) bool
	seen  *trajectories.Trajectory // the episode so far
	err   error                    // why the script ended early

	root     []string         // the names in the repository's top folder
	before   map[string]bool  // paths that git status listed at the start
	texts    map[string]*text // what is known of the files, by path
	snippets []snippet        // what was written to reproduce the failure
}

type args map[string]any

// do yields a turn with one action and returns its observation.
func (w *worker) do(why, tool string, a args) (env.Observation, error) {
	var arguments bytes.Buffer
	enc := json.NewEncoder(&arguments)
	enc.SetEscapeHTML(false) // code is full of < > &
	if err := enc.Encode(a); err != nil {
		return env.Observation{}, err
	}
	turn := trajectories.Turn{Reasoning: why, Actions: []env.Action{{Tool: tool, Arguments: bytes.TrimSpace(arguments.Bytes())}}}
	if !w.yield(turn) {
		return env.Observation{}, errStopped
	}
	last := len(w.seen.Observations) - 1
	if last < 0 || w.seen.Observations[last].Turn != len(w.seen.Turns) {
		return env.Observation{}, fmt.Errorf("turn %d has no observation", len(w.seen.Turns))
	}
	return w.seen.Observations[last].Observation, nil
}

// shell runs a command and returns what it printed, whatever its exit code.
func (w *worker) shell(why, command string) (env.Observation, error) {
	return w.do(why, "bash", args{"command": command})
}

// bash runs a command that has to succeed.
func (w *worker) bash(why, command string) error {
	o, err := w.shell(why, command)
	if err != nil {
		return err
	}
	if o.Failed {
		return fmt.Errorf("%s: %s", command, firstLine(o.Text))
	}
	return nil
}

const (
	viewWhole  = 250 // lines of a file that is viewed as a whole
	viewMargin = 20  // lines viewed to either side of what is needed
	viewChunk  = 100 // lines viewed at a time where an observation is cut
)

// see makes sure that the lines from (included) to to (not included) of a file
// have been viewed, as far as the file has them.
func (w *worker) see(file string, from, to int) error {
	t := w.texts[file]
	if t.has(from, to) && (t.whole || to < len(t.lines)) {
		return nil
	}
	if t.wc <= viewWhole {
		if err := w.view(fmt.Sprintf("I read %s.", file), file, 0, t.wc+1); err != nil {
			return err
		}
	} else {
		why := fmt.Sprintf("I read %s around line %d.", file, max(1, from+1))
		if err := w.view(why, file, from-viewMargin, to+viewMargin); err != nil {
			return err
		}
	}
	for {
		first, missing := t.unknown(from, to)
		if !missing {
			return nil
		}
		why := fmt.Sprintf("What I saw of %s was cut; I read on from line %d.", file, first+1)
		if err := w.view(why, file, first, min(first+viewChunk, to)); err != nil {
			return err
		}
		if again, still := t.unknown(from, to); still && again == first {
			return fmt.Errorf("%s: line %d cannot be viewed", file, first+1)
		}
	}
}

// view views a range of lines, or all where the range holds all.
func (w *worker) view(why, file string, from, to int) error {
	t := w.texts[file]
	a := args{"command": "view", "path": absolute(file)}
	from = max(0, from)
	toEnd := to >= t.wc
	switch {
	case from == 0 && toEnd:
	case toEnd:
		a["view_range"] = []int{from + 1, -1}
	default:
		a["view_range"] = []int{from + 1, to}
	}
	o, err := w.do(why, "str_replace_editor", a)
	if err != nil {
		return err
	}
	if o.Failed {
		return fmt.Errorf("%s cannot be viewed: %s", file, firstLine(o.Text))
	}
	t.learn(o.Text)
	if toEnd {
		t.close()
	}
	return nil
}

// absolute is where a file of the repository stands in the sandbox.
func absolute(file string) string { return path.Join(env.Workdir, file) }

// quote quotes a word for the shell, where it needs it.
func quote(s string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+:@%-"
	if s != "" && strings.Trim(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// operand quotes a file's name so that no command takes it for an option.
func operand(file string) string {
	if strings.HasPrefix(file, "-") {
		file = "./" + file
	}
	return quote(file)
}

func operands(files []string) string {
	quoted := make([]string, len(files))
	for i, f := range files {
		quoted[i] = operand(f)
	}
	return strings.Join(quoted, " ")
}

// makeFolder is the command that makes a file's folder, if it needs one, with
// the "and then" after it.
func makeFolder(file string) string {
	if dir := path.Dir(file); dir != "." {
		return "mkdir -p " + operand(dir) + " && "
	}
	return ""
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}
