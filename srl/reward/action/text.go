package action

import (
	"context"
	"math"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/apprentice-rl/apprentice/srl/reward/difflib"
)

// A text is code, a pattern, a message: all that is neither a command nor a
// path nor a number.
type text struct {
	words []string
	sizes []float64 // by word: how much it counts
	total float64
	// expands says that it is a word that the shell replaces.
	expands bool
	// index is of the words, for the expert's text: made when it is asked for.
	index func() *indexed
}

// indexed are the words of a text as code points, one for each different word,
// so that difflib may compare them.
type indexed struct {
	numbers map[string]rune
	points  *difflib.Indexed
}

const (
	wordSize = 1.0
	signSize = 0.25
	// otherwiseRead is what the same word counts if the shell replaces one of the
	// two: * and '*'.
	otherwiseRead = 0.5
)

func newText(s string) *text {
	const perWord = 4 // bytes, about, so that the slices seldom grow
	t := &text{words: make([]string, 0, len(s)/perWord+1), sizes: make([]float64, 0, len(s)/perWord+1)}
	t.index = sync.OnceValue(t.number)
	if first := strings.TrimLeft(s, " \t"); len(first) < len(s) {
		t.add(s[:len(s)-len(first)], signSize) // the indentation of the first line
		s = first
	}
	for len(s) > 0 {
		var word string
		var size float64
		if word, size, s = next(s); word != "" {
			t.add(word, size)
		}
	}
	return t
}

func (t *text) add(word string, size float64) {
	t.words, t.sizes, t.total = append(t.words, word), append(t.sizes, size), t.total+size
}

// next cuts the first word off: a word, a number, a sign, or a line break with
// the indentation after it. Other space is no word.
func next(s string) (word string, size float64, rest string) {
	r, n := utf8.DecodeRuneInString(s)
	switch {
	case r == '\n':
		n = len(s) - len(strings.TrimLeft(s, " \t\r\n"))
		blank := strings.LastIndexByte(s[:n], '\n')
		return s[blank:n], signSize, s[n:]
	case unicode.IsSpace(r):
		return "", 0, s[n:]
	case inWord(r):
		if n = strings.IndexFunc(s, func(r rune) bool { return !inWord(r) }); n < 0 {
			n = len(s)
		}
		return s[:n], wordSize, s[n:]
	}
	return s[:n], signSize, s[n:]
}

func inWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

// weight grows with the logarithm of the length.
func (t *text) weight() float64 { return 1 + math.Log2(1+t.total) }

func (t *text) number() *indexed {
	x := &indexed{numbers: make(map[string]rune, len(t.words))}
	for _, w := range t.words {
		if _, ok := x.numbers[w]; !ok {
			x.numbers[w] = nth(len(x.numbers))
		}
	}
	x.points = difflib.Index(x.write(t.words), false)
	return x
}

// write writes words as code points; none for a word that the text does not
// have.
func (x *indexed) write(words []string) string {
	var b strings.Builder
	for _, w := range words {
		n, ok := x.numbers[w]
		if !ok {
			n = none
		}
		b.WriteRune(n)
	}
	return b.String()
}

// none is the last code point there is.
const none = utf8.MaxRune

// nth returns the n-th code point that may stand in a text. The words after a
// million different ones are all one to it.
func nth(n int) rune {
	const first, after = 0xD800, 0xE000 // surrogates
	if n >= first {
		n += after - first
	}
	return rune(min(n, none-1))
}

func (t *text) like(ctx context.Context, other part) (float64, error) {
	expert, ok := other.(*text)
	if !ok {
		return 0, nil
	}
	v, err := t.likeWords(ctx, expert)
	if t.expands != expert.expands {
		v *= otherwiseRead
	}
	return v, err
}

func (t *text) likeWords(ctx context.Context, expert *text) (float64, error) {
	switch {
	case slices.Equal(t.words, expert.words):
		return 1, nil
	case t.total == 0 || expert.total == 0 || len(t.words) == 1 && len(expert.words) == 1:
		return 0, nil
	}
	x := expert.index()
	m, err := x.points.CompareContext(ctx, x.write(t.words))
	if err != nil {
		return 0, err
	}
	same := 0.0
	for _, b := range m.Blocks {
		for _, size := range expert.sizes[b.B : b.B+b.Size] {
			same += size
		}
	}
	return ratio(2*same, t.total+expert.total), nil
}
