//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// An engine is a Docker Engine of our own, with all its files below dir.
type engine struct {
	dir  string
	log  string // a file to append to
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

func (e *engine) host() string { return "unix://" + filepath.Join(e.dir, "docker.sock") }

// cgroup names the parent of the control groups of this engine's containers.
func (e *engine) cgroup() string { return filepath.Base(filepath.Dir(e.dir)) }

func (e *engine) start(ctx context.Context) error {
	if err := os.MkdirAll(e.dir, 0o711); err != nil {
		return err
	}
	log, err := os.OpenFile(e.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	e.cmd = exec.Command("dockerd", "--data-root", filepath.Join(e.dir, "data"), "--exec-root", filepath.Join(e.dir, "exec"),
		"--pidfile", filepath.Join(e.dir, "pid"), "--host", e.host(), "--bridge", "none", "--iptables=false", "--cgroup-parent", "/"+e.cgroup())
	e.cmd.Stdout, e.cmd.Stderr = log, log
	// Ctrl-C is for us alone; our end is the engine's. An engine that is stopped
	// while it makes a container leaves mounts of its own, and cannot remove them
	// later: they are to go with its mount namespace.
	e.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGTERM, Unshareflags: syscall.CLONE_NEWNS}
	if err := e.cmd.Start(); err != nil {
		return fmt.Errorf("starting dockerd: %w", err)
	}
	e.done = make(chan struct{})
	go func() {
		defer close(e.done)
		_ = e.cmd.Wait()
	}()
	for {
		if e.docker(ctx, "version").Run() == nil {
			return nil
		}
		select {
		case <-e.done:
			return fmt.Errorf("dockerd ended: %v; its log (-log) says why", e.cmd.ProcessState)
		case <-ctx.Done():
			return errors.Join(ctx.Err(), e.stop())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// stop ends the engine, and with it its containers. It is idempotent.
func (e *engine) stop() error {
	_ = e.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-e.done:
		return nil
	case <-time.After(time.Minute):
		_ = e.cmd.Process.Kill()
		<-e.done
		return errors.New("dockerd did not end within a minute, and was killed")
	}
}

func (e *engine) docker(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "docker", append([]string{"--host", e.host()}, args...)...)
}

// load copies an image from the engine that DOCKER_HOST names.
func (e *engine) load(ctx context.Context, image string) error {
	save, load := exec.CommandContext(ctx, "docker", "save", image), e.docker(ctx, "load")
	var said bytes.Buffer
	save.Stderr, load.Stderr = &said, &said
	var err error
	if load.Stdin, err = save.StdoutPipe(); err != nil {
		return err
	}
	if err := save.Start(); err != nil {
		return err
	}
	if err := errors.Join(load.Run(), save.Wait()); err != nil {
		return fmt.Errorf("copying image %s: %w: %s", image, err, bytes.TrimSpace(said.Bytes()))
	}
	return nil
}
