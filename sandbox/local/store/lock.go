//go:build linux

package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// lock gives one caller at a time, in all processes, the right to work on what
// name stands for.
func (s *Store) lock(ctx context.Context, name string) (unlock func(), err error) {
	s.mu.Lock()
	turn, ok := s.locks[name]
	if !ok {
		turn = make(chan struct{}, 1)
		s.locks[name] = turn
	}
	s.mu.Unlock()
	select {
	case turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	done, err := flock(ctx, filepath.Join(s.dir, "locks", name), unix.LOCK_EX)
	if err != nil {
		<-turn
		return nil, err
	}
	return func() { done(); <-turn }, nil
}

// share keeps the collector away until it is undone; collecting keeps everybody
// else away.
func (s *Store) share(ctx context.Context) (func(), error) {
	return flock(ctx, filepath.Join(s.dir, "lock"), unix.LOCK_SH)
}

func (s *Store) collecting(ctx context.Context) (func(), error) {
	return flock(ctx, filepath.Join(s.dir, "lock"), unix.LOCK_EX)
}

// hold marks the image of a record as in use, until the file is closed.
func hold(record string) (*os.File, error) {
	f, err := os.Open(record)
	if err != nil {
		return nil, err
	}
	// The collector is the only one who wants it alone, and is away.
	if err := unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, os.NewSyscallError("flock", err)
	}
	return f, nil
}

// flock locks a file. The kernel unlocks it when the process dies.
func flock(ctx context.Context, path string, how int) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			_ = f.Close()
			return nil, os.NewSyscallError("flock", err)
		}
		select { // another process has it, and does not tell when it is done
		case <-ctx.Done():
			_ = f.Close()
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}
