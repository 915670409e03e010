//go:build linux

// Package local is the daemonless sandbox driver: Linux namespaces, made by an
// ordinary user or by root, with nothing to install and nothing running before
// or after. It is the embedded default where no Docker answers.
//
// A sandbox stands on an image, or else on an allow-list of the host, shown
// read-only: /usr (with /bin, /sbin and /lib*), a few named files of /etc, and
// the roots of toolchains that are installed elsewhere. All else is a fresh
// tmpfs: there is no home folder, no run folder, no Docker socket, no shadow
// file, and no apprentice binary. The network is a loopback of its own. Inside
// runs one unprivileged user without capabilities; when the driver runs as
// root, that user is no user of the host either.
//
// # Images
//
// An image is named as in a registry ("debian:12"), or as a file:
// "oci:FOLDER[:TAG]", "oci:FOLDER@sha256:…" or "docker-archive:FILE[:NAME]".
// There is no daemon that has them: package store gets them, unpacks each layer
// once, and all sandboxes share the layers by overlayfs. Nothing of the host is
// shown in such a sandbox. Its user is the image's USER, by number, and all
// files are that user's; there is no other one, so set-user-ID programs, chown
// and file capabilities do nothing. The image's ENV is the environment, with the
// Spec's on top. A Snapshot is an image too: the layers that the sandbox stood
// on, and one with what it has written. A later one of the same name takes its
// place; sandboxes that stand on the old one go on.
//
// # How it comes to be, in this order
//
//  1. A note of the sandbox is written to the state folder: whose it is, and
//     the control groups that it will have. Whatever happens from here on, a
//     later process finds what is left ([Driver.List]).
//  2. Control groups are made, where this user may make them: as root below our
//     own group of each hierarchy of version 1, and with version 2 as root or
//     where a group was delegated to this user.
//  3. The first process is made, in the control groups and in new user, mount,
//     pid, network, ipc, uts and cgroup namespaces. It executes the guest
//     program from a sealed memory file, with nothing of our environment, and
//     waits for its plan.
//  4. Meanwhile the limits are set: memory (with swap), processor time, and
//     processes. Where there is no control group for memory, each process is
//     bounded by itself (RLIMIT_DATA) and the limit is reported as not
//     enforced. Processes are counted per user namespace in any case.
//  5. The plan is sent, and the process builds the walls, as package contain
//     tells: a root of its own, /dev and /proc, the loopback, no capabilities
//     and no new privileges, Landlock, and last the filter of system calls,
//     which package seccomp assembles.
//  6. It becomes the guest, which is the init of the pid namespace. When it
//     ends, for whatever reason, the kernel kills all the rest, the mounts go
//     with the last process, and the driver removes groups and note.
//
// # Limits, and what they count
//
// The disk is a tmpfs: files are memory. So files count against the limit of
// memory, and where memory is limited they get at most three quarters of it,
// and /dev/shm an eighth: else a full disk would take the memory that the guest
// needs to say so. Files are counted too, one for each 8 KiB of the disk, because
// the kernel needs memory for an empty one as well. A file may be as large as the disk and no larger (RLIMIT_FSIZE),
// holes included. The guest is the last that the kernel kills for memory; when
// it is, the sandbox ends as [sandbox.DeathMemory].
//
// A sandbox sees its own control groups, read-only, below /sys/fs/cgroup; there
// is nothing else of /sys.
//
// An instance's Enforcement says what holds on this machine, and
// [Driver.Diagnose] why the rest does not.
package local

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest/inside"
	"github.com/apprentice-rl/apprentice/sandbox/guest/program"
	"github.com/apprentice-rl/apprentice/sandbox/guest/seccomp"
	"github.com/apprentice-rl/apprentice/sandbox/local/contain"
	"github.com/apprentice-rl/apprentice/sandbox/local/store"
)

// Options configure the driver. The zero value is usable.
type Options struct {
	// Dir is where the driver keeps images, snapshots and the state of its sandboxes;
	// empty means apprentice/local in the user's cache folder, and for root,
	// whose home others cannot enter, in /var/cache.
	Dir string
	// Guest is the guest program; nil means the one that this build carries.
	Guest []byte
	// Toolchains are further host folders to show read-only, each with a bin
	// folder that goes into PATH.
	Toolchains []string
	// Hide are host files and folders that must not be visible inside,
	// wherever they are. The running program always is hidden.
	Hide []string
	// BaseImage is the image of a Spec that names none; empty means the
	// allow-list of the host.
	BaseImage string
	// Progress, where set, is told how far an image is that is being fetched.
	Progress func(sandbox.Progress)
}

// Driver starts local sandboxes.
type Driver struct {
	dir       string
	guest     *os.File // a sealed memfd: nothing inside can write to it
	ownGuest  []byte   // the same, where each sandbox must have a memfd of its own
	base      base
	baseImage string
	store     *store.Store
	// What this kernel and this user allow.
	filter []byte // of system calls; nil where the kernel has no filters
	groups *cgroups
}

// New returns the driver, or an error that matches sandbox.ErrUnavailable and
// says what is missing on this machine.
func New(opts Options) (*Driver, error) {
	if opts.Dir == "" {
		cache, err := "/var/cache", error(nil)
		if os.Geteuid() != 0 {
			cache, err = os.UserCacheDir()
		}
		if err != nil {
			return nil, fmt.Errorf("local driver: finding a cache folder: %w", err)
		}
		opts.Dir = filepath.Join(cache, "apprentice", "local")
	}
	if opts.Guest == nil {
		var err error
		if opts.Guest, err = program.Binary(""); err != nil {
			return nil, err
		}
	}
	for _, d := range []string{"sandboxes", "empty"} {
		if err := os.MkdirAll(filepath.Join(opts.Dir, d), 0o755); err != nil {
			return nil, fmt.Errorf("local driver: %w", err)
		}
	}
	if err := reachable(opts.Dir); err != nil {
		return nil, fmt.Errorf("local driver: its state folder: %w", err)
	}
	images, err := openStore(opts)
	if err != nil {
		return nil, fmt.Errorf("local driver: %w", err)
	}
	f, err := sealed(opts.Guest, seals|unix.F_SEAL_EXEC)
	var own []byte
	if errors.Is(err, unix.EINVAL) { // before Linux 6.3
		if os.Geteuid() != 0 {
			own = opts.Guest
		}
		f, err = sealed(opts.Guest, seals)
	}
	if err != nil {
		return nil, fmt.Errorf("local driver: holding the guest program: %w", err)
	}
	b, err := findBase(opts.Toolchains, opts.Hide, filepath.Join(opts.Dir, "empty"))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("local driver: %w", err), f.Close())
	}
	d := &Driver{dir: opts.Dir, guest: f, ownGuest: own, base: b, baseImage: opts.BaseImage, store: images, groups: findCgroups("")}
	if hasFilters() {
		if d.filter, err = seccomp.Program(); err != nil {
			return nil, errors.Join(fmt.Errorf("local driver: %w", err), f.Close())
		}
	}
	return d, nil
}

// seals keep the text of a memory file as it is. F_SEAL_EXEC also keeps it
// executable, whatever its owner does; and an ordinary user, who owns it, is the
// user inside.
const seals = unix.F_SEAL_WRITE | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_SEAL

// sealed returns an executable memory file that can never change.
func sealed(b []byte, seals int) (*os.File, error) {
	low, err := unix.MemfdCreate("apprentice-guest", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	defer unix.Close(low)
	f, err := high(low)
	if err != nil {
		return nil, err
	}
	if _, err := f.Write(b); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if _, err := unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, seals); err != nil {
		return nil, errors.Join(os.NewSyscallError("seal", err), f.Close())
	}
	return f, nil
}

// high opens the guest program once more. It is started by its number, which
// must be none that the new process has something else under.
func high(guest int) (*os.File, error) {
	fd, err := unix.FcntlInt(uintptr(guest), unix.F_DUPFD_CLOEXEC, contain.WrittenFD+1)
	if err != nil {
		return nil, os.NewSyscallError("dup", err)
	}
	return os.NewFile(uintptr(fd), "apprentice-guest"), nil
}

// program opens the guest program for the start of one sandbox. Where it can
// only be sealed in part, a sandbox must not be able to spoil it for others:
// each has its own, which takes some milliseconds.
func (d *Driver) program() (*os.File, error) {
	if d.ownGuest != nil {
		return sealed(d.ownGuest, seals)
	}
	// The seal does not keep it readable, and the kernel trusts a process less
	// whose program it may not read.
	if err := d.guest.Chmod(0o777); err != nil {
		return nil, err
	}
	return high(int(d.guest.Fd()))
}

// Close lets go of the guest program. Sandboxes that run are not touched.
func (d *Driver) Close() error { return errors.Join(d.guest.Close(), d.store.Close()) }

// Name implements sandbox.Driver.
func (d *Driver) Name() string { return "local" }

// hostUser is what the user inside is on the host when the driver runs as root: far
// beyond the numbers that users and subordinate ids have.
const hostUser = 1 << 30

// Start implements sandbox.Driver.
func (d *Driver) Start(ctx context.Context, spec sandbox.Spec) (_ sandbox.Instance, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	force := d.enforcement(spec)
	if err := sandbox.CheckRequired(spec, force); err != nil {
		return nil, fmt.Errorf("local sandbox: %w", err)
	}
	if err := check(spec); err != nil {
		return nil, fmt.Errorf("local sandbox: %w", err)
	}
	shown, err := mounts(spec.Mounts)
	if err != nil {
		return nil, fmt.Errorf("local sandbox: %w", err)
	}
	g, err := d.ground(ctx, spec.Image)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			g.release()
		}
	}()
	labels, err := sandbox.NewLabels(spec)
	if err != nil {
		return nil, err
	}
	id := make([]byte, 6)
	_, _ = rand.Read(id) // never fails
	in := &instance{
		id:          "local-" + hex.EncodeToString(id),
		driver:      d,
		ground:      g,
		written:     &written{},
		enforcement: force,
		limits:      spec.Limits.OrDefault(),
		dead:        make(chan struct{}),
	}
	in.group = d.groups.group(in.id, in.limits)
	guest, err := d.program()
	if err != nil {
		return nil, fmt.Errorf("local sandbox: holding the guest program: %w", exhausted(err))
	}
	defer guest.Close()
	if err := in.start(ctx, d.command(spec, g, guest), d.plan(spec, g, slices.Concat(in.group.binds(), shown)), labels); err != nil {
		return nil, fmt.Errorf("starting a local sandbox: %w", exhausted(err))
	}
	return in, nil
}

func (d *Driver) plan(spec sandbox.Spec, g *ground, more []contain.Bind) contain.Plan {
	limits := spec.Limits.OrDefault()
	p := contain.Plan{
		Hostname:     "sandbox",
		Lowers:       d.store.Folders(g.image),
		Binds:        slices.Concat(g.binds, more),
		Links:        g.links,
		Files:        g.files,
		Folders:      g.folders,
		ForAll:       g.forAll,
		SharedBytes:  sharedMemory,
		SharedFiles:  limits.Memory / sharedMemoryPerFile,
		HostNetwork:  spec.Network == sandbox.NetworkHost,
		DiskBytes:    limits.Disk,
		ProcessCount: uint64(limits.Processes),
		Filter:       d.filter,
	}
	if d.groups.has("memory") {
		// Files are memory that killing a process does not free: some must be
		// left for the guest, which else were killed in the end.
		p.DiskBytes = min(limits.Disk, limits.Memory/4*3)
		p.SharedBytes = min(sharedMemory, limits.Memory/8)
	} else {
		p.DataBytes = uint64(limits.Memory)
	}
	p.DiskFiles = p.DiskBytes/diskPerFile + firstFiles
	if spec.Network == sandbox.NetworkHost {
		p.Files = withResolver(g.files)
	}
	return p
}

// sharedMemory is the size of /dev/shm, as Docker has it.
const sharedMemory = 64 << 20

// How many files there can be, empty ones and folders included: each takes about
// a kilobyte of memory beside its contents.
const (
	diskPerFile         = 8 << 10  // bytes of the disk, so that files add an eighth to it at most
	firstFiles          = 256      // that a sandbox starts with, and a few more
	sharedMemoryPerFile = 32 << 10 // bytes of the limit of memory, for each file in /dev/shm
)

func (d *Driver) command(spec sandbox.Spec, g *ground, guest *os.File) *exec.Cmd {
	// The guest is started from memory: there is no file of it that something
	// inside or outside could replace.
	cmd := exec.Command(fmt.Sprintf("/proc/self/fd/%d", guest.Fd()), "contain")
	cmd.Args[0] = "apprentice-guest"
	cmd.Dir = "/"
	life := spec.Lifetime
	if life == 0 {
		life = sandbox.DefaultLifetime
	}
	env := maps.Clone(g.env)
	env[inside.LifetimeVariable] = life.String()
	env[inside.DiskVariable] = "1"
	maps.Copy(env, spec.Env)
	cmd.Env = []string{} // nothing of this process's environment
	for k, v := range env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	user, group := os.Geteuid(), os.Getegid()
	if user == 0 {
		user, group = hostUser, hostUser
	}
	flags := unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP
	if spec.Network != sandbox.NetworkHost {
		flags |= unix.CLONE_NEWNET
	}
	cmd.SysProcAttr = &unix.SysProcAttr{
		Cloneflags:  uintptr(flags),
		UidMappings: []syscall.SysProcIDMap{{ContainerID: g.user.UID, HostID: user, Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: g.user.GID, HostID: group, Size: 1}},
		Credential:  &syscall.Credential{Uid: uint32(g.user.UID), Gid: uint32(g.user.GID), NoSetGroups: true},
		AmbientCaps: containCaps,
		Setsid:      true,
	}
	return cmd
}

// containCaps is what package contain needs before it drops everything; they
// reach no further than the new namespaces.
var containCaps = []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_NET_ADMIN, unix.CAP_SETPCAP, unix.CAP_SYS_RESOURCE, unix.CAP_DAC_OVERRIDE, unix.CAP_CHOWN, unix.CAP_FOWNER}

var _ sandbox.Driver = (*Driver)(nil)
