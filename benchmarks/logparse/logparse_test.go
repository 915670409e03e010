package logparse_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/benchmarks/logparse"
)

type results = logparse.Results

const (
	passed  = logparse.Passed
	failed  = logparse.Failed
	skipped = logparse.Skipped
	errored = logparse.Error
	xfail   = logparse.XFail
)

func TestParsers(t *testing.T) {
	tests := []struct {
		name   string
		parser string
		log    string
		want   results
		v5     results // where it differs
	}{
		{
			name: "go with subtests", parser: "parse_log_gotest",
			log: "=== RUN   TestA\n    --- PASS: TestA/one_(two) (0.01s)\n--- FAIL: TestA (0.01s)\n--- SKIP: TestB (0.00s)\n" +
				"--- PASS: TestC\nPASS\nok  \texample.com/m\t0.003s\n",
			want: results{"TestA/one_(two)": passed, "TestA": failed, "TestB": skipped},
		},
		{
			name: "pytest cuts ids at blanks", parser: "parse_log_pytest",
			log: "PASSED t.py::a\nFAILED t.py::b[x y] - assert 1 == 2\nERROR t.py::c\nXFAIL t.py::d why\nPASSED\n PASSED t.py::e\n" +
				"FAILED t.py::f - KeyError",
			want: results{"t.py::a": passed, "t.py::b[x": failed, "t.py::c": errored, "t.py::d": xfail, "t.py::f": failed},
		},
		{
			name: "pytest counting skips", parser: "parse_log_pytest",
			log:  "SKIPPED [3] t.py:12: no network\nPASSED [100%]\nSKIPPED t.py::a\n",
			want: results{"[3]": skipped, "[100%]": passed, "t.py::a": skipped},
			v5:   results{"[100%]": passed, "t.py::a": skipped},
		},
		{
			name: "pytest keeps the first word whatever it is", parser: "parse_log_flask",
			log: "ERRORS t.py::a\n", want: results{"t.py::a": "ERRORS"},
		},
		{
			name: "pytest splits at Unicode blanks and information separators", parser: "parse_log_pytest",
			log:  "PASSED\u00a0a\u2003b\nPASSED c\x1fd\n",
			want: results{"a": passed, "c": passed},
		},
		{
			name: "pytest with paths as options", parser: "parse_log_pytest_options",
			log:  "PASSED t.py::a[/tmp/x/y.txt]\nPASSED t.py::b[//host/x]\nPASSED t.py::c[/a/*]\nPASSED t.py::d[1][/b/c]\nPASSED t.py::e\n",
			want: results{"t.py::a[/y.txt]": passed, "t.py::b[//host/x]": passed, "t.py::c[/a/*]": passed, "t.py::d[1][/b/c]": passed, "t.py::e": passed},
		},
		{
			name: "pytest with colours and the status last", parser: "parse_log_pytest_v2",
			log:  "\x1b[32mPASSED\x1b[0m t.py::a[x y]\nt.py::b \x1b[31mFAILED\x1b[0m\nFAILED t.py::c[x - y] - no\n",
			want: results{"t.py::a[x": passed, "t.py::b": failed, "t.py::c[x": failed},
			v5:   results{"t.py::a[x y]": passed, "t.py::b": failed, "t.py::c[x": failed},
		},
		{
			name: "pytest with the status last after a blank in the id", parser: "parse_log_sphinx",
			log:  "t.py::a b PASSED\n",
			want: results{"t.py::a": "b"},
			v5:   results{"t.py::a b": passed},
		},
		{
			name: "matplotlib names mouse buttons", parser: "parse_log_matplotlib",
			log:  "PASSED t.py::a[MouseButton.LEFT-MouseButton.RIGHT]\n",
			want: results{"t.py::a[1-3]": passed},
		},
		{
			name: "seaborn", parser: "parse_log_seaborn",
			log:  "t.py::a PASSED [ 10%]\nFAILED t.py::b - x\nPASSED t.py::c\nFAILED\nx y PASSED z\n",
			want: results{"t.py::a": passed, "t.py::b": failed, "t.py::c": passed},
		},
		{
			name: "django", parser: "parse_log_django",
			log: "test_a (app.T) ... ok\ntest_b (app.T) ... FAIL\ntest_c (app.T) ... ERROR\ntest_d (app.T) ... skipped 'no'\n" +
				"A docstring ...  OK\nFAIL: test_e (app.T)\nERROR: test_f (app.T)\nFAIL:\n" +
				"test_g (app.T) ... some output\nok\n",
			want: results{
				"test_a (app.T)": passed, "test_b (app.T)": failed, "test_c (app.T)": errored, "test_d (app.T)": skipped,
				"A docstring": passed, "test_e": failed, "test_f": errored, "test_g (app.T)": passed,
			},
		},
		{
			name: "django interrupted by its own output", parser: "parse_log_django",
			log: "test_a (m.T) ... Testing against Django installed in '/x'\nwith 2 processes (0 silenced).\nok\n" +
				"test_b (m.T) ... Internal Server Error: /b/\nok\n" +
				"test_c (m.T) ... System check identified no issues (0 silenced)\nok\n" +
				"Applying sites.0002_alter_domain_unique...test_no_migrations (m.T) ... ok\n",
			want: results{
				"test_a (m.T)": passed, "test_b (m.T)": passed, "test_c (m.T)": passed,
				"test_no_migrations (m.T)": passed,
				// The remembered line is the uncut one; "ok" alone follows test_c.
			},
		},
		{
			name: "sympy", parser: "parse_log_sympy",
			log:  "test_a ok\ntest_b F\ntest_c E\n____ sympy/core/t.py:test_d ____\nother ok\n",
			want: results{"test_a": passed, "test_b": failed, "test_c": errored, "sympy/core/t.py:test_d": failed},
		},
		{
			name: "cargo", parser: "parse_log_cargo",
			log:  "running 3 tests\ntest a::b ... ok\ntest a::c ... FAILED\ntest a::d ... ignored\ntest a - b (line 1) ... ok\n",
			want: results{"a::b": passed, "a::c": failed},
		},
		{
			name: "jest", parser: "parse_log_jest",
			log:  "  ✓ adds (12 ms)\n  ✕ subtracts\n  ○ skipped divides\n",
			want: results{"adds": passed, "subtracts": failed, "skipped divides": skipped},
		},
		{
			name: "maven in order", parser: "parse_log_maven",
			log:  "+ mvn test -Dtest=A#x -q\n[INFO] BUILD SUCCESS\n+ mvn test -Dtest=B\n[INFO] BUILD FAILURE\n",
			want: results{"A#x": passed, "B": failed},
		},
		{
			name: "maven with both streams apart", parser: "parse_log_maven",
			log:  "[INFO] BUILD FAILURE\n[INFO] BUILD SUCCESS\n+ mvn test -Dtest=A\n+ mvn test -Dtest=B\n",
			want: results{"---NO TEST NAME FOUND YET---": passed},
			v5:   results{"A": failed, "B": passed},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			parse, err := logparse.Lookup(test.parser)
			require.NoError(t, err)
			require.Equal(t, test.want, parse(test.log, logparse.V4))
			if test.v5 == nil {
				test.v5 = test.want
			}
			require.Equal(t, test.v5, parse(test.log, logparse.V5))
		})
	}
}

func TestLookupOfAnUnknownNameListsTheKnownOnes(t *testing.T) {
	_, err := logparse.Lookup("gotest")
	var unknown *logparse.UnknownError
	require.ErrorAs(t, err, &unknown)
	require.Equal(t, "gotest", unknown.Name)
	for _, name := range logparse.Names() {
		require.ErrorContains(t, err, name)
	}
	require.True(t, slices.IsSorted(logparse.Names()))
}

func FuzzParsers(f *testing.F) {
	f.Add("PASSED a\nFAILED b - c\nERROR\n")
	f.Add("test_x (a.T) ... ok\r\nFAIL:\rok")
	f.Add("_ a.py:b _\ntest_\x1c ok")
	f.Add("-Dtest=\nBUILD SUCCESS")
	f.Add("\x1b[31m✓ \xff")
	f.Fuzz(func(t *testing.T, log string) {
		for _, name := range logparse.Names() {
			parse, err := logparse.Lookup(name)
			require.NoError(t, err)
			for _, d := range []logparse.Dialect{logparse.V4, logparse.V5} {
				require.Equal(t, parse(log, d), parse(log, d), name)
			}
		}
	})
}
