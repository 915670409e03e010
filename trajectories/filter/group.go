package filter

import (
	"cmp"
	"encoding/hex"
	"strings"
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

// RepositoryOf names a repository so that one has one name: "owner/name" in
// lower case. It is told by the repository of a task, or where that is empty by
// the task's id as SWE-bench ("owner__name-1") and SWE-smith
// ("owner__name.1a2b3c4d.kind") make them; the latter's mirrors, which are named
// so, too, count as what they mirror. Other ids stand for themselves.
func RepositoryOf(repo, task string) string {
	last := repo[strings.LastIndexByte(repo, '/')+1:]
	name := cmp.Or(mirrored(last), repo, repositoryIn(task), task)
	return strings.ToLower(name)
}

// repositoryIn reads the id of a task; "" means that it is of another form.
func repositoryIn(task string) string {
	owner, rest, ok := strings.Cut(task, "__")
	if end := strings.LastIndexByte(rest, '-'); ok && owner != "" && end > 0 && digits(rest[end+1:]) {
		return owner + "/" + rest[:end]
	}
	return mirrored(task)
}

// mirrored reads "owner__name.commit" with or without more after another dot.
func mirrored(name string) string {
	owner, rest, ok := strings.Cut(name, "__")
	if !ok || owner == "" {
		return ""
	}
	parts := strings.Split(rest, ".")
	for i, part := range parts {
		if raw, err := hex.DecodeString(part); i > 0 && err == nil && len(raw) == 4 {
			return owner + "/" + strings.Join(parts[:i], ".")
		}
	}
	return ""
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
