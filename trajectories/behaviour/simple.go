package behaviour

import (
	"regexp"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// A Simple is a simple command of a command line, or the head of a compound one:
// what the shell itself makes of it, without a judgement of what it does.
type Simple struct {
	// Operator joins it to the one before: |, &&, ; and so on.
	Operator string
	// Negated says that a ! stands before it, or before the pipeline that it
	// begins, and Background that a & stands after it, or after the list that it
	// ends.
	Negated, Background bool
	// Keyword is for, if, while, case, function or ( for the head of a compound
	// command, whose statements follow, and otherwise empty.
	Keyword string
	// Assignments stand before the words, as in A=1 make.
	Assignments []string
	// Words are the program and its arguments, or those of the head.
	Words        []Word
	Redirections []Redirection
}

// A Word is one word of a Simple: without quotes, if all that is written means just
// itself, and otherwise as it is written, with $() for backticks.
type Word struct {
	Text string
	// Expands says that the shell puts something else in its place, as it does
	// for variables, commands, patterns of file names and braces.
	Expands bool
}

// A Redirection is one of a Simple. Those of a compound command are with its
// last Simple.
type Redirection struct {
	Operator string // with the number of a descriptor, unless it is the usual one: 2>
	Target   string // a word
	Document string // of << and <<-, without the line that ends it
}

// SimpleCommands parses a command line as bash does, for those who need more of
// it than its acts. It reads as far as it can, and unread is what is left:
// nothing of a line that is all valid, and all of one that is too long or too
// deep.
func SimpleCommands(line string) (commands []Simple, unread string) {
	stmts, stop := parse(line)
	r := &simpleReader{text: line}
	for _, s := range stmts {
		r.statement(s, ";")
	}
	if len(r.commands) > 0 {
		r.commands[0].Operator = ""
	}
	if stop >= 0 {
		unread = line[stop:]
	}
	return r.commands, unread
}

type simpleReader struct {
	text     string
	commands []Simple
}

// statement reads a statement and those inside it.
func (r *simpleReader) statement(s *syntax.Stmt, operator string) {
	first := len(r.commands)
	switch c := s.Cmd.(type) {
	case nil:
		r.commands = append(r.commands, Simple{Operator: operator})
	case *syntax.CallExpr:
		simple := Simple{Operator: operator}
		for _, a := range c.Assigns {
			simple.Assignments = append(simple.Assignments, r.written(a))
		}
		for _, w := range c.Args {
			simple.Words = append(simple.Words, r.word(w))
		}
		r.commands = append(r.commands, simple)
	case *syntax.BinaryCmd:
		r.statement(c.X, operator)
		r.statement(c.Y, c.Op.String())
	default:
		r.compound(s.Cmd, operator)
	}
	if len(r.commands) == first {
		return
	}
	last := &r.commands[len(r.commands)-1]
	r.commands[first].Negated = r.commands[first].Negated || s.Negated
	last.Background = last.Background || s.Background
	for _, redir := range s.Redirs {
		last.Redirections = append(last.Redirections, r.redirection(redir))
	}
}

// compound reads the head of a loop, a branch or another compound command, and
// the statements in it.
func (r *simpleReader) compound(c syntax.Command, operator string) {
	head := Simple{Operator: operator}
	switch c.(type) {
	case *syntax.ForClause:
		head.Keyword = "for"
	case *syntax.IfClause:
		head.Keyword = "if"
	case *syntax.WhileClause:
		head.Keyword = "while"
	case *syntax.CaseClause:
		head.Keyword = "case"
	case *syntax.FuncDecl:
		head.Keyword = "function"
	case *syntax.Subshell:
		head.Keyword = "("
	default:
		head.Keyword = "{"
	}
	var inside []*syntax.Stmt
	syntax.Walk(c, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Stmt:
			inside = append(inside, n)
			return false
		case *syntax.Word:
			head.Words = append(head.Words, r.word(n))
			return false
		case *syntax.Lit:
			head.Words = append(head.Words, Word{Text: n.Value})
		}
		return true
	})
	r.commands = append(r.commands, head)
	for _, s := range inside {
		r.statement(s, ";")
	}
}

func (r *simpleReader) redirection(redir *syntax.Redirect) Redirection {
	out := Redirection{Operator: redir.Op.String()}
	if redir.N != nil && redir.N.Value != usual(out.Operator) {
		out.Operator = redir.N.Value + out.Operator
	}
	if redir.Word != nil {
		out.Target = r.word(redir.Word).Text
	}
	if redir.Hdoc != nil {
		out.Document = strings.TrimSuffix(r.source(redir.Hdoc), out.Target)
	}
	return out
}

// usual is the descriptor of a redirection that names none.
func usual(operator string) string {
	if strings.HasPrefix(operator, "<") {
		return "0"
	}
	return "1"
}

// word is what the shell makes of a word, as far as it is known before it runs.
func (r *simpleReader) word(w *syntax.Word) Word {
	var b strings.Builder
	for _, p := range w.Parts {
		text, _, ok := verbatim(p)
		if !ok {
			return Word{r.written(w), expands(w)}
		}
		b.WriteString(text)
	}
	return Word{b.String(), expands(w)}
}

// expands reports whether a shell puts something else in the place of a word.
func expands(w *syntax.Word) bool {
	for i, p := range w.Parts {
		switch p := p.(type) {
		case *syntax.SglQuoted:
		case *syntax.DblQuoted:
			for _, inside := range p.Parts {
				if _, ok := inside.(*syntax.Lit); !ok {
					return true
				}
			}
		case *syntax.Lit:
			if strings.ContainsAny(p.Value, "*?[{") && pattern.MatchString(escape.ReplaceAllString(p.Value, "")) || i == 0 && strings.HasPrefix(p.Value, "~") {
				return true
			}
		default:
			return true
		}
	}
	return false
}

var (
	pattern = regexp.MustCompile(`[*?]|\[.+\]|\{[^{}]*(?:,|\.\.)[^{}]*\}`)
	escape  = regexp.MustCompile(`(?s)\\.`)
)

// written is what is written at a word or an assignment, with $() for backticks.
func (r *simpleReader) written(n syntax.Node) string {
	text := r.source(n)
	backticks := false
	syntax.Walk(n, func(n syntax.Node) bool {
		if c, ok := n.(*syntax.CmdSubst); ok && c.Backquotes {
			backticks = true
		}
		return !backticks
	})
	if !backticks {
		return text
	}
	var b strings.Builder
	if err := syntax.NewPrinter().Print(&b, n); err != nil {
		return text
	}
	return b.String()
}

// source is what stands at a node.
func (r *simpleReader) source(n syntax.Node) string {
	from, to := int(n.Pos().Offset()), int(n.End().Offset())
	if from < 0 || from > to || to > len(r.text) {
		return ""
	}
	return r.text[from:to]
}
