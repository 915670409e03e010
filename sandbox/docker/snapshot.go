package docker

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"

	"github.com/apprentice-rl/apprentice/sandbox"
)

// Snapshot commits the container to an image of this engine. The image is the
// sandbox's in its files only; see [asBefore].
func (in *instance) Snapshot(ctx context.Context, ref string) error {
	base, err := in.driver.api.ImageInspect(ctx, in.made.Image)
	if err != nil {
		return wrap("looking for image "+in.made.Image, err)
	}
	cfg := asBefore(in.made, base)
	cfg.Labels[labelImage] = ref
	opts := container.CommitOptions{
		Reference: ref,
		Pause:     true,
		Comment:   fmt.Sprintf("apprentice: %s from container %s", ref, in.id), // tells its layer from others
		Config:    cfg,
	}
	if in.driver.podman {
		opts.Config, opts.Changes = &container.Config{}, changes(cfg)
	}
	made, err := in.driver.api.ContainerCommit(ctx, in.id, opts)
	if err != nil {
		return wrap(fmt.Sprintf("committing container %.12s to %s", in.id, ref), err)
	}
	if err := in.driver.images.use(made.ID); err != nil {
		return err
	}
	_ = in.driver.images.trim(ctx) // what cannot be removed now is tried again after the next one
	return nil
}

// asBefore is the configuration of a snapshot. A commit takes from the container
// what it is not told: whose sandbox it was, so that whatever is started from
// the image later would be a leftover; its environment, with what is secret in
// it; the guest as its program. So it is told what the image had that the
// sandbox was started from. What that had not can be emptied, and no more: the
// names of labels and variables stay.
func asBefore(made *container.Config, from image.InspectResponse) *container.Config {
	cfg := &container.Config{
		Entrypoint: []string{}, // nil would be the container's
		WorkingDir: "/",
		StopSignal: "SIGTERM",
		Labels:     map[string]string{sandbox.LabelRun: "", sandbox.LabelOwner: "", sandbox.LabelDeadline: ""},
	}
	var env []string
	if was := from.Config; was != nil {
		env = was.Env
		cfg.Entrypoint = append(cfg.Entrypoint, was.Entrypoint...)
		cfg.Cmd = was.Cmd
		cfg.WorkingDir = cmp.Or(was.WorkingDir, cfg.WorkingDir)
		cfg.Healthcheck = was.Healthcheck
		cfg.StopSignal = cmp.Or(was.StopSignal, cfg.StopSignal)
	}
	for _, kv := range made.Env {
		name, _, _ := strings.Cut(kv, "=")
		i := slices.IndexFunc(env, func(was string) bool { return strings.HasPrefix(was, name+"=") })
		switch {
		case i >= 0:
			cfg.Env = append(cfg.Env, env[i])
		case name != "PATH": // without which nothing would be found
			cfg.Env = append(cfg.Env, name) // no value: Docker does not set it then
		}
	}
	return cfg
}

// changes says a configuration in instructions: Podman heeds nothing else. There
// is none for health checks. Podman takes what stands between quotes as it is,
// but an instruction ends with its line.
func changes(cfg *container.Config) []string {
	all := []string{"ENTRYPOINT " + list(cfg.Entrypoint), "WORKDIR " + cfg.WorkingDir, "STOPSIGNAL " + cfg.StopSignal}
	if len(cfg.Cmd) > 0 {
		all = append(all, "CMD "+list(cfg.Cmd))
	}
	for _, kv := range cfg.Env {
		name, value, _ := strings.Cut(kv, "=")
		if strings.Contains(value, "\n") {
			value = ""
		}
		all = append(all, fmt.Sprintf(`ENV %s="%s"`, name, value))
	}
	for name, value := range cfg.Labels {
		all = append(all, "LABEL "+name+"="+value)
	}
	return all
}

func list(words []string) string {
	b, _ := json.Marshal(words) // of strings, which cannot fail
	return string(b)
}
