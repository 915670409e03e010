//go:build linux

package local

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/local/contain"
)

// What no sandbox could start with less of. It may be that one needs more.
const (
	leastMemory    = 4 << 20 // bytes
	leastDisk      = 1 << 20 // bytes
	leastProcesses = 16      // the threads of the guest are counted
)

// check finds what is wrong with a Spec, whatever the machine, and names the
// field.
func check(spec sandbox.Spec) error {
	limits := spec.Limits.OrDefault()
	switch {
	case limits.Memory < leastMemory:
		return fmt.Errorf("Limits.Memory: %d bytes, where a sandbox needs %d at least", limits.Memory, leastMemory)
	case limits.Disk < leastDisk:
		return fmt.Errorf("Limits.Disk: %d bytes, where a sandbox needs %d at least", limits.Disk, leastDisk)
	case limits.Processes < leastProcesses:
		return fmt.Errorf("Limits.Processes: %d, where a sandbox needs %d at least", limits.Processes, leastProcesses)
	case limits.CPUs < 0:
		return fmt.Errorf("Limits.CPUs: %v is less than none", limits.CPUs)
	}
	for name, value := range spec.Env {
		if strings.ContainsRune(name+value, 0) {
			return fmt.Errorf("the variable %q of Env has a NUL in it", name)
		}
	}
	return nil
}

// mounts are the binds for the folders that a Spec shows.
func mounts(all []sandbox.Mount) ([]contain.Bind, error) {
	var binds []contain.Bind
	for i, m := range all {
		field := fmt.Sprintf("Mounts[%d]", i)
		if !filepath.IsAbs(m.Source) {
			return nil, fmt.Errorf("%s.Source: %q is no absolute path", field, m.Source)
		}
		// Links lead elsewhere once the host is not the root any more.
		source, err := filepath.EvalSymlinks(m.Source)
		if err == nil {
			err = reachable(source)
		}
		if err != nil {
			return nil, fmt.Errorf("%s.Source: %w", field, err)
		}
		if !filepath.IsAbs(m.Target) || filepath.Clean(m.Target) == "/" {
			return nil, fmt.Errorf("%s.Target: %q is no absolute path below the root", field, m.Target)
		}
		binds = append(binds, contain.Bind{Source: source, Target: m.Target, Field: field})
	}
	return binds, nil
}
