package store_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/store"
)

// text is a log of some turns.
func text(t testing.TB, id string, turns int) []byte {
	t.Helper()
	var b bytes.Buffer
	e := trajectories.NewEncoder(&b)
	require.NoError(t, e.Header(header(id)))
	for n := range turns {
		action := env.Action{ID: fmt.Sprint(n), Tool: "bash", Arguments: []byte(`{"command":"ls"}`)}
		require.NoError(t, e.Turn(trajectories.Turn{N: n + 1, Message: strings.Repeat("I look. ", n), Actions: []env.Action{action}}))
		require.NoError(t, e.Observation(trajectories.Observation{Turn: n + 1, Observation: env.Observation{Action: action.ID, Text: `{"type":"header"`}}))
	}
	require.NoError(t, e.End(trajectories.End{Status: trajectories.ExitSubmitted, Patch: "diff"}))
	return b.Bytes()
}

// pack compresses each part into a frame of its own.
func pack(t testing.TB, parts ...[]byte) []byte {
	t.Helper()
	e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	require.NoError(t, err)
	var all []byte
	for _, p := range parts {
		all = e.EncodeAll(p, all)
	}
	return all
}

func write(t testing.TB, path string, content []byte) string {
	t.Helper()
	require.NoError(t, os.WriteFile(path, content, 0o600))
	return path
}

// found returns the texts of the logs at a path, and the errors.
func found(t testing.TB, path string) (texts []string, errs []error) {
	t.Helper()
	for l, err := range store.Find(path) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		r, err := l.Text()
		require.NoError(t, err)
		content, err := io.ReadAll(r)
		require.NoError(t, err)
		require.NoError(t, r.Close())
		texts = append(texts, string(content))
	}
	return texts, errs
}

func TestLogsOfAnArchiveAreFoundWhereverItsFramesBegin(t *testing.T) {
	one, two, three := text(t, "one.1", 3), text(t, "two.1", 1), text(t, "three.1", 0)
	all := bytes.Join([][]byte{one, two, three}, nil)
	want := []string{string(one), string(two), string(three)}
	skip := []byte{0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 'a', 'b', 'c'} // a frame for other programs
	archives := map[string][]byte{
		"a frame for each":      pack(t, one, two, three),
		"one frame":             pack(t, all),
		"two logs in one frame": pack(t, one, all[len(one):]),
		"empty frames":          pack(t, nil, one, nil, two, three, nil),
		"frames to be skipped":  bytes.Join([][]byte{skip, pack(t, one), skip, pack(t, two, three), skip}, nil),
	}
	for at := 1; at < len(all); at += 7 {
		archives[fmt.Sprintf("frames that are cut at %d", at)] = pack(t, all[:at], all[at:])
	}
	path := filepath.Join(t.TempDir(), "a.jsonl.zst")
	for name, content := range archives {
		write(t, path, content)
		texts, errs := found(t, path)
		require.Empty(t, errs, name)
		require.Equal(t, want, texts, name)
	}
}

func TestALogOfAnArchiveIsAsOneOfAFile(t *testing.T) {
	dir := t.TempDir()
	content := text(t, "one.1", 3)
	plain := only(t, write(t, filepath.Join(dir, "one.1.jsonl"), content))
	packed := only(t, write(t, filepath.Join(dir, "one.1.jsonl.zst"), pack(t, content)))
	require.Equal(t, plain.Header(), packed.Header())
	require.Equal(t, filepath.Join(dir, "one.1.jsonl.zst#1"), packed.Name())
	want, err := plain.Read()
	require.NoError(t, err)
	got, err := packed.Read()
	require.NoError(t, err)
	require.Equal(t, want, got)
	for range 2 { // as often as one likes
		var events int
		for _, err := range packed.Events() {
			require.NoError(t, err)
			events++
		}
		require.Equal(t, 7, events)
	}
}

// only is the one log at a path.
func only(t *testing.T, path string) *store.Log {
	t.Helper()
	var found []*store.Log
	for l, err := range store.Find(path) {
		require.NoError(t, err)
		found = append(found, l)
	}
	require.Len(t, found, 1)
	return found[0]
}

func TestATornLogDoesNotTakeTheNextOneWithIt(t *testing.T) {
	one, two := text(t, "one.1", 2), text(t, "two.1", 1)
	torn := one[:len(one)-30]
	path := write(t, filepath.Join(t.TempDir(), "a.jsonl.zst"), pack(t, torn, two))
	texts, errs := found(t, path)
	require.Empty(t, errs)
	require.Equal(t, []string{string(torn), string(two)}, texts)
}

func TestABrokenArchiveSaysWhere(t *testing.T) {
	one, two, three := text(t, "one.1", 40), text(t, "two.1", 40), text(t, "three.1", 40)
	first, second := pack(t, one), pack(t, one, two)
	whole := pack(t, one, two, three)
	spoil := func(at int) []byte {
		content := bytes.Clone(whole)
		content[at] ^= 0xff
		return content
	}
	for name, c := range map[string]struct {
		content []byte
		good    []string
		offset  int64
	}{
		"a byte in the second frame": {spoil(len(first) + 60), []string{string(one), string(three)}, int64(len(first))},
		"a checksum":                 {spoil(len(second) - 2), []string{string(one), string(three)}, int64(len(first))},
		"no frame":                   {append(bytes.Clone(second), "hello, this is no frame"...), []string{string(one), string(two)}, int64(len(second))},
		"cut off":                    {whole[:len(whole)-50], []string{string(one), string(two)}, int64(len(second))},
		"cut off in a header":        {whole[:len(second)+3], []string{string(one), string(two)}, int64(len(second))},
		"not compressed":             {one, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, filepath.Join(t.TempDir(), "a.jsonl.zst"), c.content)
			texts, errs := found(t, path)
			require.True(t, slices.Equal(c.good, texts), "%d of %d logs", len(texts), len(c.good))
			require.Len(t, errs, 1)
			var broken *store.ArchiveError
			require.ErrorAs(t, errs[0], &broken)
			require.Equal(t, path, broken.File)
			require.Equal(t, c.offset, broken.Offset)
		})
	}
}

func TestAnArchiveOfSomethingElse(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "a.jsonl.zst"), pack(t, []byte(`{"messages": []}`+"\n")))
	_, errs := found(t, path)
	require.Len(t, errs, 1)
	require.ErrorContains(t, errs[0], path+"#1:1:")
}

func TestWhatIsPackedComesBack(t *testing.T) {
	dir := t.TempDir()
	var want []string
	for i := range 5 {
		content := text(t, fmt.Sprintf("task.%d", i), i)
		if i == 3 {
			content = content[:len(content)-10]
		}
		write(t, filepath.Join(dir, fmt.Sprintf("task.%d.jsonl", i)), content)
		want = append(want, string(content))
	}
	var out bytes.Buffer
	p, err := store.NewPacker(&out)
	require.NoError(t, err)
	for l, err := range store.Find(dir) {
		require.NoError(t, err)
		size, err := p.Add(l)
		require.NoError(t, err)
		require.Len(t, want[len(want)-5+int(l.Header().ID[5]-'0')], int(size))
	}
	path := write(t, filepath.Join(t.TempDir(), "all.jsonl.zst"), out.Bytes())
	require.NoError(t, p.Verify(path))
	texts, errs := found(t, path)
	require.Empty(t, errs)
	require.Equal(t, want, texts)

	again, err := store.NewPacker(io.Discard)
	require.NoError(t, err)
	for l, err := range store.Find(path) { // an archive can be packed as well
		require.NoError(t, err)
		_, err := again.Add(l)
		require.NoError(t, err)
	}
	require.NoError(t, again.Verify(path))
	for name, content := range map[string][]byte{
		"a log is missing":   pack(t, []byte(want[0]), []byte(want[1])),
		"a log is changed":   pack(t, []byte(want[0]), []byte(want[2])),
		"there are too many": append(bytes.Clone(out.Bytes()), pack(t, []byte(want[0]))...),
		"it is cut off":      out.Bytes()[:out.Len()-20],
	} {
		require.Error(t, p.Verify(write(t, path, content)), name)
	}
}

func FuzzArchive(f *testing.F) {
	one, two := text(f, "one.1", 1), text(f, "two.1", 0)
	f.Add(pack(f, one, two))
	f.Add(pack(f, append(bytes.Clone(one), two...)))
	f.Add(pack(f, one[:40], one[40:]))
	f.Add([]byte{0x50, 0x2a, 0x4d, 0x18, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{0x28, 0xb5, 0x2f, 0xfd, 0, 0, 1})
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, content []byte) {
		for l, err := range store.Find(write(t, filepath.Join(dir, "a.jsonl.zst"), content)) {
			if err != nil {
				continue
			}
			r, err := l.Text()
			require.NoError(t, err)
			_, _ = io.Copy(io.Discard, r)
			require.NoError(t, r.Close())
		}
	})
}
