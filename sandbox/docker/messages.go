package docker

import (
	"encoding/json"
	"errors"
	"io"

	"github.com/apprentice-rl/apprentice/sandbox"
)

// A message is one of the JSON messages that an engine sends while it pulls,
// builds or imports an image.
type message struct {
	Layer    string `json:"id"`
	Status   string `json:"status"`
	Error    string `json:"error"`
	Progress struct {
		Current int64 `json:"current"`
		Total   int64 `json:"total"`
	} `json:"progressDetail"`
}

// messages reads a stream of messages to its end, hands each one to each, and
// returns the error among them, if there is one.
func messages(r io.Reader, each func(message)) error {
	for dec := json.NewDecoder(r); ; {
		var m message
		switch err := dec.Decode(&m); {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case m.Error != "":
			return errors.New(m.Error)
		}
		each(m)
	}
}

func streamError(r io.Reader) error { return messages(r, func(message) {}) }

// A tally sums the bytes of the layers of one pull.
type tally struct {
	image       string
	tell        func(sandbox.Progress)
	down, apart map[string]sandbox.Progress // by layer: what was pulled of it, what was unpacked
}

func newTally(image string, tell func(sandbox.Progress)) *tally {
	return &tally{image: image, tell: tell, down: map[string]sandbox.Progress{}, apart: map[string]sandbox.Progress{}}
}

// add takes in one message. Engines pull and unpack at the same time; told is
// the pulling as long as there is some.
func (t *tally) add(m message) {
	now := sandbox.Progress{Done: m.Progress.Current, Total: m.Progress.Total}
	switch m.Status {
	case "Downloading":
		t.down[m.Layer] = now
	case "Extracting":
		t.apart[m.Layer] = now
	case "Download complete", "Pull complete":
		for _, of := range []map[string]sandbox.Progress{t.down, t.apart} {
			if p, ok := of[m.Layer]; ok {
				of[m.Layer] = sandbox.Progress{Done: max(p.Done, p.Total), Total: max(p.Done, p.Total)}
			}
			if m.Status == "Download complete" {
				break
			}
		}
	default:
		return
	}
	p := sum(t.down)
	p.Doing = "pulling"
	if p.Done == p.Total && len(t.apart) > 0 {
		p = sum(t.apart)
		p.Doing = "unpacking"
	}
	p.Image = t.image
	t.say(p)
}

func (t *tally) say(p sandbox.Progress) {
	if t.tell != nil {
		t.tell(p)
	}
}

// sum is the sum over layers; its total is 0 while one of them is not known.
func sum(layers map[string]sandbox.Progress) (s sandbox.Progress) {
	known := true
	for _, l := range layers {
		s.Done += l.Done
		s.Total += l.Total
		known = known && l.Total > 0
	}
	if !known {
		s.Total = 0
	}
	return s
}
