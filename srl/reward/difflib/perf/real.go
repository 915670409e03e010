package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-json-experiment/json"
)

// realTexts are the outputs of tools in published trajectories of
// mini-swe-agent, and none without the folder that holds them.
func realTexts() ([]string, error) {
	data := os.Getenv("APPRENTICE_TESTDATA")
	if data == "" {
		return nil, nil
	}
	var texts []string
	err := filepath.WalkDir(filepath.Join(data, "trajectories", "mini-swe-agent"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".traj.json") {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var file struct {
			Messages []struct {
				Role    string
				Content any
			}
		}
		if json.Unmarshal(raw, &file, json.MatchCaseInsensitiveNames(true)) != nil {
			return nil // older files are bare lists
		}
		for _, m := range file.Messages {
			if text, ok := m.Content.(string); ok && m.Role == "tool" && ascii(text) {
				texts = append(texts, text)
			}
		}
		return nil
	})
	return texts, err
}

// ascii says that bytes are code points, so that a text may be cut anywhere.
func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
