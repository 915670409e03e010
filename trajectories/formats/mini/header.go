package mini

import (
	"encoding/json"
	"regexp"
	"strings"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/document"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/members"
)

// bash is the one tool of mini-swe-agent, as its version 2 defines it for
// models with tool calls. In version 1 the prompt describes it in words.
func bash() trajectories.Tool {
	return trajectories.Tool{
		Name:        "bash",
		Description: "Execute a bash command",
		Parameters:  json.RawMessage(`{"type":"object","properties":{"command":{"type":"string","description":"The bash command to execute"}},"required":["command"]}`),
	}
}

// header makes the header, and says how many messages at the beginning it
// holds.
func (r *reader) header() (h trajectories.Header, opening int, err error) {
	h.Policy.Name = "mini-swe-agent"
	h.Tools = []trajectories.Tool{bash()}
	var origin members.List
	if opening, err = r.opening(&h, &origin); err != nil {
		return h, 0, err
	}
	if r.root.Kind() != document.Object {
		h.Origin = originOf(&origin)
		h.Task.ProblemStatement = issue(h.Prompt, "")
		return h, opening, nil
	}
	texts := []struct {
		to   *string
		path []string
	}{
		{&h.Task.ID, []string{"instance_id"}},
		{&h.Policy.Version, []string{"info", "mini_version"}},
		{&h.Policy.Model, []string{"info", "config", "model", "model_name"}},
		{&h.Task.Image, []string{"info", "config", "environment", "image"}},
	}
	for _, t := range texts {
		if *t.to, err = r.in.Text(r.root, t.path...); err != nil {
			return h, 0, err
		}
	}
	if h.Task.ID == "" {
		h.Task.ID = taskOf(h.Task.Image)
	}
	template, err := r.in.Text(r.root, "info", "config", "agent", "instance_template")
	if err != nil {
		return h, 0, err
	}
	h.Task.ProblemStatement = issue(h.Prompt, template)
	info, err := r.in.Rest(formats.Member(r.root, "info"), "exit_status", "submission", "mini_version", "model_stats")
	if err != nil {
		return h, 0, err
	}
	rest, err := r.in.Rest(r.root, "info", "messages", "trajectory_format", "instance_id")
	if err != nil {
		return h, 0, err
	}
	origin.AddRaw("info", info)
	origin.AddRaw("rest", rest)
	h.Origin = originOf(&origin)
	return h, opening, nil
}

func originOf(extra *members.List) *trajectories.Origin {
	if o := extra.Object(); o != nil {
		return &trajectories.Origin{Extra: o}
	}
	return nil
}

// opening takes the system message and the prompt, which come first.
func (r *reader) opening(h *trajectories.Header, origin *members.List) (int, error) {
	i := 0
	for m, err := range r.messages() {
		if err != nil {
			return 0, err
		}
		role := formats.Word(m, "role")
		to := &h.Prompt
		switch {
		case i == 0 && role == "system":
			to = &h.System
		case role != "user" || h.Prompt != "":
			return i, nil
		}
		i++
		content, err := r.in.Content(m, "content")
		if err != nil {
			return 0, err
		}
		rest, err := r.in.Rest(m, "role", "content")
		if err != nil {
			return 0, err
		}
		*to = content.Text
		var extra members.List
		extra.AddRaw("parts", content.Parts)
		extra.AddRaw("rest", rest)
		origin.AddRaw(role, extra.Object())
		if role == "user" {
			break
		}
	}
	return i, nil
}

// eval is the image of a SWE-bench task, in whose name "__" stands as "_1776_"
// because Docker forbids the former.
var eval = regexp.MustCompile(`sweb\.eval\.[^.]+\.([A-Za-z0-9_.-]+?)(?::[^:/]*)?$`)

func taskOf(image string) string {
	if m := eval.FindStringSubmatch(image); m != nil {
		return strings.ReplaceAll(m[1], "_1776_", "__")
	}
	return ""
}

// issue finds the issue in the prompt: what the template has in the place of
// {{task}}, else what stands between known words. As a last resort it is the
// whole prompt.
func issue(prompt, template string) string {
	if before, after, ok := strings.Cut(template, "{{task}}"); ok && !strings.Contains(before, "{{") {
		if rest, ok := strings.CutPrefix(prompt, before); ok {
			// What follows may hold other variables, and the template's last line
			// break is not in the prompt.
			after, _, _ = strings.Cut(after, "{{")
			if i := strings.LastIndex(rest, strings.TrimRight(after, "\n")); i >= 0 && strings.TrimSpace(after) != "" {
				return rest[:i]
			}
		}
	}
	for _, words := range []struct{ before, after string }{
		{"<pr_description>\nConsider the following PR description:\n", "\n</pr_description>"},
		{"<pr_description>", "</pr_description>"},
		{"Please solve this issue: ", "\n\nYou can execute"},
	} {
		if _, rest, ok := strings.Cut(prompt, words.before); ok {
			if inside, _, ok := strings.Cut(rest, words.after); ok {
				return inside
			}
		}
	}
	return prompt
}
