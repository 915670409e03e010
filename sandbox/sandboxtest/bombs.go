package sandboxtest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest"
)

// bombs use up what there is: processes, memory, disk, names.
func bombs(t *testing.T, driver sandbox.Driver, h *host) {
	t.Run("processes", func(t *testing.T) { processBombs(t, driver, h) })
	t.Run("memory", func(t *testing.T) { memoryBombs(t, driver, h) })
	t.Run("disk", func(t *testing.T) { diskBombs(t, driver, h) })
	t.Run("names", func(t *testing.T) { nameBombs(t, driver, h) })
}

func processBombs(t *testing.T, driver sandbox.Driver, h *host) {
	if !enforced(t, driver, sandbox.LimitProcesses) {
		return
	}
	sb := open(t, driver, sandbox.Spec{Limits: sandbox.Limits{Processes: 200}})
	// Among the arguments of all that bombs start, to find it on the host.
	mark := fmt.Sprintf("apprentice-bomb-%d", os.Getpid())
	bomb := func(shell, script string) sandbox.Command {
		return sandbox.Command{Argv: []string{shell, "-c", script, mark}, Timeout: 3 * time.Second, OutputCap: 64 << 10}
	}
	gone := func(t *testing.T, _ *guest.Sandbox, _ sandbox.Result) {
		require.Empty(t, running(t, mark), "processes on the host")
	}
	h.do(t, sb, []deed{
		{"each forks two", bomb("bash", "b() { b | b & }; b; wait; sleep 4242"), only(sandbox.EndTimeout), anything, gone},
		{"each forks two, and the first goes", bomb("bash", "b() { b | b & }; b"), only(sandbox.EndExit, sandbox.EndTimeout), anything, gone},
		{"forked twice, in sessions of their own", bomb("sh", "while :; do (setsid sh -c 'sleep 4242' "+mark+" &); done"), only(sandbox.EndExit, sandbox.EndTimeout), anything, gone},
		{"sessions that fork two, and ignore what can be ignored", bomb("bash", `trap '' TERM HUP INT
			export bomb='trap "" TERM HUP INT; setsid bash -c "$bomb" `+mark+` & setsid bash -c "$bomb" `+mark+` & wait'
			bash -c "$bomb" `+mark), only(sandbox.EndExit, sandbox.EndTimeout), anything, gone},
	})
	t.Run("a process that moves on", func(t *testing.T) {
		chain := sandbox.Command{Argv: []string{h.putProbe(t, sb), "chain", mark}}
		for range 5 {
			h.commit(t, sb, deed{cmd: chain, ends: only(sandbox.EndExit), after: gone})
		}
		h.commit(t, sb, deed{cmd: bomb("bash", strings.Join(chain.Argv, " ")+"; kill -9 $PPID; sleep 4242"), ends: only(sandbox.EndSignal), says: anything, after: gone})
		s, err := sb.Shell(t.Context(), "/tmp")
		require.NoError(t, err)
		res, err := s.Run(t.Context(), strings.Join(chain.Argv, " ")+"; sleep 4242", time.Second)
		require.NoError(t, err)
		require.Equal(t, sandbox.EndTimeout, res.End, "%+v", res)
		gone(t, sb, sandbox.Result{})
		res, err = s.Run(t.Context(), strings.Join(chain.Argv, " "), time.Second)
		require.NoError(t, err)
		require.True(t, res.Succeeded(), "%+v", res)
		require.NoError(t, s.Close())
		gone(t, sb, sandbox.Result{})
		h.endure(t, sb)
	})
	t.Run("a process whose first thread has ended", func(t *testing.T) {
		h.commit(t, sb, deed{cmd: sandbox.Command{Argv: []string{"bash", "-c", h.putProbe(t, sb) + " headless sleep 4242 & sleep 0.5", mark}}, after: func(t *testing.T, _ *guest.Sandbox, _ sandbox.Result) {
			require.Empty(t, sleepers(t, sb))
		}})
	})
	t.Run("while others work", func(t *testing.T) {
		done := make(chan error, 1)
		go func() {
			_, err := sb.Run(t.Context(), bomb("bash", "b() { b | b & }; b; wait; sleep 4242"))
			done <- err
		}()
		// They may fail; that is all.
		for {
			_, err := sb.Run(t.Context(), sandbox.Command{Argv: []string{"true"}, Timeout: time.Second})
			require.NotErrorIs(t, err, sandbox.ErrBroken)
			_, err = sb.Usage(t.Context())
			require.NotErrorIs(t, err, sandbox.ErrBroken)
			_, err = sb.List(t.Context(), "/tmp")
			require.NotErrorIs(t, err, sandbox.ErrBroken)
			select {
			case err := <-done:
				require.NoError(t, err)
				gone(t, sb, sandbox.Result{})
				h.endure(t, sb)
				return
			default:
			}
		}
	})
	t.Run("in the background of a session", func(t *testing.T) {
		s, err := sb.Shell(t.Context(), "/tmp")
		require.NoError(t, err)
		res, err := s.Run(t.Context(), "b() { b | b & }; b; echo begun", 3*time.Second)
		require.NoError(t, err)
		require.Contains(t, only(sandbox.EndExit, sandbox.EndTimeout), res.End, "%+v", res)
		require.NoError(t, s.Close())
		h.endure(t, sb)
	})
}

func memoryBombs(t *testing.T, driver sandbox.Driver, h *host) {
	if !enforced(t, driver, sandbox.LimitMemory) {
		return
	}
	sb := open(t, driver, sandbox.Spec{Limits: sandbox.Limits{Memory: 128 << 20}})
	h.do(t, sb, []deed{
		{"a line of 3 GB", sh("head -c 3G /dev/zero | tail"), only(sandbox.EndMemory), anything, nil},
		{"a variable that doubles", sh("x=0123456789; while :; do x=$x$x; done"), only(sandbox.EndMemory), anything, nil},
		{"eight at once", sh("for i in 1 2 3 4 5 6 7 8; do head -c 1G /dev/zero | tail & done; wait; exit 1"), only(sandbox.EndMemory), anything, nil},
		{"a child that is not waited for", sh("(setsid sh -c 'head -c 3G /dev/zero | tail' &); sleep 2; false"), only(sandbox.EndMemory), anything, nil},
	})
	t.Run("in the background of a session", func(t *testing.T) {
		s, err := sb.Shell(t.Context(), "/tmp")
		require.NoError(t, err)
		res, err := s.Run(t.Context(), "head -c 3G /dev/zero | tail & wait $!", 20*time.Second)
		require.NoError(t, err)
		require.Equal(t, sandbox.EndMemory, res.End, "%+v", res)
		res, err = s.Run(t.Context(), "echo on", 20*time.Second)
		require.NoError(t, err)
		require.Equal(t, "on\n", string(res.Output))
		require.NoError(t, s.Close())
		h.endure(t, sb)
	})
}

func diskBombs(t *testing.T, driver sandbox.Driver, h *host) {
	sb := open(t, driver, sandbox.Spec{})
	t.Run("a sparse file of 100 GB", func(t *testing.T) {
		// Where files are bounded in size it is one that is larger; else it
		// takes up nothing.
		h.commit(t, sb, deed{name: "made", cmd: sh("truncate -s 100G /tmp/sparse"), ends: only(sandbox.EndExit, sandbox.EndQuota)})
		st, err := sb.Stat(t.Context(), "/tmp/sparse")
		require.NoError(t, err)
		if st.Size == 0 {
			return // refused
		}
		require.Equal(t, int64(100<<30), st.Size)
		_, err = sb.ReadFile(t.Context(), "/tmp/sparse")
		require.ErrorContains(t, err, "more than can be read in one piece")
		_, err = sb.Edit(t.Context(), "/tmp/sparse", sandbox.Edit{Old: []byte("a"), New: []byte("b"), Count: 1})
		require.ErrorContains(t, err, "more than")
		_, _, err = sb.Search(t.Context(), "/tmp/sparse", sandbox.Search{Pattern: "x"})
		require.NoError(t, err)

		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		require.ErrorIs(t, sb.GetTar(ctx, "/tmp/sparse", &tripwire{after: 64 << 20, then: cancel}), context.Canceled)
		h.commit(t, sb, deed{cmd: sh("rm /tmp/sparse")})
	})
	t.Run("a search that is cancelled in a large file", func(t *testing.T) {
		h.commit(t, sb, deed{cmd: sh("head -c 200M /dev/zero | tr '\\0' '\\n' >/tmp/lines")})
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		_, _, err := sb.Search(ctx, "/tmp/lines", sandbox.Search{Pattern: "(a|b)*c$"})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotErrorIs(t, err, sandbox.ErrBroken)
		h.commit(t, sb, deed{cmd: sh("rm /tmp/lines")})
	})
	t.Run("a disk that is filled", func(t *testing.T) {
		if !enforced(t, driver, sandbox.LimitDisk) {
			return
		}
		sb := open(t, driver, sandbox.Spec{Limits: sandbox.Limits{Disk: 32 << 20}})
		h.do(t, sb, []deed{
			{"with one file", sh("head -c 64M /dev/zero >/tmp/full"), only(sandbox.EndQuota), anything, nil},
			{"and more", sh("rm -f /tmp/full; for i in $(seq 64); do head -c 1M /dev/zero >/tmp/full$i || exit 1; done"), only(sandbox.EndQuota), anything, nil},
		})
		require.Error(t, sb.WriteFile(t.Context(), "/tmp/one-more", make([]byte, 8<<20)))
		require.Error(t, sb.PutTar(t.Context(), "/tmp/one-more-folder", &endless{file: "endless"}))
		h.commit(t, sb, deed{cmd: sh("rm -rf /tmp/full* /tmp/one-more* && head -c 8M /dev/zero >/tmp/room"), ends: only(sandbox.EndExit), says: ""})
	})
}

// A tripwire is a writer that does something after some bytes, once.
type tripwire struct {
	after int64
	then  func()
	n     int64
}

func (w *tripwire) Write(p []byte) (int, error) {
	if w.n += int64(len(p)); w.n > w.after && w.then != nil {
		w.then()
		w.then = nil
	}
	return len(p), nil
}

func nameBombs(t *testing.T, driver sandbox.Driver, h *host) {
	sb := open(t, driver, sandbox.Spec{})
	ctx := t.Context()
	t.Run("100,000 files in a folder", func(t *testing.T) {
		h.commit(t, sb, deed{cmd: sh("mkdir /dev/shm/many && cd /dev/shm/many && seq 100000 | xargs touch && echo needle >77777"), ends: only(sandbox.EndExit), says: ""})
		_, err := sb.List(ctx, "/dev/shm/many")
		require.ErrorContains(t, err, "/dev/shm/many has 100000 files, more than can be listed at once")
		found, _, err := sb.Search(ctx, "/dev/shm/many", sandbox.Search{Pattern: "needle"})
		require.NoError(t, err)
		require.Equal(t, []sandbox.Match{{Path: "/dev/shm/many/77777", Line: 1, Text: "needle"}}, found)
		var down counting
		require.NoError(t, sb.GetTar(ctx, "/dev/shm/many", &down))
		require.Greater(t, down.n, int64(100_000*512))
		h.commit(t, sb, deed{cmd: sh("rm -r /dev/shm/many"), ends: only(sandbox.EndExit), says: ""})
	})
	t.Run("folders 1,200 deep", func(t *testing.T) {
		h.commit(t, sb, deed{cmd: sh("d=/tmp/deep$(printf '/d%.0s' $(seq 1200)) && mkdir -p $d && echo needle >$d/file"), ends: only(sandbox.EndExit), says: ""})
		var down bytes.Buffer
		require.NoError(t, sb.GetTar(ctx, "/tmp/deep", &down))
		require.NoError(t, sb.PutTar(ctx, "/tmp/deeper", &down))
		found, _, err := sb.Search(ctx, "/tmp/deeper", sandbox.Search{Pattern: "needle"})
		require.NoError(t, err)
		require.Len(t, found, 1)
		h.commit(t, sb, deed{cmd: sh("rm -r /tmp/deep /tmp/deeper"), ends: only(sandbox.EndExit), says: ""})
	})
	t.Run("a path that is longer than paths can be", func(t *testing.T) {
		name := strings.Repeat("d", 200)
		h.commit(t, sb, deed{cmd: sh("mkdir /tmp/long && cd /tmp/long && for i in $(seq 50); do mkdir " + name + " && cd " + name + " || exit 1; done; echo needle >file"), ends: only(sandbox.EndExit), says: ""})
		err := sb.GetTar(ctx, "/tmp/long", io.Discard)
		require.ErrorContains(t, err, "file name too long")
		require.NotErrorIs(t, err, sandbox.ErrBroken)
		_, _, err = sb.Search(ctx, "/tmp/long", sandbox.Search{Pattern: "needle"})
		require.NoError(t, err)
		_, err = sb.Stat(ctx, "/tmp/long/"+strings.Repeat(name+"/", 50)+"file")
		require.Error(t, err)
		h.commit(t, sb, deed{cmd: sh("rm -r /tmp/long"), ends: only(sandbox.EndExit), says: ""})
	})
	// What is told about files goes in one frame, which has a bound.
	t.Run("names and links that fill a frame", func(t *testing.T) {
		h.commit(t, sb, deed{cmd: sh(`mkdir /dev/shm/names && cd /dev/shm/names && name=$(printf '%0200d' 0 | tr 0 '\1') && seq 3900 | sed "s/\$/$name/" | xargs touch`), ends: only(sandbox.EndExit), says: ""})
		_, err := sb.List(ctx, "/dev/shm/names")
		require.ErrorContains(t, err, "more than one frame holds")
		require.NotErrorIs(t, err, sandbox.ErrBroken)
		h.commit(t, sb, deed{cmd: sh(`rm -r /dev/shm/names && head -c 600000 /dev/zero | tr '\0' '\1' | fold -w 900 >/dev/shm/control`), ends: only(sandbox.EndExit), says: ""})
		found, more, err := sb.Search(ctx, "/dev/shm/control", sandbox.Search{Pattern: "\x01"})
		require.NoError(t, err)
		require.True(t, more)
		require.NotEmpty(t, found)
		h.commit(t, sb, deed{cmd: sh("rm /dev/shm/control"), ends: only(sandbox.EndExit), says: ""})
	})
}

// growth is what f adds to all that this process has ever allocated.
func growth(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
