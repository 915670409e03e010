package trajectories_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/trajectories"
)

// imported is a trajectory that uses everything that other programs' files
// need.
func imported() *trajectories.Trajectory {
	at := time.Date(2025, 1, 2, 3, 4, 5, 678900000, time.UTC)
	text, empty := "THOUGHT: look", ""
	origin := &trajectories.Origin{Index: 3, ID: "step-3", Text: &text, Parts: json.RawMessage(`[{"type":"text"}]`), Extra: json.RawMessage(`{"state":{"cwd":"/"},"n":1.0e5}`)}
	t := small()
	t.Header.Source = &trajectories.Source{Format: "swe-agent", Version: "1.1", File: "x.traj", Row: 2, Bytes: 77, SHA256: "ab", Importer: "apprentice 1", Chosen: true}
	t.Header.Parent = &trajectories.Parent{Trajectory: "p.1", Turn: 4, Kind: trajectories.ParentSubagent}
	t.Header.Session, t.Header.Notes, t.Header.Policy.Version, t.Header.Origin = "s", "a note", "1.1.0", origin
	t.Header.Tools[0].Extra = json.RawMessage(`{"strict":true}`)
	t.Turns[0].Model, t.Turns[0].Copied, t.Turns[0].Synthetic, t.Turns[0].Lost = "m", true, true, true
	t.Turns[0].Calls = []trajectories.Call{{ID: "call_0", Text: `{ "command": "ls" }`, Invalid: true, Extra: json.RawMessage(`{"index":0}`)}}
	t.Turns[0].Origin = origin
	t.Turns[2].Time = time.Time{}
	t.Observations[0].Time, t.Observations[0].Raw, t.Observations[0].Origin = at, &empty, origin
	t.Messages = []trajectories.Message{
		{After: 0, Role: "user", Kind: trajectories.MessageDemonstration, Shown: true, Text: "a demonstration", Time: at, Origin: origin},
		{After: 1, Role: "tool", Kind: trajectories.MessageOrphan, Text: "an answer to nothing"},
		{After: 3, Role: "environment", Kind: trajectories.MessageExit},
	}
	t.Views = []trajectories.View{
		{Turn: 0, Form: trajectories.ViewMessages, Add: []json.RawMessage{json.RawMessage(`{"role":"user"}`), json.RawMessage(`"b"`)}},
		{Turn: 1, Form: trajectories.ViewQuery, Shows: []trajectories.Run{{From: 0, Count: 2}}},
		{Turn: 3, Form: trajectories.ViewQuery, Add: []json.RawMessage{json.RawMessage(`3`)}, Shows: []trajectories.Run{{From: 0, Count: 1}, {From: 2, Count: 1}}},
	}
	t.End.Limit, t.End.SourceStatus = trajectories.ExitCostLimit, "submitted (exit_cost)"
	t.End.PatchUnknown, t.End.Submission = true, &text
	t.End.Redactions = map[string]int{"github": 2, "aws": 1}
	t.End.Origin = origin
	return t
}

func TestImportedTrajectoriesAreReadBackAsTheyWere(t *testing.T) {
	got, err := trajectories.Decode("x", bytes.NewReader(encode(t, imported())))
	require.NoError(t, err)
	require.Equal(t, imported(), got)
}

func TestWhatIsNotThereIsNotWritten(t *testing.T) {
	bare := &trajectories.Trajectory{
		Turns:    []trajectories.Turn{{N: 1}},
		Messages: []trajectories.Message{{After: 1, Role: "user", Kind: trajectories.MessageNote}},
		End:      &trajectories.End{Status: trajectories.ExitUnknown},
	}
	require.Equal(t, `{"type":"header","version":1,"id":"","run":"","attempt":0,"task":{"id":"","repo":"","base_commit":"","problem_statement":""},"policy":{"name":""},"tools":null,"system":"","prompt":"","sandbox":{"driver":""}}
{"type":"turn","n":1}
{"type":"message","after":1,"role":"user","kind":"note"}
{"type":"end","status":"unknown","patch":""}
`, string(encode(t, bare)))
}

// The file was written before there were messages and views. It must stay as
// it is.
func TestOldLogsReadAsBefore(t *testing.T) {
	log, err := os.ReadFile(filepath.Join("testdata", "version1.jsonl"))
	require.NoError(t, err)
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	want := small()
	want.Header.System, want.Header.Prompt = "You <work>.", "Line\u2028separator \x00\x1b[31m &"
	want.Header.Sandbox = trajectories.Sandbox{Driver: "local", Image: "sha256:abc",
		Enforcement: map[sandbox.Limit]sandbox.Enforcement{sandbox.LimitDisk: sandbox.Unenforced, sandbox.LimitMemory: sandbox.Enforced}}
	usage := trajectories.Usage{Calls: 2, PromptTokens: 100, CachedTokens: 50, CompletionTokens: 7, Cost: 0.0125}
	want.Turns[0].Usage = usage
	want.Turns[0].Actions = append(want.Turns[0].Actions, env.Action{ID: "a2", Tool: "bash", Arguments: json.RawMessage(`{"command":"kill -9 $$"}`)})
	want.Turns[0].Request = json.RawMessage(`{"model":"m","temperature":1.0}`)
	want.Turns[0].Response = json.RawMessage(`{"choices":["<&>","caf\u00e9 \ud800"],"n":1.0e5}`)
	want.Observations = slices.Insert(want.Observations, 1, trajectories.Observation{Turn: 1, Observation: env.Observation{
		Action: "a2", Text: "killed\n", Failed: true, Duration: 1500 * time.Millisecond,
		Result: &sandbox.Result{End: sandbox.EndSignal, ExitCode: -1, Signal: "SIGKILL", Dropped: 7, Duration: time.Second, CPU: 20 * time.Millisecond, MemoryPeak: 1 << 20}}})
	want.End = &trajectories.End{Time: at, Status: trajectories.ExitSubmitted, Detail: "it is done", Patch: "-caf\xe9\n+caf\xe8\n", Usage: usage}

	got, err := trajectories.Decode("old", bytes.NewReader(log))
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.Equal(t, string(log), string(encode(t, got)), "and are written as before")
}

func TestEventsSayWhereTheyAre(t *testing.T) {
	log := append(encode(t, imported()), `{"type":"note"}`+"\n"+`{"type":"tu`...)
	n := 0
	for e, err := range trajectories.Events("x", bytes.NewReader(log)) {
		require.NoError(t, err)
		n++
		require.Equal(t, n, e.Line)
		if e.Torn {
			require.Equal(t, `{"type":"tu`, string(log[e.Offset:]))
			continue
		}
		var line struct{ Type trajectories.EventType }
		require.NoError(t, json.NewDecoder(bytes.NewReader(log[e.Offset:])).Decode(&line))
		switch line.Type {
		case trajectories.EventHeader:
			require.NotNil(t, e.Header)
		case trajectories.EventTurn:
			require.NotNil(t, e.Turn)
		case trajectories.EventObservation:
			require.NotNil(t, e.Observation)
		case trajectories.EventMessage:
			require.NotNil(t, e.Message)
		case trajectories.EventView:
			require.NotNil(t, e.View)
		case trajectories.EventEnd:
			require.NotNil(t, e.End)
		default:
			require.Equal(t, trajectories.EventType("note"), e.Unknown)
		}
	}
	require.Equal(t, bytes.Count(log, []byte("\n"))+1, n)
}

func TestEventsMayBeLeftEarly(t *testing.T) {
	for e, err := range trajectories.Events("x", bytes.NewReader(encode(t, small()))) {
		require.NoError(t, err)
		if e.Turn != nil {
			break
		}
	}
}

// shuffled puts the events of t in another order that a log may have.
func shuffled(r *rapid.T, t *trajectories.Trajectory) []trajectories.Event {
	events := []trajectories.Event{{Header: &t.Header}}
	var turns, observations, views int
	for {
		var next []trajectories.Event
		if turns < len(t.Turns) {
			next = append(next, trajectories.Event{Turn: &t.Turns[turns]})
		}
		if observations < len(t.Observations) && t.Observations[observations].Turn <= turns {
			next = append(next, trajectories.Event{Observation: &t.Observations[observations]})
		}
		if views < len(t.Views) && (t.Views[views].Turn == turns || t.Views[views].Turn == turns+1) {
			next = append(next, trajectories.Event{View: &t.Views[views]})
		}
		if len(next) == 0 {
			break
		}
		e := rapid.SampledFrom(next).Draw(r, "next")
		switch {
		case e.Turn != nil:
			for views < len(t.Views) && t.Views[views].Turn <= turns {
				events = append(events, trajectories.Event{View: &t.Views[views]})
				views++
			}
			turns++
		case e.Observation != nil:
			observations++
		case e.View != nil:
			views++
		}
		events = append(events, e)
		if rapid.IntRange(0, 3).Draw(r, "message") == 0 {
			t.Messages = append(t.Messages, trajectories.Message{After: turns, Role: "user", Kind: trajectories.MessageNote, Text: text().Draw(r, "text")})
			events = append(events, trajectories.Event{Message: &trajectories.Message{}})
			*events[len(events)-1].Message = t.Messages[len(t.Messages)-1]
		}
	}
	if t.End != nil {
		events = append(events, trajectories.Event{End: t.End})
	}
	return events
}

func TestTheOrderOfEventsIsKept(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		want := anyTrajectory().Draw(r, "trajectory")
		for n := range len(want.Turns) + 2 {
			if rapid.Bool().Draw(r, "view") {
				want.Views = append(want.Views, trajectories.View{Turn: n, Form: trajectories.ViewQuery, Add: []json.RawMessage{json.RawMessage("1")}})
			}
		}
		var log bytes.Buffer
		e := trajectories.NewEncoder(&log)
		for _, event := range shuffled(r, want) {
			require.NoError(r, e.Event(event))
		}
		got, err := trajectories.Decode("x", bytes.NewReader(log.Bytes()))
		require.NoError(r, err)
		require.Equal(r, want.Messages, got.Messages)
		require.Equal(r, want.Views, got.Views)
		require.Equal(r, log.String(), string(encode(r, got)))
	})
}

func TestAnOrderThatNoLongerFitsIsNotUsed(t *testing.T) {
	log := []byte(`{"type":"header","version":1}
{"type":"turn","n":1,"actions":[{"id":"a","tool":"bash","arguments":{}}]}
{"type":"message","after":1,"role":"user","kind":"note"}
{"type":"observation","turn":1,"action":"a","text":"","duration":0}
`)
	kinds := func(tr *trajectories.Trajectory) string {
		var s string
		for e := range tr.Events() {
			switch {
			case e.Turn != nil:
				s += "t"
			case e.Observation != nil:
				s += "o"
			case e.Message != nil:
				s += "m"
			}
		}
		return s
	}
	tr, err := trajectories.Decode("x", bytes.NewReader(log))
	require.NoError(t, err)
	require.Len(t, tr.Order, 3)
	require.Equal(t, "tmo", kinds(tr))
	same := tr.Order[0]
	tr.Order[1] = same
	require.Equal(t, "tom", kinds(tr), "an event is named twice")
	tr.Messages = nil
	require.Equal(t, "to", kinds(tr), "an event is gone")
}

func TestArgumentsKeepTheirText(t *testing.T) {
	tests := []struct {
		text, arguments string
		call            trajectories.Call
	}{
		{`{"command":"ls"}`, `{"command":"ls"}`, trajectories.Call{}},
		{`{"command": "ls"}`, `{"command":"ls"}`, trajectories.Call{Text: `{"command": "ls"}`}},
		{" {}\n", `{}`, trajectories.Call{Text: " {}\n"}},
		{`{"n":1.0e5,"s":"\u00e9\ud800"}`, `{"n":1.0e5,"s":"\u00e9\ud800"}`, trajectories.Call{}},
		{`{"a":1,"a":2}`, `{"a":1,"a":2}`, trajectories.Call{}},
		{"{\"a\":\"\u2028\"}", `{"a":"\u2028"}`, trajectories.Call{Text: "{\"a\":\"\u2028\"}"}},
		{``, `{}`, trajectories.Call{Invalid: true}},
		{`null`, `{}`, trajectories.Call{Text: `null`, Invalid: true}},
		{`"ls"`, `{}`, trajectories.Call{Text: `"ls"`, Invalid: true}},
		{`{"command":"ls`, `{}`, trajectories.Call{Text: `{"command":"ls`, Invalid: true}},
		{`{} {}`, `{}`, trajectories.Call{Text: `{} {}`, Invalid: true}},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			arguments, call := trajectories.ParseArguments(tt.text)
			require.Equal(t, tt.arguments, string(arguments))
			require.Equal(t, tt.call, call)

			want := &trajectories.Trajectory{Turns: []trajectories.Turn{{N: 1,
				Actions: []env.Action{{ID: "a", Tool: "bash", Arguments: arguments}},
				Calls:   []trajectories.Call{call},
			}}}
			got, err := trajectories.Decode("x", bytes.NewReader(encode(t, want)))
			require.NoError(t, err)
			require.Equal(t, tt.text, got.Turns[0].ArgumentText(0))
			require.Equal(t, tt.arguments, string(got.Turns[0].Actions[0].Arguments), "the log does not write them in yet another way")
			require.Equal(t, !call.Invalid, got.Turns[0].Trainable())
		})
	}
	t.Run("without calls", func(t *testing.T) {
		turn := trajectories.Turn{Actions: []env.Action{{Arguments: json.RawMessage(`{"a":1}`)}}}
		require.Equal(t, `{"a":1}`, turn.ArgumentText(0))
	})
}

func TestACallHasTheIDOfItsSource(t *testing.T) {
	turn := trajectories.Turn{Actions: []env.Action{{ID: "turn-2.1"}, {ID: "b"}}}
	require.Equal(t, "turn-2.1", turn.CallID(0))
	turn.Calls = []trajectories.Call{{ID: "0"}, {}}
	require.Equal(t, []string{"0", "b"}, []string{turn.CallID(0), turn.CallID(1)})
}

func TestWhatIsTrainable(t *testing.T) {
	acts := func(change func(*trajectories.Turn)) trajectories.Turn {
		turn := trajectories.Turn{N: 1, Actions: []env.Action{{ID: "a", Tool: "bash"}}}
		change(&turn)
		return turn
	}
	require.True(t, acts(func(*trajectories.Turn) {}).Trainable())
	require.True(t, acts(func(t *trajectories.Turn) { t.Calls = []trajectories.Call{{Text: "{ }"}} }).Trainable())
	for name, change := range map[string]func(*trajectories.Turn){
		"no action":         func(t *trajectories.Turn) { t.Actions = nil },
		"format error":      func(t *trajectories.Turn) { t.FormatError = "two calls" },
		"copied":            func(t *trajectories.Turn) { t.Copied = true },
		"synthetic":         func(t *trajectories.Turn) { t.Synthetic = true },
		"lost":              func(t *trajectories.Turn) { t.Lost = true },
		"invalid arguments": func(t *trajectories.Turn) { t.Calls = []trajectories.Call{{Invalid: true}} },
	} {
		require.False(t, acts(change).Trainable(), name)
	}
}

// A log is UTF-8 whatever it is given, and JSON that only some programs accept
// is passed on.
func TestTextThatIsNotUTF8(t *testing.T) {
	log := encode(t, &trajectories.Trajectory{
		Turns: []trajectories.Turn{{N: 1, Message: "caf\xe9\xe9 \xed\xa0\x80", Response: json.RawMessage("{\"raw\":\"caf\xe9\xe9\",\"lone\":\"\\ud800\"}")}},
		End:   &trajectories.End{Status: trajectories.ExitSubmitted, Patch: "+caf\xe9"},
	})
	require.Equal(t, string(bytes.ToValidUTF8(log, nil)), string(log))
	got, err := trajectories.Decode("x", bytes.NewReader(log))
	require.NoError(t, err)
	require.Equal(t, "caf\uFFFD\uFFFD \uFFFD\uFFFD\uFFFD", got.Turns[0].Message)
	require.Equal(t, "{\"raw\":\"caf\uFFFD\uFFFD\",\"lone\":\"\\ud800\"}", string(got.Turns[0].Response))
	require.Equal(t, "+caf\xe9", got.End.Patch)

	// A log that another program has written, or bytes that have rotted.
	foreign := "{\"type\":\"header\",\"version\":1,\"id\":\"\\ud800 caf\xe9\",\"id\":\"\\udc00 caf\xe9\"}\n"
	got, err = trajectories.Decode("x", bytes.NewReader([]byte(foreign)))
	require.NoError(t, err)
	require.Equal(t, "\uFFFD caf\uFFFD", got.Header.ID)
}

func TestAnEncoderRefusesWhatReadersWould(t *testing.T) {
	var log bytes.Buffer
	e := trajectories.NewEncoder(&log)
	require.ErrorContains(t, e.Turn(trajectories.Turn{N: 1}), "not the header")
	require.Zero(t, log.Len())
	require.NoError(t, e.Header(trajectories.Header{}))
	require.ErrorContains(t, e.Header(trajectories.Header{}), "a second header")
	require.ErrorContains(t, e.Turn(trajectories.Turn{N: 2}), "turn 2 where turn 1 was to come")
	twice := []env.Action{{ID: "a", Arguments: json.RawMessage("{}")}, {ID: "a", Arguments: json.RawMessage("{}")}}
	require.ErrorContains(t, e.Turn(trajectories.Turn{N: 1, Actions: twice}), `"a" is used twice`)
	require.ErrorContains(t, e.Turn(trajectories.Turn{N: 1, Response: json.RawMessage("{not json")}), "as JSON")
	require.NoError(t, e.Turn(trajectories.Turn{N: 1, Actions: twice[:1]}))
	observation := trajectories.Observation{Turn: 1, Observation: env.Observation{Action: "a"}}
	require.NoError(t, e.Observation(observation))
	require.ErrorContains(t, e.Observation(observation), "a second observation")
	require.ErrorContains(t, e.Event(trajectories.Event{Unknown: "note"}), `unknown type "note"`)
	require.NoError(t, e.End(trajectories.End{}))
	require.ErrorContains(t, e.Message(trajectories.Message{After: 1}), "a message after the end")

	got, err := trajectories.Decode("x", &log)
	require.NoError(t, err)
	require.Len(t, got.Turns, 1)
	require.NotNil(t, got.End)
}

// full is a disk that takes no more than so many bytes.
type full int

func (f *full) Write(p []byte) (int, error) {
	if len(p) > int(*f) {
		return int(*f), os.ErrDeadlineExceeded
	}
	*f -= full(len(p))
	return len(p), nil
}

func TestAnEncoderStopsAtTheFirstFailedWrite(t *testing.T) {
	space := full(400)
	e := trajectories.NewEncoder(&space)
	require.NoError(t, e.Header(trajectories.Header{}))
	require.ErrorIs(t, e.Turn(trajectories.Turn{N: 1, Message: string(make([]byte, 1000))}), os.ErrDeadlineExceeded)
	require.ErrorIs(t, e.Turn(trajectories.Turn{N: 1}), os.ErrDeadlineExceeded, "half a turn is in the way")
}

func TestAWriterTakesMessages(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.jsonl")
	w, err := trajectories.Create(path, small().Header)
	require.NoError(t, err)
	defer func() { require.NoError(t, w.Close()) }()
	var we *trajectories.WriteError
	require.ErrorAs(t, w.Message(trajectories.Message{After: 1}), &we)
	require.Equal(t, "message", we.Op)
	note := trajectories.Message{Role: "user", Kind: trajectories.MessageNote, Text: "go on"}
	require.NoError(t, w.Message(note))
	got, err := trajectories.Read(path)
	require.NoError(t, err)
	require.Equal(t, []trajectories.Message{note}, got.Messages)
}
