package docker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/system"
	"github.com/docker/docker/client"
)

// labelImage marks the images that are built or committed here. Its value is
// the image's name: who builds on top of one inherits the label, not the name.
const labelImage = "apprentice.image"

// images keeps the engine's images of ours within their budget.
type images struct {
	api    *client.Client
	budget int64
	marks  *marks // nil where there is no folder for them
	opened time.Time

	mu   sync.Mutex // one trim at a time
	used sync.Map   // ids of images used by this process
}

func newImages(api *client.Client, opts Options, engine system.Info) (*images, error) {
	im := &images{api: api, budget: opts.ImageBudget, opened: time.Now()}
	if opts.Dir == "" {
		return im, nil
	}
	var err error
	im.marks, err = openMarks(opts.Dir, engine.Name+" "+engine.DockerRootDir)
	return im, err
}

// use notes that an image is used now.
func (im *images) use(id string) error {
	im.used.Store(bare(id), true)
	if im.marks == nil {
		return nil
	}
	return im.marks.touch(id)
}

// pulled notes that an image was pulled by this driver.
func (im *images) pulled(ctx context.Context, ref string) error {
	found, err := im.api.ImageInspect(ctx, ref)
	if err != nil {
		return wrap("looking for image "+ref, err)
	}
	if err := im.use(found.ID); err != nil || im.marks == nil {
		return err
	}
	if len(found.RepoTags) > 1 {
		return nil // somebody had it under another name already
	}
	return im.marks.own(found.ID, found.RepoTags)
}

// A candidate is an image of ours that may be removed.
type candidate struct {
	id     string
	names  []string
	last   time.Time // of its use
	layers []layer
}

// A layer is told from others by its history, which is the same for all images
// that were made on top of it. (Engines tell the sizes of the entries of a
// history, and the digests of layers, but not which belong together.)
type layer struct {
	key  string
	size int64
}

// trim removes images of ours, the one that was not used for the longest time
// first, until the rest fits into the budget.
func (im *images) trim(ctx context.Context) error {
	if im.budget <= 0 {
		return nil
	}
	im.mu.Lock()
	defer im.mu.Unlock()
	ours, err := im.ours(ctx)
	if err != nil {
		return fmt.Errorf("keeping the image budget: %w", err)
	}
	busy, err := im.inContainers(ctx)
	if err != nil {
		return fmt.Errorf("keeping the image budget: %w", err)
	}
	for _, c := range surplus(ours, im.budget, func(c candidate) bool {
		_, used := im.used.Load(bare(c.id))
		return used || busy[bare(c.id)] || c.last.After(im.opened)
	}) {
		if err := im.remove(ctx, c); err != nil {
			return fmt.Errorf("keeping the image budget: %w", err)
		}
	}
	return nil
}

// surplus chooses what to remove so that the rest of the images takes no more
// than budget bytes. An image whose layers others keep would free nothing, and
// stays.
func surplus(all []candidate, budget int64, keep func(candidate) bool) (remove []candidate) {
	var total int64
	shared := make(map[string]int)
	for _, c := range all {
		for _, l := range c.layers {
			if shared[l.key]++; shared[l.key] == 1 {
				total += l.size
			}
		}
	}
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b candidate) int { return a.last.Compare(b.last) })
	for again := true; again && total > budget; {
		again = false
		for i, c := range all {
			var free int64
			for _, l := range c.layers {
				if shared[l.key] == 1 {
					free += l.size
				}
			}
			if free == 0 || keep(c) {
				continue
			}
			for _, l := range c.layers {
				shared[l.key]--
			}
			total -= free
			remove = append(remove, c)
			// One that freed nothing before may do so now.
			all, again = slices.Delete(all, i, i+1), true
			break
		}
	}
	return remove
}

func (im *images) ours(ctx context.Context) ([]candidate, error) {
	list, err := im.api.ImageList(ctx, image.ListOptions{})
	if err != nil {
		return nil, wrap("listing images", err)
	}
	var ours []candidate
	for _, s := range list {
		c := candidate{id: s.ID, names: named(s.RepoTags), last: time.Unix(s.Created, 0)}
		var own []string
		if name, ok := s.Labels[labelImage]; ok {
			own = []string{name, "localhost/" + name} // the second is Podman's for the first
		}
		if im.marks != nil {
			m, err := im.marks.read(s.ID)
			if err != nil {
				return nil, err
			}
			own = append(own, m.names...)
			if !m.last.IsZero() {
				c.last = m.last
			}
		}
		foreign := slices.ContainsFunc(c.names, func(n string) bool { return !slices.Contains(own, n) })
		if len(own) == 0 || foreign {
			continue
		}
		if c.layers, err = im.layers(ctx, s.ID); errdefs.IsNotFound(err) {
			continue // removed meanwhile
		} else if err != nil {
			return nil, wrap("looking at image "+s.ID, err)
		}
		ours = append(ours, c)
	}
	return ours, nil
}

// named leaves out what engines put in the place of a name where there is none.
func named(tags []string) []string {
	return slices.DeleteFunc(slices.Clone(tags), func(t string) bool { return strings.HasPrefix(t, "<none>") })
}

func (im *images) layers(ctx context.Context, id string) ([]layer, error) {
	history, err := im.api.ImageHistory(ctx, id)
	if err != nil {
		return nil, err
	}
	found, err := im.api.ImageInspect(ctx, id)
	if err != nil {
		return nil, err
	}
	var layers []layer
	key := "" // what is at the bottom, because histories may be as like as two peas
	if len(found.RootFS.Layers) > 0 {
		key = found.RootFS.Layers[0]
	}
	for _, h := range slices.Backward(history) { // the engine tells the newest first
		sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%d\n%d\n%q\n%q", key, h.Created, h.Size, h.CreatedBy, h.Comment))
		key = hex.EncodeToString(sum[:])
		if h.Size > 0 {
			layers = append(layers, layer{key, h.Size})
		}
	}
	return layers, nil
}

func (im *images) inContainers(ctx context.Context) (map[string]bool, error) {
	list, err := im.api.ContainerList(ctx, container.ListOptions{All: true})
	if err != nil {
		return nil, wrap("listing containers", err)
	}
	busy := make(map[string]bool)
	for _, c := range list {
		busy[bare(c.ImageID)] = true
	}
	return busy, nil
}

// remove removes an image under all its names, which are ours. Somebody may
// have begun to use it just now, or be faster: both are fine.
func (im *images) remove(ctx context.Context, c candidate) error {
	refs := c.names
	if len(refs) == 0 {
		refs = []string{c.id}
	}
	for _, ref := range refs {
		_, err := im.api.ImageRemove(ctx, ref, image.RemoveOptions{PruneChildren: true})
		if errdefs.IsConflict(err) {
			return nil
		}
		if err != nil && !errdefs.IsNotFound(err) {
			return wrap("removing image "+ref, err)
		}
	}
	if im.marks == nil {
		return nil
	}
	return im.marks.remove(c.id)
}

// bare is an image's id without the name of its digest, which engines leave
// out in some places.
func bare(id string) string { return strings.TrimPrefix(id, "sha256:") }
