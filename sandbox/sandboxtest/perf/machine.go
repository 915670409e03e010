//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A machine is where figures come from.
type machine struct {
	Date   string `json:"date"`
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
	Engine string `json:"engine"` // of Docker; empty where it was not measured
	Load   string `json:"load"`   // averages over 1, 5 and 15 minutes, at the start
}

func describeMachine(engine bool) machine {
	m := machine{Date: time.Now().Format(time.DateOnly), CPU: runtime.GOARCH, Cores: runtime.NumCPU(), Go: runtime.Version()}
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range bytes.Lines(b) {
			if name, value, _ := strings.Cut(string(line), ":"); strings.TrimSpace(name) == "model name" {
				m.CPU = strings.TrimSpace(value)
				break
			}
		}
	}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		m.Kernel = unix.ByteSliceToString(u.Release[:])
	}
	if engine {
		out, err := exec.Command("docker", "version", "--format", "{{.Server.Version}}, API {{.Server.APIVersion}}, client {{.Client.Version}}").Output()
		if m.Engine = strings.TrimSpace(string(out)); err != nil {
			m.Engine = "unknown version"
		}
	}
	if b, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.Load = strings.Join(strings.Fields(string(b))[:3], " ")
	}
	return m
}

func (m machine) String() string {
	engine := "no Docker Engine"
	if m.Engine != "" {
		engine = "Docker Engine " + m.Engine
	}
	return fmt.Sprintf("%s: %d cores of %s, Linux %s, %s, %s; load at the start %s.", m.Date, m.Cores, m.CPU, m.Kernel, m.Go, engine, m.Load)
}
