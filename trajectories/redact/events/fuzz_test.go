package events_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/redact"
	"github.com/apprentice-rl/apprentice/trajectories/redact/events"
)

// Whatever a source holds: a log can be written of what comes out, the two ways
// to hold arguments agree, nothing changes another time, and where all secrets
// have names the text is restored.
func FuzzTurn(f *testing.F) {
	f.Add("say "+secret, `{"command": "echo `+secret+`"}`, `{"id":"x","choices":["`+secret+`"]}`)
	f.Add("__SECRET_x__", `{"a": "__SECRET_DB_PASSWORD_00000000__ \u005f_SECRET_"}`, `["{\"a\":\"\\u0063orrect-horse-battery\"}"]`)
	f.Add("password=Tr0ub4dor&3x", `{"password": "Tr0ub4dor&3x", "password": 1}`, `{"a":"postgres://me:hunter4711@db"}`)
	f.Add("", `{"a": `, `{"a":"`+"\xff"+`"}`)
	f.Fuzz(func(t *testing.T, text, arguments, body string) {
		r := redactor(t)
		object, call := trajectories.ParseArguments(arguments)
		from := turn(1, string(object))
		from.Message, from.Calls = text, []trajectories.Call{call}
		if json.Valid([]byte(body)) {
			from.Response = json.RawMessage(body)
		}
		got := *events.New(r).Event(trajectories.Event{Turn: &from}).Turn
		require.NotContains(t, got.Message, secret)
		require.NotContains(t, got.ArgumentText(0), secret)
		require.NotContains(t, string(got.Actions[0].Arguments), secret)

		again, parsed := trajectories.ParseArguments(got.ArgumentText(0))
		require.Equal(t, call.Invalid, got.Calls[0].Invalid)
		if !call.Invalid {
			require.Equal(t, string(again), string(got.Actions[0].Arguments))
			require.Equal(t, parsed, got.Calls[0])
		}
		require.Equal(t, got, *events.New(r.Again()).Event(trajectories.Event{Turn: &got}).Turn)

		var log bytes.Buffer
		e := trajectories.NewEncoder(&log)
		require.NoError(t, e.Header(trajectories.Header{ID: "a.1"}))
		require.NoError(t, e.Turn(got))
		_, err := trajectories.Decode("log", &log)
		require.NoError(t, err)

		for _, f := range findings(t, r, &trajectories.Trajectory{Turns: []trajectories.Turn{from}}) {
			if f.Kind != redact.Known && f.Kind != redact.Entropy {
				return // it has no name to be restored by
			}
		}
		require.Equal(t, from.Message, events.Restore(r, got).Message)
	})
}
