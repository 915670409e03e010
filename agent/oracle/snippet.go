package oracle

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// A snippet is the issue's own code, made into a file that can be run.
type snippet struct {
	path        string // in the repository
	code        string
	run, remove string // shell commands
}

// fence matches a fenced code block of Markdown with a language.
var fence = regexp.MustCompile("(?ms)^[ \t]*```[ \t]*(\\w+)[^\n]*\n(.*?)^[ \t]*```")

// findSnippet returns the first code block of the issue that is a whole
// program: Go with a package main, or Python.
func findSnippet(issue string) (snippet, bool) {
	for _, m := range fence.FindAllStringSubmatch(strings.ReplaceAll(issue, "\r\n", "\n"), -1) {
		code := m[2]
		switch strings.ToLower(m[1]) {
		case "go", "golang":
			if regexp.MustCompile(`(?m)^package main$`).MatchString(code) && strings.Contains(code, "func main()") {
				return snippet{
					path: "zz_reproduce/main.go", code: code,
					run:    "timeout 60 go run ./zz_reproduce",
					remove: "rm -r zz_reproduce",
				}, true
			}
		case "python", "python3", "py":
			code = withoutPrompts(code)
			if strings.TrimSpace(code) == "" || strings.HasPrefix(code, "Traceback") {
				continue
			}
			return snippet{
				path: "reproduce_issue.py", code: code,
				run:    "timeout 60 python3 reproduce_issue.py",
				remove: "rm reproduce_issue.py",
			}, true
		}
	}
	return snippet{}, false
}

// withoutPrompts turns a transcript of an interactive session into the program
// that was typed.
func withoutPrompts(code string) string {
	if !strings.Contains("\n"+code, "\n>>> ") {
		return code
	}
	var typed []string
	for _, l := range strings.Split(code, "\n") {
		if s, ok := strings.CutPrefix(l, ">>> "); ok {
			typed = append(typed, s)
		} else if s, ok := strings.CutPrefix(l, "... "); ok {
			typed = append(typed, s)
		} else if l == "..." {
			typed = append(typed, "")
		}
	}
	return strings.Join(typed, "\n") + "\n"
}

// tests is the command that runs the tests that exist: the task's, or what the
// files in the top folder suggest, for the parts that the change touches.
func (w *worker) tests() string {
	has := func(name string) bool { return slices.Contains(w.root, name) }
	tail := func(command string) string { return command + " 2>&1 | tail -n 40" }
	switch {
	case w.testCommand != "":
		return w.testCommand
	case has("go.mod"):
		return tail("timeout 110 go test " + strings.Join(w.goPackages(), " "))
	case has("Cargo.toml"):
		return tail("timeout 110 cargo test --offline")
	case has("package.json"):
		return tail("timeout 110 npm test")
	case has("pom.xml"):
		return tail("timeout 110 mvn -q -o test")
	case has("gradlew"):
		return tail("timeout 110 ./gradlew --offline test")
	case has("Gemfile"):
		return tail("timeout 110 bundle exec rake test")
	case has("composer.json"):
		return tail("timeout 110 vendor/bin/phpunit")
	case has("pytest.ini"), has("pyproject.toml"), has("setup.py"), has("setup.cfg"), has("tox.ini"):
		return tail("timeout 110 python3 -m pytest -q -x")
	case has("Makefile"):
		return tail("timeout 110 make test")
	default:
		return tail("timeout 110 python3 -m unittest")
	}
}

// goPackages are the packages with Go files that the change touches, or all.
func (w *worker) goPackages() []string {
	var dirs []string
	for _, c := range w.changes {
		if path.Ext(c.new) != ".go" {
			continue
		}
		dir := "./" + path.Dir(c.new)
		if dir == "./." {
			dir = "."
		}
		if c.kind != deleted && !slices.Contains(dirs, quote(dir)) {
			dirs = append(dirs, quote(dir))
		}
	}
	if len(dirs) == 0 {
		return []string{"./..."}
	}
	return dirs
}
