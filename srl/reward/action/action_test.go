package action_test

import (
	"context"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/srl/reward/action"
)

func call(t require.TestingT, tool string, arguments map[string]any) env.Action {
	raw, err := json.Marshal(arguments)
	require.NoError(t, err)
	return env.Action{Tool: tool, Arguments: raw}
}

func bash(t require.TestingT, command string) env.Action {
	return call(t, "bash", map[string]any{"command": command})
}

func similarity(t require.TestingT, model, expert []env.Action) float64 {
	got, err := action.Index(expert).Similarity(context.Background(), model)
	require.NoError(t, err)
	return got
}

func TestCommands(t *testing.T) {
	tests := []struct {
		name          string
		model, expert string
		least, most   float64
	}{
		{"the same", "grep -rn 'foo bar' src | head -5", "grep -rn 'foo bar' src | head -5", 1, 1},
		{"quoted otherwise", `grep "foo bar" src`, `grep 'foo bar' src`, 1, 1},
		{"flags in another order", "grep -n -r foo src", "grep -rn foo src", 1, 1},
		{"flags after the operands", "ls src -l", "ls -l src", 1, 1},
		{"another name of python", "python x.py", "/usr/bin/python3.11 x.py", 1, 1},
		{"layout", "cd /testbed  &&   ls", "cd /testbed && ls", 1, 1},
		{"a flag more", "ls -la src", "ls -l src", 0.8, 0.97},
		{"another program", "rm src", "ls src", 0, 0},
		{"unrelated after the same cd", "cd /testbed && python setup.py install", "cd /testbed && grep -rn foo src", 0, 0.1},
		{"the same without the cd", "pytest tests/a.py", "cd /testbed && pytest tests/a.py", 0.8, 0.97},
		{"another pattern", "grep -rn parse src", "grep -rn render src", 0.4, 0.7},
		{"one stage more", "grep -rn foo src | sort", "grep -rn foo src", 0.7, 0.98},
		{"stages in another order", "sort x | head", "head | sort x", 0.3, 0.9},
		{"another operator", "make; make test", "make && make test", 0.8, 0.98},
		{"find's expression is in order", "find . -type f -name x", "find . -name x -type f", 0.3, 0.9},
		{"output thrown away", "pytest a.py 2>/dev/null", "pytest a.py", 0.85, 0.98},
		{"another file written", "echo x > a.py", "echo x > b.py", 0.3, 0.8},
		{"a range of lines that overlaps", "sed -n 1,20p a.py", "sed -n 11,30p a.py", 0.7, 0.95},
		{"a number near by", "head -n 50 a.py", "head -n 49 a.py", 0.7, 0.95},
		{"the flag that is a number", "head -50 a.py", "head -9 a.py", 0.6, 0.95},
		{"a here-document with one word changed", "cat > a.py <<E\ndef f(x):\n    return x\nE", "cat > a.py <<E\ndef f(x):\n    return y\nE", 0.85, 0.99},
		{"indentation counts", "cat > a.py <<E\nif x:\n    y\n    z\nE", "cat > a.py <<E\nif x:\n    y\n  z\nE", 0.85, 0.99},
		{"a pattern, and a name with a star", "rm '*'", "rm *", 0.4, 0.95},
		{"a variable, and a dollar", "echo '$x'", "echo $x", 0.4, 0.95},
		{"the same pattern, quoted otherwise", `grep "a.*b" x`, `grep 'a.*b' x`, 1, 1},
		{"a command that is to fail", "! grep -q foo a.py", "grep -q foo a.py", 0.8, 0.98},
		{"in the background", "python -m http.server &", "python -m http.server", 0.8, 0.98},
		{"the number of standard output", "ls 1>a 0<b", "ls >a <b", 1, 1},
		{"errors to the file, and not", "make >log 2>&1", "make 2>&1 >log", 0.8, 0.98},
		{"errors where the output goes", "make 1>log 2>&1", "make >log 2>&1", 1, 1},
		{"two ways to say a command's output", "echo `git rev-parse HEAD`", "echo $(git rev-parse HEAD)", 1, 1},
		{"a loop", "for f in a b; do cat $f; done", "for f in a c; do cat $f; done", 0.6, 0.95},
		{"a loop and none", "for f in a b; do cat $f; done", "cat a", 0, 0.4},
		{"broken shell", "echo 'a b c", "echo 'a b c", 1, 1},
		{"broken shell for another", "if then", "ls -l", 0, 0},
		{"nothing twice", "", "", 1, 1},
		{"nothing", "", "ls", 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := similarity(t, []env.Action{bash(t, tt.model)}, []env.Action{bash(t, tt.expert)})
			require.GreaterOrEqual(t, got, tt.least)
			require.LessOrEqual(t, got, tt.most)
		})
	}
}

func TestArguments(t *testing.T) {
	view := func(path string, lines any) env.Action {
		return call(t, "str_replace_editor", map[string]any{"command": "view", "path": path, "view_range": lines})
	}
	replace := func(before, after string) env.Action {
		return call(t, "str_replace_editor", map[string]any{"command": "str_replace", "path": "/testbed/a/b.py", "old_str": before, "new_str": after})
	}
	tests := []struct {
		name          string
		model, expert env.Action
		least, most   float64
	}{
		{"the same", view("/testbed/a.py", []int{1, 5}), view("/testbed/a.py", []int{1, 5}), 1, 1},
		{"numbers as text", view("/testbed/a.py", "[1, 5]"), view("/testbed/a.py", []int{1, 5}), 1, 1},
		{"a path said otherwise", view("/testbed/d/../a.py", []int{1, 5}), view("/testbed/a.py", []int{1, 5}), 1, 1},
		{"a range within", view("/testbed/a.py", []int{1, 5}), view("/testbed/a.py", []int{1, 10}), 0.8, 0.9},
		{"a range elsewhere", view("/testbed/a.py", []int{1, 5}), view("/testbed/a.py", []int{100, 110}), 0.6, 0.7},
		{"to the end", view("/testbed/a.py", []int{1, -1}), view("/testbed/a.py", []int{1, 990}), 0.95, 0.9999},
		{"members in another order", call(t, "x", map[string]any{"o": json.RawMessage(`{"a": 1, "b": [{"c": 2, "d": 3}]}`)}),
			call(t, "x", map[string]any{"o": json.RawMessage(`{"b": [{"d": 3, "c": 2}], "a": 1}`)}), 1, 1},
		{"elements in another order", call(t, "x", map[string]any{"o": []int{1, 2, 3}}), call(t, "x", map[string]any{"o": []int{3, 2, 1}}), 0.1, 0.99},
		{"another file of the folder", view("/testbed/src/a.py", nil), view("/testbed/src/b.py", nil), 0.1, 0.5},
		{"an unrelated file", view("/testbed/src/a.py", []int{7, 9}), view("/testbed/docs/x.md", []int{1, 2}), 0, 0},
		{"another command of the tool", call(t, "str_replace_editor", map[string]any{"command": "undo_edit", "path": "/testbed/a.py"}),
			call(t, "str_replace_editor", map[string]any{"command": "view", "path": "/testbed/a.py"}), 0.1, 0.3},
		{"another tool", bash(t, "cat a.py"), view("/testbed/a.py", nil), 0, 0},
		{"no arguments", call(t, "submit", nil), env.Action{Tool: "submit"}, 0.9, 1},
		{"a word changed", replace("x = foo(1)", "x = foo(2)"), replace("x = foo(1)", "x = foo(3)"), 0.85, 0.99},
		{"other code", replace("import os", "import sys"), replace("return self.value + 1", "raise ValueError(x)"), 0.1, 0.35},
		{"the indentation at the beginning", replace("    x", "y"), replace("x", "y"), 0.8, 0.99},
		{"what is no object", env.Action{Tool: "x", Arguments: json.RawMessage(`[1]`)}, env.Action{Tool: "x", Arguments: json.RawMessage(`[1]`)}, 1, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := similarity(t, []env.Action{tt.model}, []env.Action{tt.expert})
			require.GreaterOrEqual(t, got, tt.least)
			require.LessOrEqual(t, got, tt.most)
		})
	}
}

func TestSteps(t *testing.T) {
	a, b, c := bash(t, "ls -l src"), bash(t, "pytest tests/x.py"), bash(t, "git diff")
	all := similarity(t, []env.Action{a, b, c}, []env.Action{a, b, c})
	fewer := similarity(t, []env.Action{a, c}, []env.Action{a, b, c})
	turned := similarity(t, []env.Action{c, b, a}, []env.Action{a, b, c})
	require.Equal(t, 1.0, all)
	require.Greater(t, fewer, turned)
	require.Less(t, fewer, 1.0)
	require.Greater(t, turned, 0.0)
	require.Equal(t, 0.0, similarity(t, nil, []env.Action{a}))
	require.Equal(t, 1.0, similarity(t, nil, nil))
}

func TestAnyActionIsItself(t *testing.T) {
	word := rapid.OneOf(rapid.StringN(0, 12, 40), rapid.SampledFrom([]string{
		"ls", "cd", "grep", "-rn", "--x=1", "-50", "|", "&&", ";", "\n", "'", "\"", "$x", "$(", ")", "<<E", "E", ">", "2>&1", "/dev/null",
		"a/b.py", "1,20p", "12", "nan", "inf", "for", "do", "done", "{", "}", "if", "\\"}))
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) []env.Action {
			var calls []env.Action
			for range rapid.IntRange(1, 3).Draw(t, "calls") {
				text := strings.Join(rapid.SliceOfN(word, 0, 20).Draw(t, name), " ")
				calls = append(calls, rapid.SampledFrom([]env.Action{bash(t, text), call(t, "edit", map[string]any{"path": text, "n": len(text), "text": text})}).Draw(t, "tool"))
			}
			return calls
		}
		a, b := draw("a"), draw("b")
		require.Equal(t, 1.0, similarity(t, a, a))
		got := similarity(t, a, b)
		require.True(t, got >= 0 && got <= 1 && !math.IsNaN(got), got)
		require.Equal(t, got, similarity(t, a, b))
	})
}

func TestTheTimeIsBounded(t *testing.T) {
	for name, pair := range map[string][2]string{
		"many commands":   {strings.Repeat("ls -l a b c; ", 15_000), strings.Repeat("ls -l a b d; ", 15_000)},
		"many words":      {"echo " + strings.Repeat("a.b ", 50_000), "echo " + strings.Repeat("b.a ", 50_000)},
		"many stages":     {strings.Repeat("sort x | ", 20_000) + "sort", strings.Repeat("sort y | ", 20_000) + "sort"},
		"deep":            {strings.Repeat("(", 50_000), strings.Repeat("(", 50_001)},
		"substitutions":   {strings.Repeat("$(", 20_000), strings.Repeat("$(", 20_001)},
		"a long document": {"cat <<E\n" + strings.Repeat("x = y\n", 100_000) + "E", "cat <<E\n" + strings.Repeat("x = z\n", 100_000) + "E"},
		"many lines":      {strings.Repeat("echo 'a b c' d e\n", 10_000), strings.Repeat("echo 'a c b' e d\n", 10_000)},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			got := similarity(t, []env.Action{bash(t, pair[0])}, []env.Action{bash(t, pair[1])})
			require.GreaterOrEqual(t, got, 0.0)
			require.Less(t, time.Since(start), 20*time.Second, "quadratic, this would take hours")

			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_, err := action.Index([]env.Action{bash(t, pair[1])}).Similarity(ctx, []env.Action{bash(t, pair[0])})
			require.ErrorIs(t, err, context.Canceled)
			t.Log(time.Since(start))
		})
	}
}
