package action

import (
	"context"
	"math"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/apprentice-rl/apprentice/trajectories/behaviour"
)

// newCommand reads a command line: its simple commands in their order, and what
// the parser refuses as text.
func newCommand(line string) part {
	if len(line) > maxLine {
		return newText(line)
	}
	var parts sequence
	commands, unread := behaviour.SimpleCommands(line)
	for _, c := range commands {
		parts = append(parts, newSimple(c))
	}
	if strings.TrimSpace(unread) != "" {
		parts = append(parts, newText(unread))
	}
	return parts
}

// What is taken apart: real commands have some kilobytes, and those that write a
// whole file are read well enough as text beyond this.
const (
	maxLine  = 256 << 10
	maxWords = 256 // of one simple command
)

// newSimple sorts the words of a simple command.
func newSimple(c behaviour.Simple) *simple {
	cmd := &simple{operator: c.Operator, program: c.Keyword, named: set{}}
	if c.Negated {
		cmd.named["!"] = presence{}
	}
	if c.Background {
		cmd.named["&"] = presence{}
	}
	for _, a := range c.Assignments {
		cmd.operand(behaviour.Word{Text: a})
	}
	words := c.Words
	if c.Keyword == "" && len(words) > 0 {
		cmd.program, words = programName(words[0].Text), words[1:]
	}
	ordered := c.Keyword != "" || cmd.program == "find" || cmd.program == "[" || cmd.program == "test" // flags are an expression
	for _, word := range words {
		switch text := word.Text; {
		case ordered || len(text) < 2 || text[0] != '-' || len(text) > maxFlag:
			cmd.operand(word)
		case text == "--":
			ordered = true // no more flags
		default:
			cmd.flag(text)
		}
	}
	toFile := false // standard output, so far
	for _, r := range c.Redirections {
		cmd.redirect(r, toFile)
		toFile = toFile || r.Operator == ">" || r.Operator == ">>"
	}
	cmd.size = programSize + operatorSize + cmd.named.weight() + cmd.operands.weight()
	return cmd
}

const maxFlag = 256 // bytes; what is longer is text that begins with a dash

// programName is the name without its folder; the versions of Python are one.
func programName(word string) string {
	name := path.Base(word)
	if rest, ok := strings.CutPrefix(name, "python"); ok && strings.Trim(rest, "0123456789.") == "" {
		return "python"
	}
	return name
}

// clustered are the programs whose flags are single letters, several of which
// may share a dash.
var clustered = []string{"ls", "grep", "egrep", "fgrep", "cat", "nl", "rm", "cp", "mv", "sort", "uniq", "wc", "diff", "mkdir", "tar", "sed", "head", "tail"}

// flag notes a flag, or several that share a dash, or one with its value.
func (c *simple) flag(text string) {
	name, value, valued := strings.Cut(text, "=")
	switch {
	case valued:
		c.named[name] = newOperand(behaviour.Word{Text: value})
	case strings.Trim(text[1:], "0123456789") == "":
		c.named["-0"] = newOperand(behaviour.Word{Text: text[1:]}) // head -50
	case text[1] != '-' && slices.Contains(clustered, c.program) && strings.IndexFunc(text[1:], func(r rune) bool { return !letter(r) }) < 0:
		for _, r := range text[1:] {
			c.named["-"+string(r)] = presence{}
		}
	default:
		c.named[text] = presence{}
	}
}

func letter(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' }

func (c *simple) operand(word behaviour.Word) {
	if len(c.operands) < maxWords {
		c.operands = append(c.operands, newOperand(word))
	}
}

// newOperand finds out what kind a word of a command is of.
func newOperand(word behaviour.Word) part {
	text := word.Text
	if m := lineRange.FindStringSubmatch(text); m != nil { // sed -n 10,20p
		from, _ := strconv.ParseFloat(m[1], 64) // it is digits
		to, _ := strconv.ParseFloat(m[2], 64)
		return span{from, to}
	}
	if len(text) < 1024 && pathLike.MatchString(text) {
		return newFile(text)
	}
	if n, err := strconv.ParseFloat(text, 64); err == nil && !math.IsNaN(n) && !math.IsInf(n, 0) {
		return number(n)
	}
	t := newText(text)
	t.expands = word.Expands
	return t
}

var (
	lineRange = regexp.MustCompile(`^(\d{1,9}),(\d{1,9})p$`)
	// A word with a slash, or a name with letters after its last dot.
	pathLike = regexp.MustCompile(`^[\w.~+@-]*(/[\w.~+@-]*)+$|^[\w+@-][\w.+@-]*\.[A-Za-z]\w{0,6}$`)
)

// redirect notes a redirection, the last one of a kind. Where output that nobody
// wants goes counts little. Errors that go where the output goes (2>&1) go to a file
// only if the output already did.
func (c *simple) redirect(r behaviour.Redirection, toFile bool) {
	switch {
	case r.Operator == "2>&" && r.Target == "1" && toFile:
		c.named["2>&1 after >"] = presence{}
	case r.Document != "":
		c.named["<<"] = newText(r.Document)
	case strings.HasPrefix(r.Target, "/dev/") || strings.Trim(r.Target, "0123456789-") == "":
		c.named[r.Operator+r.Target] = presence{}
	default:
		c.named[r.Operator] = newOperand(behaviour.Word{Text: r.Target})
	}
}

// A simple command is a program with its arguments.
type simple struct {
	operator string // between the command before and this one
	program  string
	named    set      // flags and redirections
	operands sequence // the other words, in their order
	size     float64  // of all of it
}

const (
	programSize  = 0.25
	operatorSize = 0.125
	folderSize   = 0.1 // of a cd, by any other command
)

func (c *simple) weight() float64 {
	if c.program == "cd" {
		return folderSize * c.size
	}
	return c.size
}

func (c *simple) like(ctx context.Context, other part) (float64, error) {
	expert, ok := other.(*simple)
	if !ok || c.program != expert.program {
		return 0, nil
	}
	same := 2 * programSize
	if c.operator == expert.operator {
		same += 2 * operatorSize
	}
	named, err := both(ctx, c.named, expert.named)
	if err != nil {
		return 0, err
	}
	operands, err := both(ctx, c.operands, expert.operands)
	return ratio(same+named+operands, c.size+expert.size), err
}

// presence is a flag without a value: it is there, or it is not.
type presence struct{}

func (presence) weight() float64 { return 0.25 }

func (presence) like(_ context.Context, other part) (float64, error) {
	if _, ok := other.(presence); ok {
		return 1, nil
	}
	return 0, nil
}
