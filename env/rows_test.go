package env_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/sandbox/sandboxtest"
)

const (
	commit = "0123456789abcdef0123456789abcdef01234567"
	row    = `{"instance_id":"a__b-1","repo":"a/b","base_commit":"` + commit + `","problem_statement":"It fails."}`
)

func TestReadTasksReadsEveryShapeOfRow(t *testing.T) {
	want := env.Task{ID: "a__b-1", Repo: "a/b", BaseCommit: commit, ProblemStatement: "It fails."}
	change := func(f func(*env.Task)) []env.Task {
		task := want
		f(&task)
		return []env.Task{task}
	}
	with := func(fields string) string { return strings.TrimSuffix(row, "}") + "," + fields + "}\n" }
	for _, tt := range []struct {
		name, rows string
		want       []env.Task
	}{
		{"no rows", "", nil},
		{"the least", row, []env.Task{want}},
		{"blank lines, Windows line ends and a byte order mark", "\ufeff\r\n" + row + "\r\n\n", []env.Task{want}},
		{"lists as JSON text", with(`"FAIL_TO_PASS":"[\"t1\", \"t2\"]","PASS_TO_PASS":"[]"`),
			change(func(t *env.Task) { t.FailToPass, t.PassToPass = []string{"t1", "t2"}, []string{} })},
		{"lists as lists", with(`"FAIL_TO_PASS":["t1","t2"],"PASS_TO_PASS":[]`),
			change(func(t *env.Task) { t.FailToPass, t.PassToPass = []string{"t1", "t2"}, []string{} })},
		{"nulls", with(`"FAIL_TO_PASS":null,"hints_text":null,"version":null`), []env.Task{want}},
		{"numbers for versions and times", with(`"version": 13704, "created_at": 1.5`),
			change(func(t *env.Task) { t.Version, t.CreatedAt = "13704", "1.5" })},
		{"unknown columns", with(`"difficulty":{"a":[1,2]},"x":1`), []env.Task{want}},
		{"the columns of version 5", with(`"image":"i:1","eval_script":"#!/bin/bash\n","log_parser":"parse_log_gotest","eval_type":"fail_only"`),
			change(func(t *env.Task) {
				t.Image, t.EvalScript, t.LogParser, t.EvalType = "i:1", "#!/bin/bash\n", "parse_log_gotest", env.EvalFailOnly
			})},
		{"our own columns", with(`"test_command":"go test ./...","needs":["go"],"setup":"go build std"`),
			change(func(t *env.Task) { t.TestCommand, t.Needs, t.Setup = "go test ./...", []string{"go"}, "go build std" })},
		{"a text of megabytes", with(`"patch":"` + strings.Repeat("x", 5<<20) + `"`),
			change(func(t *env.Task) { t.Patch = strings.Repeat("x", 5<<20) })},
		{"a text with its line ends and signs", with(`"patch":"a\r\nb\tc \u00e9\\"`),
			change(func(t *env.Task) { t.Patch = "a\r\nb\tc é\\" })},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := env.ReadTasks("tasks.jsonl", iotest.HalfReader(strings.NewReader(tt.rows)))
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
}

func TestReadTasksSaysWhereARowIsBroken(t *testing.T) {
	for _, tt := range []struct {
		name, rows string
		line, col  int
		field      string
		says       string
	}{
		{"not JSON", row + "\n{\"instance_id\": oops}\n", 2, 17, "", "not JSON"},
		{"cut off", row[:40], 1, 40, "", "one JSON object on one line"},
		{"two objects", row + row, 1, len(row) + 1, "", "not JSON"},
		{"a JSON list", "[" + row + "]", 1, 1, "", "must be split into lines"},
		{"a string", "\n  \"x\"\n", 2, 3, "", "not a JSON object"},
		{"gzip", "\x1f\x8b\x08\x00", 1, 1, "", "unpack it first"},
		{"Latin-1", strings.Replace(row, "It fails", "\ufffd \xe9", 1), 1, 120, "", "convert the file to UTF-8"},
		{"no id", strings.Replace(row, "a__b-1", "", 1), 1, 16, "instance_id", "every row needs one"},
		{"no repo", strings.Replace(row, `"repo":"a/b",`, "", 1), 1, 1, "repo", "every row needs one"},
		{"no base commit", strings.Replace(row, commit, "", 1), 1, 52, "base_commit", "every row needs one"},
		{"no problem", strings.Replace(row, "problem_statement", "problem", 1), 1, 1, "problem_statement", "every row needs one"},
		{"an id that is a path", strings.Replace(row, "a__b-1", "../../x", 1), 1, 16, "instance_id", "cannot be the name of a file"},
		{"a branch as base", strings.Replace(row, commit, "main", 1), 1, 52, "base_commit", "40 hexadecimal digits"},
		{"a number as id", strings.Replace(row, `"a__b-1"`, "7", 1), 1, 16, "instance_id", "found a JSON number; write a string"},
		{"a list that is text", strings.TrimSuffix(row, "}") + `, "FAIL_TO_PASS": "t1"}`, 1, len(row) + 18, "FAIL_TO_PASS", "write a list of strings"},
		{"a list of numbers", strings.TrimSuffix(row, "}") + `,"PASS_TO_PASS":[1]}`, 1, len(row) + 16, "PASS_TO_PASS", "write a list of strings"},
		{"an eval type of the future", strings.TrimSuffix(row, "}") + `,"eval_type":"maybe"}`, 1, len(row) + 13, "eval_type", `write "pass_and_fail" or "fail_only"`},
		{"an id twice", row + "\n\n" + row, 3, 1, "instance_id", "already on line 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := env.ReadTasks("tasks.jsonl", strings.NewReader(tt.rows))
			var broken *env.RowError
			require.ErrorAs(t, err, &broken)
			require.Equal(t, "tasks.jsonl", broken.File)
			require.Equal(t, tt.line, broken.Line)
			require.Equal(t, tt.col, broken.Column)
			require.Equal(t, tt.field, broken.Field)
			require.ErrorContains(t, err, tt.says)
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestReadTasksPassesOnThatReadingFailed(t *testing.T) {
	broken := errors.New("broken")
	_, err := env.ReadTasks("tasks.jsonl", io.MultiReader(strings.NewReader(row+"\n"), iotest.ErrReader(broken)))
	require.ErrorIs(t, err, broken)
	require.ErrorContains(t, err, "tasks.jsonl, line 2")
}

func TestReadTasksReadsThePublishedDataSets(t *testing.T) {
	data := os.Getenv("APPRENTICE_TESTDATA")
	if data == "" {
		sandboxtest.Missing(t, "testdata", "APPRENTICE_TESTDATA names no folder with the published data sets")
	}
	for _, tt := range []struct {
		file string
		rows int
	}{
		{"SWE-bench_Multilingual_test.jsonl", 300},
		{"SWE-bench_Verified_test.jsonl.gz", 500},
		{"SWE-bench_Lite_test.jsonl.gz", 300},
		{"SWE-bench_Multimodal_dev.jsonl.gz", 102},
	} {
		t.Run(tt.file, func(t *testing.T) {
			f, err := os.Open(filepath.Join(data, "datasets", tt.file))
			require.NoError(t, err)
			defer f.Close()
			var r io.Reader = f
			if filepath.Ext(tt.file) == ".gz" {
				r, err = gzip.NewReader(f)
				require.NoError(t, err)
			}
			tasks, err := env.ReadTasks(tt.file, r)
			require.NoError(t, err)
			require.Len(t, tasks, tt.rows)
			failToPass := 0
			for _, task := range tasks {
				require.NotEmpty(t, task.Patch, task.ID)
				require.NotEmpty(t, task.TestPatch, task.ID)
				require.NotEmpty(t, task.Image, task.ID)
				require.Contains(t, task.EvalScript, ">>>>> Start Test Output", task.ID)
				require.NotEmpty(t, task.LogParser, task.ID)
				if len(task.FailToPass) > 0 {
					failToPass++
				}
			}
			require.GreaterOrEqual(t, failToPass, tt.rows-1) // one row of Multilingual has none
		})
	}
}

func FuzzReadTasks(f *testing.F) {
	f.Add([]byte(row))
	f.Add([]byte(strings.TrimSuffix(row, "}") + `,"FAIL_TO_PASS":"[\"a\"]","version":1}` + "\n" + row))
	f.Add([]byte("[" + row + "]"))
	f.Add([]byte("{\"instance_id\":\xff}"))
	f.Add([]byte("\n\n{\"a\":{}}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		tasks, err := env.ReadTasks("f", bytes.NewReader(data))
		if err != nil {
			var broken *env.RowError
			require.ErrorAs(t, err, &broken)
			lines := bytes.SplitAfter(data, []byte("\n"))
			require.LessOrEqual(t, broken.Line, len(lines))
			require.GreaterOrEqual(t, broken.Column, 1)
			require.LessOrEqual(t, broken.Column, len(lines[broken.Line-1])+1)
			return
		}
		// What was read is read the same when it is written out.
		var b bytes.Buffer
		for _, task := range tasks {
			require.NoError(t, json.NewEncoder(&b).Encode(task))
		}
		again, err := env.ReadTasks("f", &b)
		require.NoError(t, err)
		require.Equal(t, len(tasks), len(again))
		for i := range tasks {
			first, err := json.Marshal(tasks[i])
			require.NoError(t, err)
			second, err := json.Marshal(again[i])
			require.NoError(t, err)
			require.Equal(t, string(first), string(second))
		}
	})
}
