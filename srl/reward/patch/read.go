package patch

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/bluekeyes/go-gitdiff/gitdiff"
)

// Read reads a text of unified diffs, or one of SEARCH/REPLACE blocks, which is
// a model's answer in SWE-RL. ok is false for a text that holds neither, and
// for a diff that is broken; the change is then empty, which is what SWE-RL
// makes of it. The error is that of ctx.
func Read(ctx context.Context, text string) (c Change, ok bool, err error) {
	if c, err = Blocks(ctx, text); len(c) > 0 || err != nil {
		return c, err == nil, err
	}
	c, files, err := unified(text)
	return c, err == nil && files > 0, nil
}

// Unified reads unified diffs as SWE-RL does. What is done to a file is its
// hunks with their heads and all lines of context; files that are renamed have
// a line that says so, under their old path. Binary files are left out. Of two
// diffs of one file, the last one counts.
func Unified(text string) (Change, error) {
	c, _, err := unified(text)
	return c, err
}

// unified is Unified, and returns the number of files, binary ones included.
func unified(text string) (c Change, n int, err error) {
	// A break that is missing at the end of the text is no part of the diff.
	files, _, err := gitdiff.Parse(strings.NewReader(strings.TrimSuffix(text, "\n") + "\n"))
	if err != nil {
		return nil, 0, fmt.Errorf("unified diff: %w", err)
	}
	c = Change{}
	for _, f := range files {
		if f.IsBinary {
			continue
		}
		was, path := bareName(f.OldName), bareName(f.NewName)
		var b strings.Builder
		switch {
		case f.IsDelete || path == "":
			path = was
		case was != "" && was != path:
			fmt.Fprintf(&b, "rename from %s to %s", was, path)
			path = was
		}
		for _, fragment := range f.TextFragments {
			b.WriteString("\n" + strings.TrimSpace(hunk(fragment)))
		}
		c[path] = strings.TrimSpace(b.String())
	}
	return c, len(files), nil
}

// bareName takes off what diffs without git's heads put before a path: those with
// such heads are read without it already.
func bareName(path string) string {
	if rest, ok := strings.CutPrefix(path, "a/"); ok {
		return rest
	}
	return strings.TrimPrefix(path, "b/")
}

// hunk writes a hunk, with both lengths in its head even where they are 1.
func hunk(h *gitdiff.TextFragment) string {
	var b strings.Builder
	fmt.Fprintf(&b, "@@ -%d,%d +%d,%d @@", h.OldPosition, h.OldLines, h.NewPosition, h.NewLines)
	if h.Comment != "" {
		b.WriteString(" " + h.Comment)
	}
	b.WriteByte('\n')
	for _, l := range h.Lines {
		b.WriteString(l.Op.String() + strings.TrimSuffix(l.Line, "\n") + "\n")
		if l.NoEOL() {
			b.WriteString("\\ No newline at end of file\n")
		}
	}
	return b.String()
}

// block is SWE-RL's own expression, but for the fences, which may be missing.
var block = regexp.MustCompile(`(?m)^### (.*)\n<<<<<<< SEARCH\n((?s:.*?))\n?=======\n((?s:.*?))\n?>>>>>>> REPLACE$`)

// Blocks reads SEARCH/REPLACE blocks. The files are not at hand, so what is
// done to one is the lines that its blocks change, as Lines writes them. The
// error is that of ctx.
func Blocks(ctx context.Context, text string) (Change, error) {
	c := Change{}
	for _, m := range block.FindAllStringSubmatch(text, -1) {
		changed, err := Lines(ctx, m[2], m[3])
		if err != nil {
			return nil, err
		}
		c.Add(strings.TrimSpace(m[1]), changed)
	}
	return c, nil
}

// Add adds to what is done to a file.
func (c Change) Add(path, text string) {
	if before := c[path]; before != "" && text != "" {
		text = before + "\n" + text
	} else {
		text = before + text
	}
	c[path] = text
}
