package patch

import (
	"context"
	"strings"

	"github.com/apprentice-rl/apprentice/srl/reward/difflib"
)

// Lines returns the lines in which two texts differ, the old ones with a minus
// in front and the new ones with a plus, as in a unified diff without context.
// How much of a file an edit quotes around the lines that it changes makes no
// difference. It is empty for equal texts. The error is that of ctx.
func Lines(ctx context.Context, before, after string) (string, error) {
	was, is := lines(before), lines(after)
	// Lines that are equal at the ends are most of a large edit.
	for len(was) > 0 && len(is) > 0 && was[0] == is[0] {
		was, is = was[1:], is[1:]
	}
	for len(was) > 0 && len(is) > 0 && was[len(was)-1] == is[len(is)-1] {
		was, is = was[:len(was)-1], is[:len(is)-1]
	}
	numbers := map[string]rune{}
	m, err := difflib.Index(numbered(is, numbers), false).CompareContext(ctx, numbered(was, numbers))
	if err != nil {
		return "", err
	}
	var changed []string
	i, j := 0, 0
	for _, b := range m.Blocks {
		for ; i < b.A; i++ {
			changed = append(changed, "-"+was[i])
		}
		for ; j < b.B; j++ {
			changed = append(changed, "+"+is[j])
		}
		i, j = b.A+b.Size, b.B+b.Size
	}
	return strings.Join(changed, "\n"), nil
}

// lines are those of a text. The break at its end does not begin another one.
func lines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// numbered writes a code point for each line, equal ones for equal lines. The
// lines of more than a million different ones are all one to it.
func numbered(lines []string, numbers map[string]rune) string {
	var b strings.Builder
	for _, l := range lines {
		n, ok := numbers[l]
		if !ok {
			n = nth(len(numbers))
			numbers[l] = n
		}
		b.WriteRune(n)
	}
	return b.String()
}

// nth returns the n-th code point that may stand in a text.
func nth(n int) rune {
	const surrogates, first, last = 0xE000 - 0xD800, 0xD800, 0x10FFFF
	if n >= first {
		n += surrogates
	}
	return rune(min(n, last))
}
