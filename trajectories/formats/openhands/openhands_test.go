package openhands_test

import (
	"strings"
	"testing"

	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/formatstest"
	"github.com/apprentice-rl/apprentice/trajectories/formats/openhands"
)

func both() []formats.Format { return []formats.Format{openhands.V0(), openhands.V1()} }

func suiteV0() formatstest.Suite {
	return formatstest.Suite{
		Format:   openhands.V0(),
		Detected: both(),
		Files: func(path string) bool {
			return path == "openhands/output.jsonl" || strings.HasPrefix(path, "openhands/events/")
		},
		Want:    3,
		Count:   countV0,
		Samples: map[string]string{"row": sampleRowV0, "events": sampleEventsV0, "pairs": samplePairs},
	}
}

func suiteV1() formatstest.Suite {
	return formatstest.Suite{
		Format:   openhands.V1(),
		Detected: both(),
		Files:    func(path string) bool { return path == "openhands/v1/events.jsonl" },
		Want:     1,
		Count:    countV1,
		// There is no published file of a tree, or of a row.
		Samples: map[string]string{"events": sampleEventsV1, "tree": sampleTree, "row": sampleRowV1},
	}
}

func TestImporterV0(t *testing.T) { formatstest.Run(t, suiteV0()) }

func TestImporterV1(t *testing.T) { formatstest.Run(t, suiteV1()) }

func FuzzImportV0(f *testing.F) { formatstest.Fuzz(f, suiteV0()) }

func FuzzImportV1(f *testing.F) { formatstest.Fuzz(f, suiteV1()) }

// countV0 counts a row, or a list of events.
func countV0(document any) formatstest.Tally {
	events, list := document.([]any)
	if !list {
		events = document.(map[string]any)["history"].([]any)
	}
	all := formatstest.Tally{Trajectories: 1}
	calls := map[any]bool{}
	for _, e := range events {
		event := e.(map[string]any)
		metadata, isCall := event["tool_call_metadata"].(map[string]any)
		if event["action"] != nil && isCall {
			calls[event["id"]] = true
			all.Actions++
			choice := metadata["model_response"].(map[string]any)["choices"].([]any)[0].(map[string]any)
			for _, c := range choice["message"].(map[string]any)["tool_calls"].([]any) {
				call := c.(map[string]any)
				if call["id"] == metadata["tool_call_id"] {
					all.ActionBytes += len(call["function"].(map[string]any)["arguments"].(string))
				}
			}
		}
		if event["observation"] != nil && calls[event["cause"]] {
			all.Observations++
			all.ObservationBytes += len(event["content"].(string))
		}
	}
	return all
}

// countV1 counts an event: a trajectory begins with the first of its lines.
func countV1(document any) formatstest.Tally {
	event := document.(map[string]any)
	all := formatstest.Tally{}
	if event["id"] == "03d5b5c0-6890-4b43-831a-5b079d0e889e" {
		all.Trajectories = 1
	}
	switch event["kind"] {
	case "ActionEvent":
		all.Actions = 1
		all.ActionBytes = len(event["tool_call"].(map[string]any)["arguments"].(string))
	case "ObservationEvent":
		all.Observations = 1
		for _, p := range event["observation"].(map[string]any)["content"].([]any) {
			text, _ := p.(map[string]any)["text"].(string)
			all.ObservationBytes += len(text)
		}
	}
	return all
}

// call is the metadata of a call in V0. The response has one more call than the
// name says where it is one of two.
func callV0(response, id, tool, arguments, more string, total string) string {
	return `"tool_call_metadata": {"function_name": "` + tool + `", "tool_call_id": "` + id + `", "total_calls_in_response": ` + total + `,
	"model_response": {"id": "` + response + `", "model": "m", "choices": [{"message": {"role": "assistant", "content": "I do ` + response + `.", "reasoning_content": "Hm.",
	"tool_calls": [{"index": 1, "id": "` + id + `", "type": "function", "function": {"name": "` + tool + `", "arguments": "` + arguments + `"}}` + more + `]}}],
	"usage": {"prompt_tokens": 10, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}}}}`
}

func eventsV0() string {
	ls := callV0("r1", "c1", "execute_bash", `{\"command\": \"ls\"}`, "", "1")
	two := `, {"id": "c3", "function": {"name": "think", "arguments": "{\"thought\": \"x\"}"}}`
	a := callV0("r2", "c2", "execute_bash", `{\"command\": \"a\"}`, two, "2")
	b := callV0("r2", "c3", "think", `{\"thought\": \"x\"}`, "", "2")
	finish := callV0("r3", "c4", "finish", `{}`, "", "1")
	return `[
	{"id": 0, "timestamp": "2025-01-01T00:00:00.5", "source": "agent", "message": "S", "action": "system", "args": {"content": "You are helpful.", "openhands_version": "0.35.0", "agent_class": "CodeActAgent",
	 "tools": [{"type": "function", "function": {"name": "execute_bash", "description": "Runs.", "parameters": {"type": "object"}}}]}},
	{"id": 1, "timestamp": "2025-01-01T00:00:01", "source": "user", "message": "P", "action": "message", "args": {"content": "<issue_description>\nMend this.\n</issue_description>", "image_urls": null}},
	{"id": 2, "source": "user", "action": "recall", "args": {"query": "q"}},
	{"id": 4, "source": "environment", "observation": "recall", "content": "Added.", "cause": 2, "extras": {"date": "d"}},
	{"id": 5, "source": "agent", "action": "run", "args": {"command": "ls", "thought": "I do r1."}, "llm_metrics": {"accumulated_cost": 0.25}, ` + ls + `},
	{"id": 6, "source": "agent", "observation": "run", "content": "x", "cause": 5, "extras": {"command": "ls", "metadata": {"exit_code": 2}}, "success": false, ` + ls + `},
	{"id": 7, "source": "agent", "action": "run", "args": {"command": "a"}, "llm_metrics": {"accumulated_cost": 0.75}, ` + a + `},
	{"id": 8, "source": "agent", "observation": "run", "content": "a.", "cause": 7, "extras": {"exit_code": 0}, ` + a + `},
	{"id": 9, "source": "agent", "action": "think", "args": {"thought": "x"}, "llm_metrics": {"accumulated_cost": 0.75}, ` + b + `},
	{"id": 10, "source": "agent", "observation": "think", "content": "Logged.", "cause": 9, "extras": {}, ` + b + `},
	{"id": 11, "source": "agent", "observation": "error", "content": "No such tool.", "extras": {"error_id": ""}},
	{"id": 12, "source": "agent", "action": "message", "args": {"content": "May I?", "wait_for_response": true}},
	{"id": 13, "source": "user", "action": "message", "args": {"content": "Go on."}},
	{"id": 14, "source": "agent", "action": "condensation", "args": {"forgotten_event_ids": [5, 6], "summary": "Before.", "summary_offset": 1}},
	{"id": 15, "source": "environment", "observation": "agent_state_changed", "content": "", "extras": {"agent_state": "running"}},
	{"id": 16, "source": "agent", "observation": "run", "content": "Whose is this?", "cause": 99, "extras": {}, ` + ls + `},
	{"id": 17, "source": "agent", "action": "finish", "args": {"final_thought": "Done.", "thought": "I do r3."}, "timeout": 120, ` + finish + `}]`
}

var sampleEventsV0 = eventsV0()

var sampleRowV0 = `{"instance_id": "a__b-1", "test_result": {"git_patch": "diff --git a/x b/x\n"}, "instruction": "Other words.",
	"metadata": {"agent_class": "CodeActAgent", "llm_config": {"model": "openai/m", "api_key": "top-secret", "temperature": 0.5}, "max_iterations": 50},
	"history": [{"id": 1, "source": "user", "action": "message", "args": {"content": "Mend this."}},
	{"id": 2, "source": "agent", "action": "finish", "args": {"thought": "Done."}, ` + callV0("r1", "c1", "finish", `{}`, "", "1") + `}],
	"metrics": {"accumulated_cost": 1.5, "accumulated_token_usage": {"prompt_tokens": 100, "completion_tokens": 20, "cache_read_tokens": 30}, "costs": []},
	"error": null, "instance": {"repo": "a/b", "base_commit": "abc", "problem_statement": "Mend it.", "FAIL_TO_PASS": "[\"test_hidden\"]", "patch": "gold"}}`

// samplePairs has what the first versions wrote: pairs without ids, calls
// without the response.
const samplePairs = `{"instance_id": "a__b-2", "test_result": {"git_patch": null}, "error": "RuntimeError: Agent reached maximum iteration\nTraceback",
	"history": [
	[{"source": "user", "action": "message", "args": {"content": "Mend this."}}, {"observation": "null", "content": "", "extras": {}}],
	[{"source": "agent", "action": "run", "args": {"command": "ls", "thought": "I look."}}, {"source": "agent", "observation": "run", "content": "x.", "extras": {"exit_code": 0}}],
	[{"source": "agent", "action": "finish", "args": {"outputs": {}}}, {"observation": "null", "content": "", "extras": {}}]]}`

const observedV1 = `"observation": {"kind": "TerminalObservation", "content": [{"type": "text", "text": "x"}, {"type": "text", "text": "y."}], "is_error": false, "exit_code": 0, "timeout": false, "metadata": {"exit_code": 0}}`

const listV1 = `
	{"kind": "ConversationStateUpdateEvent", "id": "e0", "timestamp": "2026-01-01T00:00:00", "source": "environment", "key": "execution_status", "value": "running"},
	{"kind": "SystemPromptEvent", "id": "e1", "source": "agent", "system_prompt": {"type": "text", "text": "You are helpful."}, "tools": [{"kind": "TerminalTool", "name": "terminal", "description": "Runs."}], "dynamic_context": null},
	{"kind": "MessageEvent", "id": "e2", "source": "user", "llm_message": {"role": "user", "content": [{"type": "text", "text": "Mend this."}]}, "activated_skills": []},
	{"kind": "ConversationStateUpdateEvent", "id": "e3", "source": "environment", "key": "stats", "value": {"usage_to_metrics": {"default": {"accumulated_cost": 0.5, "accumulated_token_usage": {"prompt_tokens": 10, "completion_tokens": 2, "cache_read_tokens": 1}}}}},
	{"kind": "ActionEvent", "id": "e4", "source": "agent", "thought": [{"type": "text", "text": "<think>Hm.</think>\n\nBoth."}], "reasoning_content": "Hm.\n", "action": {"kind": "TerminalAction", "command": "a"}, "tool_name": "terminal", "tool_call_id": "c1",
	 "tool_call": {"id": "c1", "name": "terminal", "arguments": "{\"command\": \"a\", \"security_risk\": \"LOW\"}", "origin": "completion"}, "llm_response_id": "r1", "security_risk": "LOW", "summary": "s"},
	{"kind": "ActionEvent", "id": "e5", "source": "agent", "thought": [], "action": null, "tool_name": "nosuch", "tool_call_id": "c2", "tool_call": {"id": "c2", "name": "nosuch", "arguments": "{"}, "llm_response_id": "r1"},
	{"kind": "ObservationEvent", "id": "e6", "source": "environment", "tool_name": "terminal", "tool_call_id": "c1", "action_id": "e4", ` + observedV1 + `},
	{"kind": "AgentErrorEvent", "id": "e7", "source": "agent", "tool_name": "nosuch", "tool_call_id": "c2", "error": "There is no such tool.", "classification": {"kind": "x"}},
	{"kind": "Condensation", "id": "e8", "source": "environment", "forgotten_event_ids": ["e4"], "summary": "Before.", "summary_offset": 2, "llm_response_id": "r2"},
	{"kind": "ActionEvent", "id": "e9", "source": "agent", "thought": [], "action": {"kind": "FinishAction", "message": "Done."}, "tool_name": "finish", "tool_call_id": "c3", "tool_call": {"id": "c3", "name": "finish", "arguments": "{\"message\":\"Done.\"}"}, "llm_response_id": "r3"},
	{"kind": "UserRejectObservation", "id": "e10", "source": "environment", "tool_name": "finish", "tool_call_id": "c3", "action_id": "e9", "rejection_reason": "Not yet.", "rejection_source": "user"},
	{"kind": "ObservationEvent", "id": "e11", "source": "environment", "tool_name": "terminal", "tool_call_id": "c9", "action_id": "gone", "observation": {"kind": "TerminalObservation", "content": [{"type": "text", "text": "Whose is this?"}], "is_error": true, "exit_code": null, "metadata": {"exit_code": -1}}},
	{"kind": "MessageEvent", "id": "e12", "source": "agent", "llm_message": {"role": "assistant", "content": [{"type": "text", "text": "Done."}]}, "llm_response_id": "r4"},
	{"kind": "ConversationErrorEvent", "id": "e13", "source": "environment", "code": "MaxIterationsReached", "detail": "No more."},
	{"kind": "TokenEvent", "id": "e14", "source": "agent", "prompt_token_ids": [1, 2], "response_token_ids": [3]}`

const sampleEventsV1 = "[" + listV1 + "]"

const sampleRowV1 = `{"instance_id": "a__b-3", "test_result": {"git_patch": ""}, "history": [
	{"kind": "MessageEvent", "id": "e1", "source": "user", "llm_message": {"role": "user", "content": [{"type": "text", "text": "Mend this."}]}},
	{"kind": "ActionEvent", "id": "e2", "source": "agent", "thought": [], "action": {"kind": "FinishAction"}, "tool_name": "finish", "tool_call_id": "c1", "tool_call": {"id": "c1", "name": "finish", "arguments": "{}"}}], "metadata": {"llm": {"model": "m", "api_key": "top-secret"}}, "attempt": 1}`

const sampleTree = `[
	{"kind": "MessageEvent", "id": "m", "parent_id": null, "source": "user", "llm_message": {"role": "user", "content": "Mend this."}},
	{"kind": "ActionEvent", "id": "a1", "parent_id": "m", "source": "agent", "thought": "First.", "action": {"kind": "TerminalAction", "command": "a"}, "tool_name": "terminal", "tool_call_id": "c1", "llm_response_id": "r1"},
	{"kind": "ObservationEvent", "id": "o1", "parent_id": "a1", "source": "environment", "tool_call_id": "c1", "action_id": "a1", ` + observedV1 + `},
	{"kind": "ActionEvent", "id": "a2", "parent_id": "m", "source": "agent", "thought": "Second.", "action": {"kind": "TerminalAction", "command": "b"}, "tool_name": "terminal", "tool_call_id": "c1", "llm_response_id": "r2"},
	{"kind": "ObservationEvent", "id": "o2", "parent_id": "a2", "source": "environment", "tool_call_id": "c1", "action_id": "a2", ` + observedV1 + `}]`
