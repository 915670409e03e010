package env

import (
	"context"
	"encoding/json"
)

func submitTool() Tool {
	return Tool{
		Name:        "submit",
		Description: `End the work on the task and hand in the repository in ` + Workdir + ` as it is now. Call this once, when you are done: nothing can be changed afterwards.`,
		Parameters:  json.RawMessage(`{"type":"object","properties":{},"additionalProperties":false}`),
		Run: func(context.Context, *Environment, json.RawMessage) (Observation, error) {
			return Observation{Text: "The work was submitted.", Submitted: true}, nil
		},
	}
}
