package env

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/apprentice-rl/apprentice/sandbox"
)

// An Environment is a task placed in a sandbox at its base commit. It serves
// one policy: its methods must not be called at the same time.
type Environment struct {
	task    Task
	sandbox Sandbox
	options Options
	start   string            // the commit at which the policy starts
	shell   sandbox.Shell     // nil until the first use of bash
	edits   map[string][]edit // what the editor can undo, by path

	launched launched
}

// Options are the choices of an environment. The zero value is usable.
type Options struct {
	// Tools are the tools offered; nil means DefaultTools.
	Tools []Tool
	// ActionTimeout bounds one action; zero means 2 minutes.
	ActionTimeout time.Duration
	// ObservationCap bounds the characters of one observation; zero means
	// 30,000. The middle of a longer one is left out.
	ObservationCap int
}

// Open places task in sb: the reset of the reinforcement learning literature.
// Its error matches *MissingProgramError when the sandbox lacks a program that
// the task needs, *RepositoryError when there is no repository at the base
// commit, and *LeakError when something newer than the base commit could not
// be removed. sb should have been started with FixedEnv.
func Open(ctx context.Context, sb Sandbox, task Task, opts Options) (*Environment, error) {
	if opts.Tools == nil {
		opts.Tools = DefaultTools()
	}
	if opts.ActionTimeout == 0 {
		opts.ActionTimeout = 2 * time.Minute
	}
	if opts.ObservationCap == 0 {
		opts.ObservationCap = 30_000
	}
	e := &Environment{task: task, sandbox: sb, options: opts, edits: map[string][]edit{}}
	if err := e.place(ctx); err != nil {
		return nil, fmt.Errorf("placing task %s: %w", task.ID, err)
	}
	return e, nil
}

// Task returns the task.
func (e *Environment) Task() Task { return e.task }

// Tools returns the tools offered.
func (e *Environment) Tools() []Tool { return slices.Clone(e.options.Tools) }

// Sandbox returns the sandbox that the task was placed in.
func (e *Environment) Sandbox() Sandbox { return e.sandbox }

// Start returns the hash of the commit at which the policy starts: the task's
// base commit, or a commit on top of it that holds what the image's build
// changed.
func (e *Environment) Start() string { return e.start }

// Do performs one action: the step of the reinforcement learning literature.
// An unknown tool or bad arguments are an observation that says so. An error
// means that the environment is broken.
func (e *Environment) Do(ctx context.Context, a Action) (Observation, error) {
	began := time.Now()
	o, err := e.act(ctx, a)
	if err != nil {
		return Observation{}, fmt.Errorf("tool %s: %w", a.Tool, err)
	}
	o.Action = a.ID
	o.Text = shorten(strings.ToValidUTF8(o.Text, "\ufffd"), e.options.ObservationCap)
	o.Duration = time.Since(began)
	return o, nil
}

func (e *Environment) act(ctx context.Context, a Action) (Observation, error) {
	i := slices.IndexFunc(e.options.Tools, func(t Tool) bool { return t.Name == a.Tool })
	if i < 0 {
		names := map[string]bool{}
		for _, t := range e.options.Tools {
			names[t.Name] = true
		}
		return Observation{Text: fmt.Sprintf("There is no tool `%s`. The tools are: %s.", a.Tool, strings.Join(slices.Sorted(maps.Keys(names)), ", ")), Failed: true}, nil
	}
	tool := e.options.Tools[i]
	arguments, problem := checkArguments(tool, a.Arguments)
	if problem != "" {
		return Observation{Text: problem, Failed: true}, nil
	}
	return tool.Run(ctx, e, arguments)
}

// shorten leaves out the middle of text where it has more characters than most.
func shorten(text string, most int) string {
	n := utf8.RuneCountInString(text)
	if n <= most {
		return text
	}
	r := []rune(text)
	head := most / 2
	tail := most - head
	return fmt.Sprintf("%s\n[... %d characters are left out here ...]\n%s", string(r[:head]), n-most, string(r[n-tail:]))
}

// session returns the bash session, which starts with the first use.
func (e *Environment) session(ctx context.Context) (sandbox.Shell, error) {
	if e.shell == nil {
		s, err := e.sandbox.Shell(ctx, Workdir)
		if err != nil {
			return nil, err
		}
		e.shell = s
	}
	return e.shell, nil
}

// Close ends the environment's shell. A sandbox that a Launcher started for
// the environment is removed; another one is its owner's to close.
func (e *Environment) Close() error {
	var err error
	if e.shell != nil {
		err = e.shell.Close()
		e.shell = nil
	}
	if e.launched.close != nil {
		err = errors.Join(err, e.launched.close())
		e.launched.close = nil
	}
	if err != nil {
		return fmt.Errorf("closing the environment of task %s: %w", e.task.ID, err)
	}
	return nil
}
