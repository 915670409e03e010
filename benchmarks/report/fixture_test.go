package report_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/apprentice-rl/apprentice/benchmarks"
	"github.com/apprentice-rl/apprentice/benchmarks/report"
	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/trajectories"
)

var taskIDs = []string{
	"starter__pager-12", "starter__envfile-76", "starter__auditlog-58", "starter__bytegate-31", "starter__creditnote-104", "starter__findmark-41",
	"starter__hush-9", "starter__ledger-64", "starter__rowstream-18", "starter__slugs-15", "starter__tagcache-47", "starter__timetable-23",
}

// tests returns n names of tests.
func tests(prefix string, n int) []string {
	names := []string{}
	for i := range n {
		names = append(names, fmt.Sprintf("%s_%02d (tests.test_pages.PagesTest)", prefix, n-i))
	}
	return names
}

func resolved(i int) benchmarks.Evaluation {
	return benchmarks.Evaluation{
		Task: taskIDs[i], Verdict: benchmarks.Resolved, Duration: time.Duration(1200+310*i) * time.Millisecond,
		Grade: benchmarks.Grade{
			Gradable:   true,
			FailToPass: benchmarks.Tests{Success: tests("test_fix", 2+i%3), Failure: []string{}},
			PassToPass: benchmarks.Tests{Success: tests("test_old", 5+i), Failure: []string{}},
		},
	}
}

// failed fails n of the tests of FAIL_TO_PASS, or all.
func failed(i, n int) benchmarks.Evaluation {
	e := resolved(i)
	e.Verdict, e.Reason = benchmarks.Unresolved, benchmarks.ReasonTestsFailed
	all := e.Grade.FailToPass.Success
	n = min(n, len(all))
	e.Grade.FailToPass = benchmarks.Tests{Success: all[n:], Failure: all[:n]}
	return e
}

func results(of func(i int) benchmarks.Evaluation) benchmarks.Results {
	var list benchmarks.Results
	for i := range taskIDs {
		list = append(list, of(i))
	}
	return list
}

// demo is a run in which all is as it must be.
func demo() report.Run {
	return report.Run{
		Name: "demo", Created: time.Date(2026, 11, 9, 16, 4, 5, 6, time.UTC), Suite: "starter", Rules: benchmarks.V4,
		Sandbox: "local", Limits: sandbox.DefaultLimits(),
		Enforcement: map[sandbox.Limit]sandbox.Enforcement{
			sandbox.LimitMemory: sandbox.Enforced, sandbox.LimitDisk: sandbox.Enforced, sandbox.LimitCPU: sandbox.Unenforced,
			sandbox.LimitProcesses: sandbox.Enforced, sandbox.LimitNetwork: sandbox.Enforced, sandbox.LimitCapabilities: sandbox.Enforced,
			sandbox.LimitNewPrivileges: sandbox.Enforced, sandbox.LimitSyscalls: sandbox.Open,
		},
		Versions: map[string]string{"apprentice": "0.1.0", "go": "go1.26.8", "python": "3.11.2", "linux": "6.1.0-38"},
		Sets: []report.Set{
			{Name: "oracle", Kind: report.Oracle, Results: results(resolved)},
			{Name: "empty", Kind: report.Empty, Results: results(func(i int) benchmarks.Evaluation { return failed(i, 9) })},
			{Name: "wrong", Kind: report.Wrong, Results: results(func(i int) benchmarks.Evaluation { return failed(i, 1) })},
		},
		StepExamples: 131,
		Rewards:      rewards(),
		Trajectory:   episode(),
	}
}

// troubled is a run in which a good deal has gone wrong.
func troubled() report.Run {
	run := demo()
	run.Name, run.Sandbox, run.Image = "night|ly <2>", "docker", "sha256:0b1c2d3e4f50617283940b1c2d3e4f50617283940b1c2d3e4f50617283940b1c"
	run.Trajectory, run.Rewards = nil, nil
	mine := results(func(i int) benchmarks.Evaluation {
		switch i {
		case 0, 2, 3, 5, 8:
			return resolved(i)
		case 1:
			return benchmarks.Evaluation{Task: taskIDs[i], Verdict: benchmarks.Unresolved, Reason: benchmarks.ReasonPatchDoesNotApply,
				Detail: "error: patch failed: quote.go:28\nerror: quote.go: patch does not apply", Duration: 400 * time.Millisecond}
		case 4:
			return benchmarks.Evaluation{Task: taskIDs[i], Verdict: benchmarks.Unresolved, Reason: benchmarks.ReasonTimeout,
				Detail: "the tests did not end within 30m0s", Duration: 30 * time.Minute}
		case 6:
			return benchmarks.Evaluation{Task: taskIDs[i], Verdict: benchmarks.InfrastructureFailure,
				Detail: "launching starter__hush-9: sandbox is broken: the stream ended | <eof>"}
		case 7:
			return benchmarks.Evaluation{Task: taskIDs[i], Verdict: benchmarks.Skipped, Detail: "the image has no program go"}
		case 9:
			return benchmarks.Evaluation{Task: taskIDs[i], Verdict: benchmarks.Unresolved, Reason: benchmarks.ReasonNoPrediction}
		case 10:
			return benchmarks.Evaluation{Task: taskIDs[i], Verdict: benchmarks.Unresolved, Reason: benchmarks.ReasonLogNotGradable}
		}
		return failed(i, 2)
	})
	oracle := results(resolved)
	oracle[7] = mine[7]
	oracle[3] = failed(3, 1)
	empty := results(func(i int) benchmarks.Evaluation { return failed(i, 9) })
	empty[7] = mine[7]
	empty[2] = failed(2, 1) // so that a test passes that must fail
	run.Sets = []report.Set{
		{Name: "qwen3-8b", Title: "qwen3-8b, SRL epoch 2", Results: mine},
		{Name: "oracle", Kind: report.Oracle, Results: oracle},
		{Name: "empty", Kind: report.Empty, Results: empty},
	}
	return run
}

func rewards() *report.Rewards {
	r := &report.Rewards{Trajectory: "starter__pager-12.1", Name: "bare"}
	for _, s := range []struct {
		name   string
		scores []float64
	}{
		{"the same action", []float64{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}},
		{"one word changed", []float64{0.842, 0.871, 0.905, 0.766, 0, 0.968, 0.912, 0.954, 0.899, 0}},
		{"right tool, other file", []float64{0, 0, 0.731, 0.802, 0.846, 0.981, 0.821, 0.977, 0.868, 0}},
		{"another expert step", []float64{0.424, 0.311, 0.262, 0.471, 0.133, 0.205, 0.087, 0.118, 0.390, 0}},
		{"a wrong tool call", []float64{0.667, 0.4, 0.118, 0.133, 0.071, 0.014, 0.129, 0.021, 0.105, 0.2}},
		{"prose without a call", []float64{-1, -1, -1, -1, -1, -1, -1, -1, -1, -1}},
	} {
		series := report.Series{Name: s.name}
		for i, score := range s.scores {
			if score != 0 { // the action has no room for this variation
				series.Points = append(series.Points, report.Point{Step: i + 1, Reward: score})
			}
		}
		r.Series = append(r.Series, series)
	}
	return r
}

const issue = `The last page is missing when it is full

I list 40 entries with 20 on a page and get one page instead of two:

    >>> from pager import Pager
    >>> Pager(range(40), size=20).pages
    1

With 39 or 41 entries the number is right.`

const source = `     1	"""Cut sequences into pages."""
     2	
     3	
     4	class Pager:
     5	    def __init__(self, items, size=20):
     6	        if size < 1:
     7	            raise ValueError("a page holds at least one item")
     8	        self.items = list(items)
     9	        self.size = size
    10	
    11	    @property
    12	    def pages(self):
    13	        full, rest = divmod(len(self.items) - 1, self.size)
    14	        return full + (1 if rest else 0)
    15	
    16	    def page(self, number):
    17	        """Return the items of a page; pages count from 1."""
    18	        if not 1 <= number <= max(1, self.pages):
    19	            raise IndexError(f"there is no page {number}")
    20	        start = (number - 1) * self.size
    21	        return self.items[start:start + self.size]
`

const patch = `diff --git a/pager/pager.py b/pager/pager.py
index 5f1c0aa..8d2f1b3 100644
--- a/pager/pager.py
+++ b/pager/pager.py
@@ -10,8 +10,8 @@ class Pager:
 
     @property
     def pages(self):
-        full, rest = divmod(len(self.items) - 1, self.size)
-        return full + (1 if rest else 0)
+        """The number of pages; an empty sequence has none."""
+        return -(-len(self.items) // self.size)
 
     def page(self, number):
         """Return the items of a page; pages count from 1."""
`

// episode is ten steps of the scripted expert, with an answer in between that
// was none.
func episode() *trajectories.Trajectory {
	t := &trajectories.Trajectory{
		Header: trajectories.Header{
			Version: 1, ID: "starter__pager-12.1", Run: "demo", Attempt: 1,
			Task:   trajectories.Task{ID: "starter__pager-12", Repo: "starter/pager", ProblemStatement: issue},
			Policy: trajectories.Policy{Name: "oracle", SyntheticReasoning: true},
		},
		End: &trajectories.End{Status: trajectories.ExitSubmitted, Patch: patch},
	}
	step := func(reasoning, tool string, arguments map[string]any, text string, failed bool, took time.Duration) {
		raw, err := json.Marshal(arguments)
		if err != nil {
			panic(err)
		}
		n := len(t.Turns) + 1
		id := fmt.Sprintf("call-%d", n)
		t.Turns = append(t.Turns, trajectories.Turn{N: n, Reasoning: reasoning, Actions: []env.Action{{ID: id, Tool: tool, Arguments: raw}}})
		t.Observations = append(t.Observations, trajectories.Observation{Turn: n, Observation: env.Observation{
			Action: id, Text: text, Failed: failed, Duration: took, Submitted: tool == "submit",
		}})
	}
	bash := func(reasoning, command, text string, failed bool) {
		step(reasoning, "bash", map[string]any{"command": command}, text, failed, 43*time.Millisecond)
		end := &sandbox.Result{End: sandbox.EndExit}
		if failed {
			end.ExitCode = 1
		}
		t.Observations[len(t.Observations)-1].Result = end
	}
	const ms = time.Millisecond
	bash("I start by looking at what is in the repository.", "ls -a", ".\n..\n.git\nREADME.md\npager\ntests", false)
	bash("I check that the working tree is clean, so that I can tell my changes apart later.", "git status --porcelain", "", false)
	step("The issue speaks of \"pages\". I look for where the code does.", "search", map[string]any{"pattern": `\bpages\b`, "glob": "*.py"},
		"pager/pager.py:12:    def pages(self):\npager/pager.py:18:        if not 1 <= number <= max(1, self.pages):\ntests/test_pager.py:9:        self.assertEqual(Pager([], 3).pages, 0)", false, 9*ms)
	step("That is the place. I read it with what stands around it.", "str_replace_editor", map[string]any{"command": "view", "path": "/testbed/pager/pager.py"},
		"Here's the result of running `cat -n` on /testbed/pager/pager.py:\n"+source, false, 4*ms)
	step("The issue comes with a snippet. I write it to a file, to see the failure with my own eyes.", "str_replace_editor",
		map[string]any{"command": "create", "path": "/testbed/issue_snippet.py", "file_text": "from pager import Pager\n\nfor n in (0, 1, 39, 40, 41):\n    print(n, Pager(range(n), size=20).pages)\n"},
		"File created successfully at: /testbed/issue_snippet.py", false, 3*ms)
	bash("I run the snippet before I change anything.", "python3 issue_snippet.py", "0 0\n1 0\n39 2\n40 2\n41 2\nTraceback (most recent call last):\n  File \"/testbed/issue_snippet.py\", line 4, in <module>\nAssertionError\n[exit code 1]", true)
	t.Turns = append(t.Turns, trajectories.Turn{N: len(t.Turns) + 1, Reasoning: "Forty entries make two full pages.", FormatError: "the answer has no tool call"})
	step("divmod of one less than the length loses the last page when it is full. The number of pages is the length over the size, rounded up.", "str_replace_editor",
		map[string]any{
			"command": "str_replace", "path": "/testbed/pager/pager.py",
			"old_str": "    def pages(self):\n        full, rest = divmod(len(self.items) - 1, self.size)\n        return full + (1 if rest else 0)\n\n    def page(self, number):",
			"new_str": "    def pages(self):\n        \"\"\"The number of pages; an empty sequence has none.\"\"\"\n        return -(-len(self.items) // self.size)\n\n    def page(self, number):",
		}, "The file /testbed/pager/pager.py has been edited. Here's the result of running `cat -n` on a snippet of /testbed/pager/pager.py:\n"+source, false, 5*ms)
	bash("I run the snippet again, and the tests that exist.", "python3 issue_snippet.py &&\npython3 -m unittest discover -s tests -v", strings.Repeat("test_holds (tests.test_pager.PagerTest) ... ok\n", 120)+"\nRan 120 tests in 1.204s\n\nOK", false)
	bash("The snippet has done its work. I remove it.", "rm issue_snippet.py && git status --porcelain", " M pager/pager.py", false)
	step("Only what the issue asks for has changed. I hand it in.", "submit", map[string]any{}, "The work was submitted.", false, 0)
	return t
}
