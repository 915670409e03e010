//go:build linux

// Soak uses sandboxes hard for a while, and then looks for what is left of
// them. `make soak` runs it, as root.
//
// 64 sandboxes at a time, of both drivers, are started, used, and ended in
// every way there is: closed, closed in the middle of a command, killed from
// outside, with contexts that are cancelled at random. All that happens in a
// child process, the worker. After a third of the time the worker is killed,
// and another takes its place; after two thirds, the engine is restarted. It
// is an engine of soak's own, with its own folders.
//
// At the end, what the killed worker and the restarted engine have left is
// collected as apprentice does at every start, and then nothing may be there:
// no container, process, note, control group, mount or temporary folder, and in
// the worker that lives on, no descriptor and no goroutine. Errors that our own
// violence explains are counted; every other one is reported, and fails the
// soak like anything that is left.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

func main() {
	// Child processes are to end with this one, and the kernel binds that to
	// the thread that starts them.
	runtime.LockOSThread()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	var err error
	if len(os.Args) > 1 && os.Args[1] == "worker" {
		err = work(os.Args[2:], os.Stdin, os.Stdout)
	} else {
		err = soak(ctx, os.Args[1:], os.Stdout, os.Stderr)
	}
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "soak: interrupted")
		os.Exit(130)
	default:
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

func soak(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f := flag.NewFlagSet("soak", flag.ContinueOnError)
	f.SetOutput(stderr)
	length := f.Duration("for", 5*time.Minute, "how long sandboxes are used")
	slots := f.Int("sandboxes", 64, "`sandboxes` at a time")
	log := f.String("log", os.DevNull, "append the engine's log to this `file`")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *length < 10*time.Second || *slots < 2 || f.NArg() > 0 {
		return errors.New("-for wants 10s or more, -sandboxes 2 or more, and nothing comes after the flags")
	}
	if os.Geteuid() != 0 {
		return errors.New("only root can run an engine of its own; run it as root")
	}
	image := os.Getenv("APPRENTICE_TEST_IMAGE")
	if image == "" {
		return errors.New("APPRENTICE_TEST_IMAGE names no image; 'make soak' provides one, with an engine")
	}
	c := &conductor{length: *length, slots: *slots, image: image, log: *log, out: stdout}
	return c.run(ctx)
}
