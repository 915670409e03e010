package llm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
	openai "github.com/sashabaranov/go-openai"

	"github.com/apprentice-rl/apprentice/agent"
	"github.com/apprentice-rl/apprentice/trajectories"
)

// An answer is what a call brought.
type answer struct {
	choice            openai.ChatCompletionChoice
	request, response []byte
	usage             trajectories.Usage // of this call, and of failed ones before it
}

// complete asks for one answer, again where the endpoint fails.
func (e *Endpoint) complete(ctx context.Context, r openai.ChatCompletionRequest, budget *agent.Budget) (*answer, error) {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.Multiplier, wait.MaxInterval = e.options.RetryDelay, 2, time.Minute
	tries := 0
	var last *Error // the failure that is being waited after
	var usage trajectories.Usage
	a, err := backoff.Retry(ctx, func() (*answer, error) {
		tries++
		a, err := e.attempt(ctx, r, budget, &usage)
		var failed *Error
		if errors.As(err, &failed) && failed.again {
			if context.Cause(ctx) == nil { // else the context is to blame
				last = failed
			}
			return nil, err
		}
		return a, backoff.Permanent(err)
	}, backoff.WithBackOff(wait), backoff.WithMaxTries(uint(1+max(0, e.options.Retries))), backoff.WithMaxElapsedTime(0),
		backoff.WithNotify(func(err error, wait time.Duration) {
			if e.options.Retrying != nil {
				e.options.Retrying(err, wait)
			}
		}))
	if err == nil {
		a.usage = usage
		return a, nil
	}
	// A cancelled call may fail in any words.
	if cause := context.Cause(ctx); cause != nil {
		if left := e.pace.left(); last == nil && left > 0 {
			last = e.unavailable(0, fmt.Sprintf("the endpoint asks to be left alone for another %s", left.Round(time.Second)), false)
		}
		if last != nil {
			return nil, fmt.Errorf("%w; until then %w", cause, last)
		}
		return nil, cause
	}
	// The last of several tries is not unwrapped by the loop.
	var permanent *backoff.PermanentError
	if errors.As(err, &permanent) {
		err = permanent.Err
	}
	var failed *Error
	if errors.As(err, &failed) {
		failed.Tries = tries
	}
	return nil, err
}

// attempt makes one call, when its turn has come, and adds what it cost to
// usage.
func (e *Endpoint) attempt(ctx context.Context, r openai.ChatCompletionRequest, budget *agent.Budget, usage *trajectories.Usage) (*answer, error) {
	modern := e.modern.Load()
	a, err := e.call(ctx, r, budget, usage, modern)
	var failed *Error
	if errors.As(err, &failed) && failed.wantsModern && !modern {
		e.modern.Store(true)
		return e.call(ctx, r, budget, usage, true)
	}
	return a, err
}

func (e *Endpoint) call(ctx context.Context, r openai.ChatCompletionRequest, budget *agent.Budget, usage *trajectories.Usage, modern bool) (*answer, error) {
	var pause *pauseError
	if err := e.pace.wait(ctx); errors.As(err, &pause) {
		return nil, e.unavailable(0, pause.Error(), false)
	} else if err != nil {
		return nil, err
	}

	var reserved *agent.Reservation
	var most float64
	x := &exchange{
		client:    e.options.HTTPClient,
		set:       e.options.fields(modern),
		reasoning: e.options.ReasoningField,
		before: func(body []byte) (err error) {
			most = e.options.Price.most(body, e.options.MaxTokens)
			reserved, err = budget.Reserve(most)
			return err
		},
	}
	config := openai.DefaultConfig(e.options.APIKey)
	config.BaseURL, config.HTTPClient = e.options.BaseURL, x
	timed, cancel := context.WithTimeoutCause(ctx, e.options.Timeout, errStalled)
	defer cancel()
	response, err := openai.NewClientWithConfig(config).CreateChatCompletion(timed, r)
	if x.request == nil { // not sent: no money, or a request that is no JSON
		return nil, fmt.Errorf("asking model %s: %w", e.options.Model, err)
	}

	failed := e.failure(timed, x, response, err)
	spent, known := reported(x.response)
	spent.Cost = e.options.Price.of(spent)
	if failed == nil && !known {
		// A purse must not be overdrawn because an endpoint does not count.
		spent.Cost = most
	}
	reserved.Settle(spent.Cost)
	if failed == nil || known {
		spent.Calls = 1
		*usage = usage.Add(spent)
	}
	if failed != nil {
		return nil, failed
	}
	e.met.Store(true)
	return &answer{choice: response.Choices[0], request: x.request, response: x.response}, nil
}

// fields are the fields of a request that go-openai cannot be trusted with.
func (o Options) fields(modern bool) map[string]any {
	set := map[string]any{"model": o.Model}
	if o.Temperature != nil {
		set["temperature"] = *o.Temperature
	}
	switch {
	case o.MaxTokens > 0 && modern:
		set["max_completion_tokens"] = o.MaxTokens
	case o.MaxTokens > 0:
		set["max_tokens"] = o.MaxTokens
	}
	return set
}
