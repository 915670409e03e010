package sweagent

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/members"
)

// A translator writes trajectories that do not come from a .traj, in the form
// of version 1.1. A policy of SWE-agent makes one call an answer, so a turn
// with more of them becomes several steps.
type translator struct {
	out    *file
	header trajectories.Header
	last   *translated        // the last turn, which is not written yet
	usage  trajectories.Usage // of all turns so far
}

// translated is a turn that waits for its observations.
type translated struct {
	turn     trajectories.Turn
	steps    []acted
	messages []json.RawMessage // that were said meanwhile
}

// acted is one call of a turn, and what came back.
type acted struct {
	call        formats.Call
	action      string
	observation *trajectories.Observation
}

func newTranslator(f *file, h trajectories.Header) (*translator, error) {
	t := &translator{out: f, header: h}
	for _, m := range []struct{ role, kind, text string }{{"system", "system_prompt", h.System}, {"user", "observation", h.Prompt}} {
		if m.text == "" {
			continue
		}
		if err := f.history.add(said(m.role, m.kind, m.text, members.List{})); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// said is a message of the history. Its agent is the only one that there is.
func said(role, kind, text string, more members.List) json.RawMessage {
	var m members.List
	m.Add("role", role)
	m.Add("content", text)
	m.Add("agent", "main")
	m.Add("message_type", kind)
	m.AddAll(more.Object())
	return m.Object()
}

func (t *translator) view(trajectories.View) error { return nil } // its messages are of another format

func (t *translator) turn(turn trajectories.Turn) error {
	if err := t.flush(false); err != nil {
		return err
	}
	t.usage = t.usage.Add(turn.Usage)
	t.last = &translated{turn: turn}
	if turn.FormatError != "" {
		return nil // of its calls nothing came
	}
	for k := range turn.Actions {
		call := formats.CallOf(turn, k)
		call.ID, call.Extra = turn.Actions[k].ID, nil
		t.last.steps = append(t.last.steps, acted{call: call, action: commandLine(turn, k)})
	}
	return nil
}

func (t *translator) observation(o trajectories.Observation) error {
	if t.last == nil {
		return nil
	}
	for k := range t.last.steps {
		if t.last.steps[k].call.ID == o.Action {
			t.last.steps[k].observation = &o
			return nil
		}
	}
	if t.last.turn.N == o.Turn {
		return nil // of an answer in the wrong form
	}
	// It comes too late for its step.
	return t.say(said("tool", "observation", o.Text, answering(o.Action)))
}

// answering names the call that a message answers.
func answering(id string) members.List {
	var m members.List
	m.Add("tool_call_ids", []string{id})
	return m
}

func (t *translator) message(m trajectories.Message) error {
	if !written(m) || t.last != nil && repeats(m, t.last.turn) {
		return nil
	}
	role, kind, more := roleOf(m), "observation", members.List{}
	switch {
	case isDemo(m):
		kind = "demonstration"
		more.Add("is_demo", true)
	case role == "tool":
		id := ""
		if m.Origin != nil && m.Kind == trajectories.MessageOrphan {
			id = m.Origin.ID
		}
		more = answering(id)
	}
	return t.say(said(role, kind, m.Text, more))
}

// written says whether a message has a place in the history, which is the chat
// with the policy.
func written(m trajectories.Message) bool {
	switch m.Kind {
	case trajectories.MessageExit, trajectories.MessageState, trajectories.MessageAbandoned:
		return false
	}
	return true
}

// repeats says whether a message is what its turn says already: what was wrong
// with it.
func repeats(m trajectories.Message, turn trajectories.Turn) bool {
	return m.Kind == trajectories.MessageFeedback && turn.FormatError != "" && m.Text == turn.FormatError
}

// roleOf is the role of a message in the history. Who is shown something new is
// shown it by the user.
func roleOf(m trajectories.Message) string {
	if m.Role == "environment" {
		return "user"
	}
	return m.Role
}

// isDemo says whether a message is marked as a demonstration. Any answer is
// that is no turn: else it would be taken for a step.
func isDemo(m trajectories.Message) bool {
	return m.Kind == trajectories.MessageDemonstration || m.Role == "assistant"
}

// say adds a message to the history, behind the answers to the turn's calls.
func (t *translator) say(m json.RawMessage) error {
	if t.last != nil {
		t.last.messages = append(t.last.messages, m)
		return nil
	}
	return t.out.history.add(m)
}

// flush writes the turn that waits. At the end of the episode its last step has
// what the policy saw: that is where programs that train on a .traj read the
// chat from. All steps have it in SWE-agent's own files, which grow with the
// square of their length.
func (t *translator) flush(end bool) error {
	last := t.last
	if t.last = nil; last == nil {
		return nil
	}
	steps := len(last.steps)
	if steps == 0 {
		if err := t.talk(last.turn, t.seen(end)); err != nil {
			return err
		}
	}
	for k, s := range last.steps {
		turn := trajectories.Turn{}
		if k == 0 {
			turn = last.turn
		}
		if err := t.act(turn, s, t.seen(end && k == steps-1)); err != nil {
			return err
		}
	}
	for _, m := range last.messages {
		if err := t.out.history.add(m); err != nil {
			return err
		}
	}
	return nil
}

// seen is the list of messages of the next step: in the first step, by which
// the version is told, and in the last.
func (t *translator) seen(last bool) *list {
	if !last && t.out.steps > 0 {
		return nil
	}
	return &list{name: "query", passed: t.out.history.len()}
}

// act writes one call: its step, the answer, and what came back.
func (t *translator) act(turn trajectories.Turn, s acted, seen *list) error {
	more := answer(turn, s.action)
	more.AddRaw("tool_calls", json.RawMessage("["+string(s.call.JSON())+"]"))
	if err := t.out.history.add(said("assistant", "action", turn.Message, more)); err != nil {
		return err
	}
	var raw *string
	var duration time.Duration
	if o := s.observation; o != nil {
		if raw = &o.Text; o.Raw != nil {
			raw = o.Raw
		}
		duration = o.Duration
		if err := t.out.history.add(said("tool", "observation", o.Text, answering(s.call.ID))); err != nil {
			return err
		}
	}
	return t.out.step(stepOf(s.action, turn.Message, raw, duration), seen)
}

// answer is what the message of an answer has beside its text.
func answer(turn trajectories.Turn, action string) members.List {
	var m members.List
	m.Add("thought", turn.Message)
	m.Add("action", action)
	if turn.Reasoning != "" {
		var block members.List
		block.Add("type", "thinking")
		block.Add("thinking", turn.Reasoning)
		m.AddRaw("thinking_blocks", json.RawMessage("["+string(block.Object())+"]"))
	}
	return m
}

// talk writes an answer without a call. One in the wrong form is a step and not
// in the history, as SWE-agent has it, and the observation is what was wrong.
func (t *translator) talk(turn trajectories.Turn, seen *list) error {
	if turn.FormatError == "" {
		if err := t.out.history.add(said("assistant", "action", turn.Message, answer(turn, ""))); err != nil {
			return err
		}
	}
	wrong := turn.FormatError
	if byItself(turn.Message) {
		wrong = "" // such a step is none in the wrong form
	}
	return t.out.step(stepOf("", turn.Message, &wrong, 0), seen)
}

// stepOf is a step of the trajectory. One without an observation has none
// whatever, which no command gives.
func stepOf(action, thought string, observation *string, duration time.Duration) members.List {
	var m members.List
	m.Add("action", action)
	if observation != nil {
		m.Add("observation", *observation)
	} else {
		m.Add("observation", nil)
	}
	m.Add("response", thought)
	m.Add("thought", thought)
	m.AddRaw("execution_time", seconds(duration))
	m.AddRaw("state", []byte("{}"))
	m.AddRaw("extra_info", []byte("{}"))
	return m
}

func (t *translator) close(end trajectories.End) error {
	if err := t.flush(true); err != nil {
		return err
	}
	usage := end.Usage
	if usage == (trajectories.Usage{}) {
		usage = t.usage
	}
	var info, root members.List
	stats := statistics(usage, true)
	info.AddRaw("model_stats", stats.Object())
	addOrNull(&info, "exit_status", statusOf(end), end.Status != trajectories.ExitUnknown)
	addOrNull(&info, "submission", submissionOf(end), !end.PatchUnknown || end.Submission != nil)
	root.AddRaw("info", info.Object())
	root.Add("replay_config", string(config(t.header)))
	root.Add("environment", t.header.Task.ID)
	return t.out.close(false, root)
}

func addOrNull(m *members.List, name, text string, known bool) {
	if !known {
		m.Add(name, nil)
		return
	}
	m.Add(name, text)
}

func submissionOf(end trajectories.End) string {
	if end.Submission != nil {
		return *end.Submission
	}
	return end.Patch
}

// config is as much of a configuration as other trajectories know. It is a text
// that holds JSON, as in version 1.
func config(h trajectories.Header) json.RawMessage {
	var problem, repo, deployment, env, model, agent, all members.List
	if h.Task.ProblemStatement != "" {
		problem.Add("text", h.Task.ProblemStatement)
	}
	problem.Add("id", h.Task.ID)
	problem.Add("type", "text")
	all.AddRaw("problem_statement", problem.Object())
	if h.Task.Repo != "" {
		repo.Add("github_url", address(h.Task.Repo))
	}
	if h.Task.BaseCommit != "" {
		repo.Add("base_commit", h.Task.BaseCommit)
	}
	if repo.Object() != nil {
		repo.Add("type", "github")
	}
	env.AddRaw("repo", repo.Object())
	if h.Task.Image != "" {
		deployment.Add("image", h.Task.Image)
		deployment.Add("type", "docker")
	}
	env.AddRaw("deployment", deployment.Object())
	all.AddRaw("env", env.Object())
	if h.Policy.Model != "" {
		model.Add("name", h.Policy.Model)
	}
	agent.AddRaw("model", model.Object())
	all.AddRaw("agent", agent.Object())
	return all.Object()
}

// address is where a repository is.
func address(repo string) string {
	if strings.Contains(repo, "://") {
		return repo
	}
	return "https://github.com/" + repo
}
