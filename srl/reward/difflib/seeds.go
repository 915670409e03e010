package difflib

// Runs that are long are found from seeds: stretches of size elements, at
// every step'th place of b. A run of least elements holds one for certain.
type seeds struct {
	size, step int
	up, shift  uint
	first      []int32 // by hash: number of the first seed plus one, or 0
	next       []int32 // by seed: that of the next one with the hash, likewise
}

func (s *seeds) least() int { return s.size + s.step - 1 }

// roll adds an element to a hash. Each moves the earlier ones up, so that the
// oldest is pushed out of the 64 bits when size others have come: a hash
// depends on the last size elements alone.
func (s *seeds) roll(h uint64, c int32) uint64 { return h<<(s.up%64) + uint64(c) + 1 }

func (s *seeds) slot(h uint64) *int32 { return &s.first[h*spread>>s.shift] }

// spread is 2^64 by the golden ratio: the high bits of a product with it depend
// on all bits of the other factor.
const spread = 0x9E3779B97F4A7C15

// plant makes the seeds of a text, and returns about how many of them stand there
// again. Elements that start no match are in none. The size divides 64.
func (s *seeds) plant(b []int32, size, step int) (again int) {
	n := len(b) / step
	bits := uint(4)
	for 1<<bits < 8*n { // much room, so that there is seldom a seed by chance
		bits++
	}
	s.size, s.step, s.up, s.shift = size, step, 64/uint(size), 64-bits
	s.first, s.next = empty(s.first, 1<<bits), empty(s.next, n+1)
	// From the last to the first, so that chains go forward.
	for at := n - 1; at >= 0; at-- {
		if h, ok := s.hash(b, at*step); ok {
			slot := s.slot(h)
			if *slot != 0 {
				again++
			}
			s.next[at] = *slot
			*slot = int32(at) + 1
		}
	}
	return again
}

// hash returns the hash of the seed at a place, if there is one.
func (s *seeds) hash(b []int32, at int) (h uint64, ok bool) {
	if at+s.size > len(b) {
		return 0, false
	}
	for _, c := range b[at : at+s.size] {
		if c < 0 {
			return 0, false
		}
		h = s.roll(h, c)
	}
	return h, true
}
