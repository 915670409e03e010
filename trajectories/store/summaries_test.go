package store_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/store"
)

// listed returns one line for each summary, "id task steps", and the errors.
func listed(t testing.TB, paths ...string) (lines []string, errs []error) {
	t.Helper()
	for e, err := range store.Summaries(t.Context(), paths...) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		lines = append(lines, fmt.Sprintf("%s %s %d", e.ID, e.Task, e.Steps))
	}
	return lines, errs
}

func index(dir string) string { return filepath.Join(dir, ".index.jsonl") }

var readTime = regexp.MustCompile(`"read_ns":(\d+)`)

// age makes the index one that was written when its files had not been changed
// for a while.
func age(t testing.TB, dir string) {
	t.Helper()
	content, err := os.ReadFile(index(dir))
	require.NoError(t, err)
	write(t, index(dir), readTime.ReplaceAllFunc(content, func(m []byte) []byte {
		ns, err := strconv.ParseInt(string(readTime.FindSubmatch(m)[1]), 10, 64)
		require.NoError(t, err)
		return fmt.Appendf(nil, `"read_ns":%d`, ns+time.Minute.Nanoseconds())
	}))
}

// mark changes what the index says, so that one sees whether it was asked.
func mark(t *testing.T, dir string) {
	t.Helper()
	content, err := os.ReadFile(index(dir))
	require.NoError(t, err)
	write(t, index(dir), bytes.ReplaceAll(content, []byte(`"task":"task"`), []byte(`"task":"index"`)))
}

// folder makes a folder with two logs and an archive of two.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.1.jsonl"), text(t, "a.1", 1))
	write(t, filepath.Join(dir, "b.1.jsonl"), text(t, "b.1", 2))
	write(t, filepath.Join(dir, "c.jsonl.zst"), pack(t, text(t, "c.1", 3), text(t, "c.2", 4)))
	return dir
}

func TestSummariesAreKept(t *testing.T) {
	dir := folder(t)
	fresh := []string{"a.1 task 1", "b.1 task 2", "c.1 task 3", "c.2 task 4"}
	for range 2 {
		lines, errs := listed(t, dir)
		require.Empty(t, errs)
		require.Equal(t, fresh, lines)
	}
	mark(t, dir)
	lines, _ := listed(t, dir)
	require.Equal(t, fresh, lines, "the logs are so young that they may have changed unnoticed")

	age(t, dir)
	mark(t, dir)
	for range 2 {
		lines, _ = listed(t, dir)
		require.Equal(t, []string{"a.1 index 1", "b.1 index 2", "c.1 index 3", "c.2 index 4"}, lines)
	}
	for e, err := range open(t, dir).Summaries(t.Context()) {
		require.NoError(t, err)
		l, err := e.Open()
		require.NoError(t, err)
		require.Equal(t, e.ID, l.Header().ID)
		whole, err := l.Read()
		require.NoError(t, err)
		require.Len(t, whole.Turns, e.Turns)
	}
	lines, errs := listed(t, filepath.Join(dir, "b.1.jsonl"), filepath.Join(dir, "c.jsonl.zst"), filepath.Join(dir, "none"))
	require.Equal(t, []string{"b.1 task 2", "c.1 task 3", "c.2 task 4"}, lines)
	require.Len(t, errs, 1)
}

func TestWhatHasChangedIsReadAgain(t *testing.T) {
	rest := []string{"b.1 index 2", "c.1 index 3", "c.2 index 4"}
	// same puts something of the same size into a file, and gives it the time of
	// modification that it had.
	same := func(t *testing.T, path string, put func(content []byte)) {
		old, err := os.Stat(path)
		require.NoError(t, err)
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		time.Sleep(20 * time.Millisecond) // more than a tick of the file system's clock
		put(bytes.Replace(content, []byte(`"id":"task"`), []byte(`"id":"TASK"`), 1))
		require.NoError(t, os.Chtimes(path, old.ModTime(), old.ModTime()))
		now, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, old.Size(), now.Size())
		require.Equal(t, old.ModTime(), now.ModTime())
	}
	for name, c := range map[string]struct {
		change func(t *testing.T, path string)
		want   []string
	}{
		"nothing":  {func(*testing.T, string) {}, append([]string{"a.1 index 1"}, rest...)},
		"it grows": {func(t *testing.T, path string) { write(t, path, text(t, "a.1", 7)) }, append([]string{"a.1 task 7"}, rest...)},
		"it is cut off": {func(t *testing.T, path string) {
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NoError(t, os.Truncate(path, int64(bytes.IndexByte(content, '\n')+1)))
		}, append([]string{"a.1 task 0"}, rest...)},
		"it is removed": {func(t *testing.T, path string) { require.NoError(t, os.Remove(path)) }, rest},
		"one is added": {func(t *testing.T, path string) {
			write(t, filepath.Join(filepath.Dir(path), "a.2.jsonl"), text(t, "a.2", 5))
		}, append([]string{"a.1 index 1", "a.2 task 5"}, rest...)},
		"another of the same size and time is put in its place": {func(t *testing.T, path string) {
			same(t, path, func(content []byte) {
				write(t, path+".new", content)
				require.NoError(t, os.Rename(path+".new", path))
			})
		}, append([]string{"a.1 TASK 1"}, rest...)},
		"it is overwritten with the same size and time": {func(t *testing.T, path string) {
			same(t, path, func(content []byte) { write(t, path, content) })
		}, append([]string{"a.1 TASK 1"}, rest...)},
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t)
			listed(t, dir)
			age(t, dir)
			mark(t, dir)
			c.change(t, filepath.Join(dir, "a.1.jsonl"))
			for range 2 { // from the files, and from the index that was made of them
				lines, errs := listed(t, dir)
				require.Empty(t, errs)
				require.Equal(t, c.want, lines)
			}
		})
	}
}

func TestAnIndexThatIsNoGoodIsMadeAnew(t *testing.T) {
	dir := folder(t)
	want, _ := listed(t, dir)
	age(t, dir)
	good, err := os.ReadFile(index(dir))
	require.NoError(t, err)
	spoiled := map[string][]byte{
		"empty":           nil,
		"another version": bytes.Replace(good, []byte(`"summary":`), []byte(`"summary":9`), 1),
		"no index":        []byte("hello\n"),
		"other JSON":      []byte(`{"index":[]}` + "\n" + `[1]` + "\n"),
	}
	for at := 0; at < len(good); at += 31 {
		spoiled[fmt.Sprintf("torn at %d", at)] = good[:at]
	}
	for name, content := range spoiled {
		write(t, index(dir), content)
		lines, errs := listed(t, dir)
		require.Empty(t, errs, name)
		require.Equal(t, want, lines, name)
		now, err := os.ReadFile(index(dir))
		require.NoError(t, err)
		require.Equal(t, bytes.Count(good, []byte("\n")), bytes.Count(now, []byte("\n")), name)
		require.True(t, bytes.HasSuffix(now, []byte("\n")), name)
	}
	require.NoError(t, os.Remove(index(dir)))
	lines, _ := listed(t, dir)
	require.Equal(t, want, lines)
	require.FileExists(t, index(dir))
}

func TestWhereNoIndexCanBeWrittenAllIsRead(t *testing.T) {
	for _, name := range []string{".index.lock", ".index.new", ".index.jsonl"} {
		dir := folder(t)
		require.NoError(t, os.MkdirAll(filepath.Join(dir, name, "full"), 0o755))
		for range 2 {
			lines, errs := listed(t, dir)
			require.Empty(t, errs)
			require.Len(t, lines, 4)
		}
		info, err := os.Stat(index(dir))
		require.True(t, err != nil || info.IsDir())
	}
}

func TestABrokenLogIsToldBesideTheOthers(t *testing.T) {
	dir := folder(t)
	write(t, filepath.Join(dir, "a.1.jsonl"), []byte(`{"type":"turn","n":1}`+"\n"))
	for range 2 {
		lines, errs := listed(t, dir)
		require.Equal(t, []string{"b.1 task 2", "c.1 task 3", "c.2 task 4"}, lines)
		require.Len(t, errs, 1)
		var broken *trajectories.EventError
		require.ErrorAs(t, errs[0], &broken)
		require.Equal(t, filepath.Join(dir, "a.1.jsonl"), broken.File)
		age(t, dir)
	}
	lines, errs := listed(t, t.TempDir())
	require.Empty(t, lines)
	require.Len(t, errs, 1)
	var empty *store.EmptyError
	require.ErrorAs(t, errs[0], &empty)
}

func TestListingCanBeCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := folder(t)
	var n int
	for _, err := range store.Summaries(ctx, dir) {
		require.ErrorIs(t, err, context.Canceled)
		n++
	}
	require.Equal(t, 1, n)
	lines, errs := listed(t, dir)
	require.Empty(t, errs)
	require.Len(t, lines, 4)
}

func TestHeld(t *testing.T) {
	dir := folder(t)
	from := trajectories.Source{Format: "toy", File: "a.json", SHA256: strings.Repeat("a", 64), Row: 2}
	w := open(t, dir).Writer()
	h := header("d.1")
	h.Source = &from
	require.NoError(t, w.Begin(h))
	require.NoError(t, w.End(trajectories.End{Status: trajectories.ExitSubmitted}))
	write(t, filepath.Join(dir, "e.1.jsonl"), []byte("no log\n"))

	held, broken, err := open(t, dir).Held(t.Context())
	require.NoError(t, err)
	require.Len(t, broken, 1)
	require.True(t, held.Has("c.2"), "it is in an archive")
	require.False(t, held.Has("c.3"))
	id, ok := held.Imported(from)
	require.True(t, ok)
	require.Equal(t, "d.1", id)
	for name, change := range map[string]func(*trajectories.Source){
		"format": func(s *trajectories.Source) { s.Format = "other" },
		"file":   func(s *trajectories.Source) { s.File = "b.json" },
		"digest": func(s *trajectories.Source) { s.SHA256 = strings.Repeat("b", 64) },
		"row":    func(s *trajectories.Source) { s.Row = 3 },
		"part":   func(s *trajectories.Source) { s.Part = 1 },
	} {
		other := from
		change(&other)
		_, ok := held.Imported(other)
		require.False(t, ok, name)
	}
}

func FuzzIndex(f *testing.F) {
	dir := f.TempDir()
	write(f, filepath.Join(dir, "a.1.jsonl"), text(f, "a.1", 1))
	write(f, filepath.Join(dir, "c.jsonl.zst"), pack(f, text(f, "c.1", 1)))
	listed(f, dir)
	age(f, dir)
	content, err := os.ReadFile(index(dir))
	require.NoError(f, err)
	f.Add(content)
	f.Add(bytes.ReplaceAll(content, []byte(`"offset":0`), []byte(`"offset":-7`)))
	f.Add(bytes.ReplaceAll(content, []byte(`"frame":0`), []byte(`"frame":99999`)))
	f.Fuzz(func(t *testing.T, content []byte) {
		write(t, index(dir), content)
		for e, err := range store.Summaries(t.Context(), dir) {
			require.NoError(t, err)
			if l, err := e.Open(); err == nil {
				_, _ = l.Read()
			}
		}
	})
}

// BenchmarkSummaries lists 5,000 logs, in files of their own and in an archive:
// cold without an index, warm with one.
func BenchmarkSummaries(b *testing.B) {
	const logs = 5000
	files, archive := b.TempDir(), b.TempDir()
	var texts [][]byte
	for i := range logs {
		id := fmt.Sprintf("task-%d.1", i)
		texts = append(texts, text(b, id, 10))
		write(b, filepath.Join(files, id+".jsonl"), texts[i])
	}
	write(b, filepath.Join(archive, "all.jsonl.zst"), pack(b, texts...))
	for name, dir := range map[string]string{"files": files, "archive": archive} {
		count := func(b *testing.B) {
			lines, errs := listed(b, dir)
			require.Empty(b, errs)
			require.Len(b, lines, logs)
		}
		b.Run(name+"/cold", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = os.Remove(index(dir))
				count(b)
			}
		})
		b.Run(name+"/warm", func(b *testing.B) {
			age(b, dir)
			for b.Loop() {
				count(b)
			}
		})
	}
}
