package env

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"github.com/apprentice-rl/apprentice/sandbox"
)

//go:embed tool_search.sh
var searchScript string

// What one search shows at most.
const (
	searchHits = 100
	searchLine = 200 // characters of one line
)

func searchTool() Tool {
	return Tool{
		Name: "search",
		Description: fmt.Sprintf(`Search the contents of files with a regular expression.
* Results are lines of the form file:line:text, at most %d of them, and a count when there are more. Names are relative to %s.
* The pattern is an extended regular expression as of grep -E: escape ( ) [ ] { } . * + ? | ^ $ \ with a backslash to find them as they are.
* Files that git ignores are searched only when path leads to them. Binary files are not searched.`, searchHits, Workdir),
		Parameters: json.RawMessage(`{"type":"object","properties":{` +
			`"pattern":{"type":"string","description":"The extended regular expression to search for."},` +
			`"path":{"type":"string","description":"Absolute path of the file or folder to search; by default the whole repository, ` + Workdir + `."},` +
			`"glob":{"type":"string","description":"Search only files whose name matches this pattern, for example *.py."}` +
			`},"required":["pattern"],"additionalProperties":false}`),
		Run: tool(runSearch),
	}
}

type searchArguments struct {
	Pattern string `json:"pattern"`
	Path    string `json:"path"`
	Glob    string `json:"glob"`
}

func runSearch(ctx context.Context, e *Environment, args searchArguments) (Observation, error) {
	if args.Path == "" {
		args.Path = Workdir
	}
	switch {
	case args.Pattern == "":
		return Observation{}, refuse("The pattern is empty; it would match every line.")
	case strings.Contains(args.Pattern, "\n"):
		return Observation{}, refuse("The pattern holds a line break, but the search goes line by line; search for one line of it.")
	case !path.IsAbs(args.Path):
		return Observation{}, refuse("%s", notAbsolute(args.Path))
	case strings.ContainsRune(args.Pattern+args.Path+args.Glob, 0):
		return Observation{}, refuse("A NUL character cannot be searched for.")
	}
	target := path.Clean(args.Path)
	res, err := e.sandbox.Run(ctx, sandbox.Command{
		Argv:      []string{"sh", "-c", searchScript, "search", Workdir, target, args.Pattern, args.Glob},
		Timeout:   e.options.ActionTimeout,
		OutputCap: 4 << 20,
	})
	if err != nil {
		return Observation{}, err
	}
	output := strings.TrimSuffix(string(res.Output), "\n")
	switch {
	case res.Succeeded():
		return Observation{Text: hits(output, res.Dropped > 0)}, nil
	case res.End == sandbox.EndExit && res.ExitCode == 1 && output == "":
		where := target
		if args.Glob != "" {
			where += " (files " + args.Glob + ")"
		}
		return Observation{Text: fmt.Sprintf("No line in %s matches %s", where, args.Pattern)}, nil
	}
	return Observation{Text: withLines(output, ending(res, e.options.ActionTimeout)), Failed: true}, nil
}

// hits shortens the output of grep.
func hits(output string, cut bool) string {
	lines := strings.Split(output, "\n")
	total, more := len(lines), ""
	if cut {
		more = "more than "
	}
	for i, line := range lines[:min(total, searchHits)] {
		if r := []rune(line); len(r) > searchLine {
			lines[i] = string(r[:searchLine]) + " [...]"
		}
	}
	if total <= searchHits && !cut {
		return strings.Join(lines, "\n")
	}
	return fmt.Sprintf("%s\n[%d of %s%d matching lines are shown; narrow the search with path or glob, or a longer pattern]",
		strings.Join(lines[:min(total, searchHits)], "\n"), min(total, searchHits), more, total)
}
