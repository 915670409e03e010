// Package normalize makes texts comparable that differ only in what no two runs
// have in common: it is how a replay is checked against its recording, and how
// an audit notices that an agent goes round in circles.
package normalize

import "regexp"

// volatile are the things that differ between two runs of the same command,
// and what stands for them. The order matters: times before durations, since
// both are digits.
var volatile = []struct {
	pattern *regexp.Regexp
	with    string
}{
	// 2026-01-02T03:04:05.678Z, 2026/01/02 - 03:04:05, 2026-01-02
	{regexp.MustCompile(`\b\d{4}[-/]\d\d[-/]\d\d(([T ]| - )\d\d:\d\d(:\d\d([.,]\d+)?)?( ?(Z|[+-]\d\d:?\d\d))?)?`), "<time>"},
	// Jan  2 03:04, Jan 2 2026
	{regexp.MustCompile(`\b(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +\d{1,2} +(\d\d:\d\d(:\d\d)?|\d{4})\b`), "<time>"},
	{regexp.MustCompile(`\b\d\d:\d\d:\d\d([.,]\d+)?\b`), "<time>"},
	// 0.01s, 1m2.5s, 531ns, 21.6µs, 1.5 seconds; and a Go test that was cached
	{regexp.MustCompile(`\b(\d+h)?(\d+m)?\d+(\.\d+)? ?(ns|µs|μs|us|ms|s|secs?|seconds?|minutes?)\b`), "<duration>"},
	{regexp.MustCompile(`\(cached\)`), "<duration>"},
	// 0xc000012345, and goroutine 17 of a stack
	{regexp.MustCompile(`\b0x[0-9a-fA-F]{4,}\b`), "<address>"},
	{regexp.MustCompile(`\bgoroutine \d+\b`), "goroutine <n>"},
	// pid 123, PID=123, [1] 123 as a shell's job
	{regexp.MustCompile(`(?i)\b(pid|process)([ =:#]+)\d+`), "$1$2<pid>"},
	{regexp.MustCompile(`(?m)^\[(\d+)\] \d+$`), "[$1] <pid>"},
	{regexp.MustCompile(`\b(127\.0\.0\.1|localhost|\[::1\]):\d+`), "$1:<port>"},
	{regexp.MustCompile(`/tmp/[\w.+-]+`), "/tmp/<name>"},
	// The placeholder of a secret, which depends on the key of the run.
	{regexp.MustCompile(`__SECRET_([A-Za-z0-9]+(?:_[A-Za-z0-9]+)*)_[0-9a-f]{8}__`), "<secret $1>"},
}

// Text puts placeholders for what differs between any two runs of the
// same command: durations and times, process ids, addresses, ports of the
// loopback, names of temporary files, and the keyed part of placeholders.
func Text(text string) string {
	for _, v := range volatile {
		text = v.pattern.ReplaceAllString(text, v.with)
	}
	return text
}
