package docker

import (
	"context"
	"fmt"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest/inside"
)

// killedExit is the status of a container whose first process got a SIGKILL.
const killedExit = 128 + 9

// autopsy says why a container ended.
func (in *instance) autopsy(ctx context.Context, r container.WaitResponse) sandbox.Death {
	d := sandbox.Death{Cause: sandbox.DeathKilled, Detail: in.stream.notes.String()}
	switch {
	case r.StatusCode == 0 || in.destroyed.Load():
		d.Cause = sandbox.DeathClosed
	case r.StatusCode == inside.DeadlineExit:
		d.Cause = sandbox.DeathDeadline
	case r.StatusCode == killedExit && in.ranOutOfMemory(ctx):
		d.Cause = sandbox.DeathMemory
	}
	if r.Error != nil {
		d.Detail = r.Error.Message
	}
	if d.Detail == "" && d.Cause != sandbox.DeathClosed {
		d.Detail = fmt.Sprintf("the container ended with status %d", r.StatusCode)
	}
	return d
}

// ranOutOfMemory reports whether the last thing that befell a killed container
// was that it had no memory left. The engine removes the container by itself,
// and its state with it, so its past events are asked for. Of somebody who
// kills the container there is an event too; it then comes last.
func (in *instance) ranOutOfMemory(ctx context.Context) (oom bool) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	past, failed := in.driver.api.Events(ctx, events.ListOptions{
		Since: "1", // all that the engine remembers
		Filters: filters.NewArgs(
			filters.Arg("type", "container"), filters.Arg("container", in.id),
			filters.Arg("event", "oom"), filters.Arg("event", "kill"), filters.Arg("event", "die"),
		),
	})
	for {
		select {
		case e := <-past:
			switch e.Action {
			case events.ActionOOM:
				oom = true
			case events.ActionKill:
				oom = false
			case events.ActionDie:
				return oom
			}
		case err := <-failed:
			_ = err // half an answer is one all the same
			return oom
		}
	}
}
