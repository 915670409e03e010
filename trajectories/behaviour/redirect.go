package behaviour

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// How text gets into files without an editor.
const (
	byHeredoc  = "here-document"
	byRedirect = "redirect"
	byAppend   = "append"
	byTee      = "tee"
)

// redirections are those of one statement.
type redirections struct {
	in       []string // files that are read
	out      []string // files that standard output goes to
	other    []string // files that something else goes to
	appends  bool
	input    string // a here-document or here-string
	inputAt  int    // where it stands in the walker's text, or -1
	hasInput bool
	heredoc  bool
	words    []*syntax.Word
}

func (w *walker) redirections(s *syntax.Stmt) redirections {
	r := redirections{inputAt: -1}
	for _, redir := range s.Redirs {
		if redir.Word == nil {
			continue
		}
		r.words = append(r.words, redir.Word)
		target := w.word(redir.Word, false)[0]
		file := w.places([]string{target.text})
		switch redir.Op {
		case syntax.Hdoc, syntax.DashHdoc:
			r.hasInput, r.heredoc = true, true
			if redir.Hdoc != nil {
				r.input, r.inputAt = strings.TrimSuffix(w.source(redir.Hdoc), target.text), int(redir.Hdoc.Pos().Offset())
				r.words = append(r.words, redir.Hdoc)
			}
		case syntax.WordHdoc:
			r.hasInput, r.input, r.inputAt = true, target.text, target.at
		case syntax.RdrIn:
			r.hasInput, r.in = true, append(r.in, file...)
		case syntax.DplIn:
		case syntax.DplOut:
			// >&2 and >&- name descriptors; >& file is an old &> file.
			if strings.Trim(target.text, "0123456789-") != "" && !strings.HasPrefix(target.text, "$") {
				r.out = append(r.out, file...)
			}
		default:
			if redir.N != nil && redir.N.Value != "1" {
				r.other = append(r.other, file...)
				continue
			}
			r.appends = redir.Op == syntax.AppOut || redir.Op == syntax.AppAll
			r.out = append(r.out, file...)
		}
	}
	return r
}

// redirect says what redirections make of an act. Where all that a program does
// is to give text, a file with that text is what counts.
func (r redirections) redirect(act *Act) {
	gives := act.Kind == "" || act.Kind == View || act.Kind == Shell && slices.Contains([]string{"", "echo", "printf", "true", ":", "seq", "yes"}, act.Program)
	if len(r.out) > 0 && gives {
		act.Kind = Edit
		switch {
		case r.heredoc:
			act.Detail = byHeredoc
		case r.appends:
			act.Detail = byAppend
		default:
			act.Detail = byRedirect
		}
	}
	if r.heredoc && act.Kind == Edit && act.Detail == byTee {
		act.Detail = byHeredoc
	}
	act.Writes = append(append(act.Writes, r.out...), r.other...)
}
