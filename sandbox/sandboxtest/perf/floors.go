//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	hostTrue       = "fork+exec on the host"
	namespacesTrue = "clone into six namespaces"
)

// floors are what the kernel takes; nothing that starts a process is faster.
func (b *bench) floors(ctx context.Context) error {
	s, err := rounds(ctx, 5*b.n, []contender{forkExec(), sixNamespaces()})
	if err != nil {
		return err
	}
	b.table("Floors: `true`, from the start to its end", s, []string{hostTrue}, "")
	return nil
}

func forkExec() contender {
	return contender{do: func(_ context.Context, s *samples) error {
		return s.time(hostTrue, func() error { return startTrue(nil) })
	}}
}

// sixNamespaces is the least that a namespace sandbox can take.
func sixNamespaces() contender {
	attr := &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWNET,
	}
	return contender{do: func(_ context.Context, s *samples) error {
		return s.time(namespacesTrue, func() error { return startTrue(attr) })
	}}
}

// startTrue starts /usr/bin/true and waits for it, with nothing around it.
func startTrue(attr *syscall.SysProcAttr) error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	p, err := os.StartProcess("/usr/bin/true", []string{"true"}, &os.ProcAttr{Files: []*os.File{null, null, null}, Sys: attr})
	if err != nil {
		return err
	}
	state, err := p.Wait()
	if err == nil && !state.Success() {
		err = fmt.Errorf("true: %v", state)
	}
	return err
}
