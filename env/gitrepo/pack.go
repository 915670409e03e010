package gitrepo

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/storage"
)

// A pack is a git pack in an unlinked temporary file, and its index.
type pack struct {
	*os.File
	size  int64
	sum   plumbing.Hash
	index []byte
}

func newPack(s storage.Storer, objects []plumbing.Hash) (*pack, error) {
	f, err := os.CreateTemp("", "pack-*")
	if err != nil {
		return nil, err
	}
	p := &pack{File: f}
	if err := p.fill(s, objects); err != nil {
		p.Close()
		return nil, fmt.Errorf("packing %d objects: %w", len(objects), err)
	}
	return p, nil
}

// deltaWindow is git's own default.
const deltaWindow = 10

func (p *pack) fill(s storage.Storer, objects []plumbing.Hash) error {
	// Nameless, the file goes away with this process however that ends.
	if err := os.Remove(p.Name()); err != nil {
		return err
	}
	if _, err := packfile.NewEncoder(p, s, false).Encode(objects, deltaWindow); err != nil {
		return err
	}
	var err error
	if p.size, err = p.Seek(0, io.SeekEnd); err != nil {
		return err
	}
	if _, err := p.Seek(0, io.SeekStart); err != nil {
		return err
	}
	writer := new(idxfile.Writer)
	parser, err := packfile.NewParser(packfile.NewScanner(p), writer)
	if err != nil {
		return err
	}
	if p.sum, err = parser.Parse(); err != nil {
		return err
	}
	idx, err := writer.Index()
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if _, err := idxfile.NewEncoder(&b).Encode(idx); err != nil {
		return err
	}
	p.index = b.Bytes()
	_, err = p.Seek(0, io.SeekStart)
	return err
}
