//go:build linux

package store

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strconv"
	"strings"
)

// A User is who runs things in an image.
type User struct {
	UID  int    `json:"uid"`
	GID  int    `json:"gid"`
	Name string `json:"name,omitempty"` // empty where the image has none for the number
	Home string `json:"home"`
}

// findUser reads the USER of an image (a name or a number, and perhaps a group)
// as Docker does: with the image's own files, where the number need not be in
// them. Empty means root.
func findUser(folders []string, user string) (User, error) {
	wanted, group, hasGroup := strings.Cut(user, ":")
	if wanted == "" {
		wanted = "0"
	}
	u := User{Home: "/"}
	line, err := entry(folders, "etc/passwd", wanted, 7)
	if err != nil {
		return User{}, err
	}
	if line == nil {
		if u.UID, err = number(wanted); err != nil {
			return User{}, fmt.Errorf("its USER %q is not in its /etc/passwd", wanted)
		}
		if u.UID == 0 {
			u.Name, u.Home = "root", "/root"
		}
	} else {
		u.Name = line[0]
		if strings.HasPrefix(line[5], "/") {
			u.Home = line[5]
		}
		if u.UID, err = number(line[2]); err != nil {
			return User{}, fmt.Errorf("its /etc/passwd: user %s: %w", u.Name, err)
		}
		if u.GID, err = number(line[3]); err != nil {
			return User{}, fmt.Errorf("its /etc/passwd: group of user %s: %w", u.Name, err)
		}
	}
	if !hasGroup || group == "" {
		return u, nil
	}
	if line, err = entry(folders, "etc/group", group, 4); err != nil {
		return User{}, err
	}
	if line != nil {
		group = line[2]
	}
	if u.GID, err = number(group); err != nil {
		return User{}, fmt.Errorf("the group of its USER %q is not in its /etc/group", user)
	}
	return u, nil
}

// entry returns the line of a name, or of a number that is not a name, in a
// file of the form of /etc/passwd; nil where there is none.
func entry(folders []string, path, wanted string, fields int) ([]string, error) {
	f, err := lookup(folders, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading its /%s: %w", path, err)
	}
	defer f.Close()
	var byNumber []string
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := strings.Split(lines.Text(), ":")
		if len(line) < fields {
			continue
		}
		if line[0] == wanted {
			return line, nil
		}
		if byNumber == nil && line[2] == wanted {
			byNumber = line
		}
	}
	return byNumber, lines.Err()
}

// number reads the number of a user or group, which must be one that the kernel
// can have.
func number(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n >= math.MaxUint32 {
		return 0, fmt.Errorf("%q is not the number of a user or group", s)
	}
	return int(n), nil
}
