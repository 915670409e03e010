package llm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	openai "github.com/sashabaranov/go-openai"

	"github.com/apprentice-rl/apprentice/agent"
	"github.com/apprentice-rl/apprentice/sandbox"
)

// An Error is a call that brought no answer of the model. With errors.Is it
// matches
//
//   - sandbox.ErrUnavailable when the endpoint did not answer, or answered
//     with a failure of its own, as often as it was asked;
//   - agent.ErrContextLength when the history is too long for the model;
//   - agent.ErrStop when every call would meet the same: a refused key, a model
//     that is not there, an account without money, and an address where
//     nobody has answered yet (then sandbox.ErrUnavailable too) or where
//     something else than a model does;
//
// and none of them when the endpoint refuses the request for another reason.
type Error struct {
	Endpoint string // the base URL
	Model    string
	Status   int    // the HTTP status of the last answer; zero when none came
	Problem  string // what is wrong and what to do, in words
	Tries    int    // how often the endpoint was asked

	kind        error
	again       bool // another try may go through
	wantsModern bool // it asks for max_completion_tokens
}

func (e *Error) Error() string {
	s := fmt.Sprintf("model %s at %s: %s", e.Model, e.Endpoint, e.Problem)
	if e.Tries > 1 {
		s += fmt.Sprintf(" (after %d tries)", e.Tries)
	}
	return s
}

// Unwrap returns the sentinel that the error matches, if any.
func (e *Error) Unwrap() error { return e.kind }

var errStalled = errors.New("the call took too long")

func (e *Endpoint) fail(status int, problem string, kind error) *Error {
	return &Error{Endpoint: e.options.BaseURL, Model: e.options.Model, Status: status, Problem: e.masks.Mask(problem), kind: kind}
}

func (e *Endpoint) unavailable(status int, problem string, again bool) *Error {
	err := e.fail(status, problem, sandbox.ErrUnavailable)
	err.again = again
	return err
}

// failure says what went wrong with an exchange, or nil when it brought an
// answer of the model.
func (e *Endpoint) failure(ctx context.Context, x *exchange, r openai.ChatCompletionResponse, err error) *Error {
	if x.status == 0 {
		if errors.Is(context.Cause(ctx), errStalled) {
			return e.unavailable(0, fmt.Sprintf("no whole answer came within %s", e.options.Timeout), true)
		}
		var outer *url.Error
		if errors.As(err, &outer) {
			err = outer.Err // the address is said already
		}
		var dial *net.OpError
		if errors.As(err, &dial) && dial.Op == "dial" && !e.met.Load() {
			return e.fail(0, "nobody listens there ("+err.Error()+"): check the base URL, and that the server runs", errors.Join(agent.ErrStop, sandbox.ErrUnavailable))
		}
		return e.unavailable(0, "the connection failed: "+err.Error(), true)
	}
	if x.status >= 300 {
		return e.refusal(x, x.status, complaintIn(x.response))
	}
	if len(r.Choices) == 0 {
		// Gateways report the failure of a provider behind them with status 200.
		if c := complaintIn(x.response); c.status >= 400 {
			return e.refusal(x, c.status, c)
		}
	}
	switch {
	case (err != nil || len(r.Choices) == 0) && !e.met.Load():
		return e.fail(x.status, fmt.Sprintf("the answer is no chat completion: check the base URL, which usually ends with /v1: `%s`", excerpt(string(x.response))), agent.ErrStop)
	case err != nil || len(r.Choices) == 0:
		return e.unavailable(x.status, fmt.Sprintf("the answer is no chat completion (is the base URL right?): `%s`", excerpt(string(x.response))), true)
	case r.Choices[0].FinishReason == "error": // OpenRouter's way to say that the provider broke off
		return e.unavailable(x.status, fmt.Sprintf("the answer broke off: `%s`", excerpt(string(x.response))), true)
	}
	return nil
}

// refusal tells the answers with an error status apart.
func (e *Endpoint) refusal(x *exchange, status int, c complaint) *Error {
	said := fmt.Sprintf("%d %s", status, http.StatusText(status))
	if c.message != "" {
		said += ": " + excerpt(c.message)
	}
	stop := func(format string, args ...any) *Error {
		return e.fail(status, fmt.Sprintf(format, args...), agent.ErrStop)
	}
	switch {
	case status == http.StatusUnauthorized && e.options.APIKey == "":
		return stop("the endpoint wants an API key and none was given (%s)", said)
	case status == http.StatusUnauthorized:
		return stop("the API key was refused (%s): check that it is right and belongs to this endpoint", said)
	case status == http.StatusPaymentRequired, c.is("insufficient_quota"):
		return stop("the account has no money or quota left (%s): top it up or use another endpoint", said)
	case c.isContextLength() && status < 500 && status != http.StatusTooManyRequests:
		return e.fail(status, fmt.Sprintf("the history no longer fits into the model's context (%s)", said), agent.ErrContextLength)
	case status == http.StatusForbidden:
		return stop("the API key may not use this model here (%s): check the account's rights, or use another model", said)
	case status == http.StatusNotFound, c.is("model_not_found"):
		return stop("there is no such model or no such address (%s): check the model's name and the base URL, which usually ends with /v1", said)
	case status == http.StatusRequestTimeout, status == http.StatusTooManyRequests, status >= 500:
		e.pace.pause(x.retryAfter)
		return e.unavailable(status, "the endpoint fails ("+said+")", true)
	}
	err := e.fail(status, fmt.Sprintf("the endpoint refuses the request (%s)", said), nil)
	err.wantsModern = strings.Contains(c.message, "max_completion_tokens")
	return err
}

// A complaint is what an endpoint says in the body of an error.
type complaint struct {
	message string
	kinds   []string // its code and type
	status  int      // where the code is a number
}

// complaintIn reads the forms that are in use: {"error": {"message", "type",
// "code"}} as OpenAI has it, {"error": "…"}, and {"message"} or {"detail"} at
// the top.
func complaintIn(body []byte) complaint {
	var top map[string]json.RawMessage
	if json.Unmarshal(body, &top) != nil {
		return complaint{message: strings.TrimSpace(string(body))}
	}
	inner := top
	var c complaint
	if raw, ok := top["error"]; ok {
		inner = nil
		if json.Unmarshal(raw, &inner) != nil {
			c.message = text(raw)
		}
	}
	for _, name := range []string{"message", "detail"} {
		if c.message == "" {
			c.message = text(inner[name])
		}
	}
	for _, name := range []string{"code", "type"} {
		var number int
		if json.Unmarshal(inner[name], &number) == nil && number > 0 {
			c.status = number
		} else if kind := text(inner[name]); kind != "" {
			c.kinds = append(c.kinds, kind)
		}
	}
	return c
}

// text is a JSON string's text, and the JSON itself of anything else.
func text(raw json.RawMessage) string {
	var s string
	if len(raw) == 0 || json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

func (c complaint) is(kind string) bool {
	for _, k := range c.kinds {
		if k == kind {
			return true
		}
	}
	return false
}

// isContextLength knows the words of OpenAI, vLLM, SGLang, llama.cpp, TGI and
// Anthropic.
func (c complaint) isContextLength() bool {
	if c.is("context_length_exceeded") || c.is("exceed_context_size_error") {
		return true
	}
	message := strings.ToLower(c.message)
	for _, words := range []string{
		"context length", "context window", "context size", "prompt is too long", "input is too long", "max_new_tokens",
	} {
		if strings.Contains(message, words) {
			return true
		}
	}
	return false
}
