package trajectories

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"github.com/apprentice-rl/apprentice/env"
)

// A Turn is one answer of a policy.
type Turn struct {
	N         int          `json:"n"` // from 1
	Time      time.Time    `json:"time,omitzero"`
	Model     string       `json:"model,omitempty"` // where it is not the header's
	Reasoning string       `json:"reasoning,omitempty"`
	Message   string       `json:"message,omitempty"`
	Actions   []env.Action `json:"actions,omitempty"`
	// Calls hold what the source of an imported turn had of its actions and
	// Actions cannot hold: one per action, or none at all.
	Calls []Call `json:"calls,omitempty"`
	Usage Usage  `json:"usage,omitzero"`
	// FormatError says why the answer could not be read as actions; the policy
	// is told and asked again.
	FormatError string `json:"format_error,omitempty"`

	// Copied says that the turn is of another trajectory and was copied into
	// this one's context. It is learned from where it was made.
	Copied bool `json:"copied,omitempty"`
	// Synthetic says that no model made the turn: the program around it did, as
	// some note their own limits ("exit_cost").
	Synthetic bool `json:"synthetic,omitempty"`
	// Lost says that the policy answered, and the source did not keep what.
	Lost bool `json:"lost,omitempty"`

	// Request and Response are the raw bodies exchanged with the model's
	// endpoint, without credentials. Of the request the messages and the tools
	// are left out: the header and the events before this one make them.
	Request  json.RawMessage `json:"request,omitempty"`
	Response json.RawMessage `json:"response,omitempty"`
	Origin   *Origin         `json:"origin,omitempty"`
}

// Trainable reports whether a model may learn to answer as this turn does: it
// acts, and the policy itself acted so, here, in a form that could be read.
func (t Turn) Trainable() bool {
	return len(t.Actions) > 0 && t.FormatError == "" && !t.Copied && !t.Synthetic && !t.Lost &&
		!slices.ContainsFunc(t.Calls, func(c Call) bool { return c.Invalid })
}

// ArgumentText returns the arguments of action i, from 0, as its source wrote
// them, and as the log holds them where the source does not differ.
func (t Turn) ArgumentText(i int) string {
	if i < len(t.Calls) && (t.Calls[i].Invalid || t.Calls[i].Text != "") {
		return t.Calls[i].Text
	}
	return string(t.Actions[i].Arguments)
}

// CallID returns the id of action i, from 0, as its source had it.
func (t Turn) CallID(i int) string {
	if i < len(t.Calls) && t.Calls[i].ID != "" {
		return t.Calls[i].ID
	}
	return t.Actions[i].ID
}

// Usage is what answers cost.
type Usage struct {
	Calls            int     `json:"calls,omitempty"`
	PromptTokens     int     `json:"prompt_tokens,omitempty"`
	CachedTokens     int     `json:"cached_tokens,omitempty"` // part of PromptTokens
	CompletionTokens int     `json:"completion_tokens,omitempty"`
	Cost             float64 `json:"cost,omitempty"` // US dollars
}

// Add returns the sum of two usages.
func (u Usage) Add(v Usage) Usage {
	u.Calls += v.Calls
	u.PromptTokens += v.PromptTokens
	u.CachedTokens += v.CachedTokens
	u.CompletionTokens += v.CompletionTokens
	u.Cost += v.Cost
	return u
}

// AtLeastZero returns u with zero for what is below it: nothing costs less.
func (u Usage) AtLeastZero() Usage {
	return Usage{
		Calls:            max(0, u.Calls),
		PromptTokens:     max(0, u.PromptTokens),
		CachedTokens:     max(0, u.CachedTokens),
		CompletionTokens: max(0, u.CompletionTokens),
		Cost:             max(0, u.Cost),
	}
}

// Or returns u with what it does not know, which is zero, as v has it. Sources
// may count tokens by the turn and money by the episode.
func (u Usage) Or(v Usage) Usage {
	return Usage{
		Calls:            cmp.Or(u.Calls, v.Calls),
		PromptTokens:     cmp.Or(u.PromptTokens, v.PromptTokens),
		CachedTokens:     cmp.Or(u.CachedTokens, v.CachedTokens),
		CompletionTokens: cmp.Or(u.CompletionTokens, v.CompletionTokens),
		Cost:             cmp.Or(u.Cost, v.Cost),
	}
}
