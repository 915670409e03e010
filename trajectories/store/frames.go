package store

import (
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/klauspost/compress/zstd"
)

// A frame is a part of an archive that is compressed by itself.
type frame struct{ offset, size int64 }

// frames walks over the frames of a file without decompressing them: the
// blocks of a frame say how long they are (RFC 8878, 3.1.1). A frame that is
// cut off comes as long as it is. What is no frame comes as an error, last.
func frames(in io.ReaderAt, size int64) iter.Seq2[frame, error] {
	return func(yield func(frame, error) bool) {
		for at := int64(0); at < size; {
			f, skip, err := frameAt(in, at, size)
			if err != nil {
				yield(frame{offset: at}, err)
				return
			}
			if !skip && !yield(f, nil) {
				return
			}
			at += f.size
		}
	}
}

// frameAt measures the frame at an offset; skip says that it holds nothing to
// decompress.
func frameAt(in io.ReaderAt, at, size int64) (f frame, skip bool, err error) {
	head := make([]byte, min(zstd.HeaderMaxSize, size-at))
	if _, err := io.ReadFull(io.NewSectionReader(in, at, size-at), head); err != nil {
		return frame{}, false, err
	}
	var h zstd.Header
	if err := h.Decode(head); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return frame{at, size - at}, false, nil
		}
		return frame{}, false, fmt.Errorf("no frame of zstd begins here: %w", err)
	}
	end := at + int64(h.HeaderSize)
	if h.Skippable {
		end += int64(h.SkippableSize)
		return frame{at, min(end, size) - at}, true, nil
	}
	for last := false; !last; {
		var block [3]byte
		if n, err := in.ReadAt(block[:], end); n < len(block) {
			if errors.Is(err, io.EOF) {
				return frame{at, size - at}, false, nil
			}
			return frame{}, false, err
		}
		bits := int64(block[0]) | int64(block[1])<<8 | int64(block[2])<<16
		last = bits&1 == 1
		length := bits >> 3
		if kind := bits >> 1 & 3; kind == 1 { // one byte that is repeated
			length = 1
		}
		end += int64(len(block)) + length
	}
	if h.HasCheckSum {
		end += 4
	}
	return frame{at, min(end, size) - at}, false, nil
}
