package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/apprentice-rl/apprentice/benchmarks"
	"github.com/apprentice-rl/apprentice/benchmarks/report"
	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/sandbox"
)

func (a *app) benchCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "bench",
		Short:   "Measure resolve rates the SWE-bench way",
		Example: "  apprentice bench grade --predictions gold",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.benchGradeCommand())
	return cmd
}

func (a *app) benchGradeCommand() *cobra.Command {
	var (
		sf      sandboxFlags
		tf      taskFlags
		rf      runFlags
		preds   string
		set     string
		rules   string
		timeout time.Duration
		minimum float64
	)
	cmd := &cobra.Command{
		Use:   "grade --predictions FILE|gold|empty",
		Short: "Grade predictions, each in a fresh sandbox",
		Long: `Grade predictions by SWE-bench's rules, each in a fresh sandbox that no policy has
touched. Predictions are SWE-bench's (.jsonl or .json); "gold" takes the tasks'
own patches, and "empty" none, with the tests run all the same.

A patch that does not apply and tests that run out of time are verdicts. What
the infrastructure breaks is retried, then reported apart and never scored.
What is graded already is not graded again, unless the task, the patch, the
image or the rules have changed.`,
		Example: `  apprentice bench grade --predictions gold
  apprentice bench grade --predictions runs/mine/predictions/llm.jsonl --run runs/mine --min-resolve-rate 0.3
  apprentice bench grade --tasks multilingual.jsonl --task gin-gonic__gin-1957 --predictions gold --sandbox docker`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if preds == "" {
				return userf("name the predictions: --predictions FILE, gold or empty")
			}
			release, err := a.openRun(&rf)
			if err != nil {
				return err
			}
			defer release()
			r, err := benchmarks.ParseRules(rules)
			if err != nil {
				return userf("--rules: %w", err)
			}
			if timeout <= 0 {
				return userf("--timeout %v: want more than 0", timeout)
			}
			suite, err := tf.suite()
			if err != nil {
				return err
			}
			g := grading{suite: suite, run: rf, rules: r, timeout: timeout}
			if g.predictions, g.set, err = predictions(preds, suite); err != nil {
				return err
			}
			if len(tf.ids) > 0 {
				g.predictions = only(g.predictions, suite)
			}
			for _, p := range g.predictions { // before a sandbox is needed
				if _, err := suite.Task(p.ID); err != nil {
					return fmt.Errorf("--predictions %s: %w", preds, err)
				}
			}
			if set != "" {
				g.set = set
			}
			if minimum < 0 || minimum > 1 {
				return userf("--min-resolve-rate %v: want a share from 0 to 1", minimum)
			}
			d, err := a.openDriver(cmd.Context(), sf, suite.Tasks...)
			if err != nil {
				return err
			}
			defer d.Close()
			if err := writeRunInfo(cmd.Context(), rf, d, runInfo{Command: "bench grade", Suite: suite.Name, Options: map[string]any{
				"predictions": preds, "rules": r, "timeout": timeout.String(),
			}}); err != nil {
				return err
			}
			g.gold, g.runEmpty = preds == "gold", preds == "empty"
			results, err := a.grade(cmd.Context(), d, g)
			if err != nil {
				return err
			}
			if err := writeReport(cmd.Context(), d, g, results); err != nil {
				return err
			}
			return a.reportGrading(g, results, minimum)
		},
	}
	sf.add(cmd)
	tf.add(cmd)
	rf.add(cmd)
	cmd.Flags().StringVarP(&preds, "predictions", "p", "", "predictions file, or gold, or empty")
	cmd.Flags().StringVar(&set, "set", "", "name of the set in the run (default: from the file's name)")
	cmd.Flags().StringVar(&rules, "rules", "v4", "rules of which SWE-bench release: v4 (4.1) or v5")
	cmd.Flags().DurationVar(&timeout, "timeout", benchmarks.DefaultTimeout, "wall time of one task's tests")
	cmd.Flags().Float64Var(&minimum, "min-resolve-rate", 0, "exit with 1 when the resolve rate is below this (0 to 1)")
	_ = cmd.RegisterFlagCompletionFunc("predictions", cobra.FixedCompletions([]string{"gold", "empty"}, cobra.ShellCompDirectiveDefault))
	_ = cmd.RegisterFlagCompletionFunc("rules", cobra.FixedCompletions([]string{"v4", "v5"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// predictions reads what --predictions names, and names the set.
func predictions(from string, suite benchmarks.Suite) ([]benchmarks.Prediction, string, error) {
	switch from {
	case "gold", "empty":
		var preds []benchmarks.Prediction
		for _, t := range suite.Tasks {
			p := benchmarks.Prediction{ID: t.ID, Model: from}
			if from == "gold" {
				p.Patch = &t.Patch
			}
			preds = append(preds, p)
		}
		return preds, from, nil
	}
	f, err := os.Open(from)
	if err != nil {
		return nil, "", userf("--predictions: %w", err)
	}
	defer f.Close()
	preds, err := benchmarks.ReadPredictions(from, f)
	if err != nil {
		return nil, "", userError{err}
	}
	name := filepath.Base(from)
	return preds, name[:len(name)-len(filepath.Ext(name))], nil
}

// only keeps the predictions for the tasks that were chosen.
func only(preds []benchmarks.Prediction, suite benchmarks.Suite) []benchmarks.Prediction {
	var kept []benchmarks.Prediction
	for _, p := range preds {
		if _, err := suite.Task(p.ID); err == nil {
			kept = append(kept, p)
		}
	}
	return kept
}

// A grading is one set of predictions to grade.
type grading struct {
	suite       benchmarks.Suite
	run         runFlags
	set         string
	predictions []benchmarks.Prediction
	rules       benchmarks.Rules
	timeout     time.Duration
	runEmpty    bool
	gold        bool // the predictions are the tasks' own patches
}

func (a *app) grade(ctx context.Context, d sandbox.Driver, g grading) (benchmarks.Results, error) {
	bar := a.progress("grade "+g.set, len(g.suite.Tasks))
	defer bar.close()
	e := benchmarks.Evaluator{
		Launch:   benchmarks.From(&env.Launcher{Driver: d, Run: g.run.name(), Lifetime: lifetime(g.timeout), OnSetup: bar.settingUp}),
		Image:    d.Resolve,
		Dir:      g.run.dir,
		Rules:    g.rules,
		Timeout:  g.timeout,
		Parallel: g.run.parallel,
		Retries:  2,
		RunEmpty: g.runEmpty,
		Progress: gradeProgress{bar},
	}
	return e.Run(ctx, g.suite, g.set, g.predictions)
}

// gradeProgress shows what an evaluator does.
type gradeProgress struct{ bar *progress }

func (p gradeProgress) Graded(e benchmarks.Evaluation) {
	text := string(e.Verdict)
	if e.Reason != "" {
		text += ": " + string(e.Reason)
	}
	if e.Reused {
		text += ", kept"
	}
	if !e.Verdict.Scored() {
		text += ": " + e.Detail
	}
	p.bar.add("%s: %s", e.Task, text)
}

func (p gradeProgress) Warning(task string, err error) { p.bar.note("%s: %v", task, err) }

// writeReport writes the report of a run, with the sets that were graded in it
// before.
func writeReport(ctx context.Context, d sandbox.Driver, g grading, results benchmarks.Results) error {
	set := report.Set{Name: g.set, Results: results}
	switch {
	case g.runEmpty:
		set.Kind = report.Empty
	case g.gold:
		set.Kind, set.Title = report.Oracle, "Gold"
		set.Note = "The tasks' own patches, graded as they are: a check of tasks, sandbox and grading."
	}
	shown, err := longest(trajectoriesOf(g.run.dir))
	if err != nil {
		return err
	}
	run := report.Run{
		Name: g.run.name(), Created: time.Now().UTC(), Suite: g.suite.Name, Sandbox: d.Name(), Rules: g.rules,
		Limits: sandbox.DefaultLimits(), Versions: versions(), Sets: []report.Set{set}, Trajectory: shown,
	}
	run.Image, _ = d.Resolve(ctx, g.suite.Tasks[0].Image) // one that is not there has failed already
	r := report.New(run)
	if earlier, err := report.Read(filepath.Join(g.run.dir, "report.json")); err == nil {
		r = r.With(earlier)
	}
	return r.Write(g.run.dir)
}

// reportGrading prints the verdicts and the rate.
func (a *app) reportGrading(g grading, results benchmarks.Results, minimum float64) error {
	set := g.set
	rate := results.Rate()
	if a.json {
		low, high := rate.Interval()
		rows := []map[string]any{}
		for _, e := range results {
			rows = append(rows, map[string]any{
				"task": e.Task, "verdict": e.Verdict, "reason": e.Reason, "detail": e.Detail, "seconds": e.Duration.Seconds(),
				"FAIL_TO_PASS": e.Grade.FailToPass, "PASS_TO_PASS": e.Grade.PassToPass,
			})
		}
		err := a.printJSON(map[string]any{
			"set": set, "resolved": rate.Resolved, "total": len(results), "rate": rate.Value(), "rate_low": low, "rate_high": high,
			"infrastructure_failures": results.Count(benchmarks.InfrastructureFailure),
			"skipped":                 results.Count(benchmarks.Skipped), "tasks": rows,
		})
		if err != nil {
			return err
		}
	} else {
		for _, e := range results {
			fmt.Fprintln(a.stdout, strings.TrimRight(fmt.Sprintf("%-32s %-12s %s", e.Task, e.Verdict, why(e)), " "))
		}
		fmt.Fprintf(a.stdout, "%s: %s\nreport in %s\n", set, rate, filepath.Join(g.run.dir, "report.html"))
	}
	if n := results.Count(benchmarks.InfrastructureFailure); n > 0 {
		return fmt.Errorf("%d tasks are not scored because the infrastructure failed; record those again that are not recorded, and the same command grades the rest", n)
	}
	if rate.Value() < minimum {
		a.say("the resolve rate %.3f is below %.3f", rate.Value(), minimum)
		return errors.Join(errFellShort, errSaid)
	}
	return nil
}

// why says in a few words what the verdict rests on.
func why(e benchmarks.Evaluation) string {
	switch {
	case !e.Verdict.Scored():
		return e.Detail
	case e.Reason == benchmarks.ReasonTestsFailed:
		f, p := len(e.Grade.FailToPass.Failure), len(e.Grade.PassToPass.Failure)
		return fmt.Sprintf("%d of %d tests to mend fail, %d of %d others", f, f+len(e.Grade.FailToPass.Success), p, p+len(e.Grade.PassToPass.Success))
	}
	return string(e.Reason)
}
