// Package program carries the guest programs, one per processor architecture.
//
// `make build` puts them into the folder bin before it builds apprentice, with
// their digests beside them. A build without that step works, but cannot start
// sandboxes, and says so.
package program

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"runtime"
)

//go:embed all:bin
var binaries embed.FS

// ErrMissing says that this build carries no guest.
var ErrMissing = errors.New("this build of apprentice carries no guest program for sandboxes; build it with 'make build'")

// ErrDamaged says that a guest is not the one that was built.
var ErrDamaged = errors.New("this build of apprentice carries a damaged guest program; build it again with 'make build'")

// Binary returns the statically linked Linux guest for a processor
// architecture, named as in GOARCH. Empty means this machine's. What runs as
// the init of every sandbox is checked against its digest first.
func Binary(arch string) ([]byte, error) {
	if arch == "" {
		arch = runtime.GOARCH
	}
	name := "guest-linux-" + arch
	b, err := binaries.ReadFile("bin/" + name)
	if err != nil {
		return nil, fmt.Errorf("guest for linux/%s: %w", arch, ErrMissing)
	}
	sums, err := binaries.ReadFile("bin/guest-sums")
	if err != nil || !listed(sums, name, b) {
		return nil, fmt.Errorf("guest for linux/%s: %w", arch, ErrDamaged)
	}
	return b, nil
}

// listed reports whether sums, as sha256sum writes them, hold the digest of a
// file.
func listed(sums []byte, name string, file []byte) bool {
	line := fmt.Appendf(nil, "%x  %s", sha256.Sum256(file), name)
	for s := range bytes.Lines(sums) {
		if bytes.Equal(bytes.TrimSpace(s), line) {
			return true
		}
	}
	return false
}
