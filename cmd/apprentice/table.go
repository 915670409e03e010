package main

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/apprentice-rl/apprentice/trajectories/show/terminal"
)

// A table is columns of texts that fit a terminal.
type table struct {
	columns []column
	rows    int
}

type column struct {
	title string
	cells []string
	right bool // numbers
	// least is how narrow the column may become, its texts being shortened in
	// the middle; 0 means that they are not.
	least int
	// whole texts are never shortened, and go on in the terminal's next line:
	// sentences, in the last column. least says what is left for them.
	whole bool
	// rank says which column is left out first where the width is not enough:
	// the one with the highest. Those with 0 stay.
	rank int
}

const gap = "  "

// write writes the table with a line of titles, at most width characters wide
// where that is possible.
func (t table) write(to io.Writer, width int) error {
	columns, widths := t.fit(width)
	w := bufio.NewWriter(to)
	line := func(text func(column) string) {
		for i, c := range columns {
			cell := text(c)
			if !c.whole {
				cell = shorten(cell, widths[i])
			}
			fill := strings.Repeat(" ", max(0, widths[i]-terminal.Width(cell)))
			switch {
			case c.right:
				cell = fill + cell
			case i < len(columns)-1:
				cell += fill
			}
			if i > 0 {
				cell = gap + cell
			}
			fmt.Fprint(w, cell)
		}
		fmt.Fprintln(w)
	}
	line(func(c column) string { return c.title })
	for row := range t.rows {
		line(func(c column) string { return c.cells[row] })
	}
	return w.Flush()
}

// fit chooses the columns, and says how wide each is.
func (t table) fit(width int) ([]column, []int) {
	columns := slices.Clone(t.columns)
	for {
		widths, least, sum := make([]int, len(columns)), len(gap)*(len(columns)-1), len(gap)*(len(columns)-1)
		last := 0
		for i, c := range columns {
			widths[i] = c.natural()
			sum += widths[i]
			least += c.narrow(widths[i])
			if c.rank > columns[last].rank {
				last = i
			}
		}
		if width > 0 && least > width && columns[last].rank > 0 {
			columns = slices.Delete(columns, last, last+1)
			continue
		}
		for width > 0 && sum > width && squeeze(columns, widths) {
			sum--
		}
		return columns, widths
	}
}

func (c column) natural() int {
	w := terminal.Width(c.title)
	for _, cell := range c.cells {
		w = max(w, terminal.Width(cell))
	}
	return w
}

func (c column) narrow(natural int) int {
	if c.least == 0 {
		return natural
	}
	return min(natural, c.least)
}

// squeeze takes one character from the column that has most to give.
func squeeze(columns []column, widths []int) bool {
	from, most := -1, 0
	for i, c := range columns {
		if spare := widths[i] - c.narrow(widths[i]); spare > most {
			from, most = i, spare
		}
	}
	if from < 0 {
		return false
	}
	widths[from]--
	return true
}

// shorten leaves out the middle of a text: ids differ at their ends.
func shorten(s string, width int) string {
	runes := []rune(s)
	if len(runes) <= width {
		return s
	}
	if width < 1 {
		return ""
	}
	head := (width - 1) / 2
	return string(runes[:head]) + "…" + string(runes[len(runes)-(width-1-head):])
}
