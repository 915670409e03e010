package normalize_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories/normalize"
)

func TestText(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"go test", "--- PASS: TestX (0.00s)\nok  \tx\t0.015s", "--- PASS: TestX (<duration>)\nok  \tx\t<duration>"},
		{"cached", "ok  \tx\t(cached)", "ok  \tx\t<duration>"},
		{"long and short durations", "1h2m3.5s 531ns 21.602µs 2 seconds", "<duration> <duration> <duration> <duration>"},
		{"unittest", "Ran 3 tests in 0.001s", "Ran 3 tests in <duration>"},
		{"times", "2026-01-02T03:04:05.678+01:00 2026/11/23 - 17:01:03 Nov 23 17:02 17:02:03", "<time> <time> <time> <time>"},
		{"address", "panic at 0xc000012345", "panic at <address>"},
		{"goroutine", "goroutine 17 [running]:", "goroutine <n> [running]:"},
		{"pids", "pid 12, PID=34\n[1] 567", "pid <pid>, PID=<pid>\n[1] <pid>"},
		{"port", "listening on 127.0.0.1:40123", "listening on 127.0.0.1:<port>"},
		{"temporary names", "/tmp/go-build123/b001/x.test /tmp/tmpab_9", "/tmp/<name>/b001/x.test /tmp/<name>"},
		{"what stays", "3 tests, 0x1 f(2) line 12: s = 5 items [2] x v1.2.3", "3 tests, 0x1 f(2) line 12: s = 5 items [2] x v1.2.3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, normalize.Text(tt.in))
			require.Equal(t, tt.want, normalize.Text(tt.want))
		})
	}
}
