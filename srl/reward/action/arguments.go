package action

import (
	"context"
	"maps"
	"math"
	"path"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/trajectories/behaviour"
)

// A call is one call of a tool.
type call struct {
	tool, command string // one of the tool's commands
	arguments     set
}

// otherCommand is what equal arguments count for another command of a tool.
const otherCommand = 0.25

func newCall(a env.Action) *call {
	c := &call{tool: a.Tool, arguments: set{}}
	if line, ok := behaviour.Command(a.Tool, a.Arguments); ok {
		c.arguments["command"] = newCommand(line)
		return c
	}
	var values map[string]jsontext.Value
	if json.Unmarshal(a.Arguments, &values, tolerant) != nil {
		if len(a.Arguments) > 0 {
			c.arguments[""] = newText(string(a.Arguments))
		}
		return c
	}
	for name, value := range values {
		s, isString := stringOf(value)
		if name == "command" && isString {
			c.command = s
			continue
		}
		c.arguments[name] = newArgument(name, s)
	}
	return c
}

// weight is at least 1, so that a call without arguments is one.
func (c *call) weight() float64 { return 1 + c.arguments.weight() }

func (c *call) like(ctx context.Context, other part) (float64, error) {
	expert, ok := other.(*call)
	if !ok || c.tool != expert.tool {
		return 0, nil
	}
	if len(c.arguments)+len(expert.arguments) == 0 && c.command != expert.command {
		return 0, nil
	}
	v, err := c.arguments.like(ctx, expert.arguments)
	if c.command != expert.command {
		v *= otherCommand
	}
	return v, err
}

// tolerant reads arguments as models write them. Of members with one name the last
// one counts.
var tolerant = json.JoinOptions(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))

// stringOf returns a string as it is, nothing for null, and any other value as JSON
// with the members of objects in order.
func stringOf(value jsontext.Value) (s string, isString bool) {
	switch value.Kind() {
	case '"', 'n':
		isString = json.Unmarshal(value, &s, tolerant) == nil
		return s, isString
	case '{', '[':
		if value.Format(jsontext.ReorderRawObjects(true), tolerant) != nil {
			break // too deep for this reader
		}
	}
	return string(value), false
}

// newArgument finds out what kind an argument is of. Some action languages do
// not tell the string "1" from the number 1, so that their texts decide.
func newArgument(name, value string) part {
	if isPath(name, value) {
		return newFile(value)
	}
	switch bare := strings.TrimSpace(value); {
	case strings.HasPrefix(bare, "["):
		var numbers []float64
		if json.Unmarshal([]byte(bare), &numbers) == nil && len(numbers) == 2 {
			return span{numbers[0], numbers[1]}
		}
	case bare != "" && strings.IndexByte("-0123456789", bare[0]) >= 0:
		var n float64
		if json.Unmarshal([]byte(bare), &n) == nil {
			return number(n)
		}
	}
	return newText(value)
}

// isPath knows the names that tools have for files and folders.
func isPath(name, value string) bool {
	if len(value) > 1024 || strings.ContainsAny(value, "\n\x00") {
		return false
	}
	switch name {
	case "path", "file_path", "absolute_path", "filename", "file_name", "file", "notebook_path", "dir_path", "dir", "directory":
		return true
	}
	return false
}

// A file is a path, without the folder that all tasks are in.
type file []string

func newFile(p string) file {
	p = path.Clean(p)
	if p != env.Workdir {
		p = strings.TrimPrefix(p, env.Workdir+"/")
	}
	return strings.Split(p, "/")
}

func (f file) weight() float64 { return 2 }

// nameSize is how much the name at the end of a path counts, by a folder.
const nameSize = 3

func (f file) like(_ context.Context, other part) (float64, error) {
	expert, ok := other.(file)
	if !ok {
		return 0, nil
	}
	folders, expertFolders := f[:len(f)-1], expert[:len(expert)-1]
	same := 0
	for same < min(len(folders), len(expertFolders)) && folders[same] == expertFolders[same] {
		same++
	}
	if f[len(f)-1] == expert[len(expert)-1] {
		same += nameSize
	}
	v := 2 * float64(same) / float64(len(folders)+len(expertFolders)+2*nameSize)
	return v * v, nil
}

// A number is near another one, or it is not.
type number float64

func (n number) weight() float64 { return 1 }

func (n number) like(_ context.Context, other part) (float64, error) {
	expert, ok := other.(number)
	if !ok {
		return 0, nil
	}
	return 1 / (1 + math.Abs(float64(n-expert))), nil
}

// A span is a range of lines, both ends included; -1 is the end of the file.
type span struct{ from, to float64 }

func (s span) weight() float64 { return 1 }

func (s span) like(_ context.Context, other part) (float64, error) {
	expert, ok := other.(span)
	switch {
	case !ok:
		return 0, nil
	case s == expert:
		return 1, nil
	}
	a, b := s.open(), expert.open()
	common := min(a.to, b.to) - max(a.from, b.from) + 1
	all := max(a.to, b.to) - min(a.from, b.from) + 1
	if common <= 0 || all <= 0 || math.IsInf(all, 0) || math.IsNaN(all) {
		return 0, nil
	}
	return common / all, nil
}

// open gives a range that goes to the end of a file of unknown length a length:
// that of a long file.
func (s span) open() span {
	const long = 1000
	if s.to < 0 {
		s.to = s.from + long
	}
	return s
}

func sorted(s set) []string { return slices.Sorted(maps.Keys(s)) }
