package show

import (
	"fmt"
	"strings"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/show/terminal"
)

// title says what the episode was about.
func (s *shower) title() {
	h := s.header
	s.paragraph(terminal.Title, margin{}, h.ID, Whole, "")
	fact := func(name, value string) {
		if value = strings.Join(strings.Fields(terminal.Clean(value)), " "); value != "" {
			const column = 9
			blank := strings.Repeat(" ", column)
			s.paragraph("", margin{terminal.Pad(name, column), blank, blank}, value, Whole, "")
		}
	}
	if task := h.Task; task.ID != h.ID {
		fact("task", task.ID)
	}
	repo := h.Task.Repo
	if h.Task.BaseCommit != "" {
		repo += " at " + h.Task.BaseCommit
	}
	fact("repo", repo)
	fact("policy", policy(h.Policy))
	if h.Source != nil {
		fact("from", source(*h.Source))
	}
	if h.Parent != nil {
		fact("part of", fmt.Sprintf("%s (%s)", h.Parent.Trajectory, h.Parent.Kind))
	}
	if !h.Started.IsZero() {
		fact("started", h.Started.UTC().Format("2006-01-02 15:04:05 UTC"))
	}
	fact("notes", h.Notes)
	if h.Task.ProblemStatement != "" {
		s.raw("")
		s.paragraph("", margin{}, h.Task.ProblemStatement, s.options.Text, hintFull)
	}
	if s.options.Text == Whole {
		s.prompt("system prompt", h.System)
		s.prompt("prompt", h.Prompt)
	}
}

// prompt shows a prompt, which most episodes of a run have in common.
func (s *shower) prompt(name, text string) {
	if text != "" {
		s.rule(terminal.Bold, name)
		s.paragraph(terminal.Dim, margin{}, text, Whole, "")
	}
}

// What shows more of the texts. The flags are those of the command.
const (
	hintFull        = "--full"
	hintReasoning   = "--reasoning"
	hintObservation = "--observations N, or all"
)

func policy(p trajectories.Policy) string {
	words := []string{p.Name}
	if p.Version != "" {
		words = append(words, p.Version)
	}
	if p.Model != "" {
		words = append(words, "with "+p.Model)
	}
	return strings.Join(words, " ")
}

func source(f trajectories.Source) string {
	text := f.File + ", " + f.Format
	if f.Version != "" && !strings.HasSuffix(f.Format, f.Version) {
		text += " " + f.Version
	}
	if f.Row > 0 {
		text += fmt.Sprintf(", row %d", f.Row)
	}
	return text
}
