package trajectories

import (
	"cmp"
	"encoding/hex"
	"strings"
)

// RepositoryOf names a repository so that one has one name: "owner/name" in
// lower case, "" where neither of the two tells it. It is told by the repository
// of a task, or where that is empty by the task's id as SWE-bench
// ("owner__name-1") and SWE-smith ("owner__name.1a2b3c4d.kind") make them; the
// latter's mirrors, which are named so, too, count as what they mirror.
func RepositoryOf(repo, task string) string {
	last := repo[strings.LastIndexByte(repo, '/')+1:]
	return strings.ToLower(cmp.Or(mirrored(last), repo, repositoryIn(task)))
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
