package formats

import (
	"encoding/json"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/apprentice-rl/apprentice/trajectories/document"
	"github.com/apprentice-rl/apprentice/trajectories/formats/members"
)

// Member returns a member of an object, or nil where it is missing or null:
// most writers of trajectories mean the same by both.
func Member(n *document.Node, path ...string) *document.Node {
	if n == nil {
		return nil
	}
	m, ok := n.Get(path...)
	if !ok || m.Kind() == document.Null {
		return nil
	}
	return m
}

// Has reports whether an object has all of the members, null or not.
func Has(n *document.Node, names ...string) bool {
	for _, name := range names {
		if n == nil {
			return false
		}
		if _, ok := n.Get(name); !ok {
			return false
		}
	}
	return true
}

// First returns the first element of a list, nil where there is none.
func First(list *document.Node) *document.Node {
	if list == nil || list.Kind() != document.Array {
		return nil
	}
	for e, err := range list.Elements() {
		if err != nil {
			return nil
		}
		return e
	}
	return nil
}

// Word returns a member that is a text, and "" for anything else. It is for
// detection, which does not complain.
func Word(n *document.Node, path ...string) string {
	m := Member(n, path...)
	if m == nil || m.Kind() != document.String {
		return ""
	}
	s, _ := m.String()
	return s
}

// Text returns a member that is a text, "" where it is missing or null. Any
// other value is a fault.
func (in *Input) Text(n *document.Node, path ...string) (string, error) {
	m := Member(n, path...)
	if m == nil {
		return "", nil
	}
	if m.Kind() != document.String {
		return "", in.Fault(m, "a text was to be here, not a JSON %s", m.Kind())
	}
	s, err := m.String()
	if err != nil {
		return "", in.Forgive(err)
	}
	return s, nil
}

// Number returns a member that is a number, 0 where it is missing or null. A
// string that holds a number is taken with a warning; anything else is a fault.
func (in *Input) Number(n *document.Node, path ...string) (float64, error) {
	m := Member(n, path...)
	if m == nil {
		return 0, nil
	}
	var v float64
	switch m.Kind() {
	case document.Number:
		if err := m.Decode(&v); err != nil {
			return 0, in.Forgive(err)
		}
		return v, nil
	case document.String:
		s, err := m.String()
		if err != nil {
			return 0, in.Forgive(err)
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
		if err == nil && !math.IsInf(v, 0) && !math.IsNaN(v) {
			in.Warn(m, "the number %.40q is a string", s)
			return v, nil
		}
		return 0, in.Fault(m, "a number was to be here, not %.40q", s)
	}
	return 0, in.Fault(m, "a number was to be here, not a JSON %s", m.Kind())
}

// Whole is Number for whole numbers. A fraction is a fault.
func (in *Input) Whole(n *document.Node, path ...string) (int, error) {
	v, err := in.Number(n, path...)
	if err != nil {
		return 0, err
	}
	if v != math.Trunc(v) || math.Abs(v) > 1<<53 {
		return 0, in.Fault(Member(n, path...), "a whole number was to be here, not %v", v)
	}
	return int(v), nil
}

// Seconds returns the time that a member holds as seconds since 1970, to the
// microsecond, which is what survives in a float64. It is zero where the member
// is missing.
func (in *Input) Seconds(n *document.Node, path ...string) (time.Time, error) {
	v, err := in.Number(n, path...)
	if err != nil || v == 0 {
		return time.Time{}, err
	}
	if v < 0 || v > 253402300799 { // the year 9999, the last that JSON can hold
		return time.Time{}, in.Fault(Member(n, path...), "%v seconds since 1970 are no time", v)
	}
	return time.UnixMicro(int64(math.Round(v * 1e6))).UTC(), nil
}

// Elements yields the elements of a member that is a list, and none where it is
// missing or null. Elements that cannot be read are left out if the user wants
// to keep going.
func (in *Input) Elements(n *document.Node, path ...string) iter.Seq2[*document.Node, error] {
	return func(yield func(*document.Node, error) bool) {
		if m := Member(n, path...); m != nil {
			in.List(m)(yield)
		}
	}
}

// List is Elements for a value that should be a list itself.
func (in *Input) List(m *document.Node) iter.Seq2[*document.Node, error] {
	return func(yield func(*document.Node, error) bool) {
		if m.Kind() != document.Array {
			if err := in.Fault(m, "a list was to be here, not a JSON %s", m.Kind()); err != nil {
				yield(nil, err)
			}
			return
		}
		for e, err := range m.Elements() {
			if err != nil {
				if err = in.Forgive(err); err == nil {
					continue
				}
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// A Content is what a chat message says: a text, or a list of parts.
type Content struct {
	Text string
	// Parts is the content as it was where it is not one text; Text then is the
	// text of the parts, one after the other.
	Parts json.RawMessage
	// Null says that there is no content, which some writers tell from "".
	Null bool
}

// Content reads a member that holds the content of a message.
func (in *Input) Content(n *document.Node, path ...string) (Content, error) {
	m := Member(n, path...)
	if m == nil {
		return Content{Null: true}, nil
	}
	if m.Kind() == document.String {
		s, err := m.String()
		return Content{Text: s}, in.Forgive(err)
	}
	raw, err := Raw(m)
	if err != nil {
		return Content{Parts: raw}, in.Forgive(err)
	}
	if m.Kind() != document.Array {
		return Content{Parts: raw}, in.Fault(m, "the content of a message was to be here, not a JSON %s", m.Kind())
	}
	var text strings.Builder
	for part, err := range in.Elements(n, path...) {
		if err != nil {
			return Content{}, err
		}
		if part.Kind() == document.String {
			s, err := part.String()
			if err = in.Forgive(err); err != nil {
				return Content{}, err
			}
			text.WriteString(s)
			continue
		}
		s, err := in.Text(part, "text")
		if err != nil {
			return Content{}, err
		}
		text.WriteString(s)
	}
	return Content{Text: text.String(), Parts: raw}, nil
}

// Raw returns a value as JSON without white space, as a log holds it.
func Raw(n *document.Node) (json.RawMessage, error) {
	raw, err := n.Raw()
	if err != nil {
		return nil, err
	}
	value := jsontext.Value(raw)
	if err := value.Compact(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true), jsontext.PreserveRawStrings(true)); err != nil {
		return nil, &document.Error{Position: n.Position(), Err: err}
	}
	return json.RawMessage(value), nil
}

// Rest returns an object with those members of n that are not named, as a log
// holds it, and nil where there are none.
func (in *Input) Rest(n *document.Node, known ...string) (json.RawMessage, error) {
	if n == nil {
		return nil, nil
	}
	var rest members.List
	for _, k := range n.Keys() {
		if slices.Contains(known, k.Name) {
			continue
		}
		m, _ := n.Get(k.Name)
		raw, err := Raw(m)
		if err != nil {
			if err = in.Forgive(err); err != nil {
				return nil, err
			}
			continue
		}
		rest.AddRaw(k.Name, raw)
	}
	return rest.Object(), nil
}
