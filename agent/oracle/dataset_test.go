package oracle_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	gotesting "testing"

	"github.com/bluekeyes/go-gitdiff/gitdiff"
	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/sandbox/sandboxtest"
)

var goFile = regexp.MustCompile(`(?m)^diff --git .*\.go$`)

// goldPatches reads the rows of a data set whose gold patch is of Go files.
func goldPatches(t *gotesting.T, name string) []env.Task {
	t.Helper()
	data := os.Getenv("APPRENTICE_TESTDATA")
	if data == "" {
		sandboxtest.Missing(t, "testdata", "APPRENTICE_TESTDATA names no folder with the published data sets")
	}
	f, err := os.Open(filepath.Join(data, "datasets", name))
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	var tasks []env.Task
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var row struct {
			ID    string `json:"instance_id"`
			Issue string `json:"problem_statement"`
			Patch string `json:"patch"`
		}
		require.NoError(t, json.Unmarshal(lines.Bytes(), &row))
		if goFile.MatchString(row.Patch) {
			// A snippet of these issues would not run without their repository.
			tasks = append(tasks, env.Task{ID: row.ID, ProblemStatement: strings.ReplaceAll(row.Issue, "```", ""), Patch: row.Patch, TestCommand: "true"})
		}
	}
	require.NoError(t, lines.Err())
	return tasks
}

// rebuild makes files to which a patch applies: its own old lines where it
// says that they are, and lines of no meaning everywhere else.
func rebuild(t *gotesting.T, dir, patch string) {
	t.Helper()
	files, _, err := gitdiff.Parse(strings.NewReader(patch))
	require.NoError(t, err)
	for _, f := range files {
		if f.IsNew {
			continue
		}
		var b strings.Builder
		n := 1
		for _, h := range f.TextFragments {
			for ; n < int(h.OldPosition); n++ {
				fmt.Fprintf(&b, "line %d\n", n)
			}
			for _, l := range h.Lines {
				if l.Old() {
					b.WriteString(l.Line)
					n++
				}
			}
		}
		path := filepath.Join(dir, f.OldName)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(b.String()), 0o644))
		if f.OldMode&0o111 != 0 {
			require.NoError(t, os.Chmod(path, 0o755))
		}
	}
}

func TestGoldPatchesOfRealTasksAreReached(t *gotesting.T) {
	tasks := goldPatches(t, "SWE-bench_Multilingual_test.jsonl")
	require.Len(t, tasks, 41, "rows with Go files in the gold patch")
	for _, task := range tasks {
		t.Run(task.ID, func(t *gotesting.T) {
			dir := t.TempDir()
			h := &host{dir: filepath.Join(dir, "repo"), cap: 30000}
			require.NoError(t, os.Mkdir(h.dir, 0o755))
			rebuild(t, h.dir, task.Patch)
			require.NoError(t, os.WriteFile(filepath.Join(dir, "gold"), []byte(task.Patch), 0o644))
			h.sh(t, "git init -q && git add -A -f . && git commit -q --allow-empty -m base && git apply ../gold")
			want := h.tree(t)
			h.sh(t, "git reset -q --hard && git clean -q -fdx")
			requireHonest(t, play(t, h, task), task)
			require.Equal(t, want, h.tree(t))
		})
	}
}
