package sandboxtest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox"
)

// walls checks the safe defaults from inside.
func walls(t *testing.T, driver sandbox.Driver) {
	sb := open(t, driver, sandbox.Spec{})
	for name, script := range map[string]string{
		"no capabilities":            `grep -q '^CapEff:\s*0*$' /proc/self/status && grep -q '^CapBnd:\s*0*$' /proc/self/status`,
		"no new privileges":          `grep -q '^NoNewPrivs:\s*1$' /proc/self/status`,
		"no network but loopback":    `test "$(ls /sys/class/net 2>/dev/null || awk -F: 'NR>2{gsub(/ /,"",$1);print $1}' /proc/net/dev)" = lo`,
		"no Docker socket":           `! test -e /var/run/docker.sock && ! test -e /run/docker.sock`,
		"no mounting":                `! mount -t tmpfs none /mnt 2>/dev/null`,
		"no process of the host":     `tr '\0' ' ' </proc/1/cmdline | grep -Eqx '([^ ]*/qemu-[^ ]* )?(apprentice-guest contain|/.apprentice/guest serve) '`,
		"no program of ours on disk": `! command -v apprentice`,
		"the kernel's own files":     `for f in kcore keys timer_list sched_debug latency_stats; do test -z "$(head -c 1 /proc/$f 2>/dev/null)" || exit 1; done`,
		"the kernel's settings":      `for f in sys/kernel/core_pattern sys/vm/overcommit_memory sysrq-trigger; do ! sh -c "echo 0 >/proc/$f" 2>/dev/null || exit 1; done`,
		"no file systems of others":  `test ! -e /sys/kernel/debug/sched && test ! -e /sys/firmware/efi/efivars/x && test -z "$(ls /sys/firmware 2>/dev/null)"`,
		"the name of the host":       `! hostname other 2>/dev/null`,
		"the clock":                  `! date -s 2000-01-01 >/dev/null 2>&1 && test "$(date +%Y)" != 2000`,
		"namespaces":                 `! unshare --user true 2>/dev/null && ! unshare --mount true 2>/dev/null`,
	} {
		t.Run(name, func(t *testing.T) {
			res, err := sb.Run(t.Context(), sh(script))
			require.NoError(t, err)
			require.True(t, res.Succeeded(), "%+v %s", res, res.Output)
		})
	}
	t.Run("every limit is accounted for", func(t *testing.T) {
		in := sb.Instance().Enforcement()
		for _, l := range []sandbox.Limit{
			sandbox.LimitMemory, sandbox.LimitDisk, sandbox.LimitCPU, sandbox.LimitProcesses,
			sandbox.LimitNetwork, sandbox.LimitCapabilities, sandbox.LimitNewPrivileges, sandbox.LimitSyscalls,
		} {
			require.Contains(t, []sandbox.Enforcement{sandbox.Enforced, sandbox.Unenforced}, in[l], l)
			if in[l] == sandbox.Unenforced {
				_, err := driver.Start(t.Context(), sandbox.Spec{Require: []sandbox.Limit{l}})
				require.ErrorIs(t, err, sandbox.ErrUnenforced)
			}
		}
	})
	t.Run("system calls are filtered", func(t *testing.T) {
		if sb.Instance().Enforcement()[sandbox.LimitSyscalls] != sandbox.Enforced {
			return // refused above
		}
		res, err := sb.Run(t.Context(), sh(`grep -q '^Seccomp:\s*2$' /proc/self/status`))
		require.NoError(t, err)
		require.True(t, res.Succeeded(), "%+v", res)
	})
	t.Run("processes are limited", func(t *testing.T) {
		if sb.Instance().Enforcement()[sandbox.LimitProcesses] != sandbox.Enforced {
			return // refused above
		}
		few := open(t, driver, sandbox.Spec{Limits: sandbox.Limits{Processes: 100}})
		// Not bash, which tries again for 15 seconds.
		res, err := few.Run(t.Context(), sandbox.Command{Argv: []string{"sh", "-c", "i=0; while [ $i -lt 200 ]; do sleep 4242 & i=$((i+1)); done"}})
		require.NoError(t, err)
		require.False(t, res.Succeeded())
		require.Contains(t, strings.ToLower(string(res.Output)), "fork")
		require.Empty(t, sleepers(t, few))
	})
}
