package difflib

// A gram is a stretch of eight elements of a byte each, the first of which is the
// lowest byte of a word.
type gram struct {
	word uint64
	at   int32
}

// mostSymbols are the symbols for which a byte is enough, with two left for
// noneInA and noneInB, which are the highest bytes. So a gram that has one of them
// is in one text only.
const mostSymbols = 1<<8 - 2

// grams returns the grams of a text, in memory that is used again.
func grams(text []int32, memory *[]gram) []gram {
	if cap(*memory) < len(text) {
		*memory = make([]gram, len(text)+len(text)/4)
	}
	list := (*memory)[:len(text)]
	var word uint64
	for end, c := range text {
		word = word>>8 | uint64(uint8(c))<<56
		list[end] = gram{word, int32(end - longBase + 1)}
	}
	return list[min(longBase-1, len(text)):]
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
