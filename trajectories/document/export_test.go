package document

import "io"

// New reads a document of so many bytes that is at hand already. The name is
// used in errors. It is not uncompressed.
func New(name string, r io.ReaderAt, size int64, o Options) (*Document, error) {
	d := newDocument(o)
	d.text = &text{in: r, size: size, file: name}
	if err := d.sniff(); err != nil {
		return nil, err
	}
	return d, nil
}
