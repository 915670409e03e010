package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/sourcegraph/conc/pool"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/redact"
)

// A Launcher places a task in a sandbox of its own.
type Launcher interface {
	// Launch starts a sandbox and opens the task's environment in it. A Launch
	// that fails leaves nothing behind. The error matches
	// *env.MissingProgramError when the sandbox lacks a program that the task
	// needs.
	Launch(ctx context.Context, task env.Task) (Launched, error)
	// Locate says where Launch would place the task now: what the Driver and
	// Image of a Launched say.
	Locate(ctx context.Context, task env.Task) (driver, image string, err error)
}

// Launched is an environment together with its sandbox; *env.Environment is
// one.
type Launched interface {
	Environment
	Driver() string // the sandbox driver's name
	Image() string  // the digest of the image
	Enforcement() map[sandbox.Limit]sandbox.Enforcement
	// Close destroys the sandbox.
	Close() error
}

// Sandboxes launches tasks with an env.Launcher.
type Sandboxes struct {
	Launcher *env.Launcher
	Options  env.Options
}

// Launch implements Launcher.
func (s Sandboxes) Launch(ctx context.Context, task env.Task) (Launched, error) {
	e, err := s.Launcher.Launch(ctx, task, s.Options)
	if err != nil {
		return nil, err
	}
	return e, nil
}

// Locate implements Launcher.
func (s Sandboxes) Locate(ctx context.Context, task env.Task) (driver, image string, err error) {
	return s.Launcher.Locate(ctx, task)
}

// A Recorder runs a policy over tasks and records every episode.
type Recorder struct {
	Launcher  Launcher
	NewPolicy Factory
	// Dir is the folder of the run; the logs go to its subfolder trajectories.
	Dir string
	// Run is the run's id, written in each header.
	Run string
	// Parallel is how many episodes run side by side, at least 1.
	Parallel int
	// Limits bound each episode.
	Limits Limits
	// Attempts is how many episodes each task gets; zero means 1.
	Attempts int
	// Retries is how often an episode that the infrastructure broke is run
	// again; zero means DefaultRetries, a negative number never.
	Retries int
	// RetryDelay is the wait before the first retry, which doubles from then
	// on; zero means 1 second.
	RetryDelay time.Duration
	// Redactor, where set, takes secrets out of everything but the final patch
	// before it reaches the disk. The policy sees texts as they are, and results
	// hold them so.
	Redactor *redact.Redactor
	// Progress, where set, is told what happens.
	Progress Progress
}

// DefaultRetries is how often a broken episode is run again when a Recorder
// does not say.
const DefaultRetries = 2

// A Progress is told what a recorder does. Its methods may be called
// concurrently, and should return soon.
type Progress interface {
	// Started: an episode begins, or begins again.
	Started(taskID string, attempt int)
	// Turned: a turn of it is on disk.
	Turned(taskID string, attempt int, turn trajectories.Turn)
	// Done: nothing more will happen with it in this run. Finished episodes
	// of earlier calls come first.
	Done(Result)
}

// A PanicError is a panic of an episode, in a policy or a tool. It counts as
// the infrastructure's failure.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic in the episode: %v", e.Value) }

// Is says that a panic belongs to the family of broken sandboxes.
func (e *PanicError) Is(target error) bool { return target == sandbox.ErrBroken }

// A job is one episode to run.
type job struct {
	task    env.Task
	attempt int
	path    string
}

// Record runs the policy on each task and returns one result per task and
// attempt, in the order of the tasks. What is finished already is kept. Set
// aside, and their episodes run again, are logs without an end, and those of
// another task by the same id (another commit or problem statement) or of
// another sandbox (another driver, or an image of other contents).
//
// Whatever goes wrong with single episodes is in their results. The error says
// why the run as a whole did not go through: bad input (*InputError, or a log
// that cannot be read; nothing has been started then), a log that could not be written, the run's budget, an error
// that matches ErrStop, or the context's cause. Everything recorded until then
// is kept, and no sandbox is left when Record returns.
func (r *Recorder) Record(ctx context.Context, tasks []env.Task) ([]Result, error) {
	jobs, err := r.jobs(tasks)
	if err != nil {
		return nil, err
	}
	results := make([]Result, len(jobs))
	var todo []int
	var stale []string
	for i, j := range jobs {
		found, err := r.finished(j)
		if err != nil {
			return nil, err
		}
		if found != nil {
			same, err := r.same(ctx, j, found)
			if err != nil {
				return nil, err
			}
			if !same {
				stale, found = append(stale, j.path), nil
			}
		}
		results[i] = Result{TaskID: j.task.ID, Attempt: j.attempt, Path: j.path, Kept: found != nil, Trajectory: found}
		if found == nil {
			todo = append(todo, i)
		}
	}
	for _, path := range stale {
		if err := setAside(path, "stale"); err != nil {
			return nil, err
		}
	}
	for _, res := range results {
		if res.Kept {
			r.done(res)
		}
	}

	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	p := pool.New().WithMaxGoroutines(r.Parallel)
	for _, i := range todo {
		p.Go(func() {
			res := &results[i]
			if res.Err = context.Cause(ctx); res.Err == nil {
				r.run(ctx, jobs[i], res)
			}
			if stopsRun(res.Err) {
				stop(res.Err)
			}
			r.done(*res)
		})
	}
	p.Wait()
	return results, context.Cause(ctx)
}

// jobs checks the recorder and the tasks before anything is started.
func (r *Recorder) jobs(tasks []env.Task) ([]job, error) {
	if r.Parallel < 1 {
		return nil, inputf("recording: %d episodes side by side, want 1 or more", r.Parallel)
	}
	if r.Attempts < 0 {
		return nil, inputf("recording: %d attempts per task, want 1 or more", r.Attempts)
	}
	seen := map[string]bool{}
	var jobs []job
	for _, task := range tasks {
		switch id := task.ID; {
		case id == "" || strings.HasPrefix(id, ".") || strings.ContainsAny(id, "/\\\x00"):
			return nil, inputf("recording: task id %q cannot be a file name", id)
		case seen[id]:
			return nil, inputf("recording: task %s is given twice; name each once", id)
		default:
			seen[id] = true
		}
		for attempt := 1; attempt <= max(1, r.Attempts); attempt++ {
			path := filepath.Join(r.Dir, "trajectories", fmt.Sprintf("%s.%d.jsonl", task.ID, attempt))
			jobs = append(jobs, job{task: task, attempt: attempt, path: path})
		}
	}
	return jobs, nil
}

// run runs an episode, again where the infrastructure broke it.
func (r *Recorder) run(ctx context.Context, j job, res *Result) {
	tries := r.Retries
	if tries == 0 {
		tries = DefaultRetries
	}
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval = time.Second
	if r.RetryDelay > 0 {
		wait.InitialInterval = r.RetryDelay
	}
	wait.Multiplier = 2
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		sum, err := r.episode(ctx, j)
		if sum != nil {
			res.Trajectory = sum
		}
		if err != nil && (sum != nil || !transient(err)) {
			err = backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(wait), backoff.WithMaxTries(uint(1+max(0, tries))), backoff.WithMaxElapsedTime(0))

	// The last of several tries is not unwrapped by the loop.
	var permanent *backoff.PermanentError
	if errors.As(err, &permanent) {
		err = permanent.Err
	}
	var missing *env.MissingProgramError
	if errors.As(err, &missing) {
		res.Skipped, err = missing.Error(), nil
	}
	res.Err = err
}

// episode runs an episode once. The summary is nil unless it came to its end.
func (r *Recorder) episode(ctx context.Context, j job) (sum *Summary, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	if r.Progress != nil {
		r.Progress.Started(j.task.ID, j.attempt)
	}
	policy, err := r.NewPolicy(j.task)
	if err != nil {
		return nil, fmt.Errorf("making the policy: %w", err)
	}
	defer closePolicy(policy)

	e, err := r.Launcher.Launch(ctx, j.task)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return nil, err
	}
	defer func() {
		if cerr := e.Close(); cerr != nil && err == nil {
			err = fmt.Errorf("closing the sandbox: %w", cerr)
		}
	}()

	header, err := NewHeader(j.task, e.Tools(), policy.Describe())
	if err != nil {
		return nil, err
	}
	header.ID = fmt.Sprintf("%s.%d", j.task.ID, j.attempt)
	header.Run, header.Attempt = r.Run, j.attempt
	header.Sandbox = trajectories.Sandbox{Driver: e.Driver(), Image: e.Image(), Enforcement: e.Enforcement()}
	if err := setAside(j.path, "interrupted"); err != nil {
		return nil, err
	}
	log, closeLog, err := r.create(j.path, header)
	if err != nil {
		return nil, err
	}
	defer closeLog()

	ep := Episode{Policy: policy, Environment: e, Limits: r.Limits, Header: header, Log: log}
	if r.Progress != nil {
		ep.OnTurn = func(t trajectories.Turn) { r.Progress.Turned(j.task.ID, j.attempt, t) }
	}
	t, err := ep.Run(ctx)
	if err != nil {
		return nil, err
	}
	return Summarize(t), nil
}

func (r *Recorder) done(res Result) {
	if r.Progress != nil {
		r.Progress.Done(res)
	}
}

func closePolicy(p Policy) {
	if c, ok := p.(io.Closer); ok {
		_ = c.Close()
	}
}

// transient says whether the same episode may go through another time.
func transient(err error) bool {
	var panicked *PanicError
	if errors.As(err, &panicked) {
		return false
	}
	return errors.Is(err, sandbox.ErrBroken) || errors.Is(err, sandbox.ErrUnavailable)
}

// stopsRun says whether all other episodes would meet the same error.
func stopsRun(err error) bool {
	var write *trajectories.WriteError
	var budget *BudgetError
	return errors.Is(err, ErrStop) || errors.As(err, &write) || errors.As(err, &budget)
}
