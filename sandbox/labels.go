package sandbox

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Labels say whose a sandbox is. A sandbox outlives neither its owner nor its
// deadline; whoever finds one with a dead owner may remove it.
type Labels struct {
	Run      string
	Owner    Owner
	Deadline time.Time
}

// The label keys, as Docker shows them.
const (
	LabelRun      = "apprentice.run"
	LabelOwner    = "apprentice.owner"
	LabelDeadline = "apprentice.deadline"
)

// NewLabels returns the labels of a sandbox that this process starts now.
func NewLabels(spec Spec) (Labels, error) {
	owner, err := Self()
	if err != nil {
		return Labels{}, err
	}
	life := spec.Lifetime
	if life == 0 {
		life = DefaultLifetime
	}
	return Labels{Run: spec.Run, Owner: owner, Deadline: time.Now().Add(life).UTC().Truncate(time.Second)}, nil
}

// Map renders the labels as key-value pairs.
func (l Labels) Map() map[string]string {
	return map[string]string{
		LabelRun:      l.Run,
		LabelOwner:    l.Owner.String(),
		LabelDeadline: l.Deadline.Format(time.RFC3339),
	}
}

// ParseLabels is the inverse of Map.
func ParseLabels(m map[string]string) (Labels, error) {
	owner, err := ParseOwner(m[LabelOwner])
	if err != nil {
		return Labels{}, err
	}
	deadline, err := time.Parse(time.RFC3339, m[LabelDeadline])
	if err != nil {
		return Labels{}, fmt.Errorf("label %s: %w", LabelDeadline, err)
	}
	return Labels{Run: m[LabelRun], Owner: owner, Deadline: deadline}, nil
}

// Stale reports whether a sandbox with these labels may be removed: its
// deadline has passed, or its owner is dead. Of an owner on another machine
// nothing is known, so only its deadline counts.
func (l Labels) Stale(now time.Time) bool {
	return now.After(l.Deadline) || l.Owner.Dead()
}

// An Owner names one process for all time: the start time tells two processes
// of the same number apart, the boot id two boots of the same machine, the pid
// namespace two containers on it.
type Owner struct {
	Machine   string // /etc/machine-id; "-" where there is none
	Boot      string
	Namespace string // of process ids
	PID       int
	Start     uint64 // clock ticks since boot, field 22 of /proc/pid/stat
}

// Self is the calling process.
func Self() (Owner, error) { return OwnerOf(os.Getpid()) }

// OwnerOf names a process that the caller sees.
func OwnerOf(pid int) (Owner, error) {
	o, err := here()
	if err != nil {
		return Owner{}, fmt.Errorf("naming process %d: %w", pid, err)
	}
	o.PID = pid
	if o.Start, err = startTime(pid); err != nil {
		return Owner{}, fmt.Errorf("naming process %d: %w", pid, err)
	}
	return o, nil
}

// here is an Owner without a process: where the caller is.
func here() (Owner, error) {
	o := Owner{Machine: "-"}
	if b, err := os.ReadFile("/etc/machine-id"); err == nil && len(strings.TrimSpace(string(b))) > 0 {
		o.Machine = strings.TrimSpace(string(b))
	}
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return Owner{}, err
	}
	o.Boot = strings.TrimSpace(string(b))
	ns, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return Owner{}, err
	}
	o.Namespace = strings.Trim(ns, "pid:[]")
	return o, nil
}

// String renders the owner in the form that ParseOwner reads.
func (o Owner) String() string {
	return fmt.Sprintf("%s/%s/%s/%d/%d", o.Machine, o.Boot, o.Namespace, o.PID, o.Start)
}

// ParseOwner reads what String wrote.
func ParseOwner(s string) (Owner, error) {
	f := strings.Split(s, "/")
	if len(f) != 5 {
		return Owner{}, fmt.Errorf("owner %q: not of the form machine/boot/namespace/pid/start", s)
	}
	pid, err := strconv.Atoi(f[3])
	if err != nil {
		return Owner{}, fmt.Errorf("owner %q: %w", s, err)
	}
	start, err := strconv.ParseUint(f[4], 10, 64)
	if err != nil {
		return Owner{}, fmt.Errorf("owner %q: %w", s, err)
	}
	return Owner{Machine: f[0], Boot: f[1], Namespace: f[2], PID: pid, Start: start}, nil
}

// Dead reports whether the owner is known to be gone. It is false when that
// cannot be known from here: of another machine, and of another pid namespace
// on this one.
func (o Owner) Dead() bool {
	h, err := here()
	if err != nil {
		return false
	}
	if o.Boot != h.Boot {
		return o.Machine == h.Machine && o.Machine != "-" // this machine, before it was started anew
	}
	if o.Namespace != h.Namespace {
		return false
	}
	if errors.Is(syscall.Kill(o.PID, 0), syscall.ESRCH) {
		return true
	}
	// /proc may hide the processes of others; what is hidden is alive.
	start, err := startTime(o.PID)
	return errors.Is(err, errZombie) || err == nil && start != o.Start
}

// Alive reports whether the owner is known to live. Of one that cannot be seen
// from here, neither Alive nor Dead is true.
func (o Owner) Alive() bool {
	h, err := here()
	return err == nil && o.Boot == h.Boot && o.Namespace == h.Namespace && !o.Dead()
}

var errZombie = errors.New("the process is dead, and only waiting for its parent")

func startTime(pid int) (uint64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The second field is the command in parentheses and may hold anything.
	s := string(b)
	f := strings.Fields(s[strings.LastIndexByte(s, ')')+1:])
	if len(f) < 20 {
		return 0, fmt.Errorf("/proc/%d/stat: too few fields", pid)
	}
	if f[0] == "Z" || f[0] == "X" {
		return 0, errZombie
	}
	return strconv.ParseUint(f[19], 10, 64)
}
