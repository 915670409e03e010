package mini

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/members"
)

// export writes version 1.1. What was imported from it comes out as it was;
// for what was not, see lossy.
func export(t formats.Source, w io.Writer) error {
	out := bufio.NewWriter(w)
	e := exporter{w: out, own: isOwn(t.Header())}
	if err := e.write(t); err != nil {
		return fmt.Errorf("writing %s: %w", Name11, err)
	}
	return out.Flush()
}

// isOwn says whether the origins of a trajectory are of this format. Those of
// another one would only be noise.
func isOwn(h trajectories.Header) bool { return h.Source != nil && h.Source.Format == Name11 }

type exporter struct {
	w       *bufio.Writer
	own     bool
	started bool // a message was written
	calls   map[string]placed
}

// placed is where the answer to an action has to refer to.
type placed struct {
	id     string
	blocks bool // there is no call: the answer is a message of the user
}

// extras are the members of an origin's Extra, of all kinds of events.
type extras struct {
	Message, Extra json.RawMessage
	Item           bool // of the Responses API

	System, User *struct{ Parts, Rest json.RawMessage }
	Info, Rest   json.RawMessage

	Exit       json.RawMessage
	ModelStats json.RawMessage `json:"model_stats"`
}

// origin is an event's origin, empty if it is of another format.
func (e *exporter) origin(o *trajectories.Origin) (trajectories.Origin, extras, error) {
	var x extras
	if o == nil || !e.own {
		return trajectories.Origin{}, x, nil
	}
	if o.Extra == nil {
		return *o, x, nil
	}
	err := json.Unmarshal(o.Extra, &x)
	return *o, x, err
}

func (e *exporter) write(t formats.Source) error {
	h := t.Header()
	if _, err := e.w.WriteString(`{"messages":[`); err != nil {
		return err
	}
	if err := e.opening(h); err != nil {
		return err
	}
	var end *trajectories.End
	for event, err := range t.Events() {
		if err != nil {
			return err
		}
		switch {
		case event.Turn != nil:
			err = e.turn(*event.Turn)
		case event.Observation != nil:
			err = e.observation(*event.Observation)
		case event.Message != nil:
			err = e.said(*event.Message)
		case event.End != nil:
			end = event.End
		}
		if err != nil {
			return err
		}
	}
	if end == nil {
		end = &trajectories.End{Status: trajectories.ExitUnknown, PatchUnknown: true}
	}
	return e.closing(h, *end)
}

// message writes one message.
func (e *exporter) message(m members.List) error {
	if e.started {
		if err := e.w.WriteByte(','); err != nil {
			return err
		}
	}
	e.started = true
	_, err := e.w.Write(m.Object())
	return err
}

// opening writes the system message and the prompt.
func (e *exporter) opening(h trajectories.Header) error {
	_, x, err := e.origin(h.Origin)
	if err != nil {
		return err
	}
	for _, m := range []struct {
		role, text string
		extra      *struct{ Parts, Rest json.RawMessage }
	}{{"system", h.System, x.System}, {"user", h.Prompt, x.User}} {
		if m.text == "" && m.extra == nil {
			continue
		}
		var parts, rest json.RawMessage
		if m.extra != nil {
			parts, rest = m.extra.Parts, m.extra.Rest
		}
		var out members.List
		out.Add("role", m.role)
		addContent(&out, "content", m.text, parts)
		out.AddAll(rest)
		if err := e.message(out); err != nil {
			return err
		}
	}
	return nil
}

// addContent adds parts, or a text where there are none.
func addContent(m *members.List, name, text string, parts json.RawMessage) {
	m.AddRaw(name, parts)
	m.Add(name, text)
}

// turn writes an answer, or the program's reply to one in the wrong form.
func (e *exporter) turn(t trajectories.Turn) error {
	o, x, err := e.origin(t.Origin)
	if err != nil {
		return err
	}
	if t.FormatError != "" && len(t.Actions) == 0 {
		return e.rejected(t, o, x) // with actions it was acted on, whatever was said of it
	}
	form := ""
	native := len(t.Actions) > 0
	if native && e.own {
		form, native = e.fence(t)
	}
	if e.calls == nil {
		e.calls = map[string]placed{}
	}
	for k, a := range t.Actions {
		e.calls[a.ID] = placed{id: t.CallID(k), blocks: !native && !x.Item}
	}
	var m members.List
	switch {
	case x.Item:
		m.AddAll(x.Message)
		m.AddRaw("output", o.Parts)
	default:
		m.Add("role", "assistant")
		e.content(&m, t, o, native, form)
		if t.Reasoning != "" {
			m.Add("reasoning_content", t.Reasoning)
		}
		if native {
			m.AddRaw("tool_calls", formats.Calls(t))
		}
		if x.Message != nil {
			m.AddAll(x.Message)
		} else if e.own {
			m.AddAll(repeated(t))
		}
	}
	m.AddRaw("extra", e.noted(t, x, !native && !x.Item))
	return e.message(m)
}

// fence returns the word after the fence of an answer's command, and whether
// the answer has calls instead.
func (e *exporter) fence(t trajectories.Turn) (string, bool) {
	if t.Calls == nil {
		return "", true
	}
	var extra struct{ Fence *string }
	if json.Unmarshal(t.Calls[0].Extra, &extra) != nil || extra.Fence == nil {
		return "", true
	}
	return *extra.Fence, false
}

// content writes what the message of an answer says.
func (e *exporter) content(m *members.List, t trajectories.Turn, o trajectories.Origin, native bool, form string) {
	switch {
	case o.Parts != nil:
		m.AddRaw("content", o.Parts)
	case form != "" && o.Text != nil:
		m.Add("content", *o.Text)
	case form != "":
		m.Add("content", render(t.Message, form, formats.CommandOf(t.Actions[0].Arguments)))
	case t.Message == "" && native != (o.Text != nil):
		m.Add("content", nil)
	default:
		m.Add("content", t.Message)
	}
}

// repeated are the members of an answer's message that its response has, too.
func repeated(t trajectories.Turn) json.RawMessage {
	var response struct {
		Choices []struct{ Message json.RawMessage }
	}
	if json.Unmarshal(t.Response, &response) != nil || len(response.Choices) == 0 {
		return nil
	}
	known := []string{"role", "content", "tool_calls", "extra"}
	if t.Reasoning != "" {
		known = append(known, "reasoning_content")
	}
	var m members.List
	for name, value := range members.All(response.Choices[0].Message) {
		if !slices.Contains(known, name) {
			m.AddRaw(name, value)
		}
	}
	return m.Object()
}

// noted is what the program notes beside an answer.
func (e *exporter) noted(t trajectories.Turn, x extras, blocks bool) json.RawMessage {
	var m members.List
	if members.Get(x.Extra, "actions") == nil {
		m.AddRaw("actions", actions(t, blocks))
	}
	e.spent(&m, t)
	m.AddAll(x.Extra)
	return m.Object()
}

// actions is the program's own list of the commands.
func actions(t trajectories.Turn, blocks bool) json.RawMessage {
	if len(t.Actions) == 0 {
		return nil
	}
	list := []byte{'['}
	for k, a := range t.Actions {
		if k > 0 {
			list = append(list, ',')
		}
		var one members.List
		one.Add("command", formats.CommandOf(a.Arguments))
		if !blocks {
			one.Add("tool_call_id", t.CallID(k))
		}
		list = append(list, one.Object()...)
	}
	return append(list, ']')
}

func (e *exporter) spent(m *members.List, t trajectories.Turn) {
	m.AddRaw("response", t.Response)
	if t.Usage.Cost != 0 {
		m.AddRaw("cost", number(t.Usage.Cost))
	}
	addTime(m, t.Time)
}

func number(v float64) json.RawMessage { return strconv.AppendFloat(nil, v, 'g', -1, 64) }

func addTime(m *members.List, t time.Time) {
	if !t.IsZero() {
		m.AddRaw("timestamp", strconv.AppendFloat(nil, math.Round(float64(t.UnixMicro()))/1e6, 'f', -1, 64))
	}
}

// rejected writes the reply to an answer in the wrong form, with the answer
// beside it as far as there is one.
func (e *exporter) rejected(t trajectories.Turn, o trajectories.Origin, x extras) error {
	text := t.FormatError
	if o.Text != nil {
		text = *o.Text
	}
	var m, extra members.List
	m.Add("role", "user")
	addContent(&m, "content", text, o.Parts)
	m.AddAll(x.Message)
	extra.Add("interrupt_type", "FormatError")
	if t.Response == nil && !t.Lost {
		var message members.List
		message.Add("role", "assistant")
		message.Add("content", t.Message)
		if t.Reasoning != "" {
			message.Add("reasoning_content", t.Reasoning)
		}
		t.Response = fmt.Appendf(nil, `{"choices":[{"message":%s}]}`, message.Object())
	}
	e.spent(&extra, t)
	extra.AddAll(x.Extra)
	m.AddRaw("extra", extra.Object())
	return e.message(m)
}

// observation writes the answer to a call.
func (e *exporter) observation(b trajectories.Observation) error {
	o, x, err := e.origin(b.Origin)
	if err != nil {
		return err
	}
	call, ok := e.calls[b.Action]
	if !ok {
		return errors.New("an observation whose action is in no turn that was written")
	}
	var m members.List
	switch {
	case x.Item:
		m.Add("type", "function_call_output")
		m.Add("call_id", call.id)
		addContent(&m, "output", b.Text, o.Parts)
	case call.blocks:
		m.Add("role", "user")
		addContent(&m, "content", b.Text, o.Parts)
	default:
		m.Add("role", "tool")
		m.Add("tool_call_id", call.id)
		addContent(&m, "content", b.Text, o.Parts)
	}
	m.AddAll(x.Message)
	m.AddRaw("extra", ended(b, x))
	return e.message(m)
}

// ended is what the program notes of the end of a command.
func ended(b trajectories.Observation, x extras) json.RawMessage {
	var m members.List
	own := members.Map(x.Extra)
	if b.Result != nil || b.Raw != nil {
		raw, ok := rawOf(b.Text)
		switch {
		case b.Raw != nil:
			raw = *b.Raw
		case !ok:
			raw = b.Text
		}
		m.Add("raw_output", raw)
	}
	if b.Result != nil {
		code := -1
		if b.Result.End == sandbox.EndExit {
			code = b.Result.ExitCode
		}
		m.AddRaw("returncode", strconv.AppendInt(nil, int64(code), 10))
		if _, ok := own["exception_type"]; !ok && b.Result.End == sandbox.EndTimeout {
			m.Add("exception_type", "TimeoutExpired")
		}
		if _, ok := own["exception_info"]; !ok && b.Result.Reason != "" {
			m.Add("exception_info", b.Result.Reason)
		}
	}
	addTime(&m, b.Time)
	m.AddAll(x.Extra)
	return m.Object()
}

// said writes a message that is neither a turn nor an answer.
func (e *exporter) said(s trajectories.Message) error {
	var o trajectories.Origin
	if e.own && s.Origin != nil {
		o = *s.Origin
	}
	var m members.List
	role := s.Role
	switch {
	case e.own && s.Kind == trajectories.MessageExit:
		role = "exit"
	case role == "environment":
		role = "user" // who is shown something new is shown it so
	}
	m.Add("role", role)
	if o.Extra == nil && s.Kind == trajectories.MessageOrphan && s.Origin != nil {
		m.Add("tool_call_id", s.Origin.ID)
	}
	addContent(&m, "content", s.Text, o.Parts)
	m.AddAll(o.Extra)
	return e.message(m)
}
