package oracle_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/agent"
	"github.com/apprentice-rl/apprentice/agent/oracle"
	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/trajectories"
)

// A host is a folder that stands for the repository in a sandbox, with the
// tools' rules of str_replace_editor written again in the plainest way.
type host struct {
	dir  string
	cap  int             // characters of an observation, zero for no cap
	tool map[string]bool // tools that refuse everything
}

func (h *host) Task() env.Task    { return env.Task{} }
func (h *host) Tools() []env.Tool { return nil }

func (h *host) Patch(context.Context) (string, error) { return "", nil }

func (h *host) Do(_ context.Context, a env.Action) (env.Observation, error) {
	var in struct {
		Command, Path, Pattern string
		FileText               *string `json:"file_text"`
		OldStr                 string  `json:"old_str"`
		NewStr                 string  `json:"new_str"`
		InsertLine             int     `json:"insert_line"`
		ViewRange              []int   `json:"view_range"`
	}
	if err := json.Unmarshal(a.Arguments, &in); err != nil {
		return env.Observation{}, err
	}
	var text string
	var err error
	switch {
	case h.tool[a.Tool]:
		err = fmt.Errorf("this tool is out of order")
	case a.Tool == "submit":
		return env.Observation{Submitted: true}, nil
	case a.Tool == "bash":
		text, err = h.bash(strings.ReplaceAll(in.Command, env.Workdir, h.dir))
	case a.Tool == "search":
		text, _ = h.bash("grep -rnE --exclude-dir=.git '" + in.Pattern + "' .")
	case a.Tool == "str_replace_editor":
		file := filepath.Join(h.dir, strings.TrimPrefix(in.Path, env.Workdir))
		switch in.Command {
		case "view":
			text, err = view(file, in.ViewRange)
		case "create":
			text, err = "created", create(file, *in.FileText)
		case "str_replace":
			text, err = "replaced", replace(file, in.OldStr, in.NewStr)
		case "insert":
			text, err = "inserted", insert(file, in.InsertLine, in.NewStr)
		}
	default:
		return env.Observation{}, fmt.Errorf("no tool %q", a.Tool)
	}
	if err != nil {
		text += err.Error()
	}
	if h.cap > 0 && len(text) > h.cap {
		text = text[:h.cap/2] + "\n[... some characters are left out ...]\n" + text[len(text)-h.cap/2:]
	}
	return env.Observation{Text: text, Failed: err != nil}, nil
}

func (h *host) bash(script string) (string, error) {
	cmd := exec.Command("bash", "-c", script)
	cmd.Dir = h.dir
	cmd.Env = append(os.Environ(), gitEnv...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

var gitEnv = []string{
	"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
	"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org",
}

func fileLines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

func view(file string, window []int) (string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	all := fileLines(string(data))
	first, last := 1, len(all)
	if window != nil {
		first = window[0]
		if window[1] != -1 {
			last = window[1]
		}
		if first < 1 || first > last || last > len(all) {
			return "", fmt.Errorf("invalid view_range %v of %d lines", window, len(all))
		}
	}
	var b strings.Builder
	for n := first; n <= last; n++ {
		fmt.Fprintf(&b, "%6d\t%s\n", n, all[n-1])
	}
	return b.String(), nil
}

func create(file, content string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(content)
	return errors.Join(err, f.Close())
}

func replace(file, old, with string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	text := string(data)
	switch first, last := strings.Index(text, old), strings.LastIndex(text, old); {
	case first < 0:
		return fmt.Errorf("no occurrence of %q", old)
	case first != last:
		return fmt.Errorf("multiple occurrences of %q", old)
	case old == with:
		return fmt.Errorf("old_str and new_str are equal")
	}
	return os.WriteFile(file, []byte(strings.Replace(text, old, with, 1)), 0o644)
}

func insert(file string, at int, with string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if len(data) > 0 {
		all := strings.Split(string(data), "\n")
		if at > len(fileLines(string(data))) {
			return fmt.Errorf("invalid insert_line %d", at)
		}
		with = strings.Join(slices.Insert(all, at, with), "\n")
	}
	return os.WriteFile(file, []byte(with), 0o644)
}

// testing is what *testing.T and *rapid.T have in common.
type testing interface {
	require.TestingT
	Helper()
}

// sh runs a command in the host's folder.
func (h *host) sh(t testing, script string) string {
	t.Helper()
	out, err := h.bash(script)
	require.NoError(t, err, "%s: %s", script, out)
	return out
}

// tree is the git tree hash of the working tree, ignored files included.
func (h *host) tree(t testing) string {
	t.Helper()
	return h.sh(t, "cp .git/index /tmp/index-$$ && export GIT_INDEX_FILE=/tmp/index-$$ && git add -A -f . && git write-tree; rm -f /tmp/index-$$")
}

type events struct{}

func (events) Turn(trajectories.Turn) error               { return nil }
func (events) Observation(trajectories.Observation) error { return nil }
func (events) End(trajectories.End) error                 { return nil }

// play lets the expert work.
func play(t testing, h *host, task env.Task) *trajectories.Trajectory {
	t.Helper()
	p, err := oracle.New(task)
	require.NoError(t, err)
	defer func() { require.NoError(t, p.(io.Closer).Close()) }()
	got, err := (&agent.Episode{Policy: p, Environment: h, Log: events{}}).Run(context.Background())
	require.NoError(t, err)
	return got
}
