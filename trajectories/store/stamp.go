package store

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// A stamp is what a file's system says of it and what changes with its content.
// The time of the last change is set by the kernel alone, so it tells of a file
// that was replaced by one of the same size and the same time of modification.
type stamp struct {
	Size     int64  `json:"size"`
	Modified int64  `json:"mtime_ns"`
	Changed  int64  `json:"ctime_ns"`
	Inode    uint64 `json:"inode"`
}

func stampOf(path string) (stamp, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return stamp{}, fmt.Errorf("looking for trajectories: %w", &os.PathError{Op: "stat", Path: path, Err: err})
	}
	return stamp{st.Size, st.Mtim.Nano(), st.Ctim.Nano(), st.Ino}, nil
}

// granularity is the coarsest clock of a file system that is reckoned with, in
// nanoseconds: that of FAT.
const granularity = 2_000_000_000

// settled says that a later change gives the file another stamp, where read is
// the time at which it began to be read, by the file system's clock. A file that
// had changed just before may change again within one tick of that clock. (Git
// has the same problem with its index, and calls such entries racy.)
func (s stamp) settled(read int64) bool { return s.Changed+granularity <= read }
