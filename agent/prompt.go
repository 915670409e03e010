package agent

import (
	"embed"
	"fmt"
	"strings"
	"text/template"

	"github.com/apprentice-rl/apprentice/env"
)

//go:embed prompts/*.tmpl
var promptFiles embed.FS

// Messages returns the first two messages of an episode: the system message,
// which says what the job and the tools are, and the user's, which presents
// the task. Of the task they use what a policy may see: the issue, the
// repository's name and the command of its existing tests.
func Messages(task env.Task, tools []env.Tool) (system, prompt string, err error) {
	templates, err := template.New("").Funcs(template.FuncMap{"firstLine": firstLine}).ParseFS(promptFiles, "prompts/*.tmpl")
	if err != nil {
		return "", "", fmt.Errorf("reading the prompt templates: %w", err)
	}
	var s, p strings.Builder
	err = templates.ExecuteTemplate(&s, "system.tmpl", map[string]any{
		"Workdir": env.Workdir,
		"Tools":   tools,
	})
	if err != nil {
		return "", "", fmt.Errorf("rendering the system message: %w", err)
	}
	err = templates.ExecuteTemplate(&p, "task.tmpl", map[string]any{
		"Workdir":     env.Workdir,
		"Repo":        task.Repo,
		"Issue":       strings.TrimSpace(task.ProblemStatement),
		"TestCommand": strings.ReplaceAll(strings.TrimSpace(task.TestCommand), "\n", "\n    "),
	})
	if err != nil {
		return "", "", fmt.Errorf("rendering the task: %w", err)
	}
	return strings.TrimSpace(s.String()), strings.TrimSpace(p.String()), nil
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}
