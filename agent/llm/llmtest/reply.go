package llmtest

import (
	"encoding/json"

	"net/http"
)

// A Reply is one answer of the script: a message of the model, or a fault.
type Reply struct {
	Message string
	// Reasoning is sent as "reasoning", as vLLM does now, ReasoningContent as
	// "reasoning_content", as DeepSeek does.
	Reasoning        string
	ReasoningContent string
	Calls            []Call
	// Usage is left out where it is zero.
	Usage Usage
	// FinishReason is "tool_calls" or "stop" where it is empty.
	FinishReason string

	fault func(w http.ResponseWriter, gone func())
}

// A Call is one tool call of a reply. An empty ID is left out. Arguments are
// sent as they are, inside a JSON string.
type Call struct{ ID, Name, Arguments string }

// Usage is what a reply says that it cost.
type Usage struct{ Prompt, Cached, Completion int }

// Act returns a reply with one call.
func Act(message, tool, arguments string) Reply {
	return Reply{Message: message, Calls: []Call{{Name: tool, Arguments: arguments}}}
}

// Status replies with an error in OpenAI's form.
func Status(status int, message string) Reply {
	return errorReply(status, nil, map[string]any{"message": message, "type": "error"})
}

// RateLimited replies with status 429. Unless empty, retryAfter is sent as
// Retry-After: seconds or an HTTP date.
func RateLimited(retryAfter string) Reply {
	h := http.Header{}
	if retryAfter != "" {
		h.Set("Retry-After", retryAfter)
	}
	return errorReply(http.StatusTooManyRequests, h, map[string]any{"message": "Rate limit reached.", "type": "requests", "code": "rate_limit_exceeded"})
}

// Unauthorized refuses the key with status 401, and repeats what it was given
// as key, as some endpoints do.
func Unauthorized(key string) Reply {
	return errorReply(http.StatusUnauthorized, nil, map[string]any{"message": "Incorrect API key provided: " + key, "code": "invalid_api_key"})
}

// ContextLength refuses a conversation that is too long.
func ContextLength() Reply {
	return errorReply(http.StatusBadRequest, nil, map[string]any{
		"message": "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
		"type":    "invalid_request_error", "code": "context_length_exceeded",
	})
}

// Body replies with a body of one's own.
func Body(status int, body string) Reply {
	return Reply{fault: func(w http.ResponseWriter, _ func()) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}}
}

// NotJSON replies with a web page and status 200, as a proxy does.
func NotJSON() Reply { return Body(http.StatusOK, "<html><body>Welcome!</body></html>") }

// Hang never replies: it waits until the client goes away.
func Hang() Reply {
	return Reply{fault: func(_ http.ResponseWriter, gone func()) { gone() }}
}

// Stall sends the beginning of an answer and then nothing more, until the
// client goes away.
func Stall() Reply {
	return Reply{fault: func(w http.ResponseWriter, gone func()) {
		begin(w)
		gone()
	}}
}

// Cut sends the beginning of an answer and then closes the connection.
func Cut() Reply {
	return Reply{fault: func(w http.ResponseWriter, _ func()) {
		begin(w)
		panic(http.ErrAbortHandler)
	}}
}

func begin(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"id":"chatcmpl-1","object":"chat.completion","choices":[{"index":0,"mess`))
	_ = http.NewResponseController(w).Flush()
}

func errorReply(status int, h http.Header, problem map[string]any) Reply {
	return Reply{fault: func(w http.ResponseWriter, _ func()) {
		for name, values := range h {
			w.Header()[name] = values
		}
		writeJSON(w, status, map[string]any{"error": problem})
	}}
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}

func (r Reply) write(w http.ResponseWriter, gone func()) {
	if r.fault != nil {
		r.fault(w, gone)
		return
	}
	message := map[string]any{"role": "assistant", "content": nil}
	for name, text := range map[string]string{"content": r.Message, "reasoning": r.Reasoning, "reasoning_content": r.ReasoningContent} {
		if text != "" {
			message[name] = text
		}
	}
	finish := "stop"
	if len(r.Calls) > 0 {
		finish = "tool_calls"
		var calls []any
		for _, c := range r.Calls {
			call := map[string]any{"type": "function", "function": map[string]any{"name": c.Name, "arguments": c.Arguments}}
			if c.ID != "" {
				call["id"] = c.ID
			}
			calls = append(calls, call)
		}
		message["tool_calls"] = calls
	}
	if r.FinishReason != "" {
		finish = r.FinishReason
	}
	answer := map[string]any{
		"id": "chatcmpl-1", "object": "chat.completion", "created": 1_700_000_000, "model": "scripted",
		"choices": []any{map[string]any{"index": 0, "message": message, "finish_reason": finish}},
	}
	if u := r.Usage; u != (Usage{}) {
		answer["usage"] = map[string]any{
			"prompt_tokens": u.Prompt, "completion_tokens": u.Completion, "total_tokens": u.Prompt + u.Completion,
			"prompt_tokens_details": map[string]any{"cached_tokens": u.Cached},
		}
	}
	writeJSON(w, http.StatusOK, answer)
}
