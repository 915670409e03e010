package formats

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/document"
)

// A session is the sink that importers see while one source is imported. It
// fills in what they need not know: ids that are free, and where the
// trajectory comes from.
type session struct {
	importer *importer
	in       *Input
	to       *counter
	sink     *keeper // behind to
	source   trajectories.Source
	names    map[string]string // the importer's ids and those given in their place

	open    bool // a trajectory is under way
	turns   int  // of it
	id      string
	from    trajectories.Source
	begun   int // trajectories of this input
	failure error
}

// run runs an importer on the input. Of a trajectory that breaks off, what came
// before is kept if the user wants to keep going.
func (s *session) run(ctx context.Context, f Format) error {
	s.begun = 0
	err := f.Import(ctx, s.in, s)
	if s.failure != nil { // whatever the importer made of it
		s.to.Discard()
		return s.failure
	}
	if err == nil && s.open {
		err = errors.New("the importer has not ended its trajectory")
	}
	if s.open && s.turns > 0 && s.in.keepGoing {
		if broken, ok := errors.AsType[*document.Error](err); ok {
			s.in.warn(Warning{Row: s.in.Row, Field: broken.Field, Offset: broken.Offset,
				Text: fmt.Sprintf("%v; what comes before is imported", broken.Err)})
			end := trajectories.End{Status: trajectories.ExitUnknown, PatchUnknown: true, Detail: "the source cannot be read to its end"}
			return s.End(end)
		}
	}
	if s.open {
		s.open = false
		s.to.Discard()
	}
	return err
}

// keep takes note of an error of the sink.
func (s *session) keep(err error) error {
	if err != nil && s.failure == nil {
		s.failure = fmt.Errorf("importing %s: %w", s.in.File, err)
	}
	return err
}

func (s *session) Begin(h trajectories.Header) error {
	if h.Task.ID == "" {
		h.Task.ID = s.in.Stem()
	}
	source := s.source
	source.File, source.Row, source.Part, source.Version = filepath.Base(s.in.File), s.in.Row, s.begun, s.in.Match.Version
	s.begun++
	own := h.ID
	if id, ok := s.importer.kept(source); ok {
		h.ID = id
		s.sink.keep()
	} else {
		h.ID, h.Attempt = s.free(h.Task.ID, h.Attempt)
	}
	s.id, s.from = h.ID, source
	if own != "" {
		s.names[own] = h.ID
	}
	if h.Parent == nil {
		h.Parent = s.importer.parts[address{filepath.Dir(s.in.File), h.Session}]
	}
	if h.Parent != nil {
		parent := *h.Parent
		if id, ok := s.names[parent.Trajectory]; ok {
			parent.Trajectory = id
		}
		h.Parent = &parent
	}
	if h.Source != nil {
		source.Chosen = h.Source.Chosen
		if h.Source.Version != "" {
			source.Version = h.Source.Version
		}
	}
	h.Source = &source
	s.open, s.turns = true, 0
	return s.keep(s.to.Begin(h))
}

// An address is where a session is looked for: other folders may have one of the
// same name.
type address struct{ folder, session string }

// refer notes that a session is a part of the trajectory that has begun.
func (s *session) refer(session string, turn int) {
	at := address{filepath.Dir(s.in.File), session}
	parent := &trajectories.Parent{Trajectory: s.id, Turn: turn, Kind: trajectories.ParentSubagent}
	if other, there := s.importer.parts[at]; there && (other == nil || other.Trajectory != s.id) {
		parent = nil // of two, nobody knows which
	}
	s.importer.parts[at] = parent
}

// free returns an id that no other trajectory has: that of the attempt, or of
// the next one that is free.
func (s *session) free(task string, attempt int) (string, int) {
	name := safe(task)
	for attempt = max(attempt, 1); ; attempt++ {
		id := fmt.Sprintf("%s.%d", name, attempt)
		if s.importer.given[id] || s.importer.Taken != nil && s.importer.Taken(id) {
			continue
		}
		s.importer.given[id] = true
		return id, attempt
	}
}

// safe makes a task's id the name of a file: sources hold ids such as
// "../../x".
func safe(id string) string {
	const most = 180
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("_.+-", r):
			return r
		}
		return '_'
	}, id)
	name = name[:min(len(name), most)]
	if name == "" || strings.ContainsRune(".+-", rune(name[0])) {
		name = "_" + name
	}
	return name
}

func (s *session) Turn(t trajectories.Turn) error {
	s.turns++
	t.Usage = s.usage(t.Usage, fmt.Sprintf("of turn %d", t.N))
	return s.keep(s.to.Turn(t))
}

// usage returns a usage without what is below zero, of which it warns.
func (s *session) usage(u trajectories.Usage, of string) trajectories.Usage {
	for _, n := range []struct {
		name  string
		value float64
	}{
		{"calls", float64(u.Calls)}, {"prompt tokens", float64(u.PromptTokens)}, {"cached tokens", float64(u.CachedTokens)},
		{"completion tokens", float64(u.CompletionTokens)}, {"cost", u.Cost},
	} {
		if n.value < 0 {
			s.in.warn(Warning{Row: s.in.Row, Text: fmt.Sprintf("%s %s: %v is below zero, and taken as 0", n.name, of, n.value)})
		}
	}
	return u.AtLeastZero()
}

func (s *session) Observation(o trajectories.Observation) error { return s.keep(s.to.Observation(o)) }

func (s *session) Message(m trajectories.Message) error { return s.keep(s.to.Message(m)) }

func (s *session) View(v trajectories.View) error { return s.keep(s.to.View(v)) }

func (s *session) End(e trajectories.End) error {
	s.open = false
	e.Usage = s.usage(e.Usage, "of the whole")
	s.importer.done[s.from] = s.id
	return s.keep(s.to.End(e))
}

func (s *session) Discard() {
	s.open = false
	s.to.Discard()
}
