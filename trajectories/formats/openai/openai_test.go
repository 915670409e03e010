package openai_test

import (
	"testing"

	"github.com/apprentice-rl/apprentice/trajectories/formats/formatstest"
	"github.com/apprentice-rl/apprentice/trajectories/formats/openai"
)

// Among the published files none is of this format, so all tests are with
// samples made by hand.
func suite() formatstest.Suite {
	return formatstest.Suite{
		Format:  openai.Format(),
		Files:   func(string) bool { return false },
		Count:   count,
		Samples: map[string]string{"row": sampleRow, "rows in a list": "[" + sampleRow + "," + sampleItems + "]", "bare list": sampleList, "messages in a text": sampleText, "items": sampleItems},
	}
}

func TestImporter(t *testing.T) { formatstest.Run(t, suite()) }

func FuzzImport(f *testing.F) { formatstest.Fuzz(f, suite()) }

func count(document any) formatstest.Tally {
	all := formatstest.Tally{Trajectories: 1}
	for _, m := range document.(map[string]any)["messages"].([]any) {
		message := m.(map[string]any)
		calls, _ := message["tool_calls"].([]any)
		for _, c := range calls {
			all.Actions++
			arguments, _ := c.(map[string]any)["function"].(map[string]any)["arguments"].(string)
			all.ActionBytes += len(arguments)
		}
		if message["role"] == "tool" {
			all.Observations++
			content, _ := message["content"].(string)
			all.ObservationBytes += len(content)
		}
	}
	return all
}

const sampleRow = `{"instance_id": "a__b-1", "model": "m", "resolved": true, "exit_status": "submitted", "model_patch": "diff --git a/x b/x\n",
	"tools": [{"type": "function", "function": {"name": "bash", "description": "Runs.", "parameters": {"type": "object"}, "strict": true}}],
	"messages": [
	{"role": "developer", "content": "You are helpful."},
	{"role": "user", "content": [{"type": "text", "text": "Mend "}, {"type": "text", "text": "this."}]},
	{"role": "assistant", "content": null, "reasoning": "I think.", "tool_calls": [
		{"id": "c1", "type": "function", "index": 0, "function": {"name": "bash", "arguments": "{\"command\": \"ls\"}"}},
		{"id": "c2", "type": "function", "function": {"name": "bash", "arguments": "{not JSON"}}]},
	{"role": "tool", "tool_call_id": "c2", "content": "No JSON."},
	{"role": "user", "content": "In between."},
	{"role": "tool", "tool_call_id": "c1", "name": "bash", "content": "x"},
	{"role": "tool", "tool_call_id": "c9", "content": "Whose is this?"},
	{"role": "assistant", "content": "", "thinking_blocks": [{"type": "thinking", "thinking": "Again.", "signature": "s"}], "tool_calls": [
		{"id": "c1", "type": "function", "function": {"name": "bash", "arguments": "{\"command\":\"pwd\"}"}}]},
	{"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "/"}]},
	{"role": "assistant", "content": "<think>\nAll is done.\n</think>\n\nI submit.", "tool_calls": [
		{"id": "c3", "type": "function", "function": {"name": "submit", "arguments": {}}}], "function_call": null}]}`

const sampleList = `[{"role": "user", "content": "Mend this."},
	{"role": "assistant", "content": "I look.", "function_call": {"name": "bash", "arguments": "{\"command\":\"ls\"}"}},
	{"role": "function", "name": "bash", "content": "x"},
	{"role": "assistant", "content": "Done.", "refusal": null, "tool_calls": null}]`

const sampleText = `{"id": 7, "messages": "[{\"role\": \"user\", \"content\": \"Mend this.\"}, {\"role\": \"assistant\", \"tool_calls\": [{\"id\": \"c\", \"function\": {\"name\": \"bash\", \"arguments\": \"{}\"}}]}, {\"role\": \"tool\", \"tool_call_id\": \"c\", \"content\": \"ok\"}]", "note": "All of it."}`

const sampleItems = `{"input": [{"role": "system", "content": "You are helpful."}, {"role": "user", "content": "Mend this."},
	{"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "I think."}]},
	{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}]},
	{"type": "function_call", "call_id": "f1", "id": "fc_1", "name": "bash", "arguments": "{\"command\":\"ls\"}"},
	{"type": "function_call", "call_id": "f2", "name": "bash", "arguments": "{}"},
	{"type": "function_call_output", "call_id": "f1", "output": "x"},
	{"type": "function_call_output", "call_id": "f2", "output": ""},
	{"role": "assistant", "content": "Done."}],
	"tools": [{"type": "function", "name": "bash", "description": "Runs.", "parameters": {}, "strict": true}]}`
