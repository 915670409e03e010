package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/build"
	"github.com/docker/docker/api/types/image"
)

// A DebianImage is a recipe for an image made of Debian packages: with a user
// "agent" (1000) whose is /testbed.
type DebianImage struct {
	Name     string   // repository name of the image
	Release  string   // Debian's code name, for example "bookworm"
	Packages []string // besides the essential ones
}

// Ref is the image's name; its tag is a digest of the recipe.
func (d DebianImage) Ref() string {
	h := sha256.New()
	fmt.Fprintln(h, d.Release, d.Packages, prepare)
	return d.Name + ":" + hex.EncodeToString(h.Sum(nil))[:12]
}

// prepare is run in the new root.
const prepare = "useradd --create-home --uid 1000 --shell /bin/bash agent && install -d -o agent -g agent /testbed && git config --system --add safe.directory '*'"

// HasImage reports whether the engine has an image, without pulling it.
func (d *Driver) HasImage(ctx context.Context, ref string) (bool, error) {
	_, err := d.api.ImageInspect(ctx, ref)
	if errdefs.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, wrap("looking for image "+ref, err)
	}
	return true, nil
}

// BuildDebian makes the image on the engine. As root on a machine with
// mmdebstrap it is bootstrapped from Debian's packages, with no registry; else
// it is built by the engine on top of Debian's official image. What the tools
// say goes to log.
func (d *Driver) BuildDebian(ctx context.Context, img DebianImage, log io.Writer) error {
	var err error
	if _, missing := exec.LookPath("mmdebstrap"); missing == nil && os.Geteuid() == 0 {
		err = d.bootstrap(ctx, img, log)
	} else {
		err = d.buildDockerfile(ctx, img, log)
	}
	if err != nil {
		return fmt.Errorf("docker: making image %s: %w", img.Ref(), err)
	}
	return nil
}

func (d *Driver) bootstrap(ctx context.Context, img DebianImage, log io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	args := []string{"--variant=minbase", "--include=" + strings.Join(img.Packages, ",")}
	for _, docs := range []string{"man", "doc", "locale", "info"} {
		args = append(args, "--dpkgopt=path-exclude=/usr/share/"+docs+"/*")
	}
	args = append(args, `--customize-hook=chroot "$1" sh -c "`+prepare+`"`, img.Release, "-")
	cmd := exec.CommandContext(ctx, "mmdebstrap", args...)
	cmd.Stderr = log
	// Asked, it takes away the root that it builds; killed, it leaves it.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 30 * time.Second
	root, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	// The tar goes straight from one to the other: there is no file of it.
	imported := d.importTar(ctx, img, root)
	if imported != nil {
		cancel()
	}
	return errors.Join(imported, cmd.Wait())
}

func (d *Driver) importTar(ctx context.Context, img DebianImage, root io.Reader) error {
	r, err := d.api.ImageImport(ctx, image.ImportSource{Source: root, SourceName: "-"}, img.Ref(), image.ImportOptions{
		Changes: []string{"USER agent", "WORKDIR /testbed", "LABEL " + labelImage + "=" + img.Ref()},
	})
	if err != nil {
		return err
	}
	defer r.Close()
	return streamError(r)
}

func (d *Driver) buildDockerfile(ctx context.Context, img DebianImage, log io.Writer) error {
	dockerfile := fmt.Sprintf(`FROM debian:%s-slim
RUN apt-get update && apt-get install -y --no-install-recommends %s && rm -rf /var/lib/apt/lists/*
RUN %s
USER agent
WORKDIR /testbed
LABEL %s=%s
`, img.Release, strings.Join(img.Packages, " "), prepare, labelImage, img.Ref())
	var files bytes.Buffer
	tw := tar.NewWriter(&files)
	if err := tw.WriteHeader(&tar.Header{Name: "Dockerfile", Mode: 0o644, Size: int64(len(dockerfile))}); err != nil {
		return err
	}
	if _, err := io.WriteString(tw, dockerfile); err != nil {
		return err
	}
	if err := tw.Close(); err != nil {
		return err
	}
	res, err := d.api.ImageBuild(ctx, &files, build.ImageBuildOptions{Tags: []string{img.Ref()}, Remove: true, ForceRemove: true})
	if err != nil {
		return err
	}
	defer res.Body.Close()
	return streamError(io.TeeReader(res.Body, log))
}
