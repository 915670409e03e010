package behaviour

import "strings"

func isPython(name string) bool {
	rest, ok := strings.CutPrefix(name, "python")
	if !ok {
		rest, ok = strings.CutPrefix(name, "pypy")
	}
	return ok && strings.Trim(rest, "0123456789.") == "" || name == "ipython" || name == "ipython3"
}

// python by what it is given: a module, a program text, a file.
func (c *call) python() []Act {
	for i := 0; i < len(c.args); i++ {
		switch text := c.args[i].text; {
		case text == "-m" && i+1 < len(c.args):
			return c.module(c.args[i+1:])
		case strings.HasPrefix(text, "-m") && len(text) > 2:
			return c.module(append([]arg{{text[2:], -1}}, c.args[i+1:]...))
		case text == "-c" && i+1 < len(c.args):
			return []Act{c.script("python", c.args[i+1].text)}
		case text == "-W" || text == "-X" || text == "-Q":
			i++
		case text == "-" || text == "/dev/stdin":
			return []Act{c.script("python", c.input)}
		case strings.HasPrefix(text, "-"):
		default:
			return []Act{c.pythonFile(c.args[i:])}
		}
	}
	return []Act{c.script("python", c.input)}
}

// module is a program that python finds by its name.
func (c *call) module(args []arg) []Act {
	name := args[0].text
	acts := c.sub(args)
	switch {
	case len(acts) == 1 && acts[0].Kind == Other:
		act := c.act(Run, "module")
		if testWord(name) || strings.HasSuffix(name, ".tests") {
			act.Kind = Test
		}
		act.Program, act.Args = name, texts(args[1:])
		return []Act{act}
	case name == "json.tool":
		return []Act{c.filter(View, "", texts(args[1:]))}
	}
	return acts
}

func texts(args []arg) []string {
	c := call{args: args}
	return c.texts()
}

// pythonFile is a script with its arguments.
func (c *call) pythonFile(args []arg) Act {
	file := args[0].text
	act := c.reading(Run, "script", []string{file})
	first := parseOptions(texts(args[1:]), "").first()
	if text := c.walker.written(file); text != "" {
		if seen := c.script("python", text); seen.Kind != Run {
			seen.Reads = append(act.Reads, seen.Reads...)
			return seen
		}
	}
	switch name := base(file); {
	case name == "manage.py" && (first == "test" || first == "pytest"):
		act.Kind, act.Detail = Test, ""
	case name == "setup.py":
		switch first {
		case "test", "pytest":
			act.Kind = Test
		case "install", "develop":
			act.Kind = Install
		case "build", "build_ext", "sdist", "bdist_wheel", "bdist_egg":
			act.Kind = Build
		case "--version", "--name":
			act.Kind = Inspect
		}
		act.Detail = ""
	case testProgram(name) || strings.HasSuffix(file, "bin/test") || strings.HasSuffix(file, "bin/doctest"):
		act.Kind = Test
	case isModuleFile(name):
		acts := c.sub(append([]arg{{strings.TrimSuffix(name, ".py"), -1}}, args[1:]...))
		if len(acts) == 1 && acts[0].Kind != Other {
			return acts[0]
		}
	}
	return act
}

// isModuleFile says that a script without .py may be a known program, as with
// python $(which pytest) or python /usr/bin/pytest.
func isModuleFile(name string) bool {
	return name != "" && !strings.Contains(name, ".") && !strings.Contains(name, "$")
}

// interpreters are those that take a program text or a file, as python does.
func interpreters(c *call) (Act, bool) {
	switch c.name {
	case "node", "nodejs", "php", "Rscript", "R", "lua", "julia", "java", "ts-node", "tsx", "groovy", "scala", "elixir", "ghci", "runghc", "irb", "psql", "sqlite3", "mysql", "gdb", "jshell":
	default:
		return Act{}, false
	}
	o := parseOptions(c.texts(), "e eval p print r cp classpath jar")
	switch {
	case o.has("test") && c.name == "node":
		return c.act(Test, ""), true
	case o.has("check", "l"):
		return c.reading(Build, "check", o.operands), true
	case o.has("e", "eval", "p", "print", "r"):
		return c.script(c.name, o.flags["e"]+o.flags["eval"]+o.flags["p"]+o.flags["print"]+o.flags["r"]), true
	case len(o.operands) == 0 && c.input != "":
		return c.script(c.name, c.input), true
	}
	act := c.reading(Run, "script", o.operands[:min(1, len(o.operands))])
	if testProgram(base(o.first())) || c.name == "java" && strings.HasSuffix(o.first(), "Test") {
		act.Kind = Test
	}
	return act, true
}
