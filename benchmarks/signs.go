package benchmarks

import "regexp"

// A sign of trouble is what release 5 of the harness looks for in a log that
// cannot be graded. It is advice: the verdict stays.
type sign struct {
	reason  string
	pattern *regexp.Regexp
	// infrastructure says that the patch is not to blame; of the other signs
	// that is not known.
	infrastructure bool
}

// signs are in the order in which they are looked for.
var signs = []sign{
	{"browser_launch_failed", regexp.MustCompile(`Failed to launch|Failed to connect to the bus`), true},
	{"display_unavailable", regexp.MustCompile(`cannot open display|Missing X server|unable to open X display`), true},
	{"out_of_memory", regexp.MustCompile(`(?m)Cannot allocate memory|OutOfMemoryError|^Killed$`), true},
	{"container_unavailable", regexp.MustCompile(`Error response from daemon|Cannot connect to the Docker daemon`), true},
	{"network_unreachable", regexp.MustCompile(`Could not resolve host|Temporary failure in name resolution`), true},
	{"missing_module", regexp.MustCompile(`Cannot find module|MODULE_NOT_FOUND|ModuleNotFoundError`), false},
	{"no_tests_collected", regexp.MustCompile(`no tests ran|collected 0 items`), false},
	{"tests_timed_out", regexp.MustCompile(`Timeout error: \d+ seconds exceeded`), false},
}

// signOfTrouble returns the first sign that the log shows, or the zero sign.
func signOfTrouble(log string) sign {
	for _, s := range signs {
		if s.pattern.MatchString(log) {
			return s
		}
	}
	return sign{}
}
