package mini

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/document"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/members"
)

// result reads the answer to a call that it names.
func (r *reader) result(m *document.Node, i int, idMember, textMember string) error {
	if err := r.flush(); err != nil {
		return err
	}
	id, err := r.in.Text(m, idMember)
	if err != nil {
		return err
	}
	c, known := r.calls[id]
	if !known || c.answered {
		return r.orphan(m, i, id, textMember)
	}
	return r.observe(m, i, id, c, idMember, textMember, "role", "type", idMember, textMember, "extra")
}

// orphan keeps an answer whose call is not in the file.
func (r *reader) orphan(m *document.Node, i int, id, textMember string) error {
	r.in.Warn(m, "an answer to call %.80q, which the file does not hold", id)
	content, err := r.in.Content(m, textMember)
	if err != nil {
		return err
	}
	extra, err := r.in.Rest(m, "role", textMember)
	if err != nil {
		return err
	}
	return r.to.Message(trajectories.Message{After: r.turn, Role: "tool", Kind: trajectories.MessageOrphan, Shown: true, Text: content.Text,
		Origin: &trajectories.Origin{Index: i, ID: id, Parts: content.Parts, Extra: extra}})
}

// observe hands over the answer to a call.
func (r *reader) observe(m *document.Node, i int, id string, c call, idMember, textMember string, known ...string) error {
	content, err := r.in.Content(m, textMember)
	if err != nil {
		return err
	}
	o := trajectories.Observation{Turn: c.turn, Observation: env.Observation{Action: c.action, Text: content.Text},
		Origin: &trajectories.Origin{Index: i, Parts: content.Parts}}
	extra := formats.Member(m, "extra")
	if o.Time, err = r.in.Seconds(extra, "timestamp"); err != nil {
		return err
	}
	noted := []string{"timestamp"}
	if formats.Member(extra, "raw_output") != nil {
		raw, err := r.in.Text(extra, "raw_output")
		if err != nil {
			return err
		}
		noted = append(noted, "raw_output")
		if rendered, ok := rawOf(content.Text); !ok || rendered != raw {
			o.Raw = &raw
		}
	}
	if err := r.ending(&o, extra); err != nil {
		return err
	}
	if formats.Member(extra, "returncode") != nil {
		noted = append(noted, "returncode")
	}
	// Nearly every answer has a null here.
	if extra != nil && formats.Member(extra, "exception_info") == nil {
		noted = append(noted, "exception_info")
	}
	var origin members.List
	rest, err := r.in.Rest(extra, noted...)
	if err != nil {
		return err
	}
	origin.AddRaw("extra", rest)
	if rest, err = r.in.Rest(m, known...); err != nil {
		return err
	}
	origin.AddRaw("message", rest)
	if idMember == "call_id" {
		origin.Add("item", true)
	}
	o.Origin.Extra = origin.Object()
	if r.submits && !r.extras {
		r.shown, o.Submitted = content.Text, true
	}
	c.answered = true
	if id != "" {
		r.calls[id] = c
	}
	for k, a := range r.last {
		if a == c.action {
			r.last = append(r.last[:k:k], r.last[k+1:]...)
			break
		}
	}
	return r.to.Observation(o)
}

// ending reads how the command ended: from what is noted, else from the text.
func (r *reader) ending(o *trajectories.Observation, extra *document.Node) error {
	code, known := codeOf(o.Text)
	if formats.Member(extra, "returncode") != nil {
		var err error
		if code, err = r.in.Whole(extra, "returncode"); err != nil {
			return err
		}
		known = true
	}
	exception, err := r.in.Text(extra, "exception_type")
	if err != nil {
		return err
	}
	reason, err := r.in.Text(extra, "exception_info")
	if err != nil {
		return err
	}
	switch {
	case exception == "TimeoutExpired", exception == "TimeoutError", !known && strings.HasPrefix(o.Text, "The last command <command>") && strings.Contains(o.Text, "timed out"):
		o.Result = &sandbox.Result{End: sandbox.EndTimeout, ExitCode: -1}
	case !known:
		return nil
	case code < 0:
		o.Result = &sandbox.Result{End: sandbox.EndRefused, ExitCode: -1, Reason: reason}
	default:
		o.Result = &sandbox.Result{End: sandbox.EndExit, ExitCode: code}
	}
	o.Failed = !o.Result.Succeeded()
	return nil
}

// codeOf reads the exit code from an output as the policy saw it.
func codeOf(shown string) (int, bool) {
	rest, ok := strings.CutPrefix(shown, "<returncode>")
	if !ok {
		return 0, false
	}
	digits, _, ok := strings.Cut(rest, "</returncode>")
	if !ok {
		return 0, false
	}
	code, err := strconv.Atoi(digits)
	return code, err == nil
}

// rawOf gives back the whole output from what the policy saw, where the
// template has shown all of it.
func rawOf(shown string) (string, bool) {
	code, ok := codeOf(shown)
	if !ok {
		return "", false
	}
	rest, ok := strings.CutPrefix(shown, fmt.Sprintf("<returncode>%d</returncode>\n<output>\n", code))
	if !ok {
		return "", false
	}
	return strings.CutSuffix(rest, "</output>")
}

// told reads a message of the program in version 1.1: the answer to a command
// block, the reply to an answer in the wrong form, or something else.
func (r *reader) told(m *document.Node, i int) error {
	interrupt, err := r.in.Text(m, "extra", "interrupt_type")
	if err != nil {
		return err
	}
	switch {
	case interrupt == "FormatError":
		return r.rejected(m, i)
	case formats.Member(m, "extra", "returncode") != nil && len(r.last) > 0:
		return r.observe(m, i, "", call{action: r.last[0], turn: r.turn}, "", "content", "role", "content", "extra")
	}
	return r.note(m, i)
}

// rejected makes the turn that the program's reply speaks of. What the policy
// had answered is beside the reply, or lost.
func (r *reader) rejected(m *document.Node, i int) error {
	if err := r.flush(); err != nil {
		return err
	}
	content, err := r.in.Content(m, "content")
	if err != nil {
		return err
	}
	t := trajectories.Turn{N: r.turn + 1, FormatError: content.Text, Origin: &trajectories.Origin{Index: i, Parts: content.Parts}}
	if t.FormatError == "" {
		t.FormatError = "the source does not say why"
		t.Origin.Text = &content.Text
	}
	extra := formats.Member(m, "extra")
	if _, err := r.cost(&t, extra, nil); err != nil {
		return err
	}
	t.Usage.Calls = 1
	t.Lost = t.Response == nil
	if !t.Lost {
		for choice, err := range r.in.Elements(extra, "response", "choices") {
			if err != nil {
				return err
			}
			said, err := r.in.Content(choice, "message", "content")
			if err != nil {
				return err
			}
			t.Message = said.Text
			if t.Reasoning, err = r.in.Text(choice, "message", "reasoning_content"); err != nil {
				return err
			}
			break
		}
	}
	known := []string{"interrupt_type", "timestamp"}
	if t.Response != nil {
		known = append(known, "response")
	}
	if t.Usage.Cost != 0 {
		known = append(known, "cost")
	}
	var origin members.List
	rest, err := r.in.Rest(extra, known...)
	if err != nil {
		return err
	}
	origin.AddRaw("extra", rest)
	if rest, err = r.in.Rest(m, "role", "content", "extra"); err != nil {
		return err
	}
	origin.AddRaw("message", rest)
	t.Origin.Extra = origin.Object()
	return r.emit(t)
}

// command reads an answer of version 1.
func (r *reader) command(m *document.Node, i int) error {
	if err := r.flush(); err != nil {
		return err
	}
	content, err := r.in.Content(m, "content")
	if err != nil {
		return err
	}
	t := trajectories.Turn{N: r.turn + 1, Message: content.Text, Origin: &trajectories.Origin{Index: i, Parts: content.Parts}}
	r.submits = false
	if blocks := fence.FindAllStringSubmatch(content.Text, 2); len(blocks) == 1 {
		r.ids.Act(&t, formats.Command("bash", blocks[0][2]))
		t.Message, t.Origin.Text = split(content.Text, &t)
		r.submits = submits(blocks[0][2])
	}
	if t.Reasoning, err = r.in.Text(m, "reasoning_content"); err != nil {
		return err
	}
	known := []string{"role", "content", "extra", "tool_calls"}
	if t.Reasoning != "" {
		known = append(known, "reasoning_content")
	}
	message, err := r.in.Rest(m, append(known, "timestamp")...)
	if err != nil {
		return err
	}
	if err := r.finish(&t, m, message, known); err != nil {
		return err
	}
	if len(t.Actions) == 0 {
		r.answer = &t
		return nil
	}
	return r.emit(t)
}

// submits says whether a command prints the line that ends an episode.
func submits(command string) bool {
	return strings.Contains(command, "COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT") || strings.Contains(command, "MINI_SWE_AGENT_FINAL_OUTPUT")
}

// split takes the command block off an answer. The whole text is returned too
// where the block does not stand at its end as the prompt asks for.
func split(content string, t *trajectories.Turn) (message string, whole *string) {
	at := fence.FindStringSubmatchIndex(content)
	if at == nil {
		return content, nil
	}
	message = strings.TrimRight(content[:at[0]], "\n")
	name, command := content[at[2]:at[3]], content[at[4]:at[5]]
	if name != "bash" && t.Calls == nil {
		t.Calls = make([]trajectories.Call, len(t.Actions))
	}
	if t.Calls != nil {
		t.Calls[0].Extra = fenced(name)
	}
	if render(message, name, command) != content {
		whole = &content
	}
	return message, whole
}

// fenced notes the word after a command's fence, "" if the command is not
// between fences that can be found.
func fenced(name string) json.RawMessage {
	var extra members.List
	extra.Add("fence", name)
	return extra.Object()
}

// render is how an answer of version 1 looks as a rule.
func render(message, name, command string) string {
	return message + "\n\n```" + name + "\n" + command + "\n```"
}

// output reads the message after an answer in version 1: the output of its
// command, or the reply to an answer in the wrong form.
func (r *reader) output(m *document.Node, i int) error {
	content, err := r.in.Content(m, "content")
	if err != nil {
		return err
	}
	if r.answer != nil {
		t := *r.answer
		t.FormatError = content.Text
		rest, err := r.in.Rest(m, "role", "content")
		if err != nil {
			return err
		}
		var origin members.List
		origin.AddAll(t.Origin.Extra)
		origin.AddRaw("reply", rest)
		origin.AddRaw("reply_parts", content.Parts)
		t.Origin.Extra = origin.Object()
		return r.emit(t)
	}
	if len(r.last) > 0 {
		return r.observe(m, i, "", call{action: r.last[0], turn: r.turn}, "", "content", "role", "content", "extra")
	}
	if err := r.flush(); err != nil {
		return err
	}
	n, err := r.said(m, i)
	r.held = &n
	return err
}
