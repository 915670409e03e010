package env_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/sandbox"
)

func TestDefaultToolsAreDescribedForModels(t *testing.T) {
	var names []string
	for _, tool := range env.DefaultTools() {
		names = append(names, tool.Name)
		require.NotEmpty(t, tool.Description)
		var schema struct {
			Type       string
			Properties map[string]struct{ Type, Description string }
			Required   []string
			Additional *bool `json:"additionalProperties"`
		}
		require.NoError(t, json.Unmarshal(tool.Parameters, &schema), tool.Name)
		require.Equal(t, "object", schema.Type)
		require.NotNil(t, schema.Additional)
		require.False(t, *schema.Additional)
		for name, p := range schema.Properties {
			require.NotEmpty(t, p.Type, name)
			require.NotEmpty(t, p.Description, name)
		}
		for _, name := range schema.Required {
			require.Contains(t, schema.Properties, name)
		}
	}
	require.Equal(t, []string{"bash", "str_replace_editor", "search", "submit"}, names)
}

func TestDoRefusesCallsInWords(t *testing.T) {
	e := openPager(t, env.Options{})
	for _, tt := range []struct{ name, tool, arguments, says string }{
		{"an unknown tool", "python", `{}`, "There is no tool `python`. The tools are: bash, search, str_replace_editor, submit."},
		{"no JSON", "bash", `{"command": `, "must be one JSON object"},
		{"no object", "bash", `["ls"]`, "must be one JSON object"},
		{"no arguments at all", "bash", ``, "needs the argument `command`"},
		{"an argument that is null", "bash", `{"command":null}`, "needs the argument `command`"},
		{"an unknown argument", "bash", `{"command":"ls","timeout":5}`, "has no argument `timeout`. Its arguments are: command."},
		{"an argument in capitals", "bash", `{"Command":"ls"}`, "needs the argument `command`"},
		{"an argument too many", "submit", `{"force":true}`, "has no argument `force`: it takes none."},
		{"a number for a text", "bash", `{"command":5}`, "The argument `command` of bash must be of type string, not `5`."},
		{"a text for a number", "str_replace_editor", `{"command":"insert","path":"/testbed/a","insert_line":"3","new_str":"x"}`, "`insert_line` of str_replace_editor must be of type integer"},
		{"a value out of the list", "str_replace_editor", `{"command":"delete","path":"/testbed/a"}`, "must be one of: view, create, str_replace, insert, undo_edit"},
		{"a list of texts for numbers", "str_replace_editor", `{"command":"view","path":"/testbed/README.md","view_range":["a","b"]}`, "could not be read"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o, err := e.Do(t.Context(), env.Action{ID: "7", Tool: tt.tool, Arguments: json.RawMessage(tt.arguments)})
			require.NoError(t, err)
			require.Contains(t, o.Text, tt.says)
			require.True(t, o.Failed)
			require.Equal(t, "7", o.Action)
			require.Nil(t, o.Result)
		})
	}
}

func TestDoShortensLongObservations(t *testing.T) {
	e := openPager(t, env.Options{ObservationCap: 100})
	o := do(t, e, "bash", map[string]any{"command": `for i in $(seq 100); do printf 'ü%03d' $i; done; (exit 3)`})
	require.True(t, strings.HasPrefix(o.Text, "ü001ü002"), o.Text)
	require.True(t, strings.HasSuffix(o.Text, "ü100\n[exit code 3]"), o.Text)
	require.Contains(t, o.Text, "\n[... 314 characters are left out here ...]\n")
	require.Equal(t, 100+len("\n[... 314 characters are left out here ...]\n"), utf8.RuneCountInString(o.Text))

	o = do(t, e, "bash", map[string]any{"command": `printf '%0100d' 7`})
	require.Len(t, o.Text, 100)
}

func TestObservationsAreAlwaysUTF8(t *testing.T) {
	e := openPager(t, env.Options{})
	o := do(t, e, "bash", map[string]any{"command": `printf 'a\377b'`})
	require.Equal(t, "a\ufffdb", o.Text)
}

func TestDoOffersTheToolsOfTheOptions(t *testing.T) {
	broken := errors.New("broken")
	echo := env.Tool{Name: "echo", Parameters: json.RawMessage(`{"type":"object","properties":{"text":{"type":"string"}},"required":["text"]}`),
		Run: func(_ context.Context, e *env.Environment, arguments json.RawMessage) (env.Observation, error) {
			if string(arguments) == `{"text":"break"}` {
				return env.Observation{}, broken
			}
			return env.Observation{Text: e.Task().ID}, nil
		}}
	e := openPager(t, env.Options{Tools: []env.Tool{echo}})
	require.Len(t, e.Tools(), 1)
	require.Equal(t, "example__pager-1", do(t, e, "echo", map[string]any{"text": "x"}).Text)
	_, err := e.Do(t.Context(), env.Action{Tool: "echo", Arguments: json.RawMessage(`{"text":"break"}`)})
	require.ErrorIs(t, err, broken)
	require.ErrorContains(t, err, "tool echo")
}

func TestSubmitEndsTheEpisode(t *testing.T) {
	e := openPager(t, env.Options{})
	for _, arguments := range []string{`{}`, ``, `null`} {
		o, err := e.Do(t.Context(), env.Action{ID: "1", Tool: "submit", Arguments: json.RawMessage(arguments)})
		require.NoError(t, err)
		require.True(t, o.Submitted)
		require.False(t, o.Failed)
	}
}

func TestBashIsOneSession(t *testing.T) {
	e := openPager(t, env.Options{})
	bash := func(command string) env.Observation {
		t.Helper()
		return do(t, e, "bash", map[string]any{"command": command})
	}
	o := bash("pwd; cd src; x=5; f() { echo f $x; }")
	require.Equal(t, "/testbed\n", o.Text)
	require.False(t, o.Failed)
	require.Equal(t, sandbox.EndExit, o.Result.End)
	require.Positive(t, o.Duration)
	require.Equal(t, "/testbed/src\nf 5\n", bash("pwd; f").Text)

	o = bash("echo no; false")
	require.Equal(t, "no\n[exit code 1]", o.Text)
	require.True(t, o.Failed)
	require.Equal(t, 1, o.Result.ExitCode)
	require.Equal(t, "no\n[exit code 2]", bash("printf no; (exit 2)").Text)
	require.Equal(t, "[exit code 1]", bash("false").Text)

	o = bash("exit 4")
	require.True(t, o.Failed)
	require.True(t, strings.HasPrefix(o.Text, "[exit code 4]\n[the bash session ended and was started again in /testbed/src;"), o.Text)

	env := bash("echo $TZ $LC_ALL $PYTHONHASHSEED; git config user.name || git var GIT_AUTHOR_IDENT").Text
	require.True(t, strings.HasPrefix(env, "UTC C.UTF-8 0\nagent <agent@localhost>"), env)
}

func TestBashSaysThatACommandRanTooLong(t *testing.T) {
	e := openPager(t, env.Options{ActionTimeout: 300 * time.Millisecond})
	o := do(t, e, "bash", map[string]any{"command": "echo begun; sleep 60"})
	require.True(t, o.Failed)
	require.Equal(t, sandbox.EndTimeout, o.Result.End)
	require.True(t, strings.HasPrefix(o.Text, "begun\n"), o.Text)
	require.True(t, strings.HasSuffix(o.Text, "\n[the command was killed because it ran for more than 0.3 seconds]"), o.Text)
	require.Equal(t, "still there\n", do(t, e, "bash", map[string]any{"command": "echo still there"}).Text)
}

func TestDoPassesOnThatTheSandboxIsBroken(t *testing.T) {
	l := env.Launcher{Driver: newDriver(t)}
	e, err := l.Launch(t.Context(), pager(t), env.Options{})
	require.NoError(t, err)
	require.NoError(t, e.Close())
	for tool, arguments := range map[string]string{
		"bash":               `{"command":"ls"}`,
		"search":             `{"pattern":"x"}`,
		"str_replace_editor": `{"command":"str_replace","path":"/testbed/README.md","old_str":"a","new_str":"b"}`,
	} {
		_, err := e.Do(t.Context(), env.Action{Tool: tool, Arguments: json.RawMessage(arguments)})
		require.ErrorIs(t, err, sandbox.ErrBroken, tool)
	}
	_, err = e.Patch(t.Context())
	require.ErrorIs(t, err, sandbox.ErrBroken)
}

func TestSearch(t *testing.T) {
	e := openPager(t, env.Options{})
	sb := e.Sandbox()
	write(t, sb, "/testbed/new.go", "package new // Last\n")
	write(t, sb, "/testbed/build/out.go", "package build // Last\n")
	write(t, sb, "/testbed/src/data.bin", "Last\x00\n")
	write(t, sb, "/testbed/src/deep/er/a.go", "// a.b(c)\n// aXb(c)\n")
	write(t, sb, "/testbed/src/odd [1]*.go", "odd\n")
	write(t, sb, "/testbed/src/grün.txt", "odd\n")
	write(t, sb, "/elsewhere/x.txt", "Last one\n")
	for _, tt := range []struct {
		name      string
		arguments map[string]any
		want      string
	}{
		{"the repository, new files included and ignored ones not", map[string]any{"pattern": "Last"}, "new.go:1:package new // Last\nsrc/page.go:3:func Last(n int) int {"},
		{"a folder", map[string]any{"pattern": "Last", "path": "/testbed/src/"}, "src/page.go:3:func Last(n int) int {"},
		{"a file", map[string]any{"pattern": "return|func", "path": "/testbed/src/page.go"}, "src/page.go:3:func Last(n int) int {\nsrc/page.go:4:\treturn n"},
		{"files by name", map[string]any{"pattern": "a", "glob": "*.md"}, "README.md:1:# pager"},
		{"files by name in a folder", map[string]any{"pattern": "odd", "glob": "*.go", "path": "/testbed/src"}, "src/odd [1]*.go:1:odd"},
		{"a file with an odd name", map[string]any{"pattern": "odd", "path": "/testbed/src/odd [1]*.go"}, "src/odd [1]*.go:1:odd"},
		{"a file whose name is not ASCII", map[string]any{"pattern": "odd", "path": "/testbed/src/grün.txt"}, "src/grün.txt:1:odd"},
		{"what is special in an expression", map[string]any{"pattern": `a\.b\(c\)`}, "src/deep/er/a.go:1:// a.b(c)"},
		{"a pattern that looks like an option", map[string]any{"pattern": "--n"}, "No line in /testbed matches --n"},
		{"an ignored folder, asked for", map[string]any{"pattern": "Last", "path": "/testbed/build"}, "build/out.go:1:package build // Last"},
		{"outside of the repository", map[string]any{"pattern": "Last", "path": "/elsewhere", "glob": "*.txt"}, "/elsewhere/x.txt:1:Last one"},
		{"nothing", map[string]any{"pattern": "nowhere", "glob": "*.go"}, "No line in /testbed (files *.go) matches nowhere"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := do(t, e, "search", tt.arguments)
			require.False(t, o.Failed, o.Text)
			require.Equal(t, tt.want, o.Text)
		})
	}
	for _, tt := range []struct {
		name      string
		arguments map[string]any
		says      string
	}{
		{"a relative path", map[string]any{"pattern": "x", "path": "src"}, "Maybe you meant /testbed/src?"},
		{"a path that is not there", map[string]any{"pattern": "x", "path": "/testbed/none"}, "/testbed/none does not exist"},
		{"no expression", map[string]any{"pattern": "a("}, "nmatched"},
		{"an empty pattern", map[string]any{"pattern": ""}, "empty"},
		{"two lines", map[string]any{"pattern": "a\nb"}, "line break"},
	} {
		t.Run("refused: "+tt.name, func(t *testing.T) {
			o := do(t, e, "search", tt.arguments)
			require.True(t, o.Failed)
			require.Contains(t, o.Text, tt.says)
		})
	}
	t.Run("too much", func(t *testing.T) {
		var b strings.Builder
		for i := range 250 {
			fmt.Fprintf(&b, "many %d %s\n", i, strings.Repeat("x", 500))
		}
		write(t, sb, "/testbed/many.txt", b.String())
		lines := strings.Split(do(t, e, "search", map[string]any{"pattern": "^many"}).Text, "\n")
		require.Len(t, lines, 101)
		require.Equal(t, "[100 of 250 matching lines are shown; narrow the search with path or glob, or a longer pattern]", lines[100])
		require.LessOrEqual(t, len(lines[0]), 220)
	})
	t.Run("without a repository", func(t *testing.T) {
		sh(t, sb, "rm -rf .git many.txt")
		lines := strings.Split(do(t, e, "search", map[string]any{"pattern": "Last", "glob": "*.go"}).Text, "\n")
		slices.Sort(lines)
		require.Equal(t, []string{"build/out.go:1:package build // Last", "new.go:1:package new // Last", "src/page.go:3:func Last(n int) int {"}, lines)
	})
}
