package store

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// A Packer makes an archive: each log as it is, to the byte, in a frame of its
// own, so that it can be read alone.
type Packer struct {
	out     io.Writer
	encoder *zstd.Encoder
	packed  []packed
}

// packed is what a log was when it was packed.
type packed struct {
	name   string
	digest [sha256.Size]byte
}

// NewPacker returns a packer that writes to out.
func NewPacker(out io.Writer) (*Packer, error) {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("packing trajectories: %w", err)
	}
	return &Packer{out: out, encoder: e}, nil
}

// Add packs a log, and returns how many bytes it has.
func (p *Packer) Add(l *Log) (int64, error) {
	text, err := l.Text()
	if err != nil {
		return 0, err
	}
	defer func() { _ = text.Close() }()
	p.encoder.Reset(p.out)
	digest := sha256.New()
	size, err := io.Copy(io.MultiWriter(p.encoder, digest), text)
	if err = errors.Join(err, p.encoder.Close()); err != nil {
		return size, fmt.Errorf("packing trajectory %s: %w", l.Name(), err)
	}
	entry := packed{name: l.Name()}
	digest.Sum(entry.digest[:0])
	p.packed = append(p.packed, entry)
	return size, nil
}

// Verify reads the archive at path, to which everything was written, and
// compares it with what was packed.
func (p *Packer) Verify(path string) error {
	found, err := placesOfArchive(path)
	if err != nil {
		return err
	}
	for i, want := range p.packed {
		if i == len(found) {
			return fmt.Errorf("verifying %s: %s is missing", path, want.name)
		}
		digest, err := found[i].digest()
		if err != nil {
			return fmt.Errorf("verifying %s: %w", path, err)
		}
		if digest != want.digest {
			return fmt.Errorf("verifying %s: it gives back another text than %s has", path, want.name)
		}
	}
	if len(found) > len(p.packed) {
		return fmt.Errorf("verifying %s: it holds %d logs, and %d were packed", path, len(found), len(p.packed))
	}
	return nil
}

func (f found) digest() (digest [sha256.Size]byte, err error) {
	if f.err != nil {
		return digest, f.err
	}
	text, err := f.Text()
	if err != nil {
		return digest, err
	}
	defer func() { _ = text.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, text); err != nil {
		return digest, err
	}
	h.Sum(digest[:0])
	return digest, nil
}
