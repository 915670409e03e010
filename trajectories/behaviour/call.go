package behaviour

import (
	"slices"
	"strings"
)

// A call is one program with its arguments, in the place where it stands.
type call struct {
	walker  *walker
	name    string // without the folder
	slash   bool   // it was called by a path
	args    []arg
	input   string // a here-document or here-string
	inputAt int
	piped   bool // standard input is not a terminal's
	span    span
	nesting int
}

// A wrapper is a program that starts another one with the words after its own.
type wrapper struct {
	valued   string // options of its own that take a value
	operands int    // its own operands, as timeout's duration
	assigns  bool   // it sets variables, as env does
	sub      string // the subcommand that makes it one, as in poetry run
}

var wrappers = map[string]wrapper{
	"sudo":     {valued: "u g h p C U r t user group", assigns: true},
	"doas":     {valued: "u C"},
	"env":      {valued: "u C S unset chdir", assigns: true},
	"timeout":  {valued: "k s kill-after signal", operands: 1},
	"gtimeout": {valued: "k s kill-after signal", operands: 1},
	"nice":     {valued: "n adjustment"},
	"ionice":   {valued: "c n p"},
	"time":     {valued: "f o format output"},
	"nohup":    {}, "setsid": {}, "command": {}, "builtin": {}, "exec": {valued: "a"}, "stdbuf": {valued: "i o e"},
	"unbuffer": {}, "xvfb-run": {valued: "s n server-args"}, "chronic": {}, "strace": {valued: "e o s p"},
	"npx": {valued: "p package"}, "bunx": {}, "uvx": {valued: "from with p"}, "pipx": {sub: "run"},
	"poetry": {sub: "run"}, "pipenv": {sub: "run"}, "pdm": {sub: "run"}, "hatch": {sub: "run"}, "rye": {sub: "run"},
	"uv":     {sub: "run", valued: "with extra group python p from directory project"},
	"conda":  {sub: "run", valued: "n name p prefix"},
	"mamba":  {sub: "run", valued: "n name p prefix"},
	"bundle": {sub: "exec"},
}

// acts says what the call does. Those without an end stand where the call does.
func (c *call) acts() []Act {
	for {
		next, ok := c.unwrap()
		if !ok {
			break
		}
		c = next
	}
	if c.nesting > maxNesting {
		return []Act{c.act(Other, "deep")}
	}
	acts := c.classify()
	for i := range acts {
		// Programs inside others have named themselves.
		if acts[i].Program == "" && acts[i].End == 0 {
			acts[i].Program, acts[i].Args = c.name, c.texts()
		}
	}
	return acts
}

// unwrap looks through a program that only starts another one.
func (c *call) unwrap() (*call, bool) {
	w, ok := wrappers[c.name]
	if !ok {
		return nil, false
	}
	i, operands := 0, w.operands
	if w.sub != "" {
		at := slices.IndexFunc(c.args, func(a arg) bool { return !strings.HasPrefix(a.text, "-") })
		if at < 0 || c.args[at].text != w.sub {
			return nil, false
		}
		i = at + 1
	}
	for ; i < len(c.args); i++ {
		text := c.args[i].text
		name := strings.TrimLeft(text, "-")
		switch {
		case text == "--":
		case len(text) > 1 && text[0] == '-':
			if strings.Contains(" "+w.valued+" ", " "+name+" ") {
				i++
			}
		case w.assigns && assignment(text):
		case operands > 0:
			operands--
		default:
			next := *c
			next.name, next.slash, next.args = base(text), strings.Contains(text, "/"), c.args[i+1:]
			return &next, true
		}
	}
	return nil, false
}

// sub is a call whose words are arguments of this one.
func (c *call) sub(args []arg) []Act {
	if len(args) == 0 {
		return nil
	}
	next := call{
		walker: c.walker, name: base(args[0].text), slash: strings.Contains(args[0].text, "/"), args: args[1:],
		inputAt: -1, span: c.span, nesting: c.nesting + 1,
	}
	return next.acts()
}

func (c *call) texts() []string {
	if len(c.args) == 0 {
		return nil
	}
	texts := make([]string, len(c.args))
	for i, a := range c.args {
		texts[i] = a.text
	}
	return texts
}

func (c *call) act(kind Kind, detail string) Act {
	return Act{Kind: kind, Detail: detail}
}

// reading is an act that reads what is named.
func (c *call) reading(kind Kind, detail string, paths []string) Act {
	return Act{Kind: kind, Detail: detail, Reads: c.walker.places(paths)}
}

// writing is an act that changes what is named.
func (c *call) writing(kind Kind, detail string, paths []string) Act {
	return Act{Kind: kind, Detail: detail, Writes: c.walker.places(paths)}
}

// filter is a reading act, or only a filter if it reads no file.
func (c *call) filter(kind Kind, detail string, paths []string) Act {
	act := c.reading(kind, detail, paths)
	if len(paths) == 0 && c.piped {
		act.Kind = ""
	}
	return act
}

// asksOnly says that the arguments only ask a program about itself.
func (c *call) asksOnly() bool {
	if len(c.args) != 1 {
		return false
	}
	switch c.args[0].text {
	case "--version", "-V", "--help", "-version":
		return true
	}
	return false
}

// classify is acts for one program by its name.
func (c *call) classify() []Act {
	if c.asksOnly() {
		return []Act{c.act(Inspect, "")}
	}
	if acts, ok := c.special(); ok {
		return acts
	}
	// ./test is a program of the project, and not the shell's test.
	if p, ok := programs[c.name]; ok && (!c.slash || p.kind != Shell && p.kind != Inspect) {
		return []Act{p.act(c)}
	}
	switch {
	case c.walker.funcs[c.name]:
		return []Act{c.act(Shell, "function")}
	case testProgram(c.name):
		return []Act{c.act(Test, "script")}
	case c.slash:
		return []Act{c.act(Run, "program")}
	}
	return []Act{c.act(Other, "")}
}

// special are the programs whose arguments decide what they do.
func (c *call) special() ([]Act, bool) {
	name := c.name
	if isPython(name) {
		return c.python(), true
	}
	switch name {
	case "xargs", "parallel":
		return c.xargs(), true
	case "find":
		return c.find(), true
	case "bash", "sh", "zsh", "dash", "ksh", "su":
		return c.shell(), true
	case "eval":
		return c.eval(), true
	case "cd", "pushd", "popd", "chdir":
		return []Act{c.cd()}, true
	}
	for _, rule := range []func(*call) (Act, bool){editors, packages, builders, versions, interpreters} {
		if act, ok := rule(c); ok {
			return []Act{act}, true
		}
	}
	return nil, false
}

func (c *call) cd() Act {
	act := c.act(Shell, "")
	o := parseOptions(c.texts(), "")
	to := o.first()
	switch {
	case c.name == "popd" || to == "" || to == "-" || strings.Contains(to, "$"):
		c.walker.dir = ""
	default:
		if act.Reads = c.walker.places([]string{to}); len(act.Reads) == 0 {
			c.walker.dir = ""
			break
		}
		c.walker.dir = act.Reads[0]
	}
	return act
}
