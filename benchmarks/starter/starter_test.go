package starter

import (
	"encoding/json"
	"flag"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/bluekeyes/go-gitdiff/gitdiff"
	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/benchmarks/logparse"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestSuite(t *testing.T) {
	suite, err := Suite()
	require.NoError(t, err)
	wrong, err := Wrong()
	require.NoError(t, err)
	require.Len(t, wrong, len(suite.Tasks))

	languages := map[string]int{}
	ids := map[string]bool{}
	for i, task := range suite.Tasks {
		languages[task.Needs[1]]++
		require.False(t, ids[task.ID], "%s is there twice", task.ID)
		ids[task.ID] = true
		require.Equal(t, task.ID, wrong[i].ID)
		_, err := logparse.Lookup(task.LogParser)
		require.NoError(t, err)
	}
	require.GreaterOrEqual(t, languages["go"], 6)
	require.GreaterOrEqual(t, languages["python3"], 6)
}

func TestTasksAreWellFormed(t *testing.T) {
	for _, e := range entries(t) {
		t.Run(e.ID, func(t *testing.T) {
			require.Equal(t, "starter__"+strings.TrimPrefix(e.Repo, "starter/"), e.ID[:strings.LastIndexByte(e.ID, '-')])
			require.NotEmpty(t, e.issue)
			require.GreaterOrEqual(t, len(e.tree), 4)
			require.GreaterOrEqual(t, len(e.Commits), 3)
			require.NotEmpty(t, e.FailToPass)
			require.NotEmpty(t, e.PassToPass)
			for _, id := range e.FailToPass {
				require.NotContains(t, e.PassToPass, id)
			}

			gold, test, wrong := paths(t, e.gold), paths(t, e.test), paths(t, e.wrong)
			for _, name := range test {
				require.NotContains(t, gold, name, "the hidden tests and the gold patch touch the same file")
			}
			require.Equal(t, gold[0], wrong[0], "the wrong patch is to edit what gold edits")
			require.NotEqual(t, e.gold, e.wrong)
			_, _, err := e.tree.patched(e.wrong)
			require.NoError(t, err)
		})
	}
}

func TestHistoryGoesOnAfterTheBaseCommit(t *testing.T) {
	for _, e := range entries(t) {
		t.Run(e.ID, func(t *testing.T) {
			require.NotEqual(t, e.base, e.fix)
			require.NotEqual(t, e.fix, e.later)
			previous := e.Commits[0].Date
			for _, c := range append(slices.Clone(e.Commits[1:]), e.Fix, e.Later) {
				require.True(t, c.Date.After(previous), "%s is not after the commit before", c.Date)
				previous = c.Date
			}
			require.NotEmpty(t, e.laterTree)
			changed := append(paths(t, e.gold), paths(t, e.test)...)
			for name := range e.laterTree {
				require.NotContains(t, changed, name)
			}
		})
	}
}

// TestCommitsAreTheSameEverywhere compares with the commits of the machine on
// which the suite was made.
func TestCommitsAreTheSameEverywhere(t *testing.T) {
	type commits struct{ Base, Fix, Later string }
	got := map[string]commits{}
	for _, e := range entries(t) {
		got[e.ID] = commits{e.base, e.fix, e.later}
	}
	golden := filepath.Join("testdata", "commits.json")
	if *update {
		data, err := json.MarshalIndent(got, "", "  ")
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(golden, append(data, '\n'), 0o644))
	}
	data, err := os.ReadFile(golden)
	require.NoError(t, err)
	var want map[string]commits
	require.NoError(t, json.Unmarshal(data, &want))
	require.Equal(t, want, got)
}

func TestScriptsKeepTheHiddenTestsOut(t *testing.T) {
	for _, e := range entries(t) {
		t.Run(e.ID, func(t *testing.T) {
			task := e.task()
			require.Equal(t, 1, strings.Count(task.EvalScript, ": '>>>>> Start Test Output'\n"))
			require.Equal(t, 1, strings.Count(task.EvalScript, ": '>>>>> End Test Output'\n"))
			require.Contains(t, task.EvalScript, "<<'EOF_114329324912'\n"+e.test+"EOF_114329324912\n")
			_, after, _ := strings.Cut(task.EvalScript, ">>>>> End Test Output")
			for _, name := range paths(t, e.test) {
				require.Contains(t, after, "'"+name+"'")
				for id := range e.tree {
					if id == name {
						require.Contains(t, after, "git checkout "+e.base)
					}
				}
			}
		})
	}
}

// TestWarmUpCoversTheImportsOfAllTasks keeps the list of imports honest: a
// package that is missing there is compiled again for every run of its tests.
func TestWarmUpCoversTheImportsOfAllTasks(t *testing.T) {
	used := map[string]bool{}
	for _, e := range entries(t) {
		if e.Language != "go" {
			continue
		}
		fixed, _, err := e.tree.patched(e.gold, e.test)
		require.NoError(t, err)
		wrong, _, err := e.tree.patched(e.wrong)
		require.NoError(t, err)
		for _, tree := range []tree{e.tree, fixed, wrong} {
			for name, text := range tree {
				if path.Ext(name) != ".go" {
					continue
				}
				file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ImportsOnly)
				require.NoError(t, err)
				for _, i := range file.Imports {
					imported, err := strconv.Unquote(i.Path.Value)
					require.NoError(t, err)
					if !strings.HasPrefix(imported, "example.com/") {
						used[imported] = true
					}
				}
			}
		}
	}
	require.True(t, slices.IsSorted(imports))
	for _, name := range slices.Sorted(maps.Keys(used)) {
		require.Contains(t, imports, name)
	}
}

func entries(t *testing.T) []entry {
	t.Helper()
	all, err := suite()
	require.NoError(t, err)
	return all
}

// paths returns the names of the files that a patch touches.
func paths(t *testing.T, patch string) []string {
	t.Helper()
	parts, preamble, err := gitdiff.Parse(strings.NewReader(patch))
	require.NoError(t, err)
	require.Empty(t, preamble)
	require.NotEmpty(t, parts)
	return touched(patch)
}
