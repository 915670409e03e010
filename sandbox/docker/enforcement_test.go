package docker

import (
	"testing"

	"github.com/docker/docker/api/types/system"
	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox"
)

func TestAnEngineWithoutAFilterOfSystemCallsSaysSo(t *testing.T) {
	for _, tt := range []struct {
		name    string
		options []string
		want    sandbox.Enforcement
	}{
		{"Docker's own filter", []string{"name=apparmor", "name=seccomp,profile=default"}, sandbox.Enforced},
		{"Docker's own filter, as it is called since 23.0", []string{"name=seccomp,profile=builtin", "name=cgroupns"}, sandbox.Enforced},
		{"a filter of the administrator's", []string{"name=seccomp,profile=/etc/docker/seccomp.json"}, sandbox.Enforced},
		{"started with --seccomp-profile=unconfined", []string{"name=seccomp,profile=unconfined"}, sandbox.Unenforced},
		{"a kernel without filters", []string{"name=apparmor"}, sandbox.Unenforced},
		{"nothing that can be read", []string{"name=seccomp,profile"}, sandbox.Unenforced},
		{"nothing", nil, sandbox.Unenforced},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := &Driver{info: system.Info{SecurityOptions: tt.options}}
			require.Equal(t, tt.want, d.enforcement(sandbox.Spec{})[sandbox.LimitSyscalls])
		})
	}
}
