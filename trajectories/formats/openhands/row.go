package openhands

import (
	"errors"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/document"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/chat"
	"github.com/apprentice-rl/apprentice/trajectories/formats/loose"
	"github.com/apprentice-rl/apprentice/trajectories/formats/members"
)

// A row is what an evaluation notes beside the events of a task (EvalOutput).
// Without an evaluation it is empty.
type row struct {
	header      trajectories.Header
	extra       members.List // of the header
	instruction string
	patch       *string
	failure     string // why the evaluation failed, in its words
	metrics     *metrics
}

type (
	testResult struct {
		GitPatch *loose.Text    `json:"git_patch"`
		Rest     jsontext.Value `json:",embed"`
	}

	// instance is the task, of which nothing else is kept.
	instance struct {
		Repo             loose.String `json:"repo"`
		BaseCommit       loose.String `json:"base_commit"`
		ProblemStatement loose.Text   `json:"problem_statement"`
	}

	metadata struct {
		LLMConfig *model         `json:"llm_config"` // V0
		LLM       *model         `json:"llm"`        // V1
		Rest      jsontext.Value `json:",embed"`
	}

	// model is the configuration of the model. Its credentials are read so that
	// they are not among the rest.
	model struct {
		Model              loose.String   `json:"model"`
		APIKey             jsontext.Value `json:"api_key"`
		AWSAccessKeyID     jsontext.Value `json:"aws_access_key_id"`
		AWSSecretAccessKey jsontext.Value `json:"aws_secret_access_key"`
		AWSSessionToken    jsontext.Value `json:"aws_session_token"`
		ExtraHeaders       jsontext.Value `json:"extra_headers"`
		Rest               jsontext.Value `json:",embed"`
	}

	// metrics is what a model has cost in all.
	metrics struct {
		ModelName             loose.String   `json:"model_name"`
		AccumulatedCost       loose.Number   `json:"accumulated_cost"`
		AccumulatedTokenUsage tokens         `json:"accumulated_token_usage"`
		Rest                  jsontext.Value `json:",embed"`
	}

	tokens struct {
		PromptTokens     loose.Number `json:"prompt_tokens"`
		CompletionTokens loose.Number `json:"completion_tokens"`
		CacheReadTokens  loose.Number `json:"cache_read_tokens"`
	}
)

func (m *metrics) usage() trajectories.Usage {
	return trajectories.Usage{
		PromptTokens:     m.AccumulatedTokenUsage.PromptTokens.Int(),
		CompletionTokens: m.AccumulatedTokenUsage.CompletionTokens.Int(),
		CachedTokens:     m.AccumulatedTokenUsage.CacheReadTokens.Int(),
		Cost:             float64(m.AccumulatedCost),
	}
}

// readRow reads a row, all but its history.
func readRow(in *formats.Input, n *document.Node) (*row, error) {
	r := &row{}
	for _, k := range n.Keys() {
		m, _ := n.Get(k.Name)
		if k.Kind == document.Null {
			continue
		}
		if err := in.Forgive(r.member(k.Name, m)); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *row) member(name string, n *document.Node) error {
	switch name {
	case "history":
	case "instance_id":
		return n.Decode((*loose.String)(&r.header.Task.ID))
	case "instruction":
		var text loose.Text
		err := n.Decode(&text)
		r.instruction = text.Text
		return err
	case "test_result":
		var t testResult
		err := n.Decode(&t)
		if t.GitPatch != nil && t.GitPatch.There {
			r.patch = &t.GitPatch.Text
		}
		r.extra.AddRaw(name, t.Rest)
		return err
	case "instance":
		var i instance
		err := n.Decode(&i)
		task := &r.header.Task
		task.Repo, task.BaseCommit, task.ProblemStatement = string(i.Repo), string(i.BaseCommit), i.ProblemStatement.Text
		return err
	case "metadata":
		return r.metadata(n)
	case "metrics":
		r.metrics = &metrics{}
		return n.Decode(r.metrics)
	case "error":
		var text loose.Text
		err := n.Decode(&text)
		r.failure = text.Text
		return err
	default:
		raw, err := n.Raw()
		r.extra.AddRaw(name, raw)
		return err
	}
	return nil
}

func (r *row) metadata(n *document.Node) error {
	var m metadata
	if err := n.Decode(&m); err != nil {
		return err
	}
	var extra members.List
	extra.AddAll(m.Rest)
	if c := m.LLMConfig; c != nil {
		r.header.Policy.Model = string(c.Model)
		extra.AddRaw("llm_config", c.Rest)
	}
	if c := m.LLM; c != nil {
		r.header.Policy.Model = string(c.Model)
		extra.AddRaw("llm", c.Rest)
	}
	if object := extra.Object(); object != nil {
		r.extra.Add("metadata", jsontext.Value(object))
	}
	return nil
}

// finish makes the header, once the prompt is known.
func (r *row) finish() {
	h := &r.header
	h.Policy.Name = "openhands"
	if h.Task.ProblemStatement == "" {
		h.Task.ProblemStatement = chat.Problem(h.Prompt)
	}
	if r.instruction != "" && r.instruction != h.Prompt {
		r.extra.Add("instruction", r.instruction)
	}
	if object := r.extra.Object(); object != nil {
		h.Origin = &trajectories.Origin{Extra: object}
	}
}

// history returns the events of a document: of a row, or the list itself.
func history(n *document.Node) (*document.Node, error) {
	if n.Kind() == document.Array {
		return n, nil
	}
	events, ok := n.Get("history")
	if !ok {
		return nil, &document.Error{Position: n.Position(), Err: errors.New(`there is no "history"`)}
	}
	return events, nil
}
