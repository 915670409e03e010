package terminal

// A Paint colours texts, or leaves them as they are if it is false. It knows the
// few colours that can be read on dark and on light grounds alike.
type Paint bool

// A Colour is a way to show a text: what stands between ESC [ and m.
type Colour string

// The colours. Their tones are up to the terminal.
const (
	Bold    Colour = "1"
	Dim     Colour = "2"
	Red     Colour = "31"
	Green   Colour = "32"
	Magenta Colour = "35"
	Cyan    Colour = "36"
	Title   Colour = "1;36" // bold cyan
	Alarm   Colour = "1;31" // bold red
)

// In returns a text in a colour.
func (p Paint) In(c Colour, s string) string {
	if !p || s == "" {
		return s
	}
	return "\x1b[" + string(c) + "m" + s + "\x1b[0m"
}
