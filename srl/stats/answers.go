package stats

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"strings"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/srl"
)

// A Class is a kind of answer to an example, by what makes it right or wrong.
type Class string

// The classes, from near to far.
const (
	// Same is the expert's action itself.
	Same Class = srl.SameAction
	// Rewritten says the same with other characters: the arguments in another
	// order, quotes of the other kind around a word of a command, with or
	// without "cd" to where the shell stands already.
	Rewritten Class = "the same, written otherwise"
	// OneWord has the longest word of its longest text renamed.
	OneWord Class = srl.OneWordChanged
	// OtherFile has the right tool at work on another file. It is neither nearly
	// right nor unrelated, and counts as neither.
	OtherFile Class = srl.OtherFile
	// SameTaskSameTool is what the expert did at another step of the same task,
	// with the same tool: right in the wrong place, and the hardest to tell.
	SameTaskSameTool   Class = "same task, same tool"
	SameTaskOtherTool  Class = "same task, other tool"
	OtherTaskSameTool  Class = "other task, same tool"
	OtherTaskOtherTool Class = "other task, other tool"
)

// Classes returns all of them, in their order.
func Classes() []Class {
	return []Class{Same, Rewritten, OneWord, OtherFile,
		SameTaskSameTool, SameTaskOtherTool, OtherTaskSameTool, OtherTaskOtherTool}
}

// An answer is an action that is scored against an expert's.
type answer struct {
	class  Class
	action string
}

// unrelated is how many answers are drawn from other tasks, of each class.
const unrelated = 2

// answers are what is drawn from.
type answers struct {
	examples []srl.Example
	tools    []string
	task     map[string][]int // indices of examples
	tool     map[string][]int
}

func newAnswers(examples []srl.Example) *answers {
	p := &answers{examples: examples, task: map[string][]int{}, tool: map[string][]int{}}
	for i, e := range examples {
		tool := Tool(e)
		p.tools = append(p.tools, tool)
		p.task[e.Task] = append(p.task[e.Task], i)
		p.tool[tool] = append(p.tool[tool], i)
	}
	return p
}

// Tool names the tool of an example's first call. The editor's commands are as
// different as tools, and count as such.
func Tool(e srl.Example) string {
	if len(e.Calls) == 0 {
		return "text"
	}
	c := e.Calls[0]
	var editor struct {
		Command string `json:"command"`
	}
	if strings.HasSuffix(c.Tool, "_editor") && json.Unmarshal(c.Arguments, &editor) == nil && editor.Command != "" {
		return c.Tool + " " + editor.Command
	}
	return c.Tool
}

// draw draws what is scored against an example: as many answers from its task as
// a group has, if there are as many, and a few of the other classes.
func (p *answers) draw(at, group int, random *rand.Rand) []answer {
	e := p.examples[at]
	list := []answer{{Same, e.Action}}
	if action, ok := rewritten(e); ok && action != e.Action {
		list = append(list, answer{Rewritten, action})
	}
	for _, v := range srl.Perturb(e, "") {
		if c := Class(v.Name); c == OneWord || c == OtherFile {
			_, action, _ := strings.Cut(v.Output, "</think>\n")
			list = append(list, answer{c, action})
		}
	}

	drawn := map[string]bool{e.Action: true}
	take := func(i int, class func(sameTool bool) Class) bool {
		other := p.examples[i]
		// More calls than the expert's would break the format.
		if drawn[other.Action] || len(other.Calls) > len(e.Calls) || other.Reward.Format != e.Reward.Format {
			return false
		}
		drawn[other.Action] = true
		list = append(list, answer{class(p.tools[i] == p.tools[at]), other.Action})
		return true
	}
	same := p.task[e.Task]
	for n, k := 0, 0; n < group && k < len(same); k++ {
		// The order of Fisher and Yates, as far as it is needed.
		if k == 0 {
			same = append([]int(nil), same...)
		}
		j := k + random.IntN(len(same)-k)
		same[k], same[j] = same[j], same[k]
		if take(same[k], func(sameTool bool) Class {
			if sameTool {
				return SameTaskSameTool
			}
			return SameTaskOtherTool
		}) {
			n++
		}
	}
	other := func(from int, pick func() int, wantTool bool, class Class) {
		for n, try := 0, 0; n < unrelated && try < 16 && from > 0; try++ {
			i := pick()
			if p.examples[i].Task != e.Task && (p.tools[i] == p.tools[at]) == wantTool && take(i, func(bool) Class { return class }) {
				n++
			}
		}
	}
	alike := p.tool[p.tools[at]]
	other(len(alike), func() int { return alike[random.IntN(len(alike))] }, true, OtherTaskSameTool)
	other(len(p.examples), func() int { return random.IntN(len(p.examples)) }, false, OtherTaskOtherTool)
	return list
}

// rewritten returns the example's action with other characters that say the
// same, if there is a way.
func rewritten(e srl.Example) (string, bool) {
	actions := make([]env.Action, len(e.Calls))
	for i, c := range e.Calls {
		arguments, ok := reversed(c)
		if !ok {
			return "", false
		}
		actions[i] = env.Action{Tool: c.Tool, Arguments: arguments}
	}
	action, err := e.Reward.Format.Language.Render(actions...)
	return action, err == nil && len(actions) > 0
}

// reversed returns a call's arguments in the reverse order, commands of a shell
// rewritten.
func reversed(c srl.Call) (json.RawMessage, bool) {
	d := json.NewDecoder(bytes.NewReader(c.Arguments))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, false
	}
	var members [][]byte
	for d.More() {
		var value json.RawMessage
		t, err := d.Token()
		if err != nil || d.Decode(&value) != nil {
			return nil, false
		}
		name, err := json.Marshal(t)
		if err != nil {
			return nil, false
		}
		var command string
		if !strings.HasSuffix(c.Tool, "_editor") && t == "command" && json.Unmarshal(value, &command) == nil {
			if value, err = json.Marshal(otherCommand(command)); err != nil {
				return nil, false
			}
		}
		members = append([][]byte{append(append(name, ':'), value...)}, members...)
	}
	return append(append([]byte{'{'}, bytes.Join(members, []byte{','})...), '}'), true
}

// otherCommand writes a command of a shell that stands in the repository so that
// it does the same.
func otherCommand(command string) string {
	const cd = "cd " + env.Workdir + " && "
	if rest, ok := strings.CutPrefix(command, cd); ok {
		command = rest
	} else {
		command = cd + command
	}
	// The first word in single quotes, where double ones mean the same, and the
	// other quotes are not around it.
	before, rest, ok := strings.Cut(command, "'")
	inside, after, closed := strings.Cut(rest, "'")
	if ok && closed && !strings.ContainsAny(inside, "\"$`\\!\n") && !strings.ContainsAny(before, "\"#\n\\") && !strings.Contains(before, "<<") {
		command = before + `"` + inside + `"` + after
	}
	return command
}
