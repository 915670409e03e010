package chat

import (
	"errors"
	"iter"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/document"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/loose"
	"github.com/apprentice-rl/apprentice/trajectories/formats/members"
)

// A Row is a conversation in a data set, with what stands beside it.
type Row struct {
	Header trajectories.Header
	// Messages is the list of messages.
	Messages *document.Node
	// End has the status and the patch that stand beside the messages, where
	// they do.
	End trajectories.End
}

// Rows returns the conversations of a document: each element of a list of
// objects with messages, else the document itself, which is an object with
// messages or a bare list of them.
func Rows(n *document.Node) iter.Seq2[*document.Node, error] {
	if first := formats.First(n); first != nil && ListOf(first) != "" {
		return n.Elements()
	}
	return func(yield func(*document.Node, error) bool) { yield(n, nil) }
}

// ListOf is the name of the member that holds the messages of a row, empty if
// there is none: messages, or input as the Responses API calls it.
func ListOf(n *document.Node) string {
	for _, name := range []string{"messages", "input"} {
		if m, ok := n.Get(name); ok && (m.Kind() == document.Array || m.Kind() == document.String) {
			return name
		}
	}
	return ""
}

// Messages returns the list of messages of a row, or of a bare list itself.
// Some data sets hold the list as a string.
func Messages(n *document.Node) (*document.Node, error) {
	if n.Kind() == document.Array {
		return n, nil
	}
	m, ok := n.Get(ListOf(n))
	if !ok {
		return nil, &document.Error{Position: n.Position(), Err: errors.New(`there are no "messages"`)}
	}
	if m.Kind() == document.String {
		return m.Unwrap()
	}
	return m, nil
}

// ReadRow reads what stands beside the messages of a row; patch is the name of
// the member with the final patch. Members that the log has no field for are
// kept in the header's origin.
func ReadRow(in *formats.Input, n *document.Node, patch string) (Row, error) {
	r := Row{End: trajectories.End{Status: trajectories.ExitUnknown, PatchUnknown: true}}
	messages, err := Messages(n)
	if err != nil {
		return r, err
	}
	r.Messages = messages
	h := &r.Header
	var extra members.List
	list, id := ListOf(n), idOf(n)
	for _, k := range n.Keys() {
		m, _ := n.Get(k.Name)
		var err error
		switch {
		case k.Name == list:
		case k.Kind == document.Null:
			extra.Add(k.Name, nil)
		case k.Name == id:
			err = m.Decode((*loose.String)(&h.Task.ID))
		case k.Name == "model":
			err = m.Decode((*loose.String)(&h.Policy.Model))
		case k.Name == "tools":
			err = r.tools(m)
		case k.Name == "exit_status":
			err = m.Decode((*loose.String)(&r.End.SourceStatus))
		case k.Name == patch && k.Kind == document.String:
			r.End.Patch, err = m.String()
			r.End.PatchUnknown = false
		default:
			var raw []byte
			raw, err = m.Raw()
			extra.AddRaw(k.Name, raw)
		}
		if err := in.Forgive(err); err != nil {
			return r, err
		}
	}
	if object := extra.Object(); object != nil {
		h.Origin = &trajectories.Origin{Extra: object}
	}
	return r, nil
}

// idOf is the name of the member that says which task it is.
func idOf(n *document.Node) string {
	for _, name := range []string{"instance_id", "task_id", "id"} {
		if m, ok := n.Get(name); ok && (m.Kind() == document.String || m.Kind() == document.Number) {
			return name
		}
	}
	return ""
}

// tools reads the definitions of tools, which some data sets hold as a string.
func (r *Row) tools(n *document.Node) error {
	if n.Kind() == document.String {
		inner, err := n.Unwrap()
		if err != nil {
			return err
		}
		n = inner
	}
	var defined []Tool
	if err := n.Decode(&defined); err != nil {
		return err
	}
	r.Header.Tools = Tools(defined)
	return nil
}

// EachRow hands over the rows of an input's document, one after another. What is
// wrong with one may be forgiven, as the input says.
func EachRow(in *formats.Input, take func(*document.Node) error) error {
	doc, err := in.Document()
	if err != nil {
		return err
	}
	for row, err := range Rows(doc) {
		if err == nil {
			err = take(row)
		}
		if err = in.Forgive(err); err != nil {
			return err
		}
	}
	return nil
}
