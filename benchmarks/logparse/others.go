package logparse

import "regexp"

var goResult = regexp.MustCompile(`^--- (PASS|FAIL|SKIP): (.+) \((.+)\)$`)

// gotest reads "go test -v". Subtests are tests of their own: "TestX/case".
func gotest(log string, _ Dialect) Results {
	return each(log, goResult, func(r Results, m []string) {
		r[m[2]] = map[string]Status{"PASS": Passed, "FAIL": Failed, "SKIP": Skipped}[m[1]]
	})
}

var cargoResult = regexp.MustCompile(`^test[` + s + `]+([^` + s + `]+)[` + s + `]+\.\.\.[` + s + `]+([\p{L}\p{N}_]+)$`)

// cargo reads "cargo test". Ignored tests are not reported.
func cargo(log string, _ Dialect) Results {
	return each(log, cargoResult, func(r Results, m []string) {
		switch m[2] {
		case "ok":
			r[m[1]] = Passed
		case "FAILED":
			r[m[1]] = Failed
		}
	})
}

var jestResult = regexp.MustCompile(`^[` + s + `]*(✓|✕|○)[` + s + `](.+?)(?:[` + s + `]\((\p{Nd}+[` + s + `]*m?s)\))?$`)

// jest reads the verbose output of Jest. Suites are not part of the ids, so
// tests of the same name hide each other.
func jest(log string, d Dialect) Results {
	return each(log, jestResult, func(r Results, m []string) {
		name := m[2]
		if d == V5 {
			name = strip(name)
		}
		r[name] = map[string]Status{"✓": Passed, "✕": Failed, "○": Skipped}[m[1]]
	})
}

// each hands the submatches of every stripped line that matches to record.
func each(log string, pattern *regexp.Regexp, record func(Results, []string)) Results {
	r := Results{}
	for line := range lines(log) {
		if m := pattern.FindStringSubmatch(strip(line)); m != nil {
			record(r, m)
		}
	}
	return r
}

var (
	mavenTest   = regexp.MustCompile(`^.*-Dtest=([^` + s + `]+).*$`)
	mavenResult = regexp.MustCompile(`^.*BUILD (SUCCESS|FAILURE)$`)
)

// maven reads the output of one "mvn -Dtest=name" after the other: the trace
// of the shell names the test, the end of the build tells its result.
func maven(log string, d Dialect) Results {
	r := Results{}
	var names []string // not yet matched with a result
	var unnamed []Status
	if d == V4 {
		names = []string{"---NO TEST NAME FOUND YET---"}
	}
	for line := range lines(log) {
		line = strip(line)
		if m := mavenTest.FindStringSubmatch(line); m != nil {
			switch {
			case d == V4:
				names = []string{m[1]}
			case len(unnamed) > 0:
				r[m[1]], unnamed = unnamed[0], unnamed[1:]
			default:
				names = append(names, m[1])
			}
		}
		m := mavenResult.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		status := Passed
		if m[1] == "FAILURE" {
			status = Failed
		}
		switch {
		case d == V4:
			r[names[0]] = status
		case len(names) > 0:
			r[names[0]], names = status, names[1:]
		default:
			unnamed = append(unnamed, status)
		}
	}
	return r
}
