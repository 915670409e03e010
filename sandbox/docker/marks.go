package docker

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/renameio/v2"
)

// marks remembers, beyond the end of the process, which images of one engine
// were pulled here and when each was used last. There is one small file for
// each image: when it was written is the time of the last use, and its lines
// are the names under which the image was pulled. So processes that use the
// same folder at the same time need no lock.
type marks struct{ dir string }

type mark struct {
	last  time.Time // zero: not known
	names []string
}

func openMarks(dir, engine string) (*marks, error) {
	sum := sha256.Sum256([]byte(engine))
	m := &marks{filepath.Join(dir, "images", hex.EncodeToString(sum[:8]))}
	if err := os.MkdirAll(m.dir, 0o755); err != nil {
		return nil, fmt.Errorf("docker: a folder for the use of images: %w", err)
	}
	return m, nil
}

func (m *marks) file(id string) string {
	return filepath.Join(m.dir, strings.ReplaceAll(bare(id), "/", "_"))
}

func (m *marks) touch(id string) error {
	now := time.Now()
	err := os.Chtimes(m.file(id), now, now)
	if errors.Is(err, fs.ErrNotExist) {
		var f *os.File
		if f, err = os.OpenFile(m.file(id), os.O_CREATE|os.O_WRONLY, 0o644); err == nil {
			err = f.Close()
		}
	}
	return m.wrap(err)
}

func (m *marks) own(id string, names []string) error {
	return m.wrap(renameio.WriteFile(m.file(id), []byte(strings.Join(names, "\n")+"\n"), 0o644))
}

func (m *marks) read(id string) (mark, error) {
	b, err := os.ReadFile(m.file(id))
	if errors.Is(err, fs.ErrNotExist) {
		return mark{}, nil
	}
	if err != nil {
		return mark{}, m.wrap(err)
	}
	info, err := os.Stat(m.file(id))
	if errors.Is(err, fs.ErrNotExist) {
		return mark{}, nil
	}
	if err != nil {
		return mark{}, m.wrap(err)
	}
	return mark{last: info.ModTime(), names: strings.Fields(string(b))}, nil
}

func (m *marks) remove(id string) error {
	if err := os.Remove(m.file(id)); !errors.Is(err, fs.ErrNotExist) {
		return m.wrap(err)
	}
	return nil
}

func (m *marks) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("docker: remembering the use of an image: %w", err)
}
