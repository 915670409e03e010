package sweagent

import (
	"path"
	"regexp"
	"strings"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/document"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/members"
)

// header makes the header. It says which messages of the history are in it.
func (r *reader) header() (h trajectories.Header, opening map[int]bool, err error) {
	h.Policy.Name = "swe-agent"
	h.Attempt = r.attempt
	h.Source = &trajectories.Source{Chosen: r.chosen}
	var origin members.List
	if opening, err = r.opening(&h, &origin); err != nil {
		return h, nil, err
	}
	config := r.config()
	environment, err := r.in.Text(r.run, "environment")
	if err != nil {
		return h, nil, err
	}
	var id, name, url string
	texts := []struct {
		to   *string
		from *document.Node
		path []string
	}{
		{&id, config, []string{"problem_statement", "id"}},
		{&h.Task.ProblemStatement, config, []string{"problem_statement", "text"}},
		{&name, config, []string{"env", "repo", "repo_name"}},
		{&url, config, []string{"env", "repo", "github_url"}},
		{&h.Task.BaseCommit, config, []string{"env", "repo", "base_commit"}},
		{&h.Task.Image, config, []string{"env", "deployment", "image"}},
		{&h.Policy.Model, config, []string{"agent", "model", "name"}},
		{&h.Policy.Version, r.run, []string{"info", "swe_agent_version"}},
	}
	for _, t := range texts {
		if t.from == nil {
			continue
		}
		if *t.to, err = r.in.Text(t.from, t.path...); err != nil {
			return h, nil, err
		}
	}
	switch environment {
	case "", "main", "swe_main": // what the program calls them all
		h.Task.ID = id
	default:
		h.Task.ID = environment
	}
	if h.Task.Repo = repository(url); strings.Contains(name, "/") { // else it is a folder in the image
		h.Task.Repo = name
	}
	if !commit.MatchString(h.Task.BaseCommit) { // "HEAD", or the name of a branch
		h.Task.BaseCommit = ""
	}
	if h.Task.ProblemStatement == "" {
		var found bool
		if h.Task.ProblemStatement, found = issue(h.Prompt); !found && h.Prompt != "" {
			r.in.Warn(r.run, "the issue cannot be told from the rest of the prompt")
		}
	}
	known := []string{"trajectory", "history", "info", "attempts"}
	if r.retry == nil { // else it stands for the run's own
		known = append(known, "retry")
		if retry := formats.Member(r.run, "retry"); retry != nil {
			raw, err := formats.Raw(retry)
			if err = r.in.Forgive(err); err != nil {
				return h, nil, err
			}
			r.retry = raw
		}
	}
	rest, err := r.in.Rest(r.run, known...)
	if err != nil {
		return h, nil, err
	}
	origin.AddRaw("rest", rest)
	if formats.Member(r.run, "trajectory") == nil {
		origin.Add("chat", true)
	}
	if o := origin.Object(); o != nil {
		h.Origin = &trajectories.Origin{Extra: o}
	}
	return h, opening, nil
}

var commit = regexp.MustCompile(`^[0-9a-f]{7,64}$`)

// config is the configuration of the run, which is an object, or a text that
// holds one.
func (r *reader) config() *document.Node {
	c := formats.Member(r.run, "replay_config")
	if c == nil || c.Kind() != document.String {
		return c
	}
	inner, err := c.Unwrap()
	if err != nil {
		r.in.Warn(c, "the configuration is not the text of an object: %v", err)
		return nil
	}
	return inner
}

// opening takes the first system message and the first message of the user
// that is no demonstration, as far as they come before the first answer.
func (r *reader) opening(h *trajectories.Header, origin *members.List) (map[int]bool, error) {
	taken := map[int]bool{}
	index := -1
	var system, prompt bool
	for n, err := range r.in.Elements(r.run, "history") {
		index++
		if err != nil {
			return nil, err
		}
		m, err := readMessage(r.in, n, index)
		if err != nil {
			return nil, err
		}
		if m == nil || m.demo {
			continue
		}
		switch {
		case m.role == "system" && !system:
			system = true
			h.System, err = r.take(m, origin)
		case m.role == "user" && !prompt:
			prompt = true
			if !system {
				origin.Add("prompt_first", true)
			}
			h.Prompt, err = r.take(m, origin)
		default:
			return taken, nil
		}
		if err != nil {
			return nil, err
		}
		taken[index] = true
	}
	return taken, nil
}

// take reads a message of the header. That it is there is in the origin, too:
// it may be empty.
func (r *reader) take(m *message, origin *members.List) (string, error) {
	n, err := m.said(r.in)
	if err != nil {
		return "", err
	}
	var extra members.List
	extra.AddRaw("parts", n.Origin.Parts)
	extra.AddRaw("rest", n.Origin.Extra)
	if extra.Object() == nil {
		origin.AddRaw(m.role, []byte("{}"))
	}
	origin.AddRaw(m.role, extra.Object())
	return n.Text, nil
}

// issue finds the issue in the prompt.
func issue(prompt string) (string, bool) {
	for _, words := range []struct{ before, after string }{
		{"ISSUE:\n", "\n\nINSTRUCTIONS:"},
		{"<pr_description>\n", "\n</pr_description>"},
		{"<pr_description>", "</pr_description>"},
	} {
		if _, rest, ok := strings.Cut(prompt, words.before); ok {
			if inside, _, ok := strings.Cut(rest, words.after); ok {
				return inside, true
			}
		}
	}
	return prompt, false
}

// repository is the owner and the name in the address of a repository.
func repository(url string) string {
	rest, ok := strings.CutPrefix(url, "https://github.com/")
	if !ok {
		return url
	}
	return path.Clean(strings.TrimSuffix(rest, ".git"))
}
