package oracle

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/bluekeyes/go-gitdiff/gitdiff"
)

// A change is what the gold patch does to one file.
type change struct {
	kind     kind
	old, new string // paths in the repository; equal unless renamed or copied
	hunks    []hunk
	chmod    string // argument of chmod, empty for no change
	link     bool   // a new symbolic link; its target is the added text
}

type kind int

const (
	edited kind = iota
	created
	deleted
	renamed
	copied
)

// A hunk is one fragment of a change: at line at (from 0, counted in the file
// with all earlier hunks of the change done) stand the old lines, which the
// new ones replace.
type hunk struct {
	at       int
	lines    []line
	old, new block
	section  string // what git prints after the @@, often a function
}

type line struct {
	op   gitdiff.LineOp
	text string // without its newline
}

// A block is a run of whole lines. Only the last line of a file may lack its
// newline.
type block struct {
	lines []string
	noEOL bool
}

// String returns the lines with their newlines.
func (b block) String() string {
	if len(b.lines) == 0 {
		return ""
	}
	s := strings.Join(b.lines, "\n")
	if b.noEOL {
		return s
	}
	return s + "\n"
}

// insertsOnly says that the hunk removes nothing.
func (h hunk) insertsOnly() bool {
	for _, l := range h.lines {
		if l.op == gitdiff.OpDelete {
			return false
		}
	}
	return !h.old.noEOL || h.new.noEOL
}

const (
	typeMask  = 0o170000
	typeLink  = 0o120000
	submodule = 0o160000
)

// parse reads a gold patch.
func parse(patch string) ([]change, error) {
	files, _, err := gitdiff.Parse(strings.NewReader(patch))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, errors.New("it changes no file")
	}
	var changes []change
	for _, f := range files {
		c, err := newChange(f)
		if err != nil {
			return nil, err
		}
		changes = append(changes, c)
	}
	return changes, nil
}

func newChange(f *gitdiff.File) (change, error) {
	c := change{old: f.OldName, new: f.NewName}
	switch {
	case f.IsNew:
		c.kind, c.old = created, f.NewName
	case f.IsDelete:
		c.kind, c.new = deleted, f.OldName
	case f.IsRename:
		c.kind = renamed
	case f.IsCopy:
		c.kind = copied
	}
	for _, mode := range []fs.FileMode{f.OldMode, f.NewMode} {
		if mode&typeMask == submodule {
			return change{}, fmt.Errorf("%s is a submodule", c.new)
		}
	}
	if f.IsBinary && c.kind != deleted {
		return change{}, fmt.Errorf("%s is a binary file, which the tools cannot edit", c.new)
	}
	switch executable := f.NewMode&0o111 != 0; {
	case c.kind == deleted || f.NewMode == 0:
	case f.NewMode&typeMask == typeLink:
		if c.kind != created {
			return change{}, fmt.Errorf("%s is a changed symbolic link", c.new)
		}
		c.link = true
	case c.kind == created && executable, f.OldMode != 0 && f.OldMode&0o111 == 0 && executable:
		c.chmod = "+x"
	case f.OldMode&0o111 != 0 && !executable:
		c.chmod = "-x"
	}
	shift := 0 // lines that the hunks before have added
	for _, fragment := range f.TextFragments {
		h := newHunk(fragment)
		h.at += shift
		shift += len(h.new.lines) - len(h.old.lines)
		c.hunks = append(c.hunks, h)
	}
	return c, nil
}

func newHunk(f *gitdiff.TextFragment) hunk {
	h := hunk{section: strings.TrimSpace(f.Comment), at: int(f.OldPosition) - 1}
	if f.OldLines == 0 {
		h.at = int(f.OldPosition) // git gives the line before an insertion without context
	}
	for _, l := range f.Lines {
		s, hasEOL := strings.CutSuffix(l.Line, "\n")
		h.lines = append(h.lines, line{l.Op, s})
		if l.Old() {
			h.old.lines = append(h.old.lines, s)
			h.old.noEOL = !hasEOL
		}
		if l.New() {
			h.new.lines = append(h.new.lines, s)
			h.new.noEOL = !hasEOL
		}
	}
	return h
}
