//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// results are all figures of one run.
type results struct {
	Machine machine   `json:"machine"`
	Timings []section `json:"timings,omitempty"`
	Crowds  []crowd   `json:"crowds,omitempty"`
}

// A section is one table of timings.
type section struct {
	Title string   `json:"title"`
	Rows  []timing `json:"rows"`
}

func (r results) write(file string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(b, '\n'), 0o644)
}

// table prints timings, and keeps them. Each row is also told as a multiple of
// the rows named in of, and peer, unless it is empty, as a multiple of the row.
func (b *bench) table(title string, s *samples, of []string, peer string) {
	rows := s.timings()
	b.results.Timings = append(b.results.Timings, section{title, rows})
	row := func(name string) timing {
		i := slices.IndexFunc(rows, func(t timing) bool { return t.Name == name })
		return rows[i]
	}
	head := []string{"what", "n", "p50", "p99"}
	for _, name := range of {
		head = append(head, "of "+name)
	}
	if peer != "" {
		head = append(head, peer+" takes")
	}
	var cells [][]string
	for _, t := range rows {
		cell := []string{t.Name, fmt.Sprint(t.N), ms(t.P50), ms(t.P99)}
		for _, name := range of {
			cell = append(cell, ratios(t, row(name)))
		}
		if peer != "" {
			cell = append(cell, ratios(row(peer), t))
		}
		cells = append(cells, cell)
	}
	b.print(title+" (ratios at p50 / p99)", head, cells)
}

// ratios tells a as a multiple of b.
func ratios(a, b timing) string { return ratio(a.P50, b.P50) + " / " + ratio(a.P99, b.P99) }

// print prints a Markdown table that is aligned as text, too.
func (b *bench) print(title string, head []string, rows [][]string) {
	width := make([]int, len(head))
	for _, row := range append([][]string{head}, rows...) {
		for i, cell := range row {
			width[i] = max(width[i], len([]rune(cell)))
		}
	}
	line := func(row []string) {
		for i, cell := range row {
			pad := strings.Repeat(" ", width[i]-len([]rune(cell)))
			if i == 0 {
				fmt.Fprintf(b.out, "| %s%s |", cell, pad)
			} else {
				fmt.Fprintf(b.out, " %s%s |", pad, cell)
			}
		}
		fmt.Fprintln(b.out)
	}
	fmt.Fprintf(b.out, "\n## %s\n\n", title)
	line(head)
	for i, w := range width {
		if i == 0 {
			fmt.Fprintf(b.out, "|%s|", strings.Repeat("-", w+2))
		} else {
			fmt.Fprintf(b.out, "%s:|", strings.Repeat("-", w+1))
		}
	}
	fmt.Fprintln(b.out)
	for _, row := range rows {
		line(row)
	}
}

func ms(d time.Duration) string {
	v := float64(d) / float64(time.Millisecond)
	switch {
	case v < 10:
		return fmt.Sprintf("%.2f ms", v)
	case v < 100:
		return fmt.Sprintf("%.1f ms", v)
	}
	return fmt.Sprintf("%.0f ms", v)
}

func ratio(a, b time.Duration) string {
	r := float64(a) / float64(b)
	if r < 10 {
		return fmt.Sprintf("%.2f×", r)
	}
	return fmt.Sprintf("%.0f×", r)
}
