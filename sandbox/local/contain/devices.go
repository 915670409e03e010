package contain

import (
	"os"

	"golang.org/x/sys/unix"
)

// devices makes a /dev with the few harmless devices in it, terminals of the
// sandbox's own, and memory to share.
func (p *Plan) devices() error {
	dev := newRoot + "/dev"
	if err := tmpfs(dev, unix.MS_NOEXEC, 0o755, 64<<10, 64); err != nil {
		return err
	}
	for _, name := range []string{"null", "zero", "full", "random", "urandom", "tty"} {
		target := dev + "/" + name
		if err := file(target, "", 0o666); err != nil {
			return err
		}
		if err := mount(oldRoot+"/dev/"+name, target, "", unix.MS_BIND, ""); err != nil {
			return err
		}
	}
	for name, target := range map[string]string{
		"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2", "ptmx": "pts/ptmx",
	} {
		if err := os.Symlink(target, dev+"/"+name); err != nil {
			return err
		}
	}
	for _, d := range []string{"/pts", "/shm"} {
		if err := os.Mkdir(dev+d, 0o755); err != nil {
			return err
		}
	}
	if err := mount("devpts", dev+"/pts", "devpts", unix.MS_NOSUID|unix.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620"); err != nil {
		return err
	}
	return tmpfs(dev+"/shm", unix.MS_NODEV, 0o1777, p.SharedBytes, p.SharedFiles)
}
