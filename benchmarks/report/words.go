package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/apprentice-rl/apprentice/benchmarks"
	"github.com/apprentice-rl/apprentice/sandbox"
)

// verdict is what became of a prediction, in a few words.
func (t TaskReport) verdict() string {
	switch t.Verdict {
	case benchmarks.Resolved:
		return "resolved"
	case benchmarks.InfrastructureFailure:
		return "infrastructure failure"
	case benchmarks.Skipped:
		return "skipped"
	case benchmarks.Unresolved:
		return t.reason()
	}
	return string(t.Verdict)
}

func (t TaskReport) reason() string {
	switch t.Reason {
	case benchmarks.ReasonTestsFailed:
		return fmt.Sprintf("%d of %s failed", len(t.Failed()), count(t.Listed(), "test"))
	case benchmarks.ReasonPatchDoesNotApply:
		return "patch does not apply"
	case benchmarks.ReasonTimeout:
		return "tests timed out"
	case benchmarks.ReasonLogNotGradable:
		return "log not gradable"
	case benchmarks.ReasonEmptyPatch:
		return "empty patch"
	case benchmarks.ReasonNoPrediction:
		return "no prediction"
	case "":
		return "unresolved"
	}
	return strings.ReplaceAll(string(t.Reason), "_", " ")
}

// percent renders a share.
func percent(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }

// reward renders a reward, with a true minus.
func rewardText(r float64) string {
	return strings.Replace(fmt.Sprintf("%.3f", r), "-", "\u2212", 1)
}

// duration renders a duration as shortly as people can use it.
func duration(d time.Duration) string {
	switch {
	case d <= 0:
		return ""
	case d < time.Millisecond:
		return "< 1 ms"
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
}

// A bound is a limit of the sandboxes, in words.
type bound struct {
	Name        string
	Value       string // "" where it has none, or where it is not known
	Enforcement sandbox.Enforcement
}

// bounds are the limits that the report knows of, by name.
func (r Report) bounds() []bound {
	var list []bound
	for _, l := range slices.Sorted(maps.Keys(r.Enforcement)) {
		b := bound{Name: strings.ReplaceAll(clean(string(l)), "-", " "), Enforcement: r.Enforcement[l]}
		switch {
		case l == sandbox.LimitMemory && r.Limits.Memory > 0:
			b.Value = bytesText(r.Limits.Memory)
		case l == sandbox.LimitDisk && r.Limits.Disk > 0:
			b.Value = bytesText(r.Limits.Disk)
		case l == sandbox.LimitCPU && r.Limits.CPUs > 0:
			b.Name, b.Value = "CPU", fmt.Sprintf("%g", r.Limits.CPUs)
		case l == sandbox.LimitProcesses && r.Limits.Processes > 0:
			b.Value = fmt.Sprint(r.Limits.Processes)
		}
		list = append(list, b)
	}
	return list
}

func bytesText(n int64) string {
	if n >= 1<<30 {
		return fmt.Sprintf("%.4g GiB", float64(n)/(1<<30))
	}
	return fmt.Sprintf("%.4g MiB", float64(n)/(1<<20))
}
