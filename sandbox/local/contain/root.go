//go:build linux

package contain

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// base mounts what the sandbox writes to, bounded in size.
func (p *Plan) base() error {
	size := fmt.Sprintf("mode=755,size=%d", p.DiskBytes)
	if p.Lower == "" {
		return mount("tmpfs", newRoot, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, size)
	}
	if err := mount("tmpfs", scratch, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, size); err != nil {
		return err
	}
	for _, d := range []string{"/upper", "/work"} {
		if err := os.Mkdir(scratch+d, 0o755); err != nil {
			return err
		}
	}
	return mount("overlay", newRoot, "overlay", unix.MS_NOSUID|unix.MS_NODEV,
		fmt.Sprintf("lowerdir=%s,upperdir=%s/upper,workdir=%s/work,userxattr", oldRoot+p.Lower, scratch, scratch))
}

func (p *Plan) fill() error {
	for _, d := range append([]string{"/proc", "/dev", "/etc"}, p.Folders...) {
		if err := os.MkdirAll(newRoot+d, 0o755); err != nil {
			return err
		}
	}
	for _, d := range []string{"/tmp", "/var/tmp"} {
		if err := os.MkdirAll(newRoot+d, 0o755); err != nil {
			return err
		}
		if err := os.Chmod(newRoot+d, 0o777|os.ModeSticky); err != nil {
			return err
		}
	}
	for name, target := range p.Links {
		if _, err := os.Lstat(newRoot + name); err == nil {
			continue // a snapshot holds it
		}
		if err := os.MkdirAll(filepath.Dir(newRoot+name), 0o755); err != nil {
			return err
		}
		if err := os.Symlink(target, newRoot+name); err != nil {
			return err
		}
	}
	for name, text := range p.Files {
		if err := os.MkdirAll(filepath.Dir(newRoot+name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(newRoot+name, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
