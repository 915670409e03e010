package trajectories_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/trajectories"
)

// write writes t as the log of an episode would be written.
func write(path string, t *trajectories.Trajectory) error {
	w, err := trajectories.Create(path, t.Header)
	if err != nil {
		return err
	}
	defer func() { _ = w.Close() }()
	for _, turn := range t.Turns {
		if err := w.Turn(turn); err != nil {
			return err
		}
		for _, o := range t.Observations {
			if o.Turn != turn.N {
				continue
			}
			if err := w.Observation(o); err != nil {
				return err
			}
		}
	}
	if t.End != nil {
		return w.End(*t.End)
	}
	return nil
}

// encode returns t as a log, without a file.
func encode(t require.TestingT, tr *trajectories.Trajectory) []byte {
	var log bytes.Buffer
	e := trajectories.NewEncoder(&log)
	for event := range tr.Events() {
		require.NoError(t, e.Event(event))
	}
	return log.Bytes()
}

func small() *trajectories.Trajectory {
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	return &trajectories.Trajectory{
		Header: trajectories.Header{
			Version: trajectories.Version, ID: "toy__calc-1.1", Run: "demo", Attempt: 1, Started: at,
			Task:   trajectories.Task{ID: "toy__calc-1", Repo: "toy/calc", ProblemStatement: "a < b && c > d"},
			Policy: trajectories.Policy{Name: "oracle", SyntheticReasoning: true},
			Tools:  []trajectories.Tool{{Name: "bash", Parameters: json.RawMessage(`{"type":"object"}`)}},
		},
		Turns: []trajectories.Turn{
			{N: 1, Time: at, Reasoning: "look", Actions: []env.Action{{ID: "a", Tool: "bash", Arguments: json.RawMessage(`{"command":"ls"}`)}}},
			{N: 2, Time: at, FormatError: "no tool call"},
			{N: 3, Time: at, Actions: []env.Action{{ID: "b", Tool: "submit", Arguments: json.RawMessage(`{}`)}}},
		},
		Observations: []trajectories.Observation{
			{Turn: 1, Observation: env.Observation{Action: "a", Text: "go.mod\n", Duration: time.Millisecond}},
			{Turn: 3, Observation: env.Observation{Action: "b", Text: "", Submitted: true}},
		},
		End: &trajectories.End{Time: at, Status: trajectories.ExitSubmitted, Patch: "diff --git a/x b/x\n"},
	}
}

func text() *rapid.Generator[string] {
	return rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		"", "<think>a && b</think>", "line\u2028separator", "\x00\x1b[31m", strings.Repeat("é\n", 500), "\\u0026\"",
	}))
}

func anyTrajectory() *rapid.Generator[*trajectories.Trajectory] {
	return rapid.Custom(func(r *rapid.T) *trajectories.Trajectory {
		at := time.Unix(rapid.Int64Range(0, 4e9).Draw(r, "seconds"), rapid.Int64Range(0, 999999999).Draw(r, "ns")).UTC()
		t := small()
		t.Header.Started = at
		t.Header.ID = text().Draw(r, "id")
		t.Header.System, t.Header.Prompt = text().Draw(r, "system"), text().Draw(r, "prompt")
		t.Header.Sandbox.Enforcement = rapid.SampledFrom([]map[sandbox.Limit]sandbox.Enforcement{
			nil, {sandbox.LimitDisk: sandbox.Unenforced, sandbox.LimitMemory: sandbox.Enforced},
		}).Draw(r, "enforcement")
		t.Turns, t.Observations, t.End = nil, nil, nil
		id := 0
		for n := range rapid.IntRange(0, 6).Draw(r, "turns") {
			turn := trajectories.Turn{
				N: n + 1, Time: at, Reasoning: text().Draw(r, "reasoning"), Message: text().Draw(r, "message"),
				Usage: trajectories.Usage{Calls: 1, PromptTokens: rapid.IntRange(0, 1e6).Draw(r, "tokens"), Cost: rapid.Float64Range(0, 100).Draw(r, "cost")},
			}
			if rapid.Bool().Draw(r, "raw") {
				turn.Response = json.RawMessage(`{"choices":["<&>"]}`)
			}
			for range rapid.IntRange(0, 3).Draw(r, "actions") {
				id++
				args, err := json.Marshal(map[string]string{"command": text().Draw(r, "command")})
				require.NoError(r, err)
				a := env.Action{ID: fmt.Sprint(id), Tool: "bash", Arguments: args}
				turn.Actions = append(turn.Actions, a)
				if rapid.Bool().Draw(r, "observed") {
					o := env.Observation{Action: a.ID, Text: text().Draw(r, "text"), Failed: rapid.Bool().Draw(r, "failed"), Duration: time.Duration(id)}
					if o.Failed {
						o.Result = &sandbox.Result{End: sandbox.EndSignal, ExitCode: -1, Signal: "SIGKILL", Dropped: 7}
					}
					t.Observations = append(t.Observations, trajectories.Observation{Turn: turn.N, Observation: o})
				}
			}
			t.Turns = append(t.Turns, turn)
		}
		if rapid.Bool().Draw(r, "ended") {
			patch := rapid.OneOf(text(), rapid.Just("-caf\xe9\n+caf\xe8\n")).Draw(r, "patch")
			t.End = &trajectories.End{Time: at, Status: trajectories.ExitStepLimit, Detail: text().Draw(r, "detail"), Patch: patch}
		}
		return t
	})
}

// JSON writes an action's arguments in one form; two forms of the same value
// count as equal.
func compact(t *trajectories.Trajectory) *trajectories.Trajectory {
	for i := range t.Turns {
		for j := range t.Turns[i].Actions {
			var b bytes.Buffer
			if json.Compact(&b, t.Turns[i].Actions[j].Arguments) == nil {
				t.Turns[i].Actions[j].Arguments = b.Bytes()
			}
		}
	}
	return t
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(r *rapid.T) {
		want := anyTrajectory().Draw(r, "trajectory")
		n++
		path := filepath.Join(dir, fmt.Sprintf("%d.jsonl", n))
		require.NoError(r, write(path, want))
		got, err := trajectories.Read(path)
		require.NoError(r, err)
		require.Equal(r, compact(want), compact(got))
	})
}

func TestALogCutAnywhereGivesItsWholeEvents(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.jsonl")
	whole := small()
	require.NoError(t, write(path, whole))
	log, err := os.ReadFile(path)
	require.NoError(t, err)

	// Events of the log in order, by the offset at which each is complete.
	var ends []int
	for i, c := range log {
		if c == '\n' {
			ends = append(ends, i)
		}
	}
	require.Len(t, ends, 7)
	for cut := range len(log) + 1 {
		got, err := trajectories.Decode("x", bytes.NewReader(log[:cut]))
		events := 0
		for events < len(ends) && ends[events] <= cut {
			events++
		}
		if events == 0 {
			require.ErrorIs(t, err, trajectories.ErrNoHeader, "cut at %d", cut)
			continue
		}
		require.NoError(t, err, "cut at %d", cut)
		n := 1 + len(got.Turns) + len(got.Observations)
		if got.End != nil {
			n++
		}
		require.Equal(t, events, n, "cut at %d", cut)
		boundary := cut == ends[events-1] || cut == ends[events-1]+1
		require.Equal(t, !boundary, got.Torn, "cut at %d", cut)
		require.Equal(t, whole.Turns[:len(got.Turns)], append([]trajectories.Turn{}, got.Turns...))
	}
}

func TestBrokenLogs(t *testing.T) {
	const header = `{"type":"header","version":1,"id":"x"}` + "\n"
	const turn = `{"type":"turn","n":1,"time":"2026-01-01T00:00:00Z","actions":[{"id":"a","tool":"bash","arguments":{}}]}` + "\n"
	const observation = `{"type":"observation","turn":1,"action":"a","text":"","duration":1}` + "\n"
	const end = `{"type":"end","time":"2026-01-01T00:00:00Z","status":"submitted","patch":""}` + "\n"
	const message = `{"type":"message","after":0,"role":"user","kind":"note"}` + "\n"
	const view = `{"type":"view","turn":1,"form":"query","add":["m"],"shows":[{"from":0,"count":1}]}` + "\n"
	tests := []struct {
		name         string
		log          string
		line, column int
		says         string
	}{
		{"empty", "", 1, 1, "no whole header"},
		{"cut in the header", header[:20], 1, 1, "no whole header"},
		{"turn first", turn, 1, 1, `the first event is a "turn"`},
		{"two headers", header + header, 2, 1, "a second header"},
		{"newer version", `{"type":"header","version":2}` + "\n", 1, 1, "use a newer one"},
		{"no version", `{"type":"header"}` + "\n", 1, 1, "no version"},
		{"no type", header + "{}\n", 2, 1, `no "type"`},
		{"not JSON in the middle", header + "{\"type\":\"turn\",,}\n" + turn, 2, 16, "not valid JSON"},
		{"blank line in the middle", header + "\n" + turn, 2, 1, "not valid JSON"},
		{"wrong type of a field", header + `{"type":"turn","n":"one"}` + "\n", 2, 20, "field n cannot hold a JSON string"},
		{"turn skipped", header + strings.Replace(turn, `"n":1`, `"n":2`, 1), 2, 1, "turn 2 where turn 1"},
		{"action id twice", header + turn + strings.Replace(turn, `"n":1`, `"n":2`, 1), 3, 1, `"a" is used twice`},
		{"observation of nothing", header + observation, 2, 1, "which no turn holds"},
		{"observation of another turn", header + turn + strings.Replace(observation, `"turn":1`, `"turn":2`, 1), 3, 1, "the action is of turn 1"},
		{"observation twice", header + turn + observation + observation, 4, 1, "second observation"},
		{"two ends", header + end + end, 3, 1, "a second end"},
		{"turn after the end", header + end + turn, 3, 1, "a turn after the end"},
		{"observation after the end", header + turn + end + observation, 4, 1, "an observation after the end"},
		{"message after the end", header + end + message, 3, 1, "a message after the end"},
		{"message of a later turn", header + strings.Replace(message, `"after":0`, `"after":1`, 1), 2, 1, "a message after turn 1 where the last turn is 0"},
		{"calls without actions", header + strings.Replace(turn, `"actions"`, `"calls":[{},{}],"actions"`, 1), 2, 1, "turn 1 has 2 calls for 1 actions"},
		{"view of a later turn", header + `{"type":"view","turn":2,"form":"query"}` + "\n", 2, 1, "a view of turn 2 where the last turn is 0"},
		{"view twice", header + view + view, 3, 1, "a second view of turn 1"},
		{"view of messages that nobody added", header + strings.Replace(view, `"count":1`, `"count":2`, 1), 2, 1, "a view of 2 messages from 0, where there are 1"},
		{"view of a negative message", header + strings.Replace(view, `"from":0`, `"from":-1`, 1), 2, 1, "a view of 1 messages from -1"},
		{"view whose run overflows", header + strings.Replace(view, `"from":0`, `"from":9223372036854775807`, 1), 2, 1, "a view of 1 messages"},
		{"time that is none", header + `{"type":"turn","n":1,"time":"noon"}` + "\n", 2, 29, `field time cannot hold this JSON string: parsing time`},
		{"wrong type deep inside", header + `{"type":"turn","n":1,"usage":{"cost":[]}}` + "\n", 2, 38, "field usage.cost cannot hold a JSON array"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := trajectories.Decode("log.jsonl", strings.NewReader(tt.log))
			var event *trajectories.EventError
			require.ErrorAs(t, err, &event)
			require.Equal(t, "log.jsonl", event.File)
			require.Equal(t, tt.line, event.Line)
			require.Equal(t, tt.column, event.Column)
			require.ErrorContains(t, err, tt.says)
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestUnknownEventsAreSkippedAndCounted(t *testing.T) {
	log := `{"type":"header","version":1}` + "\n" + `{"type":"note","text":"from the future"}` + "\n" +
		`{"type":"end","time":"2026-01-01T00:00:00Z","status":"gave_up","patch":""}` + "\n" + `{"type":"signature"}` + "\n"
	got, err := trajectories.Decode("x", strings.NewReader(log))
	require.NoError(t, err)
	require.Equal(t, 2, got.Unknown)
	require.Equal(t, trajectories.ExitGaveUp, got.End.Status)
	require.False(t, got.Torn)
}

func TestLinesOfManyMegabytes(t *testing.T) {
	want := small()
	want.Observations[0].Text = strings.Repeat("<0123456789>\n", 1<<20)
	path := filepath.Join(t.TempDir(), "x.jsonl")
	require.NoError(t, write(path, want))
	got, err := trajectories.Read(path)
	require.NoError(t, err)
	require.Equal(t, want.Observations, got.Observations)
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NotContains(t, string(raw[:1<<20]), `\u003c`)
}

func TestCreateNeverOverwrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "er", "x.jsonl")
	require.NoError(t, write(path, small()))
	_, err := trajectories.Create(path, small().Header)
	require.ErrorIs(t, err, fs.ErrExist)
	var we *trajectories.WriteError
	require.ErrorAs(t, err, &we)
	require.Equal(t, path, we.Path)
	got, err := trajectories.Read(path)
	require.NoError(t, err)
	require.NotNil(t, got.End)
}

func TestAnEndedLogTakesNoMore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.jsonl")
	w, err := trajectories.Create(path, small().Header)
	require.NoError(t, err)
	defer func() { require.NoError(t, w.Close()) }()
	require.NoError(t, w.End(trajectories.End{Status: trajectories.ExitGaveUp}))
	require.ErrorContains(t, w.Turn(small().Turns[0]), "the log has ended")
	got, err := trajectories.Read(path)
	require.NoError(t, err)
	require.Empty(t, got.Turns)
}

func TestAnEventThatCannotBeEncodedLeavesTheLogUsable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.jsonl")
	w, err := trajectories.Create(path, small().Header)
	require.NoError(t, err)
	defer func() { require.NoError(t, w.Close()) }()
	bad := small().Turns[0]
	bad.Response = json.RawMessage("{not json")
	require.ErrorContains(t, w.Turn(bad), path)
	require.NoError(t, w.Turn(small().Turns[0]))
	got, err := trajectories.Read(path)
	require.NoError(t, err)
	require.Len(t, got.Turns, 1)
}

func TestListNamesLogsOnly(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b.1.jsonl", "a.1.jsonl", "a.1.jsonl.interrupted-1", "notes.txt"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	require.NoError(t, os.Mkdir(filepath.Join(dir, "folder.jsonl"), 0o700))
	got, err := trajectories.List(dir)
	require.NoError(t, err)
	require.Equal(t, []string{filepath.Join(dir, "a.1.jsonl"), filepath.Join(dir, "b.1.jsonl")}, got)
	_, err = trajectories.List(filepath.Join(dir, "none"))
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestStepsAreTurnsWithActions(t *testing.T) {
	steps := small().Steps()
	require.Len(t, steps, 2)
	require.Equal(t, 1, steps[0].Turn.N)
	require.Equal(t, 3, steps[1].Turn.N)
	require.Equal(t, 2, steps[1].N)
	require.Equal(t, "go.mod\n", steps[0].Observations[0].Text)
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"type":"header","version":1}` + "\n" + `{"type":"turn","n":1,"actions":[{"id":"a"}]}` + "\n" + `{"type":"observation","turn":1,"action":"a"}` + "\n"))
	f.Add([]byte(`{"type":"header","version":1}` + "\n" + `{"type":"end","patch_base64":"6Q=="}` + "\n"))
	f.Add([]byte("{\"type\":\"header\",\"version\":1}\n\x00\x00\x00"))
	f.Add([]byte(`{"type":"header","version":9}`))
	f.Add(encode(f, imported()))
	f.Fuzz(func(t *testing.T, log []byte) {
		got, err := trajectories.Decode("fuzz", bytes.NewReader(log))
		if err != nil {
			var event *trajectories.EventError
			require.True(t, errors.As(err, &event), "%v", err)
			require.Positive(t, event.Line)
			require.Positive(t, event.Column)
			return
		}
		// Whatever was understood can be written, and reads the same again.
		log = encode(t, got)
		again, err := trajectories.Decode("again", bytes.NewReader(log))
		require.NoError(t, err)
		require.Equal(t, string(log), string(encode(t, again)))
	})
}
