//go:build linux

// Perf measures what sandboxes cost on this machine, beside what their peers
// cost, and prints Markdown tables. `make perf-sandbox` runs it.
//
// All that one table compares is measured in the same run and interleaved:
// every round takes each contender once, in an order of its own, so that what
// the machine does meanwhile, and what a contender leaves behind, hits all
// alike. Figures are medians (p50) and 99th percentiles (p99).
//
// Flags choose parts and sizes:
//
//	go run ./sandbox/sandboxtest/perf -only actions,starts -n 50 -json out.json
//
// APPRENTICE_TEST_IMAGE names the image for everything on Docker; what needs
// an engine is left out, with a word, where there is none.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/docker"
	"github.com/apprentice-rl/apprentice/sandbox/local"
)

func main() {
	// The first Ctrl-C ends the measuring, and everything is removed.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "perf: interrupted; what had begun is removed")
		os.Exit(130)
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "perf:", err)
		os.Exit(1)
	}
}

// A bench is what all parts share.
type bench struct {
	n       int // actions of each kind
	local   sandbox.Driver
	docker  sandbox.Driver // nil where there is none
	image   string
	out     io.Writer
	say     func(format string, args ...any)
	results results
}

// parts are the parts of the measuring, in order.
var parts = []struct {
	name string
	run  func(*bench, context.Context) error
}{
	{"floors", (*bench).floors},
	{"actions", (*bench).actions},
	{"starts", (*bench).starts},
	{"files", (*bench).files},
	{"crowds", (*bench).crowds},
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var names []string
	for _, p := range parts {
		names = append(names, p.name)
	}
	f := flag.NewFlagSet("perf", flag.ContinueOnError)
	f.SetOutput(stderr)
	only := f.String("only", strings.Join(names, ","), "`parts` to run")
	n := f.Int("n", 200, "`actions` of each kind")
	file := f.String("json", "", "write all figures to this `file` too")
	if err := f.Parse(args); err != nil {
		return err
	}
	chosen := strings.Split(*only, ",")
	for _, c := range chosen {
		if !slices.Contains(names, c) {
			return fmt.Errorf("-only %s: the parts are %s", c, strings.Join(names, ", "))
		}
	}
	if *n < 1 || f.NArg() > 0 {
		return errors.New("-n wants 1 or more, and nothing comes after the flags")
	}

	b := &bench{n: *n, out: stdout, say: func(format string, args ...any) { fmt.Fprintf(stderr, "perf: "+format+"\n", args...) }}
	l, err := local.New(local.Options{})
	if err != nil {
		return err
	}
	defer l.Close()
	b.local = l
	dir, err := os.MkdirTemp("", "apprentice-perf-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if d := b.openDocker(ctx, dir); d != nil {
		defer d.Close()
		defer removePeers()
		b.docker = d
	}
	b.results.Machine = describeMachine(b.docker != nil)
	fmt.Fprintf(stdout, "# What sandboxes cost\n\n%s\n", b.results.Machine)
	for _, p := range parts {
		if !slices.Contains(chosen, p.name) {
			continue
		}
		b.say("%s …", p.name)
		if err := p.run(b, ctx); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	if *file == "" {
		return nil
	}
	return b.results.write(*file)
}

// openDocker opens the engine, or says why it cannot be measured.
func (b *bench) openDocker(ctx context.Context, dir string) *docker.Driver {
	b.image = os.Getenv("APPRENTICE_TEST_IMAGE")
	if b.image == "" {
		b.say("docker is left out: APPRENTICE_TEST_IMAGE names no image ('make perf-sandbox' provides one where it can)")
		return nil
	}
	d, err := docker.New(ctx, docker.Options{BaseImage: b.image, Dir: dir})
	if err == nil {
		_, err = d.Resolve(ctx, b.image)
	}
	if err != nil {
		b.say("docker is left out: %v", err)
		if d != nil {
			_ = d.Close()
		}
		return nil
	}
	return d
}
