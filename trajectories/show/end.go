package show

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/show/terminal"
)

// end shows how the episode ended, and its patch.
func (s *shower) end(e *trajectories.End) {
	title := "end: " + words(string(e.Status))
	colour := terminal.Alarm
	if e.Status == trajectories.ExitSubmitted {
		colour = terminal.Title
	}
	notes := []string{count(s.steps, "step", "steps")}
	if !e.Time.IsZero() && !s.begun.IsZero() {
		notes = append(notes, duration(e.Time.Sub(s.begun)))
	}
	s.rule(colour, title, append(notes, usage(e.Usage.Or(s.usage))...)...)
	if e.Limit != "" {
		s.line(terminal.Red, margin{}, "forced by the "+words(string(e.Limit)))
	}
	if e.SourceStatus != "" && !strings.EqualFold(e.SourceStatus, string(e.Status)) {
		s.paragraph("", margin{}, "in the words of the source: "+e.SourceStatus, s.options.Text, hintFull)
	}
	s.paragraph("", margin{}, e.Detail, s.options.Text, hintFull)
	for _, kind := range slices.Sorted(maps.Keys(e.Redactions)) {
		s.line(terminal.Dim, margin{}, fmt.Sprintf("secrets replaced: %d of kind %s", e.Redactions[kind], terminal.Clean(kind)))
	}
	switch {
	case e.PatchUnknown:
		s.line(terminal.Dim, margin{}, "the source holds no patch")
	case strings.TrimSpace(e.Patch) == "":
		s.line(terminal.Red, margin{}, "the patch is empty")
	default:
		s.raw("")
		s.patch(e.Patch)
	}
	if e.Submission != nil && strings.TrimSpace(*e.Submission) != strings.TrimSpace(e.Patch) {
		s.raw("")
		s.line(terminal.Bold, margin{}, "handed in instead of the patch:")
		s.paragraph("", indent("  "), *e.Submission, s.options.Text, hintFull)
	}
}

// unfinished says that there is no end.
func (s *shower) unfinished(torn bool) {
	s.rule(terminal.Alarm, "no end: the episode is under way, or was interrupted", count(s.steps, "step", "steps"))
	if torn {
		s.line(terminal.Red, margin{}, "the last line of the log was cut off")
	}
}

// patch shows a difference.
func (s *shower) patch(patch string) {
	lines := strings.Split(strings.Trim(terminal.Clean(patch), "\n"), "\n")
	var files, added, removed int
	for _, line := range lines {
		switch diffColour(line) {
		case terminal.Green:
			added++
		case terminal.Red:
			removed++
		case terminal.Bold:
			if strings.HasPrefix(line, "+++ ") {
				files++
			}
		}
	}
	s.raw(fmt.Sprintf("patch: %s, %s, %s", count(files, "file", "files"),
		s.paint.In(terminal.Green, fmt.Sprintf("+%d", added)), s.paint.In(terminal.Red, fmt.Sprintf("−%d", removed))))
	missing := 0
	if fold := s.options.Patch; fold != Whole && len(lines) > int(fold)+1 {
		lines, missing = lines[:fold], len(lines)-int(fold)
	}
	for _, line := range lines {
		// What a line goes on with would look like one of the patch's own.
		over := margin{over: "┊ "}
		pieces := wrap(line, s.width, math.MaxInt)
		if len(pieces) > 1 {
			pieces = wrap(line, s.width-terminal.Width(over.over), math.MaxInt)
		}
		s.text(diffColour(line), over, pieces...)
	}
	s.missing(margin{}, missing, hintFull)
}

// diffColour is the colour of a line of a difference.
func diffColour(line string) terminal.Colour {
	switch {
	case strings.HasPrefix(line, "+++ "), strings.HasPrefix(line, "--- "), strings.HasPrefix(line, "diff "):
		return terminal.Bold
	case strings.HasPrefix(line, "@@"):
		return terminal.Cyan
	case strings.HasPrefix(line, "+"):
		return terminal.Green
	case strings.HasPrefix(line, "-"):
		return terminal.Red
	case strings.HasPrefix(line, "index "), strings.HasPrefix(line, `\ No newline`):
		return terminal.Dim
	}
	return ""
}
