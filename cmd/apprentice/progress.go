package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/apprentice-rl/apprentice/env"
)

// A progress shows how long work is getting on: a bar on a terminal, a line
// for each thing that is done elsewhere.
type progress struct {
	app   *app
	what  string
	total int

	mu   sync.Mutex
	done int
	text string
	bar  *progressbar.ProgressBar // nil elsewhere than on a terminal
	stop chan struct{}            // ends the ticking
}

func (a *app) progress(what string, total int) *progress {
	p := &progress{app: a, what: what, total: total, stop: make(chan struct{})}
	if a.terminal {
		p.bar = progressbar.NewOptions(total,
			progressbar.OptionSetWriter(a.stderr),
			progressbar.OptionSetDescription(what),
			progressbar.OptionSetWidth(16),
			progressbar.OptionShowCount(),
			progressbar.OptionSetPredictTime(false),
			progressbar.OptionSetElapsedTime(true),
			progressbar.OptionClearOnFinish(),
			progressbar.OptionSetTheme(progressbar.Theme{Saucer: "█", SaucerPadding: "░", BarStart: " ", BarEnd: " "}),
		)
		_ = p.bar.RenderBlank()
		go p.tick()
	}
	return p
}

// tick draws the bar anew each second, so that its clock runs.
func (p *progress) tick() {
	for t := time.NewTicker(time.Second); ; {
		select {
		case <-t.C:
			p.mu.Lock()
			p.draw()
			p.mu.Unlock()
		case <-p.stop:
			t.Stop()
			return
		}
	}
}

func (p *progress) draw() {
	p.bar.Describe(fmt.Sprintf("%s  %-38.38s", p.what, p.text))
}

// settingUp tells of a task's setup script, for which tasks may wait a minute.
func (p *progress) settingUp(env.Task) {
	const text = "preparing the image, once"
	if p.bar == nil {
		p.app.say("%s: %s; this takes up to a minute", p.what, text)
		return
	}
	p.note(text)
}

// note tells what is going on, on a terminal only.
func (p *progress) note(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		p.text = fmt.Sprintf(format, args...)
		p.draw()
	}
}

// add counts one thing as done and says how it went.
func (p *progress) add(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	p.text = fmt.Sprintf(format, args...)
	if p.bar != nil {
		p.draw()
		_ = p.bar.Add(1)
		return
	}
	p.app.say("%s %d/%d  %s", p.what, p.done, p.total, p.text)
}

// close takes the bar away.
func (p *progress) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.stop)
	if p.bar != nil {
		_ = p.bar.Clear()
		_ = p.bar.Close()
	}
}

// counting tells on a terminal how much is done of what has no known end.
func (a *app) counting(what string) *progressbar.ProgressBar {
	return progressbar.NewOptions(-1,
		progressbar.OptionSetWriter(a.stderr),
		progressbar.OptionSetVisibility(a.terminal),
		progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
	)
}
