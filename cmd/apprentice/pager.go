package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
)

// paged runs write with a writer that leads to the user's pager, or to standard
// output if that is no terminal or there is no pager. Once the user has left the
// pager, write gets an error from the writer, and nothing is said about it.
func (a *app) paged(ctx context.Context, write func(io.Writer) error) error {
	command := os.Getenv("PAGER")
	if command == "" {
		command = "less"
	}
	_, terminal := a.stdoutTerminal()
	if program, _, _ := strings.Cut(command, " "); terminal && program != "cat" {
		if _, err := exec.LookPath(program); err == nil {
			return a.pipe(command, write)
		}
	}
	return write(until{ctx, a.stdout})
}

// until is a writer that an interrupt ends.
type until struct {
	ctx context.Context
	io.Writer
}

func (u until) Write(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.Writer.Write(p)
}

func (a *app) pipe(command string, write func(io.Writer) error) error {
	pager := exec.Command("sh", "-c", command)
	pager.Stdout, pager.Stderr = a.stdout, a.stderr
	pager.Env = os.Environ()
	if os.Getenv("LESS") == "" {
		// Quit if it fits on one screen, show colours, leave the screen as it is.
		pager.Env = append(pager.Env, "LESS=FRX")
	}
	to, err := pager.StdinPipe()
	if err != nil {
		return err
	}
	if err := pager.Start(); err != nil {
		return write(a.stdout)
	}
	// An interrupt is for the pager, which stops searching then and goes on.
	signal.Ignore(os.Interrupt)
	err = write(to)
	if errors.Is(err, syscall.EPIPE) {
		err = nil
	}
	_ = to.Close()
	_ = pager.Wait()
	return err
}
