package store

import (
	"context"

	"github.com/apprentice-rl/apprentice/trajectories"
)

// Held is what a store holds, by the ids of its trajectories and by where those
// that were imported come from.
type Held struct {
	ids     map[string]bool
	sources map[origin]string
}

// An origin is what two trajectories have in common that were imported from
// the same place of the same file. The name of a file counts because some
// formats have the task in it and nowhere else.
type origin struct {
	format, file, digest string
	row, part            int
}

func originOf(s trajectories.Source) origin {
	return origin{s.Format, s.File, s.SHA256, s.Row, s.Part}
}

// Held finds out what the store holds. Logs that cannot be read come apart.
func (s *Store) Held(ctx context.Context) (h *Held, broken []error, err error) {
	h = &Held{ids: map[string]bool{}, sources: map[origin]string{}}
	for e, err := range s.Summaries(ctx) {
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		if err != nil {
			broken = append(broken, err)
			continue
		}
		h.ids[e.ID] = true
		if e.Source != nil && e.Source.SHA256 != "" {
			h.sources[originOf(*e.Source)] = e.ID
		}
	}
	return h, broken, nil
}

// Has reports whether there is a trajectory of this id.
func (h *Held) Has(id string) bool { return h.ids[id] }

// Imported returns the id of the trajectory that was imported from there.
func (h *Held) Imported(from trajectories.Source) (id string, ok bool) {
	id, ok = h.sources[originOf(from)]
	return id, ok
}
