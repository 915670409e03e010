package sweagent

import (
	"strings"
	"unicode/utf8"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
)

const (
	nowhere = "there is no member for it"
	alien   = "it is of another format"
)

// lossy lists what a .traj cannot hold of a trajectory.
func lossy(t *trajectories.Trajectory) []formats.Loss {
	l := losses{own: isOwn(t.Header)}
	if !l.own {
		l.header(t)
	}
	for _, turn := range t.Turns {
		l.turn(turn)
	}
	l.answers(t)
	if l.own {
		if t.End != nil && t.End.Detail != "" {
			l.Add("end.detail", 0, nowhere)
		}
		return l.All()
	}
	l.messages(t)
	for _, v := range t.Views {
		l.Add("view", v.Turn, "its messages are of another format")
	}
	if t.End != nil {
		l.end(*t.End)
	}
	return l.All()
}

type losses struct {
	formats.Losses
	own bool
}

// A field that may be there.
type field struct {
	name  string
	there bool
	why   string
}

func (l *losses) add(turn int, fields []field) {
	for _, f := range fields {
		if f.there {
			l.Add(f.name, turn, f.why)
		}
	}
}

func (l *losses) header(t *trajectories.Trajectory) {
	h := t.Header
	system, prompt := openings(t)
	l.add(0, []field{
		{"header.run", h.Run != "", nowhere},
		{"header.attempt", h.Attempt > 1, nowhere},
		{"header.started", !h.Started.IsZero(), nowhere},
		{"header.task.repo", h.Task.Repo != "" && repository(address(h.Task.Repo)) != h.Task.Repo, "it is no repository of GitHub"},
		{"header.task.base_commit", h.Task.BaseCommit != "" && !commit.MatchString(h.Task.BaseCommit), "it is no commit"},
		{"header.task.problem_statement", h.Task.ProblemStatement == "" && (h.Prompt != "" || prompt), "a reader tells it from the prompt"},
		{"header.policy.name", h.Policy.Name != "" && h.Policy.Name != "swe-agent", "the file says that SWE-agent acted"},
		{"header.policy.version", h.Policy.Version != "", "the version in the file is SWE-agent's"},
		{"header.policy.synthetic_reasoning", h.Policy.SyntheticReasoning, nowhere},
		{"header.tools", len(h.Tools) > 0, nowhere},
		{"header.system", system, "the first message of the system is taken for it"},
		{"header.prompt", prompt, "the first message of the user is taken for it"},
		{"header.sandbox", h.Sandbox.Driver != "" || h.Sandbox.Image != "" || len(h.Sandbox.Enforcement) > 0, nowhere},
		{"header.parent", h.Parent != nil, nowhere},
		{"header.session", h.Session != "", nowhere},
		{"header.notes", h.Notes != "", nowhere},
		{"header.origin", h.Origin != nil, alien},
	})
}

// openings says whether messages would be taken for the system message and for
// the prompt, where the header has none.
func openings(t *trajectories.Trajectory) (system, prompt bool) {
	for _, m := range t.Messages {
		if m.After > 0 {
			break
		}
		if written(m) && !isDemo(m) {
			system = system || roleOf(m) == "system" && t.Header.System == ""
			prompt = prompt || roleOf(m) == "user" && t.Header.Prompt == ""
		}
	}
	return system, prompt
}

func (l *losses) turn(t trajectories.Turn) {
	l.add(t.N, []field{
		{"turn.time", !t.Time.IsZero(), nowhere},
		{"turn.model", t.Model != "", "there is one model for all turns"},
		{"turn.usage", t.Usage != trajectories.Usage{}, "there are sums for all turns only"},
		{"turn.copied", t.Copied, "the turn would look like any other"},
		{"turn.lost", t.Lost, "the turn would look like any other"},
		{"turn.request", t.Request != nil, nowhere},
		{"turn.response", t.Response != nil, nowhere},
	})
	if l.own {
		return
	}
	rejected := t.FormatError != ""
	l.add(t.N, []field{
		{"turn.synthetic", t.Synthetic != (len(t.Actions) == 0 && byItself(t.Message)), "it is told from the words of the turn"},
		{"turn.reasoning", rejected && t.Reasoning != "", "of an answer in the wrong form only the text is kept"},
		{"turn.actions", rejected && len(t.Actions) > 0, "of an answer in the wrong form only the text is kept"},
		{"turn.actions", !rejected && len(t.Actions) > 1, "each call is a step of its own"},
		{"turn.calls", hasMore(t.Calls), "ids and other members of the source's calls are of another format"},
		{"turn.format_error", len(t.Actions) == 0 && !rejected, "an answer without a call is one in the wrong form"},
		{"turn.format_error", rejected && (strings.TrimSpace(t.FormatError) == "" || byItself(t.Message)), "the words of the turn tell another story"},
		{"turn.origin", t.Origin != nil, alien},
	})
}

func hasMore(calls []trajectories.Call) bool {
	for _, c := range calls {
		if c.ID != "" || len(c.Extra) > 0 {
			return true
		}
	}
	return false
}

// answers goes over the observations, with the turns that they belong to.
func (l *losses) answers(t *trajectories.Trajectory) {
	if l.own {
		return
	}
	turns := map[int]trajectories.Turn{}
	for _, turn := range t.Turns {
		turns[turn.N] = turn
	}
	late := lateAnswers(t)
	for i, o := range t.Observations {
		turn := turns[o.Turn]
		k := 0
		for k < len(turn.Actions)-1 && turn.Actions[k].ID != o.Action {
			k++
		}
		l.add(o.Turn, []field{
			{"observation", turn.FormatError != "", "nothing answers an answer in the wrong form"},
			{"observation.turn", late[i], "it comes after the next turn, and is kept as a message"},
			{"observation.time", !o.Time.IsZero(), nowhere},
			{"observation.raw", o.Raw != nil && (late[i] || derived(o)), "it is told from what the policy was shown"},
			{"observation.failed", o.Failed, nowhere},
			{"observation.result", o.Result != nil, "there is the output alone"},
			{"observation.submitted", len(turn.Actions) > 0 && o.Submitted != handsIn(turn, k, o, t.End), "the step that submits is told by its command, and its output, which is the submission"},
			{"observation.origin", o.Origin != nil, alien},
		})
	}
}

// derived says whether an import takes the raw output from what the policy was
// shown, beside which it then keeps none.
func derived(o trajectories.Observation) bool {
	_, _, ok := around(o.Text, *o.Raw)
	return ok || *o.Raw == o.Text
}

// lateAnswers says which observations come when another turn has begun.
func lateAnswers(t *trajectories.Trajectory) map[int]bool {
	late := map[int]bool{}
	now, i := 0, 0
	for e := range t.Events() {
		switch {
		case e.Turn != nil:
			now = e.Turn.N
		case e.Observation != nil:
			late[i] = e.Observation.Turn != now
			i++
		}
	}
	return late
}

// handsIn is what an import makes of an observation.
func handsIn(turn trajectories.Turn, k int, o trajectories.Observation, end *trajectories.End) bool {
	raw := o.Text
	if o.Raw != nil {
		raw = *o.Raw
	}
	return end != nil && (!end.PatchUnknown || end.Submission != nil) && submissionOf(*end) == raw &&
		submits(turn.Actions[k], commandLine(turn, k))
}

func (l *losses) messages(t *trajectories.Trajectory) {
	var turn trajectories.Turn
	said := false // since the turn
	for e := range t.Events() {
		switch {
		case e.Turn != nil:
			turn, said = *e.Turn, false
		case e.Observation != nil && said && e.Observation.Turn == turn.N:
			l.Add("message.place", turn.N, "it stands behind the answers to the turn's calls")
		case e.Message != nil:
			l.message(*e.Message, turn)
			said = true
		}
	}
}

func (l *losses) message(m trajectories.Message, turn trajectories.Turn) {
	switch {
	case !written(m):
		l.Add("message."+string(m.Kind), m.After, "the history is the chat with the policy, of which it is none")
		return
	case repeats(m, turn):
		l.Add("message."+string(m.Kind), m.After, "it is the observation of the turn's step")
		return
	}
	kind := trajectories.MessageNote
	switch {
	case isDemo(m):
		kind = trajectories.MessageDemonstration
	case m.Role == "tool":
		kind = trajectories.MessageOrphan
	}
	l.add(m.After, []field{
		{"message.kind", m.Kind != kind, "there are demonstrations, answers, and messages"},
		{"message.role", m.Role == "environment", "it becomes a message of the user"},
		{"message.shown", !m.Shown, "the policy sees all of the history"},
		{"message.after", turn.FormatError != "", "an answer in the wrong form is not in the history, so what follows it comes before it"},
		{"message.time", !m.Time.IsZero(), nowhere},
		{"message.origin", m.Origin != nil, alien},
	})
}

func (l *losses) end(e trajectories.End) {
	status, limit := status(statusOf(e))
	known := e.Status != trajectories.ExitUnknown
	l.add(0, []field{
		{"end.time", !e.Time.IsZero(), nowhere},
		{"end.status", known && status != e.Status, "SWE-agent has no such status"},
		{"end.limit", limit != e.Limit, "SWE-agent has no such limit"},
		{"end.source_status", e.SourceStatus != "" && (!known || e.SourceStatus != statusOf(e)), "it is in the words of another program"},
		{"end.detail", e.Detail != "", nowhere},
		{"end.patch", !utf8.ValidString(e.Patch), "JSON cannot hold bytes that are not UTF-8"},
		{"end.patch", e.Submission != nil && *e.Submission != e.Patch, "the file holds one of patch and submission, which is the latter"},
		{"end.patch_unknown", e.PatchUnknown && e.Submission != nil, "the submission is taken for the patch"},
		{"end.submission", e.Submission != nil, "it is taken for the patch"},
		{"end.usage", e.Usage.CachedTokens != 0, "tokens from a cache have no number of their own"},
		{"end.redactions", len(e.Redactions) > 0, nowhere},
		{"end.origin", e.Origin != nil, alien},
	})
}
