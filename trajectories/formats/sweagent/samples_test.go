package sweagent_test

// All samples are made by hand. Of attempts, of queries and of answers that
// were rejected there are no published files.
func samples() map[string]string {
	const (
		text = `{"environment": "swe_main", "trajectory": [
  {"action": "ls -a\n", "observation": "a\n", "response": "I look.\n` + "```\\nls -a\\n```" + `", "state": "{\"open_file\": \"n/a\"}\n", "thought": "I look.\n"},
  {"action": "rm a\n", "observation": "", "response": "Gone: ` + "```\\nrm a\\n```" + ` with it.", "state": "{}", "thought": "Gone:", "execution_time": 0.5},
  {"action": "", "observation": "", "response": "no block", "state": "{}", "thought": "no block"},
  {"action": "exit_cost", "observation": "diff --git a/a b/a\n", "response": "Exit due to cost limit", "state": "{}", "thought": "Exit due to cost limit"}],
 "history": [
  {"role": "system", "content": "S", "agent": "primary"},
  {"role": "user", "content": "--- DEMONSTRATION ---\n` + "```\\nls\\n```" + `", "is_demo": true, "agent": "primary"},
  {"role": "user", "content": "The issue:\nISSUE:\nIt is broken.\n\nINSTRUCTIONS:\nGo.", "agent": "primary"},
  {"role": "assistant", "content": "I look.\n` + "```\\nls -a\\n```" + `", "thought": "I look.\n", "action": "ls -a\n", "agent": "primary"},
  {"role": "user", "content": "a\n\n(Open file: n/a)\nbash-$", "agent": "primary"},
  {"role": "assistant", "content": "Gone: ` + "```\\nrm a\\n```" + ` with it.", "thought": "Gone:", "action": "rm a\n", "agent": "primary"},
  {"role": "user", "content": "Your command ran successfully and did not produce any output.", "agent": "primary"},
  {"role": "user", "content": "One more thing.", "agent": "primary"},
  {"role": "assistant", "content": "Exit due to cost limit", "thought": "Exit due to cost limit", "action": "exit_cost", "agent": "primary"}],
 "info": {"exit_status": "submitted (exit_cost)", "submission": "diff --git a/a b/a\n", "model_stats": {"total_cost": 9.5, "instance_cost": 1.5, "tokens_sent": 100, "tokens_received": 7, "api_calls": 3}}}`

		calls = `{"environment": "a__b-1", "trajectory": [
  {"action": "str_replace_editor view a", "observation": "1 a\r\n", "response": "I look.", "thought": "I look.", "execution_time": 0.25, "state": {"working_dir": "/a"}, "extra_info": {},
   "query": [{"role": "system", "content": "S", "agent": "main"}, {"role": "user", "content": "<pr_description>\nIt is broken.\n</pr_description>", "agent": "main"}]},
  {"action": "rm -rf /", "observation": "", "response": "Too much.", "thought": "Too much.", "execution_time": 0, "state": {}, "extra_info": {}, "query": [{"role": "user", "content": "Again."}]},
  {"action": "submit", "observation": "diff --git a/a b/a\n", "response": "Done.", "thought": "Done.", "execution_time": 1, "state": {}, "extra_info": {},
   "query": [{"role": "system", "content": "S", "agent": "main"}, {"role": "user", "content": "Again."}, {"role": "user", "content": "And again."}]},
  {"action": "submit", "observation": "diff --git a/a b/a\n", "response": "Really.", "thought": "Really.", "execution_time": 1, "state": {}, "extra_info": {}}],
 "history": [
  {"role": "system", "content": "S", "agent": "main"},
  {"role": "user", "content": "<pr_description>\nIt is broken.\n</pr_description>", "agent": "main"},
  {"role": "assistant", "content": "I look.", "thought": "I look.", "action": "str_replace_editor view a", "agent": "main", "message_type": "action",
   "thinking_blocks": [{"type": "thinking", "thinking": "Hm.", "signature": "s"}],
   "tool_calls": [{"id": "c1", "index": 1, "type": "function", "function": {"name": "str_replace_editor", "arguments": "{\"command\": \"view\", \"path\": \"a\"}"}}]},
  {"role": "tool", "content": [{"type": "text", "text": "OBSERVATION:\n1 a\r\n", "cache_control": {"type": "ephemeral"}}], "agent": "main", "message_type": "observation", "tool_call_ids": ["c1"]},
  {"role": "assistant", "content": "Done.", "thought": "Done.", "action": "submit", "agent": "main", "tool_calls": [{"id": "c2", "type": "function", "function": {"name": "submit", "arguments": "{}"}}]},
  {"role": "tool", "content": "diff --git a/a b/a\n", "agent": "main", "tool_call_ids": ["c2"]},
  {"role": "tool", "content": "whose", "agent": "main", "tool_call_ids": ["c9"]}],
 "info": {"exit_status": "submitted", "submission": "diff --git a/a b/a\n", "swe_agent_version": "1.1.0", "edited_files30": "a.", "model_stats": {"instance_cost": 0, "tokens_sent": 1, "tokens_received": 1, "api_calls": 1}},
 "replay_config": "{\"problem_statement\": {\"id\": \"x\", \"text\": \"It is very broken.\"}, \"env\": {\"repo\": {\"github_url\": \"https://github.com/a/b\", \"base_commit\": \"HEAD\"}, \"deployment\": {\"image\": \"i\"}}, \"agent\": {\"model\": {\"name\": \"m\"}}}"}`

		chat = `{"history": [
  {"role": "system", "content": "S", "agent": "main", "message_type": "system_prompt"},
  {"role": "user", "content": "ISSUE:\nIt is broken.\n\nINSTRUCTIONS:\n", "agent": "main"},
  {"role": "assistant", "content": "I look.", "thought": "I look.", "action": "ls", "agent": "main", "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "bash", "arguments": "{\"command\":\"ls\"}"}}]},
  {"role": "tool", "content": "a", "agent": "main", "tool_call_ids": ["c1"]},
  {"role": "assistant", "content": "Done.", "thought": "Done.", "action": "submit", "agent": "main", "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "submit", "arguments": "{}"}}]}]}`
	)
	attempts := `{"attempts": [` + text + `, ` + calls + `], "environment": "a__b-1", "trajectory": [], "history": [], "info": {"best_attempt_idx": 1, "chooser": "c.", "model_stats": {"instance_cost": 5}}}`
	return map[string]string{"text": text, "calls": calls, "chat": chat, "attempts": attempts}
}
