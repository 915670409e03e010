package sweagent

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/document"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/members"
)

// A step is what both accounts say of one answer and its observation; of
// either may be nothing.
type step struct {
	node     *document.Node // of the trajectory, nil in a history alone
	message  *message       // of the history, nil where it has none
	action   string
	response string
	thought  string
	noted    bool // the trajectory has an observation
	raw      string
	seconds  float64 // that the action ran
	rejected bool    // the history goes on without it
}

// step reads a step of the trajectory and what the history says of it.
func (r *reader) step(n *document.Node) error {
	if n.Kind() != document.Object {
		return r.in.Fault(n, "a step was to be here, not a JSON %s", n.Kind())
	}
	s := step{node: n, noted: formats.Member(n, "observation") != nil}
	for _, t := range []struct {
		to   *string
		name string
	}{{&s.action, "action"}, {&s.response, "response"}, {&s.thought, "thought"}, {&s.raw, "observation"}} {
		var err error
		if *t.to, err = r.in.Text(n, t.name); err != nil {
			return err
		}
	}
	var err error
	if s.seconds, err = r.in.Number(n, "execution_time"); err != nil {
		return err
	}
	m, err := r.answer()
	if err != nil {
		return err
	}
	if m != nil {
		if s.rejected, err = r.other(s, m); err != nil {
			return err
		}
		if s.rejected {
			m = nil
		}
	}
	s.message = m
	return r.turnOf(s)
}

// other says whether an answer of the history is not that of the step. Old
// histories name no action; an answer then goes with the next step.
func (r *reader) other(s step, m *message) (bool, error) {
	action, err := r.in.Text(m.node, "action")
	if err != nil || !formats.Has(m.node, "action") {
		return false, err
	}
	if action != s.action || strings.TrimSpace(action) != "" {
		return action != s.action, nil
	}
	// Answers without an action are told by what they say.
	content, err := r.in.Content(m.node, "content")
	return content.Text != s.response, err
}

// answer goes on to the next answer in the history, nil if there is none.
func (r *reader) answer() (*message, error) {
	for {
		m, err := r.history.peek()
		if err != nil || m == nil || m.role == "assistant" && !m.demo {
			return m, err
		}
		if err := r.note(m); err != nil {
			return nil, err
		}
	}
}

// act reads an answer that only the history has.
func (r *reader) act(m *message) error {
	s := step{message: m}
	content, err := r.in.Content(m.node, "content")
	if err != nil {
		return err
	}
	s.response = content.Text
	if s.action, err = r.in.Text(m.node, "action"); err != nil {
		return err
	}
	if s.thought, err = r.in.Text(m.node, "thought"); err != nil {
		return err
	}
	return r.turnOf(s)
}

// turnOf hands over a step: its turn, its observations, and what the policy
// saw.
func (r *reader) turnOf(s step) error {
	t, err := r.turnFor(s)
	if err != nil {
		return err
	}
	if err := r.views.query(r, s); err != nil {
		return err
	}
	if s.message != nil {
		r.history.next()
	}
	r.turn = t.N
	if err := r.to.Turn(t); err != nil {
		return err
	}
	if err := r.answers(s, t); err != nil {
		return err
	}
	return r.views.messages(r, s)
}

// turnFor makes the turn of a step.
func (r *reader) turnFor(s step) (trajectories.Turn, error) {
	t := trajectories.Turn{N: r.turn + 1, Origin: &trajectories.Origin{}}
	var origin members.List
	native, err := r.calls(s, &t, &origin)
	if err != nil {
		return t, err
	}
	switch {
	case native:
		t.Message = s.response
	case len(t.Actions) > 0:
		if t.Message = s.thought; render(s.thought, s.action) != s.response {
			t.Origin.Text = &s.response
		}
	default:
		r.blame(s, &t)
	}
	if native {
		origin.Add("native", true)
	}
	if list := listOf(s.node); list != "" {
		origin.Add(list, true)
	}
	stepExtra, err := r.stepExtra(s, t, native)
	if err != nil {
		return t, err
	}
	origin.AddRaw("step", stepExtra)
	if s.message != nil {
		t.Origin.Index = s.message.index + 1
		if s.node != nil && !formats.Has(s.message.node, "action") {
			origin.Add("unnamed", true)
		}
		if err := r.messageExtra(s, &t, native, &origin); err != nil {
			return t, err
		}
	}
	t.Origin.Extra = origin.Object()
	if t.Origin.Index == 0 && t.Origin.Text == nil && t.Origin.Parts == nil && t.Origin.Extra == nil {
		t.Origin = nil
	}
	return t, nil
}

// calls adds the actions: the calls of the history, else the step's command.
func (r *reader) calls(s step, t *trajectories.Turn, origin *members.List) (native bool, err error) {
	if s.message != nil {
		for c, err := range r.in.Elements(s.message.node, "tool_calls") {
			if err != nil {
				return false, err
			}
			call, err := r.in.ToolCall(c)
			if err != nil {
				return false, err
			}
			r.ids.Act(t, call)
			native = true
		}
	}
	r.native = r.native || native
	if !native && strings.TrimSpace(s.action) != "" {
		c := formats.Command("bash", s.action)
		if r.native && strings.TrimSpace(s.action) == "submit" {
			// Only its call is missing: the history ends before the last step.
			c = formats.Call{Tool: "submit", Arguments: "{}"}
			origin.Add("action", s.action)
		}
		r.ids.Act(t, c)
	}
	switch {
	case byProgram(s.action) && !native:
		t.Synthetic = true
	case s.rejected && len(t.Actions) > 0:
		t.FormatError = "SWE-agent rejected the answer; the file does not say why"
	}
	return native, nil
}

// blame says what an answer without an action is: how the program notes the
// end of a run, or an answer in the wrong form.
func (r *reader) blame(s step, t *trajectories.Turn) {
	t.Message = s.response
	if s.thought != s.response && s.response == "" {
		t.Message, t.Origin.Text = s.thought, &s.response
	}
	if byItself(t.Message) {
		t.Synthetic = true
		return
	}
	t.FormatError = noAction
	if strings.TrimSpace(s.raw) != "" {
		t.FormatError = s.raw
	}
}

// byItself says whether an answer without an action is how the program notes
// the end of a run.
func byItself(message string) bool {
	return strings.HasPrefix(message, "Exit due to ") || strings.HasPrefix(message, "Exited")
}

const noAction = "the answer holds no action; the file does not say what the policy was told"

// render is how an answer looks in which a command stands between fences.
func render(thought, action string) string { return thought + "```\n" + action + "```" }

// stepExtra is what a step has beyond the turn's fields.
func (r *reader) stepExtra(s step, t trajectories.Turn, native bool) (json.RawMessage, error) {
	if s.node == nil {
		return nil, nil
	}
	acts := len(t.Actions) > 0
	var known []string
	for _, m := range []struct {
		name string
		held bool
	}{
		{listOf(s.node), true},
		{"action", acts && !native},
		{"response", true},
		{"thought", acts && !native || s.thought == s.response},
		{"observation", acts || t.FormatError != "" && t.FormatError == s.raw},
		{"execution_time", acts && s.noted && s.seconds > 0},
	} {
		// null is not held: it would come back as an empty text.
		if m.held && formats.Member(s.node, m.name) != nil {
			known = append(known, m.name)
		}
	}
	return r.in.Rest(s.node, known...)
}

// messageExtra adds what the message of the history has beyond the step.
func (r *reader) messageExtra(s step, t *trajectories.Turn, native bool, origin *members.List) error {
	known := []string{"role"}
	if native {
		known = append(known, "tool_calls")
	}
	content, err := r.in.Content(s.message.node, "content")
	if err != nil {
		return err
	}
	t.Origin.Parts = content.Parts
	if content.Text == s.response && content.Parts == nil && !content.Null {
		known = append(known, "content")
	} else if content.Parts != nil {
		known = append(known, "content")
	}
	for name, same := range map[string]string{"action": s.action, "thought": s.thought} {
		v := formats.Member(s.message.node, name)
		if v == nil || v.Kind() != document.String {
			continue
		}
		text, err := v.String()
		if err = r.in.Forgive(err); err != nil {
			return err
		}
		// In a history alone there is no step that would say it.
		if text == same && (s.node != nil || name == "action" && !native && len(t.Actions) > 0) {
			known = append(known, name)
		}
	}
	for block, err := range r.in.Elements(s.message.node, "thinking_blocks") {
		if err != nil {
			return err
		}
		if block.Kind() != document.Object {
			continue // it is in the origin
		}
		thinking, err := r.in.Text(block, "thinking")
		if err != nil {
			return err
		}
		t.Reasoning += thinking
	}
	rest, err := r.in.Rest(s.message.node, known...)
	origin.AddRaw("message", rest)
	return err
}

// answers hands over what came back: the step's output, as the history shows
// it.
func (r *reader) answers(s step, t trajectories.Turn) error {
	if len(t.Actions) == 0 {
		if strings.TrimSpace(s.raw) == "" || t.FormatError == s.raw || s.node == nil {
			return nil // it is with the turn
		}
		return r.to.Message(trajectories.Message{After: t.N, Role: "environment", Kind: trajectories.MessageFeedback, Text: s.raw})
	}
	shown, err := r.shown(s)
	if err != nil {
		return err
	}
	for k, a := range t.Actions {
		var m *message
		if m, shown = pick(shown, t, k); m == nil && (k > 0 || !s.noted) {
			continue
		}
		o := trajectories.Observation{Turn: t.N, Observation: env.Observation{Action: a.ID, Text: s.raw}}
		o.Submitted = submits(a, s.action) && r.last(s)
		if k == 0 && s.seconds > 0 && s.seconds < math.MaxInt64/float64(time.Second) {
			o.Duration = time.Duration(math.Round(s.seconds * float64(time.Second)))
		}
		if m != nil {
			if err := r.decorate(&o, m, s, k == 0); err != nil {
				return err
			}
		}
		if err := r.to.Observation(o); err != nil {
			return err
		}
	}
	for _, m := range shown {
		n, err := m.said(r.in)
		if err != nil {
			return err
		}
		n.After, n.Kind = t.N, trajectories.MessageOrphan
		r.in.Warn(m.node, "an answer to a call that the file does not hold")
		if err := r.to.Message(n); err != nil {
			return err
		}
	}
	return nil
}

// shown takes the messages that answer the step off the history: those of
// tools; where the policy makes no calls, the next one of the user.
func (r *reader) shown(s step) ([]*message, error) {
	var all []*message
	if s.message == nil {
		return nil, nil
	}
	calls := formats.Member(s.message.node, "tool_calls")
	native := calls != nil && formats.First(calls) != nil
	for {
		m, err := r.history.peek()
		if err != nil || m == nil {
			return all, err
		}
		user := m.role == "user" && !m.demo && len(all) == 0 && !native
		if m.role != "tool" && !user {
			return all, nil
		}
		r.history.next()
		all = append(all, m)
		if user {
			return all, nil
		}
	}
}

// pick finds the message that answers action k: by the call's id, else by its
// place.
func pick(shown []*message, t trajectories.Turn, k int) (*message, []*message) {
	for i, m := range shown {
		if slices.Contains(callIDs(m.node), t.CallID(k)) {
			return m, append(shown[:i:i], shown[i+1:]...)
		}
	}
	if len(shown) > 0 && len(callIDs(shown[0].node)) == 0 {
		return shown[0], shown[1:]
	}
	return nil, shown
}

func callIDs(n *document.Node) []string {
	var ids []string
	list := formats.Member(n, "tool_call_ids")
	if list == nil || list.Kind() != document.Array {
		return nil
	}
	for e, err := range list.Elements() {
		if err != nil {
			break
		}
		if id, err := e.String(); err == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// decorate puts what the policy was shown in the place of the raw output,
// which is kept as far as the former does not hold it.
func (r *reader) decorate(o *trajectories.Observation, m *message, s step, first bool) error {
	content, err := r.in.Content(m.node, "content")
	if err != nil {
		return err
	}
	o.Text = content.Text
	var origin members.List
	if first && s.noted && s.raw != content.Text {
		if before, after, ok := around(content.Text, s.raw); ok {
			origin.Add("before", before)
			origin.Add("after", after)
		} else {
			o.Raw = &s.raw
		}
	}
	known := []string{"role", "content"}
	if ids := callIDs(m.node); m.role == "tool" && len(ids) == 1 && ids[0] == o.Action {
		known = append(known, "tool_call_ids")
	}
	rest, err := r.in.Rest(m.node, known...)
	if err != nil {
		return err
	}
	origin.AddRaw("message", rest)
	if m.role != "tool" {
		origin.Add("role", m.role)
	}
	if first && s.node != nil && !formats.Has(s.node, "observation") {
		origin.Add("unnoted", true)
	}
	o.Origin = &trajectories.Origin{Index: m.index + 1, Parts: content.Parts, Extra: origin.Object()}
	return nil
}

// around cuts the raw output out of what the policy was shown. It is not ok where
// the output does not stand there, or is so little of it that it may stand there
// by chance.
func around(text, raw string) (before, after string, ok bool) {
	before, after, ok = strings.Cut(text, raw)
	return before, after, ok && raw != "" && len(before)+len(after) < len(raw)+256
}

func submits(a env.Action, action string) bool {
	return a.Tool == "submit" || strings.TrimSpace(action) == "submit"
}

// last says whether what was handed in is what this step shows.
func (r *reader) last(s step) bool {
	m := formats.Member(r.run, "info", "submission")
	if m == nil || m.Kind() != document.String {
		return false
	}
	submission, err := m.String()
	return err == nil && s.noted && submission == s.raw
}
