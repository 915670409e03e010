package mini

import (
	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/loose"
)

// lossy lists what version 1.1 cannot hold of a trajectory.
func lossy(t *trajectories.Trajectory) []formats.Loss {
	var l formats.Losses
	own := isOwn(t.Header)
	if !own {
		lossyHeader(&l, t.Header)
	}
	for _, turn := range t.Turns {
		lossyTurn(&l, turn, own)
	}
	for _, o := range t.Observations {
		lossyObservation(&l, o, own)
	}
	for _, m := range t.Messages {
		switch m.Kind {
		case trajectories.MessageNote, trajectories.MessageOrphan, trajectories.MessageExit:
		default:
			l.Add("message."+string(m.Kind), m.After, "it becomes a message of the chat like others")
		}
		if !own && m.Origin != nil {
			l.Add("message.origin", m.After, "it is of another format")
		}
	}
	for _, v := range t.Views {
		l.Add("view", v.Turn, "there is one list of messages for all turns")
	}
	if t.End != nil && !own {
		lossyEnd(&l, *t.End)
	}
	return l.All()
}

func lossyHeader(l *formats.Losses, h trajectories.Header) {
	const nowhere = "there is no member for it"
	for _, f := range []struct {
		field string
		there bool
		why   string
	}{
		{"header.run", h.Run != "", nowhere},
		{"header.attempt", h.Attempt > 1, nowhere},
		{"header.started", !h.Started.IsZero(), nowhere},
		{"header.task.repo", h.Task.Repo != "", nowhere},
		{"header.task.base_commit", h.Task.BaseCommit != "", nowhere},
		{"header.task.problem_statement", h.Task.ProblemStatement != issue(h.Prompt, ""), "it is told from the prompt, in which it does not stand as mini-swe-agent's prompts have it"},
		{"header.policy.name", h.Policy.Name != "" && h.Policy.Name != "mini-swe-agent", "the file says that mini-swe-agent acted"},
		{"header.policy.synthetic_reasoning", h.Policy.SyntheticReasoning, nowhere},
		{"header.tools", len(h.Tools) != 1 || h.Tools[0].Name != "bash", "there is one tool, and its definition is known"},
		{"header.sandbox", h.Sandbox.Driver != "", nowhere},
		{"header.parent", h.Parent != nil, nowhere},
		{"header.session", h.Session != "", nowhere},
		{"header.notes", h.Notes != "", nowhere},
		{"header.origin", h.Origin != nil, "it is of another format"},
	} {
		if f.there {
			l.Add(f.field, 0, f.why)
		}
	}
}

func lossyTurn(l *formats.Losses, t trajectories.Turn, own bool) {
	for _, f := range []struct {
		field string
		there bool
		why   string
	}{
		{"turn.model", t.Model != "", "there is one model for all turns"},
		{"turn.request", t.Request != nil, "there is no member for it"},
		{"turn.copied", t.Copied, "the turn would look like any other"},
		{"turn.synthetic", t.Synthetic, "the turn would look like any other"},
		{"turn.format_error", t.FormatError != "" && len(t.Actions) > 0, "an answer with calls is not in the wrong form"},
		{"turn.usage", t.Response == nil && t.Usage.PromptTokens+t.Usage.CompletionTokens > 0, "tokens are counted in the response, which is not there"},
		{"turn.origin", !own && t.Origin != nil, "it is of another format"},
	} {
		if f.there {
			l.Add(f.field, t.N, f.why)
		}
	}
	if !own && t.FormatError != "" && len(t.Actions) == 0 {
		const why = "of an answer in the wrong form there is what its response says"
		message, reasoning := answered(t)
		if message != t.Message {
			l.Add("turn.message", t.N, why)
		}
		if reasoning != t.Reasoning {
			l.Add("turn.reasoning", t.N, why)
		}
	}
	for _, a := range t.Actions {
		if a.Tool != "bash" {
			l.Add("turn.actions.tool", t.N, "mini-swe-agent has the tool bash alone; the call is written all the same")
			break
		}
	}
}

// answered is what an import finds of an answer in the wrong form. Its response
// is made from the turn where it has none, and may be of another API where it
// has one.
func answered(t trajectories.Turn) (message, reasoning string) {
	switch {
	case t.Response != nil:
	case t.Lost:
		return "", ""
	default:
		return t.Message, t.Reasoning
	}
	var response struct {
		Choices []struct {
			Message struct {
				Content   loose.Text `json:"content"`
				Reasoning loose.Text `json:"reasoning_content"`
			} `json:"message"`
		} `json:"choices"`
	}
	if loose.Unmarshal(t.Response, &response) != nil || len(response.Choices) == 0 {
		return "", ""
	}
	first := response.Choices[0].Message
	return first.Content.Text, first.Reasoning.Text
}

func lossyObservation(l *formats.Losses, o trajectories.Observation, own bool) {
	if own {
		return
	}
	if o.Origin != nil {
		l.Add("observation.origin", o.Turn, "it is of another format")
	}
	if o.Duration != 0 {
		l.Add("observation.duration", o.Turn, "there is no member for it")
	}
	if o.Submitted {
		l.Add("observation.submitted", o.Turn, "the end of the episode tells it")
	}
	r := o.Result
	if r == nil {
		if o.Failed {
			l.Add("observation.failed", o.Turn, "without an exit code there is no member for it")
		}
		return
	}
	plain := r.End == sandbox.EndExit || r.End == sandbox.EndTimeout || r.End == sandbox.EndRefused
	if !plain || r.Dropped+r.MemoryPeak != 0 || r.Duration+r.CPU != 0 {
		l.Add("observation.result", o.Turn, "only exit codes, timeouts and refusals have members")
	}
	if o.Failed == r.Succeeded() {
		l.Add("observation.failed", o.Turn, "the exit code tells it, and says otherwise")
	}
}

func lossyEnd(l *formats.Losses, e trajectories.End) {
	for _, f := range []struct {
		field string
		there bool
		why   string
	}{
		{"end.time", !e.Time.IsZero(), "there is no member for it"},
		{"end.status", status(statusOf(e.Status), e.Status == trajectories.ExitCostLimit) != e.Status, "mini-swe-agent has no such status"},
		{"end.limit", e.Limit != "", "there is no member for it"},
		{"end.source_status", e.SourceStatus != "" && e.SourceStatus != statusOf(e.Status), "it is in the words of another program"},
		{"end.submission", e.Submission != nil && e.Patch != "", "the file holds the submission, and no patch beside it"},
		{"end.usage", e.Usage.PromptTokens+e.Usage.CompletionTokens > 0, "the sums of tokens have no members"},
		{"end.redactions", len(e.Redactions) > 0, "there is no member for it"},
		{"end.origin", e.Origin != nil, "it is of another format"},
	} {
		if f.there {
			l.Add(f.field, 0, f.why)
		}
	}
}
