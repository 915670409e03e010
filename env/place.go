package env

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/apprentice-rl/apprentice/sandbox"
)

//go:embed purge.sh
var purgeScript string

//go:embed probe.sh
var probeScript string

// gitTimeout bounds one run of git over the whole repository. Repacking a very
// large one takes minutes.
const gitTimeout = 10 * time.Minute

// place puts the repository at the base commit and proves that nothing newer
// is in it.
func (e *Environment) place(ctx context.Context) error {
	if !fullHash.MatchString(e.task.BaseCommit) {
		return &RepositoryError{"reading the task", fmt.Sprintf("its base commit %q is not a full commit hash", e.task.BaseCommit)}
	}
	source := "image"
	if e.task.Repository != nil {
		source = "archive"
	}
	if err := e.probe(ctx, source); err != nil {
		return err
	}
	if e.task.Repository != nil {
		if err := e.unpack(ctx); err != nil {
			return err
		}
	}
	return e.purge(ctx, source)
}

// The exit codes with which probe.sh and purge.sh say more.
const (
	exitMissing    = 10 // the program named in the last line is not there
	exitRepository = 11 // no usable repository; the output says why
	exitLeak       = 12 // the lines that begin with "leak " say what is left
)

// probe looks for the programs that the task and this package need, and for
// what is in Workdir.
func (e *Environment) probe(ctx context.Context, source string) error {
	argv := append([]string{"sh", "-c", probeScript, "probe", Workdir, source, "bash", "git"}, e.task.Needs...)
	res, err := e.sandbox.Run(ctx, sandbox.Command{Argv: argv, Timeout: time.Minute})
	if err != nil {
		return fmt.Errorf("looking for programs: %w", err)
	}
	switch {
	case res.Succeeded():
		return nil
	case res.End == sandbox.EndRefused:
		return &MissingProgramError{"sh"}
	case res.End == sandbox.EndExit && res.ExitCode == exitMissing:
		return &MissingProgramError{lastLine(res)}
	case res.End == sandbox.EndExit && res.ExitCode == exitRepository:
		return &RepositoryError{"looking for the repository", lastLine(res)}
	}
	return fmt.Errorf("looking for programs: %s", failure(res, time.Minute))
}

// unpack streams the repository's archive into the sandbox.
func (e *Environment) unpack(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r, w := io.Pipe()
	archived := make(chan error, 1)
	go func() {
		err := e.task.Repository.Archive(ctx, e.task.BaseCommit, w)
		w.CloseWithError(err)
		archived <- err
	}()
	err := e.sandbox.PutTar(ctx, Workdir, r)
	r.CloseWithError(errStopped)
	if aerr := <-archived; aerr != nil && !errors.Is(aerr, errStopped) {
		return fmt.Errorf("reading the repository: %w", aerr)
	}
	if err != nil {
		return fmt.Errorf("unpacking the repository: %w", err)
	}
	return nil
}

// errStopped is what an archive sees when nobody reads it any more.
var errStopped = errors.New("the sandbox stopped reading")

// purge runs purge.sh, which does all that git has to do in one go.
func (e *Environment) purge(ctx context.Context, source string) error {
	res, err := e.sandbox.Run(ctx, sandbox.Command{
		Argv:    []string{"sh", "-c", purgeScript, "purge", Workdir, e.task.BaseCommit, source},
		Timeout: gitTimeout,
	})
	if err != nil {
		return fmt.Errorf("purging the repository: %w", err)
	}
	var leaks []string
	for line := range strings.Lines(string(res.Output)) {
		line = strings.TrimSuffix(line, "\n")
		if found, ok := strings.CutPrefix(line, "leak "); ok {
			leaks = append(leaks, found)
		}
		if hash, ok := strings.CutPrefix(line, "start "); ok {
			e.start = hash
		}
	}
	switch {
	case res.Succeeded() && fullHash.MatchString(e.start):
		return nil
	case res.End == sandbox.EndExit && res.ExitCode == exitLeak && leaks != nil:
		return &LeakError{leaks}
	case res.End == sandbox.EndExit && res.ExitCode == exitRepository:
		return &RepositoryError{"putting the repository at the base commit", strings.TrimSpace(string(res.Output))}
	}
	return fmt.Errorf("purging the repository: %s", failure(res, gitTimeout))
}

func lastLine(res sandbox.Result) string {
	lines := strings.Split(strings.TrimSpace(string(res.Output)), "\n")
	return lines[len(lines)-1]
}

// failure says in one line how a script of ours ended.
func failure(res sandbox.Result, timeout time.Duration) string {
	s := strings.Join(ending(res, timeout), "")
	if out := strings.TrimSpace(string(res.Output)); out != "" {
		s += " " + shorten(strings.ToValidUTF8(out, "\ufffd"), 2000)
	}
	return s
}
