package env

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/apprentice-rl/apprentice/sandbox"
)

// What look finds.
const (
	isFolder  = "folder"
	isFile    = "file"
	isOther   = "other"
	isNothing = "nothing"
)

// look says what there is at p, and the size in bytes of a regular file. What
// cannot be reached is nothing.
func (e *Environment) look(ctx context.Context, p string) (kind string, size int64, err error) {
	f, err := e.sandbox.Stat(ctx, p)
	switch {
	case broken(ctx, err):
		return "", 0, err
	case err != nil:
		return isNothing, 0, nil
	case f.Mode.IsDir():
		return isFolder, 0, nil
	case f.Mode.IsRegular():
		return isFile, f.Size, nil
	}
	return isOther, 0, nil
}

// run runs a command for a tool. One that does not succeed is a refusal in its
// own words.
func (e *Environment) run(ctx context.Context, argv ...string) (sandbox.Result, error) {
	res, err := e.sandbox.Run(ctx, sandbox.Command{Argv: argv, Timeout: e.options.ActionTimeout, OutputCap: 4 << 20})
	if err == nil && !res.Succeeded() {
		err = refuse("%s", withLines(string(res.Output), ending(res, e.options.ActionTimeout)))
	}
	return res, err
}

// listScript prints the names in a folder, two levels deep and without hidden
// ones.
const listScript = `cd -- "$1" && exec find . -maxdepth 2 ! -name . -name '.*' -prune -o -print`

// view shows a file or a folder.
func (e *Environment) view(ctx context.Context, p string, lines []int) (Observation, error) {
	kind, size, err := e.look(ctx, p)
	if err != nil {
		return Observation{}, err
	}
	if kind != isFolder {
		text, err := e.read(ctx, p, kind, size)
		if err != nil {
			return Observation{}, err
		}
		return viewText(p, text, lines)
	}
	if lines != nil {
		return Observation{}, refuse("The `view_range` parameter is not allowed when `path` points to a directory.")
	}
	res, err := e.run(ctx, "sh", "-c", listScript, "view", p)
	if err != nil {
		return Observation{}, err
	}
	names := strings.Split(strings.TrimSuffix(string(res.Output), "\n"), "\n")
	for i, name := range names {
		names[i] = strings.TrimSuffix(p, "/") + strings.TrimPrefix(name, ".")
	}
	slices.Sort(names)
	return Observation{Text: fmt.Sprintf("Here's the files and directories up to 2 levels deep in %s, excluding hidden items:\n%s\n", p, strings.Join(names, "\n"))}, nil
}

// viewText shows a file, or the lines of it from the first to the second of
// window.
func viewText(p, text string, window []int) (Observation, error) {
	lines := split(text)
	if window == nil {
		return Observation{Text: numbered(p, lines, 1)}, nil
	}
	invalid := func(format string, args ...any) (Observation, error) {
		return Observation{}, refuse("Invalid `view_range`: %s. %s", strings.ReplaceAll(fmt.Sprint(window), " ", ", "), fmt.Sprintf(format, args...))
	}
	if len(window) != 2 {
		return invalid("It should be a list of two integers.")
	}
	first, last := window[0], window[1]
	if last == -1 {
		last = len(lines)
	}
	switch {
	case first < 1 || first > len(lines):
		return invalid("Its first element `%d` should be within the range of lines of the file: [1, %d].", first, len(lines))
	case last > len(lines):
		return invalid("Its second element `%d` should be smaller than the number of lines in the file: `%d`.", last, len(lines))
	case last < first:
		return invalid("Its second element `%d` should be larger or equal than its first `%d`.", last, first)
	}
	return Observation{Text: numbered(p, lines[first-1:last], first)}, nil
}

// split returns the lines of text without their line feeds. A last line feed
// ends a line and does not begin another one.
func split(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// numbered renders lines as cat -n does; the first has the number n.
func numbered(name string, lines []string, n int) string {
	if len(lines) == 0 {
		return fmt.Sprintf("The file %s is empty.\n", name)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Here's the result of running `cat -n` on %s:\n", name)
	for i, line := range lines {
		fmt.Fprintf(&b, "%6d\t%s\n", n+i, line)
	}
	return b.String()
}

// snippetLines is how many lines around an edit are shown.
const snippetLines = 4

// edited is the observation of a file whose lines first to last have changed.
func edited(p, text string, first, last int) Observation {
	lines := split(text)
	from := max(1, min(first, len(lines))-snippetLines)
	to := min(len(lines), last+snippetLines)
	return Observation{Text: fmt.Sprintf("The file %s has been edited. %sReview the changes and make sure they are as expected (correct indentation, no duplicate lines, etc). Edit the file again if necessary.",
		p, numbered("a snippet of "+p, lines[min(from-1, len(lines)):to], from))}
}
