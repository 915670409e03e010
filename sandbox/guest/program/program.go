// Package program carries the guest programs, one per processor architecture.
//
// `make build` puts them into the folder bin before it builds apprentice. A
// build without that step works, but cannot start sandboxes, and says so.
package program

import (
	"embed"
	"errors"
	"fmt"
	"runtime"
)

//go:embed all:bin
var binaries embed.FS

// ErrMissing says that this build carries no guest.
var ErrMissing = errors.New("this build of apprentice carries no guest program for sandboxes; build it with 'make build'")

// Binary returns the statically linked Linux guest for a processor
// architecture, named as in GOARCH. Empty means this machine's.
func Binary(arch string) ([]byte, error) {
	if arch == "" {
		arch = runtime.GOARCH
	}
	b, err := binaries.ReadFile("bin/guest-linux-" + arch)
	if err != nil {
		return nil, fmt.Errorf("guest for linux/%s: %w", arch, ErrMissing)
	}
	return b, nil
}
