package srl

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/srl/format"
	"github.com/apprentice-rl/apprentice/trajectories"
)

// The paper does not publish its prompt for software engineering. This one
// follows the wording of its prompt for mathematics (appendix B).
const instruction = `You are a helpful assistant for solving issues in software repositories. A user will provide an issue and the latest steps towards its solution. Your task is to continue the solution by taking the very next step.

You should first draft your thinking process (inner monologue). Then, take the step.

Your response format must follow the template below: <think> Your thoughts or/and draft, like working on scratch paper. Be as casual and as long as you want until you are confident to take the right step. </think> Provide only the single, next step, as a tool call. Do not take several steps, and write nothing after the call.`

// A prompter makes the prompts for the steps of one trajectory.
type prompter struct {
	system   string
	issue    string
	steps    []trajectories.Step
	language format.Language
	window   int // negative: all steps
	cap      int
}

func newPrompter(t *trajectories.Trajectory, opts Options) (*prompter, error) {
	manual, err := opts.Reward.Format.Language.Manual()
	if err != nil {
		return nil, err
	}
	tools, err := describe(t.Header.Tools)
	if err != nil {
		return nil, fmt.Errorf("trajectory %s: %w", t.Header.ID, err)
	}
	return &prompter{
		system:   instruction + "\n\n" + manual + "\n\n" + tools,
		issue:    t.Header.Task.ProblemStatement,
		steps:    t.Steps(),
		language: opts.Reward.Format.Language,
		window:   opts.Window,
		cap:      opts.ObservationCap,
	}, nil
}

// describe lists tools with the schemas of their parameters.
func describe(tools []trajectories.Tool) (string, error) {
	var b strings.Builder
	b.WriteString("These are the tools, with the JSON schemas of their parameters:")
	for _, tool := range tools {
		fmt.Fprintf(&b, "\n\n%s: %s", tool.Name, strings.TrimSpace(tool.Description))
		if len(tool.Parameters) == 0 {
			continue
		}
		var schema bytes.Buffer
		if err := json.Compact(&schema, tool.Parameters); err != nil {
			return "", fmt.Errorf("parameters of tool %s: %w", tool.Name, err)
		}
		fmt.Fprintf(&b, "\nParameters: %s", schema.String())
	}
	return b.String(), nil
}

// prompt returns the messages for step k, from 1.
func (p *prompter) prompt(k int) ([]Message, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "The repository is in %s. This is the issue:\n\n<issue>\n%s\n</issue>\n\n", env.Workdir, strings.TrimSpace(p.issue))

	from := 1
	if p.window >= 0 {
		from = max(1, k-p.window)
	}
	switch {
	case k == 1:
		b.WriteString("No step has been taken yet.\n\n")
	case from == 2:
		b.WriteString("These are the latest steps; step 1 is left out.\n\n")
	case from > 2:
		fmt.Fprintf(&b, "These are the latest steps; steps 1 to %d are left out.\n\n", from-1)
	default:
		b.WriteString("These are the steps so far.\n\n")
	}
	for _, step := range p.steps[from-1 : k-1] {
		if err := p.past(&b, step); err != nil {
			return nil, fmt.Errorf("past step %d: %w", step.N, err)
		}
	}

	if n := len(p.steps[k-1].Turn.Actions); n > 1 {
		// The format check accepts as many, so the model has to know.
		fmt.Fprintf(&b, "Take step %d now. It may have up to %d tool calls, one after the other.", k, n)
	} else {
		fmt.Fprintf(&b, "Take step %d now.", k)
	}
	return []Message{{Role: "system", Content: p.system}, {Role: "user", Content: b.String()}}, nil
}

// past writes a past step: each of its actions, and what came back. The
// expert's reasoning is not shown. The actions stand without tags or labels of
// their own, which a model would soon copy into its answers.
func (p *prompter) past(b *strings.Builder, step trajectories.Step) error {
	fmt.Fprintf(b, "--- step %d ---\n", step.N)
	for _, a := range step.Turn.Actions {
		action, err := p.language.Render(a)
		if err != nil {
			return err
		}
		fmt.Fprintf(b, "%s\nOBSERVATION:\n%s\n", action, p.observation(step, a))
	}
	b.WriteString("\n")
	return nil
}

// observation returns what came back for an action, as the prompt shows it.
func (p *prompter) observation(step trajectories.Step, a env.Action) string {
	for _, o := range step.Observations {
		if o.Action == a.ID {
			return cut(strings.TrimRight(o.Text, "\n"), p.cap)
		}
	}
	return "[nothing came back: the episode was interrupted]"
}

// cut leaves out the middle of text beyond most characters, and says so.
func cut(text string, most int) string {
	points := []rune(text)
	if len(points) <= most {
		return text
	}
	tail := most / 2
	head := most - tail
	return fmt.Sprintf("%s\n[%d characters are left out here]\n%s",
		string(points[:head]), len(points)-most, string(points[len(points)-tail:]))
}
