package behaviour

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Calls that change files, in Python and in the languages beside it. They are
// looked for in the text and not parsed: a hit in a string is possible, and
// rare.
var (
	openCall    = regexp.MustCompile(`\b(?:open|File\.open)\(\s*([^,()\n]+(?:\([^()\n]*\)[^,()\n]*)?),\s*(?:mode\s*=\s*)?[rbuf]?['"]([^'"\n]{1,4})['"]`)
	methodCall  = regexp.MustCompile(`((?:pathlib\.)?Path\([^()\n]*\)|[\w.\[\]]+|\))\.(write_text|write_bytes|unlink|touch|rename|mkdir|open)\(\s*(?:mode\s*=\s*)?(?:['"]([^'"\n]*))?`)
	moduleCall  = regexp.MustCompile(`(?:\b(?:os|shutil|fs|FileUtils|File)|\(['"]fs['"]\))\.(remove|unlink|rmtree|rename|move|copy|copy2|copyfile|copytree|makedirs|mkdir|writeFileSync|writeFile|appendFileSync|unlinkSync|renameSync|write)\(\s*([^,()\n]+(?:\([^()\n]*\))?)`)
	inPlace     = regexp.MustCompile(`\bfileinput\.(?:input|FileInput)\([^\n]*inplace\s*=\s*(?:True|1)`)
	perlOpen    = regexp.MustCompile(`\bopen\b[^;\n]*['"]\s*\+?>{1,2}\s*['"]?\s*,?\s*([^;)\n]*)`)
	testCall    = regexp.MustCompile(`\b(?:pytest|unittest)\.main\(|\bcall_command\(\s*['"]test['"]|-m['", ]+(?:pytest|unittest)\b|\[\s*['"]pytest['"]|(?m:^\s*from\s+[\w.]*\btests?\b[\w.]*\s+import\s+test_)`)
	pathRead    = regexp.MustCompile(`((?:pathlib\.)?Path\([^()\n]*\)|[\w.]+)\.read_(?:text|bytes)\(|\b(?:open|readFileSync|linecache\.getlines)\(\s*([^,()\n]+)`)
	importLine  = regexp.MustCompile(`(?m)^\s*(?:import|from)\s+([\w., ]+)`)
	identifier  = regexp.MustCompile(`^[A-Za-z_]\w*$`)
	stringText  = regexp.MustCompile(`^[rbu]?['"]([^'"\n]+)['"]`)
	stringParts = regexp.MustCompile(`['"]([^'"\n]+)['"]`)
)

// script looks at a program text for what it does to files. What it imports
// from a project makes it run that project; a text that only reads shows.
func (c *call) script(language, text string) Act {
	if text == "" {
		return c.act(Run, "input")
	}
	const enough = 1 << 20
	text = text[:min(len(text), enough)]
	names := sync.OnceValue(func() map[string]string { return assignments(text) })
	kind, writes := writing(language, text, names)
	act := Act{Detail: language, Writes: c.walker.places(unique(writes))}
	switch {
	case kind != "" && kind != Edit && ownImports(text), kind != "" && temporary(writes):
		// A trial of the project that tidies up after itself.
		act.Kind = Run
	case kind != "":
		act.Kind = kind
	case mentions(text, "pytest", "unittest", "call_command", "test_") && testCall.MatchString(text):
		act.Kind = Test
	case strings.Contains(text, "inspect.getsource") || mentions(text, "open(", ".read_text(", ".read_bytes(", "linecache.", "readFileSync(") && !ownImports(text):
		act.Kind, act.Reads = View, c.walker.places(readFiles(text, names))
	default:
		act.Kind = Run
	}
	return act
}

// writing looks for calls that change files, each only where a word of it is
// there: most texts have none, and expressions are slow.
func writing(language, text string, names func() map[string]string) (kind Kind, writes []string) {
	note := func(k Kind, expr string) {
		if kind == "" || k == Edit {
			kind = k
		}
		if p := resolve(expr, names, 3); p != "" && len(writes) < maxPaths {
			writes = append(writes, p)
		}
	}
	if mentions(text, "open(") {
		for _, m := range openCall.FindAllStringSubmatch(text, maxActs) {
			if strings.ContainsAny(m[2], "wax+>") {
				note(Edit, m[1])
			}
		}
	}
	around := lines(text, ".write_text", ".write_bytes", ".unlink", ".touch", ".rename", ".mkdir", ".open")
	for _, m := range methodCall.FindAllStringSubmatch(around, maxActs) {
		if k := methodKind(m[1], m[2], m[3]); k != "" {
			note(k, m[1])
		}
	}
	if mentions(text, "os.", "shutil.", "fs", "File") {
		for _, m := range moduleCall.FindAllStringSubmatch(text, maxActs) {
			note(moduleKind(m[1]), m[2])
		}
	}
	if mentions(text, "fileinput") && inPlace.MatchString(text) {
		note(Edit, "")
	}
	if language == "perl" || language == "ruby" {
		for _, m := range perlOpen.FindAllStringSubmatch(text, maxActs) {
			note(Edit, m[1])
		}
	}
	return kind, writes
}

func mentions(text string, words ...string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) })
}

// lines are the lines of a text that hold one of the words, each with the line
// after it, where its arguments may be.
func lines(text string, words ...string) string {
	var kept strings.Builder
	after := false
	for line := range strings.Lines(text) {
		here := mentions(line, words...)
		if here || after {
			kept.WriteString(line)
		}
		after = here
	}
	return kept.String()
}

// methodKind is what a method does to the path that it is called on, if it is
// one.
func methodKind(on, method, mode string) Kind {
	switch {
	case method == "write_text" || method == "write_bytes":
		return Edit
	case method == "open" && mode != "" && len(mode) < 4 && strings.ContainsAny(mode, "wax+"):
		return Edit
	case method == "unlink":
		return Delete
	case method == "rename" && looksLikePath(on):
		return Move
	case method == "touch" || method == "mkdir" && looksLikePath(on):
		return Create
	}
	return ""
}

// readFiles are the files that a program text reads by a name in it.
func readFiles(text string, names func() map[string]string) []string {
	var files []string
	for _, m := range pathRead.FindAllStringSubmatch(text, maxPaths) {
		if f := resolve(m[1]+m[2], names, 3); f != "" {
			files = append(files, f)
		}
	}
	return unique(files)
}

func moduleKind(name string) Kind {
	switch name {
	case "remove", "unlink", "rmtree", "unlinkSync":
		return Delete
	case "rename", "move", "renameSync":
		return Move
	case "copy", "copy2", "copyfile", "copytree", "makedirs", "mkdir":
		return Create
	}
	return Edit
}

// temporary says that all that is written is known and lies in /tmp.
func temporary(writes []string) bool {
	for _, w := range writes {
		if !strings.HasPrefix(w, "/tmp/") && !strings.HasPrefix(w, "/var/tmp/") {
			return false
		}
	}
	return len(writes) > 0
}

// ownImports says that a Python text imports more than what one needs to read
// and write files.
func ownImports(text string) bool {
	for _, m := range importLine.FindAllStringSubmatch(text, maxActs) {
		for name := range strings.FieldsFuncSeq(m[1], func(r rune) bool { return r == ',' || r == ' ' }) {
			switch name, _, _ := strings.Cut(name, "."); name {
			case "pathlib", "Path", "re", "sys", "os", "io", "json", "itertools", "textwrap", "ast", "glob", "linecache", "shutil", "difflib",
				"tokenize", "codecs", "fileinput", "import", "as", "string", "inspect", "pprint", "csv", "subprocess", "time", "collections":
			default:
				return true
			}
			if strings.HasPrefix(strings.TrimSpace(m[0]), "from") {
				break
			}
		}
	}
	return false
}

// assignments are the right sides of a text's assignments by name, the first
// of each.
func assignments(text string) map[string]string {
	names := map[string]string{}
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		if !ok || strings.HasPrefix(value, "=") {
			continue
		}
		words := strings.Fields(name)
		if len(words) == 2 && words[0] == "with" {
			words = words[1:]
		}
		if len(words) != 1 || !identifier.MatchString(words[0]) || names[words[0]] != "" {
			continue
		}
		value = strings.TrimLeft(value, " \t")
		names[words[0]] = value[:min(len(value), maxPath)]
	}
	return names
}

// resolve finds the path that an expression names: a string, Path('a')/'b', or
// a name that was given one of these.
func resolve(expr string, names func() map[string]string, depth int) string {
	expr = strings.TrimSpace(expr)
	if m := stringText.FindStringSubmatch(expr); m != nil {
		return m[1]
	}
	if strings.Contains(expr, "Path(") && !strings.Contains(expr, "tempfile") {
		var parts []string
		for _, m := range stringParts.FindAllStringSubmatch(expr, 8) {
			parts = append(parts, m[1])
		}
		return strings.Join(parts, "/")
	}
	name, _, _ := strings.Cut(expr, ".")
	if next, ok := names()[strings.TrimSpace(name)]; ok && depth > 0 {
		return resolve(next, names, depth-1)
	}
	return ""
}

// looksLikePath tells a path's method from one of the same name of something
// else, such as a data frame's rename.
func looksLikePath(expr string) bool {
	e := strings.ToLower(expr)
	return strings.Contains(e, "path") || e == "p" || strings.HasSuffix(e, "file") || strings.HasSuffix(e, "dir")
}

func unique(all []string) []string {
	seen := map[string]bool{}
	var kept []string
	for _, s := range all {
		if !seen[s] {
			seen[s] = true
			kept = append(kept, s)
		}
	}
	return kept
}
