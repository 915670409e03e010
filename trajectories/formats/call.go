package formats

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/document"
	"github.com/apprentice-rl/apprentice/trajectories/formats/loose"
	"github.com/apprentice-rl/apprentice/trajectories/formats/members"
)

// A Call is one call of a tool as a source has it.
type Call struct {
	ID   string // empty where the source has none
	Tool string
	// Arguments is the source's text of the arguments, which should be a JSON
	// object and need not be.
	Arguments string
	Extra     json.RawMessage // for trajectories.Call
}

// ToolCall reads a call in the shape of OpenAI's chat completions:
//
//	{"id": …, "type": "function", "function": {"name": …, "arguments": "{…}"}}
//
// Arguments that are an object in place of a text are taken as their JSON.
func (in *Input) ToolCall(n *document.Node) (Call, error) {
	var c Call
	var err error
	if c.ID, err = in.Text(n, "id"); err != nil {
		return c, err
	}
	if c.Tool, err = in.Text(n, "function", "name"); err != nil {
		return c, err
	}
	if arguments := Member(n, "function", "arguments"); arguments != nil && arguments.Kind() == document.Object {
		raw, err := Raw(arguments)
		if err = in.Forgive(err); err != nil {
			return c, err
		}
		c.Arguments = string(raw)
	} else if c.Arguments, err = in.Text(n, "function", "arguments"); err != nil {
		return c, err
	}
	known := []string{"id", "function"}
	if kind, err := in.Text(n, "type"); err == nil && kind == "function" {
		known = append(known, "type") // every call has that
	}
	if c.Extra, err = in.Rest(n, known...); err != nil {
		return c, err
	}
	function, err := in.Rest(Member(n, "function"), "name", "arguments")
	if function != nil {
		var extra members.List
		extra.AddAll(c.Extra)
		extra.AddRaw("function", function)
		c.Extra = extra.Object()
	}
	return c, err
}

// JSON writes the call as ToolCall reads it.
func (c Call) JSON() json.RawMessage {
	extra := members.Map(c.Extra)
	var function, call members.List
	function.Add("name", c.Tool)
	function.Add("arguments", c.Arguments)
	function.AddAll(extra["function"])
	delete(extra, "function")
	call.Add("id", c.ID)
	if extra["type"] == nil {
		call.Add("type", "function")
	}
	call.AddRaw("function", function.Object())
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		call.AddRaw(name, extra[name])
	}
	return call.Object()
}

// CallOf is action k of a turn, from 0, as its source had it.
func CallOf(t trajectories.Turn, k int) Call {
	c := Call{ID: t.CallID(k), Tool: t.Actions[k].Tool, Arguments: t.ArgumentText(k)}
	if t.Calls != nil {
		c.Extra = t.Calls[k].Extra
	}
	return c
}

// Calls is the list of a turn's calls, each as ToolCall reads it.
func Calls(t trajectories.Turn) json.RawMessage {
	list := []byte{'['}
	for k := range t.Actions {
		if k > 0 {
			list = append(list, ',')
		}
		list = append(list, CallOf(t, k).JSON()...)
	}
	return append(list, ']')
}

// Command is the call of a tool that takes one command line.
func Command(tool, line string) Call {
	var arguments members.List
	arguments.Add("command", line)
	return Call{Tool: tool, Arguments: string(arguments.Object())}
}

// CommandOf is the command line in the arguments of a call, "" if there is none.
func CommandOf(arguments json.RawMessage) string {
	var line string
	_ = loose.Unmarshal(members.Get(arguments, "command"), &line) // what is no text is no command line
	return line
}

// Act adds a call to the actions of a turn, under an id of its own, which it
// returns.
func (u *IDs) Act(t *trajectories.Turn, c Call) string {
	id := u.New(c.ID, t.N, len(t.Actions)+1)
	arguments, call := trajectories.ParseArguments(c.Arguments)
	if c.ID != id {
		call.ID = c.ID
	}
	call.Extra = c.Extra
	same := call.ID == "" && call.Text == "" && !call.Invalid && call.Extra == nil
	if !same && t.Calls == nil {
		t.Calls = make([]trajectories.Call, len(t.Actions), len(t.Actions)+1)
	}
	t.Actions = append(t.Actions, env.Action{ID: id, Tool: c.Tool, Arguments: arguments})
	if t.Calls != nil {
		t.Calls = append(t.Calls, call)
	}
	return id
}
