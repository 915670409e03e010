package formatstest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
)

// Foreign checks what a format makes of trajectories of others: after an export
// to it and an import from it, nothing differs but the fields that its Lossy has
// listed. It takes all real files that are of one of the formats.
func Foreign(t *testing.T, from []formats.Format, to formats.Format) {
	s := Suite{Format: to, Detected: from, Files: func(string) bool { return true }}
	n := 0
	for _, path := range s.files(t) {
		t.Run(label(path), func(t *testing.T) { n += s.foreign(t, path, to) })
	}
	require.Positive(t, n, "there are trajectories of other formats")
}

// foreign checks the trajectories of a file, and returns how many there are.
func (s Suite) foreign(t *testing.T, path string, to formats.Format) int {
	t.Helper()
	_, all, err := s.Import(t, path, true)
	require.NoError(t, err)
	for _, tr := range all {
		target := Suite{Format: to}
		var fields []string
		for _, l := range to.Lossy(tr) {
			fields = append(fields, l.Field)
		}
		// Where a file does not say which task it is, its name does.
		name := strings.Map(func(r rune) rune {
			if r == '/' || r == 0 {
				return '_'
			}
			return r
		}, tr.Header.Task.ID)
		var again formats.Collector
		path := write(t, name+".json", target.export(t, tr))
		for _, err := range formats.Import(t.Context(), []string{path}, formats.Options{Formats: []formats.Format{to}, From: to.Name, To: &again}) {
			require.NoError(t, err)
		}
		require.Len(t, again.Whole, 1)
		want, got := kept(t, tr, tr, fields), kept(t, tr, again.Whole[0], fields)
		for _, kind := range slices.Sorted(maps.Keys(want)) {
			require.Equal(t, want[kind], got[kind], "%s, beside the losses %v", kind, fields)
		}
	}
	return len(all)
}

// A fact is an event, or an action of a turn, as decoded JSON.
type fact = map[string]any

// kept are the facts of a trajectory, by their kinds, without what was lost of
// the first one on the way. What they say of each other, by numbers of turns and
// ids of actions, stays comparable: actions are numbered throughout.
func kept(t *testing.T, first, tr *trajectories.Trajectory, lost []string) map[string][]fact {
	t.Helper()
	k := keeper{lost: lost, complaints: map[string]bool{}, ids: map[string]string{}, facts: map[string][]fact{}}
	for _, turn := range first.Turns {
		if turn.FormatError != "" && slices.Contains(lost, "turn.format_error") {
			k.complaints[turn.FormatError] = true
		}
	}
	if tr != first {
		// What a format adds is its own: origins, and its words and sums for an end
		// that had none.
		k.lost = append(slices.Clone(lost), "turn.origin", "observation.origin", "message.origin", "header.origin")
		if first.End != nil && first.End.SourceStatus == "" {
			k.lost = append(k.lost, "end.source_status")
		}
		if first.End != nil && first.End.Usage == (trajectories.Usage{}) {
			k.lost = append(k.lost, "end.usage")
		}
	}
	for line := range bytes.Lines(logOf(t, tr)) {
		var f fact
		require.NoError(t, json.Unmarshal(line, &f))
		kind := f["type"].(string)
		delete(f, "type")
		k.event(kind, f)
	}
	return k.facts
}

type keeper struct {
	lost       []string
	complaints map[string]bool   // that became messages
	ids        map[string]string // of actions
	facts      map[string][]fact
}

func (k *keeper) has(field string) bool { return slices.Contains(k.lost, field) }

func (k *keeper) event(kind string, f fact) {
	switch kind {
	case "header":
		for _, name := range []string{"version", "id", "attempt", "source"} {
			delete(f, name)
		}
	case "turn":
		k.actions(f)
		lost, _ := f["lost"].(bool)
		silent := !slices.ContainsFunc(slices.Collect(maps.Keys(k.without(kind, maps.Clone(f)))), func(name string) bool {
			return name != "n" && name != "time" && name != "usage"
		})
		if k.has("turn.lost") && silent {
			return // one that was lost came back as one that says nothing
		}
		if k.has("turn.actions") && len(k.without(kind, maps.Clone(f))) <= len(fact{"n": 0}) || lost && k.has("turn.lost") {
			return
		}
	case "observation":
		f["action"] = k.ids[f["action"].(string)]
	case "message":
		if text, _ := f["text"].(string); k.complaints[text] || k.has("message."+f["kind"].(string)) {
			return
		}
	}
	if !k.has(kind) {
		k.facts[kind] = append(k.facts[kind], k.unplaced(k.without(kind, f)))
	}
}

// actions takes the actions out of a turn.
func (k *keeper) actions(turn fact) {
	list, _ := turn["actions"].([]any)
	calls, _ := turn["calls"].([]any)
	delete(turn, "actions")
	delete(turn, "calls")
	for i, a := range list {
		action := a.(fact)
		id := fmt.Sprint("action ", len(k.ids)+1)
		k.ids[action["id"].(string)] = id
		action["id"] = id
		f := fact{"n": turn["n"], "actions": action}
		if i < len(calls) && len(calls[i].(fact)) > 0 {
			f["calls"] = calls[i]
		}
		if !k.has("turn.actions") {
			f = k.without("turn", f)
		} else {
			rest := keeper{lost: slices.DeleteFunc(slices.Clone(k.lost), func(l string) bool { return l == "turn.actions" })}
			f = rest.without("turn", f)
		}
		k.facts["action"] = append(k.facts["action"], k.unplaced(f))
	}
}

// unplaced takes the numbers of turns from a fact where turns were lost or
// divided.
func (k *keeper) unplaced(f fact) fact {
	if k.has("turn.lost") || k.has("turn.actions") {
		for _, name := range []string{"n", "turn", "after"} {
			delete(f, name)
		}
	}
	return f
}

// without takes the lost fields of a kind from a fact.
func (k *keeper) without(kind string, f fact) fact {
	for _, l := range k.lost {
		path := strings.Split(l, ".")
		if path[0] != kind {
			continue
		}
		if l == "turn.copied" {
			delete(f, "synthetic") // which is lost in the same way
		}
		at := f
		for _, name := range path[1 : len(path)-1] {
			at, _ = at[name].(fact)
		}
		if at != nil {
			delete(at, path[len(path)-1])
		}
		if len(path) > 2 && at != nil && len(at) == 0 {
			delete(f, path[1]) // nothing is left of it
		}
	}
	return f
}
