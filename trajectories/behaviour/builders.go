package behaviour

import (
	"slices"
	"strings"
)

// builders are the tools that compile, test and run by a word of their
// arguments.
func builders(c *call) (Act, bool) {
	var rule func(*call, options) Act
	switch c.name {
	case "make", "gmake", "just", "rake", "task", "invoke":
		rule = (*call).target
	case "mvn", "mvnw", "gradle", "gradlew", "ant", "sbt", "lein", "mill":
		rule = (*call).jvm
	case "go", "cargo", "dotnet", "mix", "swift", "bazel", "bazelisk", "zig", "stack", "cabal", "dune", "meson", "deno", "bun":
		rule = (*call).toolchain
	case "npm", "yarn", "pnpm":
		rule = (*call).node
	case "coverage":
		rule = (*call).coverage
	case "echo":
		return c.echo(), true
	default:
		return Act{}, false
	}
	return rule(c, parseOptions(c.texts(), "C f j file directory p pl D")), true
}

// echo ends mini-swe-agent's work when it prints a certain first line.
func (c *call) echo() Act {
	for _, a := range c.args {
		if strings.Contains(a.text, "COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT") || strings.Contains(a.text, "MINI_SWE_AGENT_FINAL_OUTPUT") {
			return c.act(Submit, "")
		}
	}
	return c.act(Shell, "")
}

// testWord knows the names that targets and scripts for tests have.
func testWord(word string) bool {
	for part := range strings.FieldsFuncSeq(strings.ToLower(word), func(r rune) bool { return strings.ContainsRune(":-_./", r) }) {
		switch part {
		case "test", "tests", "check", "unittest", "unittests", "spec", "specs", "e2e", "testing", "verify", "jest", "mocha", "integrationtest":
			return true
		}
	}
	return false
}

// testProgram knows scripts by the names that tests have.
func testProgram(name string) bool {
	stem, _, _ := strings.Cut(strings.ToLower(name), ".")
	switch {
	case stem == "test" && stem != name, stem == "tests" && stem != name, strings.HasPrefix(stem, "test_"), strings.HasSuffix(stem, "_test"), strings.HasSuffix(stem, "_tests"):
		return true
	case stem == "runtests", stem == "run_tests", stem == "run-tests", stem == "run_test", stem == "runtest":
		return true
	}
	return false
}

func (c *call) target(o options) Act {
	words := o.operands
	switch {
	case slices.ContainsFunc(words, testWord):
		return c.act(Test, "")
	case slices.Contains(words, "install"):
		return c.act(Install, "")
	}
	return c.act(Build, "")
}

func (c *call) jvm(o options) Act {
	words := o.operands
	skips := slices.ContainsFunc(c.args, func(a arg) bool {
		return strings.HasPrefix(a.text, "-DskipTests") || a.text == "-Dmaven.test.skip=true"
	})
	switch {
	case slices.ContainsFunc(words, testWord) && !skips:
		return c.act(Test, "")
	case slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, "dependency:") || w == "dependencies" }):
		return c.act(Install, "")
	}
	return c.act(Build, "")
}

func (c *call) toolchain(o options) Act {
	first, second := o.first(), ""
	if len(o.operands) > 1 {
		second = o.operands[1]
	}
	switch first {
	case "test", "nextest", "bench", "tarpaulin", "coverage":
		return c.act(Test, "")
	case "run", "exec", "x":
		return c.reading(Run, "", o.after(1)[:min(1, len(o.after(1)))])
	case "get", "install", "add", "remove", "update", "fetch", "restore", "i", "deps.get", "uninstall":
		return c.act(Install, "")
	case "mod", "work":
		if second == "edit" || second == "init" {
			return c.act(Edit, "go "+first)
		}
		return c.act(Install, "")
	case "fmt", "format", "fix":
		if o.has("check", "l", "n", "dry-run") {
			return c.act(Build, "check")
		}
		return c.writing(Edit, "formatter", nil)
	case "vet", "check", "clippy", "lint":
		return c.act(Build, "check")
	case "list", "doc", "env", "version", "tree", "metadata", "help", "tool", "info", "":
		return c.act(Inspect, "")
	case "new", "init":
		return c.act(Create, "")
	}
	return c.act(Build, "")
}

func (c *call) node(o options) Act {
	words := o.operands
	if len(words) > 0 && (words[0] == "run" || words[0] == "run-script" || words[0] == "workspace") {
		words = words[1:]
	}
	if len(words) == 0 {
		if c.name == "npm" {
			return c.act(Inspect, "")
		}
		return c.act(Install, "")
	}
	switch first := words[0]; {
	case testWord(first) || first == "t" || first == "tst":
		return c.act(Test, "")
	case slices.Contains([]string{"install", "ci", "i", "add", "remove", "uninstall", "rm", "update", "upgrade", "link", "rebuild"}, first):
		return c.act(Install, "")
	case slices.Contains([]string{"view", "info", "search", "audit", "outdated", "publish", "login"}, first):
		return c.act(Network, "")
	case slices.Contains([]string{"ls", "list", "config", "root", "bin", "why", "explain", "prefix"}, first):
		return c.act(Inspect, "")
	case strings.Contains(first, "build") || strings.Contains(first, "compile") || first == "pack":
		return c.act(Build, "")
	case strings.Contains(first, "lint") || strings.Contains(first, "tsc") || strings.Contains(first, "type"):
		return c.act(Build, "check")
	case first == "exec" || first == "dlx":
		return Main(c.sub(c.args[min(len(c.args), 1+o.at[len(o.operands)-len(words)]):]))
	}
	return c.act(Run, "script")
}

// coverage runs what python would, or shows what it found.
func (c *call) coverage(o options) Act {
	at := slices.IndexFunc(c.args, func(a arg) bool { return a.text == "run" })
	if o.first() != "run" || c.nesting >= maxNesting {
		return c.act(View, "coverage")
	}
	next := *c
	next.args, next.nesting = c.args[at+1:], c.nesting+1
	for len(next.args) > 0 && strings.HasPrefix(next.args[0].text, "-") && next.args[0].text != "-m" {
		next.args = next.args[1:]
	}
	return Main(next.python())
}
