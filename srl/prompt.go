package srl

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/srl/format"
	"github.com/apprentice-rl/apprentice/trajectories"
)

// The paper does not publish its prompt for software engineering. This one
// follows the wording of its prompt for mathematics (appendix B).
const instruction = `You are a helpful assistant for solving issues in software repositories. A user will provide an issue and the latest steps towards its solution. Your task is to continue the solution by taking the very next step.

You should first draft your thinking process (inner monologue). Then, take the step.

Your response format must follow the template below: <think> Your thoughts or/and draft, like working on scratch paper. Be as casual and as long as you want until you are confident to take the right step. </think> Provide only the single, next step, as a tool call. Do not take several steps, and write nothing after the call.`

// mathematics is the paper's prompt for mathematics (appendix B), word for word.
const mathematics = `You are a helpful assistant for solving mathematical problems. A user will provide a math problem, which may include a partial solution. Your task is to continue the solution by providing the very next logical step.

A user will ask you to solve a task. You should first draft your thinking process (inner monologue). Then, generate the solution.

Your response format must follow the template below: <think> Your thoughts or/and draft, like working through an exercise on scratch paper. Be as casual and as long as you want until you are confident to generate a correct solution. </think> Provide only the single, next step to continue the solution. Do not solve the entire problem.`

// A prompter makes the prompts for the steps of one trajectory.
type prompter struct {
	system   string
	issue    string
	steps    []trajectories.Step
	language format.Language
	opts     Options
	texts    [][]string // the actions of each step, once they have been written
	shown    []string   // each step as later prompts show it, once one has
}

func newPrompter(t *trajectories.Trajectory, opts Options) (*prompter, error) {
	p := &prompter{
		system: mathematics, issue: t.Header.Task.ProblemStatement, steps: t.Steps(),
		language: opts.Reward.Format.Language, opts: opts,
	}
	p.texts, p.shown = make([][]string, len(p.steps)), make([]string, len(p.steps))
	if p.language == format.Text {
		return p, nil
	}
	manual, err := opts.Reward.Format.Language.Manual()
	if err != nil {
		return nil, err
	}
	tools, err := describe(t.Header.Tools)
	if err != nil {
		return nil, fmt.Errorf("trajectory %s: %w", t.Header.ID, err)
	}
	p.system = instruction + "\n\n" + manual + "\n\n" + tools
	return p, nil
}

// actions writes the actions of step k, from 1. Most steps are written several
// times: as a target, and in the prompts of the next ones.
func (p *prompter) actions(k int) ([]string, error) {
	if p.texts[k-1] != nil {
		return p.texts[k-1], nil
	}
	var texts []string
	for _, a := range p.steps[k-1].Turn.Actions {
		text, err := p.language.Render(a)
		if err != nil {
			return nil, err
		}
		texts = append(texts, text)
	}
	p.texts[k-1] = texts
	return texts, nil
}

// from is the first step that the prompt of step k shows, of those before k.
func (p *prompter) from(k int) int {
	if p.opts.Window < 0 {
		return 1
	}
	return max(1, k-p.opts.Window)
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
	if p.language == format.Text {
		if err := p.solution(&b, k); err != nil {
			return nil, err
		}
		return p.messages(&b), nil
	}
	issue := strings.TrimSpace(p.issue)
	size := len(issue) + 512
	from := p.from(k)
	for n := from; n < k; n++ {
		text, err := p.past(n)
		if err != nil {
			return nil, fmt.Errorf("past step %d: %w", n, err)
		}
		size += len(text)
	}
	b.Grow(size)
	fmt.Fprintf(&b, "The repository is in %s. This is the issue:\n\n<issue>\n%s\n</issue>\n\n", env.Workdir, issue)
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
	for _, text := range p.shown[from-1 : k-1] {
		b.WriteString(text)
	}

	if n := len(p.steps[k-1].Turn.Actions); n > 1 {
		// The format check accepts as many, so the model has to know.
		fmt.Fprintf(&b, "Take step %d now. It may have up to %d tool calls, one after the other.", k, n)
	} else {
		fmt.Fprintf(&b, "Take step %d now.", k)
	}
	return p.messages(&b), nil
}

func (p *prompter) messages(user *strings.Builder) []Message {
	return []Message{{Role: "system", Content: p.system}, {Role: "user", Content: user.String()}}
}

// solution writes a problem and the steps of its solution so far.
func (p *prompter) solution(b *strings.Builder, k int) error {
	b.WriteString(strings.TrimSpace(p.issue))
	for _, step := range p.steps[p.from(k)-1 : k-1] {
		texts, err := p.actions(step.N)
		if err != nil {
			return fmt.Errorf("past step %d: %w", step.N, err)
		}
		b.WriteString("\n\n" + strings.Join(texts, "\n"))
	}
	if title := titleOf(p.language, p.steps[k-1]); p.opts.Hint && title != "" {
		fmt.Fprintf(b, "\n\nThe next step is: %d. **%s**", k, title)
	}
	return nil
}

// past is step k, from 1, as later prompts show it: each of its actions, and what
// came back. The expert's reasoning is shown where that is asked for. The actions
// stand without tags or labels of their own, which a model would soon copy into its
// answers.
func (p *prompter) past(k int) (string, error) {
	if p.shown[k-1] != "" {
		return p.shown[k-1], nil
	}
	step := p.steps[k-1]
	texts, err := p.actions(k)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "--- step %d ---\n", k)
	if p.opts.Reasoning {
		for _, text := range []string{step.Turn.Reasoning, step.Turn.Message} {
			if text = strings.TrimSpace(text); text != "" {
				fmt.Fprintf(&b, "%s\n", text)
			}
		}
	}
	for i, a := range step.Turn.Actions {
		b.WriteString(texts[i] + "\nOBSERVATION:\n" + p.observation(step, a) + "\n")
	}
	b.WriteString("\n")
	p.shown[k-1] = b.String()
	return p.shown[k-1], nil
}

// observation returns what came back for an action, as the prompt shows it.
func (p *prompter) observation(step trajectories.Step, a env.Action) string {
	for _, o := range step.Observations {
		if o.Action == a.ID {
			text := strings.TrimRight(o.Text, "\n")
			if p.opts.ObservationTokens > 0 {
				return cutTokens(text, p.opts.ObservationTokens)
			}
			return cut(text, p.opts.ObservationCap)
		}
	}
	return "[nothing came back: the episode was interrupted]"
}

// cut leaves out the middle of text beyond most characters, and says so. Anything
// negative is no bound.
func cut(text string, most int) string {
	if most < 0 || len(text) <= most {
		return text // it has no more characters than bytes
	}
	n := utf8.RuneCountInString(text)
	if n <= most {
		return text
	}
	tail := most / 2
	return text[:offset(text, most-tail)] + fmt.Sprintf("\n[%d characters are left out here]\n", n-most) + text[offset(text, n-tail):]
}

// offset is where a character begins, from 0.
func offset(text string, character int) int {
	for i := range text {
		if character == 0 {
			return i
		}
		character--
	}
	return len(text)
}

// cutTokens is cut in estimated tokens. No character is cut in two.
func cutTokens(text string, most int) string {
	n := tokens(text)
	if n <= most {
		return text
	}
	tail := most / 2
	head, rest := int(bytesPerToken*float64(most-tail)), len(text)-int(bytesPerToken*float64(tail))
	for head > 0 && !utf8.RuneStart(text[head]) {
		head--
	}
	for rest < len(text) && !utf8.RuneStart(text[rest]) {
		rest++
	}
	return text[:head] + fmt.Sprintf("\n[about %d tokens are left out here]\n", n-most) + text[rest:]
}
