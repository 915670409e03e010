package stats

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/srl"
	"github.com/apprentice-rl/apprentice/srl/reward"
)

// Memory is how many bytes of actions a Sample holds by default.
const Memory = 64 << 20

// A Sample is the step examples to measure, without their prompts. It holds all
// of them while they fit into its memory, and from there on those of some tasks,
// whole. Which ones is decided by hashes of the tasks' names and the seed, so
// that it does not depend on the order of the examples.
type Sample struct {
	seed   uint64
	memory int

	tasks    map[string]*task
	bytes    int
	read     int             // examples
	names    map[string]bool // of the tasks that were read
	leaveOut uint64          // tasks with this hash or a higher one, if not 0
}

// A task is the examples of one task.
type task struct {
	name     string
	hash     uint64
	bytes    int
	examples []srl.Example
}

// NewSample returns an empty sample. Memory is in bytes; zero means [Memory].
func NewSample(seed uint64, memory int) *Sample {
	return &Sample{seed: seed, memory: cmp.Or(memory, Memory), tasks: map[string]*task{}, names: map[string]bool{}}
}

// hashOf puts names into an order that nobody has chosen.
func hashOf(seed uint64, name string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(binary.LittleEndian.AppendUint64(nil, seed))
	_, _ = io.WriteString(h, name)
	// FNV hardly mixes its last bytes into the high bits (this is MurmurHash3's
	// last step), and names often differ in nothing else.
	x := h.Sum64()
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// Add adds an example. The prompt is not kept.
func (s *Sample) Add(e srl.Example) {
	e.Messages = nil
	s.read++
	s.names[e.Task] = true
	h := hashOf(s.seed, e.Task)
	if s.leaveOut != 0 && h >= s.leaveOut {
		return
	}
	t := s.tasks[e.Task]
	if t == nil {
		t = &task{name: e.Task, hash: h}
		s.tasks[e.Task] = t
	}
	const fields = 256 // an example's fields besides these texts, roughly
	size := fields + len(e.ID) + len(e.Action)
	for _, c := range e.Calls {
		size += len(c.Tool) + len(c.Arguments)
	}
	if len(s.tasks) == 1 && s.bytes+size > s.memory && s.bytes > 0 {
		return // one task is too much already: its first examples stay
	}
	t.examples = append(t.examples, e)
	t.bytes += size
	s.bytes += size
	for s.bytes > s.memory && len(s.tasks) > 1 {
		last := t
		for _, other := range s.tasks {
			if other.hash > last.hash {
				last = other
			}
		}
		delete(s.tasks, last.name)
		s.bytes -= last.bytes
		s.leaveOut = last.hash
	}
}

// A row is what is read of an example.
type row struct {
	ID     string        `json:"id"`
	Task   string        `json:"task_id"`
	Action *string       `json:"action"`
	Calls  []srl.Call    `json:"calls"`
	Reward reward.Reward `json:"reward"`
}

// Read adds the examples of a file, one JSON object a line, as `srl steps` writes
// them. The name is that of the file, for errors: those about a line are
// *env.RowError. Done is called for each example that was read, and may be nil.
func (s *Sample) Read(ctx context.Context, name string, from io.Reader, done func()) error {
	return readExamples(ctx, name, from, func(e srl.Example) {
		s.Add(e)
		if done != nil {
			done()
		}
	})
}

// ReadTools adds the tools of a file's examples, by their ids, to a map.
func ReadTools(ctx context.Context, name string, from io.Reader, into map[string]string) error {
	return readExamples(ctx, name, from, func(e srl.Example) { into[e.ID] = Tool(e) })
}

func readExamples(ctx context.Context, name string, from io.Reader, add func(srl.Example)) error {
	return lines(ctx, name, from, func(l line) error {
		var r row
		if err := l.decode(&r); err != nil {
			return err
		}
		switch {
		case r.ID == "":
			return l.field("id", errMissing)
		case r.Action == nil:
			return l.field("action", errMissing)
		case r.Reward.Format.Language == "":
			return l.field("reward", errMissing)
		}
		add(srl.Example{ID: r.ID, Task: r.Task, Action: *r.Action, Calls: r.Calls, Reward: r.Reward})
		return nil
	})
}

var errMissing = errors.New("it is missing; srl steps writes step examples")

// all returns what is in the sample, in an order that depends on the names
// and the seed alone.
func (s *Sample) all() []srl.Example {
	var list []srl.Example
	for _, t := range s.tasks {
		list = append(list, t.examples...)
	}
	slices.SortStableFunc(list, func(a, b srl.Example) int {
		return cmp.Or(cmp.Compare(hashOf(s.seed, a.ID), hashOf(s.seed, b.ID)), cmp.Compare(a.ID, b.ID))
	})
	return list
}

// A line of a file that is not blank.
type line struct {
	file   string
	number int // from 1
	text   []byte
}

// lines calls do for the lines of a file, until that returns an error.
func lines(ctx context.Context, name string, from io.Reader, do func(line) error) error {
	r := bufio.NewReaderSize(from, 1<<20)
	for number := 1; ; number++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		text, err := r.ReadBytes('\n')
		if number == 1 {
			text = bytes.TrimPrefix(text, []byte("\ufeff"))
		}
		if len(bytes.TrimSpace(text)) > 0 {
			if err := do(line{name, number, text}); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("reading %s: %w", name, err)
		}
	}
}

// decode reads a line's object, and says in a person's words where it is broken.
func (l line) decode(to any) error {
	// Escapes of lone surrogates read as U+FFFD, as everywhere.
	err := json.Unmarshal(l.text, to, jsontext.AllowInvalidUTF8(true))
	if err == nil {
		return nil
	}
	row := &env.RowError{File: l.file, Line: l.number, Column: 1, Err: err}
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		row.Column, row.Err = int(syntax.ByteOffset)+1, fmt.Errorf("the line is not a JSON object: %w", syntax.Err)
	} else if value, ok := errors.AsType[*json.SemanticError](err); ok {
		row.Column, row.Field = int(value.ByteOffset)+1, strings.TrimPrefix(string(value.JSONPointer), "/")
		row.Err = fmt.Errorf("a JSON %s was not to be here", value.JSONKind)
		if value.Err != nil {
			row.Err = value.Err
		}
	}
	return row
}

func (l line) field(name string, err error) error {
	return &env.RowError{File: l.file, Line: l.number, Column: 1, Field: name, Err: err}
}
