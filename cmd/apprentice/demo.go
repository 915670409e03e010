package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/apprentice-rl/apprentice/agent"
	"github.com/apprentice-rl/apprentice/benchmarks"
	"github.com/apprentice-rl/apprentice/benchmarks/report"
	"github.com/apprentice-rl/apprentice/benchmarks/starter"
	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/srl"
	"github.com/apprentice-rl/apprentice/trajectories"
)

func (a *app) demoCommand() *cobra.Command {
	var sf sandboxFlags
	var tf taskFlags
	var rf runFlags
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run the whole pipeline on the starter suite: no key, no daemon, no GPU",
		Long: `Run the whole pipeline on the starter suite. The scripted expert solves every task
and is recorded; three sets of predictions are graded (the expert's, empty ones,
and wrong ones that apply and compile); the recorded steps become training
examples, and a few answers near and far from the expert's are scored to show
the dense reward. What came of it is in RUN/report.html.

The expert works from the gold patches, so its resolve rate checks the pipeline
and says nothing about any model.`,
		Example: "  apprentice demo\n  apprentice demo --sandbox docker --json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			release, err := a.openRun(&rf)
			if err != nil {
				return err
			}
			defer release()
			suite, err := tf.suite()
			if err != nil {
				return err
			}
			d, err := a.openDriver(cmd.Context(), sf, suite.Tasks...)
			if err != nil {
				return err
			}
			defer d.Close()
			return a.demo(cmd.Context(), d, suite, rf)
		},
	}
	sf.add(cmd)
	rf.add(cmd)
	cmd.Flags().StringArrayVar(&tf.ids, "task", nil, "only the task of this id; may be repeated")
	rf.dir = "runs/demo"
	run := cmd.Flags().Lookup("run")
	run.DefValue = rf.dir
	return cmd
}

func (a *app) demo(ctx context.Context, d sandbox.Driver, suite benchmarks.Suite, rf runFlags) error {
	began := time.Now()
	if err := writeRunInfo(ctx, rf, d, runInfo{Command: "demo", Suite: suite.Name}); err != nil {
		return err
	}
	redactor, err := (&secretFlags{}).folderRedactor(rf.dir, nil)
	if err != nil {
		return err
	}
	a.say("%s of suite %s in %s sandboxes, %d at once", count(len(suite.Tasks), "task", "tasks"), suite.Name, d.Name(), rf.parallel)
	recorded, err := a.record(ctx, d, recording{
		suite: suite, run: rf, policy: oracleFactory, limits: agent.DefaultLimits(), attempts: 1, set: "oracle", model: "oracle", redactor: redactor,
	})
	if err != nil {
		return err
	}
	sets, err := a.demoSets(ctx, d, suite, rf, recorded.predictions)
	if err != nil {
		return err
	}
	steps := filepath.Join(rf.dir, "srl", "steps.jsonl")
	examples, err := demoExamples(ctx, finished(recorded.episodes), steps)
	if err != nil {
		return err
	}
	shown, err := longest(finished(recorded.episodes))
	if err != nil {
		return err
	}
	rewards, err := showReward(shown)
	if err != nil {
		return err
	}
	image, err := d.Resolve(ctx, "")
	if err != nil {
		return err
	}
	run := report.Run{
		Name: rf.name(), Created: time.Now().UTC(), Suite: suite.Name, Sandbox: d.Name(), Image: image,
		Rules: benchmarks.V4, Limits: sandbox.DefaultLimits(), Versions: versions(), Sets: sets, StepExamples: examples, Trajectory: shown, Rewards: rewards,
	}
	if shown != nil {
		run.Enforcement = shown.Header.Sandbox.Enforcement
	}
	if err := report.Write(rf.dir, run); err != nil {
		return err
	}
	if a.json {
		b, err := os.ReadFile(filepath.Join(rf.dir, "report.json"))
		if err != nil {
			return err
		}
		if _, err = a.stdout.Write(b); err != nil {
			return err
		}
	} else {
		a.printDemo(run, rf.dir, steps, time.Since(began))
	}
	return a.demoVerdict(report.New(run))
}

// demoSets grades the three sets of predictions.
func (a *app) demoSets(ctx context.Context, d sandbox.Driver, suite benchmarks.Suite, rf runFlags, oracle []benchmarks.Prediction) ([]report.Set, error) {
	empty, _, err := predictions("empty", suite)
	if err != nil {
		return nil, err
	}
	wrong, err := starter.Wrong()
	if err != nil {
		return nil, err
	}
	sets := []report.Set{
		{Name: "oracle", Kind: report.Oracle},
		{Name: "empty", Kind: report.Empty},
		{Name: "wrong", Kind: report.Wrong},
	}
	for i, preds := range [][]benchmarks.Prediction{only(oracle, suite), empty, only(wrong, suite)} {
		g := grading{suite: suite, run: rf, set: sets[i].Name, predictions: preds, rules: benchmarks.V4, timeout: benchmarks.DefaultTimeout, runEmpty: sets[i].Kind == report.Empty}
		if sets[i].Kind == report.Oracle {
			// The recording has written them.
		} else if err := benchmarks.WritePredictions(filepath.Join(rf.dir, "predictions", g.set+".jsonl"), preds); err != nil {
			return nil, err
		}
		if sets[i].Results, err = a.grade(ctx, d, g); err != nil {
			return nil, err
		}
	}
	return sets, nil
}

// finished lists the trajectories that have an end.
func finished(recorded []agent.Result) []string {
	var paths []string
	for _, r := range recorded {
		if r.Trajectory != nil {
			paths = append(paths, r.Path)
		}
	}
	return paths
}

// trajectoriesOf lists the trajectories of a run; none is no error.
func trajectoriesOf(run string) []string {
	paths, err := trajectories.List(filepath.Join(run, "trajectories"))
	if err != nil {
		return nil
	}
	return paths
}

// longest returns the finished trajectory with the most steps, which shows
// most; nil where there is none.
func longest(paths []string) (*trajectories.Trajectory, error) {
	var best *trajectories.Trajectory
	for _, path := range paths {
		t, err := trajectories.Read(path)
		if errors.Is(err, trajectories.ErrNoHeader) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if t.End != nil && (best == nil || len(t.Steps()) > len(best.Steps())) {
			best = t
		}
	}
	return best, nil
}

// demoExamples writes the step examples of trajectories by the default profile, and
// returns how many there are.
func demoExamples(ctx context.Context, paths []string, file string) (int, error) {
	p, err := srl.Find("default")
	if err != nil {
		return 0, err
	}
	t, err := stepping{source: trajectoriesIn(paths), opts: p.Make(p.Options), out: file}.file(ctx)
	return t.Examples, err
}

// showReward scores variations of the expert's actions in a trajectory.
func showReward(t *trajectories.Trajectory) (*report.Rewards, error) {
	if t == nil {
		return nil, nil
	}
	var examples []srl.Example
	for e, err := range srl.Examples(t, srl.Options{}) {
		if err != nil {
			return nil, err
		}
		examples = append(examples, e)
	}
	rewards := &report.Rewards{Trajectory: t.Header.ID}
	points := map[string][]report.Point{}
	for i, e := range examples {
		rewards.Name = e.Reward.Name
		other := ""
		if i+1 < len(examples) {
			other = examples[i+1].Action
		}
		for _, p := range srl.Perturb(e, other) {
			score, err := e.Reward.Score(p.Output, e.Action)
			if err != nil {
				return nil, err
			}
			points[p.Name] = append(points[p.Name], report.Point{Step: e.Step, Reward: score})
		}
	}
	for _, name := range []string{
		srl.SameAction, srl.OneWordChanged, srl.OtherFile, srl.OtherExpertStep, srl.WrongTool, srl.ProseWithoutCall,
	} {
		if len(points[name]) > 0 {
			rewards.Series = append(rewards.Series, report.Series{Name: name, Points: points[name]})
		}
	}
	return rewards, nil
}

// meaning says in a few words what a set is.
var meaning = map[report.Kind]string{
	report.Oracle: "the scripted expert's patches: must be all",
	report.Empty:  "no change, tests run all the same: must be none",
	report.Wrong:  "plausible wrong patches: must be none",
}

// printDemo ends the demo with what came of it and what to do next.
func (a *app) printDemo(run report.Run, dir, steps string, took time.Duration) {
	w := a.stdout
	fmt.Fprintf(w, "\nset       resolved (95 %% interval)\n")
	for _, s := range run.Sets {
		fmt.Fprintf(w, "%-8s  %-40s %s\n", s.Name, s.Results.Rate(), meaning[s.Kind])
	}
	if n := run.Sets[0].Results.Count(benchmarks.Skipped); n > 0 {
		fmt.Fprintf(w, "%d tasks are skipped: their toolchain is not in the sandbox\n", n)
	}
	if run.Rewards != nil {
		fmt.Fprintf(w, "\nreward of answers near and far from the expert's, mean over %s\n", run.Rewards.Trajectory)
		for _, s := range run.Rewards.Series {
			fmt.Fprintf(w, "  %-28s %6.3f\n", s.Name, s.Mean())
		}
	}
	fmt.Fprintf(w, "\n%d step examples in %s\nreport in %s (%.0f s, %s sandboxes)\n", run.StepExamples, steps, filepath.Join(dir, "report.html"), took.Seconds(), run.Sandbox)
	fmt.Fprintf(w, `
The oracle's rate checks the pipeline: it works from the gold patches. With a model of your own:
  %[1]s record --policy llm --base-url URL --model NAME --run runs/mine
  %[1]s bench grade -p runs/mine/predictions/llm.jsonl --run runs/mine
  %[1]s srl steps runs/mine --out steps.jsonl
`, a.program)
}

// demoVerdict says whether the pipeline did what it must.
func (a *app) demoVerdict(r report.Report) error {
	surprises := r.Surprises()
	for _, s := range surprises {
		a.say("set %s, task %s: %s", s.Set, s.Task, s.Text)
	}
	for _, s := range r.Sets {
		if n := s.InfrastructureFailures; n > 0 {
			return fmt.Errorf("the infrastructure failed on %d tasks of set %s; the same command tries them again", n, s.Name)
		}
	}
	if len(surprises) > 0 {
		a.say("apprentice: the pipeline does not hold: %d evaluations did not come out as they must", len(surprises))
		return errors.Join(errFellShort, errSaid)
	}
	for _, s := range r.Sets {
		if s.Scored() == 0 {
			why := "there are no tasks"
			if len(r.Skipped) > 0 {
				why = fmt.Sprintf("all tasks are skipped, the first because %s", r.Skipped[0].Reason)
			}
			a.say("apprentice: nothing of set %s was scored: %s", s.Name, why)
			return errors.Join(errFellShort, errSaid)
		}
	}
	return nil
}
