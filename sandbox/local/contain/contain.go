//go:build linux

// Package contain makes the walls of a local sandbox. It runs inside the guest
// program, as the first process of fresh namespaces that the driver in package
// sandbox/local has made, and ends by becoming the guest.
//
// This process starts with a few capabilities, which reach no further than the
// new namespaces, and with all of the host's files before it. What it does, in
// this order, and what each step is good for:
//
//  1. Whatever the driver had open and did not mean to hand on is closed.
//  2. A root of its own: a tmpfs, or an overlay over the layers of an
//     image, bounded in size; the folders and
//     files of the allow-list bound into it and made read-only; a small /dev; a
//     /proc that shows this pid namespace. pivot_root goes there, and the old
//     root is taken away: there is no path and no descriptor left that leads to
//     the host.
//  3. A host name, and the loopback, the only network there is.
//  4. No user namespaces in here: in one of its own a process would have all
//     capabilities again, and with them reach much more of the kernel.
//     Shared memory of System V that nobody uses goes with the process that
//     made it, where the kernel lets this user say so.
//  5. Masks over /proc: what tells about the host is covered, what changes it
//     is read-only.
//  6. Limits of each process: files, processes, no core dumps.
//  7. No capabilities, also none that a set-user-ID program could bring back,
//     and no new privileges (no_new_privs).
//  8. Landlock, where the kernel has it: no mounts, no device nodes, no signals
//     and no abstract sockets out of the sandbox, whatever else fails.
//  9. The filter of system calls, over all threads. It comes last, because it
//     forbids most of the above.
//
// Then it is the guest. Everything that runs inside descends from the thread
// that did all this; the other threads, on which only the guest's own code
// runs, have no capabilities and the filter, and are not bound by Landlock.
package contain

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Plan says what to build. The driver sends it as JSON on file descriptor
// PlanFD.
type Plan struct {
	Hostname string
	// Lowers are folders of the host over which the root is an overlay, the
	// uppermost first; none for a root that starts out empty.
	Lowers []string
	// Binds are bound read-only, in this order.
	Binds []Bind
	// Links are symbolic links to make: name to target.
	Links map[string]string
	// Files are small files to write, in the place of what is there: name to
	// contents.
	Files map[string]string
	// Folders are made where they are missing, and those for all with the mode
	// of /tmp.
	Folders, ForAll []string
	// DiskBytes and DiskFiles bound what can be written, and so each file;
	// ProcessCount how many processes and threads there can be.
	DiskBytes, DiskFiles int64
	ProcessCount         uint64
	// DataBytes bounds the memory of each process, where no control group
	// bounds that of all; 0 means no bound.
	DataBytes uint64
	// Filter is the filter of system calls as the kernel takes it, struct
	// sock_filter one after the other; empty where the kernel has no filters.
	Filter []byte
	// SharedBytes and SharedFiles bound /dev/shm.
	SharedBytes, SharedFiles int64
	// HostNetwork says that the network namespace is the host's.
	HostNetwork bool

	gone chan error // tells when the old root is gone
}

// A Bind is a file or folder of the host shown inside.
type Bind struct {
	Source, Target string
	// Field is what asks for it, for errors; empty means the driver.
	Field string
}

// The file descriptors between the driver and this program: where the plan
// comes from, where a failure is told, and where the folder goes that holds
// what the sandbox writes. FailureFD ends without a word when the guest is
// there.
const (
	PlanFD    = 3
	FailureFD = 4
	WrittenFD = 5 // a unix socket
)

// Run builds the walls around this process, which is the guest from then on.
// Capabilities, Landlock and the set that bounds capabilities belong to threads,
// and others of this program run already: so the calling goroutine must have
// the first thread to itself, and has to start all that is to be inside. See
// inside.ServeContained, which comes next.
func Run() error {
	failure := os.NewFile(FailureFD, "failure")
	var p Plan
	err := p.build()
	if err != nil {
		_, _ = fmt.Fprint(failure, err)
	}
	return errors.Join(err, failure.Close())
}

// A step is one part of the walls.
type step struct {
	doing string
	do    func() error
}

func (p *Plan) build() error {
	// Whatever else the driver's process had open and did not mean to hand on
	// (a lock, a job server, a log) must not reach what runs inside.
	if err := unix.CloseRange(WrittenFD+1, math.MaxUint32, 0); err != nil {
		return os.NewSyscallError("close_range", err)
	}
	for _, fd := range []int{PlanFD, FailureFD, WrittenFD} {
		unix.CloseOnExec(fd)
	}
	f := os.NewFile(PlanFD, "plan")
	if err := json.NewDecoder(f).Decode(p); err != nil {
		return fmt.Errorf("reading the plan of the sandbox: %w", err)
	}
	_ = f.Close()
	loopback := make(chan error, 1)
	go func() { loopback <- p.loopback() }() // beside the mounts
	for _, s := range []step{
		{"building the root", p.root},
		{"naming the host", func() error { return unix.Sethostname([]byte(p.Hostname)) }},
		{"bringing up the loopback", func() error { return <-loopback }},
		{"forbidding user namespaces", forbidUserNamespaces},
		{"letting go of shared memory", forgetShared},
		{"masking /proc", maskProc},
		{"letting go of the old root", func() error { return <-p.gone }},
		{"limiting", p.limit},
		{"dropping capabilities", dropCapabilities},
		{"locking the land", landlock},
		{"filtering system calls", p.filterSyscalls},
	} {
		if err := s.do(); err != nil {
			return fmt.Errorf("%s: %w", s.doing, err)
		}
	}
	return nil
}

// Where things stand while the root is built: on a tmpfs that covers the
// host's /tmp in this mount namespace only.
const (
	oldRoot = "/old"
	newRoot = "/new"
	scratch = "/scratch"
)

func (p *Plan) root() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return os.NewSyscallError("make mounts private", err)
	}
	if err := mount("tmpfs", "/tmp", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755"); err != nil {
		return err
	}
	for _, d := range []string{oldRoot, newRoot, scratch} {
		if err := os.Mkdir("/tmp"+d, 0o755); err != nil {
			return err
		}
	}
	if err := unix.PivotRoot("/tmp", "/tmp"+oldRoot); err != nil {
		return os.NewSyscallError("pivot_root", err)
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	if err := p.base(); err != nil {
		return err
	}
	if err := p.fill(); err != nil {
		return err
	}
	for _, b := range p.Binds {
		if err := bind(b); err != nil {
			if b.Field != "" {
				return fmt.Errorf("%s: %w", b.Field, err)
			}
			return err
		}
	}
	if err := p.protect(); err != nil {
		return err
	}
	if err := p.devices(); err != nil {
		return err
	}
	if err := mount("proc", newRoot+"/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return err
	}
	if err := os.Chdir(newRoot); err != nil {
		return err
	}
	old, err := unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("open", err)
	}
	// The old root goes on top of the new one, and then away.
	if err := unix.PivotRoot(".", "."); err != nil {
		return os.NewSyscallError("pivot_root", err)
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	p.gone = make(chan error, 1)
	go func() { p.gone <- letGo(old) }()
	return nil
}

// letGo takes the old root away, with all that is mounted below it. The kernel
// then waits until no processor can still be looking at these mounts, which is
// as long as many of the steps that come next.
func letGo(root int) error {
	err := unix.Unmount(fmt.Sprintf("/proc/self/fd/%d", root), unix.MNT_DETACH)
	return errors.Join(os.NewSyscallError("umount", err), unix.Close(root))
}

// file writes a small file. Package os would ask more of the kernel for it than
// all else here does: whether the file can be polled, above all.
func file(path, text string, mode uint32) error {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC|unix.O_CLOEXEC, mode)
	if err == nil && text != "" {
		_, err = unix.Write(fd, []byte(text))
	}
	if fd >= 0 {
		err = errors.Join(err, unix.Close(fd))
	}
	if err != nil {
		return &os.PathError{Op: "write", Path: path, Err: err}
	}
	return nil
}

// tmpfs mounts one that is bounded in size and in how many files there can be:
// also an empty one takes about a kilobyte of memory, and none of the size.
func tmpfs(target string, flags uintptr, mode uint32, bytes, files int64) error {
	const root = 1 // is counted too
	return mount("tmpfs", target, "tmpfs", unix.MS_NOSUID|flags, fmt.Sprintf("mode=%o,size=%d,nr_inodes=%d", mode, bytes, files+root))
}

func mount(source, target, fstype string, flags uintptr, data string) error {
	if err := unix.Mount(source, target, fstype, flags, data); err != nil {
		return fmt.Errorf("mounting %s on %s: %w", source, target, err)
	}
	return nil
}

// loopback brings up lo, which a fresh network namespace has but down.
func (p *Plan) loopback() error {
	if p.HostNetwork {
		return nil
	}
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer unix.Close(s)
	req, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	req.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return os.NewSyscallError("SIOCSIFFLAGS", unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, req))
}

// limit sets what bounds each process by itself.
func (p *Plan) limit() error {
	const none = math.MaxUint64
	limits := map[int]unix.Rlimit{
		unix.RLIMIT_NPROC: {Cur: p.ProcessCount, Max: p.ProcessCount}, // of the user, in this user namespace
		unix.RLIMIT_FSIZE: {Cur: uint64(p.DiskBytes), Max: uint64(p.DiskBytes)},
		unix.RLIMIT_CORE:  {},
	}
	if p.DataBytes != 0 {
		// Sanitizers reserve more memory than there is: they may lift this.
		limits[unix.RLIMIT_DATA] = unix.Rlimit{Cur: p.DataBytes, Max: none}
	}
	for resource, limit := range limits {
		if err := unix.Setrlimit(resource, &limit); err != nil {
			return os.NewSyscallError("setrlimit", err)
		}
	}
	return nil
}

// forbidUserNamespaces keeps what runs inside from making a user namespace of
// its own, in which it would have all capabilities again: enough to mount file
// systems that no limit counts.
func forbidUserNamespaces() error {
	return file("/proc/sys/user/max_user_namespaces", "0", 0)
}

// forgetShared has the kernel remove what is left of System V's shared memory
// when the process that made it has ended and nobody uses it. Else it would
// outlive its command, as memory that ending processes does not free. Only the
// root of a user namespace may ask for that: where the user inside is another
// one, the driver does it, if that is root.
func forgetShared() error {
	err := file("/proc/sys/kernel/shm_rmid_forced", "1", 0)
	if errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOENT) {
		return nil
	}
	return err
}

// dropCapabilities gives up all capabilities of the calling thread, also those
// that a set-user-ID program could bring back.
func dropCapabilities() error {
	for c := 0; ; c++ {
		err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0)
		if err == unix.EINVAL {
			break // past the last one that the kernel knows
		}
		if err != nil {
			return os.NewSyscallError("drop from the bounding set", err)
		}
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return os.NewSyscallError("clear the ambient set", err)
	}
	h := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	// All threads of this process: whoever ever gets hold of one has nothing.
	if _, _, errno := syscall.AllThreadsSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&h)), uintptr(unsafe.Pointer(&none[0])), 0); errno != 0 {
		return os.NewSyscallError("capset", errno)
	}
	return os.NewSyscallError("no_new_privs", unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
}
