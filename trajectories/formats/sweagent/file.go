package sweagent

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats/members"
)

// A file is a .traj that is written: its steps at once, and the history behind
// them.
type file struct {
	w       *bufio.Writer
	steps   int
	history spool
	pool    spool // the messages that views have added
}

// A list is the list of messages that a step has.
type list struct {
	name   string             // "query" or "messages"
	passed int                // the history up to there
	view   *trajectories.View // if not nil, other messages than those
}

// step writes one step. It has a list or none.
func (f *file) step(step members.List, l *list) error {
	start := `{"trajectory":[`
	if f.steps > 0 {
		start = ","
	}
	f.steps++
	if _, err := f.w.WriteString(start); err != nil {
		return err
	}
	if l == nil {
		_, err := f.w.Write(object(step))
		return err
	}
	text := object(step)
	text = text[:len(text)-1]
	if len(text) > 1 {
		text = append(text, ',')
	}
	if _, err := fmt.Fprintf(f.w, "%s%q:[", text, l.name); err != nil {
		return err
	}
	if err := f.list(l); err != nil {
		return err
	}
	_, err := f.w.WriteString("]}")
	return err
}

// object is the object of members, which may be none.
func object(m members.List) json.RawMessage {
	if text := m.Object(); text != nil {
		return text
	}
	return json.RawMessage("{}")
}

// list writes the elements of a list.
func (f *file) list(l *list) error {
	if l.view == nil {
		return f.history.copy(f.w, 0, l.passed)
	}
	for i, run := range l.view.Shows {
		if run.From < 0 || run.Count < 1 || run.From > f.pool.len()-run.Count {
			return errors.New("a view shows messages that no view has added")
		}
		if i > 0 {
			if err := f.w.WriteByte(','); err != nil {
				return err
			}
		}
		if err := f.pool.copy(f.w, run.From, run.From+run.Count); err != nil {
			return err
		}
	}
	return nil
}

// view takes the messages that a view adds.
func (f *file) view(v trajectories.View) error {
	for _, m := range v.Add {
		if err := f.pool.add(m); err != nil {
			return err
		}
	}
	return nil
}

// close writes the history, and the members behind it. A chat has no steps.
func (f *file) close(chat bool, rest members.List) error {
	start := `],"history":[`
	switch {
	case chat:
		start = `{"history":[`
	case f.steps == 0:
		start = `{"trajectory":[],"history":[`
	}
	if _, err := f.w.WriteString(start); err != nil {
		return err
	}
	if err := f.history.copy(f.w, 0, f.history.len()); err != nil {
		return err
	}
	text := []byte("]")
	if members := rest.Object(); members != nil {
		text = append(append(text, ','), members[1:]...)
	} else {
		text = append(text, '}')
	}
	_, err := f.w.Write(append(text, '\n'))
	return err
}

// free gives the temporary files back.
func (f *file) free() error { return errors.Join(f.history.close(), f.pool.close()) }
