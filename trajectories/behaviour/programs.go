package behaviour

import "strings"

// A program is one whose arguments do not change what it is for.
type program struct {
	kind   Kind
	detail string
	valued string // options that take a value
	skip   int    // operands that come before the files: a pattern, a script
	given  string // options that stand in for the skipped operands
	filter bool   // without files it reads standard input
	quiet  bool   // its operands are no files
}

func (p program) act(c *call) Act {
	o := parseOptions(c.texts(), p.valued)
	files := o.operands
	if p.quiet {
		files = nil
	}
	if p.skip > 0 && !o.has(strings.Fields(p.given)...) {
		files = o.after(p.skip)
	}
	switch {
	case p.kind == Test:
		return c.reading(p.kind, p.detail, testFiles(files))
	case p.kind.Changes():
		return c.writing(p.kind, p.detail, files)
	case p.filter:
		return c.filter(p.kind, p.detail, files)
	case p.kind == List && len(files) == 0 && c.walker.dir != "":
		files = []string{"."}
	}
	return c.reading(p.kind, p.detail, files)
}

// testFiles are the files in pytest's names of tests, file::class::function.
func testFiles(names []string) []string {
	files := make([]string, len(names))
	for i, name := range names {
		files[i], _, _ = strings.Cut(name, "::")
	}
	return unique(files)
}

const (
	grepValued = "A B C D m e f d include exclude exclude-dir max-count after-context before-context context regexp file color colour"
	rgValued   = grepValued + " g t T glob type type-not iglob M j max-depth sort"
)

var (
	shows   = program{kind: View, filter: true}
	fetches = program{kind: Network, quiet: true}
	tests   = program{kind: Test, quiet: true}
	checks  = program{kind: Build, detail: "check", quiet: true}
	asks    = program{kind: Inspect, quiet: true}
	noted   = program{kind: Shell, quiet: true}
	opens   = program{kind: View, detail: "window"}
)

// The programs by name. Those that do several things are in the rules beside.
var programs = map[string]program{
	"cat": shows, "less": shows, "more": shows, "bat": shows, "batcat": shows, "tac": shows, "rev": shows, "zcat": shows,
	"column": shows, "xxd": shows, "hexdump": shows, "strings": shows, "paste": shows, "comm": shows, "fmt": shows, "expand": shows,
	"od":     {kind: View, filter: true, valued: "A j N t w"},
	"nl":     {kind: View, filter: true, valued: "b d f h i l n s v w"},
	"head":   {kind: View, filter: true, valued: "n c lines bytes"},
	"tail":   {kind: View, filter: true, valued: "n c lines bytes pid s"},
	"cut":    {kind: View, filter: true, valued: "d f c b delimiter fields"},
	"sort":   {kind: View, filter: true, valued: "k t T S"},
	"uniq":   {kind: View, filter: true, valued: "f s w"},
	"wc":     {kind: View, filter: true},
	"tr":     {kind: View, filter: true, quiet: true},
	"fold":   {kind: View, filter: true, valued: "w"},
	"base64": {kind: View, filter: true, valued: "w"},
	"jq":     {kind: View, filter: true, skip: 1, given: "f", valued: "f arg argjson"},
	"yq":     {kind: View, filter: true, skip: 1},
	"diff":   {kind: View, detail: "diff", valued: "U C x label exclude"}, "cmp": {kind: View, detail: "diff"}, "colordiff": {kind: View, detail: "diff"},
	"md5sum": shows, "sha1sum": shows, "sha256sum": shows, "cksum": shows,

	"grep": {kind: Search, filter: true, skip: 1, given: "e f regexp file", valued: grepValued},
	"rg":   {kind: Search, filter: true, skip: 1, given: "e f regexp file files", valued: rgValued},
	"ag":   {kind: Search, filter: true, skip: 1, valued: "A B C m G g ignore depth"},
	"ack":  {kind: Search, filter: true, skip: 1, valued: "A B C m"},
	"fd":   {kind: Search, skip: 1, valued: "e t d E x extension type max-depth exclude"}, "fdfind": {kind: Search, skip: 1, valued: "e t d E x"},
	"locate": {kind: Search, quiet: true}, "ctags": {kind: Search}, "cscope": {kind: Search},

	"ls": {kind: List, valued: "I w T ignore"}, "tree": {kind: List, valued: "L I P"}, "dir": {kind: List}, "vdir": {kind: List},
	"stat": {kind: List, valued: "c f format printf"}, "file": {kind: List}, "du": {kind: List, valued: "d max-depth"}, "realpath": {kind: List}, "readlink": {kind: List},

	"touch": {kind: Create, valued: "d t r date"}, "mkdir": {kind: Create, valued: "m mode"}, "mkfifo": {kind: Create}, "mktemp": {kind: Create, quiet: true},
	"rm": {kind: Delete}, "rmdir": {kind: Delete}, "unlink": {kind: Delete}, "shred": {kind: Delete, valued: "n"},
	"tee":      {kind: Edit, detail: byTee},
	"truncate": {kind: Edit, detail: "truncate", valued: "s r size"}, "dos2unix": {kind: Edit, detail: "formatter"}, "unix2dos": {kind: Edit, detail: "formatter"},
	"chmod": {kind: Edit, detail: "mode", skip: 1}, "chown": {kind: Edit, detail: "mode", skip: 1}, "chgrp": {kind: Edit, detail: "mode", skip: 1},
	"vi": {kind: Edit, detail: "editor", valued: "c"}, "vim": {kind: Edit, detail: "editor", valued: "c"}, "nano": {kind: Edit, detail: "editor"},
	"emacs": {kind: Edit, detail: "editor"}, "ed": {kind: Edit, detail: "editor"}, "ex": {kind: Edit, detail: "editor", valued: "c"},

	"pytest": {kind: Test, valued: "k m c p o W n r maxfail tb durations timeout rootdir cov cov-report junitxml deselect ignore"},
	"tox":    tests, "nox": tests, "nosetests": tests, "nose2": tests, "trial": tests, "unittest": tests, "doctest": tests, "ctest": tests,
	"jest": tests, "vitest": tests, "mocha": tests, "ava": tests, "karma": tests, "tap": tests, "phpunit": tests, "rspec": tests, "prove": tests,
	"bats": tests, "pest": tests, "gotestsum": tests, "cypress": tests, "behave": tests, "stestr": tests, "zope-testrunner": tests,

	"gcc": {kind: Build, valued: "o I L l D"}, "g++": {kind: Build, valued: "o I L l D"}, "cc": {kind: Build, valued: "o I L l D"}, "clang": {kind: Build, valued: "o"},
	"clang++": {kind: Build, valued: "o"}, "javac": {kind: Build, valued: "cp classpath d"}, "kotlinc": {kind: Build}, "rustc": {kind: Build, valued: "o"}, "tsc": {kind: Build},
	"cmake": {kind: Build, quiet: true}, "ninja": {kind: Build, quiet: true}, "configure": {kind: Build, quiet: true}, "autoreconf": {kind: Build, quiet: true},
	"cython": {kind: Build}, "sphinx-build": {kind: Build}, "py_compile": {kind: Build, detail: "check"}, "compileall": {kind: Build, detail: "check"},
	"webpack": {kind: Build, quiet: true}, "vite": {kind: Build, quiet: true}, "buck": {kind: Build, quiet: true}, "scons": {kind: Build, quiet: true}, "waf": {kind: Build, quiet: true},
	"flake8": checks, "pylint": checks, "mypy": checks, "pyright": checks, "pyflakes": checks, "pycodestyle": checks, "pydocstyle": checks, "bandit": checks,
	"shellcheck": checks, "golangci-lint": checks, "staticcheck": checks, "rubocop": checks, "pre-commit": checks, "cppcheck": checks, "clang-tidy": checks,

	"curl": fetches, "wget": fetches, "nc": fetches, "ncat": fetches, "netcat": fetches, "telnet": fetches, "ssh": fetches, "scp": fetches, "sftp": fetches,
	"ftp": fetches, "rsync": fetches, "ping": fetches, "dig": fetches, "nslookup": fetches, "host": fetches, "aria2c": fetches, "http": fetches, "https": fetches,
	"gh": fetches, "glab": fetches, "aws": fetches, "gcloud": fetches, "traceroute": fetches,

	"which": asks, "whereis": asks, "type": asks, "uname": asks, "whoami": asks, "id": asks, "hostname": asks, "ps": asks, "top": asks, "free": asks, "df": asks,
	"date": asks, "uptime": asks, "printenv": asks, "env": asks, "pwd": asks, "lscpu": asks, "nproc": asks, "lsof": asks, "netstat": asks, "ss": asks, "man": asks,
	"history": asks, "getconf": asks, "ldd": asks, "nm": asks, "objdump": asks, "locale": asks, "tty": asks, "mount": asks, "groups": asks, "apt-cache": asks,
	"dpkg-query": asks, "nvidia-smi": asks, "help": asks, "lsb_release": asks, "basename": asks, "dirname": asks, "apropos": asks, "info": asks,

	"export": noted, "set": noted, "unset": noted, "alias": noted, "source": noted, ".": noted, "true": noted, "false": noted, ":": noted, "test": noted, "[": noted,
	"sleep": noted, "wait": noted, "kill": noted, "pkill": noted, "killall": noted, "exit": noted, "return": noted, "break": noted, "continue": noted, "read": noted,
	"shift": noted, "trap": noted, "ulimit": noted, "umask": noted, "shopt": noted, "jobs": noted, "fg": noted, "bg": noted, "disown": noted, "clear": noted,
	"printf": noted, "yes": noted, "seq": noted, "hash": noted, "let": noted, "expr": noted, "bc": noted, "reset": noted, "tput": noted, "stty": noted, "local": noted,
	"declare": noted, "typeset": noted, "readonly": noted, "mapfile": noted, "readarray": noted, "getopts": noted, "times": noted, "dirs": noted, "logout": noted,
	"activate": noted, "deactivate": noted,

	// SWE-agent's own commands, which its 0.x versions give as text.
	"open": opens, "view_image": {kind: View}, "filemap": {kind: View},
	"goto": {kind: View, detail: "window", quiet: true}, "scroll_up": {kind: View, detail: "window", quiet: true}, "scroll_down": {kind: View, detail: "window", quiet: true},
	"set_cursors": {kind: View, detail: "window", quiet: true},
	"search_dir":  {kind: Search, skip: 1}, "search_file": {kind: Search, skip: 1}, "find_file": {kind: Search, skip: 1},
	"create": {kind: Create, detail: "create"},
	"submit": {kind: Submit, quiet: true}, "exit_cost": {kind: Submit, quiet: true}, "exit_context": {kind: Submit, quiet: true}, "exit_format": {kind: Submit, quiet: true},
	"exit_forfeit": {kind: Submit, quiet: true}, "submit_review": {kind: Submit, quiet: true},
}
