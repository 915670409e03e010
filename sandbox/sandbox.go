// Package sandbox is the contract between those who need an isolated Linux
// environment and those who can start one.
//
// A sandbox is made of two halves. The outer half is a [Driver]: it starts an
// isolated place from a [Spec] with a small static program, the guest, running
// in it, and hands back an [Instance]: the guest's byte stream, and the means
// to wait for, snapshot and destroy the place. The inner half is the guest:
// everything that happens inside (commands, shell sessions, files) is asked of
// it over that stream, by one client that all drivers share, in package
// sandbox/guest. So a new driver is small, and every driver behaves the same;
// package sandbox/sandboxtest proves it.
//
// Two kinds of failure are kept apart everywhere. What goes wrong with a
// command (exit code, signal, timeout, memory) is a [Result]. What goes wrong
// with the sandbox itself (daemon gone, stream broken, guest killed) is an
// error that matches [ErrBroken] or [ErrUnavailable] with errors.Is; after an
// ErrBroken the sandbox is not reused.
//
// Defaults are safe. The zero Spec has no network, no capabilities, no new
// privileges, and limits on processes, memory and disk. What a driver cannot
// enforce on this machine it reports in [Instance.Enforcement], so that the
// record of a run can say so, and it refuses to start when Spec.Require names
// that limit.
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// A Driver starts sandboxes. Implementations are safe for concurrent use.
type Driver interface {
	// Name is the driver's short name: "docker", "local".
	Name() string

	// Resolve makes sure that image is there (pulling it if need be) and
	// returns an identity of its contents, such as a digest, that is the same
	// for the same contents. Empty means the driver's own base. The error
	// matches ErrNoImage or ErrUnavailable.
	Resolve(ctx context.Context, image string) (digest string, err error)

	// Start starts an isolated place and the guest in it. It returns an error
	// that matches ErrUnavailable when the driver cannot work here at all,
	// ErrNoImage when the image does not exist, and ErrUnenforced when a limit
	// that spec requires cannot be enforced. A Start that fails leaves nothing
	// behind.
	Start(ctx context.Context, spec Spec) (Instance, error)

	// List lists all sandboxes of this driver, those of other processes too and
	// those that have outlived their owner, in no order.
	List(ctx context.Context) ([]Running, error)
}

// An Instance is one started sandbox as its driver sees it from outside.
type Instance interface {
	// ID identifies the sandbox to the driver's own tools: a container id, a
	// process id.
	ID() string

	// Stream is the guest's byte stream. Closing it ends the guest, and with
	// it everything in the sandbox.
	Stream() io.ReadWriteCloser

	// Wait blocks until the sandbox is dead and says why. It may be called
	// from several goroutines.
	Wait(ctx context.Context) (Death, error)

	// Snapshot freezes the files of the sandbox as they are now, under an
	// image name of the form "repository:tag" that Resolve and Start of the
	// same driver know from then on, in later processes too.
	Snapshot(ctx context.Context, image string) error

	// Destroy ends the sandbox and removes everything it left on the host. It
	// is idempotent.
	Destroy(ctx context.Context) error

	// Enforcement says for each limit whether it is in force.
	Enforcement() map[Limit]Enforcement
}

// Spec says what sandbox to start. The zero value is a sandbox on the driver's
// own base with safe defaults.
type Spec struct {
	// Image is what the files of the sandbox start from. Empty means the
	// driver's own base: for docker the image it was configured with, for
	// local an allow-list of the host's toolchains, bound read-only.
	Image string

	// Env are environment variables for everything that runs inside.
	Env map[string]string

	// Limits bound what the sandbox may use. Zero fields mean DefaultLimits'.
	Limits Limits

	// Require names the limits without which Start must refuse.
	Require []Limit

	// Network opens the network; the default is none, loopback excepted.
	Network Network

	// Mounts are host folders bound read-only into the sandbox.
	Mounts []Mount

	// Run is the run's id, written in the labels.
	Run string

	// Lifetime bounds the sandbox's life; zero means DefaultLifetime.
	Lifetime time.Duration
}

// DefaultLifetime is how long a sandbox may live when its Spec does not say.
const DefaultLifetime = 2 * time.Hour

// Network is a sandbox's network policy.
type Network string

const (
	NetworkNone Network = ""     // loopback only
	NetworkHost Network = "host" // the host's network; written in the record
)

// A Mount binds a host folder read-only into the sandbox.
type Mount struct {
	Source string // absolute path on the host
	Target string // absolute path inside
}

// Limits bound the use of resources by one sandbox.
type Limits struct {
	Memory    int64   // bytes
	Disk      int64   // bytes that the sandbox may write
	CPUs      float64 // processors
	Processes int64   // processes and threads
}

// DefaultLimits are used for the fields that a Spec leaves zero.
func DefaultLimits() Limits {
	return Limits{Memory: 4 << 30, Disk: 4 << 30, CPUs: 2, Processes: 1024}
}

// OrDefault returns l with DefaultLimits in place of its zero fields.
func (l Limits) OrDefault() Limits {
	d := DefaultLimits()
	if l.Memory == 0 {
		l.Memory = d.Memory
	}
	if l.Disk == 0 {
		l.Disk = d.Disk
	}
	if l.CPUs == 0 {
		l.CPUs = d.CPUs
	}
	if l.Processes == 0 {
		l.Processes = d.Processes
	}
	return l
}

// A Limit names one bound that a sandbox may be under.
type Limit string

const (
	LimitMemory        Limit = "memory"
	LimitDisk          Limit = "disk"
	LimitCPU           Limit = "cpu"
	LimitProcesses     Limit = "processes"
	LimitNetwork       Limit = "network"
	LimitCapabilities  Limit = "capabilities"
	LimitNewPrivileges Limit = "new-privileges"
	LimitSyscalls      Limit = "syscalls"
)

// Enforcement says whether a limit is in force.
type Enforcement string

const (
	Enforced   Enforcement = "enforced"
	Unenforced Enforcement = "unenforced"
	Open       Enforcement = "open" // opened on purpose by the Spec
)

// CheckRequired returns an error matching ErrUnenforced if spec requires a
// limit that is not in force. Drivers call it before they start anything.
func CheckRequired(spec Spec, in map[Limit]Enforcement) error {
	for _, l := range spec.Require {
		if in[l] != Enforced {
			return fmt.Errorf("limit %s: %w", l, ErrUnenforced)
		}
	}
	return nil
}

// A Death is the end of a whole sandbox.
type Death struct {
	Cause DeathCause
	// Detail is the driver's own words, for people.
	Detail string
}

// DeathCause is why a sandbox ended.
type DeathCause string

const (
	DeathClosed   DeathCause = "closed"   // its stream was closed, or it was destroyed
	DeathDeadline DeathCause = "deadline" // it outlived its lifetime
	DeathKilled   DeathCause = "killed"   // the guest was killed from outside or crashed
	DeathMemory   DeathCause = "memory"   // the guest was killed for memory
	DeathDriver   DeathCause = "driver"   // the driver's engine went away
)

var (
	// ErrUnavailable: this driver cannot work on this machine now.
	ErrUnavailable = errors.New("sandbox driver is not available")
	// ErrNoImage: the image of the Spec does not exist and cannot be had.
	ErrNoImage = errors.New("image not found")
	// ErrUnenforced: a required limit cannot be enforced here.
	ErrUnenforced = errors.New("cannot be enforced here")
	// ErrDiskFull: the disk that holds images and sandboxes has no room left.
	ErrDiskFull = errors.New("no space left for sandboxes and images")
	// ErrBroken: the sandbox died or its stream broke; it is not reusable.
	ErrBroken = errors.New("sandbox is broken")
)

// Progress is word of work on an image that may take minutes. A driver's
// options may name a function that is told of it, from any goroutine and often.
type Progress struct {
	Image string
	Doing string // "pulling", "unpacking"
	Done  int64  // bytes
	Total int64  // bytes; 0 while it is not known
}
