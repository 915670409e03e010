package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/apprentice-rl/apprentice/srl/reward/difflib"
)

// step prints how long a training step's rewards take on all cores: 512 experts'
// texts of 2,000 code points with 8 rollouts each, of which every other one is
// near. It prints nothing if there are no texts that long.
func step(ctx context.Context, random *rand.Rand, texts []string, autojunk bool) error {
	const experts, rollouts, points = 512, 8, 2000
	texts = slices.DeleteFunc(slices.Clone(texts), func(s string) bool { return len(s) < points })
	if len(texts) == 0 {
		return nil
	}
	type group struct {
		expert   string
		rollouts []string
	}
	groups := make(chan group, experts)
	for range experts {
		g := group{expert: part(random, texts, points)}
		for k := range rollouts {
			if k%2 == 0 {
				g.rollouts = append(g.rollouts, edited(random, g.expert))
			} else {
				g.rollouts = append(g.rollouts, part(random, texts, points))
			}
		}
		groups <- g
	}
	close(groups)

	cores := runtime.GOMAXPROCS(0)
	errs := make([]error, cores)
	var wg sync.WaitGroup
	start, before := time.Now(), busy()
	for core := range cores {
		wg.Go(func() {
			for g := range groups {
				x := difflib.Index(g.expert, autojunk)
				for _, r := range g.rollouts {
					if _, err := x.Ratio(ctx, r); err != nil {
						errs[core] = err
						return
					}
				}
			}
		})
	}
	wg.Wait()
	took, used := time.Since(start), busy()-before
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	fmt.Printf("%d real pairs of %d code points, autojunk %s, on %d cores: %s, and %s of processor time\n",
		experts*rollouts, points, onOff(autojunk), cores, short(took), short(used))
	return nil
}
