package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"github.com/apprentice-rl/apprentice/agent"
	"github.com/apprentice-rl/apprentice/agent/oracle"
	"github.com/apprentice-rl/apprentice/agent/replay"
	"github.com/apprentice-rl/apprentice/benchmarks"
	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/trajectories"
)

// runFlags say where a run is on disk and how much of it happens at once.
type runFlags struct {
	dir      string
	parallel int
}

func (f *runFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.dir, "run", "runs/default", "folder of the run; a run that is there goes on where it stopped")
	cmd.Flags().IntVar(&f.parallel, "parallel", runtime.NumCPU(), "how many tasks at once")
}

func (f *runFlags) check() error {
	if f.parallel < 1 {
		return userf("--parallel %d: want 1 or more", f.parallel)
	}
	if err := os.MkdirAll(f.dir, 0o755); err != nil {
		return fmt.Errorf("run folder: %w; choose another with --run", err)
	}
	probe, err := os.CreateTemp(f.dir, ".new-*")
	if err != nil {
		return fmt.Errorf("run folder %s cannot be written: %w; choose another with --run", f.dir, err)
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

func (f *runFlags) name() string { return filepath.Base(filepath.Clean(f.dir)) }

// runInfo is run.json: what was asked for, without secrets.
type runInfo struct {
	Name     string            `json:"name"`
	Started  time.Time         `json:"started"`
	Command  string            `json:"command"`
	Suite    string            `json:"suite"`
	Sandbox  string            `json:"sandbox"`
	Image    string            `json:"image"`
	Versions map[string]string `json:"versions"`
	Options  any               `json:"options,omitempty"`
}

// versions says what was running.
func versions() map[string]string {
	v := map[string]string{"go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH, "apprentice": "unknown"}
	if info, ok := debug.ReadBuildInfo(); ok {
		v["apprentice"] = info.Main.Version
	}
	return v
}

// writeRunInfo writes run.json unless it is there: a run that goes on keeps
// the one it began with.
func writeRunInfo(ctx context.Context, rf runFlags, d sandbox.Driver, info runInfo) error {
	path := filepath.Join(rf.dir, "run.json")
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	info.Name, info.Started, info.Sandbox, info.Versions = rf.name(), time.Now().UTC(), d.Name(), versions()
	info.Image, _ = d.Resolve(ctx, "") // a driver without a base has no image to name
	b, err := json.MarshalIndent(info, "", "  ")
	if err != nil {
		return err
	}
	return renameio.WriteFile(path, append(b, '\n'), 0o644)
}

func (a *app) recordCommand() *cobra.Command {
	var (
		sf       sandboxFlags
		tf       taskFlags
		rf       runFlags
		mf       modelFlags
		policy   string
		from     string
		attempts int
		limits   = agent.DefaultLimits()
	)
	cmd := &cobra.Command{
		Use:   "record",
		Short: "Let a policy work on tasks, and record every step",
		Long: `Let a policy work on tasks side by side, each in a sandbox of its own, and record
every step to RUN/trajectories. The patches go to RUN/predictions. Episodes that
are finished are kept; the same command goes on where it stopped.

Policies:
  oracle  the scripted expert: works from the gold patch as a person would, so
          that a pipeline can be checked without a model
  llm     a model behind any OpenAI-compatible endpoint; its key comes from the
          environment variable that --api-key-env names
  replay  acts recorded trajectories again (--from RUN)`,
		Example: `  apprentice record --policy oracle --run runs/first
  apprentice record --policy llm --base-url http://localhost:8000/v1 --model my-model --run runs/mine
  apprentice record --policy oracle --tasks multilingual.jsonl --task gin-gonic__gin-1957 --sandbox docker`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := rf.check(); err != nil {
				return err
			}
			if attempts < 1 {
				return userf("--attempts %d: want 1 or more", attempts)
			}
			suite, err := tf.suite()
			if err != nil {
				return err
			}
			factory, err := policyFactory(policy, from, &mf, limits)
			if err != nil {
				return err
			}
			d, err := a.openDriver(cmd.Context(), sf)
			if err != nil {
				return err
			}
			defer d.Close()
			err = writeRunInfo(cmd.Context(), rf, d, runInfo{Command: "record", Suite: suite.Name, Options: map[string]any{
				"policy": policy, "model": mf.model, "base_url": mf.baseURL, "attempts": attempts, "limits": limits,
			}})
			if err != nil {
				return err
			}
			results, err := a.record(cmd.Context(), d, recording{
				suite: suite, run: rf, policy: factory, limits: limits, attempts: attempts, set: policy,
			})
			if err != nil {
				return err
			}
			return a.reportRecording(results)
		},
	}
	sf.add(cmd)
	tf.add(cmd)
	rf.add(cmd)
	mf.add(cmd)
	cmd.Flags().StringVar(&policy, "policy", "oracle", "who acts: oracle, llm or replay")
	cmd.Flags().StringVar(&from, "from", "", "run whose trajectories replay acts again")
	cmd.Flags().IntVar(&attempts, "attempts", 1, "episodes per task")
	cmd.Flags().IntVar(&limits.Steps, "max-steps", limits.Steps, "turns per episode, 0 for no limit")
	cmd.Flags().DurationVar(&limits.Time, "max-time", limits.Time, "wall time per episode, 0 for no limit")
	cmd.Flags().IntVar(&limits.Tokens, "max-tokens", limits.Tokens, "tokens per episode, 0 for no limit")
	cmd.Flags().Float64Var(&limits.Cost, "max-cost", limits.Cost, "US dollars per episode, 0 for no limit; needs prices")
	_ = cmd.RegisterFlagCompletionFunc("policy", cobra.FixedCompletions([]string{"oracle", "llm", "replay"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// policyFactory makes the policy that --policy names.
func policyFactory(name, from string, mf *modelFlags, limits agent.Limits) (agent.Factory, error) {
	switch name {
	case "oracle":
		return oracleFactory, nil
	case "llm":
		return mf.factory(limits.Cost)
	case "replay":
		if from == "" {
			return nil, userf("--policy replay needs --from RUN, the run whose trajectories it acts again")
		}
		return replayFactory(from), nil
	}
	return nil, userf("--policy %s: there is no such policy; use oracle, llm or replay", name)
}

func oracleFactory(task env.Task) (agent.Policy, error) { return oracle.New(task) }

func replayFactory(run string) agent.Factory {
	return func(task env.Task) (agent.Policy, error) {
		t, err := trajectories.Read(filepath.Join(run, "trajectories", task.ID+".1.jsonl"))
		if err != nil {
			return nil, err
		}
		return replay.New(t), nil
	}
}

// A recording is a policy's work on a suite.
type recording struct {
	suite    benchmarks.Suite
	run      runFlags
	policy   agent.Factory
	limits   agent.Limits
	attempts int
	set      string // name of the prediction set
}

// record records, and writes the predictions that come of it.
func (a *app) record(ctx context.Context, d sandbox.Driver, r recording) ([]agent.Result, error) {
	bar := a.progress("record", len(r.suite.Tasks)*max(1, r.attempts))
	defer bar.close()
	rec := agent.Recorder{
		Launcher:  agent.Sandboxes{Launcher: &env.Launcher{Driver: d, Run: r.run.name()}},
		NewPolicy: r.policy,
		Dir:       r.run.dir,
		Run:       r.run.name(),
		Parallel:  r.run.parallel,
		Limits:    r.limits,
		Attempts:  r.attempts,
		Progress:  recordProgress{bar},
	}
	results, err := rec.Record(ctx, r.suite.Tasks)
	if err != nil {
		return results, err
	}
	path := filepath.Join(r.run.dir, "predictions", r.set+".jsonl")
	return results, benchmarks.WritePredictions(path, predictionsOf(results))
}

// predictionsOf takes the patches of first attempts.
func predictionsOf(results []agent.Result) []benchmarks.Prediction {
	var preds []benchmarks.Prediction
	for _, r := range results {
		if r.Trajectory == nil || r.Attempt != 1 {
			continue
		}
		p := r.Trajectory.Header.Policy
		model := p.Name
		if p.Model != "" {
			model = p.Model
		}
		preds = append(preds, benchmarks.Prediction{ID: r.TaskID, Model: model, Patch: &r.Trajectory.Patch})
	}
	return preds
}

// recordProgress shows what a recorder does.
type recordProgress struct{ bar *progress }

func (p recordProgress) Started(task string, _ int) { p.bar.note("%s: starting", task) }

func (p recordProgress) Turned(task string, _ int, t trajectories.Turn) {
	p.bar.note("%s: turn %d", task, t.N)
}

func (p recordProgress) Done(r agent.Result) { p.bar.add("%s: %s", r.TaskID, outcomeOf(r)) }

func outcomeOf(r agent.Result) string {
	switch {
	case r.Skipped != "":
		return "skipped: " + r.Skipped
	case r.Trajectory == nil && errors.Is(r.Err, context.Canceled):
		return "interrupted"
	case r.Trajectory == nil && errors.Is(r.Err, agent.ErrStop):
		return "stopped: " + r.Err.Error()
	case r.Trajectory == nil && r.Err != nil:
		return "infrastructure failure: " + r.Err.Error()
	case r.Trajectory == nil:
		return "not run"
	case r.Kept:
		return fmt.Sprintf("%s after %d turns, kept", r.Trajectory.Status, r.Trajectory.Turns)
	}
	return fmt.Sprintf("%s after %d turns", r.Trajectory.Status, r.Trajectory.Turns)
}

// reportRecording prints what became of the episodes.
func (a *app) reportRecording(results []agent.Result) error {
	type row struct {
		Task       string  `json:"task"`
		Attempt    int     `json:"attempt"`
		Status     string  `json:"status"`
		Turns      int     `json:"turns"`
		Cost       float64 `json:"cost"`
		Trajectory string  `json:"trajectory,omitempty"`
		Detail     string  `json:"detail,omitempty"`
	}
	rows := []row{}
	counts := map[string]int{}
	var order []string
	var failure error
	for _, r := range results {
		o := row{Task: r.TaskID, Attempt: r.Attempt}
		switch {
		case r.Skipped != "":
			o.Status, o.Detail = "skipped", r.Skipped
		case r.Trajectory == nil:
			o.Status = "infrastructure"
			if r.Err != nil {
				o.Detail, failure = r.Err.Error(), r.Err
			}
		default:
			o.Status, o.Turns, o.Cost = string(r.Trajectory.Status), r.Trajectory.Turns, r.Trajectory.Usage.Cost
			o.Trajectory, o.Detail = r.Path, r.Trajectory.Detail
		}
		if counts[o.Status] == 0 {
			order = append(order, o.Status)
		}
		counts[o.Status]++
		rows = append(rows, o)
	}
	if a.json {
		if err := a.printJSON(map[string]any{"episodes": rows, "counts": counts}); err != nil {
			return err
		}
	} else {
		var parts []string
		for _, s := range order {
			parts = append(parts, fmt.Sprintf("%d %s", counts[s], s))
		}
		fmt.Fprintf(a.stdout, "%d episodes: %s\n", len(rows), strings.Join(parts, ", "))
	}
	if failure != nil {
		return fmt.Errorf("%d episodes have no end because the infrastructure failed, the last one so: %w; the same command runs them again", counts["infrastructure"], failure)
	}
	return nil
}
