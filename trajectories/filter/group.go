package filter

import (
	"cmp"
	"strings"

	"github.com/apprentice-rl/apprentice/trajectories"
)

// groupsOf names for each family the group that it is split with. Groups that
// the members of one family are of count as one.
func groupsOf(families []*family, by By) map[*family]string {
	joined := map[string]string{} // a group → one that it is joined to
	find := func(name string) string {
		for {
			next, ok := joined[name]
			if !ok {
				return name
			}
			name = next
		}
	}
	for _, f := range families {
		for _, c := range f.members {
			a, b := find(groupOf(f.Candidate, by)), find(groupOf(c, by))
			if a != b { // the lesser name stays, whatever the order
				joined[max(a, b)] = min(a, b)
			}
		}
	}
	groups := make(map[*family]string, len(families))
	for _, f := range families {
		groups[f] = find(groupOf(f.Candidate, by))
	}
	return groups
}

func groupOf(c Candidate, by By) string {
	if by == Repository {
		return cmp.Or(RepositoryOf(c.Summary.Repo, c.Summary.Task), c.Name)
	}
	return taskOf(c)
}

// RepositoryOf names the repository of a task, in lower case, as
// [trajectories.RepositoryOf] does. A task that tells none stands for itself.
func RepositoryOf(repo, task string) string {
	return cmp.Or(trajectories.RepositoryOf(repo, task), strings.ToLower(task))
}
