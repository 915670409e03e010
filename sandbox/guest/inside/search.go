package inside

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest/wire"
)

// The bounds of a search.
const (
	searchLimit  = 1000
	searchText   = 1000      // bytes of a line that are told
	searchLine   = 1 << 20   // bytes of a line that are looked at
	searchResult = 512 << 10 // bytes of all matches together as JSON, which go in one frame
)

// search looks through the regular files at and below path, in the order of
// their names. Files that hold a NUL byte early on are left out, as grep does.
func search(path string, s sandbox.Search, cancel <-chan struct{}) (wire.Found, error) {
	pattern, err := regexp.Compile(s.Pattern)
	if err != nil {
		return wire.Found{}, err
	}
	if _, err := filepath.Match(s.Glob, ""); err != nil {
		return wire.Found{}, fmt.Errorf("glob %q: %w", s.Glob, err)
	}
	if s.Limit == 0 {
		s.Limit = searchLimit
	}
	// A link to a folder is searched like the folder; its name stays.
	at, err := filepath.EvalSymlinks(path)
	if err != nil {
		return wire.Found{}, err
	}
	w := &searcher{pattern: pattern, cancel: cancel, left: s.Limit, room: searchResult}
	err = filepath.WalkDir(at, func(p string, d fs.DirEntry, err error) error {
		select {
		case <-cancel:
			return wire.ErrStopped
		default:
		}
		if err != nil {
			if p == at {
				return err
			}
			return nil // what cannot be read is not searched
		}
		if d.IsDir() && p != at && slices.Contains(s.Skip, d.Name()) {
			return fs.SkipDir
		}
		if !d.Type().IsRegular() && p != at {
			return nil
		}
		if ok, _ := filepath.Match(s.Glob, d.Name()); s.Glob != "" && !ok || d.IsDir() {
			return nil
		}
		return w.file(p, filepath.Join(path, strings.TrimPrefix(p, at)))
	})
	if errors.Is(err, errEnough) {
		w.found.More, err = true, nil
	}
	return w.found, err
}

var errEnough = errors.New("there are more matches than were asked for")

type searcher struct {
	pattern *regexp.Regexp
	cancel  <-chan struct{}
	found   wire.Found
	left    int // matches
	room    int // bytes
}

// file searches one file, which is told of by name.
func (w *searcher) file(path, name string) error {
	f, err := openRegular(path, os.O_RDONLY)
	if err != nil {
		return nil
	}
	defer f.Close()
	r := bufio.NewReaderSize(cancellableFile{f, w.cancel}, 64<<10)
	if head, _ := r.Peek(8 << 10); bytes.IndexByte(head, 0) >= 0 {
		return nil
	}
	for n := 1; ; n++ {
		line, err := readLine(r)
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil // a disk that fails, a file that is gone, a search that nobody wants any more
		}
		if w.pattern.Match(line) {
			match := sandbox.Match{Path: name, Line: n, Text: string(line[:min(len(line), searchText)])}
			told, err := json.Marshal(match)
			if err != nil {
				return err
			}
			if w.left--; w.left < 0 || w.room < len(told) {
				return errEnough
			}
			w.room -= len(told) + len(",")
			w.found.Matches = append(w.found.Matches, match)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
	}
}

// A cancellableFile is read until the search is cancelled.
type cancellableFile struct {
	f      *os.File
	cancel <-chan struct{}
}

func (c cancellableFile) Read(p []byte) (int, error) {
	select {
	case <-c.cancel:
		return 0, wire.ErrStopped
	default:
		return c.f.Read(p)
	}
}

// readLine returns the next line without its end, or the beginning of one that
// is too long.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if room := searchLine - len(line); room > 0 {
			line = append(line, part[:min(len(part), room)]...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
			return line, err
		}
	}
}
