package serve_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/srl/format"
	"github.com/apprentice-rl/apprentice/srl/reward"
	"github.com/apprentice-rl/apprentice/srl/serve"
)

func TestOpenRLHF(t *testing.T) {
	s := serve.New(serve.Options{})
	l := label(t, example("a#1", reward.Bare(format.XML)))
	prompt := "<|im_start|>user\n" + strings.Repeat("The second page is empty. ", 20) + "<|im_end|>\n<|im_start|>assistant\n"
	for name, tt := range map[string]struct{ query, want string }{
		"the prompt and the output":      {prompt + right + "<|im_end|>", `{"rewards":1.0,"scores":1.0,"extra_logs":{"format_error":0.0}}`},
		"a format error":                 {prompt + expert + "<|im_end|>\n<|endoftext|>", `{"rewards":-1.0,"scores":-1.0,"extra_logs":{"format_error":1.0}}`},
		"a prompt cut on the left":       {prompt[100:] + right + "<｜end▁of▁sentence｜>", `{"rewards":1.0,"scores":1.0,"extra_logs":{"format_error":0.0}}`},
		"an output that ends at once":    {prompt, `{"rewards":-1.0,"scores":-1.0,"extra_logs":{"format_error":1.0}}`},
		"a prompt within the output":     {prompt + "<think>" + prompt + "</think>" + expert, `{"rewards":1.0,"scores":1.0,"extra_logs":{"format_error":0.0}}`},
		"a special token in the thought": {prompt + "<think><|im_end|></think>" + expert, `{"rewards":1.0,"scores":1.0,"extra_logs":{"format_error":0.0}}`},
	} {
		status, reply := post(t, s, "/openrlhf", map[string]any{"query": []string{tt.query}, "prompts": []string{prompt}, "labels": []string{l}})
		require.Equal(t, http.StatusOK, status, name+reply)
		require.Equal(t, tt.want, reply, name)
	}
	status, reply := post(t, s, "/openrlhf", map[string]any{"query": []string{"P" + right, "Q"}, "prompts": []string{"P", "Q"}, "labels": []string{l, l}})
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, `{"rewards":[1.0,-1.0],"scores":[1.0,-1.0],"extra_logs":{"format_error":[0.0,1.0]}}`, reply)

	// Of several servers some are asked for nothing.
	status, reply = post(t, s, "/openrlhf", map[string]any{"query": []string{}, "prompts": []string{}, "labels": []string{}})
	require.Equal(t, http.StatusOK, status)
	require.JSONEq(t, `{"rewards": [], "scores": [], "extra_logs": {}}`, reply)

	// Too little of the prompt is left to be sure of it.
	status, reply = post(t, s, "/openrlhf", map[string]any{"query": []string{prompt[len(prompt)-20:] + right}, "prompts": []string{prompt}, "labels": []string{l}})
	require.Equal(t, http.StatusBadRequest, status)
	require.Contains(t, reply, "does not begin with")
}

func TestSlime(t *testing.T) {
	s := serve.New(serve.Options{})
	l := label(t, example("a#1", reward.Bare(format.XML)))
	status, reply := post(t, s, "/slime", map[string]any{"prompt": []any{map[string]any{"role": "user"}}, "response": right + "<|im_end|>", "label": l})
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "1.0", reply)
	_, reply = post(t, s, "/slime", map[string]any{"response": right + strings.Repeat("<|endoftext|>\n", 5000), "label": l})
	require.Equal(t, "1.0", reply)
	_, reply = post(t, s, "/slime", map[string]any{"prompt": "p", "response": "prose", "label": l})
	require.Equal(t, "-1.0", reply)
	_, reply = post(t, s, "/slime?details", map[string]any{"prompt": "p", "response": "prose", "label": l})
	require.Equal(t, `{"reward":-1.0,"violation":"no </think>"}`, reply)
	_, reply = post(t, s, "/slime?details", map[string]any{"prompt": "p", "response": right, "label": l})
	require.Equal(t, `{"reward":1.0,"violation":""}`, reply)
}

// message is a response of one message.
func message(text string) map[string]any {
	return map[string]any{"id": "r1", "output": []any{
		map[string]any{"type": "message", "role": "assistant", "content": []any{map[string]any{"type": "output_text", "text": text, "annotations": []any{}}}},
	}}
}

func TestVerify(t *testing.T) {
	s := serve.New(serve.Options{})
	reasoning := map[string]any{"type": "reasoning", "id": "x", "summary": []any{map[string]any{"type": "summary_text", "text": "I look."}}}
	said := func(text string) map[string]any {
		return map[string]any{"type": "message", "content": []any{map[string]any{"type": "output_text", "text": text}}}
	}
	called := map[string]any{"type": "function_call", "call_id": "c", "name": "bash", "arguments": `{"command":"ls -l"}`}
	output := func(items ...any) map[string]any { return map[string]any{"output": items} }
	hidden := map[string]any{"type": "reasoning", "summary": []any{}, "encrypted_content": "x"}
	inParts := map[string]any{"type": "message", "content": []any{map[string]any{"text": right[:len(right)/2]}, map[string]any{"text": right[len(right)/2:]}}}
	xml, jsonl := example("a#1", reward.Bare(format.XML)), example("a#2", reward.Bare(format.JSON))
	jsonl.Action = `{"name":"bash","arguments":{"command":"ls -l"}}`
	for name, tt := range map[string]struct {
		label    string
		response any
		reward   float64
		why      string
	}{
		"text":                           {label(t, xml), message(right), 1, ""},
		"prose":                          {label(t, xml), message("Sure."), -1, "no </think>"},
		"reasoning and text":             {label(t, xml), output(reasoning, said("\n"+expert)), 1, ""},
		"reasoning and a call":           {label(t, xml), output(reasoning, called), 1, ""},
		"the same in JSON":               {label(t, jsonl), output(reasoning, called), 1, ""},
		"a call without reasoning":       {label(t, xml), output(called), -1, "no </think>"},
		"a call that is no call":         {label(t, xml), output(reasoning, map[string]any{"type": "function_call", "name": "bash", "arguments": "{"}), -1, "no tool call after </think>"},
		"reasoning that is kept from us": {label(t, xml), output(hidden, called), 1, ""},
		"a message in parts":             {label(t, xml), output(inParts), 1, ""},
		"two calls for one":              {label(t, xml), output(reasoning, called, called), -1, "more tool calls than the step has"},
		"nothing":                        {label(t, xml), output(), -1, "no </think>"},
	} {
		row := map[string]any{
			"responses_create_params": map[string]any{"input": []any{}, "seed": json.Number("9007199254740993")},
			"response":                tt.response, "label": tt.label, "agent_ref": map[string]any{"name": "a"}, "_ng_task_index": 3,
		}
		status, reply := post(t, s, "/verify", row)
		require.Equal(t, http.StatusOK, status, name+reply)
		row["reward"], row["violation"] = tt.reward, tt.why
		want, err := json.Marshal(row)
		require.NoError(t, err)
		require.JSONEq(t, string(want), reply, name)
		require.Contains(t, reply, "9007199254740993", "the row comes back as it was")
	}
}

// What no JSON may hold comes back as the character for it.
func TestVerifyOfBrokenText(t *testing.T) {
	s := serve.New(serve.Options{})
	l := quote(t, label(t, example("a#1", reward.Bare(format.XML))))
	for _, broken := range []string{`\ud800`, "\xff\xfe"} {
		text := strings.Replace(quote(t, right), "I look.", broken, 1)
		status, reply := post(t, s, "/verify", `{"responses_create_params":{},"label":`+l+`,"response":{"output":[{"type":"message","content":[{"text":`+text+`}]}]}}`)
		require.Equal(t, http.StatusOK, status, reply)
		require.Contains(t, reply, `"reward":1.0`)
		require.True(t, utf8.ValidString(reply) && json.Valid([]byte(reply)), reply)
	}
}

func TestNeMoGymsOtherEndpoints(t *testing.T) {
	s := serve.New(serve.Options{})
	status, reply := post(t, s, "/seed_session", map[string]any{"label": "x"})
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "{}", reply)
	_, reply = post(t, s, "/close_session", map[string]any{"resources_session_id": "s1", "episode_id": "e"})
	require.JSONEq(t, `{"resources_session_id": "s1"}`, reply)
	require.Equal(t, `"stateless"`, get(t, s, "/reverify_mode"))

	status, reply = post(t, s, "/aggregate_metrics", map[string]any{"verify_responses": []any{
		map[string]any{"_ng_task_index": 1, "_ng_rollout_index": 0, "reward": 0.5, "label": "x"},
		map[string]any{"_ng_task_index": 0, "_ng_rollout_index": 0, "reward": 1.0, "right": true},
		map[string]any{"_ng_task_index": 1, "_ng_rollout_index": 1, "reward": -1.0},
	}})
	require.Equal(t, http.StatusOK, status)
	var got struct {
		Groups []map[string]float64 `json:"group_level_metrics"`
		Agent  map[string]float64   `json:"agent_metrics"`
		Key    map[string]float64   `json:"key_metrics"`
	}
	require.NoError(t, json.Unmarshal([]byte(reply), &got))
	require.Equal(t, []map[string]float64{
		{"_ng_task_index": 0, "mean/reward": 1, "max/reward": 1, "min/reward": 1, "median/reward": 1, "std/reward": 0,
			"mean/right": 1, "max/right": 1, "min/right": 1, "median/right": 1, "std/right": 0},
		{"_ng_task_index": 1, "mean/reward": -0.25, "max/reward": 0.5, "min/reward": -1, "median/reward": -0.25, "std/reward": got.Groups[1]["std/reward"]},
	}, got.Groups)
	require.InDelta(t, 1.0606601717798212, got.Groups[1]["std/reward"], 1e-12, "pandas' std")
	require.InDelta(t, 0.5/3, got.Agent["mean/reward"], 1e-12)
	require.Equal(t, map[string]float64{"mean/reward": got.Agent["mean/reward"], "mean/right": 1}, got.Key)

	for _, none := range []string{`{"verify_responses":{}}`, `{"verify_responses":[1]}`, `{"verify_responses":[{]}`} {
		status, reply = post(t, s, "/aggregate_metrics", none)
		require.Equal(t, http.StatusBadRequest, status, reply)
	}
	status, reply = post(t, s, "/aggregate_metrics", map[string]any{"verify_responses": []any{}})
	require.Equal(t, http.StatusOK, status)
	require.JSONEq(t, `{"group_level_metrics": [], "agent_metrics": {}, "key_metrics": {}}`, reply)
}

// FuzzRequests sends bodies of any kind to every endpoint: there is an answer to
// each, and none is the server's own failure.
func FuzzRequests(f *testing.F) {
	s := serve.New(serve.Options{})
	paths := []string{"/v1/score", "/openrlhf", "/slime", "/verify", "/seed_session", "/close_session", "/aggregate_metrics"}
	l := quote(f, label(f, example("a#1", reward.Bare(format.XML))))
	for i, body := range []string{ // in the order of the paths
		`{"groups":[{"label":` + l + `,"outputs":["x"]}],"epsilon":1}`,
		`{"query":["px"],"prompts":["p"],"labels":[` + l + `]}`,
		`{"prompt":"p","response":"x","label":` + l + `}`,
		`{"label":` + l + `,"responses_create_params":{},"response":{"output":[{"type":"function_call","name":"b","arguments":"{"}]}}`,
		`{"resources_session_id":"x"}`, `{}`, `{"verify_responses":[{"reward":1e308},{"reward":-1e308,"a":true}]}`,
	} {
		f.Add(uint8(i), []byte(body))
	}
	f.Add(uint8(3), []byte(`{"label":`+l+`,"responses_create_params":{},"response":{"output":[{"type":"message","content":[{"text":"\ud800`+"\xff"+`"}]}]}}`))
	f.Fuzz(func(t *testing.T, path uint8, body []byte) {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, paths[int(path)%len(paths)], strings.NewReader(string(body))))
		require.NotEqual(t, http.StatusInternalServerError, w.Code, w.Body.String())
		require.True(t, json.Valid(w.Body.Bytes()), w.Body.String())
	})
}
