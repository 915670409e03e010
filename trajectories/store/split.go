package store

import "bytes"

// A span is where in an archive a log is.
type span struct {
	// Frame is the offset of the frame that begins with the log, in the file;
	// -1 if none does.
	Frame int64 `json:"frame"`
	// Offset and Size are those of the log in the decompressed text.
	Offset int64 `json:"offset"`
	Size   int64 `json:"size"`
}

// A piece is a log of an archive, or what is broken where there may have been
// some.
type piece struct {
	span
	err error
}

// begin is how the first line of a log begins, without blanks. Logs are written
// so, and it is enough to find them without reading their events.
var begin = []byte(`{"type":"header"`)

// A splitter finds where in the text of an archive logs begin and end. The text
// is written to it, and it is told where frames begin and which are broken.
type splitter struct {
	pieces []piece
	offset int64 // of the next byte

	line    int64  // the offset of the current line
	frame   int64  // the frame that begins with the line, or -1
	head    []byte // its first bytes, without blanks
	decided bool   // whether a log begins with it is known

	open    bool // there is a log that what comes belongs to
	lost    bool // there was one, until a broken frame
	touched bool // the current frame has held something
}

func newSplitter() *splitter { return &splitter{frame: -1} }

// begins says that the next byte is the first one of a frame. A log may begin
// with it even where the line before has no end: a crash leaves such logs.
func (s *splitter) begins(frame int64) {
	s.touched = false
	if s.line == s.offset || s.decided {
		s.start()
		s.frame = frame
	}
}

// start starts a line.
func (s *splitter) start() {
	s.line, s.frame, s.head, s.decided = s.offset, -1, s.head[:0], false
}

// Write takes the next bytes of the text.
func (s *splitter) Write(p []byte) (int, error) {
	n := len(p)
	s.touched = s.touched || n > 0
	for len(p) > 0 {
		if s.decided {
			i := bytes.IndexByte(p, '\n')
			if i < 0 {
				s.offset += int64(len(p))
				break
			}
			s.offset += int64(i + 1)
			p = p[i+1:]
			s.start()
			continue
		}
		c := p[0]
		p = p[1:]
		s.offset++
		switch c {
		case '\n':
			s.start()
		case ' ', '\t', '\r':
		default:
			s.look(c)
		}
	}
	return n, nil
}

// look takes one more byte of a line's beginning.
func (s *splitter) look(c byte) {
	s.head = append(s.head, c)
	switch {
	case !bytes.HasPrefix(begin, s.head):
		s.decided = true
		if !s.open && !s.lost {
			s.found() // reading it will tell what is wrong with it
		}
	case len(s.head) == len(begin):
		s.decided = true
		s.found()
	}
}

// found says that a log begins with the current line.
func (s *splitter) found() {
	s.close(s.line)
	s.pieces = append(s.pieces, piece{span: span{Frame: s.frame, Offset: s.line}})
	s.open, s.lost = true, false
}

func (s *splitter) close(at int64) {
	if s.open {
		last := &s.pieces[len(s.pieces)-1]
		last.Size = at - last.Offset
		s.open = false
	}
}

// broken says that the current frame holds no more than what came, and should.
// The log that it broke off in is lost.
func (s *splitter) broken(err error) {
	if s.open && s.touched {
		s.pieces[len(s.pieces)-1].err = err
	} else {
		s.close(s.offset)
		s.pieces = append(s.pieces, piece{err: err})
	}
	s.open, s.lost = false, true
	s.start()
}

// end returns what there was.
func (s *splitter) end() []piece {
	s.close(s.offset)
	return s.pieces
}
