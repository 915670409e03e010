package inside

import (
	"bufio"
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest/wire"
)

// sessionScript is the script that bash runs as the heart of a session.
//
//go:embed session.bash
var sessionScript string

// SuperviseShell keeps one bash session and runs in it, one after another, the
// scripts that the guest asks for. It is the guest program's mode "shell"; the
// working directory is where the session starts.
func SuperviseShell() error {
	if err := beSupervisor(); err != nil {
		return err
	}
	beModest()
	unix.CloseOnExec(linkFD)
	if err := unix.SetNonblock(linkFD, true); err != nil {
		return os.NewSyscallError("set non-blocking", err)
	}
	l, err := newLink(linkFD, 0)
	if err != nil {
		return err
	}
	sh := &shell{link: l, asked: make(chan wire.Frame), children: newChildren(0), environ: os.Environ()}
	go sh.listen()
	if sh.dir, err = os.Getwd(); err != nil {
		return err
	}
	sh.kept = newCapture(sandbox.DefaultOutputCap)
	if sh.out, sh.outFar, err = newPipe(sh.kept); err != nil {
		return err
	}
	if err := sh.start(); err != nil {
		return err
	}
	if err := l.send(wire.Frame{Type: wire.Ready}); err != nil {
		return err
	}
	for f := range sh.asked {
		if f.Type != wire.Request {
			continue // a cancellation that came too late
		}
		var script wire.Script
		if err := json.Unmarshal(f.Payload, &script); err != nil {
			return fmt.Errorf("reading the script: %w", err)
		}
		if err := sh.answer(script); err != nil {
			// The guest notices, ends what is left here, and starts anew.
			return fmt.Errorf("running a script: %w", err)
		}
	}
	return sh.children.killAll()
}

// listen takes in what the guest says.
func (sh *shell) listen() {
	defer close(sh.asked)
	for {
		f, _, err := sh.link.next()
		if err != nil {
			return // the guest is gone, or wants this process to go
		}
		sh.asked <- f
	}
}

func (sh *shell) answer(script wire.Script) error {
	out, res, err := sh.run(script)
	if err != nil {
		return err
	}
	for chunk := range slices.Chunk(out, wire.Chunk) {
		if err := sh.link.send(wire.Frame{Type: wire.Data, Payload: chunk}); err != nil {
			return err
		}
	}
	st := state{ShellResult: res}
	if len(sh.exports) < wire.MaxPayload/4 {
		st.Exports = sh.exports
	}
	return sh.link.w.JSON(wire.Result, 0, st)
}

// take returns the output since the last take, and starts anew.
func (sh *shell) take() (b []byte, dropped int64) {
	fresh := newCapture(sandbox.DefaultOutputCap)
	sh.out.redirect(fresh)
	b, dropped = sh.kept.bytes(), sh.kept.dropped()
	sh.kept = fresh
	return b, dropped
}

// A state is what the supervisor of a session tells the guest after a script:
// the result, and what it takes to set up another supervisor in its place.
type state struct {
	sandbox.ShellResult
	Exports string `json:"exports,omitempty"` // declare -x lines
}

// A shell is a bash process, and what is known of its state.
type shell struct {
	link     *link
	asked    chan wire.Frame // closed when the guest is gone
	children *children
	environ  []string

	out    *output
	outFar int // for bash
	kept   *capture

	bash    *process
	scripts *os.File      // NUL-terminated scripts, to bash
	reports <-chan report // one per script, from bash; closed when bash closed its end
	reading *os.File      // where reports come from

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
	bash, err := lookPath([]string{"bash"}, "", sh.environ)
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
	number, err := descriptor(reportsIn)
	if err != nil {
		return err
	}
	argv := []string{"bash", "--noprofile", "--norc", "-c", sessionScript, "bash", strconv.Itoa(number)}
	sh.bash, err = sh.children.start(bash, argv, &syscall.ProcAttr{
		Dir:   "/",
		Env:   sh.environ,
		Files: []uintptr{0, uintptr(sh.outFar), uintptr(sh.outFar), scriptsIn.Fd(), reportsOut.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	for _, f := range []*os.File{scriptsIn, reportsOut} {
		_ = f.Close()
	}
	if err != nil {
		return err
	}
	if sh.scripts != nil {
		_ = sh.scripts.Close()
		_ = sh.reading.Close() // a background job may hold the other end
	}
	sh.scripts, sh.reading = scriptsOut, reportsIn
	sh.reports = readReports(reportsIn, sh.bash.ended)

	// The exports are bash's own quoting, so they are safe to evaluate. A
	// directory that is gone leaves the session in the nearest parent.
	restore := sh.exports + "\ncd " + quote(sh.dir) + " 2>/dev/null || cd /\n"
	if _, err := sh.scripts.WriteString(restore + "\x00"); err != nil {
		return fmt.Errorf("setting up bash: %w", err)
	}
	rep, ok := <-sh.reports
	if !ok {
		return errors.New("bash ended as soon as it was started")
	}
	sh.dir, sh.exports = rep.dir, rep.exports
	return nil
}

// descriptor is the number of a file's descriptor. To ask the file for it would
// make its reads ones that closing it does not end.
func descriptor(f *os.File) (n int, err error) {
	rc, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	err = rc.Control(func(fd uintptr) { n = int(fd) })
	return n, err
}

// send hands bash a script in the background, because bash may not read. What
// comes back is nil once bash has it all; it runs none of what it has in part.
func (sh *shell) send(script string) <-chan error {
	sent := make(chan error, 1)
	go func(scripts *os.File) {
		_, err := scripts.WriteString(script + "\x00")
		sent <- err
	}(sh.scripts)
	return sent
}

// run runs a script and returns its output.
func (sh *shell) run(script wire.Script) ([]byte, sandbox.ShellResult, error) {
	began := time.Now()
	if strings.ContainsRune(script.Text, 0) {
		return nil, sandbox.ShellResult{Result: refused(errors.New("a script cannot hold a NUL byte")), Dir: sh.dir}, nil
	}
	cpu := cpuOf(sh.bash.pid)
	var deadline <-chan time.Time
	if script.Timeout > 0 {
		deadline = time.After(script.Timeout)
	}
	sh.take() // what background jobs wrote in between belongs to no script
	res := sandbox.ShellResult{}
	if sh.bash.gone() { // killed by a background job since the last script
		if err := sh.start(); err != nil {
			return nil, res, err
		}
		res.Restarted = true
	}
	older := map[int]bool{} // background jobs of earlier scripts
	living, _ := descendants(os.Getpid(), nil)
	for _, pid := range living {
		older[pid] = pid != sh.bash.pid
	}

	var late <-chan time.Time
	over, sent, reports := false, sh.send(script.Text), sh.reports
	for res.End == "" {
		select {
		case rep, ok := <-reports:
			switch {
			case ok:
				sh.dir, sh.exports = rep.dir, rep.exports
				if rep.last {
					sh.bash.within(patience)
					res.Result, over = ended(sh.bash.status), true
				} else {
					res.Result = sandbox.Result{End: sandbox.EndExit, ExitCode: rep.status}
				}
			case !sh.bash.runs(sessionScript):
				// A program in the place of bash has no descriptor to report
				// on; its end is the script's.
				reports = nil
			default: // bash is ending, or has lost its descriptor and is of no use
				reports, late = nil, time.After(patience)
			}
		case <-late:
			sh.bash.kill()
		case <-sh.bash.ended:
			_ = sh.scripts.Close()         // a background job may hold the other end
			if err := <-sent; err != nil { // it ended before it had the script
				if res.Restarted {
					return nil, res, fmt.Errorf("handing bash a script: %w", err)
				}
				if err := sh.start(); err != nil {
					return nil, res, err
				}
				res.Restarted, sent, reports, late = true, sh.send(script.Text), sh.reports, nil
				continue
			}
			if reports != nil {
				select {
				case rep, ok := <-reports: // its last report lost the race
					if ok {
						sh.dir, sh.exports = rep.dir, rep.exports
					}
				case <-time.After(100 * time.Millisecond):
				}
			}
			res.Result, over = ended(sh.bash.status), true
		case <-deadline:
			res.Result = sandbox.Result{End: sandbox.EndTimeout, ExitCode: -1}
		case f, ok := <-sh.asked:
			if ok && f.Type != wire.Cancel {
				return nil, res, errors.New("a second script came while one was running")
			}
			res.Result = sandbox.Result{End: sandbox.EndSignal, ExitCode: -1, Signal: "SIGKILL", Reason: "cancelled"}
		}
	}
	// Output ends here: bash has words of its own, with process numbers, for
	// what is killed now.
	out, dropped := sh.take()
	res.Dropped = dropped
	if !over && res.End != sandbox.EndExit {
		var err error
		if over, err = sh.stop(older); err != nil {
			return nil, res, err
		}
	}
	res.Duration = time.Since(began)
	if !over {
		res.CPU = cpuOf(sh.bash.pid) - cpu
	}
	if over { // background jobs of the old shell live on
		if err := sh.start(); err != nil {
			return nil, res, err
		}
		res.Restarted = true
	}
	res.Dir = sh.dir
	return out, res, nil
}

// patience is how long bash may take where it has nothing left to do.
const patience = time.Second

// stop ends what the running script started: all but older processes and what
// these have started. Where bash does not come back from the script soon, it
// ends bash too, and gone is true.
func (sh *shell) stop(older map[int]bool) (gone bool, err error) {
	for late := time.After(patience); ; {
		// Again and again: a loop in the script starts its next command.
		if err := sh.sweep(older); err != nil {
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
		sh.bash.kill()
		return true, sh.sweep(older)
	}
}

// sweep ends what the running script started, but not bash.
func (sh *shell) sweep(older map[int]bool) error {
	sh.children.reaping.Lock()
	defer sh.children.reaping.Unlock()
	return kill(func() (living, dead []int) {
		living, dead = descendants(os.Getpid(), func(pid int) bool { return older[pid] })
		return slices.DeleteFunc(living, func(pid int) bool { return pid == sh.bash.pid }), dead
	})
}

// maxField bounds a field of a report, in bytes. Scripts can write reports too.
const maxField = 8 << 20

// readReports parses what session.bash writes: for each script four fields,
// each closed by a NUL byte. When bash has ended, nobody waits for more than
// one.
func readReports(f *os.File, ended <-chan struct{}) <-chan report {
	ch := make(chan report, 1)
	go func() {
		defer close(ch)
		defer f.Close()
		r := bufio.NewScanner(f)
		r.Buffer(nil, maxField)
		r.Split(func(data []byte, _ bool) (int, []byte, error) {
			field, _, whole := bytes.Cut(data, []byte{0})
			if !whole {
				return 0, nil, nil
			}
			return len(field) + 1, field, nil
		})
		for {
			var field [4]string
			for i := range field {
				if !r.Scan() {
					return
				}
				field[i] = r.Text()
			}
			status, err := strconv.Atoi(field[1])
			if err != nil {
				return
			}
			rep := report{last: field[0] == "last", status: status, dir: field[2], exports: field[3]}
			select {
			case ch <- rep:
			case <-ended:
				select {
				case ch <- rep:
				default:
					return
				}
			}
		}
	}()
	return ch
}

// quote makes a word of s for the shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
