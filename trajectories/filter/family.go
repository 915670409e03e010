package filter

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/apprentice-rl/apprentice/trajectories"
)

// A family is a trajectory and what is a part of it: they stay together.
type family struct {
	Candidate             // the one that the gates look at
	members   []Candidate // all of them, it too
}

// families puts parts to what they are parts of.
func families(candidates []Candidate) ([]*family, error) {
	byName := make(map[string]Candidate, len(candidates))
	for _, c := range candidates {
		if _, twice := byName[c.Name]; twice {
			return nil, fmt.Errorf("two trajectories are named %q", c.Name)
		}
		byName[c.Name] = c
	}
	byRoot := map[string]*family{}
	var all []*family
	for _, c := range candidates {
		root := rootOf(c, byName)
		f, ok := byRoot[root]
		if !ok {
			f = &family{Candidate: byName[root]}
			byRoot[root] = f
			all = append(all, f)
		}
		f.members = append(f.members, c)
	}
	return all, nil
}

// rootOf goes up to the one that is a part of nothing. Those that are parts of
// each other in a circle have the first name among them as their root.
func rootOf(c Candidate, byName map[string]Candidate) string {
	seen := map[string]bool{}
	for !seen[c.Name] {
		seen[c.Name] = true
		parent, ok := byName[c.Parent]
		if !ok || c.Parent == "" || c.Summary.ParentKind == trajectories.ParentAttempt {
			return c.Name
		}
		c = parent
	}
	first := c.Name
	for next := byName[c.Parent]; next.Name != c.Name; next = byName[next.Parent] {
		first = min(first, next.Name)
	}
	return first
}

// taskOf names the task of a candidate; one whose source names none is alone
// with its own.
func taskOf(c Candidate) string { return cmp.Or(c.Summary.Task, c.Name) }

// bySeed is an order that does not depend on the order of the candidates, and
// that nobody can foresee without computing it.
func bySeed(seed uint64) func(a, b *family) int {
	ranks := map[string]string{}
	rankOf := func(name string) string {
		if _, ok := ranks[name]; !ok {
			ranks[name] = rank(seed, name)
		}
		return ranks[name]
	}
	return func(a, b *family) int { return strings.Compare(rankOf(a.Name), rankOf(b.Name)) }
}

// rank is a number, as bytes, that a name has under a seed: the SHA-256 of the
// seed, eight bytes and the low one first, and the name.
func rank(seed uint64, name string) string {
	digest := sha256.Sum256(append(binary.LittleEndian.AppendUint64(nil, seed), name...))
	return string(digest[:])
}

// ranked sorts names by rank.
func ranked(seed uint64, names []string) []string {
	return slices.SortedFunc(slices.Values(names), func(a, b string) int {
		return cmp.Compare(rank(seed, a), rank(seed, b))
	})
}
