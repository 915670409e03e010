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
// deadline has passed, or its owner, a process of this host, is dead. Of an
// owner on another host nothing is known, so only its deadline counts.
func (l Labels) Stale(now time.Time) bool {
	return now.After(l.Deadline) || l.Owner.Dead()
}

// An Owner names one process for all time: the start time tells two processes
// of the same number apart, the boot id two boots of the same host.
type Owner struct {
	Host  string
	Boot  string
	PID   int
	Start uint64 // clock ticks since boot, field 22 of /proc/pid/stat
}

// Self is the calling process.
func Self() (Owner, error) { return OwnerOf(os.Getpid()) }

// OwnerOf names a process of this host.
func OwnerOf(pid int) (Owner, error) {
	host, err := os.Hostname()
	if err != nil {
		return Owner{}, fmt.Errorf("naming process %d: %w", pid, err)
	}
	boot, err := bootID()
	if err != nil {
		return Owner{}, fmt.Errorf("naming process %d: %w", pid, err)
	}
	start, err := startTime(pid)
	if err != nil {
		return Owner{}, fmt.Errorf("naming process %d: %w", pid, err)
	}
	return Owner{Host: host, Boot: boot, PID: pid, Start: start}, nil
}

// String renders the owner in the form that ParseOwner reads.
func (o Owner) String() string {
	return fmt.Sprintf("%s/%s/%d/%d", o.Host, o.Boot, o.PID, o.Start)
}

// ParseOwner reads what String wrote.
func ParseOwner(s string) (Owner, error) {
	f := strings.Split(s, "/")
	if len(f) != 4 {
		return Owner{}, fmt.Errorf("owner %q: not of the form host/boot/pid/start", s)
	}
	pid, err := strconv.Atoi(f[2])
	if err != nil {
		return Owner{}, fmt.Errorf("owner %q: %w", s, err)
	}
	start, err := strconv.ParseUint(f[3], 10, 64)
	if err != nil {
		return Owner{}, fmt.Errorf("owner %q: %w", s, err)
	}
	return Owner{Host: f[0], Boot: f[1], PID: pid, Start: start}, nil
}

// Dead reports whether the owner is known to be gone. It is false when that
// cannot be known from here.
func (o Owner) Dead() bool {
	host, err := os.Hostname()
	if err != nil || host != o.Host {
		return false
	}
	boot, err := bootID()
	if err != nil {
		return false
	}
	if boot != o.Boot {
		return true
	}
	start, err := startTime(o.PID)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return true
	}
	return err == nil && start != o.Start
}

func bootID() (string, error) {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(b)), err
}

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
	if f[0] == "Z" || f[0] == "X" { // dead, and only waiting for its parent
		return 0, os.ErrNotExist
	}
	return strconv.ParseUint(f[19], 10, 64)
}
