// Package srl turns an expert's trajectories into training examples for
// Supervised Reinforcement Learning (arXiv 2510.25992), one for each step.
//
// An expert solves a task in N steps. For step k the prompt is the issue and
// the latest steps before k; the target is the expert's action at k. The model
// answers each prompt G times (a group of rollouts), with a thought and an
// action of its own. Package srl/format reads the answers, package srl/reward
// scores them by their similarity to the expert's action, and [Keep] tells
// which groups there is something to learn from.
//
//	for example, err := range srl.Examples(trajectory, srl.Options{}) {
//		score, err := example.Reward.Score(rollout, example.Action)
//	}
//
// The prompt always continues the expert's steps, never the model's, and
// nothing runs while training. So each trajectory gives many examples that do
// not depend on each other.
//
// Which trajectories to learn from (those that are finished and resolved, as a
// rule) is the caller's choice.
package srl

import (
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"strings"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/srl/reward"
	"github.com/apprentice-rl/apprentice/trajectories"
)

// SchemaVersion is the version of the form of an Example. Version 2 has Profile
// and Title.
const SchemaVersion = 2

// An Example is one step of an expert, to be learned.
type Example struct {
	SchemaVersion int    `json:"schema_version"`
	ID            string `json:"id"` // "<trajectory id>#<step>"
	Task          string `json:"task_id"`
	Trajectory    string `json:"trajectory_id"`
	Step          int    `json:"step"`  // from 1
	Steps         int    `json:"steps"` // of the whole trajectory
	// Title is the step's own, where steps have one, as in solutions that are
	// numbered.
	Title string `json:"title,omitempty"`
	// Messages are the prompt: a system message with the tools and the format,
	// and one user message with the issue and the latest steps. The steps are
	// no messages of their own, because chat templates change past turns of an
	// assistant (they drop thoughts, for one).
	Messages []Message `json:"messages"`
	// Action is the expert's action, in the language that Reward names. If the
	// expert made several calls at once, it is all of them in their order.
	Action string `json:"action"`
	// Calls are the calls of Action.
	Calls []Call `json:"calls"`
	// Policy is the expert.
	Policy Policy `json:"policy"`
	// Reward is what scores answers to this prompt. Its rules name the format
	// that the prompt asks for.
	Reward reward.Reward `json:"reward"`
	// Profile says how the example was made.
	Profile         Made   `json:"profile"`
	EstimatedTokens Tokens `json:"estimated_tokens"`
}

// A Message is one message of a chat.
type Message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// A Call is one tool call of an action.
type Call struct {
	Tool      string          `json:"tool"`
	Arguments json.RawMessage `json:"arguments"`
}

// Policy names an expert.
type Policy struct {
	Name  string `json:"name"`
	Model string `json:"model,omitempty"`
	// Synthetic says that a script wrote the expert's reasoning.
	Synthetic bool `json:"synthetic,omitempty"`
}

// Tokens counts tokens by the rule of thumb of three and a half bytes a token. Only
// the tokenizer of a model knows better.
type Tokens struct {
	Prompt int `json:"prompt"`
	Action int `json:"action"`
}

// Examples returns the examples of a trajectory in the order of its steps. A
// prompt is made when it is asked for, so that one is in memory at a time.
//
// Turns without an action (format errors) are no steps. A step that no model
// may learn from (see trajectories.Turn.Trainable) is shown as a past step, and
// is no example. A step whose action, or one of whose shown past actions, cannot
// be written in the action language yields an error that matches
// format.ErrCannotHold, and the next step follows. Bad options yield one error.
func Examples(t *trajectories.Trajectory, opts Options) iter.Seq2[Example, error] {
	return func(yield func(Example, error) bool) {
		opts, err := opts.withDefaults()
		if err != nil {
			yield(Example{}, err)
			return
		}
		p, err := newPrompter(t, opts)
		if err != nil {
			yield(Example{}, err)
			return
		}
		excluded := opts.exclusions(p.steps)
		for k := 1; k <= len(p.steps); k++ {
			if why := excluded(k); why != "" {
				if opts.Excluded != nil {
					opts.Excluded(k, why)
				}
				continue
			}
			e, err := example(t.Header, p, k, opts)
			if err != nil {
				e, err = Example{}, fmt.Errorf("trajectory %s, step %d: %w", t.Header.ID, k, err)
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// example returns the example of step k, from 1.
func example(h trajectories.Header, p *prompter, k int, opts Options) (Example, error) {
	step := p.steps[k-1]
	texts, err := p.actions(k)
	if err != nil {
		return Example{}, err
	}
	action := strings.Join(texts, "\n")
	messages, err := p.prompt(k)
	if err != nil {
		return Example{}, err
	}
	e := Example{
		SchemaVersion: SchemaVersion,
		ID:            fmt.Sprintf("%s#%d", h.ID, k),
		Task:          h.Task.ID,
		Trajectory:    h.ID,
		Step:          k,
		Steps:         len(p.steps),
		Messages:      messages,
		Action:        action,
		Policy:        Policy{Name: h.Policy.Name, Model: h.Policy.Model, Synthetic: h.Policy.SyntheticReasoning},
		Title:         titleOf(p.language, step),
		Reward:        opts.Reward,
		Profile:       opts.made,
	}
	for _, a := range step.Turn.Actions {
		e.Calls = append(e.Calls, Call{Tool: a.Tool, Arguments: argumentsOf(a)})
	}
	for _, m := range messages {
		e.EstimatedTokens.Prompt += tokens(m.Content)
	}
	e.EstimatedTokens.Action = tokens(action)
	return e, nil
}

// argumentsOf returns the arguments of an action, {} where there are none.
func argumentsOf(a env.Action) json.RawMessage {
	if len(a.Arguments) == 0 {
		return json.RawMessage("{}")
	}
	return a.Arguments
}

// bytesPerToken is for the prompts and actions of coding agents, of which code and
// the output of programs are most; see docs/srl.md.
const bytesPerToken = 3.5

func tokens(text string) int { return int(math.Ceil(float64(len(text)) / bytesPerToken)) }
