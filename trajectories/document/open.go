package document

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// maxWindow is the largest window of zstd that is accepted, in bytes: that of
// its --long option.
const maxWindow = 1 << 27

// open finds out how the file is to be read, and spools it where it cannot be
// read at any place.
func (d *Document) open(path string, file *os.File) error {
	info, err := file.Stat()
	switch {
	case err != nil:
		return fmt.Errorf("reading a document: %w", err)
	case info.IsDir():
		return fmt.Errorf("reading a document: %s is a folder", path)
	}
	d.text = &text{in: file, size: info.Size(), file: path}
	if !info.Mode().IsRegular() {
		if err := d.spool(file); err != nil {
			return err
		}
	}
	if err := d.uncompress(); err != nil {
		return err
	}
	return d.sniff()
}

// uncompress spools what a compressed file holds.
func (d *Document) uncompress() error {
	head, err := d.head()
	if err != nil {
		return err
	}
	packed := io.NewSectionReader(d.text.in, 0, d.text.size)
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		r, err := gzip.NewReader(packed)
		if err != nil {
			return &Error{d.text.position(0, ""), fmt.Errorf("reading it as gzip: %w", err)}
		}
		return d.spool(r)
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		r, err := zstd.NewReader(packed, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return &Error{d.text.position(0, ""), fmt.Errorf("reading it as zstd: %w", err)}
		}
		defer r.Close()
		return d.spool(r)
	}
	return nil
}

// A diskError is a failure to write what is spooled.
type diskError struct{ error }

type disk struct{ *os.File }

func (d disk) Write(p []byte) (int, error) {
	n, err := d.File.Write(p)
	if err != nil {
		err = diskError{err}
	}
	return n, err
}

// spool copies r to a file, and makes that the document's text.
func (d *Document) spool(r io.Reader) error {
	file, err := d.temporary()
	if err != nil {
		return err
	}
	size, err := io.Copy(disk{file}, io.LimitReader(r, d.options.MaxText+1))
	d.text = &text{in: file, size: size, file: d.text.file}
	full, isDisk := errors.AsType[diskError](err)
	switch {
	case isDisk:
		return fmt.Errorf("spooling %s: %w", d.text.file, full.error)
	case err != nil:
		return d.packed(err)
	case size > d.options.MaxText:
		return &Error{d.text.position(size, ""), fmt.Errorf("the text has more than %d bytes: %w", d.options.MaxText, ErrTooLarge)}
	}
	return nil
}

// packed is what becomes of a compressed file that is broken: the text up to
// there may be read.
func (d *Document) packed(err error) error {
	e := &Error{d.text.position(d.text.size, ""), fmt.Errorf("what follows cannot be uncompressed: %w", err)}
	if !d.options.Lenient {
		return e
	}
	d.options.Warn(Warning{e.Position, e.Err.Error()})
	return nil
}

// sniff refuses texts in encodings other than UTF-8.
func (d *Document) sniff() error {
	head, err := d.head()
	if err != nil {
		return err
	}
	utf16 := bytes.HasPrefix(head, []byte{0xff, 0xfe}) || bytes.HasPrefix(head, []byte{0xfe, 0xff}) ||
		// Without a mark, the first character of JSON has a zero before or behind it.
		len(head) > 1 && (head[0] == 0) != (head[1] == 0) || bytes.HasPrefix(head, []byte{0, 0, 0xfe, 0xff})
	if utf16 {
		return &Error{d.text.position(0, ""), errors.New("the text is UTF-16 or UTF-32, not UTF-8")}
	}
	return nil
}

// head returns the first bytes of the text.
func (d *Document) head() ([]byte, error) {
	return d.text.read(0, min(8, d.text.size))
}
