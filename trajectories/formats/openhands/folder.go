package openhands

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"syscall"
)

// eventFile is the name of a file with one event (EVENT_FILE_PATTERN of the
// software agent SDK). The number may have more digits than five.
var eventFile = regexp.MustCompile(`^event-(\d{5,})-[0-9a-fA-F-]{8,}\.json$`)

// conversation returns the files of a folder that holds one: those of its
// events in their order, and behind them the state, if there is one.
func conversation(dir string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(dir, "events"))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for events: %w", err)
	}
	type event struct {
		n    uint64
		path string
	}
	var events []event
	for _, e := range entries {
		m := eventFile.FindStringSubmatch(e.Name())
		if m == nil || !e.Type().IsRegular() {
			continue
		}
		n, err := strconv.ParseUint(m[1], 10, 64)
		if err != nil {
			continue // no index of this world
		}
		events = append(events, event{n, filepath.Join(dir, "events", e.Name())})
	}
	if len(events) == 0 {
		return nil, nil
	}
	slices.SortStableFunc(events, func(a, b event) int { return cmp.Compare(a.n, b.n) })
	var files []string
	for _, e := range events {
		files = append(files, e.path)
	}
	state := filepath.Join(dir, "base_state.json")
	if info, err := os.Lstat(state); err == nil && info.Mode().IsRegular() {
		files = append(files, state)
	}
	return files, nil
}
