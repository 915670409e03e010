package behaviour

import (
	"encoding/json"
	"hash/maphash"
	"sync"
)

// A Memo remembers what calls were found to do. Agents repeat themselves, and
// so do many attempts at one task; a call that comes back costs a hash. It
// keeps no more than its bound, and drops what was not asked for the longest.
// It is safe for concurrent use.
type Memo struct {
	seeds [2]maphash.Seed
	limit int // bytes of one generation

	mu       sync.Mutex
	young    map[key][]Act
	old      map[key][]Act
	youngest int // bytes in young
}

// Two hashes of 64 bits with seeds of their own: nobody can make two commands
// meet, and by chance they do not.
type key [2]uint64

// NewMemo returns a memo that keeps about so many bytes.
func NewMemo(bytes int) *Memo {
	return &Memo{
		seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		limit: bytes / 2,
		young: map[key][]Act{},
	}
}

// Classify is the function of that name. The acts belong to the memo and must
// not be changed.
func (m *Memo) Classify(tool string, arguments json.RawMessage) []Act {
	k := m.key(tool, arguments)
	m.mu.Lock()
	acts, ok := m.young[k]
	if !ok {
		if acts, ok = m.old[k]; ok {
			m.keep(k, acts, cost(tool, arguments, acts))
		}
	}
	m.mu.Unlock()
	if ok {
		return acts
	}
	acts = Classify(tool, arguments)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.keep(k, acts, cost(tool, arguments, acts))
	return acts
}

func (m *Memo) key(tool string, arguments json.RawMessage) key {
	var k key
	for i, seed := range m.seeds {
		var h maphash.Hash
		h.SetSeed(seed)
		_, _ = h.WriteString(tool)
		_ = h.WriteByte(0)
		_, _ = h.Write(arguments)
		k[i] = h.Sum64()
	}
	return k
}

// keep puts acts among the young. When those are many they become the old ones,
// and what was old and not asked for is gone.
func (m *Memo) keep(k key, acts []Act, bytes int) {
	if bytes > m.limit {
		return
	}
	if m.youngest+bytes > m.limit {
		m.old, m.young, m.youngest = m.young, map[key][]Act{}, 0
	}
	if _, ok := m.young[k]; !ok {
		m.young[k] = acts
		m.youngest += bytes
	}
}

// cost is about what acts keep in memory: they point into the command's text.
func cost(tool string, arguments json.RawMessage, acts []Act) int {
	const entry, act, word = 64, 160, 16
	n := entry + len(tool) + len(arguments)
	for _, a := range acts {
		n += act + word*len(a.Args)
		for _, p := range a.Paths() {
			n += word + len(p)
		}
	}
	return n
}
