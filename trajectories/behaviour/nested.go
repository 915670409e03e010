package behaviour

import (
	"slices"
	"strings"
)

// shell is a call of a shell: with a command line, a script, or with commands
// on its standard input.
func (c *call) shell() []Act {
	for i, a := range c.args {
		switch {
		case a.text == "--login" || a.text == "--norc" || a.text == "--noprofile" || c.name == "su" && !strings.HasPrefix(a.text, "-"):
		case strings.HasPrefix(a.text, "-o") || strings.HasPrefix(a.text, "+"):
		case strings.HasPrefix(a.text, "-") && strings.HasSuffix(a.text, "c"):
			if i+1 < len(c.args) {
				return c.walker.apart(c.args[i+1].text, c.args[i+1].at, c.span)
			}
		case a.text == "-n":
			return []Act{c.act(Build, "check")}
		case strings.HasPrefix(a.text, "-"):
		default:
			if text := c.walker.written(a.text); text != "" {
				return c.walker.apart(text, -1, c.span)
			}
			act := c.reading(Run, "script", []string{a.text})
			if testProgram(base(a.text)) {
				act.Kind = Test
			}
			return []Act{act}
		}
	}
	if c.input != "" {
		return c.walker.apart(c.input, c.inputAt, c.span)
	}
	return []Act{c.act(Run, "shell")}
}

// eval reads its arguments in the shell itself.
func (c *call) eval() []Act {
	if len(c.args) == 1 {
		return c.walker.inner(c.args[0].text, c.args[0].at, c.span)
	}
	return c.walker.inner(strings.Join(c.texts(), " "), -1, c.span)
}

// apart is inner for a shell of its own, whose folder is gone with it.
func (w *walker) apart(text string, at int, of span) []Act {
	dir := w.dir
	defer func() { w.dir = dir }()
	return w.inner(text, at, of)
}

// xargs runs what its arguments say, on names that only the running shell
// knows.
func (c *call) xargs() []Act {
	const valued = "I n P L d E s a j max-args max-procs delimiter arg-file"
	at := c.firstOperand(valued)
	if at == len(c.args) {
		return []Act{c.act("", "")}
	}
	acts := c.sub(c.args[at:])
	// With -I {} the name's place is no file.
	own := parseOptions(texts(c.args[:at]), valued)
	if name := own.flags["I"]; name != "" {
		drop := func(p string) bool { return p == name || strings.HasSuffix(p, "/"+name) }
		for i, a := range acts {
			acts[i].Reads = slices.DeleteFunc(a.Reads, drop)
			acts[i].Writes = slices.DeleteFunc(a.Writes, drop)
		}
	}
	return acts
}

// firstOperand is where the first argument stands that is neither an option nor
// the value of one.
func (c *call) firstOperand(valued string) int {
	for i := 0; i < len(c.args); i++ {
		text := c.args[i].text
		if !strings.HasPrefix(text, "-") || len(text) == 1 {
			return i
		}
		if strings.Contains(" "+valued+" ", " "+strings.TrimLeft(text, "-")+" ") {
			i++
		}
	}
	return len(c.args)
}

// find looks for names, or does something with what it finds.
func (c *call) find() []Act {
	var folders []string
	i := 0
	for ; i < len(c.args); i++ {
		text := c.args[i].text
		if text == "-L" || text == "-H" || text == "-P" {
			continue
		}
		if text == "" || strings.ContainsRune("-(!", rune(text[0])) {
			break
		}
		folders = append(folders, text)
	}
	found := c.reading(List, "", folders)
	for ; i < len(c.args); i++ {
		switch text := c.args[i].text; text {
		case "-delete":
			found.Kind, found.Writes = Delete, found.Reads
		case "-exec", "-execdir", "-ok", "-okdir":
			end := i + 1
			for end < len(c.args) && c.args[end].text != ";" && c.args[end].text != "+" {
				end++
			}
			acts := c.sub(c.args[i+1 : end])
			for j := range acts {
				acts[j].Reads = append(acts[j].Reads, found.Reads...)
			}
			if len(acts) > 0 {
				return acts
			}
		case "-type", "-maxdepth", "-mindepth", "-print", "-print0", "-not", "!", "-prune", "-o", "-a", "(", ")":
		default:
			if strings.HasPrefix(text, "-") && found.Kind == List {
				found.Kind = Search // it looks for a name, a time, a size
			}
		}
	}
	return []Act{found}
}
