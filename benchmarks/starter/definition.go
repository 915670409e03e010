package starter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
)

// A definition is what a task's file says.
type definition struct {
	ID         string   `json:"instance_id"`
	Language   string   `json:"language"`
	Repo       string   `json:"repo"`
	CreatedAt  string   `json:"created_at"`
	FailToPass []string `json:"FAIL_TO_PASS"`
	PassToPass []string `json:"PASS_TO_PASS"`
	// Commits lead to the base commit, the oldest first; the fix and one
	// later commit follow it.
	Commits []commit `json:"commits"`
	Fix     commit   `json:"fix"`
	Later   commit   `json:"later"`

	issue, gold, test, wrong string
	trees                    []tree // what each of Commits writes
	laterTree                tree   // what Later writes
}

// A commit is one of the history, without the files it writes.
type commit struct {
	Author  string    `json:"author"` // Name <address>
	Date    time.Time `json:"date"`
	Message string    `json:"message"`
	Delete  []string  `json:"delete"`
}

// A tree maps the paths of files to their contents.
type tree map[string]string

// parse reads the file of a task.
func parse(data []byte) (definition, error) {
	texts := map[string]string{}
	for _, f := range txtar.Parse(data).Files {
		if _, ok := texts[f.Name]; ok {
			return definition{}, fmt.Errorf("%s is there twice", f.Name)
		}
		texts[f.Name] = string(f.Data)
	}
	var d definition
	take := func(name string) string {
		defer delete(texts, name)
		return texts[name]
	}
	dec := json.NewDecoder(bytes.NewReader([]byte(take("task.json"))))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		return definition{}, fmt.Errorf("task.json: %w", err)
	}
	d.issue, d.gold, d.test, d.wrong = take("issue.md"), take("gold.patch"), take("test.patch"), take("wrong.patch")
	d.trees = make([]tree, len(d.Commits))
	for i := range d.trees {
		d.trees[i] = takeTree(texts, fmt.Sprintf("history/%d/", i+1))
	}
	d.laterTree = takeTree(texts, "history/later/")
	for name := range texts {
		return definition{}, fmt.Errorf("%s is no part of a task", name)
	}
	if _, ok := languages[d.Language]; !ok {
		return definition{}, fmt.Errorf("task.json: language %q is neither go nor python", d.Language)
	}
	return d, nil
}

// takeTree moves the files below a folder out of texts.
func takeTree(texts map[string]string, folder string) tree {
	t := tree{}
	for name, text := range texts {
		if path, ok := strings.CutPrefix(name, folder); ok {
			t[path] = text
			delete(texts, name)
		}
	}
	return t
}
