package document

import (
	"bytes"
	"io"
)

// stride is how many bytes are between places whose lines are kept in mind.
const stride = 256 << 10

// A place is an offset of a text and its line, which has the number line and
// begins at begins.
type place struct {
	offset, begins int64
	line           int
}

// lines finds the lines of offsets. A file that is wrong everywhere is asked for
// as many of them as it has values, and not in their order: what a value warns
// of may stand inside it, and the next warning may be about its beginning. So
// what was counted once is kept in mind, and no offset is far from it.
type lines struct {
	marks []place // at 0, stride, 2·stride, … as far as lines were counted
	last  place   // that was asked for
}

// find returns the place of offset. Where the text cannot be read, it is as good
// as known.
func (l *lines) find(in io.ReaderAt, offset int64) place {
	if l.marks == nil {
		l.last = place{line: 1}
		l.marks = []place{l.last}
	}
	p := l.marks[min(offset/stride, int64(len(l.marks)-1))]
	if l.last.offset <= offset && l.last.offset > p.offset {
		p = l.last
	}
	chunk := make([]byte, min(chunkSize, offset-p.offset))
	for p.offset < offset {
		mark := (p.offset/stride + 1) * stride
		b := chunk[:min(int64(len(chunk)), min(offset, mark)-p.offset)]
		n, err := in.ReadAt(b, p.offset)
		if n == 0 && err != nil {
			break
		}
		p.line += bytes.Count(b[:n], []byte{'\n'})
		if i := bytes.LastIndexByte(b[:n], '\n'); i >= 0 {
			p.begins = p.offset + int64(i) + 1
		}
		p.offset += int64(n)
		if p.offset == int64(len(l.marks))*stride {
			l.marks = append(l.marks, p)
		}
	}
	l.last = p
	return p
}
