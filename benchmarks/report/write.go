package report

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// Write writes report.json, report.md and report.html into a folder, which it
// makes if need be. Each file is written whole: it holds either what it held
// before or all of the new report.
func Write(dir string, run Run) error { return New(run).Write(dir) }

// Write writes the report as the function Write does.
func (r Report) Write(dir string) error {
	data, err := r.JSON()
	if err != nil {
		return err
	}
	page, err := r.HTML()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	for _, f := range []struct {
		name string
		data []byte
	}{{"report.json", data}, {"report.md", r.Markdown()}, {"report.html", page}} {
		if err := renameio.WriteFile(filepath.Join(dir, f.name), f.data, 0o644); err != nil {
			return fmt.Errorf("writing the report: %w", err)
		}
	}
	return nil
}
