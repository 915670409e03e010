//go:build linux

package main

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest"
)

const fileCount = 1000

// files moves 1,000 small files up and down.
func (b *bench) files(ctx context.Context) error {
	pack, err := filesTar()
	if err != nil {
		return err
	}
	host, err := os.MkdirTemp("", "apprentice-perf-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(host)

	var all []contender
	for _, d := range b.drivers() {
		sb, err := guest.Open(ctx, d, b.spec())
		if err != nil {
			return err
		}
		defer sb.Close()
		all = append(all, filesByGuest(d.Name(), sb, pack))
		if d == b.docker {
			all = append(all, filesByDockerCopy(sb, pack, host))
		}
	}
	s, err := rounds(ctx, b.n, all)
	if err != nil {
		return err
	}
	for _, way := range []string{"up", "down"} {
		peer := ""
		if b.docker != nil {
			peer = "`docker cp` of a stream, " + way
		}
		b.table(fmt.Sprintf("%d files of 1 to 4 KB, %.1f MB as a tar stream, %s", fileCount, float64(len(pack))/1e6, way), s.ending(way), nil, peer)
	}
	return nil
}

// filesTar has all files in the folder "many".
func filesTar() ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	r := rand.NewChaCha8([32]byte{})
	for i := range fileCount {
		text := make([]byte, 1024+i*3)
		_, _ = r.Read(text) // never fails
		if err := w.WriteHeader(&tar.Header{Name: fmt.Sprintf("many/%02d/%04d.txt", i%20, i), Mode: 0o644, Size: int64(len(text))}); err != nil {
			return nil, err
		}
		if _, err := w.Write(text); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return b.Bytes(), err
}

func filesByGuest(driver string, sb *guest.Sandbox, pack []byte) contender {
	return contender{do: func(ctx context.Context, s *samples) error {
		if err := script(ctx, sb, "rm -rf /tmp/up"); err != nil {
			return err
		}
		if err := s.time("guest, "+driver+": PutTar, up", func() error { return sb.PutTar(ctx, "/tmp/up", bytes.NewReader(pack)) }); err != nil {
			return err
		}
		return s.time("guest, "+driver+": GetTar, down", func() error {
			var got size
			if err := sb.GetTar(ctx, "/tmp/up/many", &got); err != nil {
				return err
			}
			return got.atLeast(fileCount * 2500)
		})
	}}
}

// filesByDockerCopy moves the same files into and out of the same container:
// as a stream, like the guest, and as a folder of the host.
func filesByDockerCopy(sb *guest.Sandbox, pack []byte, host string) contender {
	id := sb.Instance().ID()
	back := filepath.Join(host, "back")
	round := 0
	return contender{every: 2, do: func(ctx context.Context, s *samples) error {
		// What the engine copies in is root's, and stays until the container goes.
		round++
		one, two := fmt.Sprintf("/tmp/cp/%d/one", round), fmt.Sprintf("/tmp/cp/%d/two", round)
		copying := func(what string, stdin io.Reader, from, to string) func() error {
			return func() error {
				return s.time("`docker cp` of a "+what, func() error { return cli(ctx, stdin, "docker", "cp", "--quiet", from, to) })
			}
		}
		for _, step := range []func() error{
			func() error { return script(ctx, sb, "mkdir -p "+one+" "+two) },
			func() error { return os.RemoveAll(back) },
			copying("stream, up", bytes.NewReader(pack), "-", id+":"+one),
			copying("stream, down", nil, id+":"+one+"/many", "-"),
			copying("folder, down", nil, id+":"+one+"/many", back),
			copying("folder, up", nil, back, id+":"+two),
		} {
			if err := step(); err != nil {
				return err
			}
		}
		return nil
	}}
}

func script(ctx context.Context, sb *guest.Sandbox, text string) error {
	res, err := sb.Run(ctx, sandbox.Command{Argv: []string{"sh", "-c", text}, OutputCap: 1 << 10})
	if err == nil && !res.Succeeded() {
		err = fmt.Errorf("%s: %s", text, res.Output)
	}
	return err
}

// size counts what is written to it.
type size int64

func (n *size) Write(p []byte) (int, error) { *n += size(len(p)); return len(p), nil }

func (n *size) atLeast(want size) error {
	if *n < want {
		return fmt.Errorf("only %d bytes came back", *n)
	}
	return nil
}
