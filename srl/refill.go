package srl

import "fmt"

// A Refill keeps the size of batches: groups go in as they are generated, those
// that the filter keeps come out in batches of one size (the dynamic sampling of
// DAPO, arXiv 2503.14476, which the SRL paper follows). It is for trainers that
// can filter and do not refill, or do neither.
//
//	for {
//		for _, group := range generate(r.Missing()) {
//			r.Add(group)
//		}
//		if batch, ok := r.Take(); ok {
//			train(batch)
//		}
//	}
//
// Kept groups beyond a full batch are carried over to the next one, in their
// order; they come from the policy before its last update, as with any trainer
// that generates ahead. A Refill is not safe for several goroutines at once.
type Refill struct {
	filter Filter
	batch  int
	most   int

	kept      []Group
	generated int // groups since the last batch was taken
	drops     Drops
}

// Drops counts what became of groups.
type Drops struct {
	Groups   int             `json:"groups"`
	Verdicts map[Verdict]int `json:"verdicts"`
	// Batches were taken, and Short ones of them before they were full.
	Batches int `json:"batches"`
	Short   int `json:"short"`
	// Waiting groups were kept, and are in no batch yet.
	Waiting int `json:"waiting"`
}

// NewRefill returns a Refill for batches of the given number of groups. For one
// batch it takes in most groups; zero is no bound. Where nearly nothing is kept,
// a bound is what ends the generation: the batch then comes out short.
func NewRefill(filter Filter, batch, most int) (*Refill, error) {
	if batch < 1 {
		return nil, fmt.Errorf("a batch of %d groups: want 1 or more", batch)
	}
	if most != 0 && most < batch {
		return nil, fmt.Errorf("at most %d groups for a batch of %d: want at least as many, or 0 for no bound", most, batch)
	}
	return &Refill{filter: filter, batch: batch, most: most, drops: Drops{Verdicts: map[Verdict]int{}}}, nil
}

// Add judges a group, and keeps it for a batch or drops it.
func (r *Refill) Add(g Group) Verdict {
	v := r.filter.Judge(g)
	r.generated++
	r.drops.Groups++
	r.drops.Verdicts[v]++
	if v == Kept {
		r.kept = append(r.kept, g)
	}
	return v
}

// Missing is how many groups the next batch lacks, and 0 once Take returns one.
// At least as many have to be generated, and where a share p of them is kept,
// about Missing()/p.
func (r *Refill) Missing() int {
	if r.spent() {
		return 0
	}
	return max(0, r.batch-len(r.kept))
}

// spent reports whether no more groups may be generated for this batch.
func (r *Refill) spent() bool { return r.most > 0 && r.generated >= r.most }

// Take returns the next batch. It is not ok while groups are missing. A batch is
// short where the bound on groups was reached before it was full, and it may be
// empty then: nothing was kept, and it is the caller's choice to train on less,
// or to stop.
func (r *Refill) Take() (batch []Group, ok bool) {
	if r.Missing() > 0 {
		return nil, false
	}
	n := min(r.batch, len(r.kept))
	batch, r.kept = r.kept[:n:n], r.kept[n:]
	r.generated = 0
	r.drops.Batches++
	if n < r.batch {
		r.drops.Short++
	}
	return batch, true
}

// Drops returns the counts since the beginning.
func (r *Refill) Drops() Drops {
	d := r.drops
	d.Waiting = len(r.kept)
	d.Verdicts = make(map[Verdict]int, len(r.drops.Verdicts))
	for v, n := range r.drops.Verdicts {
		d.Verdicts[v] = n
	}
	return d
}
