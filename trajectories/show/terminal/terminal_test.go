package terminal_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories/show/terminal"
)

func TestClean(t *testing.T) {
	for text, want := range map[string]string{
		"plain\ntext":                 "plain\ntext",
		"a\tb\n\tc\nlonger than 8\td": "a       b\n        c\nlonger than 8   d",
		"界\tx":                        "界      x",
		"dos\r\nmac\rend":             "dos\nmac␍end",
		"\x1b[31mred\x1b[0m":          "␛[31mred␛[0m",
		"\x00\a\x7f":                  "␀␇␡",
		"\u009b31m":                   "\uFFFD31m",
		"a\u202eb\u2066c\u200f":       "a\uFFFDb\uFFFDc\uFFFD",
		"a\u2028b\u2029":              "a\uFFFDb\uFFFD",
		"caf\xe9 \xff":                "caf\uFFFD \uFFFD",
		"café 👩‍💻 e\u0301":            "café 👩‍💻 e\u0301",
	} {
		require.Equal(t, want, terminal.Clean(text), "%q", text)
	}
}

func TestWithoutColours(t *testing.T) {
	for text, want := range map[string]string{
		"plain": "plain",
		"\x1b[1;31mred\x1b[0m\x1b[m and\x1b[38:5:1m": "red and",
		"\x1b[2J\x1b[31m": "\x1b[2J",
		"\x1b[":           "\x1b[",
		"\x1b]0;title\a":  "\x1b]0;title\a",
	} {
		require.Equal(t, want, terminal.WithoutColours(text))
	}
}

func TestCut(t *testing.T) {
	tests := []struct {
		text  string
		width int
		want  string
	}{
		{"short", 5, "short"},
		{"longer", 5, "long…"},
		{"世界世界", 5, "世界…"},
		{"世界世界", 4, "世…"},
		{"👩‍💻👩‍💻", 3, "👩‍💻…"},
		{"ab", 1, "…"},
		{"ab", 0, ""},
	}
	for _, tt := range tests {
		got := terminal.Cut(tt.text, tt.width)
		require.Equal(t, tt.want, got)
		require.LessOrEqual(t, terminal.Width(got), tt.width)
		require.Equal(t, tt.width, terminal.Width(terminal.Pad(tt.text, tt.width)))
	}
}

func TestWrap(t *testing.T) {
	tests := []struct {
		text  string
		width int
		want  []string
	}{
		{"", 10, []string{""}},
		{"one line", 10, []string{"one line"}},
		{"two short lines", 10, []string{"two short", "lines"}},
		{"exactly so and so", 10, []string{"exactly so", "and so"}},
		{"incomprehensibilities", 8, []string{"incompre", "hensibil", "ities"}},
		{"a incomprehensibilities", 8, []string{"a", "incompre", "hensibil", "ities"}},
		{"世界世界世界", 5, []string{"世界", "世界", "世界"}},
		{"cd some/path --a-flag", 10, []string{"cd", "some/path", "--a-flag"}},
		{" 1234567世", 8, []string{" 1234567", "世"}},
		{"    indented words stay", 12, []string{"    indented", "words stay"}},
		{"trailing          ", 10, []string{"trailing"}},
		{"世界世", 0, []string{"世界", "世"}},
	}
	for _, tt := range tests {
		require.Equal(t, tt.want, terminal.Wrap(tt.text, tt.width), tt.text)
	}
}

func TestPaint(t *testing.T) {
	require.Equal(t, "\x1b[31mx\x1b[0m", terminal.Paint(true).In(terminal.Red, "x"))
	require.Equal(t, "x", terminal.Paint(false).In(terminal.Red, "x"))
	require.Empty(t, terminal.Paint(true).In(terminal.Red, ""))
}

// Nothing that a text holds steers the terminal, and nothing of it is lost or too
// wide.
func FuzzText(f *testing.F) {
	f.Add("two short\tlines\x1b]0;title\a", 10)
	f.Add("世界 e\u0301 👩‍💻\u202e", 3)
	f.Fuzz(func(t *testing.T, text string, width int) {
		width = 4 + width&63
		for line := range strings.SplitSeq(terminal.Clean(text), "\n") {
			require.True(t, utf8.ValidString(line))
			for _, c := range line {
				require.False(t, unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c), "%q", c)
			}
			require.LessOrEqual(t, terminal.Width(terminal.Cut(line, width)), width)
			var letters strings.Builder
			for _, piece := range terminal.Wrap(line, width) {
				require.LessOrEqual(t, terminal.Width(piece), width)
				letters.WriteString(piece)
			}
			require.Equal(t, strings.ReplaceAll(line, " ", ""), strings.ReplaceAll(letters.String(), " ", ""))
		}
	})
}
