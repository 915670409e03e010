//go:build linux

package local

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/apprentice-rl/apprentice/sandbox/local/contain"
)

// User is the user of a sandbox on the allow-list of the host, by number; its
// name is "agent".
const User = 1000

// home is that user's home folder.
const home = "/home/agent"

// A base is the allow-list of the host, as it is on this machine.
type base struct {
	binds  []contain.Bind
	links  map[string]string // /bin → usr/bin and its like
	files  map[string]string // generated files of /etc
	path   string            // PATH inside
	digest string            // changes when the toolchains do
}

// hostsFile is /etc/hosts in every sandbox.
const hostsFile = "127.0.0.1 localhost sandbox\n::1 localhost\n"

// What of the host is shown, where it exists.
var (
	systemDirs = []string{"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"}
	etcNames   = []string{
		"/etc/alternatives", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/os-release",
		"/etc/debian_version", "/etc/mime.types", "/etc/protocols", "/etc/services", "/etc/ssl/openssl.cnf", "/etc/bash.bashrc",
	}
)

// findBase looks at this machine. Toolchains are further folders to show; the
// one that the go command names is found without being asked for.
func findBase(toolchains, hide []string, empty string) (base, error) {
	b := base{
		links: map[string]string{"/var/run": "/run"},
		files: map[string]string{
			"/etc/passwd":        "root:x:0:0:root:/root:/bin/sh\nagent:x:1000:1000:agent:" + home + ":/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
			"/etc/group":         "root:x:0:\nagent:x:1000:\nnogroup:x:65534:\n",
			"/etc/hosts":         hostsFile,
			"/etc/hostname":      "sandbox\n",
			"/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
		},
	}
	for _, d := range systemDirs {
		st, err := os.Lstat(d)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return base{}, err
		case st.Mode()&fs.ModeSymlink != 0:
			if b.links[d], err = os.Readlink(d); err != nil {
				return base{}, err
			}
		default:
			b.binds = append(b.binds, contain.Bind{Source: d, Target: d})
		}
	}
	for _, f := range etcNames {
		source, err := filepath.EvalSymlinks(f)
		if err != nil {
			continue
		}
		// Every mount costs time, at each start; a small file is as well copied.
		if st, err := os.Stat(source); err == nil && st.Mode().IsRegular() && st.Size() <= 1<<10 {
			if text, err := os.ReadFile(source); err == nil {
				b.files[f] = string(text)
				continue
			}
		}
		b.binds = append(b.binds, contain.Bind{Source: source, Target: f})
	}
	var bins []string
	if root := goRoot(); root != "" && reachable(root) == nil {
		toolchains = append(toolchains, root)
	}
	for _, dir := range toolchains {
		dir, err := filepath.EvalSymlinks(dir)
		if err != nil {
			return base{}, fmt.Errorf("toolchain: %w", err)
		}
		inside, shown := b.inside(dir)
		if !shown {
			// Under a neutral name: the path may lead through a home folder.
			inside = "/opt/" + filepath.Base(filepath.Dir(dir)) + "-" + filepath.Base(dir)
			b.binds = append(b.binds, contain.Bind{Source: dir, Target: inside})
		}
		bins = append(bins, inside+"/bin")
	}
	b.path = strings.Join(append(slices.Compact(bins), "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"), ":")
	if err := b.hide(hide, empty); err != nil {
		return base{}, err
	}
	b.digest = b.fingerprint()
	return b, nil
}

// goRoot is the root of the Go toolchain that this user has, or empty.
func goRoot() string {
	path, err := exec.LookPath("go")
	if err != nil {
		return ""
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return ""
	}
	root := filepath.Dir(filepath.Dir(path))
	if _, err := os.Stat(filepath.Join(root, "src", "runtime")); err != nil {
		return "" // a wrapper, not the program
	}
	return root
}

// reachable reports whether the user inside can enter path. When the driver
// runs as root that user is a stranger to the host, so others must be let
// through every folder on the way.
func reachable(path string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	for dir := filepath.Clean(path); dir != "/"; dir = filepath.Dir(dir) {
		st, err := os.Stat(dir)
		if err != nil {
			return err
		}
		if st.IsDir() && st.Mode()&0o001 == 0 {
			return fmt.Errorf("%s: sandboxes that root starts run as a user who cannot enter %s; choose another folder, or chmod o+x %s", path, dir, dir)
		}
	}
	return nil
}

// inside is where a path of the host is visible, if it is.
func (b *base) inside(path string) (target string, shown bool) {
	for _, bind := range b.binds {
		if rest, ok := strings.CutPrefix(path, bind.Source); ok && (rest == "" || rest[0] == '/') {
			return bind.Target + rest, true
		}
	}
	return "", false
}

// hide covers what the allow-list would show: files with an empty device,
// folders with an empty one. Apprentice itself, above all, which holds the gold
// patches of its suite.
func (b *base) hide(files []string, empty string) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	files = append(slices.Clone(files), self)
	for _, dir := range []string{"/usr/bin", "/usr/local/bin", "/usr/sbin", "/usr/local/sbin"} {
		files = append(files, filepath.Join(dir, "apprentice"))
	}
	for _, f := range files {
		source, err := filepath.EvalSymlinks(f)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("hiding %s: %w", f, err)
		}
		target, shown := b.inside(source)
		if !shown {
			continue
		}
		cover := os.DevNull
		if st, err := os.Stat(source); err == nil && st.IsDir() {
			cover = empty
		}
		b.binds = append(b.binds, contain.Bind{Source: cover, Target: target})
	}
	return nil
}

// fingerprint names this base: what is shown, and the versions of what is most
// likely to matter. It need not notice every change of the host.
func (b *base) fingerprint() string {
	h := sha256.New()
	fmt.Fprintln(h, b.path)
	for _, bind := range b.binds {
		fmt.Fprintln(h, bind.Source, bind.Target)
	}
	for _, prog := range []string{"bash", "git", "go", "python3", "gcc"} {
		for _, dir := range strings.Split(b.path, ":") {
			if st, err := os.Stat(filepath.Join(dir, prog)); err == nil {
				fmt.Fprintln(h, prog, dir, st.Size(), st.ModTime().UnixNano())
				break
			}
		}
	}
	return "host-" + hex.EncodeToString(h.Sum(nil))[:16]
}
