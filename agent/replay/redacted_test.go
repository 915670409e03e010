package replay_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/agent/replay"
	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/redact"
	"github.com/apprentice-rl/apprentice/trajectories/redact/events"
)

func redactor(t *testing.T, key, password string) *redact.Redactor {
	t.Helper()
	r, err := redact.New(map[string]string{"DB_PASSWORD": password}, redact.Options{Key: []byte(key)})
	require.NoError(t, err)
	return r
}

// The password has changed since the recording; the token, which has no name,
// cannot be put back, and is the same.
func TestARecordingIsActedWithTheSecretsOfToday(t *testing.T) {
	const key = "the key of the first run"
	token := "postgres://me:hunter4711@db"
	recorded := recording()
	recorded.Turns[0].Actions[0].Arguments = json.RawMessage(`{"command":"login correct-horse-battery"}`)
	recorded.Observations[0].Text = "PASSWORD=correct-horse-battery " + token
	recorded.Header.Prompt = ""
	first := redacted(redactor(t, key, "correct-horse-battery"), recorded)
	require.NotContains(t, first.Observations[0].Text, "hunter4711")

	w := same()
	w["a"] = env.Observation{Text: "PASSWORD=staple-correct-horse " + token, Result: exit(0)}
	p := replay.NewRedacted(first, redactor(t, key, "staple-correct-horse"))
	got := play(t, p, w)
	require.JSONEq(t, `{"command":"login staple-correct-horse"}`, string(got.Turns[0].Actions[0].Arguments))
	require.Empty(t, p.Divergences())

	second := redacted(redactor(t, "the key of another run", "staple-correct-horse"), got)
	require.NotContains(t, string(second.Turns[0].Actions[0].Arguments), "staple")
	require.NotEqual(t, first.Observations[0].Text, second.Observations[0].Text)
	require.Empty(t, replay.Compare(first, second))

	w["a"] = env.Observation{Text: "PASSWORD=something-else-1 " + token, Result: exit(0)}
	p = replay.NewRedacted(first, redactor(t, key, "staple-correct-horse"))
	play(t, p, w)
	require.Len(t, p.Divergences(), 1)
}

// redacted is a trajectory as a log has it.
func redacted(r *redact.Redactor, t *trajectories.Trajectory) *trajectories.Trajectory {
	redaction := events.New(r)
	got := &trajectories.Trajectory{}
	for e := range t.Events() {
		switch e = redaction.Event(e); {
		case e.Header != nil:
			got.Header = *e.Header
		case e.Turn != nil:
			got.Turns = append(got.Turns, *e.Turn)
		case e.Observation != nil:
			got.Observations = append(got.Observations, *e.Observation)
		case e.End != nil:
			got.End = e.End
		}
	}
	return got
}
