package main

import (
	"fmt"
	"sync"

	"github.com/schollz/progressbar/v3"
)

// A progress shows how long work is getting on: a bar on a terminal, a line
// for each thing that is done elsewhere.
type progress struct {
	app   *app
	what  string
	total int

	mu   sync.Mutex
	done int
	bar  *progressbar.ProgressBar
}

func (a *app) progress(what string, total int) *progress {
	p := &progress{app: a, what: what, total: total}
	if a.terminal {
		p.bar = progressbar.NewOptions(total,
			progressbar.OptionSetWriter(a.stderr),
			progressbar.OptionSetDescription(what),
			progressbar.OptionSetWidth(28),
			progressbar.OptionShowCount(),
			progressbar.OptionSetPredictTime(false),
			progressbar.OptionSetElapsedTime(true),
			progressbar.OptionClearOnFinish(),
			progressbar.OptionSetTheme(progressbar.ThemeUnicode),
		)
		_ = p.bar.RenderBlank()
	}
	return p
}

// note tells what is going on, on a terminal only.
func (p *progress) note(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		p.bar.Describe(fmt.Sprintf("%s  %-44.44s", p.what, fmt.Sprintf(format, args...)))
	}
}

// add counts one thing as done and says how it went.
func (p *progress) add(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	text := fmt.Sprintf(format, args...)
	if p.bar != nil {
		p.bar.Describe(fmt.Sprintf("%s  %-44.44s", p.what, text))
		_ = p.bar.Add(1)
		return
	}
	p.app.say("%s %d/%d  %s", p.what, p.done, p.total, text)
}

// close takes the bar away.
func (p *progress) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Clear()
		_ = p.bar.Close()
	}
}
