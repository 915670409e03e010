package trajectories_test

import (
	"bytes"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/trajectories"
)

func outline(log []byte) (events []trajectories.Event, err error) {
	for e, failed := range trajectories.Outline("x", bytes.NewReader(log)) {
		if failed != nil {
			return events, failed
		}
		events = append(events, e)
	}
	return events, nil
}

// short is an event without what an outline leaves out.
func short(e trajectories.Event) trajectories.Event {
	switch {
	case e.Header != nil:
		h := *e.Header
		h.System, h.Prompt, h.Tools, h.Notes, h.Origin = "", "", nil, "", nil
		e.Header = &h
	case e.Turn != nil:
		t := *e.Turn
		t.Reasoning, t.Message, t.Request, t.Response, t.Origin = "", "", nil, nil, nil
		e.Turn = &t
	case e.Observation != nil:
		o := *e.Observation
		e.Omitted += len(o.Text)
		o.Text, o.Raw, o.Origin = "", nil, nil
		e.Observation = &o
	case e.Message != nil:
		m := *e.Message
		m.Text, m.Origin = "", nil
		e.Message = &m
	case e.View != nil:
		v := *e.View
		v.Add, v.Shows = nil, nil
		e.View = &v
	case e.End != nil:
		end := *e.End
		if utf8.ValidString(end.Patch) { // else it stands in another member
			e.Omitted += len(end.Patch)
			end.Patch = ""
		}
		end.Origin = nil
		e.End = &end
	}
	return e
}

func requireOutline(t require.TestingT, log []byte) {
	var want []trajectories.Event
	for e, err := range trajectories.Events("x", bytes.NewReader(log)) {
		require.NoError(t, err)
		want = append(want, short(e))
	}
	got, err := outline(log)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func TestAnOutlineHoldsWhatWasDone(t *testing.T) {
	log := encode(t, imported())
	requireOutline(t, log)
	requireOutline(t, append(log, `{"type":"note","text":"}"}`+"\n"+`{"type":"tu`...))
	rapid.Check(t, func(r *rapid.T) {
		requireOutline(r, encode(r, anyTrajectory().Draw(r, "trajectory")))
	})
}

// Logs that other programs write may have spaces, escaped names and members in
// another order.
func TestAnOutlineOfAForeignLog(t *testing.T) {
	for name, log := range map[string]string{
		"spaces":       `{"type":"header","version":1,"id":"a", "system":"s"}`,
		"type last":    `{"version":1,"id":"a","prompt":"\"p\"}","type":"header"}`,
		"escaped name": `{"type":"header","version":1,"id":"a","p\u0072ompt":"p"}`,
		"a quoted end": `{"type":"header","version":1,"prompt":"\\","id":"a","origin":{"extra":{"]":["}",1,{}],"b":true}}}`,
		"all left out": `{"type":"header","version":1,"origin":{},"id":"a"}`,
	} {
		t.Run(name, func(t *testing.T) {
			events, err := outline([]byte(log + "\n"))
			require.NoError(t, err)
			require.Len(t, events, 1)
			require.Equal(t, "a", events[0].Header.ID)
		})
	}
}

func TestWhatAnOutlineOmits(t *testing.T) {
	for _, text := range []string{
		"", "plain", "two\nlines\t", `\"quoted\" \\`, "café 世界 👩‍💻", "\x00\x1f\u2028<&>", "\\u0041", "caf\xe9",
	} {
		log := encode(t, &trajectories.Trajectory{
			Turns:        []trajectories.Turn{{N: 1, Actions: []env.Action{{ID: "a", Arguments: []byte("{}")}}}},
			Observations: []trajectories.Observation{{Turn: 1, Observation: env.Observation{Action: "a", Text: text}}},
			End:          &trajectories.End{Patch: text},
		})
		whole, err := trajectories.Decode("x", bytes.NewReader(log))
		require.NoError(t, err)
		events, err := outline(log)
		require.NoError(t, err)
		require.Equal(t, len(whole.Observations[0].Text), events[2].Omitted, "%q", text)
		require.Equal(t, len(whole.End.Patch), events[3].Omitted+len(events[3].End.Patch), "%q", text)
	}
	// Another program may escape what needs no escape, or escape it wrongly.
	const before = `{"type":"header","version":1}` + "\n" + `{"type":"end","status":"submitted","patch":"`
	for text, want := range map[string]string{`\u00e9\u4e16\/\ud83d\ude00`: "é世/😀", `\ud83d`: "\uFFFD", `\ud83dx`: "\uFFFDx", `\ude00\ud83d`: "\uFFFD\uFFFD"} {
		events, err := outline([]byte(before + text + "\"}\n"))
		require.NoError(t, err)
		require.Equal(t, len(want), events[1].Omitted+len(events[1].End.Patch), text)
	}
	for _, text := range []string{`\u00`, `\u00g0`} {
		_, err := outline([]byte(before + text + "\"}\n"))
		require.ErrorContains(t, err, "not valid JSON", text)
	}
}

func TestErrorsInAnOutlineAreThoseOfTheLog(t *testing.T) {
	header := `{"type":"header","version":1,"system":"a long system prompt"}` + "\n"
	for _, line := range []string{
		`{"type":"turn","reasoning":"r","n":"one"}`,
		`{"type":"turn","reasoning":"r","n":1`,
		`{"type":"turn","reasoning":"r","n":1}}`,
		`{"type":"turn","reasoning":"r","n":1,}`,
		`{"type":"turn","reasoning":"r","n":2}`,
		`{"type":"turn","reasoning":"r" "n":1}`,
		`{"type":"turn",`,
		`{`, `x`, `{"`, `[]`,
	} {
		log := header + line + "\n"
		_, want := trajectories.Decode("x", bytes.NewReader([]byte(log)))
		require.Error(t, want, line)
		_, err := outline([]byte(log))
		require.Equal(t, want, err, line)
	}
}

func FuzzOutline(f *testing.F) {
	f.Add(encode(f, imported()))
	f.Add([]byte(`{"type":"header","version":1,"prompt":"\\\"","id":"a"}`))
	f.Fuzz(func(t *testing.T, log []byte) {
		events, err := outline(log)
		var want []trajectories.Event
		for e, failed := range trajectories.Events("x", bytes.NewReader(log)) {
			if failed != nil {
				return // an outline may not see what is wrong
			}
			want = append(want, short(e))
		}
		require.NoError(t, err)
		for i, e := range events { // a last line, or one with odd texts, may be whole
			events[i] = short(e)
		}
		require.Equal(t, want, events)
	})
}
