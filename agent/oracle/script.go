package oracle

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/bluekeyes/go-gitdiff/gitdiff"
)

// work is the script.
func (w *worker) work() error {
	for _, step := range []func() error{
		w.lookAround,
		w.search,
		w.readCode,
		w.reproduce,
		w.change,
		w.verify,
		w.tidy,
		w.submit,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// lookAround learns what kind of repository this is.
func (w *worker) lookAround() error {
	o, err := w.shell("I start by looking at what is in the repository.", "ls -a")
	if err != nil {
		return err
	}
	w.root = strings.Fields(o.Text)
	w.before, err = w.status("I check that the working tree is clean, so that I can tell my changes apart later.")
	return err
}

// search looks for words of the issue that lead to the code to be changed.
func (w *worker) search() error {
	for _, word := range searchWords(w.issue, w.changes) {
		why := fmt.Sprintf("The issue speaks of %q. I look for where the code does.", word)
		if _, err := w.do(why, "search", args{"pattern": word}); err != nil {
			return err
		}
	}
	return nil
}

// readCode views the places to be changed, of the first few files; the others
// are read when their turn comes.
func (w *worker) readCode() error {
	var files []string
	for _, c := range w.changes {
		if c.kind != created && len(c.hunks) > 0 || c.kind == deleted {
			files = append(files, c.old)
		}
	}
	if len(files) == 0 {
		_, err := w.shell("Nothing that exists has to change. I look at where the new files will go.",
			"ls -l "+operand(path.Dir(w.changes[0].new)))
		return err
	}
	o, err := w.shell("I check how long the files are that seem to matter, to know how to read them.", "wc -l "+operands(files))
	if err != nil {
		return err
	}
	for _, f := range files {
		w.texts[f] = &text{wc: lineCount(o.Text, f)}
	}
	const filesMost = 3
	for i, c := range w.changes {
		if i == filesMost {
			break
		}
		if c.kind == created || c.kind == deleted {
			continue
		}
		shift := 0
		for _, h := range c.hunks {
			at := h.at - shift // in the file as it is now
			if err := w.see(c.old, at, at+len(h.old.lines)); err != nil {
				return err
			}
			shift += len(h.new.lines) - len(h.old.lines)
		}
	}
	return nil
}

// lineCount finds a file's count in what wc printed; 0 where it is not there.
func lineCount(out, file string) int {
	for _, l := range strings.Split(out, "\n") {
		if n, name, ok := strings.Cut(strings.TrimSpace(l), " "); ok && name == file {
			if count, err := strconv.Atoi(n); err == nil {
				return count
			}
		}
	}
	return 0
}

// reproduce runs the issue's own snippet, or the tests that exist.
func (w *worker) reproduce() error {
	if s, ok := findSnippet(w.issue); ok {
		why := "The issue comes with a snippet. I write it to a file, to see the failure with my own eyes."
		o, err := w.do(why, "str_replace_editor", args{"command": "create", "path": absolute(s.path), "file_text": s.code})
		if err != nil {
			return err
		}
		if !o.Failed {
			w.snippets = append(w.snippets, s)
			_, err := w.shell("I run the snippet before I change anything.", s.run)
			return err
		}
	}
	_, err := w.shell("I run the tests that exist, to know where things stand before I change anything.", w.tests())
	return err
}

// change does the gold patch: moves and removals first, so that no path is in
// the way of another.
func (w *worker) change() error {
	for _, c := range w.changes {
		if err := w.move(c); err != nil {
			return err
		}
	}
	for _, c := range w.changes {
		if err := w.write(c); err != nil {
			return err
		}
	}
	return nil
}

func (w *worker) move(c change) error {
	switch c.kind {
	case deleted:
		return w.bash(fmt.Sprintf("%s is not needed any more. I remove it.", c.old), "rm "+operand(c.old))
	case renamed:
		why := fmt.Sprintf("%s should be %s. I move it.", c.old, c.new)
		if err := w.bash(why, makeFolder(c.new)+"git mv "+operand(c.old)+" "+operand(c.new)); err != nil {
			return err
		}
		w.texts[c.new] = w.texts[c.old]
		delete(w.texts, c.old)
	case copied:
		why := fmt.Sprintf("%s starts as a copy of %s.", c.new, c.old)
		if err := w.bash(why, makeFolder(c.new)+"cp -p "+operand(c.old)+" "+operand(c.new)); err != nil {
			return err
		}
		if t := w.texts[c.old]; t != nil {
			w.texts[c.new] = &text{lines: slices.Clone(t.lines), known: slices.Clone(t.known), whole: t.whole, wc: t.wc}
		}
	}
	return nil
}

func (w *worker) write(c change) error {
	switch {
	case c.kind == deleted:
		return nil
	case c.link:
		target := c.hunks[0].new.String()
		return w.bash(fmt.Sprintf("%s is to be a link to %s.", c.new, target), makeFolder(c.new)+"ln -s -- "+quote(target)+" "+operand(c.new))
	case c.kind == created:
		var content block
		if len(c.hunks) > 0 {
			content = c.hunks[0].new
		}
		if err := w.create(c.new, content); err != nil {
			return err
		}
	default:
		for _, h := range c.hunks {
			if err := w.edit(c.new, h); err != nil {
				return err
			}
		}
	}
	if c.chmod != "" {
		return w.bash(fmt.Sprintf("The mode of %s has to change too.", c.new), "chmod "+c.chmod+" "+operand(c.new))
	}
	return nil
}

// verify runs snippet and tests again.
func (w *worker) verify() error {
	for _, s := range w.snippets {
		if _, err := w.shell("The change is in. I run the snippet again, to see whether it behaves now.", s.run); err != nil {
			return err
		}
	}
	_, err := w.shell("I run the existing tests, to see that nothing else broke.", w.tests())
	return err
}

// tidy removes what is not part of the change.
func (w *worker) tidy() error {
	for _, s := range w.snippets {
		if err := w.bash("The snippet has done its work. I remove it.", s.remove); err != nil {
			return err
		}
	}
	listed, err := w.status("I check that the working tree holds my change and nothing else.")
	if err != nil {
		return err
	}
	mine := map[string]bool{}
	for _, c := range w.changes {
		mine[c.old], mine[c.new] = true, true
	}
	var made, touched []string
	for file, untracked := range listed {
		if _, old := w.before[file]; old || mine[file] {
			continue
		}
		if untracked {
			made = append(made, file)
		} else {
			touched = append(touched, file)
		}
	}
	slices.Sort(made)
	slices.Sort(touched)
	if len(made) > 0 {
		if err := w.bash("Running things has left files behind that do not belong to the change. I remove them.", "rm -rf "+operands(made)); err != nil {
			return err
		}
	}
	if len(touched) > 0 {
		if err := w.bash("Running things has changed files that I did not mean to change. I restore them.", "git checkout -- "+operands(touched)); err != nil {
			return err
		}
	}
	var hidden []string
	for _, c := range w.changes {
		if _, ok := listed[c.new]; !ok && c.kind == created {
			hidden = append(hidden, c.new)
		}
	}
	if len(hidden) > 0 {
		why := "git does not list every file that I made: an ignore rule hides them. They belong to the change, so I add them."
		if err := w.bash(why, "git add -f "+operands(hidden)); err != nil {
			return err
		}
	}
	_, err = w.shell("I look at the size of the change once more.", "git diff --stat HEAD")
	return err
}

func (w *worker) submit() error {
	_, err := w.do("The change is complete and the tree is tidy. I submit it.", "submit", args{})
	return err
}

// status lists the paths that git status shows, and whether each is untracked.
func (w *worker) status(why string) (map[string]bool, error) {
	o, err := w.shell(why, "git status --short --untracked-files=all")
	if err != nil {
		return nil, err
	}
	if o.Failed {
		return nil, fmt.Errorf("git status: %s", firstLine(o.Text))
	}
	listed := map[string]bool{}
	for _, l := range strings.Split(o.Text, "\n") {
		if len(l) < 4 || l[2] != ' ' {
			continue
		}
		for _, name := range strings.Split(l[3:], " -> ") {
			if unquoted, err := strconv.Unquote(name); err == nil {
				name = unquoted
			}
			listed[name] = strings.HasPrefix(l, "??")
		}
	}
	return listed, nil
}

// sayEdit is the reasoning before an edit.
func (w *worker) sayEdit(file string, h hunk, refusal string) string {
	if refusal != "" {
		return fmt.Sprintf("The edit was refused (%s). I take in more of the lines around it.", firstLine(refusal))
	}
	first := h.at + 1 + slices.IndexFunc(h.lines, func(l line) bool { return l.op != gitdiff.OpContext })
	where := fmt.Sprintf("line %d", first)
	added, removed := 0, 0
	for _, l := range h.lines {
		switch l.op {
		case gitdiff.OpAdd:
			added++
		case gitdiff.OpDelete:
			removed++
		}
	}
	switch {
	case removed == 0:
		return fmt.Sprintf("In %s, at %s, something is missing: I add %s.", file, where, lines(added))
	case added == 0:
		return fmt.Sprintf("In %s, at %s, %s must go.", file, where, lines(removed))
	default:
		return fmt.Sprintf("In %s, at %s, I replace %s by %s.", file, where, lines(removed), lines(added))
	}
}

func lines(n int) string {
	if n == 1 {
		return "one line"
	}
	return fmt.Sprintf("%d lines", n)
}
