package main

import (
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/apprentice-rl/apprentice/agent"
	"github.com/apprentice-rl/apprentice/agent/llm"
	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/trajectories/redact"
)

// modelFlags say where a model is and what it may cost.
type modelFlags struct {
	baseURL     string
	model       string
	keyEnv      string
	temperature float32
	answer      int
	timeout     time.Duration
	perMinute   int
	price       llm.Price
	runCost     float64
	given       func(flag string) bool
}

func (f *modelFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.baseURL, "base-url", "", "llm: the endpoint, up to and without /chat/completions")
	flags.StringVar(&f.model, "model", "", "llm: the model's name at the endpoint")
	flags.StringVar(&f.keyEnv, "api-key-env", "OPENAI_API_KEY", "llm: environment variable with the key; it may be unset")
	flags.Float32Var(&f.temperature, "temperature", 0, "llm: sampling temperature (default: the endpoint's)")
	flags.IntVar(&f.answer, "max-answer-tokens", 0, "llm: tokens of one answer, 0 to leave it to the endpoint")
	flags.DurationVar(&f.timeout, "call-timeout", llm.DefaultTimeout, "llm: wall time of one call")
	flags.IntVar(&f.perMinute, "requests-per-minute", 0, "llm: calls of all episodes together, 0 for no limit")
	flags.Float64Var(&f.price.Prompt, "price-prompt", 0, "llm: US dollars per million prompt tokens")
	flags.Float64Var(&f.price.Completion, "price-completion", 0, "llm: US dollars per million completion tokens")
	flags.Float64Var(&f.runCost, "max-run-cost", 0, "llm: US dollars of the whole run, what it has cost before included, 0 for no limit; needs prices")
	f.given = func(flag string) bool { return flags.Changed(flag) }
}

// secrets are those of the endpoint. A key that no redactor takes is a
// placeholder for a server that wants any.
func (f *modelFlags) secrets() map[string]string {
	key := os.Getenv(f.keyEnv)
	for _, name := range []string{f.keyEnv, "API_KEY"} { // not every variable's name can be in a placeholder
		if redact.Acceptable(name, key) == nil {
			return map[string]string{name: key}
		}
	}
	return nil
}

// factory makes policies that share one endpoint and one purse, which what the
// run in dir has cost before is taken from; each episode may take perEpisode US
// dollars out of it.
func (f *modelFlags) factory(perEpisode float64, dir string) (agent.Factory, error) {
	o := llm.Options{
		BaseURL: f.baseURL, APIKey: os.Getenv(f.keyEnv), Model: f.model, MaxTokens: f.answer,
		Timeout: f.timeout, RequestsPerMinute: f.perMinute, Price: f.price,
	}
	if f.given("temperature") {
		o.Temperature = &f.temperature
	}
	endpoint, err := llm.NewEndpoint(o)
	if err != nil {
		return nil, userf("%w (--base-url, --model and --api-key-env say where)", err)
	}
	if (f.runCost > 0 || perEpisode > 0) && f.price == (llm.Price{}) {
		return nil, userf("a limit on cost needs prices: give --price-prompt and --price-completion")
	}
	purse := agent.NewBudget(f.runCost)
	if f.runCost > 0 {
		spent, err := agent.Spent(dir)
		if err != nil {
			return nil, err
		}
		purse.Charge(spent)
	}
	return func(env.Task) (agent.Policy, error) { return endpoint.Policy(purse.Episode(perEpisode)), nil }, nil
}
