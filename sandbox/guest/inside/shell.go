package inside

import (
	"bufio"
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest/wire"
)

// session is the script that bash runs as the heart of a session.
//
//go:embed session.bash
var session string

// SuperviseShell keeps one bash session and runs in it, one after another, the
// scripts that the guest asks for. It is the guest program's mode "shell"; the
// working directory is where the session starts.
func SuperviseShell() error {
	s, err := newSupervisor()
	if err != nil {
		return err
	}
	sh := &shell{supervisor: s, outputCap: sandbox.DefaultOutputCap}
	if sh.dir, err = os.Getwd(); err != nil {
		return err
	}
	if sh.out, err = newOutput(sh.outputCap); err != nil {
		return err
	}
	if err := sh.start(); err != nil {
		return err
	}
	for f := range s.requests {
		if f.Type != wire.Request {
			continue // a cancellation that came too late
		}
		var call wire.Call
		if err := json.Unmarshal(f.Payload, &call); err != nil {
			return fmt.Errorf("reading the script: %w", err)
		}
		res, err := sh.run(*call.Script)
		if err != nil {
			return s.replies.JSON(wire.Failure, f.Request, wire.NewError(fmt.Errorf("%w: %w", err, sandbox.ErrBroken)))
		}
		out, dropped := sh.out.take(sh.outputCap)
		res.Dropped = dropped
		if err := s.reply(f.Request, out, res); err != nil {
			return err
		}
	}
	return killAll(nil)
}

// A shell is a bash process, and what is known of its state.
type shell struct {
	*supervisor
	out       *output
	outputCap int

	pid     int
	exit    <-chan unix.WaitStatus
	scripts *os.File      // NUL-terminated scripts, to bash
	reports <-chan report // one per script, from bash; closed when bash closed its end

	// The state as bash last reported it, for the shell that takes the place
	// of one that ended.
	dir     string
	exports string
}

// A report is what bash tells after each script.
type report struct {
	last    bool // bash is about to exit
	status  int
	dir     string
	exports string // declare -x lines
}

// start starts bash with the last known directory and exported variables.
func (sh *shell) start() error {
	bash, err := lookPath([]string{"bash"}, "", os.Environ())
	if err != nil {
		return err
	}
	scriptsIn, scriptsOut, err := os.Pipe()
	if err != nil {
		return err
	}
	reportsIn, reportsOut, err := os.Pipe()
	if err != nil {
		return err
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	sh.pid, sh.exit, err = sh.children.start(bash, []string{"bash", "--noprofile", "--norc", "-c", session, "bash"}, &os.ProcAttr{
		Dir:   "/",
		Env:   os.Environ(),
		Files: []*os.File{null, sh.out.write, sh.out.write, scriptsIn, reportsOut},
		Sys:   &unix.SysProcAttr{Setsid: true},
	})
	for _, f := range []*os.File{null, scriptsIn, reportsOut} {
		_ = f.Close()
	}
	if err != nil {
		return err
	}
	if sh.scripts != nil {
		_ = sh.scripts.Close()
	}
	sh.scripts = scriptsOut
	sh.reports = readReports(reportsIn)

	// The exports are bash's own quoting, so they are safe to evaluate. A
	// directory that is gone leaves the session in the nearest parent.
	restore := sh.exports + "\ncd " + quote(sh.dir) + " 2>/dev/null || cd /\n"
	if err := sh.send(restore); err != nil {
		return err
	}
	rep, ok := <-sh.reports
	if !ok {
		return errors.New("bash ended as soon as it was started")
	}
	sh.dir, sh.exports = rep.dir, rep.exports
	return nil
}

func (sh *shell) send(script string) error {
	_, err := sh.scripts.WriteString(script + "\x00")
	return err
}

func (sh *shell) run(script wire.Script) (sandbox.ShellResult, error) {
	began := time.Now()
	sh.outputCap = script.OutputCap
	if sh.outputCap == 0 {
		sh.outputCap = sandbox.DefaultOutputCap
	}
	if strings.ContainsRune(script.Text, 0) {
		return sandbox.ShellResult{Result: refused(errors.New("a script cannot hold a NUL byte"), began), Dir: sh.dir}, nil
	}
	sh.out.take(sh.outputCap) // what background jobs wrote in between belongs to no script

	spare := map[int]bool{}
	for _, pid := range descendants(os.Getpid()) {
		spare[pid] = true
	}
	oom := oomKills()
	var err error
	if err = sh.send(script.Text); err != nil {
		return sandbox.ShellResult{}, fmt.Errorf("handing bash a script: %w", err)
	}
	var deadline <-chan time.Time
	if script.Timeout > 0 {
		deadline = time.After(script.Timeout)
	}
	res := sandbox.ShellResult{}
	select {
	case rep, ok := <-sh.reports:
		switch {
		case ok && !rep.last:
			sh.dir, sh.exports = rep.dir, rep.exports
			res.Result = sandbox.Result{End: sandbox.EndExit, ExitCode: rep.status}
		default:
			if ok {
				sh.dir, sh.exports = rep.dir, rep.exports
			}
			res.Result = ended(<-sh.exit, oom)
			res.Restarted = true
		}
	case ws := <-sh.exit: // killed, or replaced by exec and then ended
		select {
		case rep, ok := <-sh.reports: // or its last report lost the race
			if ok {
				sh.dir, sh.exports = rep.dir, rep.exports
			}
		case <-time.After(20 * time.Millisecond):
		}
		res.Result = ended(ws, oom)
		res.Restarted = true
	case <-deadline:
		res.Result = sandbox.Result{End: sandbox.EndTimeout, ExitCode: -1}
		if res.Restarted, err = sh.stop(spare); err != nil {
			return res, err
		}
	case f, ok := <-sh.requests:
		if ok && f.Type != wire.Cancel {
			return res, errors.New("a second script came while one was running")
		}
		res.Result = sandbox.Result{End: sandbox.EndSignal, ExitCode: -1, Signal: "SIGKILL", Reason: "cancelled"}
		if res.Restarted, err = sh.stop(spare); err != nil {
			return res, err
		}
	}
	res.Duration = time.Since(began)
	if res.Restarted { // background jobs of the old shell live on
		if err := sh.start(); err != nil {
			return res, err
		}
	}
	res.Dir = sh.dir
	return res, nil
}

// stop ends what the running script started. Where bash does not come back
// from the script soon, it ends bash too, and gone is true.
func (sh *shell) stop(spare map[int]bool) (gone bool, err error) {
	const patience = time.Second
	for late := time.After(patience); ; {
		// Again and again: a loop in the script starts its next command.
		if err := killAll(spare); err != nil {
			return false, err
		}
		select {
		case rep, ok := <-sh.reports:
			if ok && !rep.last {
				sh.dir, sh.exports = rep.dir, rep.exports
				return false, nil
			}
		case <-time.After(10 * time.Millisecond):
			continue
		case <-late:
		}
		_ = unix.Kill(sh.pid, unix.SIGKILL)
		<-sh.exit
		return true, killAll(spare)
	}
}

// readReports parses what session.bash writes: for each script four fields,
// each closed by a NUL byte.
func readReports(f *os.File) <-chan report {
	ch := make(chan report, 1)
	go func() {
		defer close(ch)
		defer f.Close()
		r := bufio.NewReader(f)
		for {
			var field [4]string
			for i := range field {
				b, err := r.ReadBytes(0)
				if err != nil {
					return
				}
				field[i] = string(bytes.TrimSuffix(b, []byte{0}))
			}
			status, err := strconv.Atoi(field[1])
			if err != nil {
				return
			}
			ch <- report{last: field[0] == "last", status: status, dir: field[2], exports: field[3]}
		}
	}()
	return ch
}

// quote makes a word of s for the shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
