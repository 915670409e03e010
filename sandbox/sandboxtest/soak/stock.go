//go:build linux

package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"go.uber.org/goleak"
)

// A stock is what a process has, to see later whether it has more.
type stock struct {
	files   map[string]int // what descriptors point to, and how many of each
	current goleak.Option
}

func takeStock() (stock, error) {
	files, err := openFiles()
	return stock{files: files, current: goleak.IgnoreCurrent()}, err
}

// openFiles says what is open, without the numbers that tell one pipe or
// socket from another.
func openFiles() (map[string]int, error) {
	const dir = "/proc/self/fd"
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	files := map[string]int{}
	for _, e := range entries {
		to, err := os.Readlink(dir + "/" + e.Name())
		if err != nil {
			continue // the folder's own, which is closed by now
		}
		kind, _, _ := strings.Cut(to, ":[")
		files[kind]++
	}
	return files, nil
}

// leaks says what there is more than before. Descriptors of the peer's side of
// a connection may take a moment to close.
func (s stock) leaks() []string {
	var leaks []string
	for range 100 {
		leaks = nil
		now, err := openFiles()
		if err != nil {
			return []string{err.Error()}
		}
		for _, kind := range slices.Sorted(maps.Keys(now)) {
			if more := now[kind] - s.files[kind]; more > 0 {
				leaks = append(leaks, fmt.Sprintf("%d descriptors more of %s", more, kind))
			}
		}
		if len(leaks) == 0 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if err := goleak.Find(s.current); err != nil {
		leaks = append(leaks, err.Error())
	}
	return leaks
}
