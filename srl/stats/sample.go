package stats

import (
	"cmp"
	"context"
	"encoding/binary"
	"hash/fnv"
	"io"
	"slices"

	"github.com/apprentice-rl/apprentice/srl"
)

// Memory is how many bytes of actions a Sample holds by default.
const Memory = 32 << 20

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
	const fields = 512 // an example's fields besides these texts, roughly
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

// Read adds the examples of a file that `srl steps` has written. The name is that
// of the file, for errors: those about a line are *env.RowError. Done is called
// for each example that was read, and may be nil.
func (s *Sample) Read(ctx context.Context, name string, from io.Reader, done func()) error {
	for e, err := range srl.ReadJSONL(name, from) {
		if err := cmp.Or(err, ctx.Err()); err != nil {
			return err
		}
		s.Add(e)
		if done != nil {
			done()
		}
	}
	return nil
}

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
