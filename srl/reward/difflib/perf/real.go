package main

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// texts are of published trajectories.
type texts struct {
	shown []string // what tools put out, by mini-swe-agent
	done  []string // actions, by SWE-smith
}

// published reads them, and returns none without the folder that holds them.
func published() (texts, error) {
	var t texts
	data := os.Getenv("APPRENTICE_TESTDATA")
	if data == "" {
		return t, nil
	}
	type message struct {
		Role    string
		Content any
	}
	err := filepath.WalkDir(filepath.Join(data, "trajectories", "mini-swe-agent"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".traj.json") {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var file struct{ Messages []message }
		if json.Unmarshal(raw, &file) != nil {
			return nil // older files are bare lists
		}
		for _, m := range file.Messages {
			if text, ok := m.Content.(string); ok && m.Role == "tool" && ascii(text) {
				t.shown = append(t.shown, text)
			}
		}
		return nil
	})
	if err != nil {
		return t, err
	}
	raw, err := os.ReadFile(filepath.Join(data, "trajectories", "swe-smith", "ft_xml_example.jsonl"))
	if err != nil {
		return t, err
	}
	for line := range strings.Lines(string(raw)) {
		var row struct{ Messages []message }
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			return t, err
		}
		for _, m := range row.Messages {
			text, _ := m.Content.(string)
			if i := strings.Index(text, "<function="); m.Role == "assistant" && i >= 0 {
				t.done = append(t.done, text[i:])
			}
		}
	}
	return t, nil
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
