package redact

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// KeyFile is the file of a folder that holds the key of its placeholders. Who
// has it can tell whether a guess is one of the secrets: it stays with its owner
// when the rest of the folder is given away.
const KeyFile = ".redact-key"

// keyBytes is the length of the keys that are made.
const keyBytes = 32

// FolderKey returns the key of a folder, and makes one where there is none.
// Several processes that do so at once get the same.
func FolderKey(dir string) ([]byte, error) {
	key, err := ReadKey(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	key = make([]byte, keyBytes)
	_, _ = rand.Read(key) // it never fails
	if err := WriteKey(dir, key); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return ReadKey(dir)
}

// ReadKey returns the key of a folder. The error matches fs.ErrNotExist when it
// has none.
func ReadKey(dir string) ([]byte, error) {
	path := filepath.Join(dir, KeyFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the key for placeholders: %w", err)
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) < leastKey {
		return nil, fmt.Errorf("the key for placeholders in %s is damaged: put the right one back, or move it away; what it has redacted can then not be restored", path)
	}
	return key, nil
}

// WriteKey gives a key to a folder that has none, for its owner's eyes only. The
// error matches fs.ErrExist when there is one.
func WriteKey(dir string, key []byte) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("keeping the key for placeholders: %w", err)
		}
	}()
	// Under its own name the file is always whole.
	partial := filepath.Join(dir, KeyFile+"-"+rand.Text()[:12])
	file, err := os.OpenFile(partial, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(partial)) }()
	_, err = file.WriteString(hex.EncodeToString(key) + "\n")
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Link(partial, filepath.Join(dir, KeyFile))
}
