package llm_test

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/apprentice-rl/apprentice/agent"
	"github.com/apprentice-rl/apprentice/agent/llm"
	"github.com/apprentice-rl/apprentice/agent/llm/llmtest"
	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/redact"
	"github.com/apprentice-rl/apprentice/trajectories/redact/events"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const key = "sk-very-secret-0123456789"

// options are those of most tests: quick retries, and a key to look for where
// none may be.
func options(s *llmtest.Server) llm.Options {
	return llm.Options{BaseURL: s.URL(), APIKey: key, Model: "scripted", RetryDelay: time.Millisecond, Timeout: 10 * time.Second}
}

func endpoint(t *testing.T, o llm.Options) *llm.Endpoint {
	t.Helper()
	e, err := llm.NewEndpoint(o)
	require.NoError(t, err)
	return e
}

// next asks for one turn that follows history.
func next(t *testing.T, o llm.Options, history *trajectories.Trajectory) (trajectories.Turn, error) {
	t.Helper()
	return endpoint(t, o).Policy(nil).Next(t.Context(), history)
}

func start() *trajectories.Trajectory {
	return &trajectories.Trajectory{Header: trajectories.Header{
		System: "You mend bugs.", Prompt: "calc is broken & wrong",
		Tools: []trajectories.Tool{
			{Name: "bash", Description: "Run a command.", Parameters: json.RawMessage(`{"type":"object","properties":{"command":{"type":"string"}}}`)},
			{Name: "submit", Description: "End."},
		},
	}}
}

func TestTheModelSeesTheHeaderOfTheTrajectory(t *testing.T) {
	s := llmtest.New(t, llmtest.Act("Look.", "bash", `{"command":"ls"}`))
	_, err := next(t, options(s), start())
	require.NoError(t, err)
	r := s.Requests()[0]
	require.Equal(t, "Bearer "+key, r.Header.Get("Authorization"))
	require.Equal(t, "scripted", r.Model)
	require.Len(t, r.Messages, 2)
	require.Equal(t, "system", r.Messages[0].Role)
	require.Equal(t, "You mend bugs.", r.Messages[0].Text())
	require.Equal(t, "user", r.Messages[1].Role)
	require.Equal(t, "calc is broken & wrong", r.Messages[1].Text())
	tools, err := json.Marshal(r.Field("tools"))
	require.NoError(t, err)
	require.JSONEq(t, `[
		{"type":"function","function":{"name":"bash","description":"Run a command.","parameters":{"type":"object","properties":{"command":{"type":"string"}}}}},
		{"type":"function","function":{"name":"submit","description":"End.","parameters":{"type":"object","properties":{}}}}
	]`, string(tools))
}

func TestTheModelSeesWhatHasHappened(t *testing.T) {
	history := start()
	history.Turns = []trajectories.Turn{
		{N: 1, Message: "Two things.", Reasoning: "hm", Actions: []env.Action{
			{ID: "a", Tool: "bash", Arguments: json.RawMessage(`{"command":"ls"}`)},
			{ID: "b", Tool: "bash", Arguments: json.RawMessage(`{"command":"true"}`)},
		}},
		{N: 2, Message: "I am done!", FormatError: "No call."},
		{N: 3, FormatError: "Still no call."},
		{N: 4, Actions: []env.Action{{ID: "c", Tool: "bash", Arguments: json.RawMessage(`{}`)}}},
	}
	history.Observations = []trajectories.Observation{
		{Turn: 1, Observation: env.Observation{Action: "a", Text: "go.mod"}},
		{Turn: 1, Observation: env.Observation{Action: "b", Text: ""}},
	}
	for _, field := range []string{"", "reasoning", "reasoning_content"} {
		t.Run("reasoning given back as "+field, func(t *testing.T) {
			s := llmtest.New(t, llmtest.Act("", "submit", `{}`))
			o := options(s)
			o.ReasoningField = field
			_, err := next(t, o, history)
			require.NoError(t, err)
			m := s.Requests()[0].Messages[2:]
			require.Len(t, m, 9)
			require.Equal(t, "Two things.", m[0].Text())
			require.Len(t, m[0].ToolCalls, 2)
			require.Equal(t, "b", m[0].ToolCalls[1].ID)
			require.JSONEq(t, `{"command":"true"}`, m[0].ToolCalls[1].Function.Arguments)
			require.Equal(t, field == "reasoning", m[0].Reasoning == "hm")
			require.Equal(t, field == "reasoning_content", m[0].ReasoningContent == "hm")
			require.Equal(t, "a", m[1].ToolCallID)
			require.Equal(t, "go.mod", m[1].Text())
			require.Equal(t, "b", m[2].ToolCallID)
			require.NotNil(t, m[2].Content) // an empty observation is sent, not left out
			require.Empty(t, m[2].Text())
			require.Equal(t, "I am done!", m[3].Text())
			require.Equal(t, "user", m[4].Role)
			require.Equal(t, "No call.", m[4].Text())
			require.Equal(t, "assistant", m[5].Role)
			require.NotEmpty(t, m[5].Text())
			require.Equal(t, "Still no call.", m[6].Text())
			require.Nil(t, m[7].Content)
			require.Equal(t, "c", m[8].ToolCallID)
			require.Contains(t, m[8].Text(), "not carried out")
		})
	}
}

func TestAnAnswerBecomesATurn(t *testing.T) {
	call := llmtest.Call{ID: "1", Name: "bash", Arguments: `{"command":"ls"}`}
	action := env.Action{ID: "1", Tool: "bash", Arguments: json.RawMessage(`{"command":"ls"}`)}
	object := `{"choices":[{"message":{"role":"assistant","content":[{"type":"text","text":"Look."}],"tool_calls":[{"id":"1","type":"function","function":{"name":"bash","arguments":{"command":"ls"}}}]}}]}`
	tests := []struct {
		name  string
		reply llmtest.Reply
		want  trajectories.Turn
	}{
		{"message and call", llmtest.Reply{Message: "Look.", Calls: []llmtest.Call{call}},
			trajectories.Turn{Message: "Look.", Actions: []env.Action{action}}},
		{"reasoning as vLLM names it", llmtest.Reply{Reasoning: "hm", Calls: []llmtest.Call{call}},
			trajectories.Turn{Reasoning: "hm", Actions: []env.Action{action}}},
		{"reasoning as DeepSeek names it", llmtest.Reply{ReasoningContent: "hm", Calls: []llmtest.Call{call}},
			trajectories.Turn{Reasoning: "hm", Actions: []env.Action{action}}},
		{"several calls, ids left to the episode", llmtest.Reply{Calls: []llmtest.Call{call, call, {Name: "submit"}}},
			trajectories.Turn{Actions: []env.Action{action, action, {Tool: "submit", Arguments: json.RawMessage(`{}`)}}}},
		{"an unknown tool is the environment's to refuse", llmtest.Act("", "delete_everything", `{"now":true}`),
			trajectories.Turn{Actions: []env.Action{{Tool: "delete_everything", Arguments: json.RawMessage(`{"now":true}`)}}}},
		{"arguments as an object, content in parts", llmtest.Body(http.StatusOK, object),
			trajectories.Turn{Message: "Look.", Actions: []env.Action{action}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := next(t, options(llmtest.New(t, tt.reply)), start())
			require.NoError(t, err)
			require.Equal(t, 1, got.Usage.Calls)
			got.Request, got.Response, got.Usage = nil, nil, trajectories.Usage{}
			require.Equal(t, tt.want, got)
		})
	}
}

func TestAMalformedAnswerIsAFormatErrorThatSaysWhatIsWrong(t *testing.T) {
	tests := []struct {
		name  string
		reply llmtest.Reply
		want  string
	}{
		{"no call", llmtest.Reply{Message: "Done!"}, "holds no tool call"},
		{"cut off", llmtest.Reply{Message: "Done!", FinishReason: "length"}, "too long"},
		{"arguments that are no JSON", llmtest.Act("Done!", "bash", `{"command": "ls`), "`{\"command\": \"ls`"},
		{"arguments that are a list", llmtest.Act("Done!", "bash", `["ls"]`), "not one JSON object"},
		{"one bad call among good ones", llmtest.Reply{Message: "Done!", Calls: []llmtest.Call{{Name: "submit", Arguments: "{}"}, {Name: "bash", Arguments: "ls"}}}, "call of bash"},
		{"a name that cannot be given back", llmtest.Act("Done!", "bash<|im_end|>", `{}`), `"bash<|im_end|>"`},
		{"no name", llmtest.Act("Done!", "", `{}`), `by the name ""`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := llmtest.New(t, tt.reply)
			got, err := next(t, options(s), start())
			require.NoError(t, err)
			require.Contains(t, got.FormatError, tt.want)
			require.Contains(t, got.FormatError, "bash, submit")
			require.Empty(t, got.Actions)
			require.Equal(t, "Done!", got.Message)
			require.NotEmpty(t, got.Response)
		})
	}
}

func TestSamplingIsSentAsAskedFor(t *testing.T) {
	float := func(f float32) *float32 { return &f }
	tests := []struct {
		name        string
		temperature *float32
		maxTokens   int
		want        any
		wantTokens  any
	}{
		{"nothing", nil, 0, nil, nil},
		{"a temperature of zero", float(0), 0, 0.0, nil},
		{"others", float(0.7), 512, 0.7, 512.0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := llmtest.New(t, llmtest.Act("", "submit", ""))
			o := options(s)
			o.Temperature, o.MaxTokens = tt.temperature, tt.maxTokens
			_, err := next(t, o, start())
			require.NoError(t, err)
			require.Equal(t, tt.want, s.Requests()[0].Field("temperature"))
			require.Equal(t, tt.wantTokens, s.Requests()[0].Field("max_tokens"))
		})
	}
}

func TestNoModelIsRefusedForItsName(t *testing.T) {
	half := float32(0.5)
	for _, model := range []string{"o1", "o3-mini", "gpt-5-distilled", "gpt-6-sol", "text-davinci-003"} {
		t.Run(model, func(t *testing.T) {
			s := llmtest.New(t, llmtest.Act("", "submit", ""))
			o := options(s)
			o.Model, o.MaxTokens, o.Temperature = model, 512, &half
			_, err := next(t, o, start())
			require.NoError(t, err)
			require.Equal(t, model, s.Requests()[0].Model)
		})
	}
}

func TestTheNewNameOfMaxTokensIsFoundOut(t *testing.T) {
	s := llmtest.New(t,
		llmtest.Status(http.StatusBadRequest, "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."),
		llmtest.Act("", "submit", ""), llmtest.Act("", "submit", ""))
	o := options(s)
	o.MaxTokens = 512
	e := endpoint(t, o)
	for range 2 {
		_, err := e.Policy(nil).Next(t.Context(), start())
		require.NoError(t, err)
	}
	for _, r := range s.Requests()[1:] {
		require.Nil(t, r.Field("max_tokens"))
		require.EqualValues(t, 512, r.Field("max_completion_tokens"))
	}
}

func TestATurnKeepsTheRawBodies(t *testing.T) {
	s := llmtest.New(t, llmtest.Reply{Message: "You sent " + key + " & <more>", Reasoning: "hm"})
	got, err := next(t, options(s), start())
	require.NoError(t, err)
	var sent map[string]any
	require.NoError(t, json.Unmarshal(s.Requests()[0].Body, &sent))
	require.NotEmpty(t, sent["messages"])
	delete(sent, "messages") // which the log holds already
	delete(sent, "tools")
	rest, err := json.Marshal(sent)
	require.NoError(t, err)
	require.JSONEq(t, string(rest), string(got.Request))
	require.True(t, json.Valid(got.Response))
	require.Contains(t, string(got.Response), `"reasoning":"hm"`) // as it came, not as it was mended
	require.NotContains(t, string(got.Response), `"reasoning_content"`)
	require.NotContains(t, string(got.Request), key)
	require.NotContains(t, string(got.Request), "Authorization")

	// The key that came back stays out of the log.
	r, err := redact.New(map[string]string{"MY_KEY": key}, redact.Options{Key: []byte("a key for tests only")})
	require.NoError(t, err)
	logged, err := json.Marshal(events.New(r).Event(trajectories.Event{Turn: &got}).Turn)
	require.NoError(t, err)
	require.NotContains(t, string(logged), key)
}

func TestAnAnswerThatIsNoWholeJSONIsKeptAsAString(t *testing.T) {
	body := `{"choices":[{"message":{"content":"hi"}}]} and more`
	got, err := next(t, options(llmtest.New(t, llmtest.Body(http.StatusOK, body))), start())
	require.NoError(t, err)
	var kept string
	require.NoError(t, json.Unmarshal(got.Response, &kept))
	require.Equal(t, body, kept)
}

func TestDescribeNamesTheModel(t *testing.T) {
	e := endpoint(t, llm.Options{BaseURL: "http://localhost:1/v1/", Model: "m"})
	require.Equal(t, trajectories.Policy{Name: "llm", Model: "m"}, e.Policy(nil).Describe())
}

func TestBadOptionsAreExplained(t *testing.T) {
	nan := float32(math.NaN())
	good := llm.Options{BaseURL: "http://localhost:8000/v1", Model: "m"}
	tests := []struct {
		name   string
		change func(*llm.Options)
		want   string
	}{
		{"no address", func(o *llm.Options) { o.BaseURL = "" }, "no base URL"},
		{"no scheme", func(o *llm.Options) { o.BaseURL = "localhost:8000/v1" }, "want http://"},
		{"no host", func(o *llm.Options) { o.BaseURL = "http:///v1" }, "and a host"},
		{"not an address", func(o *llm.Options) { o.BaseURL = "http://[" + key }, "cannot be read"},
		{"password", func(o *llm.Options) { o.BaseURL = "http://me:" + key + "@host/v1" }, "password"},
		{"query", func(o *llm.Options) { o.BaseURL = "http://host/v1?api-version=1" }, "query"},
		{"the address of the call itself", func(o *llm.Options) { o.BaseURL = "http://host/v1/chat/completions/" }, "leave out /chat/completions"},
		{"no model", func(o *llm.Options) { o.Model = " " }, "GET http://localhost:8000/v1/models"},
		{"a key with a line break", func(o *llm.Options) { o.APIKey = key + "\n" }, "API key holds"},
		{"temperature", func(o *llm.Options) { o.Temperature = &nan }, "from 0 to 2"},
		{"tokens", func(o *llm.Options) { o.MaxTokens = -1 }, "-1 tokens"},
		{"rate", func(o *llm.Options) { o.RequestsPerMinute = -1 }, "-1 requests"},
		{"timeout", func(o *llm.Options) { o.Timeout = -1 }, "negative"},
		{"price", func(o *llm.Options) { o.Price.Prompt = -1 }, "prices are"},
		{"reasoning", func(o *llm.Options) { o.ReasoningField = "thoughts" }, `"thoughts"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := good
			tt.change(&o)
			_, err := llm.NewEndpoint(o)
			require.ErrorContains(t, err, tt.want)
			require.NotContains(t, err.Error(), key)
		})
	}
}

// A place is an environment in memory.
type place struct{ did []string }

func (p *place) Task() env.Task {
	return env.Task{ID: "toy__calc-1", Repo: "toy/calc", ProblemStatement: "it is broken"}
}

func (p *place) Tools() []env.Tool {
	return []env.Tool{{Name: "bash", Description: "Run a command."}, {Name: "submit", Description: "End."}}
}

func (p *place) Do(_ context.Context, a env.Action) (env.Observation, error) {
	p.did = append(p.did, a.Tool+string(a.Arguments))
	return env.Observation{Text: "did " + a.Tool, Submitted: a.Tool == "submit"}, nil
}

func (p *place) Patch(context.Context) (string, error) { return "the patch", nil }

func TestAWholeEpisodeAgainstAnEndpointThatFailsNowAndThen(t *testing.T) {
	used := llmtest.Usage{Prompt: 1000, Completion: 100}
	s := llmtest.New(t,
		llmtest.Status(http.StatusBadGateway, "starting"),
		llmtest.Reply{Message: "Look.", Reasoning: "hm", Calls: []llmtest.Call{{Name: "bash", Arguments: `{"command":"ls"}`}, {ID: "x", Name: "bash", Arguments: `{"command":"pwd"}`}}, Usage: used},
		llmtest.Cut(),
		llmtest.Reply{Message: "I am done.", Usage: used},
		llmtest.Reply{Calls: []llmtest.Call{{ID: "x", Name: "submit", Arguments: ""}}, Usage: used},
	)
	o := options(s)
	o.Price = llm.Price{Prompt: 1, Completion: 10}
	purse := agent.NewBudget(1)
	policy := endpoint(t, o).Policy(purse.Episode(0.5))
	in := &place{}
	header, err := agent.NewHeader(in.Task(), in.Tools(), policy.Describe())
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "x.jsonl")
	log, err := trajectories.Create(path, header)
	require.NoError(t, err)
	defer log.Close()

	_, err = (&agent.Episode{Policy: policy, Environment: in, Limits: agent.DefaultLimits(), Header: header, Log: log}).Run(t.Context())
	require.NoError(t, err)
	got, err := trajectories.Read(path) // checks that ids are unique
	require.NoError(t, err)
	require.Equal(t, trajectories.ExitSubmitted, got.End.Status)
	require.Equal(t, "the patch", got.End.Patch)
	require.Equal(t, []string{`bash{"command":"ls"}`, `bash{"command":"pwd"}`, `submit{}`}, in.did)
	require.Len(t, got.Turns, 3)
	require.Equal(t, "hm", got.Turns[0].Reasoning)
	require.NotEmpty(t, got.Turns[1].FormatError)
	require.Equal(t, 3, got.End.Usage.Calls)
	require.InDelta(t, 0.006, got.End.Usage.Cost, 1e-9)
	require.InDelta(t, 0.006, purse.Spent(), 1e-9)
	require.Len(t, s.Requests(), 5)
	require.Equal(t, got.Turns[1].FormatError, s.Requests()[4].Messages[6].Text())
}
