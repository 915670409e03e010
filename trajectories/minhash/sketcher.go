package minhash

// A Sketcher makes the sketch of a sequence of actions that come one by one.
// The zero value is ready. Its memory does not grow with the sequence.
type Sketcher struct {
	least [Hashes]uint64
	last  uint64 // the hash of the action before, 0 at the beginning
	acted bool
	hash  hasher
}

// Add adds an action: the name of its tool, and its arguments as a JSON object.
// Arguments that are none, as models write them too, count as the text they are.
func (s *Sketcher) Add(tool, arguments string) {
	action := s.hash.action(tool, arguments)
	s.shingle(mix(s.last) ^ action)
	s.last = action
}

// shingle takes the hash of a shingle. The hash functions are the places of the
// sequence that the generator SplitMix64 makes of it, which is a step and a
// mix for each.
func (s *Sketcher) shingle(hash uint64) {
	const step = 0x9e3779b97f4a7c15 // 2⁶⁴ over the golden ratio, as in SplitMix64
	for i := range s.least {
		hash += step
		if h := mix(hash); !s.acted || h < s.least[i] {
			s.least[i] = h
		}
	}
	s.acted = true
}

// Sketch returns the sketch of the actions so far.
func (s *Sketcher) Sketch() Sketch {
	sketch := Sketch{acted: s.acted}
	for i, h := range &s.least {
		sketch.low[i] = uint16(h)
	}
	return sketch
}

// mix is the finalizer of SplitMix64 (Steele, Lea and Flood, Fast Splittable
// Pseudorandom Number Generators, 2014): every bit of x changes half of what
// comes out.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
