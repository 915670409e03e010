package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"io/fs"
	"os"

	"github.com/apprentice-rl/apprentice/trajectories"
)

// comparing is a sink that finds out whether the file at path holds the log that
// comes, to the byte. Under one key a log is always redacted to the same one, so
// what an interrupted run has written need not be written again.
type comparing struct {
	*trajectories.Encoder
	path   string
	digest hash.Hash
	same   bool // known after the end
}

func (c *comparing) Begin(h trajectories.Header) error {
	c.digest = sha256.New()
	c.Encoder = trajectories.NewEncoder(c.digest)
	return c.Header(h)
}

func (c *comparing) End(e trajectories.End) error {
	if err := c.Encoder.End(e); err != nil {
		return err
	}
	file, err := os.Open(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it is in an archive, of which nobody knows who wrote it
	}
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	there := sha256.New()
	if _, err := io.Copy(there, file); err != nil {
		return err
	}
	c.same = bytes.Equal(there.Sum(nil), c.digest.Sum(nil))
	return nil
}

func (c *comparing) Discard() {}
