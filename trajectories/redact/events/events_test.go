package events_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/redact"
	"github.com/apprentice-rl/apprentice/trajectories/redact/events"
)

// patch is a patch with a secret in it.
const patch = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+" + secret + "\n"

func turn(n int, arguments string) trajectories.Turn {
	return trajectories.Turn{N: n, Actions: []env.Action{{ID: fmt.Sprint("c", n), Tool: "bash", Arguments: json.RawMessage(arguments)}}}
}

func observation(n int, text string) trajectories.Observation {
	return trajectories.Observation{Turn: n, Observation: env.Observation{Action: fmt.Sprint("c", n), Text: text}}
}

// episode is a trajectory of turns with what came back.
func episode(end trajectories.End, texts ...string) *trajectories.Trajectory {
	t := &trajectories.Trajectory{Header: trajectories.Header{ID: "a.1", Task: trajectories.Task{ID: "a"}}, End: &end}
	for i, text := range texts {
		t.Turns = append(t.Turns, turn(i+1, `{"command":"ls"}`))
		t.Observations = append(t.Observations, observation(i+1, text))
	}
	return t
}

func through(t testing.TB, r *redact.Redactor, from *trajectories.Trajectory) (*trajectories.Trajectory, map[string]int) {
	t.Helper()
	var to formats.Collector
	sink := events.NewSink(r, &to)
	require.NoError(t, formats.Copy(sink, formats.Of(from)))
	require.Len(t, to.Whole, 1)
	return to.Whole[0], sink.Taken()
}

func TestSecretsAreReplacedAndCounted(t *testing.T) {
	r := redactor(t)
	from := episode(trajectories.End{Patch: "clean", Detail: "ended with " + secret}, "fine", "it says "+secret+" twice: "+secret)
	got, taken := through(t, r, from)
	want, _ := r.Text(secret)
	require.Equal(t, "fine", got.Observations[0].Text)
	require.Equal(t, "it says "+want+" twice: "+want, got.Observations[1].Text)
	require.Equal(t, "ended with "+want, got.End.Detail)
	require.Equal(t, map[string]int{"known": 3}, got.End.Redactions)
	require.Equal(t, map[string]int{"known": 3}, taken)
	require.Nil(t, from.End.Redactions)
	require.Contains(t, from.Observations[1].Text, secret)
}

func TestThePatchIsNeverAlteredNorATextThatEqualsIt(t *testing.T) {
	submission := "handed in: " + secret
	end := trajectories.End{
		Patch: patch, Submission: &submission, Detail: submission,
		Origin: &trajectories.Origin{Extra: json.RawMessage(`{"submission":` + quoted(patch) + `,"note":"` + secret + `"}`)},
	}
	r := redactor(t)
	got, _ := through(t, r, episode(end, "a diff: "+patch, "\n"+patch, submission))
	require.Equal(t, patch, got.End.Patch)
	require.Equal(t, submission, *got.End.Submission)
	require.Equal(t, submission, got.End.Detail)
	require.NotContains(t, got.Observations[0].Text, secret, "the patch is only a part of it")
	require.Equal(t, "\n"+patch, got.Observations[1].Text)
	require.Equal(t, submission, got.Observations[2].Text)
	placeholder, _ := r.Text(secret)
	require.JSONEq(t, `{"submission":`+quoted(patch)+`,"note":"`+placeholder+`"}`, string(got.End.Origin.Extra))
	require.Equal(t, map[string]int{"known": 2, events.Blocked: 6}, got.End.Redactions)
}

func quoted(s string) string {
	raw, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

func TestWhatWasSeenLongBeforeTheEndIsRedacted(t *testing.T) {
	texts := slices.Repeat([]string{"nothing"}, 100)
	texts[0] = patch
	got, _ := through(t, redactor(t), episode(trajectories.End{Patch: patch}, texts...))
	require.NotContains(t, got.Observations[0].Text, secret)
	require.Equal(t, patch, got.End.Patch)
	require.Len(t, got.Observations, 100)
	require.Equal(t, "nothing", got.Observations[1].Text)
}

// A trajectory with secrets everywhere streams, too.
func TestASinkHoldsBackLittle(t *testing.T) {
	for name, c := range map[string]struct {
		text         string
		turns, least int
	}{
		"many events":  {secret, 1000, 960},
		"large events": {secret + string(make([]byte, 5<<20)), 2, 2},
	} {
		t.Run(name, func(t *testing.T) {
			var whole formats.Collector
			to := &counting{Sink: &whole}
			sink := events.NewSink(redactor(t), to)
			require.NoError(t, sink.Begin(trajectories.Header{ID: "a.1"}))
			for i := 1; i <= c.turns; i++ {
				require.NoError(t, sink.Turn(turn(i, `{}`)))
				require.NoError(t, sink.Observation(observation(i, c.text)))
			}
			require.GreaterOrEqual(t, to.turns, c.least)
			require.NoError(t, sink.End(trajectories.End{}))
			require.Len(t, whole.Whole[0].Observations, c.turns)
			require.Equal(t, c.turns, whole.Whole[0].End.Redactions["known"])
		})
	}
}

// counting counts the turns that arrive.
type counting struct {
	formats.Sink
	turns int
}

func (c *counting) Turn(t trajectories.Turn) error {
	c.turns++
	return c.Sink.Turn(t)
}

func TestADiscardedTrajectoryLeavesNothing(t *testing.T) {
	var to formats.Collector
	sink := events.NewSink(redactor(t), &to)
	require.NoError(t, sink.Begin(trajectories.Header{ID: "a.1", Notes: secret}))
	require.NoError(t, sink.Turn(turn(1, `{"command":"echo `+secret+`"}`)))
	sink.Discard()
	require.Empty(t, to.Whole)
	require.Nil(t, sink.Taken())
	require.NoError(t, formats.Copy(sink, formats.Of(episode(trajectories.End{}, "fine"))))
	require.Nil(t, to.Whole[0].End.Redactions)
	require.Nil(t, sink.Taken())
}

// What is not changed is passed on, and not made anew.
func TestEventsWithoutSecretsAreTheSame(t *testing.T) {
	from := turn(1, `{"command": "ls"}`)
	got := events.New(redactor(t)).Event(trajectories.Event{Turn: &from}).Turn
	require.Equal(t, from, *got)
	require.Same(t, &from.Actions[0].Arguments[0], &got.Actions[0].Arguments[0])
}

func TestBothWaysToHoldArgumentsSayTheSame(t *testing.T) {
	r := redactor(t)
	for name, text := range map[string]string{
		"spaces":  `{"command":  "echo ` + secret + `", "n": 1.0e5}`,
		"escapes": `{"command": "echo ` + `\u0063` + secret[1:] + `"}`,
		"nested":  `{"a": "{\"b\": \"` + secret + `\"}"}`,
		"invalid": `{"command": "echo ` + secret,
	} {
		t.Run(name, func(t *testing.T) {
			arguments, call := trajectories.ParseArguments(text)
			call.ID, call.Extra = "c", json.RawMessage(`{"type":"function"}`)
			from := turn(1, string(arguments))
			from.Calls = []trajectories.Call{call}
			got := events.New(r).Event(trajectories.Event{Turn: &from}).Turn
			require.NotContains(t, asText(t, got), secret)
			arguments, parsed := trajectories.ParseArguments(got.ArgumentText(0))
			parsed.ID, parsed.Extra = call.ID, call.Extra
			require.Equal(t, string(arguments), string(got.Actions[0].Arguments))
			require.Equal(t, []trajectories.Call{parsed}, got.Calls)
			require.Equal(t, call.Invalid, parsed.Invalid)
			require.NotEqual(t, text, got.ArgumentText(0))
		})
	}
}

func TestATurnIsRestored(t *testing.T) {
	r := redactor(t)
	from := turn(1, `{"command":"echo __SECRET_x `+secret+`"}`)
	from.Message = "I write __SECRET_DB and " + secret
	redacted := *events.New(r).Event(trajectories.Event{Turn: &from}).Turn
	require.NotContains(t, asText(t, redacted), secret)
	require.Equal(t, from, events.Restore(r, redacted))
}

func TestASecondTimeNothingChanges(t *testing.T) {
	r := redactor(t)
	once, _ := through(t, r, episode(trajectories.End{Patch: patch}, "it says "+secret, patch))
	twice, taken := through(t, r.Again(), once)
	require.Equal(t, once, twice)
	require.Equal(t, map[string]int{events.Blocked: 2}, taken)
}

func TestFindingsSayWhereAndNotWhat(t *testing.T) {
	r := redactor(t)
	from := episode(trajectories.End{Patch: patch}, "fine", "it says "+secret)
	from.Header.Tools = []trajectories.Tool{{Name: "x", Parameters: json.RawMessage(`{"default":"` + secret + `"}`)}}
	placeholder, _ := r.Text(secret)
	known := func(turn int, field, placeholder string) events.Finding {
		return events.Finding{Kind: redact.Known, Name: "DB_PASSWORD", Turn: turn, Field: field, Placeholder: placeholder}
	}
	require.Equal(t, []events.Finding{
		known(0, "header.tools.parameters", placeholder),
		known(2, "observation.text", placeholder),
		known(0, "end.patch", ""),
	}, findings(t, r, from))
	redacted, _ := through(t, r, from)
	require.Equal(t, []events.Finding{known(0, "end.patch", "")}, findings(t, r, redacted))
}

func findings(t testing.TB, r *redact.Redactor, of *trajectories.Trajectory) (all []events.Finding) {
	t.Helper()
	for f, err := range events.Findings(r, formats.Of(of)) {
		require.NoError(t, err)
		all = append(all, f)
	}
	return all
}
