package difflib

// Runs that are long are found from seeds: stretches of seedSize elements, at
// every seedStep'th place of b. A run of longSize elements holds one for
// certain.
const (
	seedSize = 16
	seedStep = 8
	longSize = seedSize + seedStep - 1
)

// Seeds are the seeds of a text by their hashes.
type seeds struct {
	shift uint
	first []int32 // by hash: number of the first seed plus one, or 0
	next  []int32 // by seed: that of the next one with the hash, likewise
}

// A hash of the seedSize elements before here is rolled forward: the oldest
// element is shifted out of the 64 bits.
const hashStep = 64 / seedSize

func roll(h uint64, c int32) uint64 { return h<<hashStep + mix(c) }

// mix spreads a symbol over the hash's low bits; what is shifted out of the top
// is gone, so a hash depends on the last seedSize elements alone.
func mix(c int32) uint64 { return uint64(c) + 1 }

func (s *seeds) slot(h uint64) *int32 {
	return &s.first[h*0x9E3779B97F4A7C15>>s.shift]
}

// plant makes the seeds of a text. Elements that start no match are in none.
func plant(b []int32) seeds {
	n := len(b) / seedStep
	bits := uint(4)
	for 1<<bits < 2*n {
		bits++
	}
	s := seeds{shift: 64 - bits, first: make([]int32, 1<<bits), next: make([]int32, n+1)}
	// From the last to the first, so that chains go forward.
	for at := n - 1; at >= 0; at-- {
		h, ok := hash(b, at*seedStep)
		if !ok {
			continue
		}
		slot := s.slot(h)
		s.next[at] = *slot
		*slot = int32(at) + 1
	}
	return s
}

// hash returns the hash of the seed at a place, if there is one.
func hash(b []int32, at int) (h uint64, ok bool) {
	if at+seedSize > len(b) {
		return 0, false
	}
	for _, c := range b[at : at+seedSize] {
		if c < 0 {
			return 0, false
		}
		h = roll(h, c)
	}
	return h, true
}
