// The guest is started often, and needs no account of its share of the
// processors: finding that would mean reading all mounts at each start.

//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0

// Apprentice-guest is the program that does all work inside a sandbox.
//
// It is not for people: apprentice carries it, puts it into each sandbox that
// it starts, and speaks to it over its standard input and output, or over a
// socket that the driver offers (package sandbox/guest/wire). It needs nothing of
// the image: no shell, no library.
//
//	apprentice-guest serve    answers requests
//	apprentice-guest exec     keeps watch over commands, one at a time (started by serve)
//	apprentice-guest shell    keeps watch over one bash session (started by serve)
//	apprentice-guest contain  makes the walls of a local sandbox, then serves
package main

import (
	"fmt"
	"os"
	"runtime"

	"github.com/apprentice-rl/apprentice/sandbox/guest/inside"
	"github.com/apprentice-rl/apprentice/sandbox/local/contain"
)

func main() {
	// The walls that belong to threads are built around this one, the first:
	// it stands for the whole process where the kernel asks who may signal it.
	runtime.LockOSThread()
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "apprentice-guest:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("started without a mode; it is started by apprentice, not by hand")
	}
	switch args[0] {
	case "serve":
		runtime.UnlockOSThread() // no walls are built here
		return inside.Serve()
	case "exec":
		runtime.UnlockOSThread()
		return inside.SuperviseExec()
	case "shell":
		runtime.UnlockOSThread()
		return inside.SuperviseShell()
	case "contain":
		if err := contain.Run(); err != nil {
			return err
		}
		return inside.ServeContained()
	default:
		return fmt.Errorf("unknown mode %q", args[0])
	}
}
