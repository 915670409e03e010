package mini

import (
	"bytes"
	"encoding/json"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/document"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/members"
)

// reply reads an answer of version 1.1.
func (r *reader) reply(m *document.Node, i int) error {
	if err := r.flush(); err != nil {
		return err
	}
	t := trajectories.Turn{N: r.turn + 1, Origin: &trajectories.Origin{Index: i}}
	content, err := r.in.Content(m, "content")
	if err != nil {
		return err
	}
	t.Message, t.Origin.Parts = content.Text, content.Parts
	known := []string{"role", "content", "tool_calls", "extra"}
	if t.Reasoning, err = r.in.Text(m, "reasoning_content"); err != nil {
		return err
	}
	if t.Reasoning != "" {
		known = append(known, "reasoning_content")
	}
	for c, err := range r.in.Elements(m, "tool_calls") {
		if err != nil {
			return err
		}
		call, err := r.in.ToolCall(c)
		if err != nil {
			return err
		}
		r.ids.Act(&t, call)
	}
	native := len(t.Actions) > 0
	if !native {
		if err := r.blocks(m, &t); err != nil {
			return err
		}
	}
	switch {
	case !native && len(t.Actions) == 1:
		t.Message, t.Origin.Text = split(content.Text, &t)
	case content.Text == "" && content.Null != native: // one is null as a rule where calls are, the other where none are
		t.Origin.Text = &content.Text
	}
	message, err := r.in.Rest(m, known...)
	if err != nil {
		return err
	}
	if err := r.finish(&t, m, message, known); err != nil {
		return err
	}
	return r.emit(t)
}

// blocks takes the commands of an answer without tool calls from what the
// program notes of it.
func (r *reader) blocks(m *document.Node, t *trajectories.Turn) error {
	for a, err := range r.in.Elements(m, "extra", "actions") {
		if err != nil {
			return err
		}
		line, err := r.in.Text(a, "command")
		if err != nil {
			return err
		}
		c := formats.Command("bash", line)
		c.Extra = fenced("") // there are no calls in the message
		if c.ID, err = r.in.Text(a, "tool_call_id"); err != nil {
			return err
		}
		r.ids.Act(t, c)
	}
	return nil
}

// response reads an answer that is an object of OpenAI's Responses API, whose
// items are messages, calls and reasoning.
func (r *reader) response(m *document.Node, i int) error {
	if err := r.flush(); err != nil {
		return err
	}
	t := trajectories.Turn{N: r.turn + 1, Origin: &trajectories.Origin{Index: i}}
	for item, err := range r.in.Elements(m, "output") {
		if err != nil {
			return err
		}
		if err := r.item(item, &t); err != nil {
			return err
		}
	}
	output, err := formats.Raw(formats.Member(m, "output"))
	if err = r.in.Forgive(err); err != nil {
		return err
	}
	t.Origin.Parts = output
	t.Origin.Extra = json.RawMessage(`{"item":true}`)
	message, err := r.in.Rest(m, "output", "extra")
	if err != nil {
		return err
	}
	if err := r.finish(&t, m, message, nil); err != nil {
		return err
	}
	return r.emit(t)
}

func (r *reader) item(item *document.Node, t *trajectories.Turn) error {
	kind, err := r.in.Text(item, "type")
	if err != nil {
		return err
	}
	switch kind {
	case "message":
		c, err := r.in.Content(item, "content")
		t.Message += c.Text
		return err
	case "reasoning":
		c, err := r.in.Content(item, "summary")
		t.Reasoning += c.Text
		return err
	case "function_call":
		var c formats.Call
		if c.ID, err = r.in.Text(item, "call_id"); err != nil {
			return err
		}
		if c.Tool, err = r.in.Text(item, "name"); err != nil {
			return err
		}
		if c.Arguments, err = r.in.Text(item, "arguments"); err != nil {
			return err
		}
		r.ids.Act(t, c)
	}
	return nil // others are in the origin
}

// finish adds to a turn what the program notes beside its message. Known are the
// members of the message that the turn has fields for.
func (r *reader) finish(t *trajectories.Turn, m *document.Node, message json.RawMessage, known []string) error {
	extra := formats.Member(m, "extra")
	t.Usage.Calls = 1
	derived, err := r.cost(t, extra, known)
	if err != nil {
		return err
	}
	var origin members.List
	origin.AddAll(t.Origin.Extra)
	switch {
	case bytes.Equal(message, derived):
	case message == nil: // an empty object stands for a message that has none of the response's members
		origin.AddRaw("message", []byte("{}"))
	default:
		origin.AddRaw("message", message)
	}
	rest, err := r.rest(t, extra)
	if err != nil {
		return err
	}
	origin.AddRaw("extra", rest)
	outside, err := r.in.Number(m, "timestamp") // of version 1, for some months
	if err != nil {
		return err
	}
	if outside != 0 && t.Time.IsZero() {
		if t.Time, err = r.in.Seconds(m, "timestamp"); err != nil {
			return err
		}
	}
	t.Origin.Extra = origin.Object()
	return nil
}

// cost reads the model's response, the time and the cost. It returns those
// members of the message that the response gives back.
func (r *reader) cost(t *trajectories.Turn, extra *document.Node, known []string) (derived json.RawMessage, err error) {
	if t.Time, err = r.in.Seconds(extra, "timestamp"); err != nil {
		return nil, err
	}
	if t.Usage.Cost, err = r.in.Number(extra, "cost"); err != nil {
		return nil, err
	}
	response := formats.Member(extra, "response")
	if response == nil {
		return nil, nil
	}
	t.Response, err = formats.Raw(response)
	if err = r.in.Forgive(err); err != nil {
		return nil, err
	}
	usage := []struct {
		to   *int
		path []string
	}{
		{&t.Usage.PromptTokens, []string{"usage", "prompt_tokens"}},
		{&t.Usage.CompletionTokens, []string{"usage", "completion_tokens"}},
		{&t.Usage.CachedTokens, []string{"usage", "prompt_tokens_details", "cached_tokens"}},
		{&t.Usage.PromptTokens, []string{"usage", "input_tokens"}}, // the Responses API's names
		{&t.Usage.CompletionTokens, []string{"usage", "output_tokens"}},
		{&t.Usage.CachedTokens, []string{"usage", "input_tokens_details", "cached_tokens"}},
	}
	for _, u := range usage {
		if formats.Member(response, u.path...) == nil {
			continue
		}
		if *u.to, err = r.in.Whole(response, u.path...); err != nil {
			return nil, err
		}
	}
	for choice, err := range r.in.Elements(response, "choices") {
		if err != nil {
			return nil, err
		}
		return r.in.Rest(formats.Member(choice, "message"), known...)
	}
	return nil, nil
}

// rest is what the program notes beside an answer and the turn's fields do not
// give back.
func (r *reader) rest(t *trajectories.Turn, extra *document.Node) (json.RawMessage, error) {
	known := []string{"timestamp"}
	if t.Response != nil {
		known = append(known, "response")
	}
	if t.Usage.Cost != 0 {
		known = append(known, "cost")
	}
	same, err := r.sameActions(t, extra)
	if err != nil {
		return nil, err
	}
	if same {
		known = append(known, "actions")
	}
	return r.in.Rest(extra, known...)
}

// sameActions says whether the program's own list of commands repeats the
// calls.
func (r *reader) sameActions(t *trajectories.Turn, extra *document.Node) (bool, error) {
	k := 0
	for a, err := range r.in.Elements(extra, "actions") {
		if err != nil {
			return false, err
		}
		if k == len(t.Actions) {
			return false, nil
		}
		named := formats.Member(a, "tool_call_id") != nil
		if formats.Word(a, "command") != formats.CommandOf(t.Actions[k].Arguments) || named && formats.Word(a, "tool_call_id") != t.CallID(k) || len(a.Keys()) > 2 || !named && len(a.Keys()) != 1 {
			return false, nil
		}
		k++
	}
	return k == len(t.Actions) && formats.Member(extra, "actions") != nil, nil
}
