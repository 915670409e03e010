package store

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// extension ends the names of logs, as trajectories.List wants it, and
// archiveExtension those of archives.
const (
	extension        = ".jsonl"
	archiveExtension = ".jsonl.zst"
)

// maxWindow is the largest window of zstd that is accepted, in bytes: that of
// its --long option. A decoder holds little more than a window.
const maxWindow = 1 << 27

// An ArchiveError is an archive that cannot be decompressed.
type ArchiveError struct {
	File   string
	Offset int64 // of the frame that is broken, in the file as it is on disk
	Err    error
}

func (e *ArchiveError) Error() string {
	return fmt.Sprintf("%s: byte %d: the archive is broken: %v", e.File, e.Offset, e.Err)
}

func (e *ArchiveError) Unwrap() error { return e.Err }

func isArchive(path string) bool { return strings.HasSuffix(path, archiveExtension) }

// An archive is a file of logs that is compressed.
type archive struct {
	path string
	// spool is its text, as soon as somebody wants a log that no frame begins
	// with: finding each of those anew from the start would take the square of
	// the time. It is nobody's file, and goes when the last log goes.
	spool func() (*os.File, error)
	idle  sync.Pool // decoders: to make one costs more than to read a short log
}

func newArchive(path string) *archive {
	a := &archive{path: path}
	a.spool = sync.OnceValues(a.decompress)
	return a
}

// logs finds the logs of the archive.
func (a *archive) logs() ([]piece, error) {
	s := newSplitter()
	if err := a.read(s, s.begins, s.broken); err != nil {
		return nil, err
	}
	return s.end(), nil
}

// read writes the text of the archive to w. It passes over frames that are
// broken, after as much of them as there is.
func (a *archive) read(w io.Writer, begins func(frame int64), broken func(error)) error {
	file, size, err := a.file()
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	d, err := newDecoder(nil)
	if err != nil {
		return fmt.Errorf("reading archive %s: %w", a.path, err)
	}
	defer d.Close()
	for f, err := range frames(file, size) {
		begins(f.offset)
		if err == nil {
			err = decode(w, d, io.NewSectionReader(file, f.offset, f.size))
		}
		if failed, ok := errors.AsType[writeError](err); ok {
			return fmt.Errorf("reading archive %s: %w", a.path, failed.error)
		}
		if err != nil {
			broken(&ArchiveError{a.path, f.offset, err})
		}
	}
	return nil
}

func (a *archive) file() (*os.File, int64, error) {
	file, err := os.Open(a.path)
	if err != nil {
		return nil, 0, fmt.Errorf("reading an archive: %w", err)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is no regular file")
	}
	if err != nil {
		_ = file.Close()
		return nil, 0, fmt.Errorf("reading archive %s: %w", a.path, err)
	}
	return file, info.Size(), nil
}

// A writeError is a failure of what an archive is read to.
type writeError struct{ error }

type target struct{ io.Writer }

func (t target) Write(p []byte) (int, error) {
	n, err := t.Writer.Write(p)
	if err != nil {
		err = writeError{err}
	}
	return n, err
}

func decode(w io.Writer, d *zstd.Decoder, frame io.Reader) error {
	if err := d.Reset(frame); err != nil {
		return err
	}
	_, err := io.Copy(target{w}, d)
	return err
}

func newDecoder(r io.Reader) (*zstd.Decoder, error) {
	return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
}

// decoder returns a decoder that reads r.
func (a *archive) decoder(r io.Reader) (*zstd.Decoder, error) {
	if d, ok := a.idle.Get().(*zstd.Decoder); ok {
		return d, d.Reset(r)
	}
	return newDecoder(r)
}

// open opens a log of the archive.
func (a *archive) open(s span) (io.ReadCloser, error) {
	if s.Frame < 0 {
		text, err := a.spool()
		if err != nil {
			return nil, err
		}
		return io.NopCloser(io.NewSectionReader(text, s.Offset, s.Size)), nil
	}
	file, size, err := a.file()
	if err != nil {
		return nil, err
	}
	d, err := a.decoder(io.NewSectionReader(file, s.Frame, size-s.Frame))
	if err != nil {
		_ = file.Close()
		return nil, &ArchiveError{a.path, s.Frame, err}
	}
	return &unpacked{archive: a, span: s, file: file, decoder: d, left: s.Size}, nil
}

// decompress writes the text to a file without a name.
func (a *archive) decompress() (*os.File, error) {
	fail := func(err error) (*os.File, error) {
		return nil, fmt.Errorf("decompressing archive %s: %w", a.path, err)
	}
	text, err := os.CreateTemp("", "apprentice-archive-")
	if err != nil {
		return fail(err)
	}
	if err := os.Remove(text.Name()); err != nil {
		_ = text.Close()
		return fail(err)
	}
	w := bufio.NewWriterSize(text, 256<<10)
	err = a.read(w, func(int64) {}, func(error) {})
	if err = errors.Join(err, w.Flush()); err != nil {
		_ = text.Close()
		return fail(err)
	}
	return text, nil
}

// unpacked is the text of a log that a frame begins with.
type unpacked struct {
	archive *archive
	span    span
	file    *os.File
	decoder *zstd.Decoder
	left    int64
}

func (u *unpacked) Read(p []byte) (int, error) {
	if u.left == 0 {
		return 0, io.EOF
	}
	n, err := u.decoder.Read(p[:min(int64(len(p)), u.left)])
	u.left -= int64(n)
	switch {
	case u.left == 0:
		return n, io.EOF
	case errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF // the file is not what it was
		fallthrough
	case err != nil:
		err = &ArchiveError{u.archive.path, u.span.Frame, err}
	}
	return n, err
}

func (u *unpacked) Close() error {
	d := u.decoder
	u.decoder = nil
	if d != nil && d.Reset(nil) == nil { // it holds on to the file no longer
		u.archive.idle.Put(d)
	}
	return u.file.Close()
}
