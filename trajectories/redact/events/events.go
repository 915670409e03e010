// Package events takes secrets out of the events of trajectories, as package
// redact takes them out of texts.
//
// A [Redaction] goes over the events of one trajectory, in their order, and
// keeps count; a [Sink] does so for trajectories on their way to another sink.
// [Findings] looks and changes nothing, and [Restore] puts known secrets back
// into a turn that is to be acted again.
//
// # What is gone over
//
// Every text and every piece of raw JSON that somebody could have written a
// secret into: what was asked, said, thought, done and seen, what tools say of
// themselves, the source's remarks, and all that is kept of the source beside
// the fields. Not gone over are ids, the names of files, models and programs, and
// words of closed sets: a log is found and put together by them.
//
// # Patches
//
// The final patch and what the policy handed in are never altered, and neither
// is another text that is the same: a last observation often is. Such hits are
// counted as [Blocked], since they block the patch's export until somebody has
// looked at them. A [Sink] learns the patch with the last event, so it holds
// back events that have hits until then, though never many: what was seen long
// before the end is redacted, the patch's text or not.
package events

import (
	"encoding/json"
	"maps"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/redact"
)

// Blocked is the name, beside the kinds of package redact, under which
// trajectories.End counts the secrets in a patch. They are still there.
const Blocked = "blocked"

// A Redaction takes the secrets out of the events of one trajectory, the header
// first and the end last, and writes into the end how many of each kind there
// were. It is not safe for concurrent use.
type Redaction struct {
	redactor *redact.Redactor
	counts   counts
}

// New returns the redaction of a trajectory. Its events are such as no redactor
// has gone over before, or r is [redact.Redactor.Again].
func New(r *redact.Redactor) *Redaction {
	return &Redaction{redactor: r, counts: counts{}}
}

// Event returns the event without secrets. The one that was given is not
// changed; parts in which nothing is found are shared with it.
func (x *Redaction) Event(e trajectories.Event) trajectories.Event {
	if e.End != nil {
		return trajectories.Event{End: x.end(*e.End)}
	}
	e, found, _ := redacted(x.redactor, e)
	x.counts.add(found)
	return e
}

func (x *Redaction) end(end trajectories.End) *trajectories.End {
	sparing := x.redactor.Sparing(patches(end)...)
	e, found, _ := redacted(sparing, trajectories.Event{End: &end})
	x.counts.add(found)
	for _, text := range patches(end) {
		x.counts.addHits(sparing.Patch(text))
	}
	if len(x.counts) > 0 {
		all := counts(maps.Clone(end.Redactions))
		if all == nil {
			all = counts{}
		}
		all.add(x.counts)
		// What was blocked before is still there, and was counted again.
		if n := x.counts[Blocked]; n > 0 {
			all[Blocked] = n
		}
		e.End.Redactions = all
	}
	return e.End
}

// patches are the texts of an end that are not altered.
func patches(end trajectories.End) []string {
	all := []string{end.Patch}
	if end.Submission != nil && *end.Submission != end.Patch {
		all = append(all, *end.Submission)
	}
	return all
}

// redacted is an event without secrets, how many there were, and whether it is
// another one now.
func redacted(r *redact.Redactor, e trajectories.Event) (out trajectories.Event, found counts, changed bool) {
	note := func(hits []redact.Hit) {
		for _, h := range hits {
			changed = changed || h.Placeholder != ""
		}
		if len(hits) > 0 {
			if found == nil {
				found = counts{}
			}
			found.addHits(hits)
		}
	}
	text := func(_, s string) string {
		s, hits := r.Text(s)
		note(hits)
		return s
	}
	out = visitor{
		id:   text,
		text: text,
		json: func(_ string, raw json.RawMessage) json.RawMessage {
			raw, hits := r.JSON(raw)
			note(hits)
			return raw
		},
	}.event(e)
	return out, found, changed
}

// counts say how many secrets of each kind were replaced, and how many were
// Blocked.
type counts map[string]int

func (c counts) add(d counts) {
	for kind, n := range d {
		c[kind] += n
	}
}

func (c counts) addHits(hits []redact.Hit) {
	for _, h := range hits {
		switch {
		case h.Kind == redact.Entropy || h.Kind == redact.Literal: // no secret
		case h.Placeholder == "":
			c[Blocked]++
		default:
			c[string(h.Kind)]++
		}
	}
}
