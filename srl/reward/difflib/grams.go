package difflib

// A gram is a stretch of up to eight elements of a byte each, the first of which
// is the lowest byte of a word.
type gram struct {
	word uint64
	at   int32
}

// grams returns the stretches of n elements of a text, none of which is negative,
// in the memory of a list that is not needed any more.
func grams(text []int32, n int, list []gram) []gram {
	if cap(list) < len(text) {
		list = make([]gram, len(text)+len(text)/4)
	}
	list = list[:len(text)]
	word, row, k := uint64(0), 0, 0
	for end, c := range text {
		if c < 0 {
			row = 0
			continue
		}
		word = word>>8 | uint64(c)<<(8*n-8)
		if row++; row < n {
			continue
		}
		list[k] = gram{word, int32(end - n + 1)}
		k++
	}
	return list[:k]
}

// A filter has bits by the hash of a word.
type filter struct {
	bits  []uint64
	shift uint
}

// common returns those of a list whose words another list has, too, and a few
// more, in the memory of the list.
func (f *filter) common(list, other []gram) []gram {
	size := 1
	f.shift = 58
	for 64*size < 16*len(other) {
		size *= 2
		f.shift--
	}
	if cap(f.bits) < size {
		f.bits = make([]uint64, size)
	}
	f.bits = f.bits[:size]
	clear(f.bits)
	for _, g := range other {
		h := g.word * spread >> f.shift
		f.bits[h/64] |= 1 << (h % 64)
	}
	k := 0
	for _, g := range list {
		h := g.word * spread >> f.shift
		list[k] = g
		k += int(f.bits[h/64] >> (h % 64) & 1) // without a branch
	}
	return list[:k]
}
