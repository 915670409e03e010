package agent_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/agent"
	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/trajectories"
)

// episode runs a policy in a place and returns the log as it is on disk.
func episode(ctx context.Context, t *testing.T, p agent.Policy, in place, l agent.Limits) (*trajectories.Trajectory, error) {
	path := filepath.Join(t.TempDir(), "x.jsonl")
	header, err := agent.NewHeader(in.Task(), in.Tools(), p.Describe())
	require.NoError(t, err)
	log, err := trajectories.Create(path, header)
	require.NoError(t, err)
	defer func() { require.NoError(t, log.Close()) }()
	e := agent.Episode{Policy: p, Environment: in, Limits: l, Header: header, Log: log}
	got, runErr := e.Run(ctx)
	onDisk, err := trajectories.Read(path)
	require.NoError(t, err)
	require.Equal(t, got.Turns, onDisk.Turns)
	require.Equal(t, got.Observations, onDisk.Observations)
	require.Equal(t, got.End, onDisk.End)
	require.Equal(t, runErr == nil, onDisk.End != nil)
	return onDisk, runErr
}

func TestAnEpisodeEndsWithSubmit(t *testing.T) {
	got, err := episode(t.Context(), t, submitsAfter(3), place{task: tasks(1)[0]}, agent.DefaultLimits())
	require.NoError(t, err)
	require.Equal(t, trajectories.ExitSubmitted, got.End.Status)
	require.Equal(t, "the patch of toy__calc-1", got.End.Patch)
	require.Len(t, got.Turns, 3)
	require.Len(t, got.Observations, 3)
	require.Contains(t, got.Header.Prompt, "it is broken")
	require.Contains(t, got.Header.System, "- bash: Run a command.\n")
}

func TestAnEpisodeEndsAtItsLimits(t *testing.T) {
	malformed := trajectories.Turn{FormatError: "no call"}
	paid := call("bash")
	paid.Usage = trajectories.Usage{PromptTokens: 90, CompletionTokens: 10, Cost: 0.5}
	always := func(turn trajectories.Turn) script {
		return script{next: func(context.Context, int) (trajectories.Turn, error) { return turn, nil }}
	}
	fails := func(err error) script {
		return script{next: func(context.Context, int) (trajectories.Turn, error) {
			return trajectories.Turn{}, fmt.Errorf("no more: %w", err)
		}}
	}
	alternating := script{next: func(_ context.Context, n int) (trajectories.Turn, error) {
		if n%3 == 0 {
			return call("bash"), nil
		}
		return malformed, nil
	}}
	episodePurse := func() error {
		_, err := agent.NewBudget(0).Episode(1).Reserve(2)
		return err
	}
	tests := []struct {
		name   string
		policy script
		limits agent.Limits
		status trajectories.ExitStatus
		turns  int
	}{
		{"steps", always(call("bash")), agent.Limits{Steps: 4}, trajectories.ExitStepLimit, 4},
		{"format errors do not count as steps", alternating, agent.Limits{Steps: 2, FormatErrors: 3}, trajectories.ExitStepLimit, 6},
		{"format errors in a row", always(malformed), agent.Limits{FormatErrors: 3}, trajectories.ExitFormatErrors, 3},
		{"answers without a call", always(trajectories.Turn{Message: "done!"}), agent.Limits{FormatErrors: 2}, trajectories.ExitFormatErrors, 2},
		{"tokens", always(paid), agent.Limits{Tokens: 250}, trajectories.ExitTokenLimit, 3},
		{"cost", always(paid), agent.Limits{Cost: 1}, trajectories.ExitCostLimit, 2},
		{"purse of the episode", fails(episodePurse()), agent.Limits{}, trajectories.ExitCostLimit, 0},
		{"given up", fails(agent.ErrGaveUp), agent.Limits{}, trajectories.ExitGaveUp, 0},
		{"context full", fails(agent.ErrContextLength), agent.Limits{}, trajectories.ExitTokenLimit, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := episode(t.Context(), t, tt.policy, place{}, tt.limits)
			require.NoError(t, err)
			require.Equal(t, tt.status, got.End.Status)
			require.NotEmpty(t, got.End.Detail)
			require.Len(t, got.Turns, tt.turns)
		})
	}
}

func TestTimeThatAFailingEndpointTookIsNotThePolicys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		waiting := script{next: func(ctx context.Context, n int) (trajectories.Turn, error) {
			if n == 1 {
				return call("bash"), nil
			}
			<-ctx.Done()
			return trajectories.Turn{}, fmt.Errorf("asked again and again: %w", sandbox.ErrUnavailable)
		}}
		got, err := episode(t.Context(), t, waiting, place{}, agent.Limits{Time: time.Hour})
		require.ErrorIs(t, err, sandbox.ErrUnavailable)
		require.Nil(t, got.End)
	})
}

func TestTheTimeLimitStopsAPolicyAndAnAction(t *testing.T) {
	hang := func(ctx context.Context) error {
		<-ctx.Done()
		return errors.New("stream closed")
	}
	slowPolicy := script{next: func(ctx context.Context, _ int) (trajectories.Turn, error) {
		return trajectories.Turn{}, hang(ctx)
	}}
	slowPlace := place{do: func(ctx context.Context, _ env.Action) (env.Observation, error) {
		return env.Observation{}, hang(ctx)
	}}
	for name, in := range map[string]struct {
		policy script
		place  place
	}{"policy": {slowPolicy, place{}}, "action": {submitsAfter(2), slowPlace}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				got, err := episode(t.Context(), t, in.policy, in.place, agent.Limits{Time: time.Hour})
				require.NoError(t, err)
				require.Equal(t, time.Hour, time.Since(began))
				require.Equal(t, trajectories.ExitTimeLimit, got.End.Status)
			})
		})
	}
}

func TestABrokenEpisodeHasNoEnd(t *testing.T) {
	broken := fmt.Errorf("stream closed: %w", sandbox.ErrBroken)
	interrupted := errors.New("interrupted by the user")
	cancelled, cancel := context.WithCancelCause(t.Context())
	cancel(interrupted)
	_, noMoney := agent.NewBudget(1).Reserve(2)
	tests := []struct {
		name   string
		ctx    context.Context
		policy script
		place  place
		want   error
	}{
		{"action", t.Context(), submitsAfter(1), place{do: func(context.Context, env.Action) (env.Observation, error) {
			return env.Observation{}, broken
		}}, sandbox.ErrBroken},
		{"final patch", t.Context(), submitsAfter(1), place{patch: func(context.Context) (string, error) { return "", broken }}, sandbox.ErrBroken},
		{"policy", t.Context(), script{next: func(context.Context, int) (trajectories.Turn, error) {
			return trajectories.Turn{}, sandbox.ErrUnavailable
		}}, place{}, sandbox.ErrUnavailable},
		{"cancelled", cancelled, script{next: func(ctx context.Context, _ int) (trajectories.Turn, error) {
			return trajectories.Turn{}, ctx.Err()
		}}, place{}, interrupted},
		{"purse of the run before the first turn", t.Context(), script{next: func(context.Context, int) (trajectories.Turn, error) {
			return trajectories.Turn{}, noMoney
		}}, place{}, noMoney},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := episode(tt.ctx, t, tt.policy, tt.place, agent.Limits{})
			require.ErrorIs(t, err, tt.want)
		})
	}
}

func TestWorkDoneBeforeACancellationIsKept(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	in := place{do: func(context.Context, env.Action) (env.Observation, error) {
		cancel() // just when the policy submits
		return env.Observation{Submitted: true}, nil
	}}
	got, err := episode(ctx, t, submitsAfter(1), in, agent.Limits{})
	require.NoError(t, err)
	require.Equal(t, trajectories.ExitSubmitted, got.End.Status)
}

func TestAPolicyThatSpoilsItsRepositoryHasNoPatch(t *testing.T) {
	in := place{patch: func(context.Context) (string, error) {
		return "", fmt.Errorf("diff: %w", &env.RepositoryError{Doing: "git diff", Reason: "not a git repository"})
	}}
	got, err := episode(t.Context(), t, submitsAfter(1), in, agent.Limits{})
	require.NoError(t, err)
	require.Equal(t, trajectories.ExitSubmitted, got.End.Status)
	require.Equal(t, "there is no patch: git diff: not a git repository", got.End.Detail)
	require.Empty(t, got.End.Patch)
}

func TestActionsGetUniqueIDs(t *testing.T) {
	turn := trajectories.Turn{Actions: []env.Action{
		{ID: "call_0", Tool: "bash"}, {Tool: "bash"}, {ID: "call_0", Tool: "bash"}, {ID: "turn-2.1", Tool: "bash"},
	}}
	p := script{next: func(context.Context, int) (trajectories.Turn, error) { return turn, nil }}
	got, err := episode(t.Context(), t, p, place{}, agent.Limits{Steps: 3})
	require.NoError(t, err)
	require.Len(t, got.Observations, 12) // reading checks that no id is used twice
	require.Equal(t, "call_0", turn.Actions[0].ID)
	require.Empty(t, turn.Actions[1].ID)
}

func TestActionsAfterASubmitAreNotDone(t *testing.T) {
	turn := call("submit")
	turn.Actions = append(turn.Actions, env.Action{Tool: "bash"})
	p := script{next: func(context.Context, int) (trajectories.Turn, error) { return turn, nil }}
	got, err := episode(t.Context(), t, p, place{}, agent.Limits{})
	require.NoError(t, err)
	require.Len(t, got.Observations, 1)
}

func TestATurnIsOnDiskBeforeItsActionsRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.jsonl")
	log, err := trajectories.Create(path, trajectories.Header{})
	require.NoError(t, err)
	defer func() { require.NoError(t, log.Close()) }()
	in := place{do: func(context.Context, env.Action) (env.Observation, error) {
		onDisk, err := trajectories.Read(path)
		require.NoError(t, err)
		require.Len(t, onDisk.Turns, 1)
		return env.Observation{Submitted: true}, nil
	}}
	_, err = (&agent.Episode{Policy: submitsAfter(1), Environment: in, Log: log}).Run(t.Context())
	require.NoError(t, err)
}

func TestThePromptShowsNothingHidden(t *testing.T) {
	task := env.Task{
		ID: "x", Repo: "toy/calc", ProblemStatement: "a < b", TestCommand: "go test ./...",
		Hints: "SECRET-hint", Patch: "SECRET-patch", TestPatch: "SECRET-test", FailToPass: []string{"SECRET-name"}, EvalScript: "SECRET-script",
	}
	system, prompt, err := agent.Messages(task, place{}.Tools())
	require.NoError(t, err)
	require.NotContains(t, system+prompt, "SECRET")
	require.Contains(t, prompt, "a < b")
	require.Contains(t, prompt, "    go test ./...")
}
