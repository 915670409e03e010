package benchmarks

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/sourcegraph/conc/pool"

	"github.com/apprentice-rl/apprentice/benchmarks/logparse"
	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/sandbox"
)

// An Evaluator grades predictions. Its fields are set before the first call
// and not changed afterwards.
type Evaluator struct {
	// Launch places a task in a fresh sandbox; From makes it of an
	// env.Launcher. An error that matches *env.MissingProgramError makes the
	// task skipped.
	Launch func(ctx context.Context, task env.Task) (Environment, error)
	// Image returns an identity of the contents of an image, as
	// sandbox.Driver's Resolve does. Work is repeated when it changes.
	Image func(ctx context.Context, image string) (digest string, err error)

	// Dir is the folder of the run; evaluations are kept below
	// Dir/evaluation/<set>/<task id>/<attempt>/.
	Dir string
	// Attempt tells repetitions of the same evaluation apart; zero means 1.
	Attempt int

	Rules Rules // "" means V4
	// Timeout bounds the tests of one prediction; zero means 30 minutes.
	Timeout time.Duration
	// Parallel is the number of predictions graded at once; zero means 1.
	Parallel int
	// Retries is how often an evaluation is tried again after the
	// infrastructure failed.
	Retries int
	// Backoff is the wait before the first retry; it grows with each. Zero
	// means 1 second.
	Backoff time.Duration
	// RunEmpty runs the tests of empty predictions too. SWE-bench does not;
	// it proves that the tests of a task fail where nothing is done.
	RunEmpty bool
	// Progress is told what happens; nil means nobody is.
	Progress Progress
}

// An Environment is a task placed in a fresh sandbox, as env.Environment is.
type Environment interface {
	Sandbox() env.Sandbox
	// Close ends the sandbox.
	Close() error
}

// From returns the Launch of an Evaluator that uses l.
func From(l *env.Launcher) func(context.Context, env.Task) (Environment, error) {
	return func(ctx context.Context, task env.Task) (Environment, error) {
		e, err := l.Launch(ctx, task, env.Options{})
		if err != nil {
			return nil, err // and not a nil *env.Environment that is no nil Environment
		}
		return e, nil
	}
}

// Progress is told of evaluations as they end. It is not called from two
// goroutines at once.
type Progress interface {
	// Graded says that the evaluation of a task has ended.
	Graded(Evaluation)
	// Warning tells of an infrastructure error that the evaluation of a task
	// goes on after.
	Warning(task string, err error)
}

// Defaults of an Evaluator's fields.
const (
	DefaultTimeout = 30 * time.Minute
	defaultBackoff = time.Second
)

// outputCap bounds the bytes kept of the output of one task's tests.
const outputCap = 64 << 20

// Run grades a set of predictions for the tasks of a suite, Parallel at a time.
// A task without prediction is unresolved, as in SWE-bench's rate.
//
// An error is the user's, found before anything runs (an *InputError, or an
// *UnknownTaskError for a task that the suite does not have), or that of a run folder
// that cannot be written, or ctx's; what was graded before stays on disk, and
// the next Run goes on from there.
func (e *Evaluator) Run(ctx context.Context, suite Suite, set string, predictions []Prediction) (Results, error) {
	byTask := make(map[string]Prediction, len(predictions))
	for _, p := range predictions {
		if _, err := suite.Task(p.ID); err != nil {
			return nil, fmt.Errorf("predictions of set %s: %w", set, err)
		}
		byTask[p.ID] = p
	}
	seen := make(map[string]bool, len(suite.Tasks))
	for _, task := range suite.Tasks {
		if err := e.check(set, task); err != nil {
			return nil, err
		}
		if seen[task.ID] {
			return nil, inputf("grading: task %s is given twice; name each once", task.ID)
		}
		seen[task.ID] = true
	}

	progress := &locked{to: e.Progress}
	results := make(Results, len(suite.Tasks))
	grading := pool.New().WithContext(ctx).WithCancelOnError().WithFirstError().WithMaxGoroutines(max(1, e.Parallel))
	for i, task := range suite.Tasks {
		p, ok := byTask[task.ID]
		if !ok {
			results[i] = Evaluation{Task: task.ID, Verdict: Unresolved, Reason: ReasonNoPrediction}
			progress.Graded(results[i])
			continue
		}
		grading.Go(func(ctx context.Context) (err error) {
			results[i], err = e.grade(ctx, task, set, p, progress)
			if err != nil {
				return err
			}
			progress.Graded(results[i])
			return nil
		})
	}
	if err := grading.Wait(); err != nil {
		return nil, fmt.Errorf("grading set %s: %w", set, err)
	}
	return results, nil
}

// Grade grades one prediction.
func (e *Evaluator) Grade(ctx context.Context, task env.Task, set string, p Prediction) (Evaluation, error) {
	if err := e.check(set, task); err != nil {
		return Evaluation{}, err
	}
	progress := &locked{to: e.Progress}
	result, err := e.grade(ctx, task, set, p, progress)
	if err != nil {
		return Evaluation{}, fmt.Errorf("grading set %s: %w", set, err)
	}
	progress.Graded(result)
	return result, nil
}

// check finds what makes a task impossible to grade.
func (e *Evaluator) check(set string, task env.Task) error {
	for _, name := range []string{set, task.ID} {
		if !filepath.IsLocal(name) || filepath.Base(name) != name || name == "." {
			return inputf("%q cannot be the name of a set or a task: it must do as the name of a folder", name)
		}
	}
	if task.EvalScript == "" {
		return inputf("task %s has no eval_script, so it cannot be graded: give its row one, as SWE-bench's data sets have since release 5", task.ID)
	}
	if _, err := logparse.Lookup(task.LogParser); err != nil {
		return inputf("task %s: %w", task.ID, err)
	}
	return nil
}

// grade looks for an earlier evaluation of the same work, and else tries until
// the infrastructure holds or the retries are used up.
func (e *Evaluator) grade(ctx context.Context, task env.Task, set string, p Prediction, progress *locked) (Evaluation, error) {
	if p.Missing != nil {
		return Evaluation{Task: task.ID, Verdict: p.Missing.verdict(), Detail: p.Missing.Detail}, nil
	}
	image, err := e.image(ctx, task.Image)
	if err != nil {
		return e.failed(ctx, task, err)
	}
	record := record{
		dir:   filepath.Join(e.Dir, "evaluation", set, task.ID, strconv.Itoa(max(1, e.Attempt))),
		key:   e.key(task, p, image),
		rules: e.rules(), image: image, timeout: e.timeout(),
	}
	if done, ok := record.load(task.ID); ok {
		return done, nil
	}
	if err := record.begin(p); err != nil {
		return Evaluation{}, err
	}
	if p.Empty() && !e.RunEmpty {
		empty := Evaluation{Task: task.ID, Verdict: Unresolved, Reason: ReasonEmptyPatch, Dir: record.dir}
		return empty, record.store(empty, p)
	}

	began := time.Now()
	waits := backoff.NewExponentialBackOff()
	waits.InitialInterval = e.Backoff
	if e.Backoff == 0 {
		waits.InitialInterval = defaultBackoff
	}
	result, err := backoff.Retry(ctx, func() (Evaluation, error) {
		result, err := e.attempt(ctx, task, p, record, progress)
		if err != nil && !again(err) {
			return result, backoff.Permanent(err)
		}
		return result, err
	}, backoff.WithBackOff(waits), backoff.WithMaxTries(uint(max(0, e.Retries))+1), backoff.WithMaxElapsedTime(0),
		backoff.WithNotify(func(err error, _ time.Duration) { progress.Warning(task.ID, err) }))
	var unkept *recordError
	switch {
	case errors.As(err, &unkept):
		return Evaluation{}, err
	case err != nil:
		return e.failed(ctx, task, err)
	}
	result.Duration = time.Since(began).Round(time.Millisecond)
	return result, record.store(result, p)
}

// again reports whether an error may be gone the next time.
func again(err error) bool {
	return errors.Is(err, sandbox.ErrBroken) || errors.Is(err, sandbox.ErrUnavailable)
}

// failed is the evaluation of a task that could not be graded.
func (e *Evaluator) failed(ctx context.Context, task env.Task, err error) (Evaluation, error) {
	if ctx.Err() != nil {
		return Evaluation{}, context.Cause(ctx)
	}
	var missing *env.MissingProgramError
	if errors.As(err, &missing) {
		return Evaluation{Task: task.ID, Verdict: Skipped, Detail: missing.Error()}, nil
	}
	return Evaluation{Task: task.ID, Verdict: InfrastructureFailure, Detail: err.Error()}, nil
}

// attempt grades once, in a sandbox of its own. Every error is the
// infrastructure's.
func (e *Evaluator) attempt(ctx context.Context, task env.Task, p Prediction, record record, progress *locked) (_ Evaluation, err error) {
	environment, err := e.Launch(ctx, task)
	if err != nil {
		return Evaluation{}, err
	}
	defer func() {
		// The verdict stands; a sandbox that is left is found by the next run.
		if closing := environment.Close(); closing != nil {
			progress.Warning(task.ID, closing)
		}
	}()
	sb := environment.Sandbox()
	result := Evaluation{Task: task.ID, Verdict: Unresolved, Dir: record.dir}
	if !p.Empty() {
		applied, err := e.rules().Apply(ctx, sb, *p.Patch)
		if err != nil {
			return Evaluation{}, err
		}
		if !applied.Applied {
			result.Reason, result.Detail = ReasonPatchDoesNotApply, applied.Log
			return result, nil
		}
		result.AppliedBy = applied.By
	}

	run, err := e.tests(ctx, sb, task)
	if err != nil {
		return Evaluation{}, err
	}
	result.Dropped = run.Dropped
	output := string(run.Output)
	if run.End == sandbox.EndTimeout {
		output += fmt.Sprintf("\n\nTimeout error: %d seconds exceeded.", int(e.timeout().Seconds()))
	}
	if err := record.output(output); err != nil {
		return Evaluation{}, err
	}
	if run.End == sandbox.EndTimeout {
		result.Reason = ReasonTimeout
		result.Detail = "the tests did not end within " + e.timeout().String()
		return result, nil
	}
	if run.End != sandbox.EndExit {
		result.Detail = fmt.Sprintf("the script ended by %s %s%s", run.End, run.Signal, run.Reason)
	}
	result.Grade, err = e.rules().Grade(task, output)
	switch {
	case err != nil:
		return Evaluation{}, err
	case !result.Grade.Gradable:
		result.Reason = ReasonLogNotGradable
	case result.Grade.Resolved():
		result.Verdict = Resolved
	default:
		result.Reason = ReasonTestsFailed
	}
	return result, nil
}

const scriptPath = "/tmp/eval.sh"

// tests runs the task's script with its two streams in one, in the order in
// which they came: the marks between which results count are on one of them.
func (e *Evaluator) tests(ctx context.Context, sb env.Sandbox, task env.Task) (sandbox.Result, error) {
	if err := sb.WriteFile(ctx, scriptPath, []byte(e.rules().Script(task.EvalScript))); err != nil {
		return sandbox.Result{}, fmt.Errorf("writing the script of the tests: %w", err)
	}
	run, err := sb.Run(ctx, sandbox.Command{
		Argv: []string{"bash", scriptPath}, Dir: env.Workdir,
		Timeout: e.timeout(), OutputCap: outputCap,
	})
	if err != nil {
		return sandbox.Result{}, fmt.Errorf("running the tests: %w", err)
	}
	if run.End == sandbox.EndRefused {
		return sandbox.Result{}, fmt.Errorf("running the tests: bash was refused: %s", run.Reason)
	}
	return run, nil
}

func (e *Evaluator) image(ctx context.Context, image string) (string, error) {
	if e.Image == nil {
		return image, nil
	}
	return e.Image(ctx, image)
}

func (e *Evaluator) rules() Rules {
	if e.Rules == "" {
		return V4
	}
	return e.Rules
}

func (e *Evaluator) timeout() time.Duration {
	if e.Timeout == 0 {
		return DefaultTimeout
	}
	return e.Timeout
}

// locked calls a Progress, which may be nil, from one goroutine at a time.
type locked struct {
	mu sync.Mutex
	to Progress
}

func (l *locked) Graded(e Evaluation) {
	if l.to != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.to.Graded(e)
	}
}

func (l *locked) Warning(task string, err error) {
	if l.to != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.to.Warning(task, err)
	}
}
