package agent_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/agent"
	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/redact"
)

const secret = "correct-horse-battery"

func redactor(t *testing.T) *redact.Redactor {
	t.Helper()
	r, err := redact.New(map[string]string{"DB_PASSWORD": secret}, redact.Options{Key: []byte("a key for tests only")})
	require.NoError(t, err)
	return r
}

// A secret that a command prints is seen by the policy and its next action, and
// by no disk, not even for the moment between a turn and what comes back.
func TestSecretsDoNotReachTheDisk(t *testing.T) {
	var r *agent.Recorder
	var log string
	unseen := func() {
		onDisk, err := os.ReadFile(log)
		require.NoError(t, err)
		require.NotContains(t, string(onDisk), secret)
		require.Contains(t, string(onDisk), `{"type":"header"`)
	}
	var done []string
	h := &house{change: func(_ int64, p *place) error {
		p.do = func(_ context.Context, a env.Action) (env.Observation, error) {
			unseen()
			done = append(done, string(a.Arguments))
			return env.Observation{Text: "PASSWORD is " + secret, Submitted: a.Tool == "submit"}, nil
		}
		p.patch = func(context.Context) (string, error) { return "+" + secret, nil }
		return nil
	}}
	r = recorder(t, h)
	r.Redactor = redactor(t)
	r.NewPolicy = func(env.Task) (agent.Policy, error) { return copier{}, nil }
	task := tasks(1)
	task[0].ProblemStatement = "why is " + secret + " wrong?"
	log = r.Dir + "/trajectories/toy__calc-1.1.jsonl"
	results, err := r.Record(t.Context(), task)
	require.NoError(t, err)
	require.NoError(t, results[0].Err)
	require.Equal(t, []string{`{}`, fmt.Sprintf(`{"saw":"PASSWORD is %s"}`, secret)}, done)
	require.Equal(t, "+"+secret, results[0].Trajectory.Patch)

	placeholder, _ := r.Redactor.Text(secret)
	got, err := trajectories.Read(log)
	require.NoError(t, err)
	require.Equal(t, "why is "+placeholder+" wrong?", got.Header.Task.ProblemStatement)
	require.Contains(t, got.Header.Prompt, placeholder)
	require.Equal(t, "PASSWORD is "+placeholder, got.Observations[0].Text)
	require.JSONEq(t, `{"saw":"PASSWORD is `+placeholder+`"}`, string(got.Turns[1].Actions[0].Arguments))
	require.Equal(t, "+"+secret, got.End.Patch, "an altered patch does not apply")
	require.Equal(t, map[string]int{"known": 5, "blocked": 1}, got.End.Redactions)

	// The task is still the same, though its record says it in other words.
	results, err = r.Record(t.Context(), task)
	require.NoError(t, err)
	require.True(t, results[0].Kept)
}

// A copier puts what it saw last into its action, and submits then.
type copier struct{}

func (copier) Describe() trajectories.Policy { return trajectories.Policy{Name: "copier"} }

func (copier) Next(_ context.Context, t *trajectories.Trajectory) (trajectories.Turn, error) {
	if len(t.Observations) == 0 {
		return call("bash"), nil
	}
	arguments, err := json.Marshal(map[string]string{"saw": t.Observations[len(t.Observations)-1].Text})
	return trajectories.Turn{Actions: []env.Action{{Tool: "submit", Arguments: arguments}}}, err
}

// Without secrets, a redactor leaves no trace.
func TestALogWithoutSecretsIsAsItWas(t *testing.T) {
	logs := map[bool]*trajectories.Trajectory{}
	for _, redacts := range []bool{false, true} {
		r := recorder(t, &house{})
		if redacts {
			r.Redactor = redactor(t)
		}
		results, err := r.Record(t.Context(), tasks(1))
		require.NoError(t, err)
		got, err := trajectories.Read(results[0].Path)
		require.NoError(t, err)
		got.Header.Started, got.End.Time = got.Turns[0].Time, got.Turns[0].Time
		for i := range got.Turns {
			got.Turns[i].Time = got.Header.Started
		}
		logs[redacts] = got
	}
	was, is := logs[false], logs[true]
	is.Header.Started, is.End.Time = was.Header.Started, was.End.Time
	for i := range is.Turns {
		is.Turns[i].Time = was.Turns[i].Time
	}
	require.Equal(t, was, is)
}
