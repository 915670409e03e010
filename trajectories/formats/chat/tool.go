package chat

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats/loose"
	"github.com/apprentice-rl/apprentice/trajectories/formats/members"
)

// A Tool is a tool's definition: of the chat completions API, which wraps a
// function, or of the Responses API, which does not.
type Tool struct {
	Type     loose.String `json:"type"`
	Function *definition  `json:"function"`
	definition
}

type definition struct {
	Name        loose.String   `json:"name"`
	Description loose.Text     `json:"description"`
	Parameters  jsontext.Value `json:"parameters"`
	Rest        jsontext.Value `json:",embed"`
}

// Tool is the definition as the log has it.
func (t *Tool) Tool() trajectories.Tool {
	d := t.definition
	var extra members.List
	if t.Function != nil {
		d = *t.Function
		extra.AddAll(d.Rest)
	}
	extra.AddAll(t.Rest)
	if t.Type != "" && t.Type != "function" {
		extra.Add("type", t.Type)
	}
	tool := trajectories.Tool{Name: string(d.Name), Description: d.Description.Text, Extra: extra.Object()}
	if len(d.Parameters) > 0 && d.Parameters.Kind() != 'n' {
		tool.Parameters = []byte(loose.Raw(d.Parameters))
	}
	return tool
}

// Tools turns definitions into those of the log.
func Tools(defined []Tool) []trajectories.Tool {
	var tools []trajectories.Tool
	for i := range defined {
		tools = append(tools, defined[i].Tool())
	}
	return tools
}
