package main

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/apprentice-rl/apprentice/trajectories/filter"
)

// listKept prints names, and where there is a split the part of each.
func (a *app) listKept(k filtered) error {
	for _, part := range []struct {
		dir   string
		names []string
	}{{trainDir, k.Train}, {heldOutDir, k.HeldOut}} {
		for _, name := range part.names {
			line := printable(name)
			if k.Options.HoldOut > 0 {
				line += "\t" + part.dir
			}
			if _, err := fmt.Fprintln(a.stdout, line); err != nil {
				return err
			}
		}
	}
	return nil
}

// printFiltered prints the funnel.
func (a *app) printFiltered(k filtered) error {
	rows := []funnelRow{{label: "given", fell: -1, left: k.Given, note: unreadNote(k)}}
	for _, s := range k.Funnel {
		rows = append(rows, funnelRow{label: k.Options.label(s.Gate), fell: s.Fell, left: s.Left, note: unsaidNote(s)})
		rows = append(rows, whyRows(s.Gate, k.Fell)...)
	}
	if k.Options.HoldOut > 0 {
		rows = append(rows,
			funnelRow{label: "train", fell: -1, left: len(k.Train)},
			funnelRow{label: "held out", fell: -1, left: len(k.HeldOut), note: k.splitNote()})
	}
	if _, err := fmt.Fprint(a.stdout, funnel(rows, k.Given)); err != nil || len(k.Train) == 0 {
		return err
	}
	out := k.Options.out
	fmt.Fprintf(a.stdout, "\n%s in %s", count(len(k.Train), "trajectory", "trajectories"), filepath.Join(out, trainDir))
	if k.Options.HoldOut > 0 {
		fmt.Fprintf(a.stdout, ", %d in %s", len(k.HeldOut), filepath.Join(out, heldOutDir))
	}
	_, err := fmt.Fprintf(a.stdout, "; %s says why the others fell\n", filepath.Join(out, "filter.json"))
	return err
}

// A funnelRow is a line of the funnel.
type funnelRow struct {
	label string
	fell  int // -1 where nothing can fall
	left  int // -1 for a reason, which has no bar
	note  string
}

// funnel draws rows; a bar of its full width stands for all that were given.
func funnel(rows []funnelRow, given int) string {
	label := 0
	for _, r := range rows {
		if r.left >= 0 {
			label = max(label, utf8.RuneCountInString(r.label))
		}
	}
	digits := max(4, len(fmt.Sprint(given)))
	number := func(n int) string {
		if n < 0 {
			return ""
		}
		return fmt.Sprint(n)
	}
	var b strings.Builder
	line := func(label string, width int, fell, left, rest string) {
		b.WriteString(strings.TrimRight(fmt.Sprintf("%-*s  %*s  %*s  %s", width, label, digits, fell, digits, left, rest), " ") + "\n")
	}
	line("", label, "fell", "left", "")
	for _, r := range rows {
		if r.left < 0 {
			line("", label, number(r.fell), "", "· "+r.label)
			continue
		}
		rest := bar(r.left, given)
		if r.note != "" {
			rest = strings.TrimLeft(rest+"  ", " ") + r.note
		}
		line(r.label, label, number(r.fell), number(r.left), rest)
	}
	return b.String()
}

// bar is as long as part is of whole, to an eighth of a character. What is not
// nothing can be seen.
func bar(part, whole int) string {
	const width = 32
	if part <= 0 || whole <= 0 {
		return ""
	}
	eighths := max(1, part*width*8/whole)
	full := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		full += string([]rune(" ▏▎▍▌▋▊▉")[rest])
	}
	return full
}

// label says what a gate was set to.
func (f filtering) label(g filter.Gate) string {
	switch g {
	case filter.GateStatus:
		if n := len(f.Statuses); n > 2 {
			return fmt.Sprintf("status %s and %d others", f.Statuses[0], n-1)
		}
		return "status " + strings.Join(f.Statuses, ", ")
	case filter.GateSteps:
		return "steps " + between(f.MinSteps, f.MaxSteps)
	case filter.GateTokens:
		return fmt.Sprintf("tokens up to %d", f.MaxTokens)
	case filter.GateCost:
		return fmt.Sprintf("cost up to $%v", f.MaxCost)
	case filter.GateNearDuplicate:
		return fmt.Sprintf("near-duplicates %v", f.NearDuplicates)
	case filter.GatePerTask:
		return fmt.Sprintf("per task up to %d", f.PerTask)
	}
	return string(g)
}

func between(low, high int) string {
	switch {
	case low == 0:
		return fmt.Sprintf("up to %d", high)
	case high == 0:
		return fmt.Sprintf("from %d", low)
	}
	return fmt.Sprintf("%d to %d", low, high)
}

// whyRows are the most frequent reasons at gates that have few different ones.
func whyRows(g filter.Gate, fell []filter.Fall) []funnelRow {
	const most = 5
	switch g {
	case filter.GateStatus, filter.GatePatch, filter.GateResolved, filter.GateAudit:
	default:
		return nil // the reasons hold numbers and names
	}
	counts := map[string]int{}
	for _, f := range fell {
		if f.Gate == g {
			counts[f.Reason]++
		}
	}
	var rows []funnelRow
	for reason, n := range counts {
		rows = append(rows, funnelRow{label: printable(reason), fell: n, left: -1})
	}
	slices.SortFunc(rows, func(a, b funnelRow) int {
		return cmp.Or(cmp.Compare(b.fell, a.fell), strings.Compare(a.label, b.label))
	})
	if len(rows) > most {
		others := funnelRow{label: "other reasons", left: -1}
		for _, r := range rows[most-1:] {
			others.fell += r.fell
		}
		rows = append(rows[:most-1], others)
	}
	return rows
}

func unsaidNote(s filter.Stage) string {
	if s.Unsaid == 0 {
		return ""
	}
	return fmt.Sprintf("%d of them not counted by their sources", s.Unsaid)
}

func unreadNote(k filtered) string {
	if len(k.Unread) == 0 {
		return ""
	}
	return fmt.Sprintf("%d could not be read", len(k.Unread))
}

// splitNote says what came of the wanted share.
func (k filtered) splitNote() string {
	all := len(k.Train) + len(k.HeldOut)
	if all == 0 {
		return ""
	}
	unit := map[string][2]string{
		string(filter.Task):       {"task", "tasks"},
		string(filter.Repository): {"repository", "repositories"},
	}[k.Options.SplitBy]
	return fmt.Sprintf("%.3g %%, %s; wanted %.3g %%", 100*float64(len(k.HeldOut))/float64(all),
		count(len(k.Groups), unit[0], unit[1]), 100*k.Options.HoldOut)
}
