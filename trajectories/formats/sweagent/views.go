package sweagent

import (
	"crypto/sha256"
	"encoding/json"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/document"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
)

// views find out what the steps' lists of messages are beyond the history, of
// which they are a repetition as a rule. In memory are 32 bytes a message, and
// as many again for each that is different.
type views struct {
	in  *formats.Input
	run *document.Node

	ready   bool
	history []digest // of the messages of the history
	// same maps the digest of a message as it stands in a step to the one that
	// is comparable: the same message has another indentation in the history.
	same  map[digest]digest
	added map[digest]int // the numbers of the messages in the log
}

type digest [sha256.Size]byte

// query hands over what the policy saw before a step's answer.
func (v *views) query(r *reader, s step) error {
	if s.node == nil {
		return nil
	}
	return v.list(r, s, "query", trajectories.ViewQuery)
}

// messages hands over a step's list of messages, which has its answer and its
// observation in it.
func (v *views) messages(r *reader, s step) error {
	if s.node == nil {
		return nil
	}
	return v.list(r, s, "messages", trajectories.ViewMessages)
}

func (v *views) list(r *reader, s step, name string, form trajectories.ViewForm) error {
	if listOf(s.node) != name {
		return nil
	}
	if err := v.prepare(); err != nil {
		return err
	}
	var all []digest
	for m, err := range v.in.Elements(s.node, name) {
		if err != nil {
			return err
		}
		d, err := v.digest(m)
		if err != nil {
			return err
		}
		all = append(all, d)
	}
	passed := r.history.passed()
	if passed <= len(v.history) && slices.Equal(all, v.history[:passed]) {
		return nil // it is what came before
	}
	view := trajectories.View{Turn: r.turn, Form: form}
	if form == trajectories.ViewQuery {
		view.Turn++
	}
	i := 0
	for m, err := range v.in.Elements(s.node, name) {
		if err != nil {
			return err
		}
		number, err := v.number(&view, m, all[i])
		if err != nil {
			return err
		}
		i++
		if last := len(view.Shows) - 1; last >= 0 && view.Shows[last].From+view.Shows[last].Count == number {
			view.Shows[last].Count++
			continue
		}
		view.Shows = append(view.Shows, trajectories.Run{From: number, Count: 1})
	}
	return r.to.View(view)
}

// listOf names the list of messages that a step has, if it has one. One with
// both has the second as an unknown member.
func listOf(step *document.Node) string {
	for _, name := range []string{"query", "messages"} {
		if formats.Member(step, name) != nil {
			return name
		}
	}
	return ""
}

// number is the number of a message in the log, to which it is added if it is
// new.
func (v *views) number(view *trajectories.View, m *document.Node, d digest) (int, error) {
	if n, ok := v.added[d]; ok {
		return n, nil
	}
	raw, err := formats.Raw(m)
	if err = v.in.Forgive(err); err != nil {
		return 0, err
	}
	if raw == nil {
		raw = json.RawMessage("null")
	}
	n := len(v.added)
	v.added[d] = n
	view.Add = append(view.Add, raw)
	return n, nil
}

// prepare digests the history.
func (v *views) prepare() error {
	if v.ready {
		return nil
	}
	v.ready, v.same, v.added = true, map[digest]digest{}, map[digest]int{}
	for m, err := range v.in.Elements(v.run, "history") {
		if err != nil {
			return err
		}
		d, err := v.digest(m)
		if err != nil {
			return err
		}
		v.history = append(v.history, d)
	}
	return nil
}

// digest is that of a message as JSON's canonical form (RFC 8785) has it, in
// which neither white space nor the order of members matters. It is worked out
// once for each way in which a message is written: steps repeat them all the
// time.
func (v *views) digest(m *document.Node) (digest, error) {
	raw, err := m.Raw()
	if err = v.in.Forgive(err); err != nil {
		return digest{}, err
	}
	written := sha256.Sum256(raw)
	if d, ok := v.same[written]; ok {
		return d, nil
	}
	raw, err = formats.Raw(m)
	if err = v.in.Forgive(err); err != nil {
		return digest{}, err
	}
	canonical := jsontext.Value(raw)
	if canonical.Canonicalize(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true)) == nil {
		raw = json.RawMessage(canonical)
	}
	d := digest(sha256.Sum256(raw))
	v.same[written] = d
	return d, nil
}
