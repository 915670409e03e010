package show

import (
	"fmt"
	"io"
	"slices"

	"github.com/apprentice-rl/apprentice/trajectories/show/terminal"
	"github.com/apprentice-rl/apprentice/trajectories/stats"
)

// A Group is the statistics of some of the trajectories.
type Group struct {
	Name   string       `json:"name"`
	Report stats.Report `json:"report"`
}

// Compare shows groups side by side, in as many tables below each other as the
// width asks for. Values of a trajectory are medians, behaviours shares of the
// actions.
func Compare(w io.Writer, groups []Group, o Options) error {
	p := newPrinter(w, o.Width, o.Colour)
	const names, column = 20, 15
	kinds := kindsOf(groups)
	for some := range slices.Chunk(groups, max(1, (p.width-names)/column)) {
		line := func(name string, value func(stats.Report) string) {
			text := terminal.Pad(name, names)
			for _, g := range some {
				text += fmt.Sprintf("%*s", column, value(g.Report))
			}
			p.raw(text)
		}
		title := terminal.Pad("", names)
		for _, g := range some {
			name := shorten(oneLine(g.Name), column-2)
			title += fmt.Sprintf("%*s", column-terminal.Width(name), "") + p.paint.In(terminal.Title, name)
		}
		p.raw(title)
		line("trajectories", func(r stats.Report) string { return amount(r.Trajectories) })
		line("submitted", func(r stats.Report) string { return percent(r.Submitted(), r.Trajectories) })
		line("empty patch", func(r stats.Report) string { return percent(r.Patches.Empty, r.Trajectories) })
		for _, of := range medians {
			line(of.name, func(r stats.Report) string {
				if d := of.of(r); d.N > 0 {
					return of.form(d.Median)
				}
				return "–"
			})
		}
		line("format errors, mean", func(r stats.Report) string { return fmt.Sprintf("%.2f", r.FormatErrors.Mean) })
		line("failed actions", func(r stats.Report) string {
			failed, all := actions(r)
			return percent(failed, all)
		})
		for _, kind := range kinds {
			line("  "+kind, func(r stats.Report) string {
				_, all := actions(r)
				return percent(of(r, kind), all)
			})
		}
		p.raw("")
	}
	return p.flush(nil)
}

// shorten leaves out the middle of a name: versions stand at the end of many.
func shorten(name string, width int) string {
	if terminal.Width(name) <= width {
		return name
	}
	runes := []rune(name)
	tail := string(runes[max(0, len(runes)-width/2):])
	return terminal.Cut(name, width-terminal.Width(tail)) + tail
}

var medians = []struct {
	name string
	of   func(stats.Report) stats.Distribution
	form func(float64) string
}{
	{"steps", func(r stats.Report) stats.Distribution { return r.Steps }, whole},
	{"prompt tokens", func(r stats.Report) stats.Distribution { return r.PromptTokens }, whole},
	{"completion tokens", func(r stats.Report) stats.Distribution { return r.CompletionTokens }, whole},
	{"cost", func(r stats.Report) stats.Distribution { return r.Cost }, price},
	{"time, seconds", func(r stats.Report) stats.Distribution { return r.Seconds }, whole},
	{"patch, bytes", func(r stats.Report) stats.Distribution { return r.PatchBytes }, whole},
	{"output, bytes", func(r stats.Report) stats.Distribution { return r.ObservationBytes }, whole},
	{"first edit after", func(r stats.Report) stats.Distribution { return r.FirstEdit }, share},
	{"first test after", func(r stats.Report) stats.Distribution { return r.FirstTest }, share},
}

func whole(f float64) string { return amount(int(f + 0.5)) }

// kindsOf are the behaviours of all groups together, the most frequent first.
func kindsOf(groups []Group) []string {
	var kinds []stats.Count
	for _, g := range groups {
		for _, use := range g.Report.Behaviours {
			i := slices.IndexFunc(kinds, func(c stats.Count) bool { return c.Name == use.Name })
			if i < 0 {
				i = len(kinds)
				kinds = append(kinds, stats.Count{Name: use.Name})
			}
			kinds[i].Count += use.Actions
		}
	}
	slices.SortStableFunc(kinds, func(a, b stats.Count) int { return b.Count - a.Count })
	var names []string
	for _, c := range kinds[:min(len(kinds), most)] {
		names = append(names, c.Name)
	}
	return names
}

func of(r stats.Report, kind string) int {
	for _, use := range r.Behaviours {
		if use.Name == kind {
			return use.Actions
		}
	}
	return 0
}

func actions(r stats.Report) (failed, all int) {
	for _, use := range r.Behaviours {
		failed += use.Failed
		all += use.Actions
	}
	return failed, all
}
