//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// A worker is the child process that uses sandboxes, as the conductor sees it.
type worker struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	ended chan struct{}
	err   error // once ended is closed

	mu    sync.Mutex
	tally tally
}

func (c *conductor) startWorker(e *engine, length time.Duration) (*worker, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	n := len(c.workers) + 1
	cmd := exec.Command(self, "worker", "-for", length.String(), "-sandboxes", fmt.Sprint(c.slots), "-image", c.image,
		"-state", c.state(), "-mark", fmt.Sprintf("%s-%d", filepath.Base(c.dir), n))
	cmd.Env = append(os.Environ(), "DOCKER_HOST="+e.host(), "TMPDIR="+c.temp())
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	w := &worker{cmd: cmd, in: in, ended: make(chan struct{}), tally: newTally()}
	go func() {
		defer close(w.ended)
		for s := bufio.NewScanner(out); s.Scan(); {
			t := newTally()
			if json.Unmarshal(s.Bytes(), &t) != nil {
				continue // it was killed while it wrote
			}
			w.mu.Lock()
			w.tally = t
			w.mu.Unlock()
		}
		w.err = cmd.Wait()
	}()
	c.workers = append(c.workers, w)
	return w, nil
}

func (w *worker) last() tally {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.tally
}

// tell sends a worker a word: "down" and "up" are about the engine.
func (w *worker) tell(word string) { _, _ = fmt.Fprintln(w.in, word) }

func (w *worker) kill() {
	_ = w.cmd.Process.Kill()
	<-w.ended
	w.mu.Lock()
	w.tally.Live = 0
	w.mu.Unlock()
}

// finish waits for a worker to end by itself.
func (w *worker) finish(ctx context.Context) error {
	select {
	case <-w.ended:
		if w.err != nil {
			return fmt.Errorf("the worker: %w", w.err)
		}
		return nil
	case <-time.After(2 * time.Minute):
		_ = w.cmd.Process.Signal(syscall.SIGQUIT) // shows where it hangs
		<-w.ended
		return errors.New("the worker did not end")
	case <-ctx.Done():
		w.kill()
		return ctx.Err()
	}
}
