package main

import (
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/term"

	"github.com/apprentice-rl/apprentice/trajectories/show/terminal"
)

// stdoutTerminal is standard output if that is a terminal.
func (a *app) stdoutTerminal() (*os.File, bool) {
	f, ok := a.stdout.(*os.File)
	return f, ok && term.IsTerminal(int(f.Fd()))
}

// width is how many cells a line of standard output has: those of the terminal,
// or what COLUMNS says. 0 means any number.
func (a *app) width() int {
	if f, ok := a.stdoutTerminal(); ok {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			return w
		}
	}
	w, err := strconv.Atoi(os.Getenv("COLUMNS"))
	if err != nil {
		return 0
	}
	return min(max(0, w), mostWidth)
}

// mostWidth is more than any terminal has. Rules and paddings are as wide as a
// line, so nonsense in COLUMNS would fill the memory.
const mostWidth = 10_000

// defaultWidth is that of texts for people where any would do.
const defaultWidth = 80

// The values of --color.
const (
	colourAuto   = "auto"
	colourAlways = "always"
	colourNever  = "never"
)

func colours() []string { return []string{colourAuto, colourAlways, colourNever} }

func checkColour(when string) error {
	if !slices.Contains(colours(), when) {
		return userf("--color %s: there are %s", when, strings.Join(colours(), ", "))
	}
	return nil
}

// colour says whether to use colours: on a terminal, unless NO_COLOR is set.
func (a *app) colour(when string) bool {
	_, terminal := a.stdoutTerminal()
	return when == colourAlways || when == colourAuto && terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// printable is a text from a file as one line that a terminal can show without
// doing what it says.
func printable(s string) string { return strings.ReplaceAll(terminal.Clean(s), "\n", "␊") }
