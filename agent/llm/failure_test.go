package llm_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/agent"
	"github.com/apprentice-rl/apprentice/agent/llm"
	"github.com/apprentice-rl/apprentice/agent/llm/llmtest"
	"github.com/apprentice-rl/apprentice/sandbox"
)

var good = llmtest.Reply{Message: "Done.", Calls: []llmtest.Call{{ID: "1", Name: "submit", Arguments: "{}"}}}

func TestWhatTheEndpointFailsIsAskedAgain(t *testing.T) {
	tests := map[string]llmtest.Reply{
		"rate limit":                llmtest.RateLimited(""),
		"no such time":              llmtest.RateLimited("soon"),
		"a time that has gone":      llmtest.RateLimited("-5"),
		"a time that is no number":  llmtest.RateLimited("NaN"),
		"request timeout":           llmtest.Status(http.StatusRequestTimeout, "slow"),
		"internal error":            llmtest.Status(http.StatusInternalServerError, "oops"),
		"bad gateway":               llmtest.Body(http.StatusBadGateway, "<html>nginx</html>"),
		"its own words":             llmtest.Status(http.StatusInternalServerError, "no memory for this context size"),
		"unavailable":               llmtest.Status(http.StatusServiceUnavailable, "loading"),
		"gateway timeout":           llmtest.Status(http.StatusGatewayTimeout, "slow"),
		"overloaded":                llmtest.Status(529, "overloaded"),
		"connection cut":            llmtest.Cut(),
		"not JSON":                  llmtest.NotJSON(),
		"empty":                     llmtest.Body(http.StatusOK, ""),
		"no choices":                llmtest.Body(http.StatusOK, `{"choices":[]}`),
		"an error with status 200":  llmtest.Body(http.StatusOK, `{"error":{"message":"the provider is down","code":502}}`),
		"a provider that broke off": {Message: "I will", FinishReason: "error"},
	}
	for name, fault := range tests {
		t.Run(name, func(t *testing.T) {
			s := llmtest.New(t, good, fault, good)
			o := options(s)
			told := 0
			o.Retrying = func(err error, _ time.Duration) { told++ }
			p := endpoint(t, o).Policy(nil)
			for range 2 {
				got, err := p.Next(t.Context(), start())
				require.NoError(t, err)
				require.Equal(t, "Done.", got.Message)
			}
			require.Len(t, s.Requests(), 3)
			require.Equal(t, 1, told)
		})
		t.Run(name+", always", func(t *testing.T) {
			s := llmtest.New(t, good, fault, fault, fault)
			o := options(s)
			o.Retries = 2
			p := endpoint(t, o).Policy(nil)
			_, err := p.Next(t.Context(), start())
			require.NoError(t, err)
			_, err = p.Next(t.Context(), start())
			require.ErrorIs(t, err, sandbox.ErrUnavailable)
			require.NotErrorIs(t, err, agent.ErrStop)
			require.ErrorContains(t, err, "after 3 tries")
			require.ErrorContains(t, err, "model scripted at "+s.URL())
		})
	}
}

// Somebody who mistypes an address should not wait for all the retries.
func TestAnAddressWhereNoModelHasAnsweredYetStopsTheRun(t *testing.T) {
	s := llmtest.New(t, llmtest.NotJSON())
	_, err := next(t, options(s), start())
	require.ErrorIs(t, err, agent.ErrStop)
	require.NotErrorIs(t, err, sandbox.ErrUnavailable)
	require.ErrorContains(t, err, "usually ends with /v1")
	require.Len(t, s.Requests(), 1)

	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close()) // nobody listens there now
	o := options(s)
	o.BaseURL = "http://" + l.Addr().String() + "/v1"
	_, err = next(t, o, start())
	require.ErrorIs(t, err, agent.ErrStop)
	require.ErrorIs(t, err, sandbox.ErrUnavailable)
	require.ErrorContains(t, err, "nobody listens there")
}

func TestACallThatStallsIsCutOff(t *testing.T) {
	for name, fault := range map[string]llmtest.Reply{"before the answer": llmtest.Hang(), "within the answer": llmtest.Stall()} {
		t.Run(name, func(t *testing.T) {
			o := options(llmtest.New(t, fault))
			o.Timeout, o.Retries = 20*time.Millisecond, -1
			_, err := next(t, o, start())
			require.ErrorIs(t, err, sandbox.ErrUnavailable)
			require.ErrorContains(t, err, "within 20ms")
		})
	}
}

func TestAnEndpointThatIsNotThereIsUnavailable(t *testing.T) {
	s := httptest.NewServer(nil)
	s.Close()
	_, err := next(t, llm.Options{BaseURL: s.URL, Model: "m", RetryDelay: time.Millisecond, Retries: 1}, start())
	require.ErrorIs(t, err, sandbox.ErrUnavailable)
	require.ErrorContains(t, err, "connection refused")
}

func TestWhatNoRetryMendsIsNotAskedAgain(t *testing.T) {
	tests := []struct {
		name  string
		reply llmtest.Reply
		is    error // nil: none of the known ones
		says  string
	}{
		{"refused key", llmtest.Unauthorized(key), agent.ErrStop, "the API key was refused (401 Unauthorized: Incorrect API key provided: [API_KEY])"},
		{"forbidden", llmtest.Status(http.StatusForbidden, "not for you"), agent.ErrStop, "may not use this model"},
		{"no such model", llmtest.Status(http.StatusNotFound, "The model `m` does not exist."), agent.ErrStop, "does not exist.): check the model's name and the base URL"},
		{"no such model, with another status", llmtest.Body(400, `{"error":{"message":"invalid model","code":"model_not_found"}}`), agent.ErrStop, "no such model"},
		{"no money", llmtest.Status(http.StatusPaymentRequired, "Insufficient credits"), agent.ErrStop, "top it up"},
		{"no quota", llmtest.Body(429, `{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}`), agent.ErrStop, "top it up"},
		{"context length of OpenAI", llmtest.ContextLength(), agent.ErrContextLength, "maximum context length is 8192"},
		{"context length of vLLM", llmtest.Body(400, `{"object":"error","message":"'max_tokens' or 'max_completion_tokens' is too large: 9000. This model's maximum context length is 8192 tokens","code":400}`), agent.ErrContextLength, "maximum context length"},
		{"context length of llama.cpp", llmtest.Body(400, `{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error"}}`), agent.ErrContextLength, "exceeds the available"},
		{"context length of SGLang", llmtest.Body(400, `{"object":"error","message":"The input (9000 tokens) is longer than the model's context length (8192 tokens).","code":400}`), agent.ErrContextLength, "is longer than"},
		{"context length with status 200", llmtest.Body(200, `{"error":{"code":400,"message":"maximum context length is 8192 tokens"}}`), agent.ErrContextLength, "maximum"},
		{"another bad request", llmtest.Status(http.StatusBadRequest, "temperature is not supported"), nil, "400 Bad Request: temperature is not supported"},
		{"an error in FastAPI's form", llmtest.Body(422, `{"detail":[{"msg":"field required"}]}`), nil, "field required"},
		{"an error that is a text", llmtest.Body(400, `{"error":"no tools here"}`), nil, "no tools here"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := llmtest.New(t, tt.reply)
			_, err := next(t, options(s), start())
			require.ErrorContains(t, err, tt.says)
			require.ErrorContains(t, err, "model scripted at "+s.URL())
			require.NotContains(t, err.Error(), key)
			for _, sentinel := range []error{agent.ErrStop, agent.ErrContextLength, sandbox.ErrUnavailable} {
				require.Equal(t, errors.Is(tt.is, sentinel), errors.Is(err, sentinel), "%v", sentinel)
			}
			require.Len(t, s.Requests(), 1)
		})
	}
}

func TestAnErrorOfTheLastTryDoesNotStopTheRetriesOfTheCaller(t *testing.T) {
	o := options(llmtest.New(t, llmtest.RateLimited(""), llmtest.Unauthorized(key)))
	o.Retries = 1
	_, err := next(t, o, start())
	var failed *llm.Error
	require.ErrorAs(t, err, &failed)
	require.Equal(t, 2, failed.Tries)
	var permanent *backoff.PermanentError
	require.False(t, errors.As(err, &permanent))
}

func TestAMissingKeyIsSaid(t *testing.T) {
	o := options(llmtest.New(t, llmtest.Unauthorized("")))
	o.APIKey = ""
	_, err := next(t, o, start())
	require.ErrorIs(t, err, agent.ErrStop)
	require.ErrorContains(t, err, "none was given")
}

func TestACancelledCallEndsWithTheCause(t *testing.T) {
	interrupted := errors.New("interrupted by the user")
	ctx, cancel := context.WithCancelCause(t.Context())
	s := llmtest.NewFunc(t, func(llmtest.Request) llmtest.Reply {
		cancel(interrupted)
		return llmtest.Hang()
	})
	_, err := endpoint(t, options(s)).Policy(nil).Next(ctx, start())
	require.Equal(t, interrupted, err)
	require.Len(t, s.Requests(), 1)
}

// inMemory calls a server without a network, so that a test's time may be
// synctest's.
type inMemory struct{ server http.Handler }

func (m inMemory) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	m.server.ServeHTTP(w, r)
	return w.Result(), nil
}

// timed are options whose calls take no time of their own.
func timed(s *llmtest.Server) llm.Options {
	o := options(s)
	o.BaseURL, o.HTTPClient = "http://memory/v1", &http.Client{Transport: inMemory{s}}
	return o
}

func TestRetryAfterHoldsAllEpisodesBack(t *testing.T) {
	at := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // where synctest's time begins
	for name, header := range map[string]string{"seconds": "20", "a date": at.Add(20 * time.Second).Format(http.TimeFormat)} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			limited := false
			s := llmtest.NewFunc(t, func(llmtest.Request) llmtest.Reply {
				mu.Lock()
				defer mu.Unlock()
				if !limited {
					limited = true
					return llmtest.RateLimited(header)
				}
				return good
			})
			synctest.Test(t, func(t *testing.T) {
				e := endpoint(t, timed(s))
				var took [3]time.Duration
				var wg sync.WaitGroup
				for i := range took {
					wg.Go(func() {
						time.Sleep(time.Duration(i) * time.Second)
						_, err := e.Policy(nil).Next(t.Context(), start())
						if err == nil {
							took[i] = time.Since(at)
						}
					})
				}
				wg.Wait()
				for _, d := range took {
					require.Equal(t, 20*time.Second, d)
				}
			})
			require.Len(t, s.Requests(), 4)
		})
	}
}

func TestACallThatWaitedForTheRateLimitKeepsToAPauseThatBeganMeanwhile(t *testing.T) {
	var mu sync.Mutex
	var asked []time.Duration
	s := llmtest.NewFunc(t, func(llmtest.Request) llmtest.Reply {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, time.Since(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)))
		if len(asked) == 1 {
			time.Sleep(time.Second)
			return llmtest.RateLimited("20")
		}
		return good
	})
	synctest.Test(t, func(t *testing.T) {
		o := timed(s)
		o.RequestsPerMinute = 30
		e := endpoint(t, o)
		var wg sync.WaitGroup
		for i := range 2 {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * time.Second / 2)
				_, _ = e.Policy(nil).Next(t.Context(), start())
			})
		}
		wg.Wait()
	})
	require.Equal(t, []time.Duration{0, 21 * time.Second, 23 * time.Second}, asked)
}

func TestAVeryLongRetryAfterIsNotWaitedFor(t *testing.T) {
	s := llmtest.New(t, llmtest.RateLimited("86400"))
	synctest.Test(t, func(t *testing.T) {
		e := endpoint(t, timed(s))
		for range 2 { // the second does not even ask
			began := time.Now()
			_, err := e.Policy(nil).Next(t.Context(), start())
			require.ErrorIs(t, err, sandbox.ErrUnavailable)
			require.ErrorContains(t, err, "left alone for 24h0m0s")
			require.Less(t, time.Since(began), time.Second)
		}
	})
}

func TestRetriesWaitLongerAndLonger(t *testing.T) {
	fault := llmtest.Status(http.StatusInternalServerError, "oops")
	s := llmtest.New(t, fault, fault, fault, good)
	synctest.Test(t, func(t *testing.T) {
		o := timed(s)
		o.RetryDelay = 0 // one second, then two, then four, each give or take a half
		began := time.Now()
		_, err := next(t, o, start())
		require.NoError(t, err)
		require.GreaterOrEqual(t, time.Since(began), 3500*time.Millisecond)
		require.LessOrEqual(t, time.Since(began), 10500*time.Millisecond+3)
	})
}

func TestTheRateLimitIsSharedByAllEpisodes(t *testing.T) {
	s := llmtest.NewFunc(t, func(llmtest.Request) llmtest.Reply { return good })
	synctest.Test(t, func(t *testing.T) {
		o := timed(s)
		o.RequestsPerMinute = 30
		e := endpoint(t, o)
		began := time.Now()
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() { _, _ = e.Policy(nil).Next(t.Context(), start()) })
		}
		wg.Wait()
		require.InDelta(t, 6, time.Since(began).Seconds(), 1e-6)
	})
	require.Len(t, s.Requests(), 4)
}

func TestATimeLimitEndsAWaitForTheRateLimit(t *testing.T) {
	s := llmtest.New(t, good)
	synctest.Test(t, func(t *testing.T) {
		o := timed(s)
		o.RequestsPerMinute = 1
		e := endpoint(t, o)
		_, err := e.Policy(nil).Next(t.Context(), start())
		require.NoError(t, err)
		over := errors.New("the time is over")
		ctx, cancel := context.WithTimeoutCause(t.Context(), 10*time.Second, over)
		defer cancel()
		began := time.Now()
		_, err = e.Policy(nil).Next(ctx, start())
		require.Equal(t, over, err)
		require.Equal(t, 10*time.Second, time.Since(began))
	})
}

func TestMoneyIsReservedBeforeACall(t *testing.T) {
	tests := []struct {
		name      string
		price     llm.Price
		maxTokens int
		purse     float64
		refused   bool
	}{
		{"enough for the longest answer", llm.Price{Completion: 10}, 1000, 0.0101, false},
		{"too little for it", llm.Price{Completion: 10}, 1000, 0.0099, true},
		{"an unbounded answer is assumed to be long", llm.Price{Completion: 10}, 0, 10e-6 * (llm.AssumedTokens - 1), true},
		{"too little for the prompt", llm.Price{Prompt: 1000}, 1, 0.01, true},
		{"no price", llm.Price{}, 0, 1e-9, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := llmtest.NewFunc(t, func(llmtest.Request) llmtest.Reply { return good })
			o := options(s)
			o.Price, o.MaxTokens = tt.price, tt.maxTokens
			_, err := endpoint(t, o).Policy(agent.NewBudget(0).Episode(tt.purse)).Next(t.Context(), start())
			if !tt.refused {
				require.NoError(t, err)
				return
			}
			var budget *agent.BudgetError
			require.ErrorAs(t, err, &budget)
			require.Empty(t, s.Requests())
		})
	}
}

func TestMoneyIsSettledWithWhatWasUsed(t *testing.T) {
	used := llmtest.Usage{Prompt: 1000, Cached: 400, Completion: 50}
	price := llm.Price{Prompt: 2, Cached: 0.5, Completion: 8}
	const cost = (600*2 + 400*0.5 + 50*8) / 1e6
	call := []llmtest.Call{{Name: "bash", Arguments: `{}`}}
	failed := llmtest.Body(500, `{"error":{"message":"broke off"},"usage":{"prompt_tokens":1000,"completion_tokens":50,"prompt_tokens_details":{"cached_tokens":400}}}`)
	tests := []struct {
		name   string
		script []llmtest.Reply
		price  llm.Price
		want   float64
		calls  int
	}{
		{"an answer", []llmtest.Reply{{Calls: call, Usage: used}}, price, cost, 1},
		{"a malformed answer", []llmtest.Reply{{Message: "hm", Usage: used}}, price, cost, 1},
		{"a failed call that reports usage", []llmtest.Reply{failed, {Calls: call, Usage: used}}, price, 2 * cost, 2},
		{"a failed call that reports none", []llmtest.Reply{llmtest.Cut(), {Calls: call, Usage: used}}, price, cost, 1},
		{"no price for cached tokens", []llmtest.Reply{{Calls: call, Usage: used}}, llm.Price{Prompt: 2}, 0.002, 1},
		{"no price", []llmtest.Reply{{Calls: call, Usage: used}}, llm.Price{}, 0, 1},
		{"more cached than sent", []llmtest.Reply{{Calls: call, Usage: llmtest.Usage{Prompt: 10, Cached: 99}}}, price, 10 * 0.5 / 1e6, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := options(llmtest.New(t, tt.script...))
			o.Price = tt.price
			purse := agent.NewBudget(1)
			turn, err := endpoint(t, o).Policy(purse).Next(t.Context(), start())
			require.NoError(t, err)
			require.InDelta(t, tt.want, turn.Usage.Cost, 1e-12)
			require.InDelta(t, tt.want, purse.Spent(), 1e-12)
			require.Equal(t, tt.calls, turn.Usage.Calls)
			_, err = purse.Reserve(1 - tt.want - 1e-9) // nothing stays reserved
			require.NoError(t, err)
		})
	}
}

func TestAnAnswerWithoutUsageCostsAllThatWasReserved(t *testing.T) {
	o := options(llmtest.New(t, good))
	o.Price, o.MaxTokens = llm.Price{Completion: 10}, 1000
	purse := agent.NewBudget(1)
	turn, err := endpoint(t, o).Policy(purse).Next(t.Context(), start())
	require.NoError(t, err)
	require.InDelta(t, 0.01, turn.Usage.Cost, 1e-12)
	require.InDelta(t, 0.01, purse.Spent(), 1e-12)
}

func TestParallelEpisodesCannotOverdrawAPurse(t *testing.T) {
	s := llmtest.NewFunc(t, func(r llmtest.Request) llmtest.Reply {
		return llmtest.Reply{Message: fmt.Sprint(r.Turn()), Calls: good.Calls, Usage: llmtest.Usage{Prompt: 10, Completion: 1000}}
	})
	o := options(s)
	o.Price, o.MaxTokens = llm.Price{Completion: 10}, 1000
	e, purse := endpoint(t, o), agent.NewBudget(0.035)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { _, _ = e.Policy(purse).Next(t.Context(), start()) })
	}
	wg.Wait()
	require.InDelta(t, 0.03, purse.Spent(), 1e-9)
	require.Len(t, s.Requests(), 3)
}

func FuzzAnswers(f *testing.F) {
	f.Add(200, `{"choices":[{"message":{"tool_calls":[{"function":{"name":"bash","arguments":{"a":1}}}]}}]}`)
	f.Add(200, `{"choices":[{"message":{"reasoning":"a","content":[{"text":"b"}]}}],"usage":{"prompt_tokens":-1}} more`)
	f.Add(200, `{"choices":[null,1],"error":{"code":401}}`)
	f.Add(400, `{"error":[{"message":["a"]}],"detail":{}}`)
	f.Add(500, "\xff")
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 {
			return
		}
		server := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		})
		turn, err := next(t, llm.Options{
			BaseURL: "http://memory/v1", Model: "m", Retries: -1, HTTPClient: &http.Client{Transport: inMemory{server}},
		}, start())
		if err != nil {
			var failed *llm.Error
			require.ErrorAs(t, err, &failed)
			return
		}
		require.True(t, json.Valid(turn.Response))
		require.NotEqual(t, len(turn.Actions) > 0, turn.FormatError != "")
		for _, a := range turn.Actions {
			require.True(t, json.Valid(a.Arguments))
		}
	})
}

func TestATimeLimitInAWaitForAFailingEndpointSaysSo(t *testing.T) {
	over := errors.New("over")
	for name, fault := range map[string]llmtest.Reply{"retry": llmtest.Status(http.StatusServiceUnavailable, "loading"), "pause": llmtest.RateLimited("300")} {
		t.Run(name, func(t *testing.T) {
			s := llmtest.NewFunc(t, func(llmtest.Request) llmtest.Reply { return fault })
			o := options(s)
			o.RetryDelay = time.Hour
			endpoint, err := llm.NewEndpoint(o)
			require.NoError(t, err)
			// The second call only waits for what the first was told.
			for range 2 {
				ctx, cancel := context.WithTimeoutCause(t.Context(), 300*time.Millisecond, over)
				_, err = endpoint.Policy(nil).Next(ctx, start())
				cancel()
				require.ErrorIs(t, err, over)
				require.ErrorIs(t, err, sandbox.ErrUnavailable)
				require.NotContains(t, err.Error(), "context deadline exceeded")
			}
		})
	}
}
