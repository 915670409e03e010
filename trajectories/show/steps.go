package show

import (
	"fmt"
	"strconv"
	"strings"
)

// Steps are some of the steps of a trajectory, which count from 1. The zero value
// is all of them.
type Steps struct {
	runs []run
}

// A run is one of "7", "3-10" and "90-", which is without an end.
type run struct {
	from, to int // to is 0 without an end
}

// ParseSteps reads a list as people write it: "3-10,15,90-".
func ParseSteps(list string) (Steps, error) {
	var s Steps
	for word := range strings.SplitSeq(list, ",") {
		first, last, isRun := strings.Cut(strings.TrimSpace(word), "-")
		from, err := strconv.Atoi(first)
		to := from
		if err == nil && isRun {
			if to = 0; last != "" {
				to, err = strconv.Atoi(last)
			}
		}
		if err != nil || from < 1 || to < from && (to != 0 || last != "") {
			return Steps{}, fmt.Errorf("%q is no list of steps: it has the form of 3-10,15,90-", list)
		}
		s.runs = append(s.runs, run{from, to})
	}
	return s, nil
}

func (s Steps) all() bool { return len(s.runs) == 0 }

func (s Steps) holds(step int) bool {
	for _, r := range s.runs {
		if r.from <= step && (step <= r.to || r.to == 0) {
			return true
		}
	}
	return s.all()
}

// after says that step, and what follows it, is after all of them.
func (s Steps) after(step int) bool {
	for _, r := range s.runs {
		if r.to == 0 || step < r.to {
			return false
		}
	}
	return !s.all()
}
