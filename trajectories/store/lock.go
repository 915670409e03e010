package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// The files of a store that are no logs. Lock files stay: who removed one
// would let a third process in beside one that waits for the second.
const (
	partialPrefix = ".partial-"
	addLock       = ".add.lock"
	indexLock     = ".index.lock"
)

// Lock waits until no other process holds the store's lock, and takes it.
// Writers do not need it; it is for those who first look what is there and then
// add what is not. The kernel takes it back from a process that dies. If Lock
// has to wait, it calls waiting once.
func (s *Store) Lock(ctx context.Context, waiting func()) (release func(), err error) {
	file, err := s.root.OpenFile(addLock, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("locking the folder %s: %w", s.root.Name(), err)
	}
	for told := false; ; {
		switch held, err := lock(file); {
		case err != nil:
			_ = file.Close()
			return nil, fmt.Errorf("locking the folder %s: %w", s.root.Name(), err)
		case held:
			return func() { _ = file.Close() }, nil
		}
		if !told {
			told = true
			waiting()
		}
		select { // who has it does not tell when it is done
		case <-ctx.Done():
			_ = file.Close()
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// lock takes the lock on a file, unless somebody has it.
func lock(file *os.File) (held bool, err error) {
	for {
		err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, os.NewSyscallError("flock", err)
}

// partial makes the file of a log that is being written. It is locked, so that
// Sweep leaves it alone.
func (s *Store) partial() (*os.File, string, error) {
	for {
		name := partialPrefix + rand.Text()[:12]
		file, err := s.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err != nil {
			return nil, "", err
		}
		held, err := lock(file)
		if err != nil { // no file can be locked here, so Sweep removes none
			return file, name, nil
		}
		if _, err := s.root.Lstat(name); held && err == nil {
			return file, name, nil
		}
		_ = file.Close() // Sweep came between the two calls
	}
}

// Sweep removes what writers have left that were killed.
func (s *Store) Sweep() error {
	entries, err := fs.ReadDir(s.root.FS(), ".")
	if err != nil {
		return fmt.Errorf("looking for what killed writers have left: %w", err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), partialPrefix) && e.Type().IsRegular() {
			if err := s.sweep(e.Name()); err != nil {
				return fmt.Errorf("removing what a killed writer has left: %w", err)
			}
		}
	}
	return nil
}

func (s *Store) sweep(name string) error {
	file, err := s.root.Open(name)
	if err != nil {
		return ignore(err, fs.ErrNotExist) // its writer has finished
	}
	defer func() { _ = file.Close() }()
	if held, err := lock(file); err != nil || !held {
		return nil // its writer lives, or nobody can tell
	}
	return ignore(s.root.Remove(name), fs.ErrNotExist)
}

// ignore returns err unless it is what.
func ignore(err, what error) error {
	if errors.Is(err, what) {
		return nil
	}
	return err
}
