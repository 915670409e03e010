package atif

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/chat"
	"github.com/apprentice-rl/apprentice/trajectories/formats/members"
)

// version is the version that is written.
const version = "1.7"

// export writes a trajectory as one document of version 1.7. It goes over the
// events once and holds one step. Members that the schema does not know are
// left out, also where they were imported.
func export(t formats.Source, w io.Writer) error {
	h := t.Header()
	x := &exporter{w: w, own: own(&h)}
	x.head(&h)
	for e, err := range t.Events() {
		if err != nil {
			return err
		}
		x.event(e)
		if x.err != nil {
			break
		}
	}
	x.complain()
	x.flush()
	x.tail(&h)
	if x.err != nil {
		return fmt.Errorf("writing an ATIF trajectory: %w", x.err)
	}
	return nil
}

// own reports whether a trajectory was read from this format, so that its
// origins are of this format, too.
func own(h *trajectories.Header) bool { return h.Source != nil && h.Source.Format == Name }

type exporter struct {
	w     io.Writer
	own   bool
	steps int   // written or begun
	step  *open // the one that events may still belong to
	// complaint is what the policy was told of its last answer, unless a message
	// says it.
	complaint string
	end       *trajectories.End
	err       error
}

// An open step is one whose results are not all there.
type open struct {
	members members.List
	turn    int               // 0 for a step of the user or the system
	calls   map[string]string // the ids of its calls, by those of the actions
	results []json.RawMessage
}

func (x *exporter) write(b []byte) {
	if x.err == nil {
		_, x.err = x.w.Write(b)
	}
}

// rootMember reports whether a member of the root is written as it was
// imported.
func rootMember(name string) bool {
	return name == "trajectory_id" || name == "continued_trajectory_ref"
}

func (x *exporter) head(h *trajectories.Header) {
	var root, agent members.List
	root.Add("schema_version", versionPrefix+version)
	if h.Session != "" {
		root.Add("session_id", h.Session)
	}
	agent.Add("name", h.Policy.Name)
	agent.Add("version", h.Policy.Version)
	if h.Policy.Model != "" {
		agent.Add("model_name", h.Policy.Model)
	}
	if len(h.Tools) > 0 {
		agent.Add("tool_definitions", chat.Definitions(h.Tools))
	}
	if x.own && h.Origin != nil {
		for name, value := range members.All(h.Origin.Extra) {
			if name == "agent" {
				agent.AddRaw("extra", member(value, "extra"))
			}
			if rootMember(name) {
				root.Add(name, value)
			}
		}
	}
	root.Add("agent", agent.Object())
	if h.Notes != "" {
		root.Add("notes", h.Notes)
	}
	object := root.Object()
	x.write(object[:len(object)-1])
	x.write([]byte(`,"steps":[`))
	system, prompt := chat.Openings(h, x.own)
	x.opened("system", system)
	x.opened("user", prompt)
}

// member is a member of an object, nil if it is not there or null.
func member(object []byte, name string) []byte {
	value := members.Get(object, name)
	if value.Kind() == 'n' {
		return nil
	}
	return value
}

func (x *exporter) opened(source string, o *chat.Opened) {
	if o == nil {
		return
	}
	s := x.begin(source, 0)
	s.AddRaw("timestamp", member(o.Extra, "timestamp"))
	s.AddRaw("message", member(o.Extra, "message"))
	s.Add("message", o.Text)
	s.AddRaw("is_copied_context", member(o.Extra, "is_copied_context"))
	s.AddRaw("extra", member(o.Extra, "extra"))
}

// begin begins the next step.
func (x *exporter) begin(source string, turn int) *members.List {
	x.flush()
	x.steps++
	x.step = &open{turn: turn, calls: map[string]string{}}
	x.step.members.Add("step_id", x.steps)
	x.step.members.Add("source", source)
	return &x.step.members
}

// flush writes the step that is open.
func (x *exporter) flush() {
	s := x.step
	if s == nil {
		return
	}
	x.step = nil
	if len(s.results) > 0 {
		var observation members.List
		observation.Add("results", s.results)
		s.members.Add("observation", observation.Object())
	}
	if x.steps > 1 {
		x.write([]byte{','})
	}
	x.write(s.members.Object())
}

func (x *exporter) event(e trajectories.Event) {
	if e.Message != nil && e.Message.Kind == trajectories.MessageFeedback {
		x.complaint = "" // it says so itself
	}
	x.complain()
	switch {
	case e.Turn != nil:
		x.turn(e.Turn)
	case e.Observation != nil:
		x.observation(e.Observation)
	case e.Message != nil:
		x.message(e.Message)
	case e.End != nil:
		x.end = e.End
	}
}

// complain writes what was wrong with the last answer as a result that names no
// call.
func (x *exporter) complain() {
	if x.complaint == "" {
		return
	}
	var r members.List
	r.Add("content", x.complaint)
	x.complaint = ""
	x.unaddressed(&r)
}

// unaddressed adds a result that answers no call. Behind a step with calls it
// would be taken for the answer to one, so it gets a step of the system.
func (x *exporter) unaddressed(r *members.List) {
	if x.step == nil || len(x.step.calls) > 0 {
		x.begin("system", 0).Add("message", "")
	}
	x.step.results = append(x.step.results, r.Object())
}

// origin is what the format's own origin of an event holds.
func (x *exporter) origin(o *trajectories.Origin) trajectories.Origin {
	if !x.own || o == nil {
		return trajectories.Origin{}
	}
	return *o
}

// timestamp adds a time, in the source's own spelling where that is kept.
func timestamp(to *members.List, at time.Time, extra []byte) {
	if at.IsZero() {
		return
	}
	to.AddRaw("timestamp", member(extra, "timestamp"))
	to.Add("timestamp", at.Format(time.RFC3339Nano))
}

// tail writes what stands behind the steps.
func (x *exporter) tail(h *trajectories.Header) {
	x.write([]byte{']'})
	if e := x.end; e != nil {
		x.metrics(e, h.Notes)
	}
	if object := x.extra(h); object != nil {
		x.write([]byte(`,"extra":`))
		x.write(object)
	}
	x.write([]byte("}\n"))
}

func (x *exporter) metrics(e *trajectories.End, notes string) {
	var m members.List
	addUsage(&m, e.Usage, "total_")
	origin := x.origin(e.Origin)
	if notes != "" { // which have to explain a number that is not that of the steps
		m.AddRaw("total_steps", member(origin.Extra, "total_steps"))
	}
	m.AddRaw("extra", member(origin.Extra, "extra"))
	if object := m.Object(); object != nil {
		x.write([]byte(`,"final_metrics":`))
		x.write(object)
	}
}

// addUsage adds what the metrics of a step and of a trajectory have in common.
func addUsage(m *members.List, u trajectories.Usage, prefix string) {
	for _, n := range []struct {
		name  string
		count int
	}{
		{"prompt_tokens", u.PromptTokens}, {"completion_tokens", u.CompletionTokens}, {"cached_tokens", u.CachedTokens},
	} {
		if n.count != 0 {
			m.Add(prefix+n.name, n.count)
		}
	}
	if u.Cost != 0 {
		m.Add(prefix+"cost_usd", u.Cost)
	}
}

// extra is that of the root: what a source had there, and how the episode ended
// and which patch came of it, for which the schema has no members.
func (x *exporter) extra(h *trajectories.Header) []byte {
	var extra members.List
	var kept []byte
	if x.own && h.Origin != nil {
		kept = member(h.Origin.Extra, "extra")
		extra.AddAll(kept)
	}
	if e := x.end; e != nil {
		switch {
		case !x.own:
			extra.Add("task_id", h.Task.ID)
			extra.Add("exit_status", e.Status)
		case e.SourceStatus != "":
			extra.Add("exit_status", e.SourceStatus)
		}
		if !e.PatchUnknown {
			extra.Add("patch", e.Patch)
		}
	}
	if object := extra.Object(); object != nil {
		return object
	}
	return kept
}
