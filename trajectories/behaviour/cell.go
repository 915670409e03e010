package behaviour

import (
	"regexp"
	"strings"
)

// classifyCell reads a notebook cell: Python, in which lines with ! and cells
// with %%bash are for a shell.
func classifyCell(text string, whole Act) []Act {
	trimmed := strings.TrimSpace(text)
	if first, rest, _ := strings.Cut(trimmed, "\n"); strings.HasPrefix(first, "%%bash") || strings.HasPrefix(first, "%%sh") {
		w := newWalker(rest)
		w.base = strings.Index(text, rest)
		if acts := w.script(); len(acts) > 0 {
			return acts
		}
	}
	if strings.HasPrefix(trimmed, "!") && !strings.Contains(trimmed, "\n") {
		w := newWalker(trimmed[1:])
		w.base = strings.IndexByte(text, '!') + 1
		if acts := w.script(); len(acts) > 0 {
			return acts
		}
	}
	c := call{walker: newWalker(""), inputAt: -1}
	act := c.script("python", text)
	if m := cellSkill.FindStringSubmatch(trimmed); m != nil {
		act = skill(&c, m[1], m[2])
	}
	act.Program, act.Pos, act.End = whole.Program, whole.Pos, whole.End
	return []Act{act}
}

// The functions that early OpenHands gave to its notebook in place of tools.
var cellSkill = regexp.MustCompile(`^(open_file|goto_line|scroll_up|scroll_down|create_file|search_dir|search_file|find_file|edit_file_by_replace|insert_content_at_line|append_file|edit_file)\(\s*(?:\w+\s*=\s*)?(['"][^'"\n]*['"])?`)

func skill(c *call, name, first string) Act {
	file := []string{strings.Trim(first, `'"`)}
	switch {
	case strings.HasPrefix(name, "search") || strings.HasPrefix(name, "find"):
		return c.act(Search, name)
	case name == "create_file":
		return c.writing(Create, name, file)
	case strings.HasPrefix(name, "edit") || strings.HasPrefix(name, "insert") || strings.HasPrefix(name, "append"):
		return c.writing(Edit, name, file)
	}
	return c.reading(View, name, file)
}
