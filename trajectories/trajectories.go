// Package trajectories is the record of what policies did.
//
// A trajectory is the full record of one episode, as an append-only log of
// events in a JSONL file:
//
//	{"type":"header", …}       once, first: the task, the policy, the tools
//	{"type":"turn", …}         one answer of the policy; synced to disk before its actions run
//	{"type":"observation", …}  what came back, one per action
//	{"type":"end", …}          once, last: the exit status and the final patch
//
// Because a turn is on disk before anything acts on it, an answer that was
// paid for is never lost. A torn last line, which is what a crash leaves, is
// not fatal to [Read]; it is left out, and reported in [Trajectory.Torn].
//
// [Create] starts a log and returns its [Writer]; [Read] reads one back and
// checks it, and [List] finds the logs in a folder. Event types that this
// version does not know are skipped and counted, so that an older program can
// read what a newer one has written.
//
// An SRL step is a turn with at least one action; [Trajectory.Steps] numbers
// them from 1.
package trajectories

import (
	"encoding/json"
	"time"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/sandbox"
)

// Version is the version of the event log's form.
const Version = 1

// A Header opens a trajectory.
type Header struct {
	Version int       `json:"version"`
	ID      string    `json:"id"` // "<task id>.<attempt>", unique in its run
	Run     string    `json:"run"`
	Attempt int       `json:"attempt"` // from 1
	Started time.Time `json:"started"`
	Task    Task      `json:"task"`
	Policy  Policy    `json:"policy"`
	Tools   []Tool    `json:"tools"`
	// System and Prompt are the first two messages that the policy was given.
	System string `json:"system"`
	Prompt string `json:"prompt"`
	// Sandbox says where the episode ran and which limits were in force.
	Sandbox Sandbox `json:"sandbox"`
}

// Task is what a trajectory keeps of its task: nothing that a policy may not
// see, so neither the gold patch nor the hidden tests.
type Task struct {
	ID               string `json:"id"`
	Repo             string `json:"repo"`
	BaseCommit       string `json:"base_commit"`
	ProblemStatement string `json:"problem_statement"`
	Image            string `json:"image,omitempty"`
}

// Policy names who acted.
type Policy struct {
	Name  string `json:"name"` // "oracle", "llm", "replay"
	Model string `json:"model,omitempty"`
	// SyntheticReasoning says that the reasoning texts were not thought by
	// anyone: a script wrote them.
	SyntheticReasoning bool `json:"synthetic_reasoning,omitempty"`
}

// Tool is a tool's definition as the policy saw it.
type Tool struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Parameters  json.RawMessage `json:"parameters"`
}

// Sandbox says where an episode ran.
type Sandbox struct {
	Driver      string                                `json:"driver"`
	Image       string                                `json:"image,omitempty"`
	Enforcement map[sandbox.Limit]sandbox.Enforcement `json:"enforcement,omitempty"`
}

// A Turn is one answer of a policy.
type Turn struct {
	N         int          `json:"n"` // from 1
	Time      time.Time    `json:"time"`
	Reasoning string       `json:"reasoning,omitempty"`
	Message   string       `json:"message,omitempty"`
	Actions   []env.Action `json:"actions,omitempty"`
	Usage     Usage        `json:"usage,omitzero"`
	// FormatError says why the answer could not be read as actions; the policy
	// is told and asked again.
	FormatError string `json:"format_error,omitempty"`
	// Request and Response are the raw bodies exchanged with the model's
	// endpoint, without credentials. Of the request the messages and the tools
	// are left out: the header and the events before this one make them.
	Request  json.RawMessage `json:"request,omitempty"`
	Response json.RawMessage `json:"response,omitempty"`
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

// An Observation is what came back for one action of a turn.
type Observation struct {
	Turn int `json:"turn"`
	env.Observation
}

// An End closes a trajectory.
type End struct {
	Time   time.Time  `json:"time"`
	Status ExitStatus `json:"status"`
	// Detail says more in words where the status does not say it all.
	Detail string `json:"detail,omitempty"`
	// Patch is the final difference of the working tree, whatever the status.
	Patch string `json:"patch"`
	Usage Usage  `json:"usage,omitzero"`
}

// ExitStatus is how an episode ended, one of a closed set.
type ExitStatus string

// The exit statuses. ExitInfrastructure means that sandbox or model endpoint
// failed: such an episode says nothing about the policy and is run again.
const (
	ExitSubmitted      ExitStatus = "submitted"
	ExitStepLimit      ExitStatus = "step_limit"
	ExitTokenLimit     ExitStatus = "token_limit"
	ExitCostLimit      ExitStatus = "cost_limit"
	ExitTimeLimit      ExitStatus = "time_limit"
	ExitFormatErrors   ExitStatus = "format_errors" // too many in a row
	ExitGaveUp         ExitStatus = "gave_up"       // the policy itself cannot go on
	ExitInfrastructure ExitStatus = "infrastructure"
)

// A Trajectory is the record of one episode, read back.
type Trajectory struct {
	Header       Header
	Turns        []Turn
	Observations []Observation // in the order of the log
	End          *End          // nil while unfinished

	// Torn says that the last line of the log was cut off in the middle, as a
	// crash or a full disk leaves it. What it held is not here.
	Torn bool
	// Unknown counts the events that were skipped because this version does
	// not know their type.
	Unknown int
}

// Usage is what all turns together cost.
func (t *Trajectory) Usage() Usage {
	var sum Usage
	for _, turn := range t.Turns {
		sum = sum.Add(turn.Usage)
	}
	return sum
}

// A Step is one SRL step: a turn with at least one action, and the
// observations of its actions, in their order.
type Step struct {
	N            int // from 1, counting turns with actions only
	Turn         Turn
	Observations []env.Observation
}

// Steps returns the steps of the trajectory. An action whose observation is
// missing, because the episode was interrupted, gets none.
func (t *Trajectory) Steps() []Step {
	byAction := make(map[string]env.Observation, len(t.Observations))
	for _, o := range t.Observations {
		byAction[o.Action] = o.Observation
	}
	var steps []Step
	for _, turn := range t.Turns {
		if len(turn.Actions) == 0 {
			continue
		}
		s := Step{N: len(steps) + 1, Turn: turn}
		for _, a := range turn.Actions {
			if o, ok := byAction[a.ID]; ok {
				s.Observations = append(s.Observations, o)
			}
		}
		steps = append(steps, s)
	}
	return steps
}
