package benchmarks

import "strings"

// Script returns a task's script as the harness runs it. Release 5 adds the
// exit code of the tests to the log.
func (r Rules) Script(script string) string {
	if r != V5 || !strings.Contains(script, markEnd) {
		return script
	}
	const shebang, set = "#!/bin/bash", "set -uxo pipefail"
	lines := []string{shebang, set}
	ended := false
	for line := range strings.SplitSeq(script, "\n") {
		switch {
		case line == shebang, line == set:
		case !ended && strings.Contains(line, markEnd):
			ended = true
			lines = append(lines, "SWEBENCH_TEST_EXIT_CODE=$?", line,
				`echo "`+markExitCode+`: $SWEBENCH_TEST_EXIT_CODE"`)
		default:
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}
