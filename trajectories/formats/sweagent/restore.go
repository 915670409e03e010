package sweagent

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/loose"
	"github.com/apprentice-rl/apprentice/trajectories/formats/members"
)

// A restorer writes what was imported from a .traj as it was.
type restorer struct {
	out     *file
	header  extras
	opening []json.RawMessage // messages of the header that are not written yet
	step    *restored         // the last one, which is not written yet
	saw     *trajectories.View
}

// extras are the members of an origin's Extra, of all kinds of events.
type extras struct {
	// Of the header.
	System      *opening        `json:"system"`
	User        *opening        `json:"user"`
	PromptFirst bool            `json:"prompt_first"`
	Chat        bool            `json:"chat"`
	Rest        json.RawMessage `json:"rest"`

	// Of a turn.
	Native   bool            `json:"native"`
	Unnamed  bool            `json:"unnamed"` // its message has no action
	Query    bool            `json:"query"`
	Messages bool            `json:"messages"`
	Action   *string         `json:"action"`
	Step     json.RawMessage `json:"step"`

	// Of a turn and an observation.
	Message json.RawMessage `json:"message"`

	// Of an observation.
	Before  string  `json:"before"`
	After   string  `json:"after"`
	Role    *string `json:"role"`
	Unnoted bool    `json:"unnoted"` // its step has none: it is in the history alone

	// Of the end.
	Info       json.RawMessage `json:"info"`
	Retry      json.RawMessage `json:"retry"`
	ModelStats json.RawMessage `json:"model_stats"`
}

// An opening is what is kept of a message of the header.
type opening struct {
	Parts json.RawMessage `json:"parts"`
	Rest  json.RawMessage `json:"rest"`
}

// unpack returns an event's origin.
func unpack(o *trajectories.Origin) (trajectories.Origin, extras, error) {
	var x extras
	if o == nil {
		return trajectories.Origin{}, x, nil
	}
	if o.Extra == nil {
		return *o, x, nil
	}
	if err := loose.Unmarshal(o.Extra, &x); err != nil {
		return *o, x, fmt.Errorf("reading what was kept of the source: %w", err)
	}
	return *o, x, nil
}

// restored is a step that waits for its observations.
type restored struct {
	turn     trajectories.Turn
	extras   extras
	rest     map[string]jsontext.Value // what is kept of the step
	response string
	action   string
	query    int // the history up to its answer
	view     *trajectories.View
	raw      *string // its observation
	duration time.Duration
	answers  []placed
}

// placed is a message with its place in the history.
type placed struct {
	index   int
	message json.RawMessage
}

func newRestorer(f *file, h trajectories.Header) (*restorer, error) {
	_, x, err := unpack(h.Origin)
	if err != nil {
		return nil, err
	}
	r := &restorer{out: f, header: x}
	for _, m := range []struct {
		role, text string
		extra      *opening
	}{{"system", h.System, x.System}, {"user", h.Prompt, x.User}} {
		if m.extra == nil && m.text == "" {
			continue
		}
		var parts, rest json.RawMessage
		if m.extra != nil {
			parts, rest = m.extra.Parts, m.extra.Rest
		}
		r.opening = append(r.opening, spoken(m.role, m.text, parts, rest))
	}
	if x.PromptFirst {
		slices.Reverse(r.opening)
	}
	return r, nil
}

// spoken is a message of the history.
func spoken(role, text string, parts, rest json.RawMessage) json.RawMessage {
	var m members.List
	m.Add("role", role)
	m.AddRaw("content", parts)
	m.Add("content", text)
	m.AddAll(rest)
	return m.Object()
}

// place adds a message to the history. Messages of the header are where places
// are left for them.
func (r *restorer) place(p placed) error {
	for len(r.opening) > 0 && r.out.history.len() < p.index-1 {
		if err := r.open(1); err != nil {
			return err
		}
	}
	return r.out.history.add(p.message)
}

// open adds the next n messages of the header.
func (r *restorer) open(n int) error {
	for ; n > 0; n-- {
		if err := r.out.history.add(r.opening[0]); err != nil {
			return err
		}
		r.opening = r.opening[1:]
	}
	return nil
}

func (r *restorer) view(v trajectories.View) error {
	if r.step != nil && v.Turn == r.step.turn.N {
		r.step.view = &v
	} else {
		r.saw = &v // of the next turn
	}
	return r.out.view(v)
}

func (r *restorer) turn(t trajectories.Turn) error {
	if err := r.flush(); err != nil {
		return err
	}
	o, x, err := unpack(t.Origin)
	if err != nil {
		return err
	}
	if o.Index == 0 { // else its place says how many come before
		if err := r.open(len(r.opening)); err != nil {
			return err
		}
	}
	s := &restored{turn: t, extras: x, rest: members.Map(x.Step), view: r.saw}
	r.saw = nil
	blocks := len(t.Actions) > 0 && !x.Native
	if blocks {
		s.action = formats.CommandOf(t.Actions[0].Arguments)
	}
	if x.Action != nil {
		s.action = *x.Action
	} else if action, ok := s.rest["action"]; ok {
		s.action = textOf(action)
	}
	switch s.response = t.Message; {
	case o.Text != nil:
		s.response = *o.Text
	case blocks:
		s.response = render(t.Message, s.action)
	}
	if o.Index > 0 {
		if err := r.place(placed{o.Index, r.answer(s, o)}); err != nil {
			return err
		}
		s.query = r.out.history.len() - 1
	} else {
		s.query = r.out.history.len()
	}
	r.step = s
	return nil
}

func textOf(value jsontext.Value) string {
	var text string
	_ = json.Unmarshal(value, &text)
	return text
}

// thought is what the step says before its command.
func (s *restored) thought() string {
	if thought, ok := s.rest["thought"]; ok {
		return textOf(thought)
	}
	if len(s.turn.Actions) > 0 && !s.extras.Native {
		return s.turn.Message
	}
	return s.response
}

// answer is the step's message in the history.
func (r *restorer) answer(s *restored, o trajectories.Origin) json.RawMessage {
	var m members.List
	rest := members.Map(s.extras.Message)
	add := func(name, text string) {
		if _, ok := rest[name]; !ok {
			m.Add(name, text)
		}
	}
	m.Add("role", "assistant")
	if o.Parts != nil {
		m.AddRaw("content", o.Parts)
	} else {
		add("content", s.response)
	}
	if !r.header.Chat {
		add("thought", s.thought())
	}
	if !r.header.Chat && !s.extras.Unnamed || r.header.Chat && len(s.turn.Actions) > 0 && !s.extras.Native {
		add("action", s.action)
	}
	if s.extras.Native {
		m.AddRaw("tool_calls", formats.Calls(s.turn))
	}
	m.AddAll(s.extras.Message)
	return m.Object()
}

func (r *restorer) observation(b trajectories.Observation) error {
	s := r.step
	if s == nil || b.Turn != s.turn.N || len(s.turn.Actions) == 0 {
		return fmt.Errorf("an observation of turn %d, which is over or has no action", b.Turn)
	}
	o, x, err := unpack(b.Origin)
	if err != nil {
		return err
	}
	if b.Action == s.turn.Actions[0].ID && !x.Unnoted {
		raw := strings.TrimSuffix(strings.TrimPrefix(b.Text, x.Before), x.After)
		if s.raw = &raw; b.Raw != nil {
			s.raw = b.Raw
		}
		s.duration = b.Duration
	}
	if o.Index == 0 {
		return nil // the history does not have it
	}
	var m members.List
	role := "tool"
	if x.Role != nil {
		role = *x.Role
	}
	m.Add("role", role)
	m.AddRaw("content", o.Parts)
	m.Add("content", b.Text)
	if members.Get(x.Message, "tool_call_ids") == nil && role == "tool" && s.turn.CallID(s.number(b.Action)) == b.Action {
		m.Add("tool_call_ids", []string{b.Action})
	}
	m.AddAll(x.Message)
	s.answers = append(s.answers, placed{o.Index, m.Object()})
	return nil
}

// number is the number of an action in its turn, from 0.
func (s *restored) number(action string) int {
	for k, a := range s.turn.Actions {
		if a.ID == action {
			return k
		}
	}
	return 0
}

func (r *restorer) message(n trajectories.Message) error {
	if n.Kind == trajectories.MessageFeedback && n.Origin == nil {
		return nil // the step has it
	}
	var o trajectories.Origin
	if n.Origin != nil {
		o = *n.Origin
	}
	rest := o.Extra
	if n.Kind == trajectories.MessageDemonstration {
		var demo members.List
		demo.AddAll(rest)
		demo.Add("is_demo", true)
		rest = demo.Object()
	}
	p := placed{o.Index, spoken(n.Role, n.Text, o.Parts, rest)}
	if r.step != nil && n.Kind == trajectories.MessageOrphan {
		r.step.answers = append(r.step.answers, p)
		return nil
	}
	if err := r.flush(); err != nil {
		return err
	}
	return r.place(p)
}

// flush writes the step that waits, and its answers into the history.
func (r *restorer) flush() error {
	s := r.step
	if r.step = nil; s == nil {
		return nil
	}
	slices.SortStableFunc(s.answers, func(a, b placed) int { return cmp.Compare(a.index, b.index) })
	for _, p := range s.answers {
		if err := r.place(p); err != nil {
			return err
		}
	}
	if r.header.Chat {
		return nil
	}
	var m members.List
	add := func(name, text string) {
		if _, ok := s.rest[name]; !ok {
			m.Add(name, text)
		}
	}
	if len(s.turn.Actions) > 0 && !s.extras.Native {
		add("action", s.action)
	}
	switch {
	case s.raw != nil:
		add("observation", *s.raw)
	case len(s.turn.Actions) == 0 && s.turn.FormatError != "" && s.turn.FormatError != noAction:
		add("observation", s.turn.FormatError)
	}
	add("response", s.response)
	add("thought", s.thought())
	if _, ok := s.rest["execution_time"]; !ok && s.duration > 0 {
		m.AddRaw("execution_time", seconds(s.duration))
	}
	m.AddAll(s.extras.Step)
	return r.out.step(m, s.list(r.out.history.len()))
}

func seconds(d time.Duration) json.RawMessage {
	return strconv.AppendFloat(nil, float64(d)/float64(time.Second), 'g', -1, 64)
}

// list is the step's list of messages, nil if it has none.
func (s *restored) list(passed int) *list {
	switch {
	case s.extras.Query:
		return &list{name: "query", passed: s.query, view: s.view}
	case s.extras.Messages:
		return &list{name: "messages", passed: passed, view: s.view}
	}
	return nil
}

func (r *restorer) close(end trajectories.End) error {
	if err := r.flush(); err != nil {
		return err
	}
	if err := r.open(len(r.opening)); err != nil {
		return err
	}
	_, x, err := unpack(end.Origin)
	if err != nil {
		return err
	}
	var info, root members.List
	if end.SourceStatus != "" {
		info.Add("exit_status", end.SourceStatus)
	}
	if !end.PatchUnknown {
		info.Add("submission", end.Patch)
	}
	stats := statistics(end.Usage, false)
	stats.AddAll(x.ModelStats)
	info.AddRaw("model_stats", stats.Object())
	info.AddAll(x.Info)
	root.AddRaw("info", info.Object())
	root.AddRaw("retry", x.Retry)
	root.AddAll(r.header.Rest)
	return r.out.close(r.header.Chat, root)
}
