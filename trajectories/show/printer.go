package show

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/apprentice-rl/apprentice/trajectories/show/terminal"
)

// A printer writes lines that are no wider than the terminal. Its first error
// stays, and nothing is written after it.
type printer struct {
	w      *bufio.Writer
	width  int
	paint  terminal.Paint
	hinted map[string]bool // hints that were given already
	err    error
}

// narrowest is the fewest cells that anything is shown in.
const narrowest = 40

func newPrinter(w io.Writer, width int, colour bool) *printer {
	return &printer{
		w: bufio.NewWriterSize(w, 1<<15), width: max(width, narrowest),
		paint: terminal.Paint(colour), hinted: map[string]bool{},
	}
}

// flush writes what is left. The printer's own error is the one that counts: of
// the trajectory no more is wanted then.
func (p *printer) flush(err error) error {
	if p.err == nil {
		p.err = p.w.Flush()
	}
	if p.err != nil {
		return p.err
	}
	return err
}

// raw writes a line as it is.
func (p *printer) raw(line string) {
	if p.err == nil {
		_, p.err = p.w.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}

// A margin stands before each line of a text: first before its first one, over
// before what a line goes on with where it was too long, rest before all others.
// They are of one width.
type margin struct {
	first, rest, over string
}

func indent(s string) margin { return margin{s, s, s} }

// A piece is a line, or a part of a line that was too long.
type piece struct {
	text string
	over bool // it is not the line's first part
}

// text writes pieces in a colour after a margin, which is dim.
func (p *printer) text(c terminal.Colour, m margin, pieces ...piece) {
	for i, piece := range pieces {
		before := m.rest
		if i == 0 {
			before = m.first
		} else if piece.over {
			before = m.over
		}
		if strings.TrimSpace(before) != "" {
			before = p.paint.In(terminal.Dim, before)
		}
		p.raw(before + p.in(c, piece.text))
	}
}

// line writes one clean line, cut to the width of the terminal.
func (p *printer) line(c terminal.Colour, m margin, text string) {
	p.text(c, m, piece{text: terminal.Cut(text, p.width-terminal.Width(m.first))})
}

func (p *printer) in(c terminal.Colour, s string) string {
	if c == "" {
		return s
	}
	return p.paint.In(c, s)
}

// paragraph writes a text, wrapped and folded to its first lines.
func (p *printer) paragraph(c terminal.Colour, m margin, text string, fold Fold, hint string) {
	top, missing, _ := p.fold(text, p.width-terminal.Width(m.rest), fold, 0)
	p.text(c, m, top...)
	if len(top) > 0 {
		m.first = m.rest
	}
	p.missing(m, missing, hint)
}

// missing says how many lines are not shown, and for the first time of each hint
// what shows them.
func (p *printer) missing(m margin, lines int, hint string) {
	if lines == 0 {
		return
	}
	text := fmt.Sprintf("… %s", count(lines, "more line", "more lines"))
	if !p.hinted[hint] {
		p.hinted[hint] = true
		text += " (" + hint + ")"
	}
	p.line(terminal.Dim, m, text)
}

// fold cleans and wraps a text, and keeps its first lines and its last ones.
// Whole keeps all. Missing are the lines between.
func (p *printer) fold(text string, width int, head, tail Fold) (top []piece, missing int, bottom []piece) {
	text = strings.Trim(terminal.Clean(text), "\n")
	if strings.TrimSpace(text) == "" {
		return nil, 0, nil
	}
	lines := strings.Split(text, "\n")
	if head == Whole {
		for _, line := range lines {
			top = append(top, wrap(line, width, math.MaxInt)...)
		}
		return top, 0, nil
	}
	const long = 64 << 10
	cut := 0 // lines of the terminal that a line goes on for
	for len(lines) > 0 && len(top) < int(head) {
		room := int(head) - len(top)
		pieces := wrap(lines[0], width, room)
		if tail == 0 && len(lines[0]) < long {
			pieces = wrap(lines[0], width, math.MaxInt)
			cut = max(0, len(pieces)-room)
			pieces = pieces[:len(pieces)-cut]
		}
		top = append(top, pieces...)
		lines = lines[1:]
	}
	for len(lines) > 0 && len(bottom) < int(tail) {
		bottom = append(wrap(lines[len(lines)-1], width, int(tail)-len(bottom)), bottom...)
		lines = lines[:len(lines)-1]
	}
	if cut == 0 && len(lines) == 1 && terminal.Width(lines[0]) <= width {
		return append(top, piece{text: lines[0]}), 0, bottom // saying that it is missing takes as much
	}
	return top, cut + len(lines), bottom
}

// wrap breaks a clean line into at most so many pieces. Of a longer one an
// ellipsis stands for the rest.
func wrap(line string, width, most int) []piece {
	if most < 1<<20/width {
		line = terminal.Cut(line, most*width)
	}
	var pieces []piece
	for i, text := range terminal.Wrap(line, width) {
		pieces = append(pieces, piece{text: text, over: i > 0})
	}
	if len(pieces) > most { // breaks between words cost room
		pieces = pieces[:most]
		pieces[most-1].text = terminal.Cut(pieces[most-1].text+" …", width)
	}
	return pieces
}

// rule writes a line across the terminal, with a title on its left and notes on
// its right: as many of the last ones as there is room for.
func (p *printer) rule(c terminal.Colour, title string, notes ...string) {
	const around = len("-- ") + len(" ")
	title = terminal.Cut(title, p.width-around)
	fill := p.width - around - terminal.Width(title)
	right := ""
	for _, note := range slices.Backward(notes) {
		longer := strings.TrimSpace(note + "  " + right)
		if terminal.Width(longer)+1 > fill {
			break
		}
		right = longer
	}
	if right != "" {
		fill -= terminal.Width(right) + 1
		right = " " + right
	}
	p.raw("")
	p.raw(p.paint.In(terminal.Dim, "──") + " " + p.paint.In(c, title) + " " + p.paint.In(terminal.Dim, strings.Repeat("─", fill)+right))
}

// count is a number with its noun.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
