package agent_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/agent"
	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/trajectories"
)

// A house launches places and counts them.
type house struct {
	open, launched, most atomic.Int64
	change               func(n int64, p *place) error
	locate               func() (driver, image string, err error)
}

func (h *house) Locate(context.Context, env.Task) (driver, image string, err error) {
	if h.locate != nil {
		return h.locate()
	}
	return place{}.Driver(), place{}.Image(), nil
}

func (h *house) Launch(_ context.Context, task env.Task) (agent.Launched, error) {
	n := h.launched.Add(1)
	p := place{task: task, closed: func() { h.open.Add(-1) }}
	if h.change != nil {
		if err := h.change(n, &p); err != nil {
			return nil, err
		}
	}
	now := h.open.Add(1)
	for old := h.most.Load(); now > old && !h.most.CompareAndSwap(old, now); old = h.most.Load() {
	}
	return p, nil
}

func factory(p script) agent.Factory {
	return func(env.Task) (agent.Policy, error) { return p, nil }
}

func recorder(t *testing.T, h *house) *agent.Recorder {
	return &agent.Recorder{Launcher: h, NewPolicy: factory(submitsAfter(2)), Dir: t.TempDir(), Run: "test", Parallel: 2, Limits: agent.DefaultLimits()}
}

// A diary notes progress.
type diary struct {
	mu                   sync.Mutex
	started, turns, done []string
}

func (d *diary) Started(id string, attempt int) { d.note(&d.started, id, attempt) }
func (d *diary) Turned(id string, attempt int, _ trajectories.Turn) {
	d.note(&d.turns, id, attempt)
}
func (d *diary) Done(r agent.Result) { d.note(&d.done, r.TaskID, r.Attempt) }
func (d *diary) note(to *[]string, id string, attempt int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	*to = append(*to, fmt.Sprintf("%s.%d", id, attempt))
}

func TestRecordingIsDoneOnce(t *testing.T) {
	h := &house{}
	d := &diary{}
	r := recorder(t, h)
	r.Attempts, r.Progress = 2, d
	first, err := r.Record(t.Context(), tasks(5))
	require.NoError(t, err)
	require.Len(t, first, 10)
	require.EqualValues(t, 10, h.launched.Load())
	require.Zero(t, h.open.Load())
	require.LessOrEqual(t, h.most.Load(), int64(2))
	require.Len(t, d.started, 10)
	require.Len(t, d.turns, 20)
	for i, res := range first {
		require.NoError(t, res.Err)
		require.Equal(t, fmt.Sprintf("toy__calc-%d", i/2+1), res.TaskID)
		require.Equal(t, i%2+1, res.Attempt)
		require.Equal(t, filepath.Join(r.Dir, "trajectories", fmt.Sprintf("%s.%d.jsonl", res.TaskID, res.Attempt)), res.Path)
		require.Equal(t, trajectories.ExitSubmitted, res.Trajectory.Status)
		require.Equal(t, "the patch of "+res.TaskID, res.Trajectory.Patch)
		require.Equal(t, 2, res.Trajectory.Steps)
		require.Equal(t, "memory", res.Trajectory.Header.Sandbox.Driver)
	}

	again, err := r.Record(t.Context(), tasks(5))
	require.NoError(t, err)
	require.EqualValues(t, 10, h.launched.Load())
	require.Len(t, d.done, 20)
	for i := range again {
		require.True(t, again[i].Kept)
		require.Equal(t, first[i].Trajectory.Patch, again[i].Trajectory.Patch)
	}
}

func TestAnUnfinishedLogIsSetAsideAndRunAgain(t *testing.T) {
	r := recorder(t, &house{})
	path := filepath.Join(r.Dir, "trajectories", "toy__calc-1.1.jsonl")
	for n := range 2 {
		w, err := trajectories.Create(path, trajectories.Header{ID: fmt.Sprintf("crashed %d", n)})
		require.NoError(t, err)
		require.NoError(t, w.Close())
		_, err = r.Record(t.Context(), tasks(1))
		require.NoError(t, err)
		require.NoError(t, os.Remove(path))
		aside, err := trajectories.Read(fmt.Sprintf("%s.interrupted-%d", path, n+1))
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("crashed %d", n), aside.Header.ID)
	}
	// A crash may even leave an empty file.
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	results, err := r.Record(t.Context(), tasks(1))
	require.NoError(t, err)
	require.False(t, results[0].Kept)
	require.FileExists(t, path+".interrupted-3")
}

func TestARecordingOfSomethingElseIsSetAside(t *testing.T) {
	located := func(driver, image string, err error) func(*house, *env.Task) {
		return func(h *house, _ *env.Task) {
			h.locate = func() (string, string, error) { return driver, image, err }
		}
	}
	tests := []struct {
		name   string
		change func(h *house, task *env.Task)
		kept   bool
	}{
		{"nothing has changed", func(*house, *env.Task) {}, true},
		{"the base commit", func(_ *house, task *env.Task) { task.BaseCommit = "another" }, false},
		{"the problem statement", func(_ *house, task *env.Task) { task.ProblemStatement += " again" }, false},
		{"the hidden tests", func(_ *house, task *env.Task) { task.TestPatch = "another" }, true},
		{"the name of an image of the same contents", func(_ *house, task *env.Task) { task.Image = "calc:latest" }, true},
		{"the contents of the image", located("memory", "sha256:1", nil), false},
		{"the driver", located("docker", "sha256:0", nil), false},
		{"the image is gone", located("", "", sandbox.ErrNoImage), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := &house{}
			r := recorder(t, h)
			theTasks := tasks(2)
			before, err := r.Record(t.Context(), theTasks)
			require.NoError(t, err)
			was, err := os.ReadFile(before[1].Path)
			require.NoError(t, err)

			tt.change(h, &theTasks[1])
			after, err := r.Record(t.Context(), theTasks)
			require.NoError(t, err)
			require.Equal(t, trajectories.ExitSubmitted, after[1].Trajectory.Status)
			require.Equal(t, tt.kept, after[1].Kept)
			aside := before[1].Path + ".stale-1"
			if tt.kept {
				require.NoFileExists(t, aside)
				return
			}
			old, err := os.ReadFile(aside)
			require.NoError(t, err)
			require.Equal(t, was, old)
			require.Equal(t, theTasks[1].BaseCommit, after[1].Trajectory.Header.Task.BaseCommit)
		})
	}
}

func TestABrokenSandboxIsRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &house{change: func(n int64, p *place) error {
			switch n {
			case 1:
				return fmt.Errorf("daemon gone: %w", sandbox.ErrUnavailable)
			case 2:
				p.do = func(context.Context, env.Action) (env.Observation, error) {
					return env.Observation{}, fmt.Errorf("stream closed: %w", sandbox.ErrBroken)
				}
			}
			return nil
		}}
		r := recorder(t, h)
		results, err := r.Record(t.Context(), tasks(1))
		require.NoError(t, err)
		require.NoError(t, results[0].Err)
		require.Equal(t, trajectories.ExitSubmitted, results[0].Trajectory.Status)
		require.EqualValues(t, 3, h.launched.Load())
		require.FileExists(t, results[0].Path+".interrupted-1")
		require.Zero(t, h.open.Load())
	})
}

func TestRetriesEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &house{change: func(int64, *place) error { return fmt.Errorf("daemon gone: %w", sandbox.ErrUnavailable) }}
		r := recorder(t, h)
		r.Retries = 4
		results, err := r.Record(t.Context(), tasks(2))
		require.NoError(t, err)
		require.EqualValues(t, 10, h.launched.Load())
		for _, res := range results {
			require.ErrorIs(t, res.Err, sandbox.ErrUnavailable)
			require.Nil(t, res.Trajectory)
		}
	})
}

func TestOneEpisodesTroubleStaysItsOwn(t *testing.T) {
	tests := []struct {
		name   string
		breaks func(p *place) error
		check  func(t *testing.T, r agent.Result)
	}{
		{"panic", func(p *place) error {
			p.do = func(context.Context, env.Action) (env.Observation, error) { panic("boom") }
			return nil
		}, func(t *testing.T, r agent.Result) {
			var p *agent.PanicError
			require.ErrorAs(t, r.Err, &p)
			require.Equal(t, "boom", p.Value)
			require.ErrorIs(t, r.Err, sandbox.ErrBroken)
		}},
		{"missing program", func(*place) error {
			return fmt.Errorf("opening: %w", &env.MissingProgramError{Program: "python3"})
		}, func(t *testing.T, r agent.Result) {
			require.NoError(t, r.Err)
			require.Contains(t, r.Skipped, "python3")
		}},
		{"no image", func(*place) error { return sandbox.ErrNoImage }, func(t *testing.T, r agent.Result) {
			require.ErrorIs(t, r.Err, sandbox.ErrNoImage)
		}},
		{"leak", func(*place) error { return &env.LeakError{Found: []string{"refs/tags/v2"}} }, func(t *testing.T, r agent.Result) {
			var leak *env.LeakError
			require.ErrorAs(t, r.Err, &leak)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := &house{change: func(_ int64, p *place) error {
				if p.task.ID == "toy__calc-2" {
					return tt.breaks(p)
				}
				return nil
			}}
			results, err := recorder(t, h).Record(t.Context(), tasks(3))
			require.NoError(t, err)
			require.EqualValues(t, 3, h.launched.Load())
			require.Zero(t, h.open.Load())
			tt.check(t, results[1])
			require.Nil(t, results[1].Trajectory)
			require.NotNil(t, results[0].Trajectory)
			require.NotNil(t, results[2].Trajectory)
		})
	}
}

func TestAnErrorThatAllWouldMeetStopsTheRun(t *testing.T) {
	refused := fmt.Errorf("endpoint says 401: %w", agent.ErrStop)
	_, noMoney := agent.NewBudget(1).Reserve(2)
	for _, want := range []error{refused, noMoney} {
		h := &house{}
		r := recorder(t, h)
		r.NewPolicy = factory(script{next: func(context.Context, int) (trajectories.Turn, error) { return trajectories.Turn{}, want }})
		r.Parallel = 1
		results, err := r.Record(t.Context(), tasks(50))
		require.ErrorIs(t, err, want)
		require.Len(t, results, 50)
		require.LessOrEqual(t, h.launched.Load(), int64(2))
		require.ErrorIs(t, results[49].Err, want)
	}
}

func TestALogThatCannotBeWrittenStopsTheRun(t *testing.T) {
	h := &house{}
	r := recorder(t, h)
	require.NoError(t, os.WriteFile(filepath.Join(r.Dir, "trajectories"), nil, 0o600))
	_, err := r.Record(t.Context(), tasks(2))
	require.ErrorContains(t, err, r.Dir)
	require.Zero(t, h.open.Load())
}

func TestCancellingClosesEverySandbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		interrupted := errors.New("interrupted")
		ctx, cancel := context.WithCancelCause(t.Context())
		h := &house{change: func(_ int64, p *place) error {
			p.do = func(ctx context.Context, _ env.Action) (env.Observation, error) {
				<-ctx.Done()
				return env.Observation{}, ctx.Err()
			}
			return nil
		}}
		r := recorder(t, h)
		time.AfterFunc(time.Minute, func() { cancel(interrupted) })
		began := time.Now()
		results, err := r.Record(ctx, tasks(5))
		require.ErrorIs(t, err, interrupted)
		require.Equal(t, time.Minute, time.Since(began))
		require.Zero(t, h.open.Load())
		require.EqualValues(t, 2, h.launched.Load())
		for _, res := range results {
			require.ErrorIs(t, res.Err, interrupted)
		}
		unfinished, err := trajectories.Read(results[0].Path)
		require.NoError(t, err)
		require.Len(t, unfinished.Turns, 1)
		require.Nil(t, unfinished.End)
	})
}

func TestBadInputIsToldBeforeAnythingStarts(t *testing.T) {
	ok := func(*agent.Recorder) {}
	brokenLog := func(r *agent.Recorder) {
		path := filepath.Join(r.Dir, "trajectories", "toy__calc-2.1.jsonl")
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte("{\"type\":\"header\",\"version\":1}\nrubbish\n"), 0o600))
	}
	otherPolicy := func(r *agent.Recorder) {
		w, err := trajectories.Create(filepath.Join(r.Dir, "trajectories", "toy__calc-2.1.jsonl"), trajectories.Header{Policy: trajectories.Policy{Name: "llm", Model: "m"}})
		require.NoError(t, err)
		require.NoError(t, w.End(trajectories.End{Status: trajectories.ExitSubmitted}))
		require.NoError(t, w.Close())
	}
	slash := tasks(1)
	slash[0].ID = "../x"
	tests := []struct {
		name   string
		change func(*agent.Recorder)
		tasks  []env.Task
		says   string
	}{
		{"nothing side by side", func(r *agent.Recorder) { r.Parallel = 0 }, tasks(1), "0 episodes side by side"},
		{"negative attempts", func(r *agent.Recorder) { r.Attempts = -1 }, tasks(1), "-1 attempts"},
		{"task twice", ok, slices.Concat(tasks(1), tasks(1)), "given twice"},
		{"id with a slash", ok, slash, "cannot be a file name"},
		{"id missing", ok, []env.Task{{}}, "cannot be a file name"},
		{"broken log", brokenLog, tasks(2), "jsonl:2:1"},
		{"log of another policy", otherPolicy, tasks(2), "policy llm m, not of script"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := &house{}
			r := recorder(t, h)
			tt.change(r)
			_, err := r.Record(t.Context(), tt.tasks)
			require.ErrorContains(t, err, tt.says)
			var input *agent.InputError
			var event *trajectories.EventError
			require.True(t, errors.As(err, &input) || errors.As(err, &event), "%T", err)
			require.Zero(t, h.launched.Load())
		})
	}
}

func TestPoliciesAreClosed(t *testing.T) {
	closed := 0
	p := submitsAfter(1)
	p.closed = &closed
	r := recorder(t, &house{})
	r.NewPolicy = factory(p)
	_, err := r.Record(t.Context(), tasks(1))
	require.NoError(t, err)
	require.Equal(t, 1, closed)
}
