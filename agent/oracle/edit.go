package oracle

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bluekeyes/go-gitdiff/gitdiff"
)

const (
	contextStep = 3  // lines of context taken to either side at a time
	contextMost = 24 // lines beyond which a person would give line numbers instead
	triesMost   = 5
)

// edit does one hunk to the file at path: one str_replace with as much
// context as makes the place unique, or insertions by line number where no
// reasonable context does.
func (w *worker) edit(path string, h hunk) error {
	t := w.texts[path]
	if len(t.lines) == 0 && t.whole {
		return w.fill(path, h)
	}
	more := 0 // lines of context beyond the hunk's own
	if len(h.old.lines) == 0 || len(h.new.lines) == 0 {
		more = contextStep
	}
	var refusal string
	for range triesMost {
		if err := w.see(path, h.at-more, h.at+len(h.old.lines)+more); err != nil {
			return err
		}
		p := widen(t, h, more)
		for !t.unique(p.old) && !p.everything && (more < contextMost || !h.insertsOnly()) {
			more += contextStep
			if err := w.see(path, h.at-more, h.at+len(h.old.lines)+more); err != nil {
				return err
			}
			p = widen(t, h, more)
		}
		if p.old == "" || (h.insertsOnly() && more >= contextMost) {
			return w.insert(path, h)
		}
		o, err := w.do(w.sayEdit(path, h, refusal), "str_replace_editor", args{
			"command": "str_replace", "path": absolute(path), "old_str": p.old, "new_str": p.new,
		})
		if err != nil {
			return err
		}
		if !o.Failed {
			t.splice(h.at, len(h.old.lines), h.new.lines)
			return nil
		}
		refusal = o.Text
		if p.everything {
			break
		}
		more += contextStep
	}
	return fmt.Errorf("%s, line %d: the edit was refused: %s", path, h.at+1, firstLine(refusal))
}

// A replacement is one str_replace.
type replacement struct {
	old, new   string
	everything bool // there is no more context to take in
}

// widen returns the replacement that does h with more lines of context to
// either side, as far as they are known. The last newline is left out where
// that is possible, as people do.
func widen(t *text, h hunk, more int) replacement {
	from, to := h.at, h.at+len(h.old.lines)
	for n := 0; n < more && from > 0 && t.has(from-1, from); n++ {
		from--
	}
	for n := 0; n < more && to < len(t.lines) && t.known[to]; n++ {
		to++
	}
	before, after := t.lines[from:min(h.at, len(t.lines))], []string(nil)
	if end := h.at + len(h.old.lines); end < to {
		after = t.lines[end:to]
	}
	was := block{slices.Concat(before, h.old.lines, after), h.old.noEOL && len(after) == 0}
	is := block{slices.Concat(before, h.new.lines, after), h.new.noEOL && len(after) == 0}
	r := replacement{old: was.String(), new: is.String(), everything: from == 0 && t.whole && to == len(t.lines)}
	short := strings.TrimSuffix(r.old, "\n")
	if short != "" && len(is.lines) > 0 && !was.noEOL && !is.noEOL && (t.unique(short) || !r.everything) {
		r.old, r.new = short, strings.TrimSuffix(r.new, "\n")
	}
	return r
}

// insert does a hunk that removes nothing by line numbers.
func (w *worker) insert(path string, h hunk) error {
	at := h.at
	for i := 0; i < len(h.lines); i++ {
		if h.lines[i].op != gitdiff.OpAdd {
			at++
			continue
		}
		var added []string
		for ; i < len(h.lines) && h.lines[i].op == gitdiff.OpAdd; i++ {
			added = append(added, h.lines[i].text)
		}
		i--
		why := fmt.Sprintf("The lines around line %d of %s occur more than once, so I insert the new ones by line number.", at, path)
		o, err := w.do(why, "str_replace_editor", args{
			"command": "insert", "path": absolute(path), "insert_line": at, "new_str": strings.Join(added, "\n"),
		})
		if err != nil {
			return err
		}
		if o.Failed {
			return fmt.Errorf("%s, line %d: the insertion was refused: %s", path, at, firstLine(o.Text))
		}
		w.texts[path].splice(at, 0, added)
		at += len(added)
	}
	return nil
}

// fill writes the first lines of an empty file.
func (w *worker) fill(path string, h hunk) error {
	why := fmt.Sprintf("%s is still empty. I write its first lines.", path)
	o, err := w.do(why, "str_replace_editor", args{
		"command": "insert", "path": absolute(path), "insert_line": 0, "new_str": h.new.String(),
	})
	if err != nil {
		return err
	}
	if o.Failed {
		return fmt.Errorf("%s: the insertion was refused: %s", path, firstLine(o.Text))
	}
	w.texts[path].splice(0, 0, h.new.lines)
	return nil
}

// create writes a new file.
func (w *worker) create(path string, content block) error {
	if len(content.lines) == 0 {
		return w.bash(fmt.Sprintf("%s has to exist, and is empty.", path), makeFolder(path)+"touch "+operand(path))
	}
	why := fmt.Sprintf("The change needs a new file, %s. I write it.", path)
	o, err := w.do(why, "str_replace_editor", args{"command": "create", "path": absolute(path), "file_text": content.String()})
	if err != nil {
		return err
	}
	if o.Failed {
		return fmt.Errorf("%s: the new file was refused: %s", path, firstLine(o.Text))
	}
	return nil
}
