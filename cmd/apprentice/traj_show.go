package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/show"
	"github.com/apprentice-rl/apprentice/trajectories/store"
)

// showing is what the show command was asked for.
type showing struct {
	path, id     string
	steps        string
	full         bool
	reasoning    bool
	observations string
	brief        bool
	noPager      bool
	colour       string
}

func (a *app) trajShowCommand() *cobra.Command {
	var s showing
	cmd := &cobra.Command{
		Use:   "show FILE|FOLDER [ID]",
		Short: "Read a trajectory: what was thought, done and answered, step by step",
		Long: `Show a trajectory as a text: who worked on what, then step by step what was
thought and said, what was done, and what came back, and at last how it ended and
the patch. Of a folder or a run with several trajectories, name one by its ID, by
its task, or by as much of the ID as only one has.

What is long is folded: reasoning to its first lines, output to its first and last
ones. --full shows everything, and the prompts too.

Steps are turns with actions, and count from 1. A turn without one, such as an
answer that could not be read, goes with the step after it.

Control characters in the texts are shown as pictures of themselves and not
obeyed. On a terminal the text goes through $PAGER, or less if that is not set.`,
		Example: `  apprentice traj show runs/demo/trajectories/starter__envfile-76.1.jsonl
  apprentice traj show runs/demo envfile --brief
  apprentice traj show imported astropy --steps 3-10,15 --observations 40
  apprentice traj show imported astropy --json | jq '.turns[].actions[]?.tool'`,
		Args: func(cmd *cobra.Command, args []string) error { return checkArgs(cobra.RangeArgs(1, 2), cmd, args) },
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) != 1 {
				return nil, cobra.ShellCompDirectiveDefault
			}
			var ids []string
			for l, err := range logs(args) {
				if err == nil {
					ids = append(ids, l.Header().ID)
				}
			}
			return ids, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if s.path = args[0]; len(args) > 1 {
				s.id = args[1]
			}
			return a.trajShow(cmd.Context(), s)
		},
	}
	cmd.Flags().StringVar(&s.steps, "steps", "", "only these steps: 3-10,15,90-")
	cmd.Flags().BoolVar(&s.brief, "brief", false, "a table of contents: one line for each action")
	cmd.Flags().BoolVar(&s.full, "full", false, "fold nothing, and show the prompts")
	cmd.Flags().BoolVar(&s.reasoning, "reasoning", false, "show all of the reasoning")
	cmd.Flags().StringVar(&s.observations, "observations", "10", "lines to show of each observation, or 'all'")
	cmd.Flags().BoolVar(&s.noPager, "no-pager", false, "print straight to the terminal")
	cmd.Flags().StringVar(&s.colour, "color", colourAuto, "auto, always or never")
	_ = cmd.RegisterFlagCompletionFunc("color", cobra.FixedCompletions(colours(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) trajShow(ctx context.Context, s showing) error {
	o, err := s.options(cmp.Or(a.width(), defaultWidth))
	if err != nil {
		return err
	}
	l, err := oneLog(ctx, s.path, s.id)
	if err != nil {
		return err
	}
	if a.json {
		return a.printTrajectory(l)
	}
	o.Colour = a.colour(s.colour)
	write := show.Write
	if s.brief {
		write = show.Contents
	}
	if s.noPager {
		err = write(until{ctx, a.stdout}, l, o)
	} else {
		err = a.paged(ctx, func(w io.Writer) error { return write(w, l, o) })
	}
	if none, ok := errors.AsType[*show.NoStepError](err); ok {
		return userf("--steps %s: %w", s.steps, none)
	}
	return err
}

func (s showing) options(width int) (show.Options, error) {
	o := show.Folded(width)
	switch lines, err := strconv.Atoi(s.observations); {
	case s.observations == "all":
		o.Observation = show.Whole
	case err != nil || lines < 0:
		return o, userf("--observations %s: give a number of lines, or 'all'", s.observations)
	default:
		o.Observation = show.Fold(lines)
	}
	if s.reasoning {
		o.Reasoning = show.Whole
	}
	if s.full {
		o.Unfold()
	}
	if err := checkColour(s.colour); err != nil {
		return o, err
	}
	if s.steps != "" {
		steps, err := show.ParseSteps(s.steps)
		if err != nil {
			return o, userf("--steps: %w", err)
		}
		o.Steps = steps
	}
	return o, nil
}

// oneLog finds the trajectory that is meant: by its id, by the task that it is the
// only one of, or by a part of the id that no other one has. Without an id there
// must be one only.
func oneLog(ctx context.Context, path, id string) (*store.Log, error) {
	var all, tried, like []*store.Log
	var broken error
	for l, err := range logs([]string{path}) {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			broken = cmp.Or(broken, err)
			continue
		}
		if l.Header().ID == id {
			return l, nil
		}
		all = append(all, l)
		if l.Header().Task.ID == id {
			tried = append(tried, l)
		}
		if id != "" && strings.Contains(l.Header().ID, id) {
			like = append(like, l)
		}
	}
	switch {
	case len(all) == 0 && broken != nil:
		return nil, broken
	case id == "" && len(all) == 1 && broken == nil:
		return all[0], nil
	case id == "":
		return nil, userf("%s holds %d trajectories; say which one: 'apprentice traj show %s ID', with an ID of %s", path, len(all), path, names(all))
	case len(tried) == 1:
		return tried[0], nil
	case len(tried) > 1:
		return nil, userf("there are %d attempts at %s: %s", len(tried), id, names(tried))
	case len(like) == 1:
		return like[0], nil
	case len(like) > 1:
		return nil, userf("%q is a part of %d ids: %s", id, len(like), names(like))
	case broken != nil:
		return nil, broken // it may be the one
	}
	return nil, userf("%s holds no trajectory with the ID %s; there are %s", path, id, names(all))
}

// names are some of the ids.
func names(all []*store.Log) string {
	const enough = 5
	var ids []string
	for _, l := range all[:min(len(all), enough)] {
		ids = append(ids, printable(l.Header().ID))
	}
	text := strings.Join(ids, ", ")
	if more := len(all) - enough; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// shownTrajectory is a trajectory as one JSON document.
type shownTrajectory struct {
	Header       trajectories.Header        `json:"header"`
	Turns        []trajectories.Turn        `json:"turns"`
	Observations []trajectories.Observation `json:"observations"`
	Messages     []trajectories.Message     `json:"messages,omitempty"`
	Views        []trajectories.View        `json:"views,omitempty"`
	End          *trajectories.End          `json:"end"`
	Torn         bool                       `json:"torn,omitempty"`
}

func (a *app) printTrajectory(l *store.Log) error {
	t, err := l.Read()
	if err != nil {
		return err
	}
	return a.printJSON(shownTrajectory{t.Header, t.Turns, t.Observations, t.Messages, t.Views, t.End, t.Torn})
}
