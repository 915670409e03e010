package behaviour

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// classifyCommand reads a command line for bash.
func classifyCommand(text string) []Act {
	if act, ok := lineEdit(text); ok {
		return []Act{act}
	}
	acts := newWalker(text).script()
	if len(acts) == 0 { // comments only
		acts = []Act{{Kind: Shell, Detail: "comment", End: len(text)}}
	}
	return acts
}

// A walker goes through the statements of one text in the order in which a
// shell runs them, each branch and each body of a loop once.
type walker struct {
	text string
	// base is where text stands in the action's command; -1 if it does not
	// stand there unchanged, and every act gets span as its place.
	base int
	span span

	dir    string // the working folder, "" where the action started or unknown
	vars   map[string][]string
	funcs  map[string]bool
	files  map[string]string // texts that the command has written, until they are run
	limits *limits
	depth  int
}

type span struct{ pos, end int }

// limits is what is left of the bounds of one command.
type limits struct{ acts, paths int }

func newWalker(text string) *walker {
	return &walker{
		text:   text,
		vars:   map[string][]string{},
		funcs:  map[string]bool{},
		files:  map[string]string{},
		limits: &limits{acts: maxActs, paths: maxPaths},
	}
}

// script reads the whole text.
func (w *walker) script() []Act {
	stmts, stop := parse(w.text)
	acts := w.list(stmts)
	if w.limits.acts <= 0 {
		return append(acts, Act{Kind: Unparsed, Detail: "long", Pos: w.whereAt(0).pos, End: w.whereAt(len(w.text)).end})
	}
	if stop >= 0 {
		act := guess(w.text, stop)
		act.Pos, act.End = w.whereAt(act.Pos).pos, w.whereAt(act.End).end
		acts = append(acts, act)
	}
	return acts
}

// whereAt is where an offset of the text is in the action's command.
func (w *walker) whereAt(offset int) span {
	if w.base < 0 {
		return w.span
	}
	return span{w.base + offset, w.base + offset}
}

// inner reads text that a command hands to a shell.
func (w *walker) inner(text string, at int, of span) []Act {
	in := *w
	in.text, in.depth = text, w.depth+1
	if in.base, in.span = -1, of; w.base >= 0 && at >= 0 {
		in.base = w.base + at
	}
	if in.depth > maxNesting {
		return []Act{{Kind: Unparsed, Detail: "deep", Pos: of.pos, End: of.end}}
	}
	acts := in.script()
	w.dir = in.dir
	return acts
}

func (w *walker) list(stmts []*syntax.Stmt) []Act {
	var acts []Act
	for _, s := range stmts {
		acts = append(acts, w.stmt(s)...)
	}
	return acts
}

// subshell reads statements that cannot change the folder outside.
func (w *walker) subshell(stmts []*syntax.Stmt) []Act {
	dir := w.dir
	defer func() { w.dir = dir }()
	return w.list(stmts)
}

// stmt reads a chain of pipelines.
func (w *walker) stmt(s *syntax.Stmt) []Act {
	var acts []Act
	for _, part := range flatten(s, syntax.AndStmt, syntax.OrStmt) {
		if w.limits.acts <= 0 {
			return acts
		}
		stages := flatten(part, syntax.Pipe, syntax.PipeAll)
		if len(stages) > 1 {
			acts = append(acts, w.pipeline(stages)...)
			continue
		}
		for _, act := range w.single(part, false) {
			acts = append(acts, settle(act))
		}
	}
	return acts
}

// flatten takes a chain of the operators apart. It is no recursion, because the
// parser makes chains of any length.
func flatten(s *syntax.Stmt, ops ...syntax.BinCmdOperator) []*syntax.Stmt {
	var parts []*syntax.Stmt
	for todo := []*syntax.Stmt{s}; len(todo) > 0; {
		top := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if b, ok := top.Cmd.(*syntax.BinaryCmd); ok && slices.Contains(ops, b.Op) && len(top.Redirs) == 0 {
			todo = append(todo, b.Y, b.X)
		} else {
			parts = append(parts, top)
		}
	}
	return parts
}

// single reads a simple or a compound command with its redirections. A filter,
// which only passes on what it gets, comes back without a kind.
func (w *walker) single(s *syntax.Stmt, piped bool) []Act {
	r := w.redirections(s)
	acts := w.substituted(r.words...)
	if c, ok := s.Cmd.(*syntax.CallExpr); ok {
		return append(acts, w.simple(s, c, r, piped)...)
	}
	inside := w.compound(s)
	if len(r.out) == 0 && len(r.other) == 0 {
		return append(acts, inside...)
	}
	// The output of all that is inside goes to one file.
	whole := Act{Pos: w.rangeOf(s).pos, End: w.rangeOf(s).end}
	if r.redirect(&whole); whole.Kind == Edit && !slices.ContainsFunc(inside, func(a Act) bool { return a.Kind != Shell && a.Kind != View }) {
		return append(acts, whole)
	}
	if n := len(inside); n > 0 {
		inside[n-1].Writes = append(inside[n-1].Writes, whole.Writes...)
	}
	return append(acts, inside...)
}

func (w *walker) compound(s *syntax.Stmt) []Act {
	switch c := s.Cmd.(type) {
	case *syntax.BinaryCmd:
		return w.stmt(&syntax.Stmt{Cmd: c, Position: s.Position})
	case *syntax.Subshell:
		return w.subshell(c.Stmts)
	case *syntax.Block:
		return w.list(c.Stmts)
	case *syntax.IfClause:
		var acts []Act
		for ; c != nil; c = c.Else {
			acts = append(append(acts, w.list(c.Cond)...), w.list(c.Then)...)
		}
		return acts
	case *syntax.WhileClause:
		return append(w.list(c.Cond), w.list(c.Do)...)
	case *syntax.ForClause:
		return append(w.loop(c.Loop), w.list(c.Do)...)
	case *syntax.CaseClause:
		acts := w.substituted(c.Word)
		for _, item := range c.Items {
			acts = append(acts, w.list(item.Stmts)...)
		}
		return acts
	case *syntax.FuncDecl:
		return w.function(c)
	case *syntax.TimeClause:
		if c.Stmt != nil {
			return w.stmt(c.Stmt)
		}
	case *syntax.CoprocClause:
		return w.stmt(c.Stmt)
	case *syntax.DeclClause:
		return w.declare(s, c)
	}
	return []Act{w.own(s, Act{Kind: Shell})} // [[ ]], (( )), let
}

// loop follows the variable of a loop over words.
func (w *walker) loop(l syntax.Loop) []Act {
	iter, ok := l.(*syntax.WordIter)
	if !ok {
		return nil
	}
	acts := w.substituted(iter.Items...)
	var values []string
	if len(iter.Items) <= maxValues {
		for _, a := range w.words(iter.Items) {
			values = append(values, a.text)
		}
	}
	w.set(iter.Name.Value, values)
	return acts
}

// function reads the body where it is declared; calls of it are then not acts
// of their own.
func (w *walker) function(f *syntax.FuncDecl) []Act {
	if f.Name != nil && len(w.funcs) < maxVars {
		w.funcs[f.Name.Value] = true
	}
	return w.subshell([]*syntax.Stmt{f.Body})
}

// declare is export, declare, local and their like.
func (w *walker) declare(s *syntax.Stmt, d *syntax.DeclClause) []Act {
	acts := w.assign(d.Args)
	return append(acts, w.own(s, Act{Kind: Shell, Program: d.Variant.Value}))
}

// assign follows variables, and returns what runs to make their values.
func (w *walker) assign(all []*syntax.Assign) []Act {
	var acts []Act
	for _, a := range all {
		if a.Value != nil {
			acts = append(acts, w.substituted(a.Value)...)
		}
		if a.Name == nil || a.Index != nil || a.Array != nil {
			continue
		}
		var values []string
		if a.Value != nil && !a.Append {
			for _, v := range w.word(a.Value, true) {
				values = append(values, v.text)
			}
		}
		w.set(a.Name.Value, values)
	}
	return acts
}

// set remembers the values that a variable may have; those that only a shell
// can know are none.
func (w *walker) set(name string, values []string) {
	unknown := func(v string) bool { return len(v) > maxValue || strings.Contains(v, "$") }
	if len(values) == 0 || len(values) > maxValues || slices.ContainsFunc(values, unknown) ||
		w.vars[name] == nil && len(w.vars) >= maxVars {
		delete(w.vars, name)
		return
	}
	w.vars[name] = values
}

// simple reads one program with its arguments.
func (w *walker) simple(s *syntax.Stmt, c *syntax.CallExpr, r redirections, piped bool) []Act {
	acts := w.substituted(c.Args...)
	if len(c.Args) == 0 {
		acts = append(w.assign(c.Assigns), acts...)
		own := Act{Kind: Shell, Detail: "assignment"}
		if r.redirect(&own); len(acts) > 0 && own.Kind != Edit {
			return acts // X=$(program): the program is what counts
		}
		return append(acts, w.own(s, own))
	}
	for _, a := range c.Assigns {
		if a.Value != nil { // for this program alone
			acts = append(acts, w.substituted(a.Value)...)
		}
	}
	args := w.words(c.Args)
	of := w.rangeOf(s)
	program := call{
		walker: w, name: base(args[0].text), slash: strings.Contains(args[0].text, "/"), args: args[1:],
		input: r.input, inputAt: r.inputAt, piped: piped || r.hasInput && len(r.in) == 0, span: of,
	}
	for _, act := range program.acts() {
		if act.End == 0 {
			act.Pos, act.End = of.pos, of.end
		}
		act.Reads = append(act.Reads, r.in...)
		r.redirect(&act)
		if act.Detail == byHeredoc && len(act.Writes) == 1 && len(w.files) < maxVars {
			w.files[act.Writes[0]] = r.input
		}
		w.limits.acts--
		acts = append(acts, act)
	}
	return acts
}

// written returns the text of a script that this command has just written. It
// does so once, which bounds the work on scripts that start themselves.
func (w *walker) written(file string) string {
	p := w.place(file)
	text := w.files[p]
	delete(w.files, p)
	return text
}

// own gives an act the place of its statement.
func (w *walker) own(s *syntax.Stmt, act Act) Act {
	w.limits.acts--
	of := w.rangeOf(s)
	act.Pos, act.End = of.pos, of.end
	return act
}

// rangeOf is where a statement stands in the action's command, its
// here-documents included and a semicolon after it not.
func (w *walker) rangeOf(s *syntax.Stmt) span {
	if w.base < 0 {
		return w.span
	}
	end := int(s.Pos().Offset())
	if s.Cmd != nil {
		end = max(end, int(s.Cmd.End().Offset()))
	}
	for _, r := range s.Redirs {
		end = max(end, int(r.End().Offset()))
	}
	end = min(end, len(w.text))
	return span{w.base + min(int(s.Pos().Offset()), end), w.base + end}
}
