package chat

import (
	stdjson "encoding/json"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats/members"
)

// Definitions are tools as the chat completions API has them.
func Definitions(tools []trajectories.Tool) []stdjson.RawMessage {
	all := []stdjson.RawMessage{}
	for _, t := range tools {
		var outer, inner members.List
		outer.AddRaw("type", members.Get(t.Extra, "type"))
		outer.Add("type", "function")
		inner.Add("name", t.Name)
		if t.Description != "" {
			inner.Add("description", t.Description)
		}
		inner.AddRaw("parameters", t.Parameters)
		for name, value := range members.All(t.Extra) {
			if name != "type" {
				inner.Add(name, value)
			}
		}
		outer.Add("function", inner.Object())
		all = append(all, outer.Object())
	}
	return all
}
