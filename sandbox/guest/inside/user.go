package inside

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// credential is what it takes to run as a user, "name", "number", or either
// with ":group"; nil where that is the user of this process.
func credential(user string) (*syscall.Credential, error) {
	if user == "" {
		return nil, nil
	}
	name, group, grouped := strings.Cut(user, ":")
	uid, gid, err := lookUp("/etc/passwd", name)
	if err != nil {
		return nil, fmt.Errorf("user %s: %w", user, err)
	}
	if grouped {
		if gid, _, err = lookUp("/etc/group", group); err != nil {
			return nil, fmt.Errorf("user %s: %w", user, err)
		}
	}
	if uid == os.Getuid() && gid == os.Getgid() {
		return nil, nil
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// lookUp finds a name or number in a file like /etc/passwd, and returns the
// third field and the fourth. A number need not be in it.
func lookUp(file, name string) (id, group int, err error) {
	b, err := readUsers(file)
	if err != nil && !os.IsNotExist(err) {
		return 0, 0, err
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) < 4 || f[0] != name && f[2] != name {
			continue
		}
		if id, err = strconv.Atoi(f[2]); err == nil {
			group, _ = strconv.Atoi(f[3]) // a list of members, in /etc/group
			return id, group, nil
		}
	}
	if id, err := strconv.Atoi(name); err == nil && id >= 0 {
		return id, id, nil
	}
	return 0, 0, fmt.Errorf("there is no %s in %s", name, file)
}

// readUsers reads a file that whoever ran here before may have replaced.
func readUsers(file string) ([]byte, error) {
	f, err := openRegular(file, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, 1<<20))
}
