package behaviour

import (
	"errors"
	"io"
	"runtime"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// What a command may cost. Real ones have a few acts and some kilobytes; these
// bounds only keep hostile ones from filling the memory.
const (
	maxCommand = 2 << 20 // bytes that are parsed
	maxFrames  = 4000    // function calls of the parser inside each other
	maxActs    = 4096    // of one command
	maxPaths   = 4096    // of one command
	maxPath    = 1024    // bytes of a path that is followed
	maxNesting = 6       // commands in arguments of commands: bash -c, xargs, find -exec
)

// parse reads as many statements as it can. The offset is where the first
// begins that cannot be read, or -1 if there is none.
func parse(text string) ([]*syntax.Stmt, int) {
	if len(text) > maxCommand {
		return nil, 0
	}
	var closing string
	for range 4 {
		stmts, err := statements(text + closing)
		if err == nil {
			return stmts, -1
		}
		// For bash the end of the text ends here-documents too, with a warning.
		if word, ok := unclosed(err); ok {
			closing += "\n" + word + "\n"
			continue
		}
		stop := 0
		if len(stmts) > 0 {
			stop = min(int(stmts[len(stmts)-1].End().Offset()), len(text))
			stop += len(text[stop:]) - len(strings.TrimLeft(text[stop:], " \t\r\n"))
		}
		return stmts, stop
	}
	return nil, 0
}

var errFault = errors.New("the parser has a fault")

func statements(text string) (stmts []*syntax.Stmt, err error) {
	defer func() {
		// A fault of the parser on one command must not cost a whole import.
		if recover() != nil {
			stmts, err = nil, errFault
		}
	}()
	for s, err := range syntax.NewParser(syntax.Variant(syntax.LangBash)).StmtsSeq(&shallow{r: strings.NewReader(text)}) {
		if err != nil {
			return stmts, err
		}
		stmts = append(stmts, s)
	}
	return stmts, nil
}

func unclosed(err error) (word string, ok bool) {
	var p syntax.ParseError
	if !errors.As(err, &p) {
		return "", false
	}
	quoted, ok := strings.CutPrefix(p.Text, "unclosed here-document ")
	if !ok {
		return "", false
	}
	word, err = strconv.Unquote(quoted)
	return word, err == nil && !strings.Contains(word, "\n")
}

// shallow ends the text once the parser is too deep. The parser calls itself
// for what is nested and knows no limit, and a Go program whose stack is full
// cannot be saved. But it asks for more text, a kilobyte at a time, from
// wherever it is. Counting frames takes as long as parsing a kilobyte, so it is
// done for every fourth one, within which nothing gets dangerously deep.
type shallow struct {
	r     io.Reader
	reads int
}

var errDeep = errors.New("nested too deep")

func (s *shallow) Read(p []byte) (int, error) {
	var frame [1]uintptr
	if s.reads++; s.reads%4 == 0 && runtime.Callers(maxFrames, frame[:]) > 0 {
		return 0, errDeep
	}
	return s.r.Read(p)
}

// guess looks at the words of what is no valid shell. The first that stands
// where a command begins and is a known program tells what it looks like.
func guess(text string, at int) Act {
	const enough = 64 << 10
	act := Act{Kind: Unparsed, Pos: at, End: len(text)}
	rest := text[at:]
	for piece := range strings.FieldsFuncSeq(rest[:min(len(rest), enough)], func(r rune) bool { return strings.ContainsRune("\n;|&()`", r) }) {
		words := strings.Fields(piece)
		for len(words) > 0 && assignment(words[0]) {
			words = words[1:]
		}
		if len(words) == 0 {
			continue
		}
		name := base(words[0])
		if act.Program == "" {
			act.Program = name
		}
		c := call{walker: newWalker(""), name: name}
		for _, w := range words[1:] {
			c.args = append(c.args, arg{text: strings.Trim(w, `'"`), at: -1})
		}
		for _, a := range c.acts() {
			if a.Kind != Other && a.Kind != Shell && a.Kind != Run && a.Kind != "" {
				act.Program, act.Detail = name, string(a.Kind)
				return act
			}
		}
	}
	return act
}
