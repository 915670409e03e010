package show

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/apprentice-rl/apprentice/trajectories/behaviour"
	"github.com/apprentice-rl/apprentice/trajectories/show/terminal"
	"github.com/apprentice-rl/apprentice/trajectories/stats"
)

// Report shows statistics: how the episodes ended, what they took, what was done
// when, and with which tools. Of the options only width and colour count.
func Report(w io.Writer, r stats.Report, o Options) error {
	p := newPrinter(w, o.Width, o.Colour)
	p.headline(count(r.Trajectories, "trajectory", "trajectories"), count(r.Tasks, "task", "tasks"), count(r.Repos, "repository", "repositories"))
	p.outcomes(r)
	for _, list := range []struct {
		title string
		names []stats.Count
	}{{"Models", r.Models}, {"Policies", r.Policies}, {"Imported from", r.Formats}} {
		if len(list.names) > 0 {
			p.heading(list.title)
			p.bars(list.names, r.Trajectories)
		}
	}
	p.distributions(r)
	p.behaviours(r)
	p.uses("Tools", r.Tools)
	p.uses("Programs", r.Programs)
	return p.flush(nil)
}

// most is the number of lines of a list that is shown.
const most = 12

func (p *printer) headline(title string, notes ...string) {
	p.raw(p.paint.In(terminal.Title, title) + p.paint.In(terminal.Dim, ", "+strings.Join(notes, ", ")))
}

func (p *printer) heading(title string) {
	p.raw("")
	p.raw(p.paint.In(terminal.Bold, title))
}

func (p *printer) outcomes(r stats.Report) {
	p.heading("Outcomes")
	statuses := r.Statuses
	if r.Unfinished > 0 {
		statuses = append(statuses[:len(statuses):len(statuses)], stats.Count{Name: "no end", Count: r.Unfinished})
	}
	p.bars(statuses, r.Trajectories)
	for _, limit := range r.Limits {
		p.raw(fmt.Sprintf("  %s forced by the %s", count(limit.Count, "submission", "submissions"), words(limit.Name)))
	}
	p.raw(fmt.Sprintf("  %d with a patch, %d with an empty one, %d unknown", r.Patches.Some, r.Patches.Empty, r.Patches.Unknown))
}

// bars shows counts as parts of a whole.
func (p *printer) bars(list []stats.Count, whole int) {
	names := p.width / 3
	for _, c := range list[:min(len(list), most)] {
		p.raw("  " + terminal.Pad(words(c.Name), names) + fmt.Sprintf(" %6s %5s  ", amount(c.Count), percent(c.Count, whole)) +
			p.paint.In(terminal.Cyan, bar(c.Count, whole, p.width-names-20)))
	}
	p.more(len(list))
}

// more says that a list is longer than what is shown of it.
func (p *printer) more(n int) {
	if n > most {
		p.line(terminal.Dim, margin{first: "  "}, fmt.Sprintf("… %d more (--json)", n-most))
	}
}

// A row is one line of the table of distributions.
type row struct {
	name string
	of   stats.Distribution
	form func(float64) string
}

func (p *printer) distributions(r stats.Report) {
	number := func(f float64) string {
		if f != float64(int(f)) && f < 100 {
			return fmt.Sprintf("%.1f", f)
		}
		return amount(int(f + 0.5))
	}
	times := func(f float64) string { return elapsed(time.Duration(f) * time.Second) }
	rows := []row{
		{"steps", r.Steps, number},
		{"actions", r.Actions, number},
		{"observations", r.Observations, number},
		{"format errors", r.FormatErrors, number},
		{"prompt tokens", r.PromptTokens, number},
		{"  of them cached", r.CachedTokens, number},
		{"completion tokens", r.CompletionTokens, number},
		{"cost", r.Cost, price},
		{"time", r.Seconds, times},
		{"patch, bytes", r.PatchBytes, number},
		{"one observation, bytes", r.ObservationBytes, number},
		{"first edit after", r.FirstEdit, share},
		{"first test after", r.FirstTest, share},
	}
	p.heading("Each trajectory")
	p.raw(p.paint.In(terminal.Dim, fmt.Sprintf("  %-22s %5s %7s %7s %7s %7s %7s %8s", "", "known", "min", "median", "p90", "max", "mean", "sum")))
	for _, row := range rows {
		if row.of.N == 0 {
			continue
		}
		sum := row.form(row.of.Sum)
		if row.of == r.FirstEdit || row.of == r.FirstTest {
			sum = ""
		}
		p.raw(fmt.Sprintf("  %-22s %5s %7s %7s %7s %7s %7s %8s", row.name, amount(row.of.N), row.form(row.of.Min),
			row.form(row.of.Median), row.form(row.of.P90), row.form(row.of.Max), row.form(row.of.Mean), sum))
	}
}

// behaviours shows what is done, and when.
func (p *printer) behaviours(r stats.Report) {
	if len(r.Behaviours) == 0 {
		return
	}
	all, highest := 0, 0.0
	for _, use := range r.Behaviours {
		all += use.Actions
		for _, part := range r.Course {
			highest = max(highest, part.Share(behaviour.Kind(use.Name)))
		}
	}
	const cells = 3 // of one tenth
	p.heading("What is done, and when")
	p.raw(p.paint.In(terminal.Dim, fmt.Sprintf("  %-10s %7s %6s %7s  %s%*s", "", "actions", "", "failed", "start", cells*stats.Deciles-5, "end")))
	for _, use := range r.Behaviours {
		var course strings.Builder
		for _, part := range r.Course {
			course.WriteString(strings.Repeat(level(part.Share(behaviour.Kind(use.Name)), highest), cells))
		}
		kind := behaviour.Kind(use.Name)
		p.raw("  " + p.in(kindColour(kind), terminal.Pad(use.Name, 10)) + fmt.Sprintf(" %7s %6s ", amount(use.Actions), percent(use.Actions, all)) +
			p.failed(use) + "  " + p.in(kindColour(kind), course.String()))
	}
	p.line(terminal.Dim, margin{first: "  "}, fmt.Sprintf("each column is a tenth of an episode's steps; █ is %.0f %% of what is done then", 100*highest))
}

// uses shows how calls of tools or programs went.
func (p *printer) uses(title string, uses []stats.Use) {
	if len(uses) == 0 {
		return
	}
	all := 0
	for _, use := range uses {
		all += use.Actions
	}
	names := p.width / 4
	p.heading(title)
	p.raw(p.paint.In(terminal.Dim, fmt.Sprintf("  %*s %7s %6s %7s %8s", names, "", "actions", "", "failed", "output")))
	for _, use := range uses[:min(len(uses), most)] {
		p.raw("  " + terminal.Pad(terminal.Clean(use.Name), names) + fmt.Sprintf(" %7s %6s ", amount(use.Actions), percent(use.Actions, all)) +
			p.failed(use) + fmt.Sprintf(" %8s  ", bytes(use.Bytes)) + p.paint.In(terminal.Cyan, bar(use.Actions, all, p.width-names-39)))
	}
	p.more(len(uses))
}

// failed is the share of calls that failed.
func (p *printer) failed(use stats.Use) string {
	text := fmt.Sprintf("%7s", percent(use.Failed, use.Actions))
	if 5*use.Failed > use.Actions {
		return p.paint.In(terminal.Red, text)
	}
	return text
}

// bar is a part of a whole that takes width cells, in eighths of a cell.
func bar(part, whole, width int) string {
	if whole == 0 || width <= 0 {
		return ""
	}
	eighths := max(8*part*width/whole, min(part, 1))
	const blocks = "▏▎▍▌▋▊▉"
	text := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		text += string([]rune(blocks)[rest-1])
	}
	return text
}

// level is a share as the height of a block.
func level(share, highest float64) string {
	if share == 0 || highest == 0 {
		return " "
	}
	const blocks = "▁▂▃▄▅▆▇█"
	i := int(share / highest * 8)
	return string([]rune(blocks)[min(i, 7)])
}

func percent(part, whole int) string {
	switch {
	case part == 0 || whole == 0:
		return "–"
	case 100*part < whole:
		return "<1 %"
	}
	return fmt.Sprintf("%.0f %%", 100*float64(part)/float64(whole))
}

func share(f float64) string { return fmt.Sprintf("%.0f %%", 100*f) }

func price(f float64) string {
	switch {
	case f == 0:
		return "$0"
	case f < 0.095:
		return fmt.Sprintf("$%.3f", f)
	case f < 100:
		return fmt.Sprintf("$%.2f", f)
	}
	return "$" + amount(int(f+0.5))
}

func bytes(n int) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	text := amount(max(n, 10_000))
	if n < 10_000 {
		text = fmt.Sprintf("%.1fk", float64(n)/1e3)
	}
	unit := text[len(text)-1:]
	return strings.TrimSuffix(text, unit) + " " + unit + "B"
}

// words is a name from a closed set, or a foreign one, for people.
func words(name string) string {
	return strings.ReplaceAll(oneLine(name), "_", " ")
}
