package mini_test

import (
	"encoding/json"
	"strings"
)

// All samples are made by hand. Of blocks in version 1.1, of the Responses API
// and of replies that were kept there are no published files.

const sampleCalls = `{
 "info": {"model_stats": {"instance_cost": 0.5, "api_calls": 4, "total": 3}, "mini_version": "2.3.1", "exit_status": "Submitted",
  "submission": "diff --git a/a b/a\n",
  "config": {"agent": {"instance_template": "<pr_description>\n{{task}}\n</pr_description>\nGo.\n", "cost_limit": 3.0, "step_limit": 250},
   "model": {"model_name": "some/model"}, "environment": {"image": "docker.io/swebench/sweb.eval.x86_64.a_1776_b-1:latest", "cwd": "/testbed"}}},
 "messages": [
  {"role": "system", "content": "You are a helpful assistant."},
  {"role": "user", "content": "<pr_description>\nIt is broken.\n</pr_description>\nGo."},
  {"role": "assistant", "content": null, "reasoning_content": "Let me look.", "function_call": null,
   "tool_calls": [
    {"id": "c1", "type": "function", "index": 0, "function": {"name": "bash", "arguments": "{\"command\": \"ls\"}"}},
    {"id": "c2", "type": "function", "function": {"name": "bash", "arguments": "{\"command\":\"cat a\"}"}}],
   "extra": {"actions": [{"command": "ls", "tool_call_id": "c1"}, {"command": "cat a", "tool_call_id": "c2"}], "cost": 0.25, "timestamp": 1773069628.95,
    "response": {"id": "r1", "choices": [{"message": {"role": "assistant", "content": null, "reasoning_content": "Let me look.", "function_call": null, "tool_calls": []}}],
     "usage": {"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 4}}}}},
  {"role": "tool", "tool_call_id": "c1", "content": "<returncode>0</returncode>\n<output>\na\n</output>", "extra": {"raw_output": "a\n", "returncode": 0, "timestamp": 1773069629.5, "exception_info": ""}},
  {"role": "tool", "tool_call_id": "c2", "content": "<exception>It took too long.</exception>", "extra": {"raw_output": "half", "returncode": -1, "timestamp": 1773069630, "exception_info": "It took too long.", "exception_type": "TimeoutExpired", "exception": "x"}},
  {"role": "user", "content": "No tool calls found.", "extra": {"interrupt_type": "FormatError"}},
  {"role": "user", "content": "No tool calls found again.", "extra": {"interrupt_type": "FormatError", "n_actions": 0, "cost": 0.125, "response": {"choices": [{"message": {"role": "assistant", "content": "I am done."}}], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}}},
  {"role": "tool", "tool_call_id": "nobody", "content": "lost"},
  {"role": "user", "content": "Hurry up.", "extra": {"timestamp": 1773069631}},
  {"role": "assistant", "content": "", "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "bash", "arguments": "not JSON"}}], "extra": {"cost": 0, "actions": []}},
  {"role": "exit", "content": "diff --git a/a b/a\n", "extra": {"exit_status": "Submitted", "submission": "diff --git a/a b/a\n"}}
 ],
 "trajectory_format": "mini-swe-agent-1.1", "instance_id": "a__b-1", "more": {"a": 1}, "last": "word."
}`

const sampleBlocks = `{
 "info": {"model_stats": {"instance_cost": 3.5, "api_calls": 2}, "mini_version": "2.0.0", "exit_status": "LimitsExceeded", "submission": "", "exception_str": "the limit",
  "config": {"agent": {"cost_limit": 3.0}}},
 "messages": [
  {"role": "user", "content": "Please solve this issue: It is broken.\n\nYou can execute"},
  {"role": "assistant", "content": "THOUGHT: look.\n\n` + "```mswea_bash_command\\nls -a\\n```" + `", "extra": {"actions": [{"command": "ls -a"}]}},
  {"role": "user", "content": "<returncode>1</returncode>\n<output>\nno\n</output>", "extra": {"returncode": 1, "raw_output": "no\n"}},
  {"role": "assistant", "content": "Two at once: ` + "```mswea_bash_command\\na\\n```" + ` and more.", "extra": {"actions": [{"command": "a"}]}},
  {"role": "exit", "content": "LimitsExceeded", "extra": {"exit_status": "LimitsExceeded", "submission": "", "traceback": "Traceback."}}
 ],
 "trajectory_format": "mini-swe-agent-1.1"
}`

const sampleResponses = `{
 "info": {"model_stats": {"instance_cost": 0, "api_calls": 1}, "mini_version": "2.1.0", "exit_status": null, "submission": null, "config": {}},
 "messages": [
  {"role": "system", "content": "S"},
  {"role": "user", "content": "Fix it."},
  {"object": "response", "id": "resp_1", "output": [
    {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}]},
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}]},
    {"type": "function_call", "call_id": "fc_1", "name": "bash", "arguments": "{\"command\":\"ls\"}"}],
   "extra": {"actions": [{"command": "ls", "tool_call_id": "fc_1"}], "timestamp": 1773069628}},
  {"type": "function_call_output", "call_id": "fc_1", "output": "<returncode>0</returncode>\n<output>\nx\n</output>", "extra": {"raw_output": "x\n", "returncode": 0}},
  {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Wrong form."}], "extra": {"interrupt_type": "FormatError"}}
 ],
 "trajectory_format": "mini-swe-agent-1.1"
}`

const sample1 = `{
 "info": {"exit_status": "LimitsExceeded", "submission": "it costs too much.", "model_stats": {"instance_cost": 3.25, "api_calls": 4}, "mini_version": "1.13.4",
  "config": {"agent": {"instance_template": "Please solve this issue: {{task}}\n\nYou can execute", "cost_limit": 3.0}, "model": {"model_name": "m"}, "environment": {"cwd": ""}}},
 "messages": [
  {"role": "system", "content": "S"},
  {"role": "user", "content": [{"type": "text", "text": "Please solve this issue: It is broken.\n\nYou can execute"}]},
  {"role": "assistant", "content": "THOUGHT: I look.\n\n` + "```bash\\nls\\n```" + `", "timestamp": 1760078127.25,
   "extra": {"response": {"id": "r", "choices": [{"message": {"role": "assistant", "content": "x"}}], "usage": {"prompt_tokens": 752, "completion_tokens": 69}}}},
  {"role": "user", "content": [{"type": "text", "text": "<returncode>0</returncode>\n<output>\na\n</output>", "cache_control": {"type": "ephemeral"}}]},
  {"role": "assistant", "content": "No block."},
  {"role": "user", "content": "Please always provide EXACTLY ONE action."},
  {"role": "assistant", "content": "` + "```bash\\nsleep 99\\n```" + `"},
  {"role": "user", "content": "The last command <command>sleep 99</command> timed out and has been killed."},
  {"role": "user", "content": "it costs too much."}
 ],
 "trajectory_format": "mini-swe-agent-1"
}`

const sampleBare = `[
  {"role": "system", "content": "S"},
  {"role": "user", "content": "Please solve this issue: It is broken.\n\nYou can execute"},
  {"role": "assistant", "content": "I look.\n\n` + "```mswea_bash_command\\nls\\n```" + `"},
  {"role": "user", "content": "<returncode>0</returncode>\n<output>\na\n</output>"},
  {"role": "assistant", "content": "Done.\n\n` + "```mswea_bash_command\\necho COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT && git diff\\n```" + `"},
  {"role": "user", "content": "diff --git a/a b/a\n--- a/a\n+++ b/a."}
]`

func commandOf(arguments json.RawMessage) string {
	var a struct{ Command string }
	if json.Unmarshal(arguments, &a) != nil {
		return strings.Repeat("?", 99)
	}
	return a.Command
}
