package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/apprentice-rl/apprentice/"

// The layers, from the lowest to the highest. Data flows up, imports point
// down; cmd is above them all.
var layers = []string{"sandbox", "env", "trajectories", "agent", "srl", "benchmarks"}

// Heavy modules may be reached from these packages (and cmd) only. Programs
// that measure drivers wire them, as cmd does.
var leaves = map[string][]string{
	"github.com/docker/docker": {"sandbox/docker", "sandbox/sandboxtest/perf", "sandbox/sandboxtest/soak"},
	// Whoever has the local driver has its store.
	"github.com/google/go-containerregistry": {"sandbox/local", "sandbox/local/store", "sandbox/sandboxtest/perf", "sandbox/sandboxtest/soak"},
	"github.com/sashabaranov/go-openai":      {"agent/llm", "agent/llm/llmtest"},
	// The shell's grammar is large, and commands are read in one place.
	// The rewards of actions and edits read them too, and who scores has these.
	"mvdan.cc/sh/v3": {"trajectories/behaviour", "trajectories/audit", "trajectories/stats", "trajectories/show",
		"srl/reward/action", "srl/reward/patch", "srl/reward", "srl", "srl/score", "srl/serve", "srl/feed", "srl/stats"},
	// Texts are measured and broken for terminals in one place.
	"github.com/rivo/uniseg":           {"trajectories/show", "trajectories/show/terminal"},
	"github.com/parquet-go/parquet-go": {"srl/feed"},
	// What is measured while serving is shown by the server alone.
	"github.com/prometheus/client_golang": {"srl/serve"},
	"github.com/spf13/cobra":              {},
	"github.com/schollz/progressbar":      {},
}

type goPackage struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", module+"...").Output()
	require.NoError(t, err)
	var all []goPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else {
			require.NoError(t, err)
		}
		all = append(all, p)
	}
	require.Greater(t, len(all), 10)
	return all
}

// layer is the height of a package, or -1 for those that are in no layer.
func layer(path string) int {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, module), "/")
	for i, l := range layers {
		if l == first {
			return i
		}
	}
	return -1
}

func TestImportsPointDown(t *testing.T) {
	for _, p := range packages(t) {
		from := layer(p.ImportPath)
		if from < 0 {
			continue
		}
		for _, dep := range p.Imports {
			if strings.HasPrefix(dep, module) {
				to := layer(dep)
				require.True(t, to >= 0 && to <= from, "%s imports %s, which is above it", p.ImportPath, dep)
			}
		}
	}
}

func TestHeavyDependenciesStayInLeaves(t *testing.T) {
	for _, p := range packages(t) {
		if layer(p.ImportPath) < 0 {
			continue
		}
		for heavy, allowed := range leaves {
			for _, dep := range p.Deps {
				if dep != heavy && !strings.HasPrefix(dep, heavy+"/") {
					continue
				}
				require.Contains(t, allowed, strings.TrimPrefix(p.ImportPath, module), "it depends on %s", dep)
			}
		}
	}
}

func TestTheGuestStaysSmall(t *testing.T) {
	for _, p := range packages(t) {
		if p.ImportPath != module+"cmd/apprentice-guest" {
			continue
		}
		for _, dep := range p.Deps {
			first, _, _ := strings.Cut(dep, "/")
			ours := strings.HasPrefix(dep, module+"sandbox") || strings.HasPrefix(dep, "golang.org/x/sys/") || dep == "golang.org/x/net/bpf"
			require.True(t, ours || !strings.Contains(first, ".") || strings.HasPrefix(dep, module+"cmd/apprentice-guest"), "the guest depends on %s", dep)
			require.NotEqual(t, "net/http", dep)
		}
	}
}
