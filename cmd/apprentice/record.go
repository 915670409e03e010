package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/apprentice-rl/apprentice/agent"
	"github.com/apprentice-rl/apprentice/agent/oracle"
	"github.com/apprentice-rl/apprentice/agent/replay"
	"github.com/apprentice-rl/apprentice/benchmarks"
	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/redact"
)

func (a *app) recordCommand() *cobra.Command {
	var (
		sf       sandboxFlags
		tf       taskFlags
		rf       runFlags
		mf       modelFlags
		secrets  secretFlags
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

Keys and tokens of a known form, the endpoint's key, and the values of the
environment variables that --secret names give way to placeholders before
anything reaches the disk; the policy sees them as they are. Their key is
RUN/.redact-key. A patch is never altered.

Policies:
  oracle  the scripted expert: works from the gold patch as a person would, so
          that a pipeline can be checked without a model
  llm     a model behind any OpenAI-compatible endpoint; its key comes from the
          environment variable that --api-key-env names
  replay  acts recorded trajectories again (--from RUN), with the secrets that
          --secret names put back`,
		Example: `  apprentice record --policy oracle --run runs/first
  apprentice record --policy llm --base-url http://localhost:8000/v1 --model my-model --run runs/mine
  apprentice record --policy oracle --tasks multilingual.jsonl --task gin-gonic__gin-1957 --sandbox docker`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			release, err := a.openRun(&rf)
			if err != nil {
				return err
			}
			defer release()
			if attempts < 1 {
				return userf("--attempts %d: want 1 or more", attempts)
			}
			suite, err := tf.suite()
			if err != nil {
				return err
			}
			r := recording{suite: suite, run: rf, limits: limits, attempts: attempts, set: policy, model: policy}
			if r.redactor, err = secrets.folderRedactor(rf.dir, mf.secrets()); err != nil {
				return err
			}
			switch policy {
			case "oracle":
				r.policy = oracleFactory
			case "llm":
				r.model = mf.model
				r.policy, err = mf.factory(limits.Cost, rf.dir)
			case "replay":
				r.policy, err = replayFactory(from, suite, &secrets)
			default:
				err = userf("--policy %s: there is no such policy; use oracle, llm or replay", policy)
			}
			if err != nil {
				return err
			}
			d, err := a.openDriver(cmd.Context(), sf, suite.Tasks...)
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
			recorded, err := a.record(cmd.Context(), d, r)
			if recorded == nil {
				return err
			}
			// What was done until a run was stopped is worth a report as well.
			return errors.Join(err, a.reportRecording(recorded, err != nil))
		},
	}
	sf.add(cmd)
	tf.add(cmd)
	rf.add(cmd)
	mf.add(cmd)
	secrets.add(cmd)
	secrets.addOff(cmd)
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

func oracleFactory(task env.Task) (agent.Policy, error) { return oracle.New(task) }

// replayFactory makes policies that act the first attempts of a run again. It
// looks for all of them now, before anything is started.
func replayFactory(run string, suite benchmarks.Suite, secrets *secretFlags) (agent.Factory, error) {
	if run == "" {
		return nil, userf("--policy replay needs --from RUN, the run whose trajectories it acts again")
	}
	path := func(id string) string { return filepath.Join(run, "trajectories", id+".1.jsonl") }
	for _, t := range suite.Tasks {
		_, err := trajectories.Read(path(t.ID))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, userf("--from %s: it holds no trajectory of task %s; choose another run, or tasks with --task", run, t.ID)
		}
		if err != nil {
			return nil, userf("--from %s: %w", run, err)
		}
	}
	var redactor *redact.Redactor
	switch key, err := redact.ReadKey(run); {
	case errors.Is(err, fs.ErrNotExist): // nothing was taken out
	case err != nil:
		return nil, userf("--from %s: %w", run, err)
	default:
		if redactor, err = secrets.redactor(key, nil); err != nil {
			return nil, err
		}
	}
	return func(task env.Task) (agent.Policy, error) {
		t, err := trajectories.Read(path(task.ID))
		if err != nil {
			return nil, err
		}
		if redactor == nil {
			return replay.New(t), nil
		}
		return replay.NewRedacted(t, redactor), nil
	}, nil
}

// A recording is a policy's work on a suite.
type recording struct {
	suite    benchmarks.Suite
	run      runFlags
	policy   agent.Factory
	redactor *redact.Redactor // nil keeps secrets as they are
	limits   agent.Limits
	attempts int
	set      string // name of the prediction set
	model    string // who acts, in predictions
}

// A recordedSet is what became of a recording, and the predictions that came
// of it, which may be of more tasks: those that the run had before.
type recordedSet struct {
	episodes    []agent.Result
	predictions []benchmarks.Prediction
}

// record records, and writes the predictions that come of it. The set is nil
// only when nothing was started.
func (a *app) record(ctx context.Context, d sandbox.Driver, r recording) (*recordedSet, error) {
	path := filepath.Join(r.run.dir, "predictions", r.set+".jsonl")
	before, err := r.before(path)
	if err != nil {
		return nil, err
	}
	bar := a.progress("record", len(r.suite.Tasks)*max(1, r.attempts))
	defer bar.close()
	rec := agent.Recorder{
		Launcher:  agent.Sandboxes{Launcher: &env.Launcher{Driver: d, Run: r.run.name(), Lifetime: lifetime(r.limits.Time), OnSetup: bar.settingUp}},
		NewPolicy: r.policy,
		Dir:       r.run.dir,
		Run:       r.run.name(),
		Parallel:  r.run.parallel,
		Limits:    r.limits,
		Attempts:  r.attempts,
		Redactor:  r.redactor,
		Progress:  recordProgress{bar},
	}
	episodes, err := rec.Record(ctx, r.suite.Tasks)
	if episodes == nil {
		return nil, err
	}
	set := &recordedSet{episodes, benchmarks.Merge(before, r.predictions(episodes))}
	if werr := benchmarks.WritePredictions(path, set.predictions); err == nil {
		err = werr
	}
	return set, err
}

// before reads the predictions that the run has already. They must be of the
// same model: the rate of a mixed set would be nobody's.
func (r recording) before(path string) ([]benchmarks.Prediction, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	preds, err := benchmarks.ReadPredictions(path, f)
	if err != nil {
		return nil, fmt.Errorf("the run's earlier predictions cannot be read, move them away to go on: %w", err)
	}
	for _, p := range preds {
		if r.set == "llm" && p.Model != r.model {
			return nil, userf("%s holds predictions of model %s, not of %s: record into another folder", path, p.Model, r.model)
		}
	}
	return preds, nil
}

// predictions takes the patches of first attempts.
func (r recording) predictions(episodes []agent.Result) []benchmarks.Prediction {
	var preds []benchmarks.Prediction
	for _, e := range episodes {
		if e.Attempt != 1 {
			continue
		}
		p := benchmarks.Prediction{ID: e.TaskID, Model: r.model}
		switch {
		case e.Trajectory != nil:
			p.Patch = &e.Trajectory.Patch
			if model := e.Trajectory.Header.Policy.Model; model != "" {
				p.Model = model
			}
		case e.Skipped != "":
			p.Missing = &benchmarks.Missing{Status: benchmarks.MissingSkipped, Detail: e.Skipped}
		default:
			p.Missing = &benchmarks.Missing{Status: benchmarks.MissingInfrastructure, Detail: "not recorded: " + outcomeOf(e)}
		}
		preds = append(preds, p)
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

// statusOf is the exit status of an episode, or why it has none.
func statusOf(r agent.Result) string {
	var spent *agent.BudgetError
	switch {
	case r.Skipped != "":
		return "skipped"
	case r.Trajectory != nil:
		return string(r.Trajectory.Status)
	case errors.Is(r.Err, context.Canceled), errors.Is(r.Err, agent.ErrStop), errors.As(r.Err, &spent):
		return "stopped"
	}
	return "infrastructure"
}

// reportRecording prints what became of the episodes. Those without an end are
// an error of their own unless the run as a whole was stopped.
func (a *app) reportRecording(set *recordedSet, stopped bool) error {
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
	for _, r := range set.episodes {
		o := row{Task: r.TaskID, Attempt: r.Attempt, Status: statusOf(r)}
		switch {
		case r.Skipped != "":
			o.Detail = r.Skipped
		case r.Trajectory != nil:
			o.Turns, o.Cost = r.Trajectory.Turns, r.Trajectory.Usage.Cost
			o.Trajectory, o.Detail = r.Path, r.Trajectory.Detail
		case r.Err != nil:
			o.Detail, failure = r.Err.Error(), r.Err
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
	if failure != nil && !stopped {
		return fmt.Errorf("%d episodes have no end because the infrastructure failed, the last one so: %w; the same command runs them again", counts["infrastructure"], failure)
	}
	return nil
}
