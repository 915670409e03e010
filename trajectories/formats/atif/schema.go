package atif

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats/chat"
	"github.com/apprentice-rl/apprentice/trajectories/formats/loose"
	"github.com/apprentice-rl/apprentice/trajectories/formats/members"
)

// The objects of the schema as they are read. Each keeps the members that it
// does not know: the schema forbids them, and files have them all the same.
type (
	agent struct {
		Name            loose.String   `json:"name"`
		Version         loose.String   `json:"version"`
		ModelName       loose.String   `json:"model_name"`
		ToolDefinitions []chat.Tool    `json:"tool_definitions"`
		Rest            jsontext.Value `json:",embed"`
	}

	step struct {
		StepID           loose.Number   `json:"step_id"`
		Timestamp        loose.Time     `json:"timestamp"`
		Source           loose.String   `json:"source"`
		Message          loose.Text     `json:"message"`
		ModelName        loose.String   `json:"model_name"`
		ReasoningContent loose.Text     `json:"reasoning_content"`
		ToolCalls        []call         `json:"tool_calls"`
		Observation      *observation   `json:"observation"`
		Metrics          *metrics       `json:"metrics"`
		IsCopiedContext  loose.Bool     `json:"is_copied_context"`
		LLMCallCount     *loose.Number  `json:"llm_call_count"`
		Extra            jsontext.Value `json:"extra"`
		Rest             jsontext.Value `json:",embed"`
	}

	call struct {
		ToolCallID   loose.String   `json:"tool_call_id"`
		FunctionName loose.String   `json:"function_name"`
		Arguments    chat.Arguments `json:"arguments"`
		Rest         jsontext.Value `json:",embed"`
	}

	observation struct {
		Results []result       `json:"results"`
		Rest    jsontext.Value `json:",embed"`
	}

	result struct {
		SourceCallID          loose.String   `json:"source_call_id"`
		Content               loose.Text     `json:"content"`
		SubagentTrajectoryRef []reference    `json:"subagent_trajectory_ref"`
		Rest                  jsontext.Value `json:",embed"`
	}

	reference struct {
		TrajectoryID loose.String   `json:"trajectory_id,omitzero"` // all that is looked at
		Rest         jsontext.Value `json:",embed"`
	}

	metrics struct {
		PromptTokens     loose.Number   `json:"prompt_tokens"`
		CompletionTokens loose.Number   `json:"completion_tokens"`
		CachedTokens     loose.Number   `json:"cached_tokens"`
		CostUSD          loose.Number   `json:"cost_usd"`
		Rest             jsontext.Value `json:",embed"`
	}

	finalMetrics struct {
		TotalPromptTokens     loose.Number   `json:"total_prompt_tokens"`
		TotalCompletionTokens loose.Number   `json:"total_completion_tokens"`
		TotalCachedTokens     loose.Number   `json:"total_cached_tokens"`
		TotalCostUSD          loose.Number   `json:"total_cost_usd"`
		TotalSteps            *loose.Number  `json:"total_steps"`
		Rest                  jsontext.Value `json:",embed"`
	}
)

func (m *metrics) usage() trajectories.Usage {
	return trajectories.Usage{
		PromptTokens:     m.PromptTokens.Int(),
		CompletionTokens: m.CompletionTokens.Int(),
		CachedTokens:     m.CachedTokens.Int(),
		Cost:             float64(m.CostUSD),
	}
}

func (m *finalMetrics) usage() trajectories.Usage {
	return trajectories.Usage{
		PromptTokens:     m.TotalPromptTokens.Int(),
		CompletionTokens: m.TotalCompletionTokens.Int(),
		CachedTokens:     m.TotalCachedTokens.Int(),
		Cost:             float64(m.TotalCostUSD),
	}
}

// agentOnly are members that only steps of the agent may have. On other steps
// they are kept, and mean nothing.
func (s *step) agentOnly() bool {
	return len(s.ToolCalls) > 0 || s.Metrics != nil || s.ReasoningContent.There || s.ModelName != ""
}

// boundary reports whether the step says that what came before it is no longer
// shown: what its observation holds stands for that.
func (s *step) boundary() bool {
	management := members.Get(s.Extra, "context_management")
	return string(members.Get(management, "boundary")) == `"replace"`
}
