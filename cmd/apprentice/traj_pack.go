package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"github.com/apprentice-rl/apprentice/trajectories/store"
)

// packing is what the pack command was asked for.
type packing struct {
	paths []string
	out   string
	force bool
}

const archiveEnding = ".jsonl.zst"

func (a *app) trajPackCommand() *cobra.Command {
	var p packing
	cmd := &cobra.Command{
		Use:   "pack FILE|FOLDER... --out FILE" + archiveEnding,
		Short: "Pack trajectories into one compressed file",
		Long: `Pack trajectories into one archive, a file of event logs that is compressed with
zstd. All commands that read trajectories read archives too, and 'zstd -dc' gives
back the logs as they are. Each is compressed by itself, so that one is read
without the others.

The archive is read back and compared before it gets its name. The originals
stay: remove them when you no longer want them.`,
		Example: `  apprentice traj pack runs/first --out first.jsonl.zst
  apprentice traj list first.jsonl.zst`,
		Args: someArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			p.paths = args
			switch {
			case p.out == "":
				return userf("say where the archive goes: --out FILE%s", archiveEnding)
			case !strings.HasSuffix(p.out, archiveEnding):
				return userf("--out %s: the name of an archive ends with %s", p.out, archiveEnding)
			}
			return a.trajPack(cmd.Context(), p)
		},
	}
	cmd.Flags().StringVarP(&p.out, "out", "o", "", "the archive to write, FILE"+archiveEnding)
	cmd.Flags().BoolVar(&p.force, "force", false, "replace an archive that is there")
	return cmd
}

// packResult is what was packed.
type packResult struct {
	File         string `json:"file"`
	Trajectories int    `json:"trajectories"`
	Bytes        int64  `json:"bytes"`        // of the logs
	ArchiveBytes int64  `json:"packed_bytes"` // of the archive
}

func (a *app) trajPack(ctx context.Context, p packing) error {
	if _, err := os.Lstat(p.out); err == nil && !p.force {
		return userf("%s is there already; --force replaces it", p.out)
	}
	if err := os.MkdirAll(filepath.Dir(p.out), 0o755); err != nil {
		return err
	}
	// The name with a dot keeps listings from taking it for an archive.
	file, err := renameio.NewPendingFile(p.out, renameio.WithPermissions(0o644))
	if err != nil {
		return err
	}
	defer func() { _ = file.Cleanup() }() // does nothing once the file is in its place
	result, err := pack(ctx, file, p)
	if err != nil {
		return err
	}
	if err := file.CloseAtomicallyReplace(); err != nil {
		return err
	}
	if a.json {
		return a.printJSON(result)
	}
	fmt.Fprintf(a.stdout, "%s in %s, %s instead of %s\n", count(result.Trajectories, "trajectory", "trajectories"),
		p.out, bytesText(result.ArchiveBytes), bytesText(result.Bytes))
	return nil
}

// pack writes the archive, and verifies it.
func pack(ctx context.Context, file *renameio.PendingFile, p packing) (packResult, error) {
	result := packResult{File: p.out}
	packer, err := store.NewPacker(file)
	if err != nil {
		return result, err
	}
	out, err := filepath.Abs(p.out)
	if err != nil {
		return result, err
	}
	for l, err := range logs(p.paths) {
		if err = errors.Join(ctx.Err(), err); err != nil {
			return result, err
		}
		path, err := filepath.Abs(l.Path())
		if err != nil {
			return result, err
		}
		if filepath.Dir(path) == filepath.Dir(out) {
			return result, userf("%s would be beside the logs that it holds, and all would be there twice; put it elsewhere", p.out)
		}
		size, err := packer.Add(l)
		if err != nil {
			return result, err
		}
		result.Trajectories++
		result.Bytes += size
	}
	info, err := file.Stat()
	if err != nil {
		return result, err
	}
	result.ArchiveBytes = info.Size()
	return result, packer.Verify(file.Name())
}

func bytesText(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d bytes", n)
	}
	return short(int(n)) + "B"
}
