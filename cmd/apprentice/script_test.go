package main

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/apprentice-rl/apprentice/sandbox/guest/program"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"apprentice": main})
}

// TestScripts runs the command line as its users do. Scripts with the
// condition [guest] start sandboxes, which a build without guests cannot.
func TestScripts(t *testing.T) {
	_, noGuest := program.Binary("")
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			// The state of the local driver is shared, as it is for users; the
			// user inside must be able to reach it.
			e.Setenv("HOME", os.Getenv("HOME"))
			e.Setenv("PATH", e.Getenv("PATH"))
			return nil
		},
		Condition: func(cond string) (bool, error) {
			if cond == "guest" {
				return noGuest == nil, nil
			}
			return false, errors.New("unknown condition " + cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			// exits CODE PROGRAM [ARG...] runs a program that must exit so.
			"exits": func(ts *testscript.TestScript, neg bool, args []string) {
				if neg || len(args) < 2 {
					ts.Fatalf("usage: exits CODE PROGRAM [ARG...]")
				}
				want, err := strconv.Atoi(args[0])
				ts.Check(err)
				got := 0
				if err := ts.Exec(args[1], args[2:]...); err != nil {
					var exit *exec.ExitError
					if !errors.As(err, &exit) {
						ts.Fatalf("%v", err)
					}
					got = exit.ExitCode()
				}
				if got != want {
					ts.Fatalf("exit code %d, want %d", got, want)
				}
			},
		},
	})
}
