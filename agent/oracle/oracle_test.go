package oracle_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	gotesting "testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/apprentice-rl/apprentice/agent"
	"github.com/apprentice-rl/apprentice/agent/oracle"
	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/trajectories"
)

func TestMain(m *gotesting.M) { goleak.VerifyTestMain(m) }

// work commits the base, takes the tree that change makes for the gold one,
// lets the expert work from the base and checks that it gets there.
func work(t testing, h *host, change, diff string, task env.Task) *trajectories.Trajectory {
	t.Helper()
	h.sh(t, "git init -q && git add -A -f . && git commit -q --allow-empty -m base")
	h.sh(t, change)
	want := h.tree(t)
	task.Patch = h.sh(t, "git add -A -f . && git diff --cached "+diff+" && git reset -q --hard && git clean -q -fdx")
	if task.TestCommand == "" {
		task.TestCommand = "true"
	}
	got := play(t, h, task)
	require.Equal(t, trajectories.ExitSubmitted, got.End.Status, "%s\n%s", got.End.Detail, task.Patch)
	require.Equal(t, want, h.tree(t), "%s", task.Patch)
	requireHonest(t, got, task)
	return got
}

// requireHonest checks that the expert worked as a person would.
func requireHonest(t testing, got *trajectories.Trajectory, task env.Task) {
	t.Helper()
	require.GreaterOrEqual(t, len(got.Turns), 6)
	for _, turn := range got.Turns {
		require.Len(t, turn.Actions, 1)
		require.NotEmpty(t, turn.Reasoning)
		a := string(turn.Actions[0].Arguments)
		require.NotContains(t, a, "git apply")
		require.NotContains(t, a, "@@ -")
		require.NotContains(t, a, "diff --git")
		if task.TestPatch != "" {
			require.NotContains(t, a+turn.Reasoning, task.TestPatch)
		}
	}
}

func actions(t *trajectories.Trajectory) string {
	var b strings.Builder
	for _, turn := range t.Turns {
		fmt.Fprintf(&b, "%s %s\n", turn.Actions[0].Tool, turn.Actions[0].Arguments)
	}
	return b.String()
}

func TestEveryShapeOfPatch(t *gotesting.T) {
	const same = `yes same | head -n 400 > f`
	tests := []struct {
		name         string
		base, change string
		diff         string // options of git diff
		uses         string
	}{
		{"edit", "seq 100 > f", "sed -i s/50/fifty/ f", "", "str_replace"},
		{"two hunks", "seq 100 > f", "sed -i 's/20/x/;s/80/y\\nz/' f", "", "str_replace"},
		{"no context", "seq 100 > f", "sed -i '50d;60i new' f", "-U0", "str_replace"},
		{"first and last line", "seq 100 > f", "sed -i '1d;100d' f", "-U0", "str_replace"},
		{"long file", "seq 5000 > f", "sed -i 's/^2500$/x/;4999,5000d' f", "", "view_range"},
		{"insertion between equal lines", same, "sed -i '200i new' f", "", `"insert"`},
		{"insertions between equal lines", same, "sed -i '200i new\\n\\nnewer' f; sed -i '204i newest' f", "", `"insert"`},
		{"removal between equal lines", "yes same | head -n 40 > f", "sed -i '20d' f", "", "str_replace"},
		{"replacement in a repeated block", "for i in $(seq 30); do printf '{\\n  a\\n  b\\n  c\\n  d\\n}\\n'; done > f", "sed -i '93s/b/B/' f", "", "str_replace"},
		{"appended to equal lines", same, "echo new >> f", "", "str_replace"},
		{"empty file gets lines", ": > f; chmod +x f", "printf 'a\\nb' > f", "", `"insert"`},
		{"file becomes empty", "seq 3 > f", ": > f", "", "str_replace"},
		{"newline at the end goes", "seq 10 > f", "printf 'x' > f", "", "str_replace"},
		{"only the newline at the end goes", "seq 10 > f", "truncate -s -1 f", "", "str_replace"},
		{"newline at the end comes", "printf '1\\n2\\n3' > f", "echo >> f", "", "str_replace"},
		{"no newline at the end stays", "printf '1\\n2\\n3' > f", "printf '1\\ntwo\\n3' > f", "", "str_replace"},
		{"one line without newline", "printf a > f", "printf b > f", "", "str_replace"},
		{"first line is empty", "printf '\\nb\\n' > f", "printf 'a\\nb\\n' > f", "-U0", "str_replace"},
		{"only line is empty", "echo > f", "echo a > f", "", "str_replace"},
		{"empty lines only", "printf '\\n\\n\\n' > f", "printf '\\n\\na\\n\\n' > f", "-U1", "str_replace"},
		{"CRLF", "seq 50 | sed 's/$/\\r/' > f", "sed -i '25s/.*/x\\r\\ny\\r/' f", "", "str_replace"},
		{"CRLF in equal lines", "yes same | head -n 40 | sed 's/$/\\r/' > f", "sed -i '25s/.*/x\\r/' f", "-U1", "str_replace"},
		{"line ends change", "seq 5 > f", "sed -i 's/$/\\r/' f", "", "str_replace"},
		{"tabs, quotes and unicode", "printf '\\ta\\n  \"é\\\\n\\n\\tb <&>\\n' > f", "sed -i '2s/é/日本/' f", "", "str_replace"},
		{"new file", "seq 3 > f", "mkdir -p a/b; seq 5 > a/b/c.txt", "", "create"},
		{"new file without newline at the end", "seq 3 > f", "printf 'a\\nb' > new", "", "create"},
		{"new empty file", "seq 3 > f", "mkdir p; : > p/__init__.py", "", "touch"},
		{"new program", "seq 3 > f", "echo '#!/bin/sh' > run; chmod +x run", "", "chmod +x"},
		{"new link", "seq 3 > f", "ln -s f 'to f'", "", "ln -s --"},
		{"new ignored file", "echo '*.log' > .gitignore", "echo x > keep.log", "", "git add -f"},
		{"removed file", "seq 3 > f; seq 4 > g", "rm g", "", "rm g"},
		{"renamed file", "seq 30 > f", "mkdir d; git mv f d/g", "-M", "git mv f d/g"},
		{"renamed and edited file", "seq 30 > f", "git mv f g; sed -i s/15/x/ g", "-M", "git mv f g"},
		{"copied file", "seq 30 > f", "cp f g; sed -i s/15/x/ g; sed -i 1d f", "-C", "cp -p f g"},
		{"mode of a file", "seq 3 > f", "chmod +x f", "", "chmod +x f"},
		{"mode of a program", "seq 3 > f; chmod +x f", "chmod -x f; echo 4 >> f", "", "chmod -x f"},
		{"names with spaces and quotes", `seq 3 > "a b'c"; seq 3 > -x`, `echo 4 >> "a b'c"; rm ./-x; echo ü > "ü.txt"`, "", "str_replace"},
		{"many files", "for i in $(seq 9); do seq 20 > f$i; done", "for i in $(seq 9); do sed -i s/1$i/x/ f$i; done", "", "str_replace"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *gotesting.T) {
			h := &host{dir: t.TempDir(), cap: 30000}
			h.sh(t, tt.base)
			got := work(t, h, tt.change, tt.diff, env.Task{ID: "x", ProblemStatement: "It does not work."})
			require.Contains(t, actions(got), tt.uses)
		})
	}
}

func TestACutViewIsReadOn(t *gotesting.T) {
	h := &host{dir: t.TempDir(), cap: 900}
	h.sh(t, "seq 10000 10200 > f")
	got := work(t, h, "sed -i 's/^10100$/x/' f", "", env.Task{ID: "x"})
	require.Contains(t, actions(got), "view_range")
}

// Any change of any small file is reached, with few different lines, so that
// edits are seldom unique at first.
func TestAnyEditIsReached(t *gotesting.T) {
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(r *rapid.T) {
		content := rapid.Custom(func(r *rapid.T) string {
			lines := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "", "\ta", "a\r", "aa", "}"}), 0, 40).Draw(r, "lines")
			s := strings.Join(lines, "\n")
			if s != "" && rapid.Bool().Draw(r, "newline") {
				s += "\n"
			}
			return s
		})
		before := content.Draw(r, "before")
		after := before
		for range rapid.IntRange(1, 4).Draw(r, "edits") {
			l := strings.SplitAfter(after, "\n")
			i := rapid.IntRange(0, len(l)).Draw(r, "from")
			j := rapid.IntRange(i, min(len(l), i+4)).Draw(r, "to")
			after = strings.Join(l[:i], "") + content.Draw(r, "new") + strings.Join(l[j:], "")
		}
		if before == after {
			return
		}
		n++
		h := &host{dir: filepath.Join(dir, fmt.Sprint(n)), cap: rapid.SampledFrom([]int{0, 200}).Draw(r, "cap")}
		require.NoError(r, os.Mkdir(h.dir, 0o700))
		require.NoError(r, os.WriteFile(filepath.Join(h.dir, "f"), []byte(before), 0o600))
		require.NoError(r, os.WriteFile(filepath.Join(dir, "after"), []byte(after), 0o600))
		context := rapid.IntRange(0, 3).Draw(r, "context")
		work(r, h, "cp ../after f", fmt.Sprintf("-U%d", context), env.Task{ID: "x"})
		require.NoError(r, os.RemoveAll(h.dir))
	})
}

func TestTheSnippetOfTheIssueIsRunAndRemoved(t *gotesting.T) {
	tests := []struct{ name, issue, file, run string }{
		{"python", "See:\n```python\nprint('reproduced')\n```\n", "reproduce_issue.py", "python3 reproduce_issue.py"},
		{"python session", "See:\n```python\n>>> x = 1\n>>> print('re' + 'produced')\nreproduced\n```\n", "reproduce_issue.py", "python3 reproduce_issue.py"},
		{"go", "See:\r\n```go\r\npackage main\r\n\r\nfunc main() { println(`reproduced`) }\r\n```\r\n", "zz_reproduce/main.go", "go run ./zz_reproduce"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *gotesting.T) {
			h := &host{dir: t.TempDir()}
			h.sh(t, "printf 'module example.com/x\\n\\ngo 1.19\\n' > go.mod; seq 20 > f")
			got := work(t, h, "sed -i 1d f", "", env.Task{ID: "x", ProblemStatement: tt.issue})
			ran := 0
			for i, turn := range got.Turns {
				if strings.Contains(string(turn.Actions[0].Arguments), tt.run) {
					require.Contains(t, got.Observations[i].Text, "reproduced")
					ran++
				}
			}
			require.Equal(t, 2, ran)
			require.NoFileExists(t, filepath.Join(h.dir, tt.file))
		})
	}
}

func TestIssuesWithoutAProgramFallBackToTheTests(t *gotesting.T) {
	for _, issue := range []string{"no code", "```go\nfmt.Println(1)\n```", "```python\nTraceback (most recent call last):\n```", "```\nplain\n```"} {
		h := &host{dir: t.TempDir()}
		h.sh(t, "seq 20 > f")
		got := work(t, h, "sed -i 1d f", "", env.Task{ID: "x", ProblemStatement: issue, TestCommand: "echo the tests pass"})
		require.Equal(t, 2, strings.Count(actions(got), "echo the tests pass"))
		require.NotContains(t, actions(got), "reproduce")
	}
}

func TestTestCommandsFitTheRepository(t *gotesting.T) {
	for file, command := range map[string]string{"go.mod": "go test ./sub", "Cargo.toml": "cargo test", "setup.py": "pytest", "none": "unittest"} {
		h := &host{dir: t.TempDir()}
		h.sh(t, "mkdir sub; seq 20 > sub/f.go; : > "+file)
		h.sh(t, "git init -q && git add -A && git commit -q -m base && sed -i 1d sub/f.go")
		task := env.Task{ID: "x", Patch: h.sh(t, "git diff; git checkout -q .")}
		require.Contains(t, actions(play(t, h, task)), command)
	}
}

func TestWhatTestsLeaveBehindIsRemoved(t *gotesting.T) {
	h := &host{dir: t.TempDir()}
	h.sh(t, "seq 20 > f; seq 3 > counter")
	got := work(t, h, "sed -i 1d f", "", env.Task{ID: "x", TestCommand: "echo 4 >> counter; mkdir -p 'my cache'; touch 'my cache/x y'"})
	require.Contains(t, actions(got), "rm -rf 'my cache/x y'")
	require.Contains(t, actions(got), "git checkout -- counter")
}

func TestItSearchesForWordsThatLeadToTheCode(t *gotesting.T) {
	h := &host{dir: t.TempDir()}
	h.sh(t, "printf 'package x\\n\\nfunc parse_header(limit int) {\\n\\treturn\\n}\\n' > f.go")
	got := work(t, h, "sed -i s/return/panic/ f.go", "", env.Task{ID: "x", ProblemStatement: "The limit is off when parse_header gets a Banana."})
	require.Contains(t, actions(got), `search {"pattern":"parse_header"}`)
	require.Contains(t, actions(got), `search {"pattern":"limit"}`)
	require.NotContains(t, actions(got), `Banana"}`)
}

func TestItGivesUpWhereEditsAreRefused(t *gotesting.T) {
	h := &host{dir: t.TempDir()}
	h.sh(t, "seq 20 > f; git init -q; git add .; git commit -q -m base; sed -i 1d f")
	task := env.Task{ID: "x", TestCommand: "true", Patch: h.sh(t, "git diff; echo other > f; git commit -q -a -m other")}
	got := play(t, h, task)
	require.Equal(t, trajectories.ExitGaveUp, got.End.Status)
	require.Contains(t, got.End.Detail, "f, line 1: the edit was refused")
}

func TestItDoesNotKnowTheHiddenTests(t *gotesting.T) {
	h := &host{dir: t.TempDir()}
	h.sh(t, "seq 20 > f")
	got := work(t, h, "sed -i 1d f", "", env.Task{ID: "x", TestPatch: "HIDDEN", FailToPass: []string{"HIDDEN"}, Hints: "HIDDEN"})
	raw, err := json.Marshal(got.Turns)
	require.NoError(t, err)
	require.False(t, bytes.Contains(raw, []byte("HIDDEN")))
}

func TestItsThoughtsAreMarkedSynthetic(t *gotesting.T) {
	p, err := oracle.New(env.Task{ID: "x", Patch: "diff --git a/f b/f\nnew file mode 100644\n"})
	require.NoError(t, err)
	require.Equal(t, trajectories.Policy{Name: "oracle", SyntheticReasoning: true}, p.Describe())
	require.NoError(t, p.(interface{ Close() error }).Close())
}

func TestPatchesThatTheToolsCannotDoAreRefused(t *gotesting.T) {
	tests := []struct{ name, patch, says string }{
		{"empty", "", "changes no file"},
		{"broken", "diff --git a/f b/f\n--- a/f\n+++ b/f\n@@ -1,2 +1,1 @@\n", "x"},
		{"binary", "diff --git a/f b/f\nindex 1..2 100644\nBinary files a/f and b/f differ\n", "f is a binary file"},
		{"submodule", "diff --git a/f b/f\nnew file mode 160000\n--- /dev/null\n+++ b/f\n@@ -0,0 +1 @@\n+Subproject commit 1\n", "f is a submodule"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *gotesting.T) {
			_, err := oracle.New(env.Task{ID: "x", Patch: tt.patch})
			require.ErrorContains(t, err, tt.says)
			require.ErrorContains(t, err, "gold patch of x")
		})
	}
}

var _ agent.Factory = oracle.New
