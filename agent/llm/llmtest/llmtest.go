// Package llmtest is an OpenAI-compatible endpoint for tests: a real HTTP
// server that answers chat completions from a script, and fails in the ways
// that real ones do.
//
//	server := llmtest.New(t,
//		llmtest.Act("Look around.", "bash", `{"command":"ls"}`),
//		llmtest.RateLimited("2"),
//		llmtest.Act("", "submit", `{}`),
//	)
//	endpoint, err := llm.NewEndpoint(llm.Options{BaseURL: server.URL(), Model: "scripted"})
//
// Where several conversations run at once, [NewFunc] picks the reply by the
// request instead:
//
//	server := llmtest.NewFunc(t, func(r llmtest.Request) llmtest.Reply { return script[r.Turn()] })
//
// The server is as strict as OpenAI's: it refuses, with status 400, a
// conversation in which tool calls and tool messages do not match.
package llmtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
)

// A Server is a scripted endpoint.
type Server struct {
	http  *httptest.Server
	reply func(Request) Reply
	done  chan struct{} // closed when the test is over

	mu       sync.Mutex
	requests []Request
}

// New starts a server that gives the replies one after another, whoever asks.
// A request after the last one fails the test. The server stops when the test
// ends.
func New(t testing.TB, script ...Reply) *Server {
	t.Helper()
	var mu sync.Mutex
	next := 0
	return NewFunc(t, func(Request) Reply {
		mu.Lock()
		defer mu.Unlock()
		if next == len(script) {
			t.Errorf("llmtest: another request, but the script has only %d replies", len(script))
			return Status(http.StatusNotFound, "The script is over.")
		}
		next++
		return script[next-1]
	})
}

// NewFunc starts a server that asks reply, which may be called concurrently,
// for each answer. The server stops when the test ends.
func NewFunc(t testing.TB, reply func(Request) Reply) *Server {
	t.Helper()
	s := &Server{reply: reply, done: make(chan struct{})}
	s.http = httptest.NewServer(s)
	t.Cleanup(func() {
		close(s.done)
		s.http.Close()
	})
	return s
}

// URL is the base URL to give to a client.
func (s *Server) URL() string { return s.http.URL + "/v1" }

// Requests returns the chat completions that were asked for so far, refused
// ones too.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// ServeHTTP answers a request. It is exported so that a test under
// testing/synctest can call it without a network.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || r.URL.Path != "/v1/chat/completions" {
		Status(http.StatusNotFound, "There is nothing at "+r.Method+" "+r.URL.Path).write(w, nil)
		return
	}
	// Only when its body is read does the server see that a client hangs up.
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	request := Request{Header: r.Header.Clone(), Body: body}
	problem := request.decode()
	s.mu.Lock()
	s.requests = append(s.requests, request)
	s.mu.Unlock()

	reply := Status(http.StatusBadRequest, problem)
	if problem == "" {
		reply = s.reply(request)
	}
	gone := func() {
		select {
		case <-r.Context().Done():
		case <-s.done:
		}
	}
	reply.write(w, gone)
}

// A Request is a chat completion that was asked for.
type Request struct {
	Header   http.Header
	Body     json.RawMessage // as it came
	Model    string
	Messages []Message
}

// A Message is one message of a request's conversation.
type Message struct {
	Role       string     `json:"role"`
	Content    *string    `json:"content"` // nil where null
	ToolCalls  []ToolCall `json:"tool_calls"`
	ToolCallID string     `json:"tool_call_id"`
	// Reasoning and ReasoningContent are the two names under which a client
	// may give reasoning back.
	Reasoning        string `json:"reasoning"`
	ReasoningContent string `json:"reasoning_content"`
}

// A ToolCall is a call that the conversation holds.
type ToolCall struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	Function struct {
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
	} `json:"function"`
}

// Text is the message's content.
func (m Message) Text() string {
	if m.Content == nil {
		return ""
	}
	return *m.Content
}

// Turn counts the assistant's messages so far: 0 in the first request of a
// conversation.
func (r Request) Turn() int {
	n := 0
	for _, m := range r.Messages {
		if m.Role == "assistant" {
			n++
		}
	}
	return n
}

// Field decodes one field of the body, and is nil where there is none.
func (r Request) Field(name string) any {
	var fields map[string]any
	if json.Unmarshal(r.Body, &fields) != nil {
		return nil
	}
	return fields[name]
}

// decode reads the body, and says why OpenAI would refuse it.
func (r *Request) decode() (problem string) {
	var body struct {
		Model    string    `json:"model"`
		Messages []Message `json:"messages"`
		Stream   bool      `json:"stream"`
	}
	if err := json.Unmarshal(r.Body, &body); err != nil {
		return "We could not parse the JSON body of your request: " + err.Error()
	}
	r.Model, r.Messages = body.Model, body.Messages
	switch {
	case body.Model == "":
		return "you must provide a model parameter"
	case len(body.Messages) == 0:
		return "Invalid 'messages': empty array."
	case body.Stream:
		return "This server does not stream."
	}
	open := map[string]bool{} // calls that wait for their tool message
	for i, m := range body.Messages {
		at := fmt.Sprintf("messages.[%d]", i)
		if m.Role != "tool" && len(open) > 0 {
			return at + ": An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'."
		}
		if m.Content == nil && len(m.ToolCalls) == 0 {
			return at + ": Invalid value for 'content': expected a string, got null."
		}
		if m.Role == "tool" {
			if !open[m.ToolCallID] {
				return at + ": messages with role 'tool' must be a response to a preceding message with 'tool_calls'."
			}
			delete(open, m.ToolCallID)
		}
		for _, c := range m.ToolCalls {
			if m.Role != "assistant" || c.ID == "" || c.Type != "function" || c.Function.Name == "" || open[c.ID] {
				return at + ": Invalid value for 'tool_calls'."
			}
			open[c.ID] = true
		}
	}
	return ""
}
