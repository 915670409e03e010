package behaviour

import (
	"regexp"
	"slices"
	"strings"
)

// editors are the programs that change files when they are told so, and
// otherwise only show them.
func editors(c *call) (Act, bool) {
	switch c.name {
	case "sed", "gsed":
		o := parseOptions(c.texts(), "e f l expression file line-length i=")
		if o.has("i") && o.first() == "" { // BSD's sed -i ''
			o.operands = o.after(1)
		}
		files := o.operands
		if !o.has("e", "f", "expression", "file") {
			files = o.after(1)
		}
		if o.has("i", "in-place") {
			return c.writing(Edit, "sed -i", files), true
		}
		return c.filter(View, "", files), true
	case "awk", "gawk", "mawk":
		o := parseOptions(c.texts(), "F v f i include")
		files := o.operands
		if !o.has("f") {
			files = o.after(1)
		}
		if o.flags["i"] == "inplace" || o.flags["include"] == "inplace" {
			return c.writing(Edit, "awk -i", files), true
		}
		return c.filter(View, "", files), true
	case "perl", "ruby":
		return c.perl(), true
	case "patch":
		o := parseOptions(c.texts(), "p i d o F input directory")
		if o.has("dry-run") {
			return c.reading(VCS, State, o.operands), true
		}
		return c.patching("patch", o.after(0)), true
	case "apply_patch", "applypatch":
		return c.patching("apply_patch", nil), true
	case "cp", "ln", "install":
		return c.copying(Create, parseOptions(c.texts(), "t S m o g target-directory")), true
	case "mv", "rename":
		act := c.copying(Move, parseOptions(c.texts(), "t S target-directory"))
		act.Writes = append(act.Reads, act.Writes...)
		act.Reads = nil
		return act, true
	case "dd":
		var out []string
		for _, a := range c.texts() {
			if file, ok := strings.CutPrefix(a, "of="); ok {
				out = append(out, file)
			}
		}
		return c.writing(Create, "", out), true
	case "tar", "unzip", "zip", "gzip", "gunzip", "7z", "bzip2", "xz":
		return c.archive(), true
	case "black", "isort", "yapf", "autopep8", "ruff", "prettier", "eslint", "gofmt", "goimports", "gofumpt", "rustfmt", "clang-format", "autoflake", "pyupgrade", "2to3":
		return c.formatter(), true
	case "str_replace_editor", "edit_anthropic", "str_replace_based_edit_tool":
		return c.editorLine(), true
	case "edit", "insert", "undo_edit":
		return c.act(Edit, "window"), true
	}
	return Act{}, false
}

// copying is cp and its like: the last operand, or -t, is what is made.
func (c *call) copying(kind Kind, o options) Act {
	from, to := o.beforeLast(), o.last()
	if t := o.flags["t"] + o.flags["target-directory"]; t != "" {
		from, to = o.operands, []string{t}
	}
	return Act{Kind: kind, Reads: c.walker.places(from), Writes: c.walker.places(to)}
}

// perl edits with -i, prints with -n and -p, and runs otherwise.
func (c *call) perl() Act {
	o := parseOptions(c.texts(), "e E i= M= I= F=")
	files := o.operands
	script := o.flags["e"] + o.flags["E"]
	inline := o.has("e", "E")
	switch {
	case o.has("i"):
		if !inline {
			files = o.after(1)
		}
		return c.writing(Edit, c.name+" -i", files)
	case inline && o.has("n", "p"):
		return c.filter(View, "", files)
	case o.has("c"):
		return c.reading(Build, "check", files)
	case inline || len(files) == 0 && c.input != "":
		return c.script(c.name, script+c.input)
	}
	return c.reading(Run, "script", files[:min(1, len(files))])
}

// patching takes the files from the patch, where that is to be seen.
func (c *call) patching(how string, named []string) Act {
	text := c.input
	for _, a := range c.args {
		if strings.Contains(a.text, "\n") {
			text += "\n" + a.text
		}
	}
	files := patched(text)
	if len(files) == 0 && len(named) > 0 {
		files = named[:1]
	}
	return c.writing(Edit, how, files)
}

var patchLine = regexp.MustCompile(`(?m)^(?:\*\*\* (?:Update|Add|Delete) File: |\*\*\* Move to: |\+\+\+ (?:b/)?)([^\t\r\n]+)`)

// patched are the files that a patch changes: a unified diff, or the form that
// OpenAI's models are taught (*** Update File).
func patched(text string) []string {
	var files []string
	for _, m := range patchLine.FindAllStringSubmatch(text, maxPaths) {
		if f := strings.TrimSpace(m[1]); f != "/dev/null" && (len(files) == 0 || files[len(files)-1] != f) {
			files = append(files, f)
		}
	}
	return files
}

func (c *call) archive() Act {
	o := parseOptions(c.texts(), "f C d file directory")
	mode := c.args
	switch {
	case c.name == "tar" && (o.has("t", "list") || len(mode) > 0 && !strings.HasPrefix(mode[0].text, "-") && strings.Contains(mode[0].text, "t")),
		c.name == "unzip" && o.has("l", "v", "p", "Z"):
		return c.reading(List, "archive", o.operands)
	case o.has("c", "stdout") && c.name != "tar":
		return c.filter(View, "", o.operands)
	}
	return c.act(Create, "archive")
}

// formatter edits files unless it is told to check only, or, for some, only if
// it is told so.
func (c *call) formatter() Act {
	o := parseOptions(c.texts(), "l c config line-length e r line")
	files := o.operands
	var asked bool
	switch c.name {
	case "ruff":
		files = o.after(1)
		asked = o.has("fix") || o.first() == "format" && !o.has("check", "diff")
	case "black", "isort":
		asked = !o.has("check", "diff", "check-only", "c")
	case "rustfmt", "pyupgrade":
		asked = !o.has("check")
	default:
		asked = o.has("i", "w", "write", "fix", "in-place", "in-place-all", "inplace")
	}
	if asked {
		return c.writing(Edit, "formatter", files)
	}
	return c.reading(Build, "check", files)
}

// editorLine is a call of the editor tool that SWE-agent wrote as a command.
func (c *call) editorLine() Act {
	o := parseOptions(c.texts(), "file_text old_str new_str insert_line view_range path")
	files := o.after(1)
	if len(files) > 1 {
		files = files[:1] // the end of a --view_range
	}
	switch command := o.first(); command {
	case "view":
		return c.reading(View, command, files)
	case "create":
		return c.writing(Create, command, files)
	case "str_replace", "insert", "undo_edit":
		return c.writing(Edit, command, files)
	default:
		return c.reading(Other, command, slices.Clip(files))
	}
}
