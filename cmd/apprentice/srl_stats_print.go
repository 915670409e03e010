package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/apprentice-rl/apprentice/srl"
	"github.com/apprentice-rl/apprentice/srl/stats"
	"github.com/apprentice-rl/apprentice/trajectories/show/terminal"
)

// A statsText writes statistics of rewards for people.
type statsText struct {
	to    io.Writer
	width int
	paint terminal.Paint
}

func (a *app) statsText(colour string) statsText {
	return statsText{to: a.stdout, width: min(cmp.Or(a.width(), defaultWidth), 120), paint: terminal.Paint(a.colour(colour))}
}

// mostBuckets is the number of lines of a list that is shown.
const mostBuckets = 10

func (t statsText) report(r stats.Report) error {
	fmt.Fprintf(t.to, "%s\n", t.paint.In(terminal.Title, r.Headline()))
	fmt.Fprintf(t.to, "%d examples of %d tasks, of %d that were read\n", r.Measured, r.MeasuredTasks, r.Examples)
	if r.LeftOut > 0 {
		fmt.Fprintf(t.to, "%d others did not fit into memory; the sample is of whole tasks\n", r.LeftOut)
	}
	for _, w := range r.Rewards {
		if w.NotScored > 0 {
			fmt.Fprintf(t.to, "%s: %d of %d scores took too long and are left out\n", w.Name, w.NotScored, w.NotScored+w.Scores)
		}
	}
	t.heading("What an answer earns, on average", "")
	if err := t.byReward(r, "answer", stats.Classes(), func(w stats.RewardReport, c stats.Class) string {
		if found := w.Class(c); found.Scores > 0 {
			return fmt.Sprintf("%.2f", found.Mean)
		}
		return "–"
	}); err != nil {
		return err
	}
	t.heading("Right against wrong", "AUC against other steps of the task, ± standard error")
	if err := t.aucs(r); err != nil {
		return err
	}
	t.heading("Where the scores lie", "from 0 to 1; nearly right, same task, other task")
	for _, w := range r.Rewards {
		h := w.Histogram
		fmt.Fprintf(t.to, "%-8s  %s  %s  %s\n", w.Name, t.paint.In(terminal.Green, spark(h.Near[:])),
			t.paint.In(terminal.Red, spark(h.Wrong[:])), t.paint.In(terminal.Dim, spark(h.Floor[:])))
	}
	t.heading(fmt.Sprintf("What a filter keeps of simulated groups of %d", r.Group), "% by ε")
	for _, w := range r.Rewards {
		if err := t.mixes(r, w); err != nil {
			return err
		}
	}
	for _, g := range r.Groupings() {
		t.heading(g.Title, "AUC and floor")
		if err := t.grouping(r, g); err != nil {
			return err
		}
	}
	return nil
}

func (t statsText) heading(title, note string) {
	if note != "" {
		note = ": " + note
	}
	fmt.Fprintf(t.to, "\n%s%s\n", t.paint.In(terminal.Bold, title), t.paint.In(terminal.Dim, note))
}

// byReward writes a table with a column for each reward.
func (t statsText) byReward(r stats.Report, title string, rows []stats.Class, cell func(stats.RewardReport, stats.Class) string) error {
	tab := table{rows: len(rows), columns: []column{{title: title}}}
	for _, row := range rows {
		tab.columns[0].cells = append(tab.columns[0].cells, string(row))
	}
	for _, w := range r.Rewards {
		c := column{title: w.Name, right: true}
		for _, row := range rows {
			c.cells = append(c.cells, cell(w, row))
		}
		tab.columns = append(tab.columns, c)
	}
	return tab.write(t.to, t.width)
}

func (t statsText) aucs(r stats.Report) error {
	const all, hard = stats.Class("nearly right, all"), stats.Class("nearly right, same tool")
	rows := []stats.Class{all, hard, stats.Rewritten, stats.OneWord, stats.OtherFile}
	return t.byReward(r, "answer", rows, func(w stats.RewardReport, c stats.Class) string {
		e := w.AUC
		switch c {
		case all:
		case hard:
			e = w.Hard
		default:
			e = stats.Estimate{}
			if found := w.Class(c).AUC; found != nil {
				e = *found
			}
		}
		return strings.ReplaceAll(e.String(), "\u00a0", "")
	})
}

func (t statsText) mixes(r stats.Report, w stats.RewardReport) error {
	tab := table{rows: len(w.Mixes), columns: []column{{title: w.Name}, {title: "spread", right: true, rank: 1}}}
	for _, m := range w.Mixes {
		tab.columns[0].cells = append(tab.columns[0].cells, string(m.Mix))
		tab.columns[1].cells = append(tab.columns[1].cells, fmt.Sprintf("%.3f", m.Median))
	}
	for i, eps := range r.Epsilons {
		c := column{title: fmt.Sprintf("%g", eps), right: true}
		for _, m := range w.Mixes {
			c.cells = append(c.cells, fmt.Sprintf("%.0f", 100*m.Kept[i]))
		}
		tab.columns = append(tab.columns, c)
	}
	return tab.write(t.to, t.width)
}

func (t statsText) grouping(r stats.Report, g stats.Grouping) error {
	rows := g.Rows[:min(len(g.Rows), mostBuckets)]
	tab := table{rows: len(rows), columns: []column{{title: "", least: 12}, {title: "n", right: true}}}
	for _, row := range rows {
		tab.columns[0].cells = append(tab.columns[0].cells, printable(row.Name))
		tab.columns[1].cells = append(tab.columns[1].cells, fmt.Sprint(row.Examples))
	}
	for i, w := range r.Rewards {
		c := column{title: w.Name, right: true}
		for _, row := range rows {
			s, text := row.Rewards[i], "–"
			if s.AUC.Examples > 0 {
				text = fmt.Sprintf("%.3f", s.AUC.Value)
			}
			if s.Floor.Examples > 0 {
				text += fmt.Sprintf(" %.2f", s.Floor.Value)
			} else {
				text += "    –"
			}
			c.cells = append(c.cells, text)
		}
		tab.columns = append(tab.columns, c)
	}
	if err := tab.write(t.to, t.width); err != nil {
		return err
	}
	if more := len(g.Rows) - len(rows); more > 0 {
		fmt.Fprintf(t.to, "%s\n", t.paint.In(terminal.Dim, fmt.Sprintf("… %d more (--json)", more)))
	}
	return nil
}

// spark draws counts as bars of one character each.
func spark(counts []int) string {
	most := 1
	for _, n := range counts {
		most = max(most, n)
	}
	heights := []rune(" ▁▂▃▄▅▆▇█")
	var b strings.Builder
	for _, n := range counts {
		// What is there at all shows.
		b.WriteRune(heights[(n*(len(heights)-1)+most-1)/most])
	}
	return b.String()
}

func (t statsText) scored(r stats.Scored) error {
	fmt.Fprintf(t.to, "%s\n", t.paint.In(terminal.Title, fmt.Sprintf("%d groups with %d rewards", r.Groups, r.Rewards)))
	n := float64(max(1, r.Rewards))
	fmt.Fprintf(t.to, "mean %.3f; %.1f %% format errors, %.3f without them; outputs that were not scored: %d\n",
		r.Mean, 100*float64(r.FormatErrors)/n, r.Similarity, r.Unscored)
	fmt.Fprintf(t.to, "spread of a group: median %.3f, 90 %% from %.3f to %.3f\n", r.Median, r.P5, r.P95)

	t.heading("What the filter does", "groups by ε")
	tab := table{rows: len(r.Filters), columns: []column{{title: "ε", right: true}}}
	for _, f := range r.Filters {
		tab.columns[0].cells = append(tab.columns[0].cells, fmt.Sprintf("%g", f.Epsilon))
	}
	for _, v := range []srl.Verdict{srl.Kept, srl.NoSpread, srl.AllRight, srl.AllFormatErrors, srl.Unscored} {
		c := column{title: string(v), right: true}
		for _, f := range r.Filters {
			c.cells = append(c.cells, fmt.Sprint(f.Verdicts[v]))
		}
		tab.columns = append(tab.columns, c)
		if v != srl.Kept {
			continue
		}
		only := column{title: "for format errors", right: true, rank: 1}
		for _, f := range r.Filters {
			only.cells = append(only.cells, fmt.Sprint(f.FormatOnly))
		}
		tab.columns = append(tab.columns, only)
	}
	if err := tab.write(t.to, t.width); err != nil {
		return err
	}
	for _, parts := range []struct {
		title string
		list  []stats.ScoredPart
	}{{"By training step", r.ByStep}, {"By tool", r.ByTool}} {
		if err := t.parts(parts.title, parts.list, r.At); err != nil {
			return err
		}
	}
	if d := r.Refill; d != nil {
		t.heading("Batches", fmt.Sprintf("at ε %g", r.At))
		fmt.Fprintf(t.to, "%d batches, %d of them short; %d groups wait for the next one\n", d.Batches, d.Short, d.Waiting)
		if d.Batches > 0 {
			fmt.Fprintf(t.to, "%.1f groups were generated for each\n", float64(d.Groups)/float64(d.Batches))
		}
	}
	return nil
}

func (t statsText) parts(title string, list []stats.ScoredPart, at float64) error {
	if len(list) == 0 {
		return nil
	}
	t.heading(title, fmt.Sprintf("at ε %g", at))
	tab := table{rows: len(list), columns: []column{{title: "", least: 12}, {title: "groups", right: true}, {title: "kept", right: true},
		{title: "", rank: 2}, {title: "mean", right: true}, {title: "spread", right: true}, {title: "format errors", right: true, rank: 1}}}
	for _, p := range list {
		share := float64(p.Kept) / float64(max(1, p.Groups))
		for i, cell := range []string{printable(p.Name), fmt.Sprint(p.Groups), fmt.Sprintf("%.0f %%", 100*share),
			strings.Repeat("█", int(10*share+0.5)), fmt.Sprintf("%.3f", p.Mean), fmt.Sprintf("%.3f", p.Spread),
			fmt.Sprintf("%.1f %%", 100*p.FormatErrors)} {
			tab.columns[i].cells = append(tab.columns[i].cells, cell)
		}
	}
	return tab.write(t.to, t.width)
}
