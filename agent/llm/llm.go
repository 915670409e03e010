// Package llm is the policy of a model behind an OpenAI-compatible endpoint:
// OpenAI itself, vLLM, SGLang, llama.cpp, Ollama, OpenRouter and their like.
//
// An [Endpoint] is made once and shared by all episodes, because what it
// guards is shared: the rate limit, the pause that the endpoint asks for, and
// the prices. A policy is made from it per episode:
//
//	endpoint, err := llm.NewEndpoint(llm.Options{
//		BaseURL: "http://localhost:8000/v1",
//		Model:   "Qwen/Qwen3-Coder-30B-A3B-Instruct",
//	})
//	purse := agent.NewBudget(20) // US dollars
//	factory := func(env.Task) (agent.Policy, error) {
//		return endpoint.Policy(purse.Episode(1)), nil
//	}
//
// A turn is one request: the system message and the prompt from the header of
// the trajectory, then every turn with what came back, and the header's tools
// as functions. Its answer's tool calls are the actions. So the model sees
// exactly what is recorded, and the raw bodies are kept in the turn.
//
// An answer that holds no call, or one that cannot be read, is a turn with a
// format error; the model is told and asked again. Calls of tools that do not
// exist are left to the environment, which tells the model. Everything else
// that goes wrong is an [*Error], and never the model's fault.
//
// The server has to turn the model's words into tool calls; vLLM does so only
// with --enable-auto-tool-choice and --tool-call-parser.
package llm

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/apprentice-rl/apprentice/agent"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/redact"
)

// Options say where a model is and how it is asked. BaseURL and Model are
// needed; the zero value of everything else is usable.
type Options struct {
	// BaseURL is what stands before /chat/completions, such as
	// http://localhost:8000/v1.
	BaseURL string
	// APIKey is sent as a bearer token. It appears in no error. Some endpoints
	// repeat it, and so may the model: an agent.Recorder whose Redactor knows it
	// keeps it out of the log.
	APIKey string
	Model  string
	// Temperature is from 0 to 2; nil leaves it to the endpoint.
	Temperature *float32
	// MaxTokens bounds one answer; zero leaves it to the endpoint.
	MaxTokens int
	// ReasoningField gives earlier reasoning back to the model under this name
	// ("reasoning" for vLLM, "reasoning_content" for DeepSeek); empty does
	// not, since some endpoints refuse it.
	ReasoningField string
	// Timeout bounds one call from its start to the last byte of the answer;
	// zero means DefaultTimeout.
	Timeout time.Duration
	// Price is what tokens cost. Without one, nothing is taken from a budget. A
	// call that fails without saying what it used counts as free.
	Price Price
	// RequestsPerMinute bounds the calls of all episodes together, evenly
	// spread; zero is no limit.
	RequestsPerMinute int
	// Retries is how often a call is made again that the endpoint failed;
	// zero means DefaultRetries, a negative number never.
	Retries int
	// RetryDelay is the wait before the first retry, which doubles from then
	// on up to a minute, give or take a half; zero means 1 second.
	RetryDelay time.Duration
	// Retrying, where set, is told of a call that failed and is made again
	// after the wait. It is called from the goroutines of all episodes.
	Retrying func(err error, wait time.Duration)
	// HTTPClient makes the calls; nil means http.DefaultClient.
	HTTPClient *http.Client
}

// The defaults of Options.
const (
	DefaultTimeout = 10 * time.Minute
	DefaultRetries = 5
)

// An Endpoint is a model at an address. It is safe for concurrent use.
type Endpoint struct {
	options Options
	pace    pace
	masks   *redact.Redactor // for errors
	// modern says that the endpoint wants max_completion_tokens for
	// max_tokens, which it is found to by asking: OpenAI's newer models refuse
	// the old name, many servers do not know the new one.
	modern atomic.Bool
	// met says that the model has answered once. Before that, an address where
	// nobody listens or somebody else does is most likely a wrong one.
	met atomic.Bool
}

// NewEndpoint checks the options. It does not call the endpoint.
func NewEndpoint(o Options) (*Endpoint, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("model endpoint: %w", err)
	}
	o.BaseURL = strings.TrimRight(o.BaseURL, "/")
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Retries == 0 {
		o.Retries = DefaultRetries
	}
	if o.RetryDelay == 0 {
		o.RetryDelay = time.Second
	}
	if o.HTTPClient == nil {
		o.HTTPClient = http.DefaultClient
	}
	masks, err := newMasks(o.APIKey)
	if err != nil {
		return nil, fmt.Errorf("model endpoint: %w", err)
	}
	return &Endpoint{options: o, pace: newPace(o.RequestsPerMinute), masks: masks}, nil
}

// newMasks returns what takes the key out of errors. A key that no redactor
// takes is a placeholder for a server that wants any, and may stand in a text
// for other reasons.
func newMasks(key string) (*redact.Redactor, error) {
	known := map[string]string{"API_KEY": key}
	if redact.Acceptable("API_KEY", key) != nil {
		known = nil
	}
	seal := make([]byte, 32)
	_, _ = rand.Read(seal) // it never fails
	return redact.New(known, redact.Options{Key: seal})
}

func (o Options) check() error {
	const example = "such as http://localhost:8000/v1"
	if o.BaseURL == "" {
		return errors.New("no base URL is given, " + example)
	}
	u, err := url.Parse(o.BaseURL)
	switch {
	case err != nil:
		// The parser's error repeats the address, which may hold a password.
		return errors.New("the base URL cannot be read; give one " + example)
	case u.User != nil:
		return errors.New("the base URL holds a user name or password; give the key apart from it")
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return fmt.Errorf("base URL %q: want http:// or https:// and a host, %s", o.BaseURL, example)
	case u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("base URL %q: a query or fragment cannot be kept; leave it out", o.BaseURL)
	case strings.HasSuffix(strings.TrimRight(u.Path, "/"), "/chat/completions"):
		return fmt.Errorf("base URL %q: leave out /chat/completions, which each call adds", o.BaseURL)
	}
	switch {
	case strings.TrimSpace(o.Model) == "":
		return errors.New("no model is named; GET " + strings.TrimRight(o.BaseURL, "/") + "/models usually lists them")
	case strings.ContainsFunc(o.APIKey, func(r rune) bool { return r <= ' ' || r > '~' }):
		return errors.New("the API key holds a space, a line break or a character outside ASCII; look at where it is read from")
	case o.Temperature != nil && !(*o.Temperature >= 0 && *o.Temperature <= 2):
		return fmt.Errorf("temperature %v: want a number from 0 to 2", *o.Temperature)
	case o.MaxTokens < 0:
		return fmt.Errorf("%d tokens per answer: want 1 or more, or 0 to leave it to the endpoint", o.MaxTokens)
	case o.RequestsPerMinute < 0:
		return fmt.Errorf("%d requests per minute: want 1 or more, or 0 for no limit", o.RequestsPerMinute)
	case o.Timeout < 0 || o.RetryDelay < 0:
		return errors.New("the timeout and the delay of retries cannot be negative")
	case !o.Price.valid():
		return errors.New("prices are US dollars per million tokens, 0 or more")
	}
	switch o.ReasoningField {
	case "", "reasoning", "reasoning_content":
		return nil
	}
	return fmt.Errorf("reasoning field %q: want reasoning or reasoning_content, or none", o.ReasoningField)
}

// Policy returns the policy of one episode, which is paid for from budget; nil
// is a budget without bottom.
func (e *Endpoint) Policy(budget *agent.Budget) agent.Policy {
	return &policy{endpoint: e, budget: budget}
}

type policy struct {
	endpoint *Endpoint
	budget   *agent.Budget
}

func (p *policy) Describe() trajectories.Policy {
	return trajectories.Policy{Name: "llm", Model: p.endpoint.options.Model}
}

// Next asks the model once. Its error is an *Error, an *agent.BudgetError or
// the context's cause; where the context ends while the endpoint fails, it
// matches both the cause and sandbox.ErrUnavailable.
func (p *policy) Next(ctx context.Context, t *trajectories.Trajectory) (trajectories.Turn, error) {
	answer, err := p.endpoint.complete(ctx, request(t), p.budget)
	if err != nil {
		return trajectories.Turn{}, err
	}
	turn := read(answer.choice, t.Header.Tools)
	turn.Usage = answer.usage
	turn.Request = record(withoutHistory(answer.request))
	turn.Response = record(answer.response)
	return turn, nil
}
