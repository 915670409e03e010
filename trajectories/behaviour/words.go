package behaviour

import (
	"path"
	"regexp"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// An arg is one word of a command after the shell has read it, as far as that
// can be known.
type arg struct {
	text string
	// at is where text stands in the walker's text, if it stands there
	// unchanged; -1 otherwise.
	at int
}

// Variables whose values are not followed any more: many, or large.
const (
	maxValues = 16
	maxValue  = 256
	maxVars   = 64
)

// words reads the words of a command. A variable that a loop gives several
// values stands for all of them.
func (w *walker) words(words []*syntax.Word) []arg {
	args := make([]arg, 0, len(words))
	for _, word := range words {
		args = append(args, w.word(word, len(words) < maxPaths)...)
	}
	return args
}

func (w *walker) word(word *syntax.Word, many bool) []arg {
	if values := w.values(word); len(values) > 0 && many {
		args := make([]arg, len(values))
		for i, v := range values {
			args[i] = arg{v, -1}
		}
		return args
	}
	if len(word.Parts) == 1 {
		if text, at, ok := verbatim(word.Parts[0]); ok {
			return []arg{{text, at}}
		}
	}
	var b strings.Builder
	for _, part := range word.Parts {
		w.part(&b, part, false)
	}
	return []arg{{b.String(), -1}}
}

// values returns the known values of a word that is nothing but a variable.
func (w *walker) values(word *syntax.Word) []string {
	if len(word.Parts) != 1 {
		return nil
	}
	part := word.Parts[0]
	if q, ok := part.(*syntax.DblQuoted); ok && len(q.Parts) == 1 {
		part = q.Parts[0]
	}
	if p, ok := part.(*syntax.ParamExp); ok && plain(p) {
		return w.vars[p.Param.Value]
	}
	return nil
}

// plain says that an expansion is $x or ${x}.
func plain(p *syntax.ParamExp) bool {
	return p.Param != nil && !p.Excl && !p.Length && !p.Width && p.Index == nil && p.Slice == nil && p.Repl == nil && p.Exp == nil
}

// verbatim returns the text of a part that means just what is written.
func verbatim(part syntax.WordPart) (string, int, bool) {
	switch p := part.(type) {
	case *syntax.Lit:
		return p.Value, int(p.Pos().Offset()), !strings.Contains(p.Value, `\`)
	case *syntax.SglQuoted:
		return p.Value, int(p.Pos().Offset()) + 1, !p.Dollar
	case *syntax.DblQuoted:
		if len(p.Parts) == 0 {
			return "", int(p.Pos().Offset()) + 1, !p.Dollar
		}
		if lit, ok := p.Parts[0].(*syntax.Lit); ok && len(p.Parts) == 1 {
			return lit.Value, int(lit.Pos().Offset()), !p.Dollar && !strings.Contains(lit.Value, `\`)
		}
	}
	return "", -1, false
}

func (w *walker) part(b *strings.Builder, part syntax.WordPart, quoted bool) {
	switch p := part.(type) {
	case *syntax.Lit:
		unescape(b, p.Value, quoted)
	case *syntax.SglQuoted:
		b.WriteString(p.Value)
	case *syntax.DblQuoted:
		for _, inner := range p.Parts {
			w.part(b, inner, true)
		}
	case *syntax.ParamExp:
		if plain(p) && len(w.vars[p.Param.Value]) == 1 {
			b.WriteString(w.vars[p.Param.Value][0])
			return
		}
		b.WriteString(w.source(p))
	case *syntax.ExtGlob:
		b.WriteString(w.source(p))
	case *syntax.ProcSubst:
		b.WriteString("<(…)")
	case *syntax.ArithmExp:
		b.WriteString("$((…))")
	default:
		b.WriteString("$(…)")
	}
}

// source returns what is written at a node.
func (w *walker) source(n syntax.Node) string {
	from, to := int(n.Pos().Offset()), int(n.End().Offset())
	if from < 0 || from > to || to > len(w.text) {
		return ""
	}
	return w.text[from:to]
}

// unescape removes the backslashes that the shell removes. In double quotes
// they stay before most characters.
func unescape(b *strings.Builder, s string, quoted bool) {
	for {
		i := strings.IndexByte(s, '\\')
		if i < 0 || i == len(s)-1 {
			b.WriteString(s)
			return
		}
		b.WriteString(s[:i])
		if quoted && !strings.ContainsRune("$`\"\\\n", rune(s[i+1])) {
			b.WriteByte('\\')
		}
		if s[i+1] != '\n' {
			b.WriteByte(s[i+1])
		}
		s = s[i+2:]
	}
}

// substituted returns the acts of the commands whose output a word takes.
func (w *walker) substituted(words ...*syntax.Word) []Act {
	var acts []Act
	for _, word := range words {
		if word != nil {
			acts = append(acts, w.substitutedParts(word.Parts)...)
		}
	}
	return acts
}

func (w *walker) substitutedParts(parts []syntax.WordPart) []Act {
	var acts []Act
	for _, part := range parts {
		switch p := part.(type) {
		case *syntax.DblQuoted:
			acts = append(acts, w.substitutedParts(p.Parts)...)
		case *syntax.CmdSubst:
			acts = append(acts, w.subshell(p.Stmts)...)
		case *syntax.ProcSubst:
			acts = append(acts, w.subshell(p.Stmts)...)
		case *syntax.ParamExp:
			if p.Exp != nil {
				acts = append(acts, w.substituted(p.Exp.Word)...)
			}
		}
	}
	return acts
}

var assigned = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=`)

// assignment says that a word sets a variable for the command after it.
func assignment(word string) bool {
	return assigned.MatchString(word)
}

// base is the name of a program without its folder.
func base(name string) string {
	return name[strings.LastIndexByte(name, '/')+1:]
}

// place returns a path as seen from where the action started, or "" for what
// names no file.
func (w *walker) place(p string) string {
	switch {
	case p == "" || p == "-" || p == "{}" || len(p) > maxPath || strings.Contains(p, "\n"):
		return ""
	case p == "/dev" || strings.HasPrefix(p, "/dev/") || strings.HasPrefix(p, "<("):
		return ""
	case strings.HasPrefix(p, "$"):
		// Only the shell knows it, but the end of it may still tell a file.
		if !strings.Contains(p, "/") {
			return ""
		}
		return p
	case strings.HasPrefix(p, "~") || path.IsAbs(p) || w.dir == "":
		return path.Clean(p)
	}
	return path.Join(w.dir, p)
}

// places keeps what names files, within the bounds of a command.
func (w *walker) places(paths []string) []string {
	var kept []string
	for _, p := range paths {
		if p = w.place(p); p != "" && w.limits.paths > 0 {
			w.limits.paths--
			kept = append(kept, p)
		}
	}
	return kept
}
