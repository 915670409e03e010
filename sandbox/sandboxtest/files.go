package sandboxtest

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox"
)

func files(t *testing.T, driver sandbox.Driver) {
	sb := open(t, driver, sandbox.Spec{})
	ctx := t.Context()

	t.Run("what is written is read", func(t *testing.T) {
		big := bytes.Repeat([]byte("0123456789\xff\x00\n"), 300_000)
		for name, data := range map[string][]byte{"empty": {}, "small": []byte("text\n"), "big": big} {
			path := "/tmp/made/on/the/way/" + name
			require.NoError(t, sb.WriteFile(ctx, path, data))
			got, err := sb.ReadFile(ctx, path)
			require.NoError(t, err)
			require.True(t, bytes.Equal(data, got), name)
		}
	})
	t.Run("the mode of a file stays", func(t *testing.T) {
		require.NoError(t, sb.WriteFile(ctx, "/tmp/script", []byte("#!/bin/bash\necho one\n")))
		_, err := sb.Run(ctx, sh("chmod 750 /tmp/script"))
		require.NoError(t, err)
		require.NoError(t, sb.WriteFile(ctx, "/tmp/script", []byte("#!/bin/bash\necho two\n")))
		res, err := sb.Run(ctx, sh("stat -c %a /tmp/script; /tmp/script"))
		require.NoError(t, err)
		require.Equal(t, "750\ntwo\n", string(res.Output))
	})
	t.Run("what is known of files", func(t *testing.T) {
		_, err := sb.Run(ctx, sh("mkdir -p /tmp/known/folder && cd /tmp/known && printf 12345 >file && chmod 4640 file && ln -s folder link && ln -s nowhere dangling && mkfifo fifo && touch -d '2001-02-03 04:05:06 UTC' file"))
		require.NoError(t, err)
		f, err := sb.Stat(ctx, "/tmp/known/file")
		require.NoError(t, err)
		require.Equal(t, sandbox.File{Name: "file", Size: 5, Mode: 0o640 | fs.ModeSetuid, ModTime: f.ModTime}, f)
		require.True(t, f.ModTime.Equal(time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)), "%v", f.ModTime)
		files, err := sb.List(ctx, "/tmp/known")
		require.NoError(t, err)
		got := map[string]string{}
		for _, f := range files {
			got[f.Name] = f.Mode.Type().String()[:1] + f.Target
		}
		require.Equal(t, map[string]string{"dangling": "Lnowhere", "fifo": "p", "file": "-", "folder": "d", "link": "Lfolder"}, got)
		_, err = sb.Stat(ctx, "/tmp/known/none")
		require.ErrorIs(t, err, fs.ErrNotExist)
		_, err = sb.List(ctx, "/tmp/known/none")
		require.ErrorIs(t, err, fs.ErrNotExist)
		_, err = sb.List(ctx, "/tmp/known/file")
		require.Error(t, err)
		res, err := sb.Run(ctx, sh("mkdir /tmp/many && cd /tmp/many && seq 5000 | xargs touch"))
		require.NoError(t, err)
		require.True(t, res.Succeeded())
		_, err = sb.List(ctx, "/tmp/many")
		require.ErrorContains(t, err, "5000 files")
	})
	t.Run("an edit is made whole, or not at all", func(t *testing.T) {
		path := "/tmp/edited"
		require.NoError(t, sb.WriteFile(ctx, path, []byte("one two two\r\nthree")))
		_, err := sb.Run(ctx, sh("chmod 755 /tmp/edited && ln -s edited /tmp/edited-link && ln edited /tmp/edited-name"))
		require.NoError(t, err)
		for _, tt := range []struct {
			old, new string
			count    int
			found    int
			want     string
		}{
			{"two", "2", 1, 2, "one two two\r\nthree"},
			{"none", "0", 1, 0, "one two two\r\nthree"},
			{"two", "2", 2, 2, "one 2 2\r\nthree"},
			{"2\r\n", "", 1, 1, "one 2 three"},
			{" 2 three", " a longer text than before", 1, 1, "one a longer text than before"},
		} {
			found, err := sb.Edit(ctx, "/tmp/edited-link", sandbox.Edit{Old: []byte(tt.old), New: []byte(tt.new), Count: tt.count})
			require.NoError(t, err)
			require.Equal(t, tt.found, found)
			got, err := sb.ReadFile(ctx, path)
			require.NoError(t, err)
			require.Equal(t, tt.want, string(got))
		}
		res, err := sb.Run(ctx, sh("stat -c %a /tmp/edited; readlink /tmp/edited-link; ls -A /tmp | grep '^[.]edited'"))
		require.NoError(t, err)
		require.Equal(t, "755\nedited\n", string(res.Output))
		_, err = sb.Edit(ctx, "/tmp/no-such-file", sandbox.Edit{Old: []byte("x"), Count: 1})
		require.ErrorIs(t, err, fs.ErrNotExist)
		_, err = sb.Edit(ctx, path, sandbox.Edit{Count: 1})
		require.Error(t, err)
	})
	t.Run("a search", func(t *testing.T) {
		_, err := sb.Run(ctx, sh(`mkdir -p /tmp/s/.git /tmp/s/a && cd /tmp/s && printf 'x\nfind me\r\n' >a/one.go && printf 'find me too' >two.txt &&
			printf 'find\0me' >binary && echo 'find me' >.git/HEAD && ln -s a/one.go link && mkfifo fifo && head -c 3000000 /dev/zero | tr '\0' y >long && echo ' find me' >>long`))
		require.NoError(t, err)
		found := func(s sandbox.Search) (lines []string, more bool) {
			matches, more, err := sb.Search(ctx, "/tmp/s", s)
			require.NoError(t, err)
			for _, m := range matches {
				lines = append(lines, fmt.Sprintf("%s:%d:%s", m.Path, m.Line, m.Text))
			}
			return lines, more
		}
		all, more := found(sandbox.Search{Pattern: `find\sme`, Skip: []string{".git"}})
		require.Equal(t, []string{"/tmp/s/a/one.go:2:find me", "/tmp/s/two.txt:1:find me too"}, all)
		require.False(t, more)
		one, _ := found(sandbox.Search{Pattern: "find", Glob: "*.go"})
		require.Equal(t, []string{"/tmp/s/a/one.go:2:find me"}, one)
		res, err := sb.Run(ctx, sh("ln -s s /tmp/link-to-s"))
		require.NoError(t, err)
		require.True(t, res.Succeeded())
		linked, _, err := sb.Search(ctx, "/tmp/link-to-s", sandbox.Search{Pattern: "find", Glob: "*.go"})
		require.NoError(t, err)
		require.Len(t, linked, len(one))
		require.True(t, strings.HasPrefix(linked[0].Path, "/tmp/link-to-s/"), linked[0].Path)

		first, more := found(sandbox.Search{Pattern: "find", Limit: 1})
		require.Len(t, first, 1)
		require.True(t, more)
		_, _, err = sb.Search(ctx, "/tmp/s", sandbox.Search{Pattern: "("})
		require.ErrorContains(t, err, "missing closing")
		_, _, err = sb.Search(ctx, "/tmp/none", sandbox.Search{Pattern: "x"})
		require.ErrorIs(t, err, fs.ErrNotExist)
		matches, more, err := sb.Search(ctx, "/tmp/s/long", sandbox.Search{Pattern: "^y"})
		require.NoError(t, err)
		require.Len(t, matches, 1)
		require.Len(t, matches[0].Text, 1000)
		require.False(t, more)
	})
	t.Run("errors keep their meaning", func(t *testing.T) {
		_, err := sb.ReadFile(ctx, "/no/such/file")
		require.ErrorIs(t, err, fs.ErrNotExist)
		_, err = sb.ReadFile(ctx, "/usr")
		require.ErrorContains(t, err, "not a regular file")
		require.Error(t, sb.WriteFile(ctx, "/proc/version", []byte("x")))
		require.Error(t, sb.GetTar(ctx, "/no/such/folder", io.Discard))
		res, err := sb.Run(ctx, sh("true"))
		require.NoError(t, err, "an error about a file does not break the sandbox")
		require.True(t, res.Succeeded())
	})
	t.Run("tar there and back", func(t *testing.T) {
		var up bytes.Buffer
		tw := tar.NewWriter(&up)
		for _, h := range []tar.Header{
			{Name: "d/", Typeflag: tar.TypeDir, Mode: 0o755},
			{Name: "d/file", Typeflag: tar.TypeReg, Mode: 0o640, Size: 4},
			{Name: "d/run", Typeflag: tar.TypeReg, Mode: 0o755, Size: 4},
			{Name: "d/link", Typeflag: tar.TypeSymlink, Linkname: "file"},
			{Name: "d/locked/", Typeflag: tar.TypeDir, Mode: 0o555},
			{Name: "d/locked/in", Typeflag: tar.TypeReg, Mode: 0o644, Size: 4},
		} {
			require.NoError(t, tw.WriteHeader(&h))
			if h.Size > 0 {
				_, err := tw.Write([]byte("data"))
				require.NoError(t, err)
			}
		}
		require.NoError(t, tw.Close())
		require.NoError(t, sb.PutTar(ctx, "/tmp/tar", &up))

		var down bytes.Buffer
		require.NoError(t, sb.GetTar(ctx, "/tmp/tar/d", &down))
		got := map[string]string{}
		for tr := tar.NewReader(&down); ; {
			h, err := tr.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
			b, err := io.ReadAll(tr)
			require.NoError(t, err)
			got[h.Name] = fmt.Sprintf("%o %s%s", h.Mode&0o777, b, h.Linkname)
		}
		require.Equal(t, map[string]string{
			"d/": "755 ", "d/file": "640 data", "d/run": "755 data", "d/link": "777 file", "d/locked/": "555 ", "d/locked/in": "644 data",
		}, got)
	})
	t.Run("what is no regular file is refused, at once", func(t *testing.T) {
		s, err := sb.Shell(ctx, "/tmp")
		require.NoError(t, err)
		defer func() { require.NoError(t, s.Close()) }()
		res, err := s.Run(ctx, "mkfifo lonely read written; sleep 4242 <>read & sleep 4242 >written & sleep 4242 <written &", 10*time.Second)
		require.NoError(t, err)
		require.True(t, res.Succeeded(), "%s", res.Output)
		for _, path := range []string{"/tmp/lonely", "/tmp/read", "/tmp/written", "/dev/zero"} {
			t.Run(path, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
				defer cancel()
				_, err := sb.ReadFile(ctx, path)
				require.ErrorContains(t, err, path+" is not a regular file")
				require.NotErrorIs(t, err, sandbox.ErrBroken)
				err = sb.WriteFile(ctx, path, make([]byte, 3<<20))
				require.ErrorContains(t, err, path+" is not a regular file")
				require.NotErrorIs(t, err, sandbox.ErrBroken)
				require.NoError(t, sb.GetTar(ctx, path, io.Discard))
			})
		}
	})
	t.Run("a file that is too large to read in one piece", func(t *testing.T) {
		res, err := sb.Run(ctx, sh("truncate -s 300M /tmp/large"))
		require.NoError(t, err)
		require.True(t, res.Succeeded(), "%s", res.Output)
		_, err = sb.ReadFile(ctx, "/tmp/large")
		require.ErrorContains(t, err, "/tmp/large has 314572800 bytes")
		require.ErrorContains(t, err, "GetTar")
	})
	t.Run("a cancelled upload ends, and holds nothing up", func(t *testing.T) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		up := &endless{file: "endless", after: 5 << 20, then: func() {
			res, err := sb.Run(t.Context(), sh("echo on"))
			require.NoError(t, err)
			require.Equal(t, "on\n", string(res.Output))
			cancel()
		}}
		require.ErrorIs(t, sb.PutTar(ctx, "/tmp/endless", up), context.Canceled)
		require.NoError(t, sb.WriteFile(t.Context(), "/tmp/after", []byte("x")))
	})
	t.Run("an upload whose source fails", func(t *testing.T) {
		broken := errors.New("the source broke")
		err := sb.PutTar(ctx, "/tmp/broken", io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(broken)))
		require.ErrorIs(t, err, broken)
		require.NoError(t, sb.WriteFile(ctx, "/tmp/after", []byte("x")))
	})
	t.Run("an upload that the sandbox refuses", func(t *testing.T) {
		err := sb.PutTar(ctx, "/tmp/after", &endless{file: "endless"})
		require.Error(t, err)
		require.NotErrorIs(t, err, sandbox.ErrBroken)
	})
	t.Run("a tar cannot leave its folder", func(t *testing.T) {
		for name, h := range map[string]tar.Header{
			"dots":     {Name: "../../escaped", Typeflag: tar.TypeReg, Mode: 0o644},
			"absolute": {Name: "/escaped", Typeflag: tar.TypeReg, Mode: 0o644},
		} {
			var up bytes.Buffer
			tw := tar.NewWriter(&up)
			require.NoError(t, tw.WriteHeader(&h))
			require.NoError(t, tw.Close())
			require.NoError(t, sb.PutTar(ctx, "/tmp/jail/"+name, &up))
			_, err := sb.ReadFile(ctx, "/tmp/jail/"+name+"/escaped")
			require.NoError(t, err)
		}
		var up bytes.Buffer
		tw := tar.NewWriter(&up)
		require.NoError(t, tw.WriteHeader(&tar.Header{Name: "out", Typeflag: tar.TypeSymlink, Linkname: "/tmp"}))
		require.NoError(t, tw.WriteHeader(&tar.Header{Name: "out/escaped", Typeflag: tar.TypeReg}))
		require.NoError(t, tw.Close())
		require.Error(t, sb.PutTar(ctx, "/tmp/jail/link", &up))
		_, err := sb.ReadFile(ctx, "/tmp/escaped")
		require.ErrorIs(t, err, fs.ErrNotExist)
	})
}

// An endless is a tar stream with one file that never ends.
type endless struct {
	file   string
	header *bytes.Reader
	sent   int
	after  int // bytes, and what happens then, once
	then   func()
}

func (e *endless) Read(p []byte) (int, error) {
	if e.header == nil {
		var b bytes.Buffer
		if err := tar.NewWriter(&b).WriteHeader(&tar.Header{Name: e.file, Typeflag: tar.TypeReg, Mode: 0o644, Size: 1 << 40}); err != nil {
			return 0, err
		}
		e.header = bytes.NewReader(b.Bytes())
	}
	if e.then != nil && e.sent >= e.after {
		e.then()
		e.then = nil
	}
	if e.header.Len() > 0 {
		return e.header.Read(p)
	}
	e.sent += len(p)
	return len(p), nil
}
