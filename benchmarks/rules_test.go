package benchmarks_test

import (
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/benchmarks"
	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/sandbox/sandboxtest"
)

func TestRules(t *testing.T) {
	const start, end = "+ : '>>>>> Start Test Output'\n", "+ : '>>>>> End Test Output'\n"
	type lists struct{ success, failure []string }
	tests := []struct {
		name   string
		rules  benchmarks.Rules // both, where empty
		task   env.Task
		log    string
		broken bool // the log is not gradable
		f2p    lists
		p2p    lists
	}{
		{
			name: "passed, failed and absent tests",
			task: env.Task{FailToPass: []string{"a", "b"}, PassToPass: []string{"c", "d"}},
			log:  start + "PASSED a\nFAILED b - assert 1\nXFAIL c\n" + end,
			f2p:  lists{[]string{"a"}, []string{"b"}},
			p2p:  lists{[]string{"c"}, []string{"d"}},
		},
		{
			name: "results before the start and after the end do not count",
			task: env.Task{FailToPass: []string{"a", "b", "c"}},
			log:  "PASSED a\n" + start + "PASSED b\n" + end + "PASSED c\n",
			f2p:  lists{[]string{"b"}, []string{"a", "c"}},
		},
		{
			name: "results outside count where nothing is inside",
			task: env.Task{FailToPass: []string{"a"}},
			log:  start + end + "PASSED a\n",
			f2p:  lists{[]string{"a"}, nil},
		},
		{
			name: "old Mac line endings",
			task: env.Task{FailToPass: []string{"a", "b"}},
			log:  start + "PASSED a\rPASSED b\r\n" + end,
			f2p:  lists{[]string{"a", "b"}, nil},
		},
		{
			name: "bytes that are not UTF-8",
			task: env.Task{FailToPass: []string{"a"}},
			log:  start + "\xff\xfe\nPASSED a\n" + end,
			f2p:  lists{[]string{"a"}, nil},
		},
		{name: "no start", log: "PASSED a\n" + end, broken: true},
		{name: "no end", log: start + "PASSED a\n", broken: true},
		{name: "a mark of failure", log: start + ">>>>> Tests Timed Out\nPASSED a\n" + end, broken: true},
		{
			name: "skipped tests are left out by release 4", rules: benchmarks.V4,
			task: env.Task{FailToPass: []string{"a"}, PassToPass: []string{"b"}},
			log:  start + "SKIPPED a\nSKIPPED b\n" + end,
		},
		{
			name: "skipped tests count in release 5", rules: benchmarks.V5,
			task: env.Task{FailToPass: []string{"a"}, PassToPass: []string{"b"}},
			log:  start + "SKIPPED a\nSKIPPED b\n" + end,
			f2p:  lists{nil, []string{"a"}},
			p2p:  lists{[]string{"b"}, nil},
		},
		{
			name: "truncated ids fail in release 4", rules: benchmarks.V4,
			task: env.Task{LogParser: "parse_log_gotest", FailToPass: []string{"T/a["}},
			log:  start + "--- PASS: T/a[x_y] (0.00s)\n" + end,
			f2p:  lists{nil, []string{"T/a["}},
		},
		{
			name: "truncated ids stand for all that begin with them in release 5", rules: benchmarks.V5,
			task: env.Task{LogParser: "parse_log_gotest", FailToPass: []string{"T/a[x", "T/b[", "T/c[", "T/d"}},
			log: start + "--- PASS: T/a[x_y] (0.00s)\n--- PASS: T/a[x_z] (0.00s)\n--- PASS: T/b[1] (0s)\n" +
				"--- FAIL: T/b[2] (0s)\n--- PASS: T/d[1] (0s)\n" + end,
			f2p: lists{[]string{"T/a[x"}, []string{"T/b[", "T/c[", "T/d"}},
		},
		{
			name: "runners that name failures only",
			task: env.Task{EvalType: "fail_only", FailToPass: []string{"a"}, PassToPass: []string{"b", "c"}},
			log:  start + "FAILED b\nERROR c\n" + end,
			f2p:  lists{[]string{"a"}, nil},
			p2p:  lists{[]string{"c"}, []string{"b"}},
		},
		{
			name: "a log without results is judged by release 4", rules: benchmarks.V4,
			task: env.Task{Repo: "markedjs/marked", FailToPass: []string{"a"}},
			log:  start + end,
			f2p:  lists{[]string{"a"}, nil},
		},
		{
			name: "a log without results is not judged by release 5", rules: benchmarks.V5,
			task: env.Task{EvalType: "fail_only", FailToPass: []string{"a"}},
			log:  start + end, broken: true,
		},
		{
			name: "a log without results but with a sign of a suite", rules: benchmarks.V5,
			task: env.Task{EvalType: "fail_only", FailToPass: []string{"a"}},
			log:  start + "12 passing\n" + end,
			f2p:  lists{[]string{"a"}, nil},
		},
		{
			name: "printed results are believed by release 4", rules: benchmarks.V4,
			task: env.Task{FailToPass: []string{"a"}},
			log:  start + "PASSED a\n" + end + ">>>>> Test Exit Code: 1\n",
			f2p:  lists{[]string{"a"}, nil},
		},
		{
			name: "printed results are not believed by release 5", rules: benchmarks.V5,
			task: env.Task{FailToPass: []string{"a"}},
			log:  start + "PASSED a\n" + end + ">>>>> Test Exit Code: 1\n", broken: true,
		},
		{
			name: "an exit code that the results explain", rules: benchmarks.V5,
			task: env.Task{FailToPass: []string{"a"}},
			log:  start + "PASSED a\nFAILED b\n" + end + ">>>>> Test Exit Code: 1\n",
			f2p:  lists{[]string{"a"}, nil},
		},
	}
	for _, test := range tests {
		for _, rules := range []benchmarks.Rules{benchmarks.V4, benchmarks.V5} {
			if test.rules != "" && test.rules != rules {
				continue
			}
			t.Run(test.name+" "+string(rules), func(t *testing.T) {
				if test.task.LogParser == "" {
					test.task.LogParser = "parse_log_pytest"
				}
				grade, err := rules.Grade(test.task, test.log)
				require.NoError(t, err)
				require.Equal(t, !test.broken, grade.Gradable)
				require.ElementsMatch(t, test.f2p.success, grade.FailToPass.Success)
				require.ElementsMatch(t, test.f2p.failure, grade.FailToPass.Failure)
				require.ElementsMatch(t, test.p2p.success, grade.PassToPass.Success)
				require.ElementsMatch(t, test.p2p.failure, grade.PassToPass.Failure)
				require.Equal(t, !test.broken && len(test.f2p.failure)+len(test.p2p.failure) == 0, grade.Resolved())
			})
		}
	}
}

func TestUnknownParserIsTheUsersError(t *testing.T) {
	_, err := benchmarks.V4.Grade(env.Task{ID: "x", LogParser: "parse_log_cobol"}, "")
	require.ErrorContains(t, err, `no log parser is called "parse_log_cobol"; the known ones are parse_log_astroid,`)
}

func TestRulesOfRelease5LogTheExitCode(t *testing.T) {
	script := "#!/bin/bash\nset -uxo pipefail\ncd /testbed\n: '>>>>> Start Test Output'\nfalse\n: '>>>>> End Test Output'\ntrue\n"
	require.Equal(t, script, benchmarks.V4.Script(script))
	require.Equal(t, "#!/bin/bash\nset -uxo pipefail\ncd /testbed\n: '>>>>> Start Test Output'\nfalse\n"+
		"SWEBENCH_TEST_EXIT_CODE=$?\n: '>>>>> End Test Output'\n"+
		"echo \">>>>> Test Exit Code: $SWEBENCH_TEST_EXIT_CODE\"\ntrue\n", benchmarks.V5.Script(script))
	require.Equal(t, "make test\n", benchmarks.V5.Script("make test\n"))
}

// TestRealVerdicts grades logs of real SWE-bench Verified runs and compares
// with the reports that the harness wrote.
func TestRealVerdicts(t *testing.T) {
	data := testdata(t)
	tasks := map[string]env.Task{}
	for _, task := range verified(t, data) {
		tasks[task.ID] = task
	}
	reports, err := filepath.Glob(filepath.Join(data, "harness-runs/verified/*/*/report.json"))
	require.NoError(t, err)
	require.Len(t, reports, 80)
	for _, path := range reports {
		id := filepath.Base(filepath.Dir(path))
		t.Run(filepath.Base(filepath.Dir(filepath.Dir(path)))+"/"+id, func(t *testing.T) {
			log, err := os.ReadFile(filepath.Join(filepath.Dir(path), "test_output.txt"))
			require.NoError(t, err)
			var want map[string]struct {
				Resolved bool `json:"resolved"`
				Tests    struct {
					FailToPass benchmarks.Tests `json:"FAIL_TO_PASS"`
					PassToPass benchmarks.Tests `json:"PASS_TO_PASS"`
				} `json:"tests_status"`
			}
			report, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NoError(t, json.Unmarshal(report, &want))

			v4, err := benchmarks.V4.Grade(tasks[id], string(log))
			require.NoError(t, err)
			require.True(t, v4.Gradable)
			require.Equal(t, want[id].Resolved, v4.Resolved())
			require.Equal(t, want[id].Tests.FailToPass, v4.FailToPass)
			require.Equal(t, want[id].Tests.PassToPass, v4.PassToPass)

			v5, err := benchmarks.V5.Grade(tasks[id], string(log))
			require.NoError(t, err)
			require.Equal(t, want[id].Resolved, v5.Resolved())
		})
	}
}

// testdata is the folder with data that is not ours to ship.
func testdata(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("APPRENTICE_TESTDATA")
	if dir == "" {
		sandboxtest.Missing(t, "testdata", "APPRENTICE_TESTDATA names no folder with recorded SWE-bench runs")
	}
	return dir
}

func verified(t *testing.T, data string) []env.Task {
	t.Helper()
	file, err := os.Open(filepath.Join(data, "datasets/SWE-bench_Verified_test.jsonl.gz"))
	require.NoError(t, err)
	defer file.Close()
	rows, err := gzip.NewReader(file)
	require.NoError(t, err)
	tasks, err := env.ReadTasks("SWE-bench_Verified_test.jsonl", rows)
	require.NoError(t, err)
	require.Len(t, tasks, 500)
	return tasks
}
