package main

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

//go:embed peers.py
var program string

// peers are Python's implementations, in a process that answers one question
// after the other.
type peers struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func start(ctx context.Context, python string) (*peers, error) {
	cmd := exec.CommandContext(ctx, python, "-c", program)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting Python's implementations: %w", err)
	}
	return &peers{cmd, in, bufio.NewReader(out)}, nil
}

// ask returns how long a peer takes for a pair; ok is false if it does not do it.
func (p *peers) ask(name string, pair pair, autojunk bool) (took time.Duration, ok bool, err error) {
	asked := map[string]any{"peer": name, "a": pair.a, "b": pair.b, "autojunk": autojunk}
	if err := json.NewEncoder(p.in).Encode(asked); err != nil {
		return 0, false, fmt.Errorf("asking %s: %w; 'make perf-reward' installs it", name, err)
	}
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		return 0, false, fmt.Errorf("asking %s: %w; 'make perf-reward' installs it", name, err)
	}
	var seconds *float64
	if err := json.Unmarshal(line, &seconds); err != nil {
		return 0, false, fmt.Errorf("asking %s: %w", name, err)
	}
	if seconds == nil {
		return 0, false, nil
	}
	return time.Duration(*seconds * float64(time.Second)), true, nil
}

func (p *peers) stop() error {
	return errors.Join(p.in.Close(), p.cmd.Wait())
}
