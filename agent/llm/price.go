package llm

import (
	"encoding/json"
	"unicode/utf8"

	openai "github.com/sashabaranov/go-openai"

	"github.com/apprentice-rl/apprentice/trajectories"
)

// A Price is what a model's tokens cost, in US dollars per million tokens.
type Price struct {
	Prompt     float64
	Cached     float64 // prompt tokens that the endpoint had in its cache; zero means as Prompt
	Completion float64 // reasoning included
}

// AssumedTokens is the length of an answer that money is reserved for when
// Options.MaxTokens does not bound it.
const AssumedTokens = 16_384

func (p Price) valid() bool { return p.Prompt >= 0 && p.Cached >= 0 && p.Completion >= 0 }

func (p Price) of(u trajectories.Usage) float64 {
	cached := p.Cached
	if cached == 0 {
		cached = p.Prompt
	}
	return (float64(u.PromptTokens-u.CachedTokens)*p.Prompt +
		float64(u.CachedTokens)*cached +
		float64(u.CompletionTokens)*p.Completion) / 1e6
}

// most is the most that a request can cost. Text has 3 characters or more per
// token on the average, code 3 to 4; a request's JSON has more of them than
// its text.
func (p Price) most(body []byte, maxTokens int) float64 {
	if maxTokens == 0 {
		maxTokens = AssumedTokens
	}
	return (float64(utf8.RuneCount(body))/3*max(p.Prompt, p.Cached) + float64(maxTokens)*p.Completion) / 1e6
}

// reported returns the usage that a body reports, whatever else is in it.
func reported(body []byte) (u trajectories.Usage, ok bool) {
	var answer struct {
		Usage *openai.Usage `json:"usage"`
	}
	if json.Unmarshal(body, &answer) != nil || answer.Usage == nil {
		return u, false
	}
	u.PromptTokens = max(0, answer.Usage.PromptTokens)
	u.CompletionTokens = max(0, answer.Usage.CompletionTokens)
	if d := answer.Usage.PromptTokensDetails; d != nil {
		u.CachedTokens = min(max(0, d.CachedTokens), u.PromptTokens)
	}
	return u, u.PromptTokens+u.CompletionTokens > 0
}
